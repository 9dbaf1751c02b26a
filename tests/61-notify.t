#!/bin/sh
# What a service manager is told: sd_notify(3), with and without a watchdog.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

have socat || skip_all 'needs socat'
network 1500
truncate -s 1M "$T/disk"

# listen ADDRESS: a service manager's end, its lines in $T/heard; MANAGER
listen() {
	: >"$T/heard"
	ip netns exec "$TNS" socat -u "$1" STDOUT >>"$T/heard" &
	MANAGER=$!
	TAP_PIDS="$TAP_PIDS $MANAGER"
}

# shellcheck disable=SC2317,SC2329	# called through wait_for
heard() {	# ERE [TIMES]: it came at least so often
	[ "$(grep -Ec -- "$1" "$T/heard")" -ge "${2:-1}" ]
}

# told WORD=VALUE... -- BLADE-ARGUMENT...: start a blade with an environment
told() {
	while [ "$1" != -- ]; do
		export "${1?}"
		shift
	done
	shift
	start_blade "$@"
	unset NOTIFY_SOCKET WATCHDOG_USEC WATCHDOG_PID
}

# ---- a socket with a path ----

listen "UNIX-RECV:$T/socket,mode=600"
wait_for 5 test -S "$T/socket" || bail 'socat does not listen'
told NOTIFY_SOCKET="$T/socket" -- 9 0 "$TIF" "$T/disk"
ok 'it is ready' wait_for 5 heard '^READY=1$'
ok 'and tells what it serves' \
    heard '^STATUS=e9\.0, 2048 sectors; 0 reads, 0 writes, .*lost$'
unlike 'it has nothing against it' "$(cat "$BLADE_ERR")" 'NOTIFY|WATCHDOG'
ok 'somebody reads' ini read e9.0 0 2
kill -USR1 "$BLADE_PID"
ok 'USR1 renews the counters' wait_for 5 heard '^STATUS=.* [1-9]+ reads'
truncate -s 2M "$T/disk"
kill -HUP "$BLADE_PID"
ok 'HUP is over when it is ready again' wait_for 5 heard '^READY=1$' 2
is 'in the order that a manager expects' \
    "$(grep -E '^(READY|RELOADING|MONOTONIC_USEC)' "$T/heard" |
	sed 's/C=[0-9]*$/C=/' | xargs)" \
    'READY=1 RELOADING=1 MONOTONIC_USEC= READY=1'
ok 'with the new size' heard '^STATUS=e9\.0, 4096 sectors'
unlike 'no watchdog, no word of one' "$(cat "$T/heard")" WATCHDOG
# A sleeper that nobody wakes: the kernel counts how often it has slept.
slept() {
	sed -n 's/^voluntary_ctxt_switches:[[:space:]]*//p' \
	    "/proc/$BLADE_PID/status"
}
if [ -z "$VBLADE_WRAP" ]; then
	# a link may still have news
	for _ in 1 2 3; do
		before=$(slept)
		sleep 1.5
		[ "$(slept)" != "$before" ] || break
	done
	is 'without a watchdog an idle blade sleeps' "$(slept)" "$before"
else
	skip 'without a watchdog an idle blade sleeps' "under $VBLADE_WRAP"
fi
stop_blade
is 'it stops' "$BLADE_STATUS" 0
ok 'and says that it is about to' wait_for 5 heard '^STOPPING=1$'
kill "$MANAGER"
reap "$MANAGER"

# ---- a manager that has no room ----

# Room for one or two words, which others have taken.
room=$(in_target cat /proc/sys/net/unix/max_dgram_qlen)
in_target sh -c 'echo 1 >/proc/sys/net/unix/max_dgram_qlen'
listen "UNIX-RECV:$T/socket1,mode=600"
wait_for 5 test -S "$T/socket1" || bail 'socat does not listen'
kill -STOP "$MANAGER"
for _ in 1 2 3; do
	echo other | timeout 0.5 socat -u STDIN "UNIX-SENDTO:$T/socket1" || :
