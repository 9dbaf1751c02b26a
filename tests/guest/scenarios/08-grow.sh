# The file grows while mounted: aoe-revalidate, without SIGHUP, and resize2fs
# limit 160 s
# shellcheck shell=sh disable=SC2016,SC2154	# the guest expands, lib.sh sets

size() {
	guest 'blockdev --getsize64 /dev/etherd/e9.0'
}

segment 0
guest_boot || must "the guest boots" false
capture tap0
disk a 24M
must "vblade starts" target a 9 0 t0 "$TMP/a.img"
must "e9.0 is up" blade_up e9.0
must "mkfs, mount" guest 'mkfs.ext4 -q -F /dev/etherd/e9.0 &&
    mkdir -p /mnt/a && mount /dev/etherd/e9.0 /mnt/a'
check "files" guest 'cd /mnt/a && dd if=/dev/urandom of=f1 bs=1M count=8 \
    conv=fsync 2>/dev/null && md5sum f1 >/tmp/sums'

truncate -s 48M "$TMP/a.img"
is "grown here, not yet told: the guest sees 24 MiB" "$(size)" 25165824
must "vblade is alive" target_alive a
check "aoe-revalidate e9.0, while mounted" guest 'aoe-revalidate e9.0; sleep 1'
is "the guest sees 48 MiB" "$(size)" 50331648
check "resize2fs, while mounted" guest -t 60 'resize2fs /dev/etherd/e9.0 2>&1'
check "the file system has the room" guest 'cd /mnt/a &&
    dd if=/dev/urandom of=f2 bs=1M count=20 conv=fsync 2>/dev/null &&
    md5sum f2 >>/tmp/sums && echo 3 >/proc/sys/vm/drop_caches &&
    md5sum -c -s /tmp/sums'
check "umount, e2fsck -fn" guest -t 60 \
    'umount /mnt/a && e2fsck -fn /dev/etherd/e9.0'
check "fio in the new half" guest -t 60 "$fio_verify \
    --filename=/dev/etherd/e9.0 --rw=randwrite --bs=4k --iodepth=16 --size=4m \
    --offset=40m"
same_sum a e9.0

# A closed device takes a new size from the advert alone.
truncate -s 64M "$TMP/a.img"
target_signal a HUP
sleep 1
is "grown while closed: the guest sees 64 MiB by itself" "$(size)" 67108864
check "e2fsck -f, resize2fs: not mounted" guest -t 60 \
    'e2fsck -fp /dev/etherd/e9.0; [ $? -le 1 ] &&
    resize2fs /dev/etherd/e9.0 2>&1 && e2fsck -fn /dev/etherd/e9.0 &&
    dumpe2fs -h /dev/etherd/e9.0 2>/dev/null | tee /tmp/super &&
    grep -Eq "^Block count: *(65536|16384)$" /tmp/super'

# Shorter: what is past the end is answered with an error, at once.
job=$(guest_bg 'exec 4</dev/etherd/e9.0; sleep 6')
sleep 1
truncate -s 48M "$TMP/a.img"
target_signal a HUP
sleep 0.5
fails "made shorter: a sector past the end fails at once" guest -t 10 \
    'dd if=/dev/etherd/e9.0 of=/dev/null bs=512 skip=100000 count=1 \
    iflag=direct 2>&1'
check "the last one is read" guest -t 10 'dd if=/dev/etherd/e9.0 of=/dev/null \
    bs=512 skip=98303 count=1 iflag=direct 2>&1'
check "e9.0 is up" guest 'grep ^up /sys/block/etherd!e9.0/state'
guest_wait "$job"
target_stop a
