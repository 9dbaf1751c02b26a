# Two blades on one MAC, the ends of the address range, 64 blades, two paths
# limit 240 s
# shellcheck shell=sh disable=SC2016,SC2154	# the guest expands, lib.sh sets

received() {
	cat "/sys/class/net/t$1/statistics/rx_packets"
}

segment 0
segment 1
guest_boot -s 2 || must "the guest boots" false
capture tap0

# Two on one MAC, at the same time.
disk a 32M
disk b 32M
must "vblade 9 0 starts" target a 9 0 t0 "$TMP/a.img"
must "vblade 9 1 starts" target b 9 1 t0 "$TMP/b.img"
must "both are up" blade_up e9.0 e9.1
one=$(guest_bg "$fio_verify --filename=/dev/etherd/e9.0 --rw=randrw --bs=4k \
    --iodepth=8 --size=8m --randseed=1")
two=$(guest_bg "$fio_verify --filename=/dev/etherd/e9.1 --rw=randrw --bs=8k \
    --iodepth=8 --size=8m --randseed=2")
check "fio on e9.0" guest_wait "$one" 60
check "fio on e9.1, at the same time" guest_wait "$two" 60
same_sum a e9.0
same_sum b e9.1

# The ends of what the driver takes: shelf 4095 it refuses, by its own rule.
names='0.0 0.254 1.0 4094.254 4096.1 65534.0 65534.254'
for name in $names; do
	disk "$name" 1M
	printf 'this is e%s' "$name" | dd of="$TMP/$name.img" conv=notrunc \
	    2>/dev/null
	check "vblade ${name%.*} ${name#*.} starts" \
	    target "$name" "${name%.*}" "${name#*.}" t0 "$TMP/$name.img"
done
for name in $names; do
	check "e$name is up" blade_up "e$name"
	is "e$name is itself" "$(guest "dd if=/dev/etherd/e$name bs=512 count=1 \
	    2>/dev/null | tr -d '\\000'")" "this is e$name"
done
for name in $names; do
	target_stop "$name"
done

# Many at once: one discovery, 64 answers from one MAC.
i=0
started=0
while [ $i -lt 64 ]; do
	disk "m$i" 1M
	printf 'blade %s' $i | dd of="$TMP/m$i.img" conv=notrunc 2>/dev/null
	target m$i 20 $i t0 "$TMP/m$i.img" >/dev/null &&
	    started=$((started + 1))
	i=$((i + 1))
done
is "64 blades started" $started 64
# They told the driver at their start; make it forget and ask.
check "one aoe-discover finds all 64" guest 'aoe-flush -a; sleep 1
    ls -d /sys/block/etherd!e20.* 2>/dev/null | wc -l
    aoe-discover
    n=0
    until [ "$(cat /sys/block/etherd!e20.*/state | grep -cx up)" = 64 ]; do
	n=$((n + 1))
	[ $n -lt 100 ] || { aoe-stat; exit 1; }
	sleep 0.1
    done
    [ "$(aoe-stat | grep -c " e20\.[0-9]* .* up")" = 64 ]'
check "each of them is itself" guest 'i=0; while [ $i -lt 64 ]; do
	[ "$(dd if=/dev/etherd/e20.$i bs=512 count=1 2>/dev/null |
	    tr -d "\000")" = "blade $i" ] || { echo $i; exit 1; }
	i=$((i + 1))
    done'
i=0
while [ $i -lt 64 ]; do
	target_stop m$i
	i=$((i + 1))
done

# Two paths to one store: one vblade on two interfaces where it can, else two
# that only read.
disk p 16M
dd if=/dev/urandom of="$TMP/p.img" bs=1M count=16 conv=notrunc 2>/dev/null
if target p 9 2 t0,t1 "$TMP/p.img" >/dev/null 2>&1; then
	note "one vblade on t0,t1"
else
	note "two vblades with -r"
	target p0 -r 9 2 t0 "$TMP/p.img"
	target p1 -r 9 2 t1 "$TMP/p.img"
fi
guest 'aoe-flush -a'
must "e9.2 is up" blade_up e9.2
check "aoe-stat shows both paths" guest 'aoe-discover; sleep 1
    aoe-stat; aoe-stat | grep -E "e9\.2 .* (eth0,eth1|eth1,eth0) "'
before0=$(received 0) before1=$(received 1)
same_sum p e9.2
[ $(($(received 0) - before0)) -gt 1000 ] &&
    [ $(($(received 1) - before1)) -gt 1000 ]
ok $? "the reads went both ways"
cable 1 out
check "one cable out: reads go on" guest -t 40 \
    'dd if=/dev/etherd/e9.2 of=/dev/null bs=64k count=64 iflag=direct 2>&1'
cable 1 in
same_sum p e9.2
check "e9.2 is up" guest 'grep ^up /sys/block/etherd!e9.2/state'
