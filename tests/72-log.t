#!/bin/sh
# What the operator is told: severities, -v, no more than can be read, and
# serving goes on when nobody reads.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
truncate -s 1M "$T/disk"
me=$(echo "$IMAC" | tr -d :) it=$(echo "$TMAC" | tr -d :)
head="$it $me 88a2 1000 0009 00"
query="$head 01 000000aa 00000000 00000000"

says() {	# NAME ERE: soon a line of the blade's
	ok "$1" wait_for 5 grep -E -q "$2" "$BLADE_ERR"
}

signal() {
	kill "-$1" "$BLADE_PID"
}

# Which stream is the journal's, is told by device and inode: sd-daemon(3).
: >"$T/journal"
JOURNAL_STREAM=$(stat -c '%d:%i' "$T/journal")
export JOURNAL_STREAM
launch_blade 9 0 "$TIF" "$T/disk"
wait_for 20 tap_started || bail 'did not start'
signal USR1
says 'elsewhere than the journal: by name' '^vblade: counters shelf=9 '
stop_blade

journaled() {	# ARGUMENT...: a blade whose stderr is $T/journal
	launch_blade "$@"
	wait_for 20 tap_started || bail 'did not start'
	BLADE_ERR=$T/journal
}
cat >"$T/to-journal" <<'END'
out=$1
shift
exec "$@" 2>"$out"
END
plain=$VBLADE_WRAP
VBLADE_WRAP="sh $T/to-journal $T/journal $plain"
journaled 4095 0 "$TIF" "$T/disk"
says 'to the journal: a warning' '^<4>shelf 4095: '
signal USR1
says 'to the journal: counters' '^<6>counters shelf=4095 '
truncate -s 2M "$T/disk"
signal HUP
says 'to the journal: a notice' "^<5>$T/disk: 4096 sectors now$"
stop_blade
VBLADE_LOG=no journaled 4095 0 "$TIF" "$T/disk"
says 'unless VBLADE_LOG says otherwise' '^vblade: shelf 4095: '
stop_blade
VBLADE_WRAP=$plain
unset JOURNAL_STREAM
VBLADE_LOG=prefix
export VBLADE_LOG
start_blade 9 0 "$TIF" "$T/disk"
signal USR1
says 'VBLADE_LOG=prefix' '^<6>counters shelf=9 '
stop_blade
exits 'that it does not start, is an error' 1 in_target \
    ${VBLADE_WRAP:+$VBLADE_WRAP} "$VBLADE" 9 0 "$TIF" "$T/nothing"
is 'by name' "$ERR" "<3>vblade: $T/nothing: No such file or directory"
exits 'wrong arguments, too' 1 in_target ${VBLADE_WRAP:+$VBLADE_WRAP} "$VBLADE"
like 'by name' "$ERR" '^<3>vblade: 0 arguments instead of 4; usage: vblade '
unset VBLADE_LOG

# A file name cannot fake a line.
bad=$T/two'
<0>lines'
cp "$T/disk" "$bad"
start_blade 9 0 "$TIF" "$bad"
truncate -s 1M "$bad"
signal HUP
says 'a file name with a newline' "^vblade: $T/two\\?<0>lines: 2048 sectors now"
is 'makes no line' "$(grep -c '^<0>' "$BLADE_ERR")" 0
stop_blade

# -v
start_blade 9 0 "$TIF" "$T/disk"
ini discover e9.0 >/dev/null
ini raw "$head 03 000000aa 0101 $me" >/dev/null
signal USR1
says 'without -v' '^vblade: counters'
is 'without -v: nothing else' "$(grep -vc counters "$BLADE_ERR")" 0
stop_blade

asks() {	# FRAME: four lines a second are told, and no more
	ini raw "$1" >/dev/null
	sleep 0.3
}
start_blade -v 9 0 "$TIF" "$T/disk"
ini discover e9.0 >/dev/null
says 'discovery' "^vblade: $IMAC on $TIF: discovery$"
asks "$head 01 000000aa 00000000 00030005 68656c6c6f"
says 'config string' ": config string of 5 bytes set$"
asks "$head 01 000000aa 00000000 00030001 69"
says 'config string refused' ": config string refused, AoE error 4$"
asks "$head 03 000000aa 0102 $me 0200ae000077"
says 'reservation' "reservation, 2 now: $IMAC 02:00:ae:00:00:77$"
asks "$head 03 000000aa 0100"
says 'release' 'reservation, 0 now: nobody$'
asks "$head 02 000000aa 00010001 0001 $me"
says 'mask list' "mask list, 1 now: $IMAC$"
lines=$(wc -l <"$BLADE_ERR")
asks "$head 02 000000aa 00000000"
ini load -w 8 -T 1 e9.0 >/dev/null
n=$(grep -c discovery "$BLADE_ERR")
is 'nothing of reads and writes, or of looking' \
    "$(tail -n +$((lines + 1)) "$BLADE_ERR" | grep -vc discovery)" 0
