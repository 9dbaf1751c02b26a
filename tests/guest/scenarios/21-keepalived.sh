# keepalived moves a blade on DRBD: its host is killed, and it is stopped
# limit 900 s
# shellcheck shell=sh disable=SC2016,SC2154	# the guest expands, lib.sh sets
#
# Configuration and script are those of contrib/ha.  FAILOVERS=10 in the
# environment is how often the blade moves: killed and stopped by turns.

moves=${FAILOVERS:-2}
# shellcheck disable=SC2034	# drbd.sh's
options='-d -s' state=''
# shellcheck source=SCRIPTDIR/../drbd.sh
. "$HERE/drbd.sh"

if ! command -v keepalived >/dev/null; then
	skip "keepalived" "not on this machine"
	end_scenario
fi

# boot N: host and keepalived's files, which does not run yet
boot() {
	host "$1" "$TMP/d$1.img" writethrough || return
	share "$1" "$(command -v keepalived)" keepalived klib
	sed -n '/^    global_defs {/,/^$/s/^    //p' \
	    "$HERE/../../contrib/ha/README" >"$TMP/g$1/share/keepalived.conf"
	guest -g "$1" 'mkdir -p /etc/keepalived /usr/local/sbin &&
	    cp /share/keepalived.conf /etc/keepalived/ &&
	    cp /share/vblade-ha /usr/local/sbin/ &&
	    chmod 755 /usr/local/sbin/vblade-ha &&
	    cp -r /share/keepalived /share/klib /tmp/'
}

keepalived_on() {
	guest -g "$1" 'LD_LIBRARY_PATH=/tmp/klib setsid /tmp/keepalived -nlD \
	    >/tmp/keepalived.log 2>&1 &'
}

keepalived_off() {
	guest -g "$1" 'kill "$(cat /run/keepalived.pid)"'
}

# active N: is the blade there?
active() {
	guest -g "$1" '/usr/local/sbin/vblade-ha status mail' ||
	    { told "$1"; return 1; }
}

told() {
	guest -g "$1" 'grep -v ARP /tmp/keepalived.log | tail -n 15'
}

# look: a is the active host, b the other one.
look() {
	wait_for 60 either || {
		told 0
		told 1
		return 1
	}
	a=0
	active 0 >/dev/null || a=1
	b=$((1 - a))
}

either() {
	active 0 || active 1
}

standby() {
	guest -g "$1" 'grep -q "Entering BACKUP STATE" /tmp/keepalived.log'
}

# more_acked: some hundred writes more were answered
more_acked() {
	[ "$(grep -c ^a "$TMP/journal")" -ge $((before + 300)) ]
}

goes_on() {
	before=$(grep -c ^a "$TMP/journal")
	wait_for 120 more_acked || { told "$a"; told "$b"; return 1; }
}

segment 0
disk d0 24M
disk d1 24M
must "the first host boots" boot 0
must "the second host boots" boot 1
drbd_new
must "it stops, for keepalived decides" ha 0 stop
must "keepalived starts on both" eval 'keepalived_on 0 && keepalived_on 1'
must "and the blade is active on one" look
: >"$TMP/journal"
"$RUN/initiator" -i t0 load -f -G 600000 -T 100000 -w 4 -r 30 \
    -R 0,8192 -o "$TMP/journal" e9.0 >"$TMP/load" 2>&1 &
load=$!
check "an initiator writes" goes_on

n=0
while [ $n -lt "$moves" ]; do
	n=$((n + 1))
	must "$n: one is active" look
	if [ $((n % 2)) = 1 ]; then
		kill -KILL "$(cat "$TMP/g$a/pid")"
		wait "$(cat "$TMP/g$a/pid")" 2>/dev/null
		what="host $a is killed"
	else
		must "$n: keepalived is told to end" keepalived_off "$a"
		what="keepalived is stopped"
	fi
	must "$n: $what, host $b is active" wait_for 90 active "$b"
	check "$n: the load goes on" goes_on
	if [ $((n % 2)) = 1 ]; then
		must "$n: the killed host boots" boot "$a"
		must "$n: its DRBD joins" guest -g "$a" 'drbdadm up r0'
		must "$n: they are in step again" wait_for 60 in_sync "$b"
	else
		fails "$n: the first has no blade any more" active "$a"
	fi
	must "$n: its keepalived starts" keepalived_on "$a"
	check "$n: and stands by" wait_for 60 standby "$a"
done
check "the load goes on" goes_on
must "one is active" look
note "$(told "$a")"
kill -TERM "$load"
check "every sector was what it should be" wait "$load"
note "$(sed 's/ faults=[^s]* / /' "$TMP/load")"
check "keepalived is stopped on both" \
    eval 'keepalived_off $b; keepalived_off $a'
check "the blade ends" wait_for 60 eval '! either'
for g in 0 1; do
	check "host $g holds what was answered" "$RUN/initiator" check \
	    "$TMP/d$g.img" "$TMP/journal"
	note "$(grep writes= "$TMP/diag")"
done
