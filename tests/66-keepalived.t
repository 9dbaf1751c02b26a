#!/bin/sh
# A blade moves between two hosts by the real keepalived, with the configuration
# and script of contrib/ha, while an initiator writes and verifies.  A host is a
# network, mount and process namespace, both share a loop device.
#
# LONG=1: eight more moves, four of them because the blade dies by itself.
# shellcheck disable=SC2016	# a host expands
# shellcheck disable=SC2317,SC2329	# called by wait_for
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

have keepalived losetup nsenter unshare setsid || skip_all 'needs keepalived'
case $VBLADE_WRAP$VBLADE in
*valgrind* | *build-san*) skip_all 'is about keepalived: plain only' ;;
esac
need_root
conf=$TOP/contrib/ha/README

# ---- half of a promotion ----

mkdir "$T/conf"
cat >"$T/conf/half" <<'END'
DEVICE=/dev/null WAIT=1 ACTIVE=false START=false STOP=false
PROMOTE="touch '$VBLADE_HA_RUN/primary' && false"
DEMOTE="rm '$VBLADE_HA_RUN/primary'"
END
exits 'a promotion that stops in the middle fails' 1 env VBLADE_HA="$T/conf" \
    VBLADE_HA_RUN="$T/conf" sh "$TOP/contrib/ha/vblade-ha" start half
not_ok 'and is taken back' test -e "$T/conf/primary"

# ---- attempts that take long ----

cat >"$T/conf/slow" <<'END'
DEVICE=/dev/null WAIT=2 ACTIVE=false START=true STOP=true DEMOTE=true
PROMOTE='echo attempt >>"$VBLADE_HA_RUN/attempts"; sleep 2; false'
END
exits 'a promotion that fails slowly' 1 env VBLADE_HA="$T/conf" \
    VBLADE_HA_RUN="$T/conf" sh "$TOP/contrib/ha/vblade-ha" start slow
is 'is not tried for longer than WAIT' "$(cat "$T/conf/attempts")" attempt

# ---- a blade that is about to be started again ----

cat >"$T/conf/again" <<'END'
DEVICE=/dev/null PROMOTE=true DEMOTE='test -e "$VBLADE_HA_RUN/stopped"'
ACTIVE=false STOP='touch "$VBLADE_HA_RUN/stopped"' WAIT=1
[ -e /nowhere ] && WAIT=60
END
exits 'a stop of one that fails now' 0 env VBLADE_HA="$T/conf" \
    VBLADE_HA_RUN="$T/conf" sh "$TOP/contrib/ha/vblade-ha" stop again
ok 'stops it for good, and then demotes' test -e "$T/conf/stopped"

# ---- two hosts and an initiator ----

# shellcheck disable=SC2034	# tap.sh's
INS=vbi$$ IIF=br0
new_space "$INS"
ip -n "$INS" link add br0 address "$IMAC" type bridge
ip -n "$INS" link set br0 up
truncate -s 4M "$T/disk"
loop=$(losetup -f --show "$T/disk" 2>/dev/null) || skip_all 'no loop device'
at_exit "losetup -d $loop"

# Namespaces that end with their first process, and what a host has of its own.
cat >"$T/host" <<'END'
mount -t tmpfs tmpfs /mnt && mkdir /mnt/u /mnt/v /mnt/w /mnt/x &&
mount -t overlay -o lowerdir=/etc,upperdir=/mnt/u,workdir=/mnt/w o /etc &&
mount -t overlay -o lowerdir=/usr/local,upperdir=/mnt/v,workdir=/mnt/x \
    o /usr/local &&
mount -t tmpfs -o mode=755 tmpfs /run &&
mkdir -p /etc/keepalived /etc/vblade-ha /usr/local/sbin || exit
chmod go-w /usr/local /usr/local/sbin
cp "$1/keepalived.conf" /etc/keepalived/
cp "$1/mail" /etc/vblade-ha/
install -m 755 "$1/vblade-ha" /usr/local/sbin/
# No syslog here.
printf '#!/bin/sh\necho "$*" >>/run/log\n' >/usr/local/sbin/logger
chmod 755 /usr/local/sbin/logger
: >"$1/up$2"
while :; do
	sleep 1000
done
END
cp "$TOP/contrib/ha/vblade-ha" "$T/"
# As README has it, to the letter.
sed -n '/^    global_defs {/,/^$/s/^    //p' "$conf" >"$T/keepalived.conf"
# The options of README, and no service manager: START returns when it serves.
options=$(sed -n '/vblade -.* 9 0 eth0 .dev.drbd0$/{
	s/.*vblade \(-.*\) 9 0 .*/\1/p;q;}' "$conf")
isnt 'README has options for a blade' "$options" ''
cat >"$T/mail" <<END
DEVICE=$loop
PROMOTE=true
DEMOTE=true
START='setsid $VBLADE $options 9 0 eth0 $loop >/run/mail.out 2>&1 &
	echo \$! >/run/mail.pid
	until grep -q "^pid " /run/mail.out; do
		kill -0 \$! || { cat /run/mail.out; exit 1; }
		sleep 0.1
	done'
# Nobody reaps it: its command line is empty when it has ended.
ACTIVE='grep -q vblade "/proc/\$(cat /run/mail.pid 2>&1)/cmdline" 2>/dev/null'
STOP='pid=\$(cat /run/mail.pid); kill "\$pid" && n=0 &&
	while grep -q vblade "/proc/\$pid/cmdline"; do
		n=\$((n + 1)); [ \$n -lt 300 ] || exit 1; sleep 0.1
	done'
END

in_host() {	# N COMMAND...
	host_pid=$(cat "$T/pid$1")
	shift
	nsenter -t "$host_pid" -m -n -p -r -w "$@"
}

