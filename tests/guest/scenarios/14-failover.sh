# A blade on DRBD moves between two hosts under a load: one of them is killed
# limit 720 s
# shellcheck shell=sh disable=SC2016,SC2154	# the guest expands, lib.sh sets
#
# Guests 0 and 1 are the hosts, guest 2 the initiator.  FAILOVERS=10 in the
# environment is how many times the blade moves: planned and killed by turns.

failovers=${FAILOVERS:-2}

# host N: boot it with its disk, the old one if there is one.
host() {
	ip link del "tap$1" 2>/dev/null
	rm -rf "$TMP/g$1"
	disk "d$1" 24M
	guest_boot -g "$1" -drive \
	    "file=$TMP/d$1.img,format=raw,if=virtio,cache=writethrough" &&
	mkdir -p "$TMP/g$1/share/lib" &&
	cp "$VBLADE" "$HERE/../../contrib/ha/vblade-ha" "$TMP/g$1/share/" &&
	for _lib in $(ldd "$VBLADE" |
	    sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p'); do
		cp -L "$_lib" "$TMP/g$1/share/lib/"
	done
	cat >"$TMP/g$1/share/drbd.conf" <<END
global { usage-count no; }
resource r0 {
	device /dev/drbd0;
	disk /dev/vda;
	meta-disk internal;
	net { protocol C; ping-int 2; timeout 20; }
	on h0 { address 10.9.0.10:7789; }
	on h1 { address 10.9.0.11:7789; }
}
END
	cat >"$TMP/g$1/share/mail" <<'END'
DEVICE=/dev/drbd0
PROMOTE='drbdadm primary r0'
DEMOTE='drbdadm secondary r0'
START='LD_LIBRARY_PATH=/tmp/lib /tmp/vblade -d -s 9 0 eth0 /dev/drbd0 \
	>/tmp/blade.out 2>&1 & echo $! >/tmp/blade.pid; n=0
	until grep -q "pid [0-9]*:" /tmp/blade.out; do
		n=$((n + 1)); [ $n -lt 100 ] || { cat /tmp/blade.out; exit 1; }
		sleep 0.1
	done'
# Nobody reaps it here: its command line is empty when it has ended.
ACTIVE='grep -q vblade "/proc/$(cat /tmp/blade.pid)/cmdline" 2>/dev/null'
STOP='pid=$(cat /tmp/blade.pid); kill "$pid" && n=0 &&
	while grep -q vblade "/proc/$pid/cmdline"; do
		n=$((n + 1)); [ $n -lt 300 ] || exit 1
		sleep 0.1
	done'
END
	guest -g "$1" "hostname h$1 && ip addr add 10.9.0.1$1/24 dev eth0 &&
	    mkdir -p /var/lib/drbd /run/drbd /run/lock /var/lock /etc/vblade-ha
	    cp /share/drbd.conf /etc/ && cp /share/mail /etc/vblade-ha/ &&
	    cp -r /share/vblade /share/lib /tmp/ &&
	    modprobe -a virtio_blk crc32c_generic drbd"
}

# ha N start|stop
ha() {
	guest -g "$1" -t 90 "sh /share/vblade-ha $2 mail"
}

# in_sync N
in_sync() {
	guest -g "$1" 'cat /proc/drbd
	    grep -q "cs:Connected.*ds:UpToDate/UpToDate" /proc/drbd'
}

# passes_more: the load has gone round twice since the last time.
passes_more() {
	[ "$(wc -l <"$TMP/g2/share/passes")" -ge $((before + 2)) ]
}

segment 0
must "the first host boots" host 0
must "the second host boots" host 1
guest_boot -g 2 || must "the initiator boots" false
for g in 0 1; do
	must "host $g: DRBD is up" guest -g $g \
	    'yes yes | drbdadm create-md --force r0 && drbdadm up r0'
done
must "host 0: its data are the first" guest -g 0 'n=0
	until grep -q cs:Connected /proc/drbd; do
		n=$((n + 1)); [ $n -lt 100 ] || exit 1; sleep 0.2
	done
	drbdadm -- --clear-bitmap new-current-uuid r0'
must "they are in step" wait_for 30 in_sync 0
must "host 0: active" ha 0 start
must "the initiator has e9.0" blade_up -g 2 e9.0
fails "host 1: refused, for the peer is active" guest -g 1 \
    'sed -i "\$aWAIT=3" /etc/vblade-ha/mail; sh /share/vblade-ha start mail
    s=$?; sed -i "/^WAIT=/d" /etc/vblade-ha/mail; exit $s'

# Each pass writes every block at random and then verifies every one; the line
# is the sectors verified and the longest read and write in us.
: >"$TMP/g2/share/passes"
load=$(guest_bg -g 2 "i=0; while [ ! -e /share/enough ]; do
	i=\$((i + 1))
	$fio_verify --filename=/dev/etherd/e9.0 --rw=randwrite --bs=4k \
	    --iodepth=8 --size=8m --rate=,2m --randseed=\$i >/tmp/fio.out ||
	    { cat /tmp/fio.out; exit 1; }
	awk -F';' '{ print \$6 * 2, \$15, \$56, \$5 }' /tmp/fio.out >>/share/passes
	done")
a=0 n=0
while [ $n -lt "$failovers" ]; do
	n=$((n + 1))
	b=$((1 - a))
	before=$(wc -l <"$TMP/g2/share/passes")
	# Somewhere within a pass, and another place each time.
	sleep $((1 + n % 4))
	if [ $((n % 2)) = 1 ]; then
		kill -KILL "$(cat "$TMP/g$a/pid")"
		wait "$(cat "$TMP/g$a/pid")" 2>/dev/null
		must "$n: host $a is killed, host $b is active" ha $b start
		must "$n: the killed host boots" host $a
		must "$n: its DRBD joins" guest -g $a 'drbdadm up r0'
		must "$n: they are in step again" wait_for 60 in_sync $b
	else
		must "$n: planned: host $a stops" ha $a stop
		must "$n: planned: host $b is active" ha $b start
	fi
	a=$b
	check "$n: the load goes on" wait_for 120 passes_more
done
: >"$TMP/g2/share/enough"
check "every block of every pass was as written" guest_wait "$load" 120
note "$(awk '{ s += $1; p++; if ($2 > m) m = $2; if ($3 > m) m = $3 }
    END { printf "%d passes, %.0f sectors verified, longest pause %.1f s",
    p, s, m / 1e6 }' "$TMP/g2/share/passes")"
note "paths that the initiator knows:" "$(guest -g 2 \
    'cat /sys/kernel/debug/aoe/e9.0 | grep -v falloc | tr "\n" " "')"
theirs=$(guest -g 2 -t 120 "blockdev --flushbufs /dev/etherd/e9.0 &&
    md5sum </dev/etherd/e9.0 | cut -c1-32")
must "the active host stops" ha $a stop
for g in 0 1; do
	is "host $g holds what the initiator read" "$(guest -g $g -t 60 \
	    'drbdadm primary r0 2>/dev/null && md5sum </dev/drbd0 | cut -c1-32
	    drbdadm secondary r0 2>/dev/null')" "$theirs"
done
