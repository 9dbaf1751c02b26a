# shellcheck shell=sh
# What a scenario is written with.  Sourced by "scenario", in namespaces of its
# own: interfaces have plain names, and all of it goes when the shell goes.
#
# Names that begin with _ are this file's own.
#
#	segment 0      guest 0 -- tap0 -- br0 -- peer0 == t0 -- vblade
#	                            guest 1 -- tap1 --'

# --- Results -----------------------------------------------------------------

last_point=$(date +%s)

# ok STATUS NAME: one test point; shows $TMP/diag where it failed.
ok() {
	_n=$(($(cat "$RUN/count") + 1))
	echo "$_n" >"$RUN/count"
	_now=$(date +%s)
	[ $((_now - last_point)) -lt 5 ] || note "$((_now - last_point)) s"
	last_point=$_now
	if [ "$1" = 0 ]; then
		echo "ok $_n - ${SCENARIO#??-}: $2"
		return 0
	fi
	echo $(($(cat "$RUN/failed") + 1)) >"$RUN/failed"
	echo "not ok $_n - ${SCENARIO#??-}: $2"
	[ ! -s "$TMP/diag" ] || tail -n 30 "$TMP/diag" | cut -c1-200 |
	    tr -cd '\t\n -~' | sed 's/^/# /'
	return 1
}

# check NAME COMMAND...: passes if the command does.
check() {
	_name=$1
	shift
	"$@" >"$TMP/diag" 2>&1
	ok $? "$_name"
}

# fails NAME COMMAND...: passes if the command ends with a failure of its own,
# not by a time limit or with a dead guest.
fails() {
	_name=$1
	shift
	"$@" >"$TMP/diag" 2>&1
	_status=$?
	echo "exit code $_status" >>"$TMP/diag"
	[ $_status -gt 0 ] && [ $_status -lt 124 ]
	ok $? "$_name"
}

# is NAME GOT WANTED
is() {
	printf 'got    %s\nwanted %s\n' "$2" "$3" >"$TMP/diag"
	[ "$2" = "$3" ]
	ok $? "$1"
}

# must NAME COMMAND...: as check, but without it the rest makes no sense.
must() {
	check "$@" || {
		note "the rest of this scenario needs that"
		end_scenario
	}
}

note() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

skip() {
	_n=$(($(cat "$RUN/count") + 1))
	echo "$_n" >"$RUN/count"
	echo "ok $_n - ${SCENARIO#??-}: $1 # SKIP $2"
}

# End here: guests off, capture summed up.  The namespace takes the rest.
end_scenario() {
	for _dir in "$TMP"/g[0-9]*; do
		[ ! -d "$_dir" ] || guest_off "${_dir##*/g}"
	done
	if [ -n "${capture_pid:-}" ]; then
		# The last frames come out of its buffer within a second.
		sleep 1
		kill "$capture_pid" 2>/dev/null
		wait "$capture_pid" 2>/dev/null
		note "what the guest and the target sent:"
		"$RUN/tally" "$TMP/capture" | sed 's/^/# /'
	fi
	: >"$TMP/done"
	exit 0
}

# --- Links -------------------------------------------------------------------

# segment N [MTU]: a bridge for guests and the link tN for targets.
segment() {
	ip link add "br$1" type bridge &&
	ip link add "t$1" address "02:00:00:00:00:0$1" mtu "${2:-1500}" \
	    type veth peer name "peer$1" mtu "${2:-1500}" &&
	ip link set "peer$1" master "br$1" up &&
	ip link set "t$1" up &&
	ip link set "br$1" up
}

# link N up|down: the target's own end.  cable N in|out: the other end.
link() {
	ip link set "t$1" "$2"
}

cable() {
	case $2 in
	in)	ip link set "peer$1" up ;;
	out)	ip link set "peer$1" down ;;
	esac
}

# set_mtu N MTU: of all that is on the segment, the guests' own ends aside.
set_mtu() {
	for _dev in $(ls "/sys/class/net/br$1/brif") "t$1"; do
		ip link set "$_dev" mtu "$2" || return
	done
}

