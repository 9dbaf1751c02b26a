# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# tap.sh: what the end-to-end tests share.  Source it first:
#
#	. "$(dirname "$0")/tap.sh"
#
# It gives a test a directory of its own ($T), on request a pair of network
# namespaces with a veth between them, functions that print TAP, functions that
# start and stop a blade and call the initiator, and it clears all of it away
# however the test ends.
#
# From the environment:
#	VBLADE		the program under test (default: vblade in the tree)
#	VBLADE_WRAP	words put before it, such as a valgrind command
#	INITIATOR	the initiator (default: tests/initiator)
#
# For the test:
#	T		scratch directory
#	TNS TIF TMAC	the target's namespace, interface, MAC address
#	INS IIF IMAC	the initiator's
#	BLADE_PID BLADE_OUT BLADE_ERR BLADE_STATUS	the blade started last
#	OUT ERR STATUS	what the command run by try, exits or silent left

set -eu

TOP=$(cd -P -- "$(dirname -- "$0")/.." && pwd)
VBLADE=${VBLADE:-$TOP/vblade}
VBLADE_WRAP=${VBLADE_WRAP:-}
INITIATOR=${INITIATOR:-$TOP/tests/initiator}
INI_OPTS=${INI_OPTS:-}		# -L for a peer that breaks the rules
BLADE_TERM=0			# the status a blade leaves with on SIGTERM
TMAC=02:ae:00:00:00:01
IMAC=02:ae:00:00:00:02

TAP_COUNT=0 TAP_FAILED=0
TAP_BLADES='' TAP_PIDS='' TAP_SPACES='' TAP_HOOKS='' TAP_SERIAL=0
BLADE_PID='' BLADE_OUT='' BLADE_ERR='' BLADE_STATUS=''
# the system call that ended it, if one did
# shellcheck disable=SC2034	# for 52-confined.t
REFUSED=''
TNS='' TIF='' INS='' IIF=''
STATUS=0

# ---- TAP ----

diag() {
	printf '%s\n' "$@" | sed 's/^/# /'
}

pass() {
	TAP_COUNT=$((TAP_COUNT + 1))
	printf 'ok %d - %s\n' "$TAP_COUNT" "$1"
}

fail() {
	TAP_COUNT=$((TAP_COUNT + 1)) TAP_FAILED=$((TAP_FAILED + 1))
	printf 'not ok %d - %s\n' "$TAP_COUNT" "$1"
	shift
	[ $# -eq 0 ] || diag "$@"
}

skip() {	# NAME REASON
	TAP_COUNT=$((TAP_COUNT + 1))
	printf 'ok %d - %s # SKIP %s\n' "$TAP_COUNT" "$1" "$2"
}

skip_all() {	# REASON
	printf '1..0 # SKIP %s\n' "$1"
	exit 0
}

bail() {
	printf 'Bail out! %s\n' "$*"
	exit 1
}

is() {		# NAME GOT WANT
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1" "got:  $2" "want: $3"
	fi
}

isnt() {	# NAME GOT OTHER
	if [ "$2" != "$3" ]; then
		pass "$1"
	else
		fail "$1" "got: $2, and want anything else"
	fi
}

like() {	# NAME GOT ERE: one line of GOT matches
	if printf '%s\n' "$2" | grep -Eq -- "$3"; then
		pass "$1"
	else
		fail "$1" "got:  $2" "want a match for: $3"
	fi
}

unlike() {	# NAME GOT ERE
	if printf '%s\n' "$2" | grep -Eq -- "$3"; then
		fail "$1" "got:  $2" "want no match for: $3"
	else
		pass "$1"
	fi
}

# Run a command; STATUS, and its words in OUT and ERR.
try() {
	STATUS=0
	"$@" >"$T/try.out" 2>"$T/try.err" </dev/null || STATUS=$?
	# Files may hold NUL bytes; a shell variable may not.
	OUT=$(tr -d '\000' <"$T/try.out")
	tap_unwrap "$T/try.err"
	ERR=$(tr -d '\000' <"$T/try.err")
}

# Debian 12's valgrind knows neither Landlock nor seccomp: it says so, and
# vblade says that it goes without.  That is no news.
tap_unwrap() {	# FILE
	case $VBLADE_WRAP in
	*valgrind*) ;;
	*) return 0 ;;
	esac
	sed -e '/^--[0-9]*-- /d' -e '/no landlock:/d' -e '/no seccomp:/d' \
	    "$1" >"$1.tmp"
	cat "$1.tmp" >"$1"	# who appends to it goes on behind that
}

