# Mask and reservation as an administrator sets them while a guest has the disk
# limit 240 s
# shellcheck shell=sh disable=SC2016,SC2154	# the guest expands, lib.sh sets

guest_mac=52:54:00:00:00:00
admin_mac=02:00:00:00:01:00
other_mac=02:00:00:00:02:00

# The administrator is in a namespace of his own, on the same segment.
segment 0
unshare --net sleep 600 &
admin_pid=$!
sleep 0.2
ip link add admin address $admin_mac netns $admin_pid type veth peer name adminp
ip link set adminp master br0 up
nsenter -t $admin_pid -n ip link set admin up

# -L: short replies and the like are for other tests to judge.
admin() {
	nsenter -t $admin_pid -n "$RUN/initiator" -L -i admin "$@" 2>&1
}

# admin_gets CODE ARGUMENT...: this exit code; 2 no answer, 3 an AoE error.
admin_gets() {
	wanted=$1
	shift
	admin "$@"
	got=$?
	echo "exit code $got"
	[ $got = "$wanted" ]
}

# The guest appends to a file, an fsync each; counts tell whether it gets on.
writes() {
	guest_bg "cd /mnt/a && for i in 1 2 3 4 5; do
	    dd if=/dev/urandom bs=16k count=4 conv=fsync,notrunc oflag=append \
		of=log 2>/dev/null || exit 1
	done"
}

keeps() {
	job=$(writes)
	check "$1: the guest writes on" guest_wait "$job" 10
}

# loses WHAT: nothing moves, nothing fails, for 3 s.
loses() {
	job=$(writes)
	sleep 3
	echo "it ended" >"$TMP/diag"
	! guest_done "$job"
	ok $? "$1: the guest's write waits"
	check "$1: the device stays up" guest \
	    'grep ^up /sys/block/etherd!e9.0/state'
}

regains() {
	check "$1: the guest's write ends well" guest_wait "$job" 20
}

guest_boot || must "the guest boots" false
capture tap0
disk a 32M
must "vblade starts" target a 9 0 t0 "$TMP/a.img"
must "e9.0 is up" blade_up e9.0
must "the guest has it mounted" guest 'mkfs.ext4 -q -F /dev/etherd/e9.0 &&
    mkdir -p /mnt/a && mount /dev/etherd/e9.0 /mnt/a &&
    dd if=/dev/etherd/e9.0 of=/dev/null bs=64k count=64 iflag=direct 2>&1'
check "the administrator sees the blade" admin_gets 0 discover

check "config string: set" admin_gets 0 config set e9.0 "guest one"
is "config string: read" "$(admin config read e9.0 | grep -o 'guest one')" \
    "guest one"
check "config string: a set of another is refused" \
    admin_gets 3 config set e9.0 "guest two"
keeps "config string set"

check "reserved for the guest" admin_gets 0 reserve set e9.0 $guest_mac
keeps "reserved for the guest"
check "the administrator may not read now" admin_gets 3 read e9.0 0 1
check "nor set it anew" admin_gets 3 reserve set e9.0 $admin_mac
keeps "after a set that was refused"
check "forced for the administrator" admin_gets 0 reserve force e9.0 $admin_mac
loses "reserved for another"
check "the guest still discovers: identify is for all" guest \
    'aoe-discover; sleep 1; grep ^up /sys/block/etherd!e9.0/state'
check "the administrator may read now" admin_gets 0 read e9.0 0 1
check "released" admin_gets 0 reserve set e9.0
regains "released"
check "reserved for both" admin_gets 0 \
    reserve set e9.0 $admin_mac $guest_mac $other_mac
keeps "reserved for three, the guest among them"
check "released again" admin_gets 0 reserve set e9.0

check "mask: the administrator alone" admin_gets 0 mask add e9.0 $admin_mac
loses "masked"
check "mask: a second one, not the guest" admin_gets 0 mask add e9.0 $other_mac
check "mask: the guest third" admin_gets 0 mask add e9.0 $guest_mac
regains "in the mask as the third"
keeps "in the mask"
check "mask: the second is deleted" admin_gets 0 mask del e9.0 $other_mac
keeps "the second deleted"
check "mask: all deleted" admin_gets 0 mask del e9.0 $guest_mac $admin_mac
must "vblade is alive" target_alive a
keeps "no mask"

# A blade masked from the start is not there for the guest.
disk b 16M
must "vblade -m starts" target b -m $admin_mac 9 1 t0 "$TMP/b.img"
check "the administrator finds it" admin_gets 0 identify e9.1
fails "the guest does not" guest \
    'aoe-discover; sleep 2; [ -e /sys/block/etherd!e9.1 ]'
check "the mask lets the guest in" admin_gets 0 mask add e9.1 $guest_mac
check "now it does" blade_up e9.1

check "umount, e2fsck -fn" guest 'umount /mnt/a && e2fsck -fn /dev/etherd/e9.0'
same_sum a e9.0
target_stop a
check "here: e2fsck -fn finds nothing" e2fsck -fn "$TMP/a.img"
check "no I/O error was logged" guest '! dmesg | grep -i "i/o error"'
kill $admin_pid
