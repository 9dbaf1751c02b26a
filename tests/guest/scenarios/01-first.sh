# The story of README: export, find, mkfs, mount, use, check; and partitions
# limit 200 s
# shellcheck shell=sh disable=SC2016,SC2154	# the guest expands, lib.sh sets

segment 0
guest_boot || must "the guest boots" false
capture tap0

# The exported file is used as one file system, the other one by partitions.
disk whole 128M
disk parts 64M
must "vblade -s 9 0 starts" target whole -s 9 0 t0 "$TMP/whole.img"
must "vblade 9 1 starts beside it" target parts 9 1 t0 "$TMP/parts.img"

must "modprobe aoe" guest 'modprobe aoe'
check "aoe-discover" guest 'aoe-discover'
must "both come up" blade_up e9.0 e9.1
check "aoe-stat shows e9.0 up" guest 'aoe-stat; aoe-stat |
    grep -E "^ *e9\.0 +0\.134GB +eth0 +1024 +up *$"'
check "its size is the file's" guest \
    '[ "$(blockdev --getsize64 /dev/etherd/e9.0)" = 134217728 ]'

# Who are you?
guest 'hdparm -i /dev/etherd/e9.0' >"$TMP/identity" 2>&1
cp "$TMP/identity" "$TMP/diag"
grep -q 'Model=.*vblade' "$TMP/identity"
ok $? "hdparm -i: the model names vblade"
grep -q 'SerialNo=9\.0' "$TMP/identity"
ok $? "hdparm -i: the serial starts with shelf.slot"
version=$("$VBLADE" -V 2>/dev/null | sed -n 's/^vblade \([0-9]*\).*/\1/p')
grep -Eq "FwRev=V?${version:-25}(,| )" "$TMP/identity"
ok $? "hdparm -i: the firmware is the version, ${version:-25}"

# The raw device, twice: written in random order and in pieces of all sizes.
check "fio: random writes of 4 KiB come back right" guest -t 90 "$fio_verify \
    --filename=/dev/etherd/e9.0 --rw=randwrite --bs=4k --iodepth=16 --size=16m"
check "fio: writes of 512 B to 64 KiB come back right" guest -t 90 \
    "$fio_verify --filename=/dev/etherd/e9.0 --rw=randwrite --bsrange=512-64k \
    --blockalign=512 --iodepth=8 --size=16m --offset=101m"
check "fio: reads and writes mixed" guest -t 90 "$fio_verify \
    --filename=/dev/etherd/e9.0 --rw=randrw --bs=4k --iodepth=16 --size=16m \
    --offset=64m"
same_sum whole e9.0

# A file system.
check "mkfs.ext4" guest 'mkfs.ext4 /dev/etherd/e9.0'
must "mount" guest 'mount /dev/etherd/e9.0 /mnt'
check "3000 files, a large one, fsync" guest -t 90 'cd /mnt &&
    mkdir many && i=0 &&
    while [ $i -lt 3000 ]; do
	echo "this is file $i of the three thousand" >many/$i || exit 1
	i=$((i + 1))
    done &&
    dd if=/dev/urandom of=large bs=1M count=24 conv=fsync 2>/dev/null &&
    find . -type f -exec md5sum {} + >/tmp/sums && sync &&
    [ "$(wc -l </tmp/sums)" = 3001 ]'
check "umount, e2fsck -fn" guest \
    'cd / && umount /mnt && e2fsck -fn /dev/etherd/e9.0'
check "remount; all checksums are right" guest \
    'echo 3 >/proc/sys/vm/drop_caches &&
    mount /dev/etherd/e9.0 /mnt && cd /mnt && md5sum -c -s /tmp/sums'
guest 'cat /tmp/sums' >"$TMP/sums"
check "umount again" guest 'cd / && umount /mnt'

# Partitions.
check "sfdisk: the kernel sees e9.1p1 and e9.1p2" guest '
    printf "2048,20480\n,\n" | sfdisk -q /dev/etherd/e9.1 &&
    cat /sys/block/etherd!e9.1/etherd!e9.1p*/size && [ -b /dev/etherd/e9.1p2 ]'
check "a file system on e9.1p2" guest '
    mkfs.ext4 -q /dev/etherd/e9.1p2 && mount /dev/etherd/e9.1p2 /mnt &&
    echo on p2 >/mnt/note && umount /mnt'
p2=$(guest 'cat /sys/block/etherd!e9.1/etherd!e9.1p2/start')

# The same, seen from this end.
check "here: both blades still run" eval \
    'target_alive whole && target_alive parts'
check "here: SIGTERM ends them with 0" eval \
    'target_stop whole && target_stop parts'
check "here: e2fsck -fn finds nothing" e2fsck -fn "$TMP/whole.img"
check "here: the large file has the guest's checksum" eval '
    debugfs -R "dump large $TMP/large" "$TMP/whole.img" &&
    [ "$(md5sum <"$TMP/large" | cut -c1-32)" = \
    "$(sed -n "s,  \./large$,,p" "$TMP/sums")" ]'
check "here: e2fsck -fn of the second partition" \
    e2fsck -fn "$TMP/parts.img?offset=$((p2 * 512))"
is "here: what was written there" "$(debugfs -R 'cat note' \
    "$TMP/parts.img?offset=$((p2 * 512))" 2>/dev/null)" "on p2"
