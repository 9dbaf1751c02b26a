#!/bin/sh
# A blade may be killed and started again under a host that goes on.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
truncate -s 8M "$T/disk"
start_blade 9 0 "$TIF" "$T/disk"
ini_bg "$T/load" load -T 4 -w 64 -r 40 -F 1 -o "$T/journal" e9.0
for signal in KILL TERM KILL; do
	sleep 0.7
	kill -"$signal" "$BLADE_PID"
	reap_blade
	sleep 0.2
	start_blade 9 0 "$TIF" "$T/disk"
done
# Stopped for a while: frames pile up, some are lost, others are doubled.
kill -STOP "$BLADE_PID"
sleep 0.5
kill -CONT "$BLADE_PID"
reap "$INI_PID"
is 'the load goes through' "$STATUS" 0
is 'no mismatch' "$(value_of mismatches "$T/load")" 0
is 'no error' "$(value_of errors "$T/load")" 0
isnt 'though requests had to be sent again' \
    "$(value_of retransmits "$T/load")" 0
stop_blade
ok 'all that was acknowledged is in the file' \
    "$INITIATOR" check "$T/disk" "$T/journal"

# The same with requests that overlap: arrival order is what counts.
start_blade 9 0 "$TIF" "$T/disk"
ini_bg "$T/load" load -O -T 2 -w 64 -r 40 -R 0,40 -o "$T/journal" e9.0
for pause in 0.1 0.2 0.1; do
	sleep 0.4
	kill -STOP "$BLADE_PID"
	sleep $pause
	kill -CONT "$BLADE_PID"
done
reap "$INI_PID"
is 'overlapping requests, pauses: the load goes through' "$STATUS" 0
is 'overlapping requests, pauses: no mismatch' \
    "$(value_of mismatches "$T/load")" 0

done_testing
