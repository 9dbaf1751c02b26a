# Link down for 3 s and 30 s, cable pulled, interface deleted and made again
# limit 240 s
# shellcheck shell=sh disable=SC2016,SC2154	# the guest expands, lib.sh sets

start() {
	target a 9 0 t0 "$TMP/a.img"
}

# goes_on WHAT: vblade lives and the guest's I/O resumes.  A vblade that has
# ended is started again, so that each fault is judged by itself.
goes_on() {
	check "$1: vblade lives" target_alive a || {
		note "vblade said: $(cat "$TMP/a.out")"
		start >/dev/null
	}
	check "$1: reads go on within 10 s" guest -t 10 \
	    "dd if=/dev/etherd/e9.0 of=/dev/null bs=4k count=4 iflag=direct" || {
		# It may be alive and deaf.
		target_stop a KILL
		start >/dev/null
		wait_for 20 guest -t 3 "dd if=/dev/etherd/e9.0 of=/dev/null \
		    bs=4k count=4 iflag=direct"
	}
	sleep 1
}

# again MAC: the interface comes back under its name.
again() {
	ip link del t0
	sleep 3
	ip link add t0 address "$1" type veth peer name peer0 &&
	ip link set peer0 master br0 up &&
	ip link set t0 up
}

segment 0
guest_boot || must "the guest boots" false
capture tap0
disk a 64M
must "vblade starts" start
must "e9.0 is up" blade_up e9.0
must "a first load" guest "dd if=/dev/etherd/e9.0 of=/dev/null bs=64k \
    count=64 iflag=direct"
job=$(guest_bg "$fio_verify --filename=/dev/etherd/e9.0 --rw=randwrite --bs=4k \
    --iodepth=16 --size=48m --rate=,2m")

sleep 2
link 0 down; sleep 3; link 0 up
goes_on "link down for 3 s"
cable 0 out; sleep 3; cable 0 in
goes_on "cable pulled for 3 s"
link 0 down; sleep 30; link 0 up
goes_on "link down for 30 s"
check "the interface is deleted and made again" again 02:00:00:00:00:00
goes_on "interface made again"
check "the same with another address" again 02:00:00:00:00:77
goes_on "with another address"

check "fio ends: every write that was answered is there" guest_wait "$job" 60
same_sum a e9.0
check "the device is up, no I/O error was logged" guest '
    grep -q ^up /sys/block/etherd!e9.0/state && ! dmesg | grep -i "i/o error"'
