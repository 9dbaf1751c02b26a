#!/bin/sh
# The store grows and shrinks while it is exported: noticed without a signal,
# told to the initiators; a file, a window, a block device.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500

sectors() {
	ini identify e9.0 >"$T/try.out"
	value_of sectors48
}

# shellcheck disable=SC2317,SC2329	# called through ok
told() {	# WHAT
	grep -q "^vblade: $T/disk: $1" "$BLADE_ERR"
}

query() {	# as aoe-revalidate does; not sooner than the last look allows
	sleep 0.15
	ini discover e9.0 >/dev/null
}

# A file
truncate -s 1M "$T/disk"
start_blade 9 0 "$TIF" "$T/disk"
ini stamp e9.0 0 2048 1
truncate -s 2M "$T/disk"
is 'grown: the size, for who asks for it' "$(sectors)" 4096
kill -USR1 "$BLADE_PID"
ok 'which is advertised, once' wait_for 5 grep -q ' adverts=2 ' "$BLADE_ERR"
ok 'the new part is zeros' ini read e9.0 2048 100
ok 'and can be written' ini stamp e9.0 2048 2048 1
ok 'the old part is as it was' ini verify e9.0 0 2048 1
ok 'it is told' grep -q "^vblade: $T/disk: 4096 sectors now\$" "$BLADE_ERR"

truncate -s 3M "$T/disk"
sleep 0.15
in_target ip link set "$TIF" down
in_target ip link set "$TIF" up
ok 'a link changes: the new size' wait_for 5 told '6144 sectors now$'
is 'and that is the size' "$(sectors)" 6144

# Smaller: only what is lost fails.
truncate -s 1M "$T/disk"
exits 'shrunk, not yet noticed: what is lost fails' 4 ini read e9.0 2048 2
ok 'and what is left does not' ini verify e9.0 0 2048 1
query
ok 'a query: the smaller size' told '2048 sectors now, '
is 'and that is the size' "$(sectors)" 2048
ok 'it is a warning' grep -q \
    "^vblade: $T/disk: 2048 sectors now, 4096 fewer: requests beyond" \
    "$BLADE_ERR"
exits 'the last one and the next' 4 ini read e9.0 2047 2
exits 'a write there' 4 ini stamp e9.0 2048 1 1
ok 'the last one' ini read e9.0 2047 1
ok 'all that is left' ini verify e9.0 0 2048 1
is 'the file has not grown back' "$(stat -c %s "$T/disk")" 1048576
n=$(wc -l <"$BLADE_ERR")
query
query
is 'what has been told is not told again' "$(wc -l <"$BLADE_ERR")" "$n"
stop_blade

# Windows
start_blade -l 2000 9 0 "$TIF" "$T/disk"
truncate -s 2M "$T/disk"
query
is '-l: it stays' "$(sectors)" 2000
truncate -s 512K "$T/disk"
query
is '-l: unless the store ends before' "$(sectors)" 1024
truncate -s 2M "$T/disk"
query
is '-l: and it comes back' "$(sectors)" 2000
stop_blade
start_blade -o 1000 9 0 "$TIF" "$T/disk"
truncate -s 3M "$T/disk"
query
is '-o: the rest grows' "$(sectors)" 5144
truncate -s 100K "$T/disk"
query
is '-o: nothing is left' "$(sectors)" 0
truncate -s 3M "$T/disk"
query
is '-o: all is back' "$(sectors)" 5144
stop_blade

# A block device
truncate -s 1M "$T/image"
if loop=$(losetup -f --show "$T/image" 2>/dev/null); then
	at_exit "losetup -d $loop"
	start_blade 9 0 "$TIF" "$loop"
	truncate -s 2M "$T/image"
	losetup -c "$loop"
	query
	is 'a device: the new size' "$(sectors)" 4096
	ok 'a device: the new part works' ini stamp e9.0 2048 2048 1
	stop_blade
else
	skip 'a device: the new size' 'no loop device'
	skip 'a device: the new part works' 'no loop device'
fi

done_testing