exits() {	# NAME STATUS COMMAND...
	tap_name=$1 tap_want=$2
	shift 2
	try "$@"
	if [ "$STATUS" -eq "$tap_want" ]; then
		pass "$tap_name"
	else
		fail "$tap_name" "$*" "exit $STATUS, want $tap_want" \
		    "${OUT:+stdout: $OUT}" "${ERR:+stderr: $ERR}"
	fi
}

ok() {		# NAME COMMAND...
	tap_name=$1
	shift
	exits "$tap_name" 0 "$@"
}

not_ok() {	# NAME COMMAND...: the command has to fail
	tap_name=$1
	shift
	try "$@"
	if [ "$STATUS" -ne 0 ]; then
		pass "$tap_name"
	else
		fail "$tap_name" "$*" "succeeded, which it should not"
	fi
}

same() {	# NAME FILE FILE
	if cmp "$2" "$3" >"$T/cmp" 2>&1; then
		pass "$1"
	else
		fail "$1" "$(cat "$T/cmp")"
	fi
}

# The end of every test: blades that still run have to leave as they should.
done_testing() {
	tap_left=''
	for tap_pid in $TAP_BLADES; do
		stop_blade "$tap_pid"
		[ "$BLADE_STATUS" -eq "$BLADE_TERM" ] ||
			tap_left="$tap_left $tap_pid:$BLADE_STATUS"
	done
	if [ -n "$tap_left" ]; then
		fail "blades leave with status $BLADE_TERM" \
		    "pid:status$tap_left" "$(cat "$T"/blade.*.err)"
	elif [ "$TAP_SERIAL" -gt 0 ]; then
		pass "blades leave with status $BLADE_TERM"
	fi
	printf '1..%d\n' "$TAP_COUNT"
	[ "$TAP_FAILED" -eq 0 ] || exit 1
	exit 0
}

# ---- clearing away ----

at_exit() {	# COMMAND: evaluated when the test ends, last one first
	TAP_HOOKS="$1
$TAP_HOOKS"
}

forget() {	# PID: it has been waited for
	tap_old=$TAP_PIDS TAP_PIDS=''
	for tap_p in $tap_old; do
		[ "$tap_p" = "$1" ] || TAP_PIDS="$TAP_PIDS $tap_p"
	done
	tap_old=$TAP_BLADES TAP_BLADES=''
	for tap_p in $tap_old; do
		[ "$tap_p" = "$1" ] || TAP_BLADES="$TAP_BLADES $tap_p"
	done
}

# shellcheck disable=SC2317,SC2329	# called by the trap below
cleanup() {
	tap_status=$?
	trap - EXIT
	trap '' INT TERM HUP
	set +e
	for tap_pid in $TAP_PIDS; do
		kill -CONT "$tap_pid" 2>/dev/null
		kill -KILL "$tap_pid" 2>/dev/null
		wait "$tap_pid" 2>/dev/null
	done
	eval "$TAP_HOOKS"
	for tap_ns in $TAP_SPACES; do
		# a daemon that the signal came too early for us to know
		ip netns pids "$tap_ns" | xargs -r kill -KILL 2>/dev/null
		ip netns del "$tap_ns"
	done
	rm -rf -- "$T"
	exit "$tap_status"
}

T=$(mktemp -d "${TMPDIR:-/tmp}/vblade.XXXXXX")
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- what a test needs ----

need_root() {
	[ "$(id -u)" -eq 0 ] || skip_all 'needs root'
	command -v ip >/dev/null || skip_all 'needs ip(8) from iproute2'
	unshare -n true 2>/dev/null || skip_all 'needs network namespaces'
	[ -x "$VBLADE" ] || bail "no $VBLADE: run make first"
	[ -x "$INITIATOR" ] || bail "no $INITIATOR: run make check first"
}

have() {	# COMMAND...
	for tap_c in "$@"; do
		command -v "$tap_c" >/dev/null 2>&1 || return 1
	done
}

# ---- the network ----

new_space() {	# NAME
	ip netns add "$1" || bail "cannot make the namespace $1"
	TAP_SPACES="$TAP_SPACES $1"
	ip -n "$1" link set lo up
}

# Two hosts and a cable: network MTU
network() {
	need_root
	TNS=vbt$$ INS=vbi$$ TIF=vbt$$ IIF=vbi$$
	new_space "$TNS"
	new_space "$INS"
	tap_pair "$1"
	# The target's end first: to the end that comes up last the kernel may
	# give its carrier a second later, and a blade that was told so then
	# advertises in the middle of a test that wants silence.
	link up
	ip -n "$INS" link set "$IIF" up
	wait_for 20 tap_running || bail 'the link does not come up'
}

