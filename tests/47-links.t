#!/bin/sh
# More weather: carrier, promiscuity, a full queue, a bridge; several links.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
have strace || skip_all 'needs strace'
truncate -s 8M "$T/disk"

# heard FILE [MAC]: an advert from there
# shellcheck disable=SC2317,SC2329	# called through wait_for
heard() {
	grep -q "^f\{12\}$(echo "${2:-$TMAC}" | tr -d :)88a2180000090001" "$1"
}

# shellcheck disable=SC2317,SC2329	# called through wait_for
running() {
	ip -n "$TNS" link show dev "$1" | grep -q 'state UP'
}

# shellcheck disable=SC2317,SC2329	# called through wait_for
stopped() {
	ip -n "$TNS" link show dev "$1" | grep -q 'state DOWN'
}

# calls of the blade in three seconds
calls() {
	: >"$T/strace"
	strace -q -p "$BLADE_PID" -o "$T/strace" 2>/dev/null &
	strace=$!
	TAP_PIDS="$TAP_PIDS $strace"
	sleep 3
	kill -INT "$strace"
	reap "$strace"
	# the call that it sleeps in is shown once, and cut short once
	grep -c -v -e '<detached' -e '^strace' "$T/strace"
}

# cpu that the blade has used, in hundredths of a second
ticks() {
	awk '{ print $14 + $15 }' "/proc/$BLADE_PID/stat"
}

start_blade 9 0 "$TIF" "$T/disk"
ok 'it answers' ini discover e9.0
if [ -z "$VBLADE_WRAP" ]; then
	# a link may still have news, or somebody want the counters
	for _ in 1 2 3; do
		n=$(calls || :)
		[ "$n" != 0 ] || break
	done
	is 'an idle blade makes no call' "$n" 0
	like 'and was seen to sleep' "$(cat "$T/strace")" '^ppoll'
fi

# No memory for larger frames just then.
# A limit may be set from outside only for a process of the same user.
if [ -z "$VBLADE_WRAP" ]; then
	stop_blade
	start_blade -u root 9 0 "$TIF" "$T/disk"
	ok 'as root: it answers' ini discover e9.0
	prlimit --pid "$BLADE_PID" --as=4096:unlimited
	set_mtu 3000
	ok 'no memory for a ring: it says so' \
	    wait_for 10 grep -q '^vblade: receive ring: ' "$BLADE_ERR"
	silent 'and hears nothing' discover e9.0
	before=$(ticks)
	sleep 1
	ok 'nor does it spin' test $(($(ticks) - before)) -lt 20
	prlimit --pid "$BLADE_PID" --as=unlimited:unlimited
	ok 'memory again: it serves' \
	    wait_for 5 ini -n 1 -t 500 read e9.0 0 1
	like 'and says so' "$(cat "$BLADE_ERR")" 'there is memory again$'
	is 'each once' "$(grep -c 'receive ring' "$BLADE_ERR")" 2
	set_mtu 1500
	ok 'and goes on' wait_for 5 ini -n 1 -t 500 read e9.0 0 1
	stop_blade
	start_blade 9 0 "$TIF" "$T/disk"
fi

# A frame for another host, on an interface that hears everything.
link promisc on
link allmulticast on
ok 'promiscuous: answers to its own address' ini -a "$TMAC" discover e9.0
# a write of one sector, all of aa, to LBA 6, for MAC
write_frame() {
	echo "$1 $IMAC 88a2 1000 0009 00 00 00000001 41000134" \
	    "06 00 00 00 00 00 0000" | tr -d ':\n '
	printf 'aa%.0s' $(seq 512)
}

ini -n 1 -t 300 raw "$(write_frame 02:ae:00:00:00:99)" >"$T/raw" || :
is 'promiscuous: not for another host' "$(cat "$T/raw")" ''
ok 'promiscuous: and does not write for it' ini verify e9.0 6 1 0
ini -n 1 -t 300 raw "$(write_frame "$TMAC")" >"$T/raw" || :
not_ok 'promiscuous: as it would for its own' ini verify e9.0 6 1 0
link promisc off
link allmulticast off
stop_blade

truncate -s 0 "$T/disk"
truncate -s 8M "$T/disk"

# Drivers without room.  What sends is interposed, for a queue here never stays
# full: STUCK names a link by which nothing leaves, and REFUSED a file that
# counts the attempts; or nothing leaves for a while, and some is lost.
cat >"$T/full.c" <<'END'
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static unsigned *refused;	/* attempts, for the test to read */
static int link_index;		/* of the stuck one */
static int stuck = -1;		/* the descriptor that sends there */

static void __attribute__((constructor))
begin(void)
{
	int fd;

	if (getenv("STUCK") == NULL)
		return;
	fd = open(getenv("REFUSED"), O_RDWR);
	refused = mmap(NULL, 4, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	link_index = (int)if_nametoindex(getenv("STUCK"));
}

int
bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	const struct sockaddr_ll *ll = (const void *)sa;

	if (sa->sa_family == AF_PACKET && ll->sll_ifindex == link_index)
		stuck = fd;
	return (int)syscall(SYS_bind, fd, sa, len);
}

