#!/bin/sh
# A blade is killed, ended and told to look again, over and over, under two
# hosts that go on, each writing over what the other may have written.
#	LONG	five minutes of it, rather than seconds
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

seconds=4
[ -z "${LONG:-}" ] || seconds=300
own=4096 both=128
network 1500

fresh() {
	rm -f "$T/disk"
	truncate -s $((512 * (2 * own + both))) "$T/disk"
}

start() {
	start_blade -b 128 9 0 "$TIF" "$T/disk"
}

# N OTHER: in the background, for so many seconds; INI_PID
host() {
	ini_bg "$T/load.$1" -S "02:ae:00:00:00:1$1" load -O -F 1 -G 60000 \
	    -T "$seconds" -w 64 -r 40 -o "$T/journal.$1" -y "$1,$2" \
	    -R "$((($1 - 1) * own)),$((own + both))" -Y "$own,$both" e9.0
}

figures() {
	cat "$T"/load.[12] | tr ' ' '\n' | awk -F= '
	/^(requests|writes|retransmits|mismatches|errors)=/ {
		sum[$1] += $2
	}
	END {
		for (k in sum)
			printf "%s=%d ", k, sum[k]
	}'
}

fresh
start
host 1 2
host1=$INI_PID
host 2 1
host2=$INI_PID
under_way "$T/journal.1"
under_way "$T/journal.2"
n=0 ended='' KILLs=0 TERMs=0 HUPs=0
until gone "$host1" && gone "$host2"; do
	n=$((n + 1))
	sleep "0.$((n * 37 % 80 + 10))"
	case $((n % 4)) in
	0)
		HUPs=$((HUPs + 1))
		kill -HUP "$BLADE_PID"
		continue ;;
	1)
		TERMs=$((TERMs + 1))
		stop_blade
		ended="$ended $BLADE_STATUS" ;;
	*)
		KILLs=$((KILLs + 1))
		kill -KILL "$BLADE_PID" && reap_blade ;;
	esac
	start
done
for i in 1 2; do
	reap "$((i == 1 ? host1 : host2))"
	is "host $i: the load goes through" "$STATUS" 0
	is "host $i: no mismatch" "$(value_of mismatches "$T/load.$i")" 0
	is "host $i: no error" "$(value_of errors "$T/load.$i")" 0
	isnt "host $i: though requests had to be sent again" \
	    "$(value_of retransmits "$T/load.$i")" 0
done
is 'SIGTERM was the end in peace' "$(echo "$ended" | tr -d ' 0')" ''
diag "SIGKILL $KILLs, SIGTERM $TERMs, SIGHUP $HUPs: $(figures)"
stop_blade
for i in 1 2; do
	ok "host $i: all that was acknowledged is in the file" \
	    "$INITIATOR" check "$T/disk" "$T/journal.$i"
done

# Stopped for a while: frames pile up, some are lost, others are doubled; and
# the requests overlap: arrival order is what counts.
start
ini_bg "$T/load" load -O -T 2 -w 64 -r 40 -R 0,40 -o "$T/journal" e9.0
under_way "$T/journal"
for pause in 0.1 0.5 0.1; do
	sleep 0.4
	kill -STOP "$BLADE_PID"
	sleep $pause
	kill -CONT "$BLADE_PID"
done
reap "$INI_PID"
is 'pauses: the load goes through' "$STATUS" 0
is 'pauses: no mismatch' "$(value_of mismatches "$T/load")" 0

done_testing
