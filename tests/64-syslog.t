#!/bin/sh
# The severities that a real syslog daemon files: rsyslogd with a socket of its
# own, util-linux's logger --prio-prefix, vblade through a pipe and vbladed.
# shellcheck disable=SC2016,SC2317,SC2329	# for later; called by wait_for
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source=SCRIPTDIR/faultfs.sh
. "$(dirname "$0")/faultfs.sh"

have rsyslogd logger || skip_all 'needs rsyslogd and logger'
logger --help 2>&1 | grep -q prio-prefix ||
	skip_all 'needs logger --prio-prefix'
case $VBLADE_WRAP$VBLADE in
*valgrind* | *build-san*) skip_all 'is about syslog: plain only' ;;
esac
network 1500
faulty 2048

# ---- the daemon ----

sock=$T/dev-log log=$T/log
cat >"$T/rsyslog.conf" <<END
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="$sock")
template(name="filed" type="string"
    string="%syslogfacility-text%.%syslogseverity-text% %programname%:%msg%\n")
action(type="omfile" file="$log" template="filed")
END
: >"$log"
rsyslogd -n -f "$T/rsyslog.conf" -i "$T/rsyslogd.pid" >"$T/rsyslogd.out" 2>&1 &
daemon=$!
TAP_PIDS="$TAP_PIDS $daemon"
listening() {
	logger -u "$sock" --socket-errors=on hello && grep -q hello "$log"
}
wait_for 20 listening || {
	diag "$(cat "$T/rsyslogd.out")"
	skip_all 'rsyslogd does not serve here'
}

filed() {	# NAME ERE: soon a line of the log
	if wait_for 20 grep -Eq -- "$2" "$log"; then
		pass "$1"
	else
		fail "$1" "want a match for: $2" "$(tail -n 20 "$log")"
	fi
}

signal() {
	kill "-$1" "$pid"
}

# ---- vblade, a pipe and logger ----

# A blade's words to syslog, as one would type it.
mkfifo "$T/words"
logger -u "$sock" -t blade --prio-prefix --size 8192 <"$T/words" &
reader=$!
TAP_PIDS="$TAP_PIDS $reader"
VBLADE_LOG=prefix ip netns exec "$TNS" "$VBLADE" -v -s 9 0 "$TIF" "$DISK" \
    >"$T/words" 2>&1 </dev/null &
pid=$!
TAP_PIDS="$TAP_PIDS $pid" TAP_BLADES="$TAP_BLADES $pid"
filed 'the start-up line: no severity, so the usual one' \
    '^user\.notice blade: pid [0-9]*: e9\.0, 2048 sectors'
ini discover e9.0 >/dev/null
filed '-v: debugging' '^user\.debug blade: .*: discovery$'
signal USR1
filed 'counters: information, and whole' \
    '^user\.info blade: counters shelf=9 .* [a-z_]+=[0-9,]+$'
tell read 5
not_ok 'a read that fails' ini read e9.0 0 1
tell heal
filed 'is an error' "^user\.err blade: $DISK: .* at sector 0, "
tell fsync 5 1
not_ok 'a sync that fails' ini stamp e9.0 0 1 1
filed 'is critical' "^user\.crit blade: $DISK: "
is 'nothing has its prefix twice, or in the text' \
    "$(grep -c '<[0-7]>' "$log")" 0
stop_blade "$pid"
ok 'logger ends with the blade' wait_for 10 gone "$reader"

# ---- vbladed ----

# Its logger is the real one, and only told the socket.
mkdir "$T/sbin" "$T/bin"
cp "$TOP/vbladed" "$VBLADE" "$T/sbin/"
[ -e "$T/sbin/vblade" ] || mv "$T/sbin/$(basename "$VBLADE")" "$T/sbin/vblade"
printf '#!/bin/sh\nexec %s -u "%s" "$@"\n' "$(command -v logger)" "$sock" \
    >"$T/bin/logger"
chmod 755 "$T/bin/logger"
truncate -s 1M "$T/disk"
ok 'vbladed' in_target env PATH="$T/bin:$PATH" timeout 30 \
    sh "$T/sbin/vbladed" -v 4095 1 "$TIF" "$T/disk"
pid=$(echo "$OUT" | sed -n 's/^pid \([0-9]*\):.*/\1/p')
[ -n "$pid" ] || bail "vbladed did not start: $OUT $ERR"
at_exit '[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null'
filed 'vbladed: the start-up line' '^user\.notice vbladed: pid [0-9]*: e4095\.1'
filed 'vbladed: a warning' '^user\.warning vbladed: shelf 4095: '
truncate -s 2M "$T/disk"
signal HUP
filed 'vbladed: a notice' "^user\.notice vbladed: $T/disk: 4096 sectors now$"
signal USR1
filed 'vbladed: counters, whole' \
    '^user\.info vbladed: counters shelf=4095 .* [a-z_]+=[0-9,]+$'
signal TERM
ok 'vbladed: the blade ends' wait_for 20 gone "$pid"
filed 'vbladed: and that is told, however the last line was filed' \
    '^user\.notice vbladed: vbladed: vblade ended, exit status 0$'
pid=''
not_ok 'vbladed: no such file' in_target env PATH="$T/bin:$PATH" timeout 30 \
    sh "$T/sbin/vbladed" 9 1 "$TIF" "$T/missing"
filed 'vbladed: is an error' \
    "^user\\.err vbladed: vblade: $T/missing: No such file"
filed 'vbladed: and so is its end' \
    '^user\.err vbladed: vbladed: vblade ended, exit status 1$'
done_testing