static int
full(int fd)
{
	static unsigned calls;

	if (refused != NULL) {
		*refused += fd == stuck;
		return fd == stuck;
	}
	calls++;
	return calls % 2 == 0 || (calls > 200 && calls < 300);
}

int
sendmmsg(int fd, struct mmsghdr *msg, unsigned n, int flags)
{
	if (full(fd)) {
		errno = ENOBUFS;
		return -1;
	}
	return (int)syscall(SYS_sendmmsg, fd, msg, n, flags);
}
END
[ -n "$VBLADE_WRAP" ] || ! have cc ||
    cc -shared -fPIC -o "$T/full.so" "$T/full.c" || :

# with_full NETIF [NAME=VALUE...]: start a blade with it
with_full() {
	netif=$1
	shift
	VBLADE_WRAP="env ASAN_OPTIONS=verify_asan_link_order=0 \
	    LD_PRELOAD=$T/full.so $*"
	start_blade 9 0 "$netif" "$T/disk"
	VBLADE_WRAP=''
}

if [ -e "$T/full.so" ]; then
	with_full "$TIF"
	try ini load -T 3 -w 16 -G 30000 -o "$T/journal1" e9.0
	is 'ENOBUFS: the load goes through' "$STATUS" 0
	is 'ENOBUFS: no mismatch' "$(value_of mismatches)" 0
	ok 'ENOBUFS: what was acknowledged is there' \
	    "$INITIATOR" check "$T/disk" "$T/journal1"
	kill -USR1 "$BLADE_PID"
	wait_for 5 grep -q ' send_lost=[1-9]' "$BLADE_ERR" || :
	like 'ENOBUFS: frames that could not leave are counted' \
	    "$(cat "$BLADE_ERR")" ' send_lost=[1-9]'
	stop_blade
else
	skip 'ENOBUFS' 'needs cc, and no wrapper'
fi

# Two cables to one disk.
mac2=02:ae:00:00:00:11 if2=vbt$$.2 far2=vbi$$.2
cable2() {
	ip -n "$TNS" link add "$if2" address "$mac2" type veth \
	    peer name "$far2" address 02:ae:00:00:00:12 netns "$INS"
	ip -n "$TNS" link set "$if2" up
	ip -n "$INS" link set "$far2" up
}

one=$IIF
by() {		# 1 or 2: which of the two the initiator uses
	IIF=$one
	[ "$1" = 1 ] || IIF=$far2
}

cable2
truncate -s 0 "$T/disk"
truncate -s 8M "$T/disk"
listen "$T/heard2.1"
on1=$LISTENER
by 2
listen "$T/heard2.2"
on2=$LISTENER
start_blade 9 0 "$TIF,$if2" "$T/disk"
ok 'two links: advertises on one' wait_for 5 heard "$T/heard2.1"
ok 'two links: and on the other, by its own address' \
    wait_for 5 heard "$T/heard2.2" "$mac2"
kill "$on1" "$on2" && reap "$on1" && reap "$on2"
by 1
like 'two links: answers by the first' "$(ini discover e9.0)" "^e9.0 $TMAC "
ok 'two links: what is written by one' ini stamp e9.0 12000 64 5
ok 'two links: is reserved by one' ini reserve set e9.0 "$IMAC"
by 2
like 'two links: answers by the second' "$(ini discover e9.0)" "^e9.0 $mac2 "
exits 'two links: is reserved on the other' 3 ini read e9.0 0 1
ok 'two links: until forced there' ini reserve force e9.0
ok 'two links: and read there' ini verify e9.0 12000 64 5
ok 'two links: a config string set there' ini config force e9.0 both
by 1
is 'two links: is read here' "$(ini config read e9.0)" both

# Loads by both on one disk, each writing over what the other may have
# written; then one is pulled out, and comes back under its name.
load() {	# N OTHER: by link N, as writer N
	by "$1"
	ini_bg "$T/load.$1" load -O -T 4 -w 16 -G 30000 -y "$1,$2" \
	    -R "$((($1 - 1) * 2048)),2176" -Y 2048,128 \
	    -o "$T/load.$1.journal" e9.0
}

load 1 2
load1=$INI_PID
load 2 1
load2=$INI_PID
by 1
listen "$T/heard3"
under_way "$T/load.1.journal"
under_way "$T/load.2.journal"
sleep 1
ip -n "$TNS" link set "$TIF" down
sleep 1
is 'one link down: the blade stays' "$(gone "$BLADE_PID" || echo yes)" yes
by 2
ok 'one link down: it answers by the other' ini discover e9.0
ip -n "$TNS" link set "$TIF" up
ok 'the link up: advertises on it' wait_for 5 heard "$T/heard3"
kill "$LISTENER" && reap "$LISTENER"
reap "$load1"
is 'load by the link that was lost' "$STATUS" 0
is 'no mismatch there' "$(value_of mismatches "$T/load.1")" 0
reap "$load2"
is 'load by the other' "$STATUS" 0
is 'no mismatch there' "$(value_of mismatches "$T/load.2")" 0
is 'and the other lost nothing' "$(value_of errors "$T/load.2")" 0