# capture DEV: start; the headers only, and no more than some 300 MB of them.
capture() {
	tcpdump -q -n -i "$1" -s 64 -B 8192 -c 3000000 -w "$TMP/capture" \
	    ether proto 0x88a2 >"$TMP/tcpdump.log" 2>&1 &
	capture_pid=$!
	wait_for 10 grep -q listening "$TMP/tcpdump.log"
}

# --- Targets -----------------------------------------------------------------

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
	_left=$(($1 * 10))
	shift
	until "$@" >/dev/null 2>&1; do
		_left=$((_left - 1))
		[ $_left -gt 0 ] || return 1
		sleep 0.1
	done
}

# disk NAME SIZE: an empty backing file NAME.img.
disk() {
	truncate -s "$2" "$TMP/$1.img"
}

# target NAME ARGUMENT...: start vblade, wait for its first line.
target() {
	_who=$1
	shift
	[ ! -e "$TMP/$_who.out" ] || cat "$TMP/$_who.out" >>"$TMP/$_who.log"
	: >"$TMP/$_who.out"
	case ${SABOTAGE:-} in
	'')	"$VBLADE" "$@" >"$TMP/$_who.out" 2>&1 & ;;
	*)	VBLADE_IO=sync LD_PRELOAD=$RUN/sabotage \
		    "$VBLADE" "$@" >"$TMP/$_who.out" 2>&1 & ;;
	esac
	echo $! >"$TMP/$_who.pid"
	wait_for 10 target_settled "$_who"
	cat "$TMP/$_who.out"
	target_alive "$_who"
}

target_settled() {
	grep -q 'pid [0-9]*:' "$TMP/$1.out" || ! target_alive "$1"
}

# A process that ended and was not waited for still answers kill -0.
target_alive() {
	_state=$(sed 's/.*) //;s/ .*//' "/proc/$(cat "$TMP/$1.pid")/stat" \
	    2>/dev/null)
	[ -n "$_state" ] && [ "$_state" != Z ]
}

# target_signal NAME SIGNAL
target_signal() {
	kill -s "$2" "$(cat "$TMP/$1.pid")" 2>/dev/null
}

# target_stop NAME [SIGNAL]: returns its exit code, or 124 after 15 s.
target_stop() {
	target_signal "$1" "${2:-TERM}" || return
	wait_for 15 target_gone "$1" || return 124
	wait "$(cat "$TMP/$1.pid")"
}

target_gone() {
	! target_alive "$1"
}

# --- Guests ------------------------------------------------------------------

# guest_boot [-g N] [-m MTU] [-s SEGMENTS] [-k WORD] [QEMU-ARGUMENT...]: boot
# guest N with a NIC on each of the first SEGMENTS segments; WORD is for its
# kernel.
guest_boot() {
	_g=0 _mtu=1500 _nics=1 _word=''
	while :; do
		case ${1:-} in
		-g)	_g=$2 ;;
		-m)	_mtu=$2 ;;
		-s)	_nics=$2 ;;
		-k)	_word=$2 ;;
		*)	break ;;
		esac
		shift 2
	done
	_dir=$TMP/g$_g
	mkdir -p "$_dir/share"
	mkfifo "$_dir/ctl.in" "$_dir/ctl.out"
	echo 0 >"$_dir/seq"
	_i=0
	while [ $_i -lt "$_nics" ]; do
		tap_nic "$_g" $_i "$_mtu" virtio-net-pci
		# The ROM is for booting from the network: not here.
		# shellcheck disable=SC2086	# its arguments are words
		set -- "$@" $nic,romfile=
		_i=$((_i + 1))
	done
	# On a busy machine the kernel finds the emulated timer too slow, and
	# panics, unless it is told not to look.
	_append="console=ttyS0 panic=-1 loglevel=5 no_timer_check"
	qemu "$_g" -kernel "$IMAGE/vmlinuz" -initrd "$IMAGE/initrd" \
	    -append "$_append vbt.mtu=$_mtu $_word" \
	    -serial "file:$_dir/console" \
	    -chardev "pipe,id=ctl,path=$_dir/ctl" -serial chardev:ctl \
	    -virtfs "local,path=$_dir/share,mount_tag=share,security_model=none" \
	    "$@"
	wait_for 60 guest_settled "$_g"
	[ -e "$_dir/share/ready" ]
}