host() {	# N: boot it
	rm -f "$T/up$1"
	ip netns exec "vbh$1$$" unshare --mount --pid --fork --kill-child \
	    --mount-proc sh "$T/host" "$T" "$1" >"$T/host$1" 2>&1 &
	eval "HOST$1=$!"
	TAP_PIDS="$TAP_PIDS $!"
	wait_for 20 test -e "$T/up$1" || {
		diag "$(cat "$T/host$1")"
		skip_all 'no overlay or no process namespace here'
	}
	pgrep -P "$!" >"$T/pid$1"
}

crash() {	# N: all its processes at once
	kill -KILL "$(cat "$T/pid$1")"
	eval "reap \$HOST$1"
}

keepalived_on() {	# N: start it
	in_host "$1" sh -c 'setsid keepalived -nlD >>/run/log 2>&1 &'
}

status() {	# N: is the blade active there?
	in_host "$1" vblade-ha status mail
}

logged() {	# N PATTERN
	in_host "$1" grep -q "$2" /run/log
}

traffic() {	# N: its blade writes for the initiator
	in_host "$1" sh -c 'kill -USR1 "$(cat /run/mail.pid)"
	    sleep 0.1; grep -q " writes=[1-9]" /run/mail.out'
}

# host N: what it said
told() {
	diag "host $1:" "$(in_host "$1" sh -c 'tail -n 25 /run/log | cut -c1-200
	    tail -n 5 /run/mail.out')"
}

moved() {	# NAME N: the blade is there now, and the load goes on
	wait_for 60 status "$2" || {
		told 0
		told 1
		bail "$1: host $2 is not active"
	}
	pass "$1: host $2 is active"
	ok "$1: the load goes on there" wait_for 30 traffic "$2"
	TAP_MOVES=$((TAP_MOVES + 1))
}
TAP_MOVES=0

for n in 0 1; do
	new_space "vbh$n$$"
	ip -n "vbh$n$$" link add eth0 address "02:ae:00:00:01:0$n" type veth \
	    peer name "host$n" netns "$INS"
	ip -n "vbh$n$$" addr add "10.9.0.1$n/24" dev eth0
	ip -n "vbh$n$$" link set eth0 up
	ip -n "$INS" link set "host$n" master br0 up
	host $n
done

# ---- moving ----

try in_host 0 keepalived -t
is "README's configuration: keepalived has nothing to say" \
    "$STATUS:$OUT$ERR" 0:
keepalived_on 0
keepalived_on 1
either() {
	status 0 || status 1
}
# a: where the blade is; on a machine that stands still for seconds keepalived
# may have moved it since we looked last.
look() {
	wait_for 60 either || {
		told 0
		told 1
		bail 'no host is active'
	}
	a=0
	status 0 || a=1
	b=$((1 - a))
}
both() {
	status 0 && status 1
}
look
pass 'one of them is active'
not_ok 'and only one' both
ini_bg "$T/load" load -f -G 100000 -T 300 -o "$T/journal" -w 8 e9.0
load=$INI_PID
ok 'an initiator writes' wait_for 30 traffic $a

# A stop that takes longer than keepalived waits for it.
in_host $a sh -c 'cat >>/etc/vblade-ha/mail <<END
STOP="sleep 3; \$STOP" DEMOTE="touch /run/demoted"
END
kill "$(cat /run/keepalived.pid)"'
moved 'keepalived is stopped' $b
ok 'the first host demotes, though keepalived is gone' \
    wait_for 30 in_host $a test -e /run/demoted
not_ok 'the first host has no blade' status $a
ok 'nor the address, which is on the other' in_host $b sh -c \
    'ip addr show dev eth0 | grep -q 10.9.0.90/'
ok 'keepalived ends' wait_for 30 in_host $a test ! -e /run/keepalived.pid
in_host $a rm /run/log
keepalived_on $a
ok 'keepalived is started again' wait_for 30 logged $a 'Entering BACKUP STATE'
not_ok 'one host is active, as before' both

look
crash $a
moved 'its host crashes' $b
host $a
keepalived_on $a
ok 'it is there again' wait_for 30 logged $a 'Entering BACKUP STATE'
not_ok 'one host is active, as before' both

n=0
while [ "${LONG:-0}" = 1 ] && [ $n -lt 4 ]; do
	n=$((n + 1))
	look
	in_host $b truncate -s 0 /run/log
	in_host $a truncate -s 0 /run/log
	in_host $a sh -c 'kill -KILL "$(cat /run/mail.pid)"'
	moved "$n: the blade dies by itself" $b
	ok "$n: its host is there again" wait_for 30 logged $a \
	    'Entering BACKUP STATE'
	look
	crash $a
	moved "$n: the host crashes" $b
	host $a
	keepalived_on $a
	ok "$n: it is there again" wait_for 30 logged $a \
	    'Entering BACKUP STATE'
done

kill -TERM "$load"
reap "$load"
is 'every sector was what it should be' "$STATUS" 0
like 'no mismatch, no error' "$(cat "$T/load")" \
    'mismatches=0 errors=0 faults=0 unanswered=0 '
moves=$(value_of moves "$T/load")
ok "$moves moves, at least $TAP_MOVES" [ "$moves" -ge "$TAP_MOVES" ]
diag "$(cat "$T/load")"
exits 'the store has what was acknowledged' 0 "$INITIATOR" check "$T/disk" \
    "$T/journal"
diag "$OUT"
look
in_host $b sh -c 'kill "$(cat /run/keepalived.pid)"'
in_host $a sh -c 'kill "$(cat /run/keepalived.pid)"'
stopped() {
	! either
}
ok 'keepalived is stopped on both: the blade ends' wait_for 30 stopped
crash 0
crash 1
done_testing
