#!/bin/sh
# Frames that waited while the target was stopped are not executed: their
# sender asked again since, or gave up.
#	LONG	stopped for 10 s, rather than just too long
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

pause=5
[ -z "${LONG:-}" ] || pause=10
network 1500
truncate -s 1M "$T/disk" "$T/disk1"
start_blade 9 1 "$TIF" "$T/disk1"
loaded=$BLADE_PID loaded_err=$BLADE_ERR
start_blade 9 0 "$TIF" "$T/disk"

# A frame that writes one sector, all of one byte: LBA BYTE, two digits each
write_frame() {
	echo "$TMAC $IMAC 88a2 1000 0009 00 00 000000$1" | tr -d ':\n'
	echo " 41000134 $1 00 00 00 00 00 0000" | tr -d '\n'
	printf "$2%.0s" $(seq 512)
}

byte_of() {	# LBA
	od -An -tx1 -j $(($1 * 512)) -N1 "$T/disk" | tr -d ' '
}

exits 'the frame is right' 0 ini -t 5000 raw "$(write_frame 06 aa)"
is 'and writes' "$(byte_of 6)" aa

kill -STOP "$BLADE_PID"
exits 'a stopped target says nothing' 2 ini -t 100 raw "$(write_frame 07 bb)"
exits 'and again' 2 ini -t 100 raw "$(write_frame 07 cc)"

# Then another one is, under a load.
ini_bg "$T/load" load -O -w 32 -r 40 -G 60000 -T $((pause + 2)) \
    -o "$T/journal" e9.1
load=$INI_PID
under_way "$T/journal"
sleep 0.5
kill -STOP "$loaded"
sleep $pause
kill -CONT "$BLADE_PID" "$loaded"
# a flush is answered after whatever was written
ok 'it goes on' ini flush e9.0
is 'what waited too long was not written' "$(byte_of 7)" 00

# stale frames of the load were asked for again
reap "$load"
is 'under a load: it goes on' "$STATUS" 0
is 'under a load: no mismatch' "$(value_of mismatches "$T/load")" 0
is 'under a load: no error' "$(value_of errors "$T/load")" 0
stale=$(counter stale "$loaded" "$loaded_err")
ok 'under a load: stale frames are counted' test "$stale" -gt 0
diag "stale=$stale $(cut -d ' ' -f 1-8 "$T/load")"
stop_blade "$loaded"
ok 'under a load: what was acknowledged is there' \
    "$INITIATOR" check "$T/disk1" "$T/journal"

exits 'a fresh write goes through' 0 ini -t 5000 raw "$(write_frame 07 dd)"
is 'and is written' "$(byte_of 7)" dd
is 'two frames are counted as stale' "$(counter stale)" 2

kill -STOP "$BLADE_PID"
exits 'stopped for a moment' 2 ini -t 100 raw "$(write_frame 08 ee)"
kill -CONT "$BLADE_PID"
ok 'it goes on' ini flush e9.0
is 'what waited a moment was written' "$(byte_of 8)" ee

done_testing