# shellcheck disable=SC2317,SC2329	# called through wait_for
tap_running() {
	ip -n "$TNS" -o link show "$TIF" | grep -q 'state UP'
}

tap_pair() {	# MTU [OPTION...]
	tap_mtu=$1
	shift
	ip -n "$TNS" link add "$TIF" mtu "$tap_mtu" "$@" address "$TMAC" \
	    type veth peer name "$IIF" mtu "$tap_mtu" address "$IMAC" \
	    netns "$INS"
}

# A veth pair between them; the target's end, for which "ip link add" gets the
# OPTIONs too, is down.
cable() {	# MTU [OPTION...]
	tap_pair "$@" && ip -n "$INS" link set "$IIF" up
}

# The interface goes, and another one of its name comes.
another_link() {	# MTU
	ip -n "$TNS" link del "$TIF"
	cable "$1"
	link up
}

# One host that talks to itself.
loopback() {
	need_root
	TNS=vbl$$ INS=vbl$$ TIF=lo IIF=lo
	TMAC=00:00:00:00:00:00 IMAC=00:00:00:00:00:00
	new_space "$TNS"
}

set_mtu() {	# MTU: both ends
	ip -n "$TNS" link set "$TIF" mtu "$1"
	ip -n "$INS" link set "$IIF" mtu "$1"
}

# The target's end: what "ip link set" takes.
link() {
	ip -n "$TNS" link set "$TIF" "$@"
}

# N made-up addresses, at most 256.
addresses() {
	tap_n=0
	while [ "$tap_n" -lt "$1" ]; do
		printf '02:ae:01:00:00:%02x\n' "$tap_n"
		tap_n=$((tap_n + 1))
	done
}

# in_target, in_initiator: run a command there
in_target() {
	ip netns exec "$TNS" "$@"
}

in_initiator() {
	ip netns exec "$INS" "$@"
}

# ---- waiting ----

wait_for() {	# SECONDS COMMAND...: poll until it succeeds
	tap_n=$(($1 * 20))
	shift
	# the command may wait as well: what is left is in $1
	set -- "$tap_n" "$@"
	until tap_rest "$@" >/dev/null 2>&1; do
		tap_n=$(($1 - 1))
		shift
		set -- "$tap_n" "$@"
		[ "$tap_n" -gt 0 ] || return 1
		sleep 0.05
	done
}

# shellcheck disable=SC2317,SC2329	# called by wait_for
tap_rest() {	# ANYTHING COMMAND...
	shift
	"$@"
}

