#!/bin/sh
# One file, one writer.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
truncate -s 1M "$T/disk"

# held NAME PID ARGUMENT...: exit 1 and a line that names the holder
held() {
	name=$1 pid=$2
	shift 2
	refused "$name" "$T/disk: .*\\b$pid\\b" "$@"
}

start_blade 9 0 "$TIF" "$T/disk"
writer=$BLADE_PID
held 'a second writer' "$writer" 9 1 "$TIF" "$T/disk"
held 'even of another part' "$writer" -o 1024 9 1 "$TIF" "$T/disk"
ln "$T/disk" "$T/alias"
exits 'even by another name' 1 timeout 20 ip netns exec "$TNS" "$VBLADE" \
    9 1 "$TIF" "$T/alias"
held 'a reader beside the writer' "$writer" -r 9 1 "$TIF" "$T/disk"
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
held 'a writer beside a reader' "$reader" 9 1 "$TIF" "$T/disk"

done_testing
