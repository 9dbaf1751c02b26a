# iPXE boots from a blade: a boot sector, then Debian's kernel and root
# limit 240 s
# shellcheck shell=sh disable=SC2154	# lib.sh sets

# boot_from_net N LIMIT QEMU-ARGUMENT...: until it powers off; console is
# gN/console.
boot_from_net() {
	g=$1
	limit=$2
	shift 2
	mkdir -p "$TMP/g$g"
	qemu "$g" -machine graphics=off -serial "file:$TMP/g$g/console" \
	    -device isa-debug-exit,iobase=0xf4 "$@"
	wait_for "$limit" guest_gone "$g" || echo "no end after $limit s"
	tr -d '\r' <"$TMP/g$g/console" | tail -n 30
}

# said TEXT: on the console of the guest that was last.
said() {
	grep -q "$1" "$TMP/g$g/console"
}

segment 0
ip addr add 10.9.0.1/24 dev br0
: >"$TMP/leases"
cat >"$TMP/udhcpd.conf" <<-END
	start 10.9.0.20
	end 10.9.0.30
	interface br0
	lease_file $TMP/leases
	pidfile $TMP/udhcpd.pid
	opt subnet 255.255.255.0
	opt rootpath aoe:e9.0
END
busybox udhcpd -f "$TMP/udhcpd.conf" >"$TMP/udhcpd.log" 2>&1 &

# Debian's ROM for virtio-net answers to the modern device's number alone.
rom=romfile=/usr/lib/ipxe/qemu/pxe-virtio.rom,disable-legacy=on

# A boot sector of our own.
cc -m16 -nostdlib -static -Wl,--oformat=binary,-Ttext=0x7c00,--build-id=none \
    -o "$TMP/boot" "$HERE/boot.S" || must "the boot sector is made" false
# Too small a disk would have no cylinder, for which iPXE refuses to boot it.
disk a 16M
text="sector one of e9.0"
{
	cat "$TMP/boot"
	printf '%s\r\n' "$text"
} | dd of="$TMP/a.img" conv=notrunc 2>/dev/null
cp "$TMP/a.img" "$TMP/a.orig"
must "vblade starts" target a 9 0 t0 "$TMP/a.img"

# The ROM of the NIC is told by DHCP what to boot.
tap_nic 0 0 1500 virtio-net-pci
capture br0
# shellcheck disable=SC2086	# the NIC's arguments are words
boot_from_net 0 60 $nic,$rom -boot n \
    >"$TMP/diag" 2>&1
said "the boot sector runs"
ok $? "ROM of virtio-net, root-path by DHCP: the boot sector runs"
said "$text"
ok $? "it reads a sector by the BIOS"
said "it read and wrote"
ok $? "it writes one"
is "here: what it wrote is in the file" \
    "$(dd if="$TMP/a.img" bs=512 skip=2 count=1 2>/dev/null | tr -d '\000\r')" \
    "$text"

# The same by ipxe.lkrn with a script; another NIC.
cp "$TMP/a.orig" "$TMP/a.img"
printf '#!ipxe\nifopen net0\nsanboot aoe:e9.0\n' >"$TMP/script"
tap_nic 1 0 1500 e1000
# shellcheck disable=SC2086	# the NIC's arguments are words
boot_from_net 1 60 $nic,romfile= -kernel /boot/ipxe.lkrn -initrd "$TMP/script" \
    >"$TMP/diag" 2>&1
said "it read and wrote"
ok $? "ipxe.lkrn, e1000, \"sanboot aoe:e9.0\": boots, reads, writes"
is "here: what it wrote is in the file" \
    "$(dd if="$TMP/a.img" bs=512 skip=2 count=1 2>/dev/null | tr -d '\000\r')" \
    "$text"
target_stop a

# A diskless client.  The disk: GRUB and one partition with kernel, initrd and
# a root file system of busybox.
client_disk() {
	kver=$(cat "$IMAGE/version")
	root=$TMP/root
	mkdir -p "$root/bin" "$root/boot" "$root/dev" "$root/proc" \
	    "$root/sys" "$root/root" "$root/sbin" "$TMP/initrd/bin" || return
	cp "$(command -v busybox)" "$root/bin/busybox"
	for c in sh mount umount cat echo sync poweroff uname grep; do
		ln -s busybox "$root/bin/$c"
	done
	cp "$HERE/client-init" "$root/sbin/init"
	chmod 755 "$root/sbin/init"
	cp "$IMAGE/vmlinuz" "$root/boot/vmlinuz"

	cp "$(command -v busybox)" "$TMP/initrd/bin/busybox"
	ln -s busybox "$TMP/initrd/bin/sh"
	cp "$HERE/client-initrd" "$TMP/initrd/init"
	chmod 755 "$TMP/initrd/init"
	for m in virtio_pci virtio_net crc32c_generic ext4 aoe; do
		re=$(echo "$m" | sed 's/_/[-_]/g')
		grep -E "(^|/)$re\.ko:" "$IMAGE/modules/modules.dep" |
		    tr -d : | tr ' ' '\n'
	done | sort -u | grep . >"$TMP/mods"
	mdir=$TMP/initrd/lib/modules/$kver
	while read -r ko; do
		ko=${ko#"lib/modules/$kver/"}
		mkdir -p "$mdir/${ko%/*}"
		cp "$IMAGE/modules/$ko" "$mdir/$ko"
	done <"$TMP/mods"
	busybox depmod -b "$TMP/initrd" "$kver"
	(cd "$TMP/initrd" && find . | cpio -o -H newc -R 0:0 --quiet | gzip -1) \
	    >"$root/boot/initrd"

	disk c 64M
	printf '2048,,L,*\n' | sfdisk -q "$TMP/c.img"
	mkfs.ext4 -q -F -d "$root" -E offset=1048576 "$TMP/c.img" 63M || return
	cat >"$TMP/grub.cfg" <<-END
		set root=(hd0,msdos1)
		linux /boot/vmlinuz console=ttyS0 panic=-1 no_timer_check quiet \
		    root=/dev/etherd/e9.0p1
		initrd /boot/initrd
		boot
	END
	grub-mkimage -O i386-pc -o "$TMP/core.img" -p /boot -c "$TMP/grub.cfg" \
	    biosdisk part_msdos ext2 linux boot || return
	dd if=/usr/lib/grub/i386-pc/boot.img of="$TMP/c.img" bs=440 count=1 \
	    conv=notrunc 2>/dev/null &&
	dd if="$TMP/core.img" of="$TMP/c.img" bs=512 seek=1 conv=notrunc \
	    2>/dev/null
}

must "a disk for a diskless client is made" client_disk
must "vblade starts" target c 9 0 t0 "$TMP/c.img"
tap_nic 2 0 1500 virtio-net-pci
# shellcheck disable=SC2086	# the NIC's arguments are words
boot_from_net 2 120 $nic,$rom -boot n \
    >"$TMP/diag" 2>&1
said "root is /dev/etherd/e9.0p1"
ok $? "Debian's kernel runs with its root on e9.0p1"
check "vblade is alive" target_alive c
target_stop c
check "here: e2fsck -fn finds nothing" \
    e2fsck -fn "$TMP/c.img?offset=1048576"
is "here: what the client wrote is in the file" "$(debugfs -R \
    'cat /root/booted' "$TMP/c.img?offset=1048576" 2>/dev/null)" \
    "Linux $(cat "$IMAGE/version") was here"
