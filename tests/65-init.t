#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Blades from boot on: the SysV script as it is; those for OpenRC and OpenWrt
# with stand-ins for openrc-run, rc.common and procd.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
[ -f "$TOP/contrib/sysv/vblade" ] || skip_all 'needs contrib in the tree'
shell='sh'
! have dash || shell='dash'

mkdir "$T/sbin" "$T/bin" "$T/conf" "$T/run" "$T/rc"
cp "$TOP/vbladed" "$T/sbin/vbladed"
{
	echo '#!/bin/sh'
	echo "exec $VBLADE_WRAP '$VBLADE' \"\$@\""
} >"$T/sbin/vblade"
cat >"$T/bin/logger" <<END
#!/bin/sh
case "\$*" in
*' -- '*) echo "\$*" ;;
*) exec cat ;;
esac >>'$T/log'
END
# The scripts, which call the one vblade-start, as they are installed here.
# With VBLADE_WRAP the program's own name is another one.
script() {	# FILE NAME
	sed -e "s,/usr/local/libexec,$T," -e "s,^sbin=.*,sbin=$T/sbin," \
	    -e "s,^PATH=,PATH=$T/bin:," ${VBLADE_WRAP:+-e 's/ | sed 1q//'} \
	    "$TOP/contrib/$1" >"$T/$2"
	chmod 755 "$T/$2"
}
script start/vblade-start vblade-start
script sysv/vblade sysv
script openrc/vblade openrc
chmod 755 "$T/sbin"/* "$T/bin"/*

conf() {	# NAME LINE...
	conf_file=$T/conf/$1.conf
	shift
	printf '%s\n' "$@" >"$conf_file"
}

# in_space COMMAND...: with the directories of the test
# shellcheck disable=SC2317,SC2329	# called through exits, as others below
in_space() {
	ip netns exec "$TNS" env PATH="$T/bin:$PATH" VBLADE_CONF_D="$T/conf" \
	    VBLADE_RUN="$T/run" timeout 60 "$@"
}

# shellcheck disable=SC2317,SC2329	# called through exits
sysv() {
	in_space "$shell" "$T/sysv" "$@"
}

# Blades that the log tells of, and only as long as they are ours.
# shellcheck disable=SC2016	# for later
at_exit 'for p in $(sed -n "s/.*pid \([0-9]*\): e9\..*/\1/p" "$T/log"); do
	! grep -qsF "$T/" "/proc/$p/cmdline" || kill -KILL "$p"
done'

# ---- SysV ----

exits 'no blade yet' 0 sysv start
exits 'and its status' 3 sysv status
exits 'no command' 2 sysv
exits 'one that there is not' 2 sysv begin
like 'shows those there are' "$ERR" '^usage: .*start\|stop\|restart'
chmod 644 "$T/vblade-start"
exits 'vblade-start is not installed' 5 sysv start
like 'says so' "$ERR" "^vblade: $T/vblade-start: not found; install it"
chmod 755 "$T/vblade-start"

disk="$T/a disk  with 'odd' \"name\""
truncate -s 1M "$disk" "$T/build.img"
conf mail '# a blade' 'shelf=9' 'slot=0' "netif=$TIF" \
    "filename=\"$T/a disk  with 'odd' \\\"name\\\"\"" "options='-r -l 5'" \
    "ionice='--class 2 --classdata 6'"
conf build 'export shelf=9' 'slot=1 ;' "netif=$TIF" "filename=$T/build.img"
conf wrong 'shelf=9' 'slot=900' "netif=$TIF" "filename=$T/build.img"
conf skeleton '# shelf=9' ''

exits 'start all: one file is wrong' 6 sysv start
like 'it is named' "$ERR" \
    "^vblade-start: $T/conf/wrong.conf: slot=900: give a whole"
