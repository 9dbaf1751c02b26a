#!/bin/sh
# Power cuts: with -s every write that was answered is there afterwards.  The
# store keeps what is not synced in memory, and loses half of it at a cut.
# CUTS says how often, 8 unless set.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source=SCRIPTDIR/faultfs.sh
. "$(dirname "$0")/faultfs.sh"

cuts=${CUTS:-8}

# shellcheck disable=SC2317,SC2329	# called by wait_for
stopped() {
	grep -q '^State:.T' "/proc/$BLADE_PID/status"
}

# shellcheck disable=SC2317,SC2329	# called by wait_for
under_load() {
	[ -e "$T/journal" ] && [ "$(wc -c <"$T/journal")" -gt 8000 ]
}

# The blade does nothing more, then the store, and then both are new.
cut() {		# SEED OPTION...
	seed=$1
	shift
	kill -STOP "$BLADE_PID"
	wait_for 10 stopped || :
	tell off
	kill -KILL "$BLADE_PID"
	reap_blade
	tell on "$seed"
	start_blade "$@" 9 0 "$TIF" "$DISK"
}

network 1500
faulty 4096
start_blade -s -a 9 0 "$TIF" "$DISK"
ini_bg "$T/load" load -O -G 60000 -T $((cuts / 4 + 1)) -w 16 -r 30 -F 1 \
    -R 0,4096 -o "$T/journal" e9.0
under_way "$T/journal"
n=0
while [ $n -lt "$cuts" ]; do
	sleep 0.0$((n % 9 + 1))
	n=$((n + 1))
	cut $n -s -a
done
reap "$INI_PID"
is "-s: a load through $cuts power cuts" "$STATUS" 0
is '-s: no mismatch' "$(value_of mismatches "$T/load")" 0
diag "$(tr ' ' '\n' <"$T/load" |
    grep -E '^(requests|writes|retransmits|mismatches)=' |
    tr '\n' ' ')lost=$(told lost)"
tell off
tell on 77
stop_blade
ok '-s: what was answered is in the store' \
    "$INITIATOR" check "$DISK" "$T/journal"

# Without -s the same cuts are noticed: the test can fail.
start_blade -a 9 0 "$TIF" "$DISK"
rm "$T/journal"
ini_bg "$T/load" load -G 60000 -T 2 -w 16 -r 30 -R 0,4096 -o "$T/journal" e9.0
wait_for 20 under_load
cut 3 -a
sleep 0.5
cut 4 -a
reap "$INI_PID"
lost=$STATUS
stop_blade
"$INITIATOR" check "$DISK" "$T/journal" >/dev/null 2>&1 || lost=$?
isnt 'without -s it is lost' "$lost" 0

done_testing
