# shellcheck shell=sh disable=SC2016,SC2154	# the guest expands, others set
# Two hosts with a DRBD resource over both, for scenarios: guests 0 and 1.
#
#	options='-d -s'		of the blade, when a host boots
#	state=''		or where a file system on a second volume goes
#	host N STORE CACHE	boot it with its disk, as it is now; CACHE is
#				writethrough, or writeback for a volatile one
#	ha N start|stop		by contrib/ha
#	in_sync N		both have the same, says host N
#	drbd_new		both are up for the first time, host 0 is active

host() {
	ip link del "tap$1" 2>/dev/null
	rm -rf "$TMP/g$1"
	_if=format=raw,if=virtio,cache=$3
	if [ -n "$state" ]; then
		guest_boot -g "$1" -drive "file=$2,$_if" \
		    -drive "file=$TMP/s$1.img,$_if"
	else
		guest_boot -g "$1" -drive "file=$2,$_if"
	fi &&
	cp "$HERE/../../contrib/ha/vblade-ha" "$TMP/g$1/share/" &&
	share "$1" "$VBLADE" vblade lib
	_second=
	[ -z "$state" ] || _second='volume 1
		{ device /dev/drbd1; disk /dev/vdb; meta-disk internal; }'
	cat >"$TMP/g$1/share/drbd.conf" <<END
global { usage-count no; }
resource r0 {
	volume 0 { device /dev/drbd0; disk /dev/vda; meta-disk internal; }
	$_second
	net { protocol C; ping-int 2; timeout 20; }
	on h0 { address 10.9.0.10:7789; }
	on h1 { address 10.9.0.11:7789; }
}
END
	# With a second volume, README's words for it.
	sed -n '/^    DEVICE=/,/^    END/{s/^    //;/^END/q;p;}' \
	    "$HERE/../../contrib/ha/README" >"$TMP/words"
	[ -n "$state" ] || cat >"$TMP/words" <<'END'
DEVICE=/dev/drbd0
PROMOTE='drbdadm primary r0'
DEMOTE='drbdadm secondary r0'
END
	cat "$TMP/words" - >"$TMP/g$1/share/mail" <<END
START='LD_LIBRARY_PATH=/tmp/lib setsid \\
	/tmp/vblade $options 9 0 eth0 /dev/drbd0 \\
	>/tmp/blade.out 2>&1 & echo \$! >/tmp/blade.pid; n=0
	until grep -q "pid [0-9]*:" /tmp/blade.out; do
		n=\$((n + 1)); [ \$n -lt 100 ] || { cat /tmp/blade.out; exit 1; }
		sleep 0.1
	done'
# Nobody reaps it here: its command line is empty when it has ended.
ACTIVE='grep -q vblade "/proc/\$(cat /tmp/blade.pid)/cmdline" 2>/dev/null'
STOP='pid=\$(cat /tmp/blade.pid); kill "\$pid" && n=0 &&
	while grep -q vblade "/proc/\$pid/cmdline"; do
		n=\$((n + 1)); [ \$n -lt 300 ] || exit 1
		sleep 0.1
	done'
END
	guest -g "$1" "hostname h$1 && ip addr add 10.9.0.1$1/24 dev eth0 &&
	    mkdir -p $state /var/lib/drbd /run/drbd /run/lock /var/lock /etc/vblade-ha
	    cp /share/drbd.conf /etc/ && cp /share/mail /etc/vblade-ha/ &&
	    cp -r /share/vblade /share/lib /tmp/ &&
	    modprobe -a virtio_blk crc32c_generic drbd"
}

ha() {
	guest -g "$1" -t 90 "sh /share/vblade-ha $2 mail"
}

in_sync() {
	guest -g "$1" 'cat /proc/drbd; grep -q cs: /proc/drbd &&
	    ! grep cs: /proc/drbd |
	    grep -qv "cs:Connected.*ds:UpToDate/UpToDate"'
}

drbd_new() {
	for _h in 0 1; do
		must "host $_h: DRBD is up" guest -g $_h \
		    'drbdadm create-md r0 && drbdadm up r0'
	done
	_volumes="r0/0 ${state:+r0/1}"
	must "host 0: its data are the first" guest -g 0 "for v in $_volumes; do
		n=0
		until grep -q \"^ *\${v#*/}: cs:Connected\" /proc/drbd; do
			n=\$((n + 1)); [ \$n -lt 100 ] || exit 1; sleep 0.2
		done
		drbdadm -- --clear-bitmap new-current-uuid \$v || exit
	    done"
	must "they are in step" wait_for 30 in_sync 0
	[ -z "$state" ] || must "a file system for the state" guest -g 0 \
	    'drbdadm primary r0 && mkfs.ext4 -q /dev/drbd1'
	must "host 0: active" ha 0 start
}
