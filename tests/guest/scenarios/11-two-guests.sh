# Two guests, a disk each, on one segment at the same time
# limit 180 s
# shellcheck shell=sh disable=SC2016,SC2154	# the guest expands, lib.sh sets

segment 0
guest_boot -g 0 || must "the first guest boots" false
guest_boot -g 1 || must "the second guest boots" false
capture br0
disk a 48M
disk b 48M
must "vblade 9 0 starts" target a 9 0 t0 "$TMP/a.img"
must "vblade 9 1 starts" target b 9 1 t0 "$TMP/b.img"
must "the first guest sees both" blade_up -g 0 e9.0 e9.1
must "the second guest sees both" blade_up -g 1 e9.0 e9.1

raw="$fio_verify --rw=randrw --bs=4k --iodepth=16 --size=8m"
one=$(guest_bg -g 0 "$raw --filename=/dev/etherd/e9.0 --randseed=1")
two=$(guest_bg -g 1 "$raw --filename=/dev/etherd/e9.1 --randseed=2")
check "fio of the first guest" guest_wait "$one" 90
check "fio of the second, at the same time" guest_wait "$two" 90

files='mkfs.ext4 -q -F /dev/etherd/$disk && mkdir -p /mnt/a &&
    mount /dev/etherd/$disk /mnt/a && cd /mnt/a && i=0 &&
    while [ $i -lt 500 ]; do echo $disk $i >$i; i=$((i + 1)); done &&
    dd if=/dev/urandom of=large bs=1M count=8 conv=fsync 2>/dev/null &&
    md5sum [0-9]* large >/tmp/sums && cd / && umount /mnt/a &&
    mount /dev/etherd/$disk /mnt/a && cd /mnt/a && md5sum -c -s /tmp/sums &&
    cd / && umount /mnt/a && e2fsck -fn /dev/etherd/$disk'
one=$(guest_bg -g 0 "disk=e9.0; $files")
two=$(guest_bg -g 1 "disk=e9.1; $files")
check "files of the first guest" guest_wait "$one" 90
check "files of the second, at the same time" guest_wait "$two" 90

is "each reads the other's disk: e9.1 by the first" \
    "$(guest -g 0 -t 90 'md5sum </dev/etherd/e9.1 | cut -c1-32')" "$(sum b)"
is "e9.0 by the second" \
    "$(guest -g 1 -t 90 'md5sum </dev/etherd/e9.0 | cut -c1-32')" "$(sum a)"
check "here: both blades run" eval 'target_alive a && target_alive b'
target_stop a
target_stop b
check "here: e2fsck -fn of the first" e2fsck -fn "$TMP/a.img"
check "here: e2fsck -fn of the second" e2fsck -fn "$TMP/b.img"
