#!/bin/sh
# vbladed: in the background, what it says to syslog.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
[ -f "$TOP/vbladed" ] || skip_all 'needs vbladed in the tree'

# vbladed takes the vblade beside it, so that is where we put the one to test.
mkdir "$T/sbin" "$T/bin"
cp "$TOP/vbladed" "$T/sbin/vbladed"
{
	echo '#!/bin/sh'
	echo "exec $VBLADE_WRAP '$VBLADE' \"\$@\""
} >"$T/sbin/vblade"
# A logger that writes a file instead of a system's log.
cat >"$T/bin/logger" <<-END
	#!/bin/sh
	tag=none
	while [ \$# -gt 0 ]; do
		case \$1 in
		-t)	tag=\$2; shift 2 ;;
		--)	shift; break ;;
		-*)	shift ;;
		*)	break ;;
		esac
	done
	if [ \$# -gt 0 ]; then
		printf '%s: %s\n' "\$tag" "\$*"
	else
		sed -u "s/^/\$tag: /"
	fi >>'$T/log'
END
chmod 755 "$T/sbin"/* "$T/bin/logger"
: >"$T/log"

session() {	# PID
	sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f4
}

# shellcheck disable=SC2317,SC2329	# called through exits
vbladed() {
	ip netns exec "$TNS" env PATH="$T/bin:$PATH" \
	    timeout 30 sh "$T/sbin/vbladed" "$@"
}

# The blade's process, from its start-up line in the log.
daemon() {
	sed -n 's/.*pid \([0-9]*\): e9\.0,.*/\1/p' "$T/log" | tail -n 1
}
# shellcheck disable=SC2016	# for later
at_exit 'pid=$(daemon); [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null'

disk="$T/a disk  with 'odd' \"name\" \$HOME *"
truncate -s 1M "$disk"
exits 'a file name with spaces' 0 vbladed 9 0 "$TIF" "$disk"
ok 'the start line goes to syslog' \
    wait_for 5 grep -q '^vbladed: pid [0-9]*: e9\.0, 2048 ' "$T/log"
ok 'the blade serves' ini stamp e9.0 0 2048 1
pid=$(daemon)
ok 'its pid is the one it said' test -e "/proc/$pid"
isnt 'it has a session of its own' "$(session "$pid")" "$(session $$)"
unlike 'it has no terminal or file of the caller' \
    "$(readlink "/proc/$pid/fd/0" "/proc/$pid/fd/1" "/proc/$pid/fd/2")" \
    'tty|pts|try\.'

kill -USR1 "$pid"
ok 'what it says later goes to syslog as well' \
    wait_for 5 grep -q '^vbladed: vblade: counters' "$T/log"

# The same file again: the lock, told to the caller and to syslog.
not_ok 'a start that fails is told by the status' \
    vbladed 9 1 "$TIF" "$disk"
like 'and on stderr' "$ERR" "vblade: .*$pid"
ok 'and in syslog' wait_for 5 grep -q "^vbladed: vblade: .*$pid" "$T/log"
not_ok 'a missing file' vbladed 9 1 "$TIF" "$T/missing  file"
like 'is named, spaces and all' "$ERR" "$T/missing  file"
not_ok 'no arguments at all' vbladed
like 'get the usage' "$ERR" 'usage: vblade'
ok 'the end of the first' kill -TERM "$pid"
ok 'which ends' wait_for 5 gone "$pid"
ok 'and is told' wait_for 5 \
    grep -q '^vbladed: vbladed: .*ended, exit status 0' "$T/log"

exits 'options are passed on' 0 vbladed -r -o 1 -l 5 9 0 "$TIF" "$disk"
like 'the start line is shown' "$OUT" 'e9\.0, 5 sectors O_RDONLY'
ok 'and in effect: the length' ini read e9.0 0 5
exits 'and in effect: read-only' 4 ini stamp e9.0 0 1 1
pid=$(daemon)
kill -TERM "$pid"
ok 'and this one ends, too' wait_for 5 gone "$pid"

# A logger that understands severities gets them; the caller does not.
# shellcheck disable=SC2016
sed -i '2i\
case $1 in --help) echo "  --prio-prefix  --size <size>"; exit ;; esac' \
    "$T/bin/logger"
: >"$T/log"
exits 'a better logger' 0 vbladed -v 4095 0 "$TIF" "$disk"
is 'the caller is warned by name' "$ERR" \
    'vblade: shelf 4095: the Linux initiator refuses it'
ok 'syslog is, by severity' \
    wait_for 5 grep -q '^vbladed: <4>shelf 4095' "$T/log"
pid=$(sed -n 's/.*pid \([0-9]*\): e4095.*/\1/p' "$T/log")
ini discover e4095.0 >/dev/null
ok 'and of what comes later' \
    wait_for 5 grep -q '^vbladed: <7>.* on .*: discovery$' "$T/log"
kill -TERM "$pid"
ok 'its end' wait_for 10 gone "$pid"
ok 'is no more than a notice' wait_for 5 \
    grep -q '^vbladed: <5>vbladed: .*ended, exit status 0$' "$T/log"
not_ok 'a start that fails' vbladed 9 1 "$TIF" "$T/missing"
is 'the caller is told by name' "$(echo "$ERR" | sed 1q)" \
    "vblade: $T/missing: No such file or directory"
is 'syslog, that it is an error' "$(tail -n 2 "$T/log")" \
    "vbladed: <3>vblade: $T/missing: No such file or directory
vbladed: <3>vbladed: vblade ended, exit status 1"

# Nobody to tell.
: >"$T/log"
# shellcheck disable=SC2317,SC2329	# called through exits
untold() {
	vbladed "$@" >&- 2>&-
}
exits 'with output and error closed' 0 untold 9 0 "$TIF" "$disk"
pid=$(daemon)
ok 'the blade serves' ini discover e9.0
kill -TERM "$pid"
ok 'and ends' wait_for 10 gone "$pid"

# Ended while the blade starts, with all in its session, as by ^C.
mv "$T/sbin/vblade" "$T/sbin/real"
cat >"$T/sbin/vblade" <<END
#!/bin/sh
: >'$T/begun'
until [ -e '$T/go' ]; do sleep 0.05; done
exec '$T/sbin/real' "\$@"
END
chmod 755 "$T/sbin/vblade"
: >"$T/log"
setsid ip netns exec "$TNS" env PATH="$T/bin:$PATH" sh "$T/sbin/vbladed" \
    9 0 "$TIF" "$disk" >/dev/null 2>&1 &
pid=$!
TAP_PIDS="$TAP_PIDS $pid"
ok 'a slow start' wait_for 10 test -e "$T/begun"
kill -TERM "-$pid"
reap "$pid"
: >"$T/go"
ok 'vbladed is interrupted: that is told' wait_for 10 \
    grep -q '^vbladed: vbladed: interrupted; vblade is stopped$' "$T/log"
ok 'the blade does not go on' wait_for 10 \
    grep -q '^vbladed: <5>vbladed: .*ended, exit status 0$' "$T/log"

# A logger that fails at once.
mv "$T/sbin/real" "$T/sbin/vblade"
printf '#!/bin/sh\nexit 1\n' >"$T/bin/logger"
exits 'a logger that fails' 0 vbladed 4095 0 "$TIF" "$disk"
pid=${OUT#pid }
pid=${pid%%:*}
ok 'is no reason not to serve' ini discover e4095.0
ok 'nor to keep the pid to oneself' kill "$pid"
ok 'the blade ends' wait_for 10 gone "$pid"

done_testing