ok 'and of discovery no more than there was' test "$n" -le 3
stop_blade

# 300 at once: few are told, and all are accounted for.
start_blade -v 9 0 "$TIF" "$T/disk"
i=0
while [ $i -lt 300 ]; do
	echo "$query"
	i=$((i + 1))
done >"$T/flood"
ini -t 5000 raw - <"$T/flood" >"$T/answers"
signal USR1
says 'counters are told in spite of it' '^vblade: counters'
shown=$(grep -c discovery "$BLADE_ERR")
hidden=$(sed -n 's/^vblade: \([0-9]*\) more messages.*/\1/p' "$BLADE_ERR" |
    awk '{ n += $1 } END { print n + 0 }')
ok 'a few are shown' test "$shown" -lt 200
is 'shown or counted' $((shown + hidden)) "$(wc -l <"$T/answers")"
stop_blade

# Nobody reads our words: the pipe fills, and serving goes on.
mkfifo "$T/pipe"
sleep 60 <>"$T/pipe" &
holder=$!
TAP_PIDS="$TAP_PIDS $holder"
VBLADE_WRAP="sh $T/to-journal $T/pipe $plain"
start_blade 9 0 "$TIF" "$T/disk"
VBLADE_WRAP=$plain
# shellcheck disable=SC2317,SC2329	# called through wait_for
heeded() {	# no USR1 (10) is pending, in which a second one would be lost
	! grep -q '^ShdPnd:.*[2367abef]..$' "/proc/$BLADE_PID/status"
}
tell_much() {	# more than a pipe or a terminal has room for
	i=0
	while [ $i -lt 150 ]; do
		signal USR1
		wait_for 5 heeded || break	# it hangs
		i=$((i + 1))
	done
}
tell_much
ok 'a full pipe: it still serves' ini stamp e9.0 0 64 1
ok 'and verifies' ini verify e9.0 0 64 1
timeout 1 cat "$T/pipe" >"$T/read" || :
tap_unwrap "$T/read"
ok 'the pipe was full' test "$(wc -c <"$T/read")" -gt 50000
is 'of whole lines only' \
    "$(grep -vc '^vblade: counters .*=[0-9,]*$' "$T/read")" 0
stop_blade
is 'and it ends' "$BLADE_STATUS" 0

# A terminal that stands still, which has room for a part of a line.
if have socat; then
	socat -u "PTY,link=$T/terminal" "OPEN:$T/seen,creat" &
	terminal=$!
	TAP_PIDS="$TAP_PIDS $terminal"
	wait_for 10 test -e "$T/terminal" || bail 'no terminal'
	VBLADE_WRAP="sh $T/to-journal $T/terminal $plain"
	start_blade 9 0 "$TIF" "$T/disk"
	VBLADE_WRAP=$plain
	signal USR1
	ok 'a terminal: counters' wait_for 10 grep -q counters "$T/seen"
	kill -STOP "$terminal"
	tell_much
	ok 'a terminal that stands still: it still serves' \
	    ini verify e9.0 0 64 1
	# valgrind has words of its own, and waits until they are read
	case $plain in *valgrind*) kill -CONT "$terminal" ;; esac
	stop_blade
	is 'and it ends' "$BLADE_STATUS" 0
	kill -KILL "$terminal"
	reap "$terminal"
else
	skip 'a terminal that stands still' 'no socat'
fi

# Nor does it matter that nobody ever will, from the first word on.
cat >"$T/to-nobody" <<'END'
pipe=$1
shift
exec 9<>"$pipe" 2>"$pipe" 9<&-
exec "$@"
END
mkfifo "$T/broken"
VBLADE_WRAP="sh $T/to-nobody $T/broken $plain"
start_blade 4095 0 "$TIF" "$T/disk"
VBLADE_WRAP=$plain
ok 'a warning that nobody can read' ini verify e4095.0 0 64 1

done_testing