# tap_nic GUEST SEGMENT MTU MODEL: make the tap, set $nic to qemu's arguments.
tap_nic() {
	_tap=tap$1
	[ "$2" = 0 ] || _tap=tap$1s$2
	ip tuntap add "$_tap" mode tap
	ip link set "$_tap" mtu "$3" master "br$2" up
	nic="-netdev tap,id=n$2,ifname=$_tap,script=no,downscript=no"
	nic="$nic -device $4,netdev=n$2,mac=52:54:00:00:0$1:0$2"
}

# guest_again GUEST [QEMU-ARGUMENT...]: the machine that was booted, once more.
guest_again() {
	_args=$TMP/g$1/args
	while read -r _arg; do
		set -- "$@" "$_arg"
	done <"$_args"
	qemu "$@"
}

# qemu GUEST ARGUMENT...
qemu() {
	_dir=$TMP/g$1
	shift
	[ -e "$_dir/args" ] || printf '%s\n' "$@" >"$_dir/args"
	# shellcheck disable=SC2086	# the NIC's arguments are words
	qemu-system-x86_64 -accel tcg -machine pc -m 512 -smp 1 \
	    -cpu qemu64,+rdrand,+ssse3,+sse4.1,+sse4.2 -nodefaults \
	    -display none -no-reboot -device virtio-rng-pci "$@" \
	    >"$_dir/qemu.log" 2>&1 &
	echo $! >"$_dir/pid"
}

guest_alive() {
	_state=$(sed 's/.*) //;s/ .*//' "/proc/$(cat "$TMP/g$1/pid")/stat" \
	    2>/dev/null)
	[ -n "$_state" ] && [ "$_state" != Z ]
}

guest_gone() {
	! guest_alive "$1"
}

guest_settled() {
	[ -e "$TMP/g$1/share/ready" ] || ! guest_alive "$1"
}

# guest_bg [-g N] COMMAND: start it; prints the job's name for guest_wait.
guest_bg() {
	_g=0
	[ "$1" != -g ] || { _g=$2; shift 2; }
	_dir=$TMP/g$_g
	_job=$(($(cat "$_dir/seq") + 1))
	echo $_job >"$_dir/seq"
	printf '%s\n' "$1" >"$_dir/share/cmd.$_job"
	# Opened for reading too, so that it cannot block.
	echo $_job 1<>"$_dir/ctl.in"
	echo "$_g.$_job"
}

# guest_done JOB
guest_done() {
	[ -e "$TMP/g${1%.*}/share/rc.${1#*.}" ] || ! guest_alive "${1%.*}"
}

# guest_wait JOB [SECONDS]: its output; its exit code, or 124 for the limit,
# or 125 when the guest is dead.
guest_wait() {
	_share=$TMP/g${1%.*}/share
	_tries=$((${2:-60} * 20))
	until guest_done "$1"; do
		_tries=$((_tries - 1))
		[ $_tries -gt 0 ] || break
		sleep 0.05
	done
	cat "$_share/out.${1#*.}" 2>/dev/null
	if [ -e "$_share/rc.${1#*.}" ]; then
		return "$(cat "$_share/rc.${1#*.}")"
	elif guest_alive "${1%.*}"; then
		echo "guest: no end after ${2:-60} s: $(cat "$_share/cmd.${1#*.}")"
		return 124
	fi
	echo "guest ${1%.*} died:"
	tail -n 20 "${_share%/share}/console"
	return 125
}

# guest [-g N] [-t SECONDS] COMMAND: run it in the guest and wait for it.
guest() {
	_g=0 _t=60
	while :; do
		case $1 in
		-g)	_g=$2 ;;
		-t)	_t=$2 ;;
		*)	break ;;
		esac
		shift 2
	done
	guest_wait "$(guest_bg -g "$_g" "$1")" "$_t"
}

