# What an answered write survives over DRBD: -d -s, -s, -d, and neither
# limit 1500 s
# shellcheck shell=sh disable=SC2016,SC2154	# the guest expands, lib.sh sets
#
# Guests 0 and 1 are hosts whose disks have a write cache: of what was not
# flushed when the power goes, half of the sectors are lost.  In each mode,
# under a load that checks every sector: the active host is killed and the other
# goes on, the blade moves by plan, and both lose power at once.  MODES in the
# environment are other modes: "-ds,none".

modes=${MODES:--ds,-s,-d,none}
options='' state=''
# shellcheck source=SCRIPTDIR/../drbd.sh
. "$HERE/drbd.sh"

if ! [ -x "$HERE/../faultfs" ] || ! [ -c /dev/fuse ]; then
	skip "DRBD" "needs tests/faultfs, and that libfuse3-dev"
	end_scenario
fi

# power_off N...: those hosts are no more, and then their disks lose what they
# held back.
power_off() {
	for _h in "$@"; do
		kill -KILL "$(cat "$TMP/g$_h/pid")"
	done
	for _h in "$@"; do
		wait "$(cat "$TMP/g$_h/pid")" 2>/dev/null
		echo off >"$TMP/d$_h/ctl"
		echo "on $((seed += 1))" >"$TMP/d$_h/ctl"
	done
}
seed=0

# power_on N...: DRBD comes up there, as secondary.
power_on() {
	for _p in "$@"; do
		must "$mode: host $_p boots" host "$_p" "$TMP/d$_p/disk" writeback
		must "$mode: its DRBD is up" guest -g "$_p" 'drbdadm up r0'
	done
}

# load NAME: writes and reads until it is told to end, and follows the blade.
load() {
	: >"$TMP/$1.journal"
	"$RUN/initiator" -i t0 load -f -G 600000 -T 100000 -w 8 -r 30 \
	    -o "$TMP/$1.journal" e9.0 >"$TMP/$1.load" 2>&1 &
	load_pid=$!
}

# more N: that many writes more than before were answered
more() {
	[ "$(grep -c ^a "$TMP/$journal.journal")" -ge $((before + $1)) ]
}

# goes_on NAME: in a second or two
goes_on() {
	before=$(grep -c ^a "$TMP/$journal.journal")
	check "$mode: $1" wait_for 90 more 300
}

# load_ends: without a mismatch
load_ends() {
	kill -TERM "$load_pid"
	wait "$load_pid"
	_code=$?
	cat "$TMP/$journal.load"
	return $_code
}

# holds N: that host's disk has all that was answered
holds() {
	"$RUN/initiator" check "$TMP/d$1/disk" "$TMP/$journal.journal"
}

# survives WANT NAME COMMAND...: does all that was answered?
survives() {
	_want=$1
	shift
	case $_want in
	yes)	check "$@" ;;
	*)	fails "$1: no" "$2" "$3" ;;
	esac
	note "$(grep writes= "$TMP/diag")"
}

segment 0
for h in 0 1; do
	mkdir "$TMP/d$h"
	must "host $h has a disk with a write cache" "$HERE/../faultfs" 32768 \
	    "$TMP/d$h"
done
mode=start
must "host 0 boots" host 0 "$TMP/d0/disk" writeback
must "host 1 boots" host 1 "$TMP/d1/disk" writeback
drbd_new
must "it stops, for the modes" ha 0 stop

for mode in $(echo "$modes" | tr , ' '); do
	# Does what was answered survive when the host dies, or both do?
	case $mode in
	-ds | -s)	one=yes both=yes ;;
	-d)		one=yes both=no ;;
	*)		one=no both=no ;;
	esac
	options=$mode
	[ "$mode" != none ] || options=
	for h in 0 1; do
		guest -g $h "sed -i 's,/tmp/vblade.* 9 0,/tmp/vblade $options 9 0,' \
		    /etc/vblade-ha/mail"
	done
	must "$mode: host 0 is active" ha 0 start
	note "$(guest -g 0 'grep "pid [0-9]*:" /tmp/blade.out')"

	journal=one
	load one
	goes_on 'an initiator writes'
	sleep 2
	power_off 0
	must "$mode: host 0 is killed, host 1 is active" ha 1 start
	goes_on 'the load goes on there'
	if [ $one = no ]; then
		# The load saw it, or will where it reads what it wrote.
		kill -TERM "$load_pid"
		wait "$load_pid" 2>/dev/null
	else
		check "$mode: no mismatch" load_ends
		note "$(sed 's/ faults=.*//' "$TMP/one.load")"
	fi
	must "$mode: host 1 stops, for a look" ha 1 stop
	survives $one "$mode: host 1 has all that was answered" holds 1
	note "$(sed -n 's/ faults=.*//;/mismatches/p' "$TMP/one.load")"
	power_on 0
	must "$mode: they are in step again" wait_for 60 in_sync 1

	must "$mode: host 1 is active again" ha 1 start
	journal=plan
	load plan
	goes_on 'an initiator writes'
	# There, back, and there: what a host remembers of when it was active
	# last is old.
	for h in 0 1 0; do
		must "$mode: planned: host $((1 - h)) stops" ha $((1 - h)) stop
		must "$mode: planned: host $h is active" ha $h start
		goes_on 'the load goes on there'
	done
	check "$mode: no mismatch" load_ends
	note "$(sed 's/ faults=.*//' "$TMP/plan.load")"
	must "$mode: host 0 stops, for a look" ha 0 stop
	check "$mode: host 0 has all that was answered" holds 0
	check "$mode: and so has host 1" holds 1

	must "$mode: host 0 is active again" ha 0 start
	journal=both
	load both
	goes_on 'an initiator writes'
	sleep 2
	power_off 0 1
	kill -KILL "$load_pid"
	wait "$load_pid" 2>/dev/null
	survives $both "$mode: power fails: the active host's disk has all" \
	    holds 0
	holds 1 >"$TMP/diag" 2>&1
	note "the other's: $(grep writes= "$TMP/diag")"
	power_on 0 1
	must "$mode: they are in step again" wait_for 60 in_sync 0
	survives $both "$mode: host 0 has all, when they are in step" holds 0
	survives $both "$mode: and host 1" holds 1
done
