# The clock of vblade's host is set by hours, back and forth, under a load
# limit 160 s
# shellcheck shell=sh disable=SC2016,SC2154	# the guest expands, lib.sh sets

# by e9.0's initiator, which is the host
ini() {
	"$RUN/initiator" -i t0 "$@"
}

# counter NAME: of the blade, which has to be running
counter() {
	guest 'kill -USR1 $(cat /tmp/a.pid); sleep 1
	    grep counters /tmp/a.out | tail -n 1' | tr ' ' '\n' |
	    sed -n "s/^$1=//p"
}

# write_frame LBA BYTE: one that writes a sector full of that; in hex
write_frame() {
	echo "525400000000 020000000000 88a2 1000 0009 00 00 000000$1" \
	    "41000134 $1 00 00 00 00 00 0000" | tr -d ' \n'
	printf "$2%.0s" $(seq 512)
}

segment 0
guest_boot || must "the guest boots" false
must "vblade starts" blade_in_guest a 'truncate -s 8M /tmp/a.img' \
    -b 128 9 0 eth0 /tmp/a.img
is "the clock can be set" "$(guest 'date -s @86400 >/dev/null && date +%s' |
    cut -c1-4)" 8640

# --- Under a load ------------------------------------------------------------
loads=
for n in 1 2; do
	ini -S 02:00:00:00:00:1$n load -O -G 60000 -T 15 -w 64 -r 40 -y "$n" \
	    -R "$((n * 4096)),4096" -o "$TMP/journal.$n" e9.0 \
	    >"$TMP/load.$n" 2>&1 &
	loads="$loads $!"
done
check "the clock is set 40 times while two loads run" guest '
	i=0
	while [ $i -lt 20 ]; do
		i=$((i + 1))
		for sign in - +; do
			date -s "@$((86400 * 365 + i $sign i * 7200))"
			sleep 0.2
		done
	done'
n=0
for pid in $loads; do
	n=$((n + 1))
	check "load $n goes through, with no mismatch" wait "$pid"
	note "$(cut -d ' ' -f 1-9 "$TMP/load.$n")"
done
is "no frame was dropped for its age" "$(counter stale)" 0

# --- While frames wait -------------------------------------------------------
# stopped_write LBA SECONDS SET: a write comes while vblade is stopped, and
# waits for so long; meanwhile the clock is set by SET seconds.
stopped_write() {
	guest 'kill -STOP $(cat /tmp/a.pid)' &&
	{ ini -n 1 -t 100 raw "$(write_frame "$1" aa)"
	sleep "$2"
	guest "date -s \"@\$((\$(date +%s) $3))\" && kill -CONT \$(cat /tmp/a.pid)" &&
	ini discover e9.0; }
}

# written LBA
written() {
	ini -c 1 read e9.0 "$((0x$1))" 1 | od -An -v -tx1 | grep -q 'aa aa aa'
}

lba=10
for set in '+ 10800' '- 10800' '+ 0'; do
	must "set by $set s: a write waits for 6 s" stopped_write $lba 6 "$set"
	fails "and is not done" written $lba
	lba=$((lba + 1))
done
check "three frames, or more, were dropped for their age" \
    [ "$(counter stale)" -ge 3 ]
for set in '+ 10800' '- 10800'; do
	# It has to be a moment, which nobody can promise on a busy machine.
	for try in 1 2 3 4 5 6; do
		begin=$(date +%s%N)
		stopped_write $lba 0 "$set" >/dev/null
		[ $((($(date +%s%N) - begin) / 1000000)) -gt 3000 ] || break
	done
	if [ "$try" = 6 ]; then
		skip "set by $set s: a write that waits a moment" "too busy"
	else
		check "set by $set s: a write that waits a moment is done" \
		    written $lba
	fi
	lba=$((lba + 1))
done
