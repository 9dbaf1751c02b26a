#!/bin/sh
# The first sector, the last, and one past it; in 28 bits and in 48.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500

# past NAME LBA COMMAND...: the answer is IDNF for that LBA
past() {
	past_name=$1 past_lba=$2
	shift 2
	exits "$past_name" 4 "$@"
	like "$past_name: says so" "$ERR" \
	    "status=41 error=10 IDNF lba=$past_lba$"
}

truncate -s 1000000 "$T/disk"		# 1953 sectors and a tail
start_blade 9 0 "$TIF" "$T/disk"
like 'a tail of less than a sector is not served' "$(cat "$BLADE_OUT")" \
    'e9\.0, 1953 sectors'
for width in 48 28; do
	w="$width bits" lba=1953 last=1952
	set -- ini
	if [ $width -eq 28 ]; then
		set -- ini -2
		# The device register is part of what comes back.
		lba=$((0xe0000000 + lba)) last=$((0xe0000000 + last))
	fi
	ok "$w: first sector" "$@" stamp e9.0 0 1 1
	ok "$w: last sector" "$@" stamp e9.0 1952 1 2
	ok "$w: the one before it is untouched" "$@" verify e9.0 1951 1 0
	ok "$w: the last two together" "$@" read e9.0 1951 2
	past "$w: read one past" $lba "$@" read e9.0 1953 1
	past "$w: write one past" $lba "$@" stamp e9.0 1953 1 3
	past "$w: read across the end" $last "$@" read e9.0 1952 2
	past "$w: write across the end" $last "$@" stamp e9.0 1952 2 3
	ok "$w: of which nothing was written" "$@" verify e9.0 1952 1 2
done
past 'the last LBA of 28 bits' 268435455 ini read e9.0 0x0fffffff 1
past 'the last LBA of 48 bits' 281474976710655 \
    ini read e9.0 0xffffffffffff 1
exits 'a 28-bit read with bits above 28 is aborted' 4 \
    ini ata e9.0 20 flags=0x40 count=1 lba=0x100000000
like 'and not aliased' "$OUT" 'status=41 error=04'
is 'the file has not grown' "$(stat -c %s "$T/disk")" 1000000
stop_blade

# A disk beyond 28 bits: 2^28 + 4 sectors, sparse.
truncate -s $(((268435456 + 4) * 512)) "$T/disk" || bail 'no big sparse files'
start_blade 9 0 "$TIF" "$T/disk"
exits 'identify a disk beyond 28 bits' 0 ini identify e9.0
is 'it shows 2^28 - 1 sectors to 28 bits' "$(value_of sectors28)" 268435455
is 'and all to 48' "$(value_of sectors48)" 268435460
ok 'around 2^28, one by one' ini -c 1 stamp e9.0 268435454 6 9
ok 'around 2^28, two by two' ini verify e9.0 268435454 6 9
ok 'the last in 28 bits' ini -2 verify e9.0 268435455 1 9
past '28-bit read across 2^28' $((0xefffffff)) ini -2 read e9.0 268435455 2
past 'one past the end' 268435460 ini read e9.0 268435460 1

done_testing