is 'and only that' "$(printf '%s\n' "$ERR" | grep -c '\.conf')" 1
like 'the others start' "$OUT" '^vblade: build: pid [0-9]+: e9\.1, '
ok 'and serve' ini stamp e9.1 0 2048 1
exits 'with their options' 4 ini stamp e9.0 0 1 1
ok 'all of them' ini read e9.0 0 5
mail=$(cat "$T/run/mail.pid")
is 'ionice has its words' "$(ionice -p "$mail")" 'best-effort: prio 6'
build=$(cat "$T/run/build.pid")
exits 'status of one' 0 sysv status mail
is 'says so' "$OUT" "vblade: mail is running, pid $mail"
exits 'status of all, one of which does not run' 3 sysv status
exits 'start again' 0 sysv start mail build
like 'leaves it alone' "$OUT" "build is already running, pid $build"

truncate -s 2M "$T/build.img"
exits 'reload' 0 sysv reload build
# A request would make it look at the size, too: ask nothing before it tells.
ok 'the blade has grown' wait_for 10 \
    grep -q 'build.img: 4096 sectors now' "$T/log"
ok 'and serves that' ini read e9.1 4095 1
exits 'reload one that does not run' 7 sysv reload wrong
exits 'force-reload' 0 sysv force-reload mail

conf build 'shelf=9' 'slot=1' "netif=$TIF" 'filename=build.img'
exits 'restart with a file that is wrong' 6 sysv restart build
like 'says why' "$ERR" 'build.conf: filename=build.img: give the whole path'
ok 'leaves the blade running' test -e "/proc/$build"
conf build 'shelf=9' 'slot=2' "netif=$TIF" "filename=$T/build.img"
exits 'restart with a good one' 0 sysv restart build
ok 'ends the old blade' gone "$build"
ok 'and has what is new' ini read e9.2 0 1
exits 'try-restart what does not run' 0 sysv try-restart wrong

exits 'stop one' 0 sysv stop mail
ok 'it is gone' gone "$mail"
not_ok 'so is its pid file' test -e "$T/run/mail.pid"
exits 'stop it again' 0 sysv stop mail
exits 'its status' 3 sysv status mail
ok 'the other runs' ini read e9.2 0 1
build=$(cat "$T/run/build.pid")
kill -KILL "$build"
wait_for 10 gone "$build" || :
exits 'the status of one that died' 1 sysv status build
exits 'starts again' 0 sysv start build
rm "$T/conf/build.conf"
build=$(cat "$T/run/build.pid")
exits 'stop all' 0 sysv stop
ok 'ends those whose file is gone as well' gone "$build"
is 'no pid file is left' "$(ls "$T/run")" ''

echo "$$" >"$T/run/mail.pid"
exits 'a pid that is another program by now' 1 sysv status mail
exits 'is not stopped' 0 sysv stop mail
not_ok 'only forgotten' test -e "$T/run/mail.pid"
if [ -z "$VBLADE_WRAP" ]; then
	tail -f "$T/sbin/vblade" >/dev/null &
	other=$!
	TAP_PIDS="$TAP_PIDS $other"
	echo "$other" | tee "$T/run/mail.pid" >"$T/run/vblade.mail.pid"
	exits 'nor one that has vblade as an argument' 1 sysv status mail
fi

# refused NAME ERE LINE...
refused() {
	refused_name=$1 refused_why=$2
	shift 2
	conf wrong "$@"
	exits "$refused_name" 6 sysv start wrong
	like "$refused_name: why" "$ERR" "conf/wrong.conf: .*$refused_why"
	is "$refused_name: in one line" "$(echo "$ERR" | wc -l)" 1
}
refused 'no shelf' 'shelf is not set' 'slot=1'
refused 'a shelf for all' 'shelf=65535: ' 'shelf=65535'
refused 'no interface' 'netif is not set' 'shelf=1' 'slot=1'
refused 'no shell' 'not a shell fragment' 'shelf=(' 'slot=1'
refused 'one that ends the shell' 'the file ends itself' 'exit 0'
refused 'an ionice that is none' 'ionice=-z' 'shelf=1' 'slot=1' 'netif=lo' \
    'filename=/dev/null' 'ionice=-z'
