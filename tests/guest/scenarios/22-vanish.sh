# A block device vanishes under a guest's vblade, in the midst of a load
# limit 240 s
# shellcheck shell=sh disable=SC2016,SC2086,SC2154	# lib.sh sets; words

ini() {
	"$RUN/initiator" -i t0 "$@"
}

# driver bind|unbind: the disk's driver lets go of it, or takes it again
driver() {
	guest "echo $device >/sys/bus/virtio/drivers/virtio_blk/$1"
}

value() {		# NAME
	tr ' ' '\n' <"$TMP/load" | sed -n "s/^$1=//p"
}

answers() {
	wait_for 20 ini -n 1 -t 500 discover e9.0
}

lines() {
	guest 'wc -l </tmp/b.out' | tail -n 1
}

segment 0
disk d 16M
guest_boot -drive "file=$TMP/d.img,format=raw,if=virtio" ||
    must "the guest boots" false
must "a disk" guest 'modprobe virtio_blk && [ -b /dev/vda ]'
device=$(guest 'basename "$(readlink -f /sys/block/vda/device)"' | tail -n 1)

for mode in '' -d -s '-d -s'; do
	name=${mode:-no option}
	must "$name: vblade starts" blade_in_guest b true -v $mode 9 0 eth0 \
	    /dev/vd?
	rm -f "$TMP/journal"
	ini load -w 16 -T 6 -G 20000 -o "$TMP/journal" e9.0 >"$TMP/load" 2>&1 &
	load=$!
	wait_for 20 [ -s "$TMP/journal" ]
	sleep 2
	check "$name: the disk vanishes under a load" driver unbind
	wait "$load" || :
	note "$(cat "$TMP/load")"
	check "$name: then each request fails" [ "$(value errors)" -gt 0 ]
	is "$name: and is answered" "$(value unanswered)" 0
	is "$name: no wrong byte" "$(value mismatches)" 0
	check "$name: the blade answers for itself" answers
	fails "$name: a read fails" ini read e9.0 0 1
	head -c 512 /dev/zero | fails "$name: a write fails" ini write e9.0 1
	fails "$name: a flush fails" ini flush e9.0
	note "$(guest 'tail -n +2 /tmp/b.out')"
	check "$name: the operator was told, in few lines" \
	    [ "$(lines)" -ge 2 ] && [ "$(lines)" -le 40 ]
	# Its parent does not wait for it; a zombie has no program.
	check "$name: SIGTERM ends it" guest 'p=$(cat /tmp/b.pid); kill $p; n=0
	    while [ -e /proc/$p/exe ]; do
		n=$((n + 1)); [ $n -lt 100 ] || exit 1; sleep 0.1
	    done'
	must "$name: the disk is there again" driver bind
	if [ -z "$mode" ]; then
		note "what was in the page cache is lost: $("$RUN/initiator" \
		    check "$TMP/d.img" "$TMP/journal" 2>/dev/null)"
	else
		check "$name: it has all that was answered" \
		    "$RUN/initiator" check "$TMP/d.img" "$TMP/journal"
	fi
done
must "vblade starts" blade_in_guest b true 9 0 eth0 /dev/vd?
check "and is as before" ini load -N 200 e9.0
