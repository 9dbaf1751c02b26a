#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The script for FreeBSD's rc(8), with stand-ins for rc.subr and daemon(8): it
# starts, finds and stops what rc.conf names, with its words in their places.

# shellcheck source=tests/tap.sh
. "$(dirname -- "$0")/tap.sh"

# What the script uses of rc.subr, as rc.subr(8) describes it.
cat >"$T/rc.subr" <<EOF
load_rc_config() { . "$T/rc.conf"; }
warn() { echo "\$0: WARNING: \$*" >&2; }
check_pidfile() {
	read -r rc_p <"\$1" && kill -0 "\$rc_p" 2>/dev/null &&
	    tr '\\0' ' ' <"/proc/\$rc_p/cmdline" | grep -q "\$2" &&
	    echo "\$rc_p"
	return 0
}
wait_for_pids() {
	while kill -0 "\$1" 2>/dev/null; do sleep 0.05; done
}
run_rc_command() {
	case \$1 in
	reload | counters | status | start | stop | restart) ;;
	*) return 1 ;;
	esac
	[ "\$vblade_enable" = YES ] || return 0
	# a script's command is NAME_program, and is started once
	if [ "\$1" = start ] && [ -n "\${vblade_program:-}" ] &&
	    grep -q "\$vblade_program" /proc/[0-9]*/cmdline 2>/dev/null; then
		echo 'vblade already running?' >&2
		return 1
	fi
	eval "\\\$\${1}_cmd"
}
EOF
# daemon(8): a child with a pid file, a supervisor with another
cat >"$T/daemon" <<'EOF'
#!/bin/sh
echo "daemon $*" >>"${0%/*}/calls"
while getopts fR:Ss:T:P:p: c; do
	case $c in
	P) super=$OPTARG ;;
	p) pidfile=$OPTARG ;;
	esac
done
shift $((OPTIND - 1))
# The name of daemon stays in the supervisor's own arguments.
sh -c '
	"$@" &
	child=$!
	trap "kill -TERM $child; wait; rm -f $0; exit 0" TERM
	echo "$child" >"$0"
	while kill -0 "$child" 2>/dev/null; do wait; done
' "$pidfile" "$@" --for /usr/sbin/daemon >/dev/null 2>&1 </dev/null &
echo $! >"$super"
while [ ! -s "$pidfile" ]; do sleep 0.05; done
EOF
cat >"$T/program" <<'EOF'
#!/bin/sh
trap 'echo HUP >>"${0%/*}/signals"' HUP
trap 'echo USR1 >>"${0%/*}/signals"' USR1
trap 'exit 0' TERM
for word; do
	echo "[$word]"
done >"${0%/*}/words.new.$$"
mv "${0%/*}/words.new.$$" "${0%/*}/words.$1.$2"
while :; do
	sleep 0.05
done
EOF
chmod 755 "$T/daemon" "$T/program"
sed "s,^\. /etc/rc.subr,. $T/rc.subr,; s,^rundir=.*,rundir=$T,
    s,^	/usr/sbin/daemon -f,	$T/daemon -f," \
    "$TOP/contrib/freebsd/vblade" >"$T/vblade"
cat >"$T/rc.conf" <<EOF
vblade_enable=YES
vblade_exports='mail build'
vblade_mail_args='9 0 em0 /dev/null'
vblade_mail_flags='-s -b 16'
vblade_build_args='9 1 em0,em1 /srv/build.img'
vblade_program=$T/program
EOF
# shellcheck disable=SC2016	# expanded when the test ends
at_exit 'sh "$T/vblade" stop >/dev/null 2>&1'

# shellcheck disable=SC2317	# these are called by wait_for
there() {
	[ -f "$T/words.$1.$2" ]
}

# shellcheck disable=SC2317
heard() {
	grep -q "$1" "$T/signals"
}

ok 'start' sh "$T/vblade" start
wait_for 10 there -s -b || :
wait_for 10 there 9 1 || :
# the pid files come when they like
wait_for 10 sh "$T/vblade" status || :
is 'flags come before arguments, a word each' \
    "$(tr '\n' ' ' <"$T/words.-s.-b")" \
    '[-s] [-b] [16] [9] [0] [em0] [/dev/null] [--for] [/usr/sbin/daemon] '
is 'one without flags' "$(head -n 3 "$T/words.9.1" 2>/dev/null | tr '\n' ' ')" \
    '[9] [1] [em0,em1] '
like 'messages go to syslog under the name' "$(cat "$T/calls")" \
    '-S -s notice -T vblade.mail '
ok 'status' sh "$T/vblade" status
like 'both run' "$OUT" '^vblade build is running as pid [0-9]+'
ok 'start again' sh "$T/vblade" start mail
like 'says that it runs' "$OUT" '^vblade mail is already running'
is 'and starts nothing' "$(wc -l <"$T/calls")" 2

ok 'reload' sh "$T/vblade" reload mail
wait_for 10 heard HUP || :
ok 'counters' sh "$T/vblade" counters mail
wait_for 10 heard USR1 || :
is 'one blade hears of both' "$(tr '\n' ' ' <"$T/signals")" 'HUP USR1 '

ok 'stop one' sh "$T/vblade" stop mail
not_ok 'its status' sh "$T/vblade" status mail
ok 'the other runs on' sh "$T/vblade" status build
ok 'start beside it' sh "$T/vblade" start mail
ok 'runs' sh "$T/vblade" status mail
ok 'restart' sh "$T/vblade" restart build
ok 'runs again' wait_for 10 sh "$T/vblade" status build
ok 'stop all' sh "$T/vblade" stop
not_ok 'nothing runs' sh "$T/vblade" status
not_ok 'nothing to signal' sh "$T/vblade" reload

not_ok 'no arguments in rc.conf' sh "$T/vblade" start other
like 'says which' "$ERR" 'vblade_other_args is not set'
not_ok 'a name that is none' sh "$T/vblade" start 'a;b'
like 'says so' "$ERR" 'letters, digits and _ only'
done_testing
