#!/bin/sh
# Two cables to one disk: requests that share sectors happen in the order in
# which they arrive, by whichever cable.
#	LONG	200 rounds of each, rather than 5
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

rounds=5
[ -z "${LONG:-}" ] || rounds=200
network 1500
mac2=02:ae:00:00:00:11 if2=vbt$$.2 far2=vbi$$.2
ip -n "$TNS" link add "$if2" address "$mac2" type veth \
    peer name "$far2" address 02:ae:00:00:00:12 netns "$INS"
ip -n "$TNS" link set "$if2" up
ip -n "$INS" link set "$far2" up
truncate -s 1M "$T/disk"

# frames SEED: 240 writes of two sectors, each all of one byte, to nine sectors,
# for the two cables in turn; and what each sector holds after the last of them
frames() {
	awk -v seed="$1" -v src="$IMAC" -v dst1="$TMAC" -v dst2="$mac2" \
	    -v want="$T/want" '
	function next_random() {
		seed = seed * 16807 % 2147483647
		return seed
	}
	BEGIN {
		gsub(":", "", src)
		gsub(":", "", dst1)
		gsub(":", "", dst2)
		for (i = 1; i <= 240; i++) {
			lba = int(next_random() / 65536) % 8
			byte = sprintf("%02x", i)
			data = byte
			for (n = 1; n < 1024; n *= 2)
				data = data data
			last[lba] = last[lba + 1] = byte
			printf "%s%s88a21000000900000000%04x", \
			    i % 2 ? dst1 : dst2, src, i
			printf "41000234%02x00000000000000%s\n", lba, data
		}
		for (i = 0; i < 9; i++)
			print last[i] >want
	}' >"$T/frames"
}

# Each sector's byte, if it has but one.
sectors() {
	od -An -v -tx1 -w512 -N 4608 "$T/disk" | awk '{
		for (i = 2; i <= NF && $i == $1; i++)
			;
		print (i > NF ? $1 : "torn")
	}'
}

sent=0 late=''
# shellcheck disable=SC2317,SC2329	# called by name
turns() {
	sent=$((sent + 240))
	ini turns "$far2" <"$T/frames"
}

# Send them to a blade that is stopped, but not for so long that it drops them.
# shellcheck disable=SC2317,SC2329	# called by name
stopped() {
	n=0
	while [ "$n" -lt 3 ]; do
		n=$((n + 1))
		began=$(date +%s)
		kill -STOP "$BLADE_PID"
		turns
		kill -CONT "$BLADE_PID"
		[ $(($(date +%s) - began)) -gt 2 ] || return 0
		late=yes
	done
	return 1
}

seed=0
in_order() {	# NAME HOW
	round=0 wrong=''
	while [ "$round" -lt "$rounds" ]; do
		round=$((round + 1)) seed=$((seed + 1))
		frames "$seed"
		"$2" || {
			skip "$1" 'this machine is too slow'
			return 0
		}
		ini flush e9.0
		sectors >"$T/got"
		cmp -s "$T/want" "$T/got" ||
			wrong="$wrong$seed: $(paste -sd ' ' "$T/got"), want $(
			    paste -sd ' ' "$T/want")
"
	done
	is "$1" "$wrong" ''
}

start_blade 9 0 "$TIF,$if2" "$T/disk"
in_order 'to a blade that was stopped: the last write stays' stopped
in_order 'to one that runs: the last write stays' turns
kill -USR1 "$BLADE_PID"
wait_for 10 grep -q ' writes=' "$BLADE_ERR" || bail 'no counters'
[ -n "$late" ] || like 'every frame was served' "$(cat "$BLADE_ERR")" \
    "^vblade: counters .* writes=$sent "
stop_blade

start_blade -s 9 0 "$TIF,$if2" "$T/disk"
in_order 'to one that makes each stable: the last write stays' turns

done_testing
