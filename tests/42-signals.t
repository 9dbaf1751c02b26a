#!/bin/sh
# SIGHUP looks at the size again, SIGUSR1 counts, SIGTERM and SIGINT end.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
truncate -s 1M "$T/disk"
start_blade 9 0 "$TIF" "$T/disk"

# shellcheck disable=SC2317,SC2329	# called through wait_for
sectors_are() {
	ini identify e9.0 >"$T/try.out"
	[ "$(value_of sectors48)" -eq "$1" ]
}

exits 'before it grows' 4 ini read e9.0 2048 1
truncate -s 2M "$T/disk"
kill -HUP "$BLADE_PID"
ok 'SIGHUP: IDENTIFY shows the new size' wait_for 5 sectors_are 4096
ok 'SIGHUP: the new sectors can be written' ini stamp e9.0 2048 2048 1
exits 'SIGHUP: and no more' 4 ini read e9.0 4096 1
truncate -s 512K "$T/disk"
kill -HUP "$BLADE_PID"
ok 'SIGHUP: a smaller size, too' wait_for 5 sectors_are 1024
exits 'SIGHUP: beyond it is an error' 4 ini read e9.0 1024 1
exits 'the file has not grown back' 0 test "$(stat -c %s "$T/disk")" -eq 524288

ini read e9.0 0 10 >/dev/null
before=$(wc -l <"$BLADE_ERR")
kill -USR1 "$BLADE_PID"
# shellcheck disable=SC2317,SC2329	# called through wait_for
counted() {
	[ "$(wc -l <"$BLADE_ERR")" -gt "$1" ]
}
ok 'SIGUSR1: something on stderr' wait_for 5 counted "$before"
line=$(tail -n +$((before + 1)) "$BLADE_ERR")
is 'SIGUSR1: one line' "$(echo "$line" | wc -l)" 1
like 'SIGUSR1: of key=value words' "$line" '( [a-z_]+=[0-9,]+){4,}$'
kill -USR1 "$BLADE_PID"
ok 'SIGUSR1 again' wait_for 5 counted $((before + 1))

ini read e9.0 0 10 >/dev/null
kill -USR1 "$BLADE_PID"
ok 'SIGUSR1 once more' wait_for 5 counted $((before + 2))
isnt 'SIGUSR1: figures have changed' "$(tail -n 1 "$BLADE_ERR")" "$line"

stop_blade
is 'SIGTERM: status 0' "$BLADE_STATUS" 0
start_blade -l 100 9 0 "$TIF" "$T/disk"
truncate -s 2M "$T/disk"
kill -HUP "$BLADE_PID"
counters		# so it has heard the other signal, too
ok 'SIGHUP: a length that was given stays' sectors_are 100
kill -INT "$BLADE_PID"
reap_blade
is 'SIGINT: status 0' "$BLADE_STATUS" 0

# Whatever the moment, a signal is no reason to lose a reply.
truncate -s 1M "$T/disk"
start_blade 9 0 "$TIF" "$T/disk"
ini_bg "$T/load" load -w 8 -T 2 e9.0
n=0
while [ $n -lt 40 ]; do
	kill -HUP "$BLADE_PID"
	kill -USR1 "$BLADE_PID"
	sleep 0.04
	n=$((n + 1))
done
reap "$INI_PID"
is 'signals under load: every request answered' "$STATUS" 0
is 'signals under load: no reply lost' \
    "$(value_of retransmits "$T/load")" "$(value_of late "$T/load")"

done_testing
