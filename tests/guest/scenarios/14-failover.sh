# A blade on DRBD, with its state, moves between two hosts: one is killed
# limit 720 s
# shellcheck shell=sh disable=SC2016,SC2154	# the guest expands, lib.sh sets
#
# Guests 0 and 1 are the hosts, guest 2 the initiator.  FAILOVERS=10 in the
# environment is how many times the blade moves: planned and killed by turns.

failovers=${FAILOVERS:-2}

# shellcheck disable=SC2034	# drbd.sh's
options='-d -s -c /srv/ha/mail' state=/srv/ha
# shellcheck source=SCRIPTDIR/../drbd.sh
. "$HERE/drbd.sh"

# boot N: the host with its disk, the old one if there is one.
boot() {
	host "$1" "$TMP/d$1.img" writethrough
}

# kept: what is in the file of -c moves with the data.
kept() {
	ini config read e9.0 && ini config test e9.0 moves &&
	ini reserve read e9.0 | tee "$TMP/reserved" &&
	grep -q 52:54:00:00:02:00 "$TMP/reserved"
}
ini() {
	"$RUN/initiator" -i t0 "$@"
}

# passes_more: the load has gone round twice since the last time.
passes_more() {
	[ "$(wc -l <"$TMP/g2/share/passes")" -ge $((before + 2)) ]
}

segment 0
for g in 0 1; do
	disk d$g 24M
	disk s$g 8M
done
must "the first host boots" boot 0
must "the second host boots" boot 1
guest_boot -g 2 || must "the initiator boots" false
drbd_new
must "the initiator has e9.0" blade_up -g 2 e9.0
check "its config string is set" ini config set e9.0 moves
check "it is reserved for the initiator" ini reserve set e9.0 52:54:00:00:02:00
check "both are there" kept
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
		must "$n: the killed host boots" boot $a
		must "$n: its DRBD joins" guest -g $a 'drbdadm up r0'
		must "$n: they are in step again" wait_for 60 in_sync $b
	else
		must "$n: planned: host $a stops" ha $a stop
		must "$n: planned: host $b is active" ha $b start
	fi
	a=$b
	check "$n: the load goes on" wait_for 120 passes_more
	check "$n: config string and reservation are there" kept
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
