# A guest that runs vblade -s is killed outright under a load, over and over
# limit 600 s
# shellcheck shell=sh disable=SC2016,SC2154	# the guest expands, lib.sh sets
#
# Its disk has a write cache: of what the guest has not flushed, half of the
# sectors are lost.  The guest is booted once; its state is kept when vblade
# serves and has had no request yet.  After each cut it begins there again, with
# the disk that the cut has left.  CUTS in the environment says how often.
#
# Its kernel has no Landlock, as before Linux 5.13, so vblade is in a chroot.
#
# Beside it in the same guest a vblade without -s has a disk of the same make,
# and loses what it has answered: the test can fail.

cuts=${CUTS:-20}
sectors=4096

# store NAME: $TMP/NAME/disk, which loses what was not flushed; see faultfs.c
store() {
	mkdir "$TMP/$1" && "$HERE/../faultfs" $sectors "$TMP/$1"
}

tell() {
	echo "$2" >"$TMP/$1/ctl"
}

ini() {
	"$RUN/initiator" -i t0 "$@"
}

# load NAME ADDR ARGUMENT...: in the background, until it is told to end
load() {
	_log=$TMP/$1
	shift
	"$RUN/initiator" -i t0 load -G 600000 -T 100000 -w 16 \
	    -o "$_log.journal" "$@" >"$_log.load" 2>&1 &
	echo $! >"$_log.load.pid"
}

# acked NAME: writes that were answered
acked() {
	grep -c ^a "$TMP/$1.journal"
}

# more_acked NAME N
more_acked() {
	[ "$(acked "$1")" -gt "$2" ]
}

# holds NAME: its disk has all that was answered
holds() {
	ini check "$TMP/$1/disk" "$TMP/$1.journal"
}

# keep_state: the guest stops, and what it was is in $TMP/state.
keep_state() {
	guest 'echo 3 >/proc/sys/vm/drop_caches
	    setsid sh -c "until [ -e /share/go ]; do sleep 0.1; done
		until umount /share; do sleep 0.1; done
		echo unmounted >/dev/console" >/dev/null 2>&1 &' || return
	: >"$TMP/g0/share/go"
	wait_for 30 grep -q '^unmounted' "$TMP/g0/console" || return
	printf '%s\n' "migrate \"exec:cat >$TMP/state\"" quit \
	    1<>"$TMP/g0/mon.in"
	wait_for 60 guest_gone 0
	guest_gone 0 && [ -s "$TMP/state" ]
}

power_on() {
	guest_again 0 -incoming "exec:cat $TMP/state"
	wait_for 60 ini -n 1 -t 100 discover e9.0
}

# The guest is no more, and then its disks lose what they held back.
power_cut() {
	guest_alive 0 || return
	kill -KILL "$(cat "$TMP/g0/pid")" 2>/dev/null
	wait "$(cat "$TMP/g0/pid")" 2>/dev/null
	for _store in s w; do
		tell $_store off
		tell $_store "on $1"
	done
}

if ! [ -x "$HERE/../faultfs" ] || ! [ -c /dev/fuse ]; then
	skip "power cuts" "needs tests/faultfs, and that libfuse3-dev"
	end_scenario
fi
segment 0
must "a store with a write cache" store s
must "and another" store w
mkdir "$TMP/g0" && mkfifo "$TMP/g0/mon.in" "$TMP/g0/mon.out"
guest_boot -k lsm=yama -chardev "pipe,id=mon,path=$TMP/g0/mon" \
    -mon chardev=mon,mode=readline \
    -drive "file=$TMP/s/disk,format=raw,if=virtio,cache=writeback" \
    -drive "file=$TMP/w/disk,format=raw,if=virtio,cache=writeback" ||
    must "the guest boots" false
must "vblade -s starts" blade_in_guest s 'modprobe virtio_blk' \
    -s -b 64 9 0 eth0 /dev/vda
check "without Landlock in the kernel, its root directory is empty" guest '
    grep "confined (.*, chroot, seccomp)" /tmp/s.out &&
    root=/proc/$(cat /tmp/s.pid)/root && ls -ld $root && ls -lA $root/ &&
    readlink $root | grep "/vblade\..* (deleted)$" &&
    [ -z "$(ls -A $root/)" ] && ! mkdir $root/x'
must "and one without -s" blade_in_guest w true -b 64 9 1 eth0 /dev/vdb
must "the guest's state is kept" keep_state

# serve_and_cut N: power, twenty writes answered, some more, and a cut; then
# everything that was answered is on the disk.
serve_and_cut() {
	_before=$(acked s)
	power_on || { echo "cut $1: no answer after power on"; return 1; }
	wait_for 60 more_acked s $((_before + 20)) ||
	    { echo "cut $1: no writes are answered"; return 1; }
	sleep "0.$((10 + $1 * 37 % 90))"
	power_cut "$1" || { echo "cut $1: the guest was dead"; return 1; }
	holds s || { echo "cut $1: that is lost"; return 1; }
}

# A first cut, for both.
load s -O -r 30 -F 1 e9.0
load w -O -r 0 e9.1
must "both blades are there after a start" power_on
check "both answer writes" wait_for 60 more_acked w 50
check "and go on to" wait_for 60 more_acked s 50
must "a first cut" power_cut 0
kill -KILL "$(cat "$TMP/w.load.pid")"
check "a cut with -s: every answered write is there" holds s
fails "without -s some are not" holds w

n=0 begin=$(date +%s)
while [ "$n" -lt "$cuts" ] && serve_and_cut $((n + 1)) >"$TMP/serve" 2>&1; do
	n=$((n + 1))
done
note "$n cuts in $(($(date +%s) - begin)) s"
check "$cuts cuts: every answered write was there after each" \
    eval 'cat "$TMP/serve"; [ "$n" = "$cuts" ]'

# The load has checked what it read all the while.
must "power once more" power_on
kill -TERM "$(cat "$TMP/s.load.pid")"
check "the load ends: no mismatch, no error" wait "$(cat "$TMP/s.load.pid")"
note "$(sed 's/ faults=.*//' "$TMP/s.load"), $(acked s) writes answered"
must "a last cut" power_cut 77
check "every answered write is there" holds s
