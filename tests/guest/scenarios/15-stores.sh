# Blades on an LVM thin volume, on dm-crypt, and on an NBD device
# limit 240 s
# shellcheck shell=sh disable=SC2016,SC2154	# the guest expands, lib.sh sets

# blade NAME SLOT FILE: our vblade in guest 0, which is the gateway.
blade() {
	blade_in_guest "$1" true -s 9 "$2" eth0 "$3"
}

# load DISK: the initiator writes and verifies 4 MB.
load() {
	guest -g 1 -t 90 "$fio_verify --filename=/dev/etherd/$1 --rw=randwrite \
	    --bs=4k --iodepth=8 --size=4m"
}

segment 0
disk a 64M
disk c 16M
disk n 16M
guest_boot -g 0 -drive "file=$TMP/a.img,format=raw,if=virtio" \
    -drive "file=$TMP/c.img,format=raw,if=virtio" ||
    must "the gateway boots" false
guest_boot -g 1 || must "the initiator boots" false
must "the gateway is ready" guest 'ip addr add 10.9.0.10/24 dev eth0 &&
    modprobe -a virtio_blk dm_mod'
ip addr add 10.9.0.1/24 dev br0

# --- LVM thin ----------------------------------------------------------------
# used: per cent of the pool that is in use, in tenths.
used() {
	guest 'lvs --noheadings -o data_percent vg/pool | tr -d " ."' |
	    tail -n 1
}
size() {
	guest -g 1 'blockdev --getsize64 /dev/etherd/e9.0' | tail -n 1
}
size_is() {
	[ "$(size)" = "$1" ]
}
must "thin: a pool and a volume" guest 'modprobe dm_thin_pool &&
    for c in pvcreate vgcreate lvcreate lvextend lvs; do
	ln -s lvm /bin/$c || exit
    done
    pvcreate /dev/vda && vgcreate vg /dev/vda &&
    lvcreate -L 32M -T vg/pool && lvcreate -V 16M -T vg/pool -n mail'
check "thin: the blade starts" blade thin 0 /dev/vg/mail
check "thin: the initiator has it" blade_up -g 1 e9.0
check "thin: written and verified" load e9.0
full=$(used)
note "the pool: $full hundredths of a per cent"
check "thin: TRIM of all of it" "$RUN/initiator" -i t0 trim e9.0 0 8192
left=$(used)
note "and after TRIM: $left"
check "thin: TRIM went down to the pool" [ "$((left + 500))" -lt "$full" ]
# Held open, that the driver does not take the new size from an advert.
job=$(guest_bg -g 1 'exec 4</dev/etherd/e9.0
    until [ -e /share/grown ]; do sleep 0.1; done')
check "thin: lvextend" guest 'lvextend -L 24M vg/mail'
is "thin: the initiator sees 16 MB" "$(size)" $((16 << 20))
check "thin: aoe-revalidate" guest -g 1 'aoe-revalidate e9.0'
check "thin: the initiator sees 24 MB" wait_for 20 size_is $((24 << 20))
check "thin: and lvextend once more, and SIGHUP" guest \
    'lvextend -L 28M vg/mail && kill -HUP $(cat /tmp/thin.pid)'
: >"$TMP/g1/share/grown"
guest_wait "$job"
check "thin: aoe-revalidate" guest -g 1 'aoe-revalidate e9.0'
check "thin: the initiator sees 28 MB" wait_for 20 size_is $((28 << 20))
check "thin: written and verified in what is new" guest -g 1 -t 90 \
    "$fio_verify --filename=/dev/etherd/e9.0 --rw=randwrite --bs=4k \
    --iodepth=8 --offset=18m --size=8m"

# --- dm-crypt ----------------------------------------------------------------
must "crypt: opened" guest -t 120 'modprobe -a dm_crypt aes_generic ecb xts &&
    head -c 64 /dev/urandom >/tmp/key &&
    cryptsetup open --type plain -c aes-xts-plain64 -s 512 -d /tmp/key \
	/dev/vdb mail'
check "crypt: the blade starts" blade crypt 1 /dev/mapper/mail
check "crypt: the initiator has it" blade_up -g 1 e9.1
check "crypt: written and verified" load e9.1
check "crypt: a text is written" guest -g 1 'yes "in the clear" |
    dd of=/dev/etherd/e9.1 bs=4k count=16 iflag=fullblock oflag=direct &&
    dd if=/dev/etherd/e9.1 bs=4k count=1 iflag=direct | grep -q "in the clear"'
fails "crypt: the disk beneath has none of it" grep -q "in the clear" \
    "$TMP/c.img"

# --- NBD ---------------------------------------------------------------------
nbdkit -f -i 10.9.0.1 -p 10809 file "$TMP/n.img" >"$TMP/nbdkit.out" 2>&1 &
must "nbd: connected" guest 'modprobe nbd && n=0
    until nbd-client 10.9.0.1 10809 /dev/nbd0 -N ""; do
	n=$((n + 1)); [ $n -lt 10 ] || exit 1; sleep 0.5
    done'
check "nbd: the blade starts" blade nbd 2 /dev/nbd0
check "nbd: the initiator has it" blade_up -g 1 e9.2
check "nbd: written and verified" load e9.2
is "nbd: the initiator reads what nbdkit's file holds" "$(guest -g 1 -t 90 \
    'blockdev --flushbufs /dev/etherd/e9.2
    md5sum </dev/etherd/e9.2 | cut -c1-32')" "$(sum n)"