guest_off() {
	guest_alive "$1" || return 0
	if [ -e "$TMP/g$1/share/ready" ]; then
		guest_bg -g "$1" 'dmesg >/share/dmesg; poweroff -f' >/dev/null
		wait_for 10 guest_gone "$1"
	fi
	kill -KILL "$(cat "$TMP/g$1/pid")" 2>/dev/null
	wait "$(cat "$TMP/g$1/pid")" 2>/dev/null
}

# blade_up [-g N] NAME...: load the driver, wait until each of the disks is up.
blade_up() {
	_up_g=0
	[ "$1" != -g ] || { _up_g=$2; shift 2; }
	guest -g "$_up_g" -t 30 "modprobe aoe
	    for d in $*; do
		n=0
		until grep -q '^up' /sys/block/etherd!\$d/state 2>/dev/null; do
			n=\$((n + 1))
			[ \$n -lt 200 ] || { echo \$d: not up; exit 1; }
			[ \$((n % 20)) != 1 ] || aoe-discover
			sleep 0.1
		done
	    done"
}

# share GUEST PROGRAM NAME LIB: to where the guest finds it as /share/NAME, and
# its libraries in /share/LIB.
share() {
	mkdir -p "$TMP/g$1/share/$4" &&
	cp "$2" "$TMP/g$1/share/$3" || return
	for _lib in $(ldd "$2" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p'); do
		cp -L "$_lib" "$TMP/g$1/share/$4/" || return
	done
}

# blade_in_guest NAME PREPARE ARGUMENT...: run PREPARE in guest 0, then our
# vblade there; output to /tmp/NAME.out, its process id in /tmp/NAME.pid.
blade_in_guest() {
	_who=$1
	share 0 "$VBLADE" vblade lib
	guest "[ -e /tmp/vblade ] || cp -r /share/vblade /share/lib /tmp/ &&
	    $2" || return
	shift 2
	guest "LD_LIBRARY_PATH=/tmp/lib /tmp/vblade $* >/tmp/$_who.out 2>&1 &
	    echo \$! >/tmp/$_who.pid
	    n=0
	    until grep 'pid [0-9]*:' /tmp/$_who.out; do
		n=\$((n + 1))
		[ \$n -lt 100 ] || { cat /tmp/$_who.out; exit 1; }
		sleep 0.1
	    done"
}

# target_in_guest NAME SHELF SLOT PREPARE FILE: run PREPARE in guest 0, then our
# vblade on FILE there, in a namespace behind a veth pair: e0 is the driver's.
target_in_guest() {
	share 0 "$VBLADE" vblade lib
	guest "$4" && guest "
	    cp -r /share/vblade /share/lib /tmp/ && mkdir -p /var/run/netns &&
	    ip netns add t && ip link add e0 type veth peer name t0 netns t &&
	    # Else the driver's pages travel by reference, and can change while
	    # they wait in the target's queue.
	    ethtool -K e0 sg off &&
	    ip link set e0 up && ip netns exec t ip link set t0 up || exit 1
	    LD_LIBRARY_PATH=/tmp/lib ip netns exec t \
		/tmp/vblade $2 $3 t0 $5 >/tmp/$1.out 2>&1 &
	    echo \$! >/tmp/$1.pid
	    n=0
	    until grep 'pid [0-9]*:' /tmp/$1.out; do
		n=\$((n + 1))
		[ \$n -lt 50 ] || { cat /tmp/$1.out; exit 1; }
		sleep 0.1
	    done"
}

# sum NAME: the backing file's checksum.  guest_sum DISK: the device's, read
# past the guest's cache.
sum() {
	md5sum <"$TMP/$1.img" | cut -c1-32
}

guest_sum() {
	guest -t 120 "blockdev --flushbufs /dev/etherd/$1 &&
	    md5sum </dev/etherd/$1 | cut -c1-32"
}

# same_sum NAME DISK: what the guest reads is what the file holds.
same_sum() {
	_theirs=$(guest_sum "$2")
	is "the guest reads what the file holds" "$_theirs" "$(sum "$1")"
}

# shellcheck disable=SC2034	# for the scenarios
# fio_verify: fio's arguments for a load that checks each block by crc32c.
fio_verify='fio --name=v --ioengine=libaio --direct=1 --verify=crc32c \
	--verify_fatal=1 --verify_dump=0 --minimal --group_reporting'
