#!/bin/sh
# One file, one writer.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
truncate -s 1M "$T/disk"

# refused NAME PID ARGUMENT...: exit 1 and a line that names the holder
refused() {
	name=$1 pid=$2
	shift 2
	# shellcheck disable=SC2086	# a list of words
	exits "$name" 1 timeout 20 ip netns exec "$TNS" $VBLADE_WRAP \
	    "$VBLADE" "$@"
	like "$name: names the file and process $pid" "$ERR" \
	    "^vblade: $T/disk: .*\\b$pid\\b"
	is "$name: one line" "$(echo "$ERR" | wc -l)" 1
	is "$name: nothing on stdout" "$OUT" ''
}

start_blade 9 0 "$TIF" "$T/disk"
writer=$BLADE_PID
refused 'a second writer' "$writer" 9 1 "$TIF" "$T/disk"
refused 'even of another part' "$writer" -o 1024 9 1 "$TIF" "$T/disk"
ln "$T/disk" "$T/alias"
exits 'even by another name' 1 timeout 20 ip netns exec "$TNS" "$VBLADE" \
    9 1 "$TIF" "$T/alias"
refused 'a reader beside the writer' "$writer" -r 9 1 "$TIF" "$T/disk"
ok 'the first is none the worse' ini stamp e9.0 0 100 1

kill -KILL "$writer"
reap_blade "$writer"
start_blade -r 9 0 "$TIF" "$T/disk"
reader=$BLADE_PID
pass 'a killed blade leaves no lock behind'
start_blade -r 9 1 "$TIF" "$T/disk"
ok 'two readers share: one' ini verify e9.0 0 100 1
ok 'two readers share: the other' ini verify e9.1 0 100 1
stop_blade
refused 'a writer beside a reader' "$reader" 9 1 "$TIF" "$T/disk"

done_testing
