#!/bin/sh
# However a blade ends, what it has acknowledged is in the file.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500

# shellcheck disable=SC2317,SC2329	# called through wait_for
acknowledged() {
	[ "$(grep -c '^a ' "$T/journal")" -ge 20 ]
}

# under_load SIGNAL OPTION...: end a blade that is hard at work
under_load() {
	signal=$1
	shift
	name="SIG$signal${*:+, $*}"
	rm -f "$T/disk" "$T/journal"
	truncate -s 8M "$T/disk"
	start_blade "$@" 9 0 "$TIF" "$T/disk"
	ini_bg "$T/load" load -T 60 -G 60000 -w 64 -r 30 -F 1 \
	    -o "$T/journal" e9.0
	sleep 0.7
	wait_for 60 acknowledged || :
	kill -"$signal" "$BLADE_PID"
	reap_blade
	kill -USR1 "$INI_PID"	# it need not wait for answers any more
	if [ "$signal" = TERM ]; then
		is "$name: status" "$BLADE_STATUS" 0
	else
		isnt "$name: status" "$BLADE_STATUS" 0
	fi
	reap "$INI_PID"
	# 0: it had all its answers, and had asked for nothing since
	like "$name: the initiator gives up" "$STATUS" '^[02]$'
	is "$name: having seen no mismatch" \
	    "$(value_of mismatches "$T/load")" 0
	like "$name: after some writes" "$(value_of writes "$T/load")" \
	    '[0-9]{2,}'
	ok "$name: all that was acknowledged is there" \
	    "$INITIATOR" check "$T/disk" "$T/journal"
}

for options in '' -s -d '-d -s'; do
	# shellcheck disable=SC2086	# a list of flags
	under_load TERM $options
	# shellcheck disable=SC2086	# a list of flags
	under_load KILL $options
done

# The check can fail: one byte, one sector of the past, one in a wrong place.
dd if=/dev/zero of="$T/zero" bs=512 count=1 status=none
cp "$T/disk" "$T/good"
# A sector of which the journal has an acknowledged write: the last one.
lba=$(awk '$1 == "w" { at[$2] = $3 } $1 == "a" { last = at[$2] }
    END { print last }' "$T/journal")
printf X | dd of="$T/disk" bs=1 seek=$((lba * 512 + 300)) conv=notrunc \
    status=none
exits 'the check sees a wrong byte' 5 \
    "$INITIATOR" check "$T/disk" "$T/journal"
cp "$T/good" "$T/disk"
dd if="$T/zero" of="$T/disk" bs=512 seek="$lba" conv=notrunc status=none
exits 'the check sees a lost write' 5 \
    "$INITIATOR" check "$T/disk" "$T/journal"
cp "$T/good" "$T/disk"
dd if="$T/good" of="$T/disk" bs=512 skip="$lba" seek=$(((lba + 1) % 16384)) \
    count=1 conv=notrunc status=none
exits 'the check sees a misplaced write' 5 \
    "$INITIATOR" check "$T/disk" "$T/journal"

done_testing
