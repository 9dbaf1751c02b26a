# A read-only export: mounted ro; a write fails at once and nothing else does
# limit 90 s
# shellcheck shell=sh disable=SC2016	# the guest expands

segment 0
guest_boot || must "the guest boots" false
capture tap0
disk a 64M
mkdir "$TMP/files"
i=0
while [ $i -lt 200 ]; do
	echo "file $i" >"$TMP/files/$i"
	i=$((i + 1))
done
mkfs.ext4 -q -F -d "$TMP/files" "$TMP/a.img"
before=$(sum a)

must "vblade -r starts" target a -r 9 0 t0 "$TMP/a.img"
must "e9.0 is up" blade_up e9.0
must "mount -o ro" guest \
    'mkdir -p /mnt/a && mount -o ro /dev/etherd/e9.0 /mnt/a'
check "200 files are as they should be" guest 'cd /mnt/a && i=0 &&
    while [ $i -lt 200 ]; do
	[ "$(cat $i)" = "file $i" ] || exit 1
	i=$((i + 1))
    done'
# Within the limit: the driver would try for 180 s were it not answered.
fails "a write fails at once" guest -t 10 'dd if=/dev/zero \
    of=/dev/etherd/e9.0 bs=4k seek=100 count=1 oflag=direct 2>&1'
fails "a write to the last sector too" guest -t 10 'dd if=/dev/zero \
    of=/dev/etherd/e9.0 bs=512 seek=131071 count=1 oflag=direct 2>&1'
check "it is an I/O error" guest 'dmesg | grep -i "i/o error, dev etherd/e9.0"'
check "the device is still up" guest 'grep ^up /sys/block/etherd!e9.0/state'
check "and still reads" guest 'echo 3 >/proc/sys/vm/drop_caches &&
    cat /mnt/a/* | md5sum && umount /mnt/a'
same_sum a e9.0
is "here: the file has not changed" "$(sum a)" "$before"
check "vblade is alive" target_alive a
target_stop a