exits 'no such file' 6 sysv start other
exits 'a name that is none' 6 sysv start 'a;b'
conf wrong 'shelf=1' 'slot=1' "netif=$TIF" "filename=$T/none"
exits 'vblade refuses' 1 sysv start wrong
like 'its reason' "$ERR" "vblade: $T/none: "
like 'and the file' "$ERR" 'conf/wrong.conf: the blade did not start'
refused 'one that serves nothing' 'with -h or -V no blade is served' 'shelf=1' \
    'slot=1' "netif=$TIF" "filename=$T/build.img" 'options=-V'
conf wrong 'shelf=1' 'slot=1' "netif=$TIF" "filename=$T/none"

# ---- OpenRC ----

# openrc-run(8): the script is sourced, the command called between _pre and
# _post, and "restart" is a stop and a start.
cat >"$T/rc/openrc-run" <<END
for w in ebegin einfo; do
	eval "\$w() { echo \"\\\$*\"; }"
done
eerror() { echo "\$*" >&2; }
eend() {
	[ "\$1" -eq 0 ] || eerror "\$2"
	return "\$1"
}
want() { echo "want \$*"; }
use() { echo "use \$*"; }
after() { echo "after \$*"; }
service_started() { [ -e "$T/started" ]; }
RC_SVCNAME=\${1##*/} RC_CMD=\$2
. "\$1"
once() {
	if command -v "\$1_pre" >/dev/null; then
		"\$1_pre" || exit 1
	fi
	"\$1"
}
if [ "\$2" = restart ]; then
	(once stop) && once start
else
	once "\$2"
fi
END
cat >"$T/bin/start-stop-daemon" <<END
#!/bin/sh
echo "\$*" >>"$T/ssd"
while [ \$# -gt 0 ]; do
	[ "\$1" != --pidfile ] || file=\$2
	shift
done
pid=\$(cat "\$file") && kill -TERM "\$pid" || exit
while kill -0 "\$pid" 2>/dev/null; do sleep 0.05; done
END
chmod 755 "$T/bin/start-stop-daemon"
for name in vblade vblade.mail vblade.wrong; do
	ln -s "$T/openrc" "$T/rc/$name"
done

# shellcheck disable=SC2317,SC2329	# called through exits
openrc() {	# SERVICE COMMAND
	in_space "$shell" "$T/rc/openrc-run" "$T/rc/$1" "$2"
}

sed -i 's/ -l 5//' "$T/conf/mail.conf"
ok 'OpenRC: depend' openrc vblade.mail depend
like 'the network comes first' "$OUT" '^use net'
unlike 'it needs no service that some system lacks' "$OUT$ERR" 'need'
exits 'the script itself is no blade' 1 openrc vblade start
like 'says what to do' "$ERR" 'ln -s vblade /etc/init.d/vblade.mail'
exits 'status before, with the pid of another program' 3 \
    openrc vblade.mail status
if [ -z "$VBLADE_WRAP" ]; then
	kill "$other"
	reap "$other"
fi
ok 'start' openrc vblade.mail start
ok 'serves' ini read e9.0 0 5
exits 'with its options' 4 ini stamp e9.0 0 1 1
ok 'status' openrc vblade.mail status
mail=$(cat "$T/run/vblade.mail.pid")
is 'has the pid' "$OUT" "status: started, pid $mail"
truncate -s 2M "$disk"
ok 'reload' openrc vblade.mail reload
ok 'the blade has grown' wait_for 10 \
    grep -q 'name".*: 4096 sectors now' "$T/log"
ok 'and serves that' ini read e9.0 4095 1
cp "$T/conf/mail.conf" "$T/mail.conf"
conf mail 'shelf=9' 'slot=x'
exits 'restart with a file that is wrong' 1 openrc vblade.mail restart
like 'names it' "$ERR" "^$T/conf/mail.conf: slot=x: give a whole number"
not_ok 'leaves the blade running' gone "$mail"
cp "$T/mail.conf" "$T/conf/mail.conf"
ok 'restart' openrc vblade.mail restart
ok 'ends the old one' gone "$mail"
ok 'serves again' ini read e9.0 0 5
mail=$(cat "$T/run/vblade.mail.pid")
ok 'stop' openrc vblade.mail stop
ok 'it is gone' gone "$mail"
like 'it had its time' "$(tail -n 1 "$T/ssd")" '--retry TERM/180/KILL/5'
: >"$T/started"
exits 'status of one that died' 32 openrc vblade.mail status
ok 'start anew' openrc vblade.mail start
mail=$(cat "$T/run/vblade.mail.pid")
kill -KILL "$mail"
wait_for 10 gone "$mail" || :
not_ok 'reload of one that died' openrc vblade.mail reload
ok 'stop of one that died' openrc vblade.mail stop
not_ok 'its pid file goes' test -e "$T/run/vblade.mail.pid"
chmod 644 "$T/vblade-start"
exits 'vblade-start is not installed' 1 openrc vblade.wrong start
like 'says so' "$ERR" "^$T/vblade-start: not found"
chmod 755 "$T/vblade-start"
exits 'vblade refuses' 1 openrc vblade.wrong start
like 'its reason' "$ERR" "vblade: $T/none: "
like 'and the file' "$ERR" 'conf/wrong.conf: the blade did not start'

# ---- OpenWrt ----

# rc.common, config.sh and procd.sh: what they are told is printed.
cat >"$T/rc/common" <<'END'
config_load() {
	uci_s='' uci_n=0
	while read -r k n v; do
		case $k in
		config) uci_s="$uci_s $(eval echo "$v")" ;;
		option) eval "uci_${uci_s##* }_$n=$v" ;;
		esac
	done <"$CONFIG"
}
config_foreach() {
	for s in $uci_s; do "$1" "$s"; done
}
config_get() { eval "$1=\${uci_${2}_$3-}"; }
config_get_bool() { eval "$1=\${uci_${2}_$3:-$4}"; }
logger() { echo "$*" >&2; }
for w in open_instance set_param close_instance add_reload_trigger \
    send_signal; do
	eval "procd_$w() {
		printf '%s' $w
		printf ' [%s]' \"\$@\"
		echo
	}"
