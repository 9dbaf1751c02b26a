# vblade killed, and stopped, and started again while the guest reads and writes
# limit 160 s
# shellcheck shell=sh disable=SC2016,SC2154	# the guest expands, lib.sh sets

start() {
	target a 9 0 t0 "$TMP/a.img"
}

segment 0
guest_boot || must "the guest boots" false
capture tap0
disk a 64M
must "vblade starts" start
must "e9.0 is up" blade_up e9.0
# The driver's idea of the round trip starts at 16 s; let it learn.
must "a first load" guest "dd if=/dev/etherd/e9.0 of=/dev/null bs=64k \
    count=64 iflag=direct"

job=$(guest_bg "$fio_verify --filename=/dev/etherd/e9.0 --rw=randwrite --bs=4k \
    --iodepth=16 --size=40m --rate=,3m")
sleep 3
for away in 0 2 5; do
	target_signal a KILL
	wait_for 5 target_gone a
	sleep $away
	check "killed, ${away} s away, started again" start
	check "reads go on within 10 s" guest -t 10 "dd if=/dev/etherd/e9.0 \
	    of=/dev/null bs=4k count=4 iflag=direct"
	sleep 1
done
check "SIGTERM ends it with 0 under load" target_stop a
sleep 1
check "started again" start
check "reads go on within 10 s" guest -t 10 "dd if=/dev/etherd/e9.0 \
    of=/dev/null bs=4k count=4 iflag=direct"
check "fio ends: every write that was answered is there" guest_wait "$job" 60
same_sum a e9.0
check "the device is up, no I/O error was logged" guest '
    grep -q ^up /sys/block/etherd!e9.0/state && ! dmesg | grep -i "i/o error"'