# One goes for good: the other is all that is left, and then neither.
ip -n "$TNS" link del "$if2"
by 1
ok 'one link gone: the disk is served' ini discover e9.0
cable2
by 2
ok 'a new one under its name serves' \
    wait_for 5 ini -n 1 -t 200 read e9.0 0 1
stop_blade

# A queue that stays full, as behind a switch that says pause: once one frame
# has been waited for in vain, the others of that link cost one attempt each,
# and the other link no time.
if [ -e "$T/full.so" ]; then
	head -c 4 /dev/zero >"$T/refused"
	with_full "$TIF,$if2" "STUCK=$if2" "REFUSED=$T/refused"
	ini -n 30 -t 10 discover e9.0 >"$T/try.out" 2>&1 || :
	is 'a stuck link: no answer' "$(grep -c '^e9' "$T/try.out")" 0
	by 1
	ok 'a stuck link: the other serves' ini verify e9.0 12000 64 5
	kill -USR1 "$BLADE_PID"
	wait_for 5 grep -q ' send_lost=' "$BLADE_ERR" || :
	lost=$(value_of send_lost "$BLADE_ERR")
	ok 'a stuck link: replies are lost' test "$lost" -ge 10
	ok 'a stuck link: and not waited for' \
	    test "$(($(od -An -tu4 "$T/refused")))" -le "$((lost * 2 + 8))"
	stop_blade
else
	skip 'a stuck link' 'needs cc, and no wrapper'
fi

by 1
# A switch of its own, whose carrier goes when its cable is pulled out here
switch=vbs$$
ip -n "$TNS" link add "$switch" address "$TMAC" type bridge ||
	bail 'cannot make a bridge'
ip -n "$TNS" link set "$TIF" address 02:ae:00:00:00:03 master "$switch"
ip -n "$TNS" link set "$switch" up
cable=$TIF TIF=$switch
start_blade 9 0 "$TIF" "$T/disk"
ok 'on a switch: it answers' ini discover e9.0
listen "$T/heard1"
ip -n "$TNS" link set "$cable" down
wait_for 10 stopped "$TIF" || bail 'the carrier does not go'
silent 'carrier lost: silence' discover e9.0
ok 'carrier lost: it lives' test -e "/proc/$BLADE_PID"
ip -n "$TNS" link set "$cable" up
wait_for 10 running "$TIF" || bail 'the carrier does not come back'
# within a second: see 47-recovery
ok 'carrier back: advertises' wait_for 10 heard "$T/heard1"
ok 'and answers' ini discover e9.0
kill "$LISTENER" && reap "$LISTENER"

stop_blade

# An interface that becomes a port: its frames are the bridge's from then on.
# shellcheck disable=SC2317,SC2329	# called through wait_for
told() {	# TIMES WHAT: so often in its log, since the start
	[ "$(grep -c "^vblade: $cable: $2" "$BLADE_ERR")" = "$1" ]
}
port="part of the bridge $switch, which takes what comes in there; name $switch"
alone='no longer part of another interface; '

ip -n "$TNS" link set "$cable" nomaster
ip -n "$TNS" link set "$cable" address "$TMAC"
start_blade 9 0 "$cable" "$T/disk"
ok 'before it is a port: it answers' ini discover e9.0
ip -n "$TNS" link set "$cable" master "$switch"
ok 'a port: the operator is told what to name' \
    wait_for 10 told 1 "$port instead"
silent 'and nothing is heard' discover e9.0
ip -n "$TNS" link set "$switch" down	# news, and none of this
listen "$T/heard4"
ip -n "$TNS" link set "$cable" nomaster
ok 'no more a port: it serves' wait_for 1 ini -n 1 -t 200 read e9.0 0 1
ok 'and advertises' wait_for 10 heard "$T/heard4"
ok 'and the operator is told' wait_for 10 told 1 "$alone"
is 'and no more than that' "$(grep -c "^vblade: $cable: " "$BLADE_ERR")" 2
kill "$LISTENER" && reap "$LISTENER"

# More news than the kernel keeps for us, and that is the last of it.
seq -f "link set $switch mtu %g" 1001 1500 >"$T/many"
kill -STOP "$BLADE_PID"
ip -n "$TNS" -b "$T/many"
ip -n "$TNS" link set "$cable" master "$switch"
kill -CONT "$BLADE_PID"
ok 'a port while much else happened: the operator is told' \
    wait_for 10 told 2 "$port"
ip -n "$TNS" link set "$cable" nomaster
ok 'and hears of later news' wait_for 10 told 2 "$alone"
stop_blade

ip -n "$TNS" link set "$cable" master "$switch"
start_blade 9 0 "$cable" "$T/disk"
ok 'a port from the start: so it is told' wait_for 10 told 1 "$port"
ip -n "$TNS" link del "$switch"
ok 'the bridge is deleted: it is told' wait_for 10 told 1 "$alone"
ok 'and serves' wait_for 1 ini -n 1 -t 200 read e9.0 0 1

done_testing