done
. "$1"
"$2"
END
# shellcheck disable=SC2317,SC2329	# called through exits
openwrt() {	# FILE COMMAND
	CONFIG=$1 "$shell" "$T/rc/common" \
	    "$TOP/contrib/openwrt/vblade.init" "$2"
}
example=$TOP/contrib/openwrt/vblade.config
ok 'OpenWrt: the example' openwrt "$example" start_service
is 'starts nothing' "$OUT$ERR" ''
{
	sed '/disabled/d' "$example"
	cat <<-'END'
	config vblade 'bad'
		option shelf '9'
		option slot '255'
	config vblade 'two'
		option shelf '9'
		option slot '1'
		option netif 'eth0,eth1'
		option device '/mnt/a disk.img'
	END
} >"$T/uci"
ok 'three sections' openwrt "$T/uci" start_service
is 'the wrong one is named' "$ERR" "-s -t vblade -p daemon.err\
 /etc/config/vblade: bad: slot '255': give a whole number from 0 to 254"
is 'the others start' "$(printf '%s\n' "$OUT" | grep open)" \
    "open_instance [disk]
open_instance [two]"
is 'a word each' "$(printf '%s\n' "$OUT" | grep command)" \
    "set_param [command] [/usr/sbin/vblade] [-s] [9] [0] [br-lan] [/dev/sda1]
set_param [command] [/usr/sbin/vblade] [9] [1] [eth0,eth1] [/mnt/a disk.img]"
is 'each is closed' "$(printf '%s\n' "$OUT" | grep -c close_instance)" 2
is 'and starts anew when it fails' "$(printf '%s\n' "$OUT" | grep -c respawn)" 2
ok 'triggers' openwrt "$T/uci" service_triggers
is 'a changed file' "$OUT" 'add_reload_trigger [vblade]'
ok 'resize' openwrt "$T/uci" resize
is 'is a hang-up' "$OUT" 'send_signal [vblade] [*] [HUP]'
ok 'counters' openwrt "$T/uci" counters
is 'is USR1' "$OUT" 'send_signal [vblade] [*] [USR1]'

done_testing