gone() {	# PID: no longer running (a zombie has run its course)
	[ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"
}

# ---- blades ----

# Start a blade in the target's namespace and return at once.
launch_blade() {
	TAP_SERIAL=$((TAP_SERIAL + 1))
	BLADE_OUT=$T/blade.$TAP_SERIAL.out BLADE_ERR=$T/blade.$TAP_SERIAL.err
	: >"$BLADE_OUT"
	: >"$BLADE_ERR"
	# shellcheck disable=SC2086	# VBLADE_WRAP is a list of words
	ip netns exec "$TNS" $VBLADE_WRAP "$VBLADE" "$@" \
	    >"$BLADE_OUT" 2>>"$BLADE_ERR" </dev/null &
	BLADE_PID=$!
	TAP_PIDS="$TAP_PIDS $BLADE_PID"
	TAP_BLADES="$TAP_BLADES $BLADE_PID"
	BLADE_STATUS=''
}

tap_started() {
	grep -q '^pid ' "$BLADE_OUT" || gone "$BLADE_PID"
}

# Start one and wait for its start-up line; a failure to start is fatal.
start_blade() {
	launch_blade "$@"
	wait_for 20 tap_started || :
	grep -q '^pid ' "$BLADE_OUT" || {
		diag "$(cat "$BLADE_OUT" "$BLADE_ERR")"
		bail "the blade did not start: $*"
	}
	tap_unwrap "$BLADE_ERR"
}

# One that must not start: NAME ERE ARGUMENT...; "vblade: " and a match for ERE
# is all it says, but for lines without TAP_ONCE.
TAP_ONCE=''
refused() {
	tap_refused=$1 tap_why=$2
	shift 2
	# shellcheck disable=SC2086	# VBLADE_WRAP is a list of words
	exits "$tap_refused" 1 timeout 20 ip netns exec "$TNS" $VBLADE_WRAP \
	    "$VBLADE" "$@"
	like "$tap_refused: why" "$ERR" "^vblade: $tap_why"
	is "$tap_refused: one line" "$(echo "$ERR" | grep -c "$TAP_ONCE")" 1
	is "$tap_refused: nothing on stdout" "$OUT" ''
}

# Stop the blade PID (default: the last one); its status in BLADE_STATUS.
stop_blade() {
	tap_pid=${1:-$BLADE_PID}
	kill -TERM "$tap_pid" 2>/dev/null || :
	reap_blade "$tap_pid"
}

# Wait for a blade to end by itself, or else make it.
reap_blade() {
	tap_pid=${1:-$BLADE_PID} BLADE_STATUS=0
	wait_for 20 gone "$tap_pid" || {
		diag "blade $tap_pid would not stop"
		kill -KILL "$tap_pid" || :
	}
	wait "$tap_pid" 2>/dev/null || BLADE_STATUS=$?
	forget "$tap_pid"
	[ "$BLADE_STATUS" -ne 2 ] || tap_refused
}

# vblade tells the number of a system call that it may not make.
tap_refused() {
	REFUSED=$(sed -n 's/.*: system call \([0-9]*\) is not one.*/\1/p' \
	    "$BLADE_ERR")
	[ -n "$REFUSED" ] || return 0
	REFUSED=$(echo '#include <sys/syscall.h>' | cc -E -dM - |
	    sed -n "s/^#define __NR_\([^ ]*\) $REFUSED\$/\1/p")
	diag "system call refused: $REFUSED"
}

# counters [PID FILE]: what the last blade counts, or that one whose messages
# are in FILE; as of now, on a line in $T/counters
counters() {
	tap_said=${2:-$BLADE_ERR}
	tap_lines=$(grep -c 'counters shelf=' "$tap_said") || :
	kill -USR1 "${1:-$BLADE_PID}"
	wait_for 20 tap_counted "$tap_said" "$tap_lines" ||
		bail 'no counters'
	grep 'counters shelf=' "$tap_said" | tail -n 1 >"$T/counters"
}

tap_counted() {
	[ "$(grep -c 'counters shelf=' "$1")" -gt "$2" ]
}

counter() {	# NAME [PID FILE]: one of them
	tap_name=$1
	shift
	counters "$@"
	value_of "$tap_name" "$T/counters"
}

# ---- the initiator ----

# It asks for longer than usual: a machine or a disk may be busy elsewhere.
ini() {
	# shellcheck disable=SC2086	# INI_OPTS is a list of words
	ip netns exec "$INS" "$INITIATOR" -i "$IIF" -n 30 $INI_OPTS \
	    ${VBLADE_WRAP:+-t 5000} "$@"
}

# In the background, output to FILE: ini_bg FILE ARGUMENT...; INI_PID
ini_bg() {
	tap_file=$1
	shift
	: >"$tap_file"		# what was there is not of this one
	# shellcheck disable=SC2086	# INI_OPTS is a list of words
	ip netns exec "$INS" "$INITIATOR" -i "$IIF" -n 30 $INI_OPTS \
	    ${VBLADE_WRAP:+-t 5000} "$@" >"$tap_file" 2>&1 </dev/null &
	INI_PID=$!
	TAP_PIDS="$TAP_PIDS $INI_PID"
}

# Its load has found the target, which need not be there all the time now.
under_way() {	# JOURNAL
	wait_for 20 test -s "$1" || bail "no load: $1"
}

# Adverts to FILE from now on: listen FILE [OPTION...]; LISTENER
listen() {
	tap_heard=$1
	shift
	ini_bg "$tap_heard" -t 60000 "$@" adverts
	wait_for 10 grep -q listening "$tap_heard" || bail 'cannot listen'
	# shellcheck disable=SC2034	# the test's
	LISTENER=$INI_PID
}

reap() {	# PID: wait for a background command; STATUS
	STATUS=0
	wait "$1" 2>/dev/null || STATUS=$?
	forget "$1"
}

# NAME ARGUMENT...: the initiator must get no answer
silent() {
	tap_name=$1
	shift
	exits "$tap_name" 2 ini -n 1 -t 200 "$@"
}

# key=value words as load and identify print them: value_of KEY [FILE]
value_of() {
	tr ' ' '\n' <"${2:-$T/try.out}" | sed -n "s/^$1=//p"
}
