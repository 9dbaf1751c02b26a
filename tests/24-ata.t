#!/bin/sh
# ATA commands other than plain reads and writes, as a host sees them.
# The unit tests try all opcodes; here are those that reach the system.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
truncate -s 1M "$T/disk"
start_blade 9 0 "$TIF" "$T/disk"
ini stamp e9.0 0 100 1

# accepts, refuses: OPCODE ERE [OPERAND...]
accepts() {
	what="$*" op=$1 want=$2
	shift 2
	exits "$what" 0 ini ata e9.0 "$op" "$@"
	like "$what: registers" "$OUT" "$want"
}

refuses() {
	what="$*" op=$1 want=$2
	shift 2
	exits "$what" 4 ini ata e9.0 "$op" "$@"
	like "$what: registers" "$OUT" "status=[46]1 error=$want "
}

head -c 512 /dev/urandom >"$T/sector"
for op in 30 ca 34 35 3d; do
	accepts "$op" 'status=40 error=00 count=00 lba=7 data=0' count=1 lba=7 \
	    data="$T/sector"
done
for op in 20 c8 24 25; do
	accepts "$op" 'status=40 error=00 count=00 lba=7 data=512' count=1 \
	    lba=7 out="$T/back"
	same "$op: the sector that was written" "$T/sector" "$T/back"
	refuses "$op" 04 count=0
done
accepts 40 'status=40 .*data=0' count=8 lba=7
accepts 42 'status=40 .*data=0' count=8 lba=7
refuses 42 10 count=0 lba=7		# 65536 sectors
accepts e5 'status=40 error=00 count=ff .*data=0' count=1
for op in e0 e1 e2 e3 e6 e7 ea; do
	accepts "$op" 'status=40 error=00 .*data=0'
done
for op in 00 08 a1 b0 c4 c6 e4 e8 f1 f4 f6 f8 f9 27 2f 37 45 60 61 92; do
	refuses "$op" 04
done
exits 'a write without W is AoE error 2' 3 ini ata e9.0 34 count=1 lba=7
exits 'a read with W is AoE error 2' 3 \
    ini ata e9.0 24 count=1 data="$T/sector" lba=7
exits 'a write of more than was sent is AoE error 2' 3 \
    ini ata e9.0 34 count=2 data="$T/sector" lba=7
exits 'nothing was written by that' 0 ini ata e9.0 24 count=1 lba=8 \
    out="$T/back"
not_ok 'really nothing' cmp "$T/sector" "$T/back"

# The write cache, and the words of IDENTIFY that speak of it.
features() {
	ini identify e9.0 | sed -n 's/^features=//p'
}
like 'the write cache is on' "$(features)" 'write-cache-on'
accepts ef 'status=40 ' feature=0x82
unlike 'SET FEATURES 82 turns it off' "$(features)" 'write-cache-on'
ok 'a write through it' ini stamp e9.0 9 1 6
accepts ef 'status=40 ' feature=0x02
like 'SET FEATURES 02 turns it on' "$(features)" 'write-cache-on'
stop_blade

start_blade -s 9 0 "$TIF" "$T/disk"
unlike 'with -s there is none' "$(features)" 'write-cache'
accepts ef 'status=40 ' feature=0x82
refuses ef 04 feature=0x02

done_testing
