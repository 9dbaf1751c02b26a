#!/bin/sh
# Frames that waited while the target was stopped are not executed: their
# sender asked again since, or gave up.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
truncate -s 1M "$T/disk"
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

exits 'the frame is right' 0 ini -t 300 raw "$(write_frame 06 aa)"
is 'and writes' "$(byte_of 6)" aa

kill -STOP "$BLADE_PID"
exits 'a stopped target says nothing' 2 ini -t 100 raw "$(write_frame 07 bb)"
exits 'and again' 2 ini -t 100 raw "$(write_frame 07 cc)"
sleep 6
kill -CONT "$BLADE_PID"
ok 'it goes on' ini discover e9.0
is 'what waited too long was not written' "$(byte_of 7)" 00
kill -USR1 "$BLADE_PID"
exits 'a fresh write goes through' 0 ini -t 300 raw "$(write_frame 07 dd)"
is 'and is written' "$(byte_of 7)" dd
like 'two frames are counted as stale' "$(cat "$BLADE_ERR")" ' stale=2 '

kill -STOP "$BLADE_PID"
exits 'stopped for a moment' 2 ini -t 100 raw "$(write_frame 08 ee)"
kill -CONT "$BLADE_PID"
ok 'it goes on' ini discover e9.0
is 'what waited a moment was written' "$(byte_of 8)" ee

done_testing
