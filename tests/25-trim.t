#!/bin/sh
# TRIM gives the space back and leaves zeros.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
truncate -s 4M "$T/disk"
: >"$T/probe"
head -c 65536 /dev/urandom >"$T/probe"
head -c 512 "$T/probe" >"$T/sector"
fallocate -p -o 0 -l 65536 "$T/probe" 2>/dev/null ||
	skip_all 'needs a filesystem that can punch holes'

blocks() {
	stat -c %b "$T/disk"
}

start_blade 9 0 "$TIF" "$T/disk"
like 'IDENTIFY offers TRIM that leaves zeros' "$(ini identify e9.0)" \
    '^features=.* trim trim-deterministic trim-zeroes'
is 'word 169 says so' "$(ini identify --words e9.0 |
    sed -n 's/^168: .... \(....\).*/\1/p')" 0001

ini stamp e9.0 0 8192 1
ini flush e9.0
is 'a full file has all its blocks' \
    "$([ "$(blocks)" -ge 8192 ] && echo yes)" yes
ok 'trim in the middle' ini trim e9.0 1024 2048
is 'gave back 2048 blocks, or nearly' \
    "$([ "$(blocks)" -le $((8192 - 2048 + 64)) ] && echo yes)" yes
ok 'zeros there' ini verify e9.0 1024 2048 0
ok 'the rest is as it was: before' ini verify e9.0 0 1024 1
ok 'the rest is as it was: behind' ini verify e9.0 3072 5120 1
is 'the file is as long as it was' "$(stat -c %s "$T/disk")" 4194304

ok 'trim of odd sectors' ini trim e9.0 1 1 4001 3 8191 1
for range in '1 1' '4001 3' '8191 1'; do
	# shellcheck disable=SC2086	# two words
	ok "zeros at $range" ini verify e9.0 $range 0
done
for range in '0 1' '2 1' '4000 1' '4004 1' '8190 1'; do
	# shellcheck disable=SC2086	# two words
	ok "data at $range" ini verify e9.0 $range 1
done

exits 'trim past the end is refused' 4 ini trim e9.0 8191 2
exits 'one bad entry among good ones' 4 ini trim e9.0 10 10 9000 1
ok 'and then none of them is done' ini verify e9.0 10 10 1
exits 'an empty entry is skipped' 0 ini trim e9.0 0 0 20 1
ok 'and the next one done' ini verify e9.0 20 1 0
ok 'the sectors can be written again' ini stamp e9.0 20 1 7
ok 'and read' ini verify e9.0 20 1 7
exits 'count 0 is aborted' 4 ini ata e9.0 06 feature=1 count=0 flags=0x41
exits 'without the TRIM bit it is aborted' 4 \
    ini ata e9.0 06 feature=0 count=1 data="$T/sector"
ok 'trim of everything' ini trim e9.0 0 8192
is 'gave back everything' "$([ "$(blocks)" -le 64 ] && echo yes)" yes
ok 'zeros everywhere' ini verify e9.0 0 8192 0

done_testing
