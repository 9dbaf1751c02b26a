# A sector past the end and a bad sector: that request fails, and only that
# limit 160 s
# shellcheck shell=sh disable=SC2016,SC2154	# the guest expands, lib.sh sets

# read_at DISK SECTOR [COUNT], write_at: from the guest, one request.  Nothing
# read is a failure, too: the guest may know by then that the disk ends there.
read_at() {
	guest -t 10 "said=\$(dd if=/dev/etherd/$1 of=/dev/null bs=512 skip=$2 \
	    count=${3:-1} iflag=direct 2>&1) && echo \"\$said\" &&
	    ! echo \"\$said\" | grep '^0+0 records in'"
}

write_at() {
	guest -t 10 "dd if=/dev/urandom of=/dev/etherd/$1 bs=512 seek=$2 \
	    count=1 oflag=direct 2>&1"
}

segment 0
guest_boot || must "the guest boots" false
capture tap0

# A store that has become shorter than the guest believes.
disk a 32M
must "vblade starts" target a 9 0 t0 "$TMP/a.img"
must "e9.0 is up" blade_up e9.0
check "the last sector can be read" read_at e9.0 65535
truncate -s 16M "$TMP/a.img"
fails "16 MiB cut off: the last sector fails at once" read_at e9.0 65535
fails "the first one that is gone fails" read_at e9.0 32768
check "the one before it is read" read_at e9.0 32767
check "e9.0 is up" guest 'grep ^up /sys/block/etherd!e9.0/state'
check "fio in what is left" guest -t 60 "$fio_verify \
    --filename=/dev/etherd/e9.0 --rw=randwrite --bs=4k --iodepth=16 --size=4m"
check "vblade is alive" target_alive a

# A disk with eight bad sectors, 2048 to 2055, below a vblade in the guest.
must "a vblade runs in the guest over a disk with bad sectors" \
    target_in_guest bad 9 1 'modprobe brd rd_nr=1 rd_size=16384 &&
	modprobe dm_mod && dmsetup create bad <<-END
	0 2048 linear /dev/ram0 0
	2048 8 error
	2056 30712 linear /dev/ram0 2056
	END' /dev/mapper/bad
must "e9.1 is up" blade_up e9.1
fails "a bad sector cannot be read" read_at e9.1 2048
fails "nor the last bad one" read_at e9.1 2055
check "the one before is read" read_at e9.1 2047
check "the one behind is read" read_at e9.1 2056
fails "a stretch with a bad one in it fails" read_at e9.1 2040 16
is "of 32 read at once, just the 8 bad ones fail" "$(guest -t 30 '
    for i in $(seq 2036 2067); do
	dd if=/dev/etherd/e9.1 of=/dev/null bs=512 skip=$i count=1 \
	    iflag=direct 2>/dev/null || echo $i >/tmp/failed.$i &
    done
    wait
    cat /tmp/failed.* | sort -n | xargs')" \
    "2048 2049 2050 2051 2052 2053 2054 2055"
fails "a bad sector cannot be written" write_at e9.1 2050
check "the one before is written" write_at e9.1 2047
check "the one behind is written" write_at e9.1 2056
check "e9.1 is up" guest 'grep ^up /sys/block/etherd!e9.1/state'
check "fio behind the bad ones" guest -t 60 "$fio_verify \
    --filename=/dev/etherd/e9.1 --rw=randwrite --bs=4k --iodepth=16 --size=4m \
    --offset=4m"
# vblade keeps what it wrote in its cache until it is told to flush.
check "what the guest reads over AoE is what the disk below holds" guest '
    sync && blockdev --flushbufs /dev/mapper/bad &&
    blockdev --flushbufs /dev/etherd/e9.1 &&
    a=$(dd if=/dev/etherd/e9.1 bs=1M skip=4 count=4 2>/dev/null | md5sum) &&
    b=$(dd if=/dev/ram0 bs=1M skip=4 count=4 2>/dev/null | md5sum) &&
    [ "$a" = "$b" ]'
check "vblade in the guest is alive" guest 'kill -0 $(cat /tmp/bad.pid)'