done
told NOTIFY_SOCKET="$T/socket1" -- 9 0 "$TIF" "$T/disk"
ok 'a manager without room: it serves' ini read e9.0 0 2
kill -CONT "$MANAGER"
ok 'and tells so when there is' wait_for 10 heard '^READY=1$'
sleep 0.5
is 'once' "$(grep -c '^READY=1$' "$T/heard")" 1
in_target sh -c "echo $room >/proc/sys/net/unix/max_dgram_qlen"
stop_blade
kill "$MANAGER"
reap "$MANAGER"

# ---- a manager that goes away ----

listen "UNIX-RECV:$T/socket2,mode=600"
wait_for 5 test -S "$T/socket2" || bail 'socat does not listen'
told NOTIFY_SOCKET="$T/socket2" WATCHDOG_USEC=200000 -- 9 0 "$TIF" "$T/disk"
ok 'the watchdog is told' wait_for 5 heard '^WATCHDOG=1$' 3
kill -KILL "$MANAGER"
reap "$MANAGER"
sleep 0.3
ok 'a manager that went away is not missed' ini read e9.0 0 2
stop_blade
is 'then either' "$BLADE_STATUS" 0

# ---- a name outside the file system, and the watchdog ----

listen "ABSTRACT-RECV:vblade-$$"
wait_for 5 in_target grep -q "@vblade-$$" /proc/net/unix ||
	bail 'socat does not listen'
begin=$(date +%s%N)
told NOTIFY_SOCKET="@vblade-$$" WATCHDOG_USEC=400000 -- 9 0 "$TIF" "$T/disk"
ok 'an abstract socket does as well' wait_for 5 heard '^READY=1$'
ok 'the watchdog is told again and again' wait_for 15 heard '^WATCHDOG=1$' 5
n=$(grep -c WATCHDOG "$T/heard")
took=$(($(date +%s%N) - begin))
is 'at half of its patience, not all the time' \
    "$([ "$took" -ge $((n * 200000000)) ] && echo yes)" yes
kill -STOP "$BLADE_PID"
# what it has said may still be on its way
for _ in 1 2 3; do
	n=$(grep -c WATCHDOG "$T/heard")
	sleep 1
	[ "$(grep -c WATCHDOG "$T/heard")" != "$n" ] || break
done
is 'a blade that does not turn says nothing' \
    "$(grep -c WATCHDOG "$T/heard")" "$n"
kill -CONT "$BLADE_PID"
ok 'and one that does again, does' wait_for 5 heard '^WATCHDOG=1$' $((n + 2))
# Under load nothing ever sleeps; the watchdog hears of it all the same.
ini_bg "$T/load" load -w 8 -T 2 e9.0
n=$(grep -c WATCHDOG "$T/heard")
ok 'also under load' wait_for 10 heard '^WATCHDOG=1$' $((n + 3))
reap "$INI_PID"
is 'which is served' "$STATUS" 0
stop_blade

# ---- somebody else's watchdog, and nonsense ----

wait_for 5 heard '^STOPPING=1$' || :	# the last word of the last one
: >"$T/heard"
told NOTIFY_SOCKET="@vblade-$$" WATCHDOG_USEC=200000 WATCHDOG_PID=1 -- \
    9 0 "$TIF" "$T/disk"
wait_for 5 heard '^READY=1$' || :
sleep 0.5
unlike "somebody else's watchdog is not ours" "$(cat "$T/heard")" WATCHDOG
stop_blade
told NOTIFY_SOCKET="$T/nobody" -- 9 0 "$TIF" "$T/disk"
like 'nobody listens: a warning' "$(cat "$BLADE_ERR")" \
    'NOTIFY_SOCKET=.*/nobody: .*No such file'
ok 'and no more than that' ini read e9.0 0 2
stop_blade
told NOTIFY_SOCKET=vsock:2:1 WATCHDOG_USEC=soon -- 9 0 "$TIF" "$T/disk"
like 'an address of another kind: a warning' "$(cat "$BLADE_ERR")" \
    'NOTIFY_SOCKET=vsock:2:1: '
stop_blade
told NOTIFY_SOCKET="@vblade-$$" WATCHDOG_USEC=soon -- 9 0 "$TIF" "$T/disk"
like 'a time that is none: a warning' "$(cat "$BLADE_ERR")" \
    'WATCHDOG_USEC=soon: '

done_testing
