# MTU 9000, 4200 and 1500 on both ends, and raised while mounted
# limit 160 s
# shellcheck shell=sh disable=SC2016,SC2154	# the guest expands, lib.sh sets

payload() {
	guest 'cat /sys/block/etherd!e9.0/payload'
}

# both MTU: change both ends; the driver learns it from the next config reply.
both() {
	set_mtu 0 "$1" &&
	guest "ip link set eth0 mtu $1 && aoe-discover; sleep 1"
}

segment 0 9000
guest_boot -m 9000 || must "the guest boots" false
capture tap0
disk a 64M
must "vblade starts at MTU 9000" target a 9 0 t0 "$TMP/a.img"
must "e9.0 is up" blade_up e9.0
is "MTU 9000: the driver moves 8704 bytes a frame" "$(payload)" 8704
check "aoe-stat shows it" guest 'aoe-stat; aoe-stat |
    grep -E "e9\.0 .* eth0 +8704 +up"'
check "fio: 4 KiB to 128 KiB come back right" guest -t 60 "$fio_verify \
    --filename=/dev/etherd/e9.0 --rw=randwrite --bsrange=4k-128k \
    --blockalign=4k --iodepth=8 --size=24m"
check "fio: 512 B to 64 KiB come back right" guest -t 60 "$fio_verify \
    --filename=/dev/etherd/e9.0 --rw=randwrite --bsrange=512-64k \
    --blockalign=512 --iodepth=8 --size=8m --offset=32m"
same_sum a e9.0

check "MTU 4200" both 4200
is "the driver moves 4096 bytes a frame" "$(payload)" 4096
check "fio at 4200" guest -t 60 "$fio_verify \
    --filename=/dev/etherd/e9.0 --rw=randwrite --bs=16k --iodepth=8 --size=8m"

guest 'ip link set eth0 mtu 1500; aoe-discover; sleep 1'
is "only the guest's MTU is 1500: 1024 bytes" "$(payload)" 1024
check "fio at 1500 against 4200" guest -t 60 "$fio_verify \
    --filename=/dev/etherd/e9.0 --rw=randwrite --bs=16k --iodepth=8 --size=4m"

check "MTU 1500" both 1500
is "the driver moves 1024 bytes a frame" "$(payload)" 1024
must "mkfs, mount" guest -t 60 'mkfs.ext4 -q -F /dev/etherd/e9.0 &&
    mkdir -p /mnt/a && mount /dev/etherd/e9.0 /mnt/a'
job=$(guest_bg 'cd /mnt/a && for i in 1 2 3 4 5 6; do
    dd if=/dev/urandom of=f$i bs=1M count=4 conv=fsync 2>&1 || exit 1
    done && md5sum f? >/tmp/sums')
sleep 1
check "MTU 9000 while mounted and written" both 9000
is "the driver moves 8704 bytes a frame" "$(payload)" 8704
check "the writer ends well" guest_wait "$job" 60
check "checksums are right" guest 'cd /mnt/a &&
    echo 3 >/proc/sys/vm/drop_caches && md5sum -c -s /tmp/sums &&
    cd / && umount /mnt/a'
check "vblade is alive" target_alive a
target_stop a
check "here: e2fsck -fn finds nothing" e2fsck -fn "$TMP/a.img"
