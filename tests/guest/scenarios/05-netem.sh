# Loss, duplication, reordering and delay on the way, in both directions
# limit 240 s
# shellcheck shell=sh disable=SC2016,SC2154	# the guest expands, lib.sh sets

# The driver sends its pages by reference: kept back in a queue of the guest, a
# frame would change when the page is used again, which no target can help.  So
# the driver speaks into e0, whose frames are copied on their way to e1, and
# from there the weather takes them to eth0 and back.
bad_weather='modprobe veth && ip link add e0 address $(cat \
	/sys/class/net/eth0/address) type veth peer name e1 &&
    ethtool -K e0 sg off >/dev/null && ip link set e1 up &&
    ip link set e0 up && for pair in "e1 eth0" "eth0 e1"; do
	set -- $pair
	tc qdisc add dev $1 ingress && tc filter add dev $1 ingress matchall \
	    action mirred egress redirect dev $2 || exit 1
    done
    modprobe aoe aoe_iflist=e0'

# weather NETEM-ARGUMENT...: on the way out and on the way in; then the load.
# Before it, quiet, for the driver to find its idea of the round trip again.
weather() {
	guest "for d in eth0 e1; do
		tc qdisc del dev \$d root 2>/dev/null
		tc qdisc add dev \$d root netem limit 4000 $* || exit 1
	    done"
}

load() {
	guest -t 100 "$fio_verify --filename=/dev/etherd/e9.0 --rw=randrw \
	    --bs=4k --rwmixread=30 --iodepth=8 --size=$1 --offset=$2"
}

quiet() {
	weather limit 4000
	guest "dd if=/dev/etherd/e9.0 of=/dev/null bs=64k count=64 iflag=direct"
}

segment 0
guest_boot || must "the guest boots" false
capture tap0
disk a 64M
must "vblade starts" target a 9 0 t0 "$TMP/a.img"
must "weather on both ways of the guest's link" guest "$bad_weather"
must "e9.0 is up" blade_up e9.0
must "a first load" quiet

weather loss 1%
check "1 % lost: fio" load 4m 0
weather duplicate 1%
check "1 % twice: fio" load 6m 8m
weather delay 2ms reorder 99%
check "1 % out of order: fio" load 6m 16m
weather delay 3ms 2ms
check "delayed by 1 to 5 ms: fio" load 4m 24m
weather loss 1% duplicate 1% delay 1ms 1ms reorder 99%
check "all of it at once: fio" load 2m 32m
quiet >/dev/null 2>&1
weather loss 10%
check "10 % lost: fio" load 128k 40m
guest 'tc -s qdisc show' >"$TMP/netem"
weather limit 4000
same_sum a e9.0
check "the device is up, no I/O error was logged" guest '
    grep -q ^up /sys/block/etherd!e9.0/state && ! dmesg | grep -i "i/o error"'
sleep 1
"$RUN/tally" "$TMP/capture" >"$TMP/diag"
resent=$(awk -F'|' '/SECTORS/ { n += $4 } END { print n + 0 }' "$TMP/diag")
[ "$resent" -gt 20 ]
ok $? "retransmissions were seen: $resent"
