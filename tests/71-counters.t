#!/bin/sh
# What SIGUSR1 tells: each thing that can happen is counted by its name.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
truncate -s 1M "$T/disk"
start_blade 9 3 "$TIF" "$T/disk"

count() {
	value_of "$1" "$T/counters"
}

sum() {		# NAME: of a list
	count "$1" | tr , '\n' | awk '{ n += $1 } END { print n + 0 }'
}

# counted NAME BY ARGUMENT...: the initiator's request, made once, adds BY to
# the counter
counted() {
	name=$1 by=$2
	shift 2
	before=$(count "$name")
	ini -n 1 -t "$patience" "$@" >"$T/try.out" 2>&1 || :
	counters
	is "$name: $*" $(($(count "$name") - before)) "$by"
}

me=$(echo "$IMAC" | tr -d :) it=$(echo "$TMAC" | tr -d :)
head="$it $me 88a2 1000"
zero=00000000
counters

patience=200		# nobody answers these
counted runts 1 raw "$head 0009 03 00 000000aa 00000124"
counted to_all 1 raw "ffffffffffff $me 88a2 1000 ffff ff 02 000000aa 00010000"
counted to_all 1 raw \
    "ffffffffffff $me 88a2 1000 ffff ff 00 000000aa 00000124 $zero $zero"
counted unmatched 1 raw "$head 0009 03 01 000000aa 00000000 00010001 61"
patience=5000
counted aoe_badver 1 raw "$it $me 88a2 2000 0009 03 01 000000aa $zero $zero"
counted aoe_badcmd 1 raw "$head 0009 03 07 000000aa"
counted aoe_badarg 1 raw "$head 0009 03 01 000000aa 00000000 00090000"
counted ata_idnf 1 read e9.3 2048 1
counted ata_abrt 1 raw "$head 0009 03 00 000000aa 000000ff $zero $zero"
counted flushes 1 flush e9.3
counted reads 1 read e9.3 0 2
# within two seconds
counted repeats 1 raw "$head 0009 03 00 000000ab 40000124 18 00 $zero 0000" \
    "$head 0009 03 00 000000ac 40000124 18 00 $zero 0000"
counted repeats 0 read e9.3 0 1
counted sectors_read 2 read e9.3 8 2
counted writes 2 stamp e9.3 100 3 1
counted sectors_written 4 stamp e9.3 200 4 1

# Every frame is in a batch, every reason for silence in the sum.
is 'silent is the sum of its reasons' "$(count silent)" \
    $(($(count masked) + $(count not_ours) + $(count responses) + \
    $(count runts) + $(count to_all) + $(count unmatched) + $(count no_room)))
is 'four were silent' "$(count silent)" 4
is 'ata_errors is the sum of its kinds' "$(count ata_errors)" \
    $(($(count ata_abrt) + $(count ata_idnf) + $(count ata_unc) + \
    $(count ata_df)))
is 'aoe_errors is the sum of its kinds' "$(count aoe_errors)" \
    $(($(count aoe_badcmd) + $(count aoe_badarg) + $(count aoe_device) + \
    $(count aoe_cfgset) + $(count aoe_badver) + $(count aoe_reserved)))
is 'every read was timed' "$(sum read_us)" "$(count reads)"
is 'every write was timed' "$(sum write_us)" "$(count writes)"
is 'every flush was timed' "$(sum other_us)" "$(count flushes)"
is 'nothing is under way now' "$(count queued)" 0

# The time of a request is less than that of the whole command, and more than
# none; a list of buckets and a sum cannot contradict each other.
ok 'reads took some time' test "$(count read_ns)" -gt 1000
ok 'which is not absurd' test "$(count read_ns)" -lt 60000000000

ini load -w 32 -T 1 e9.3 >"$T/load"
counters
ok 'load: many at once were under way' test "$(count queued_max)" -gt 1
batches=$(count batch | tr , '\n' | sed 1d |
    awk '{ n += $1 } END { print n + 0 }')
ok 'load: batches of more than one' test "$batches" -gt 0
is 'load: all reads timed' "$(sum read_us)" "$(count reads)"
is 'load: all writes timed' "$(sum write_us)" "$(count writes)"

# The manual has each name.
tr ' ' '\n' <"$T/counters" | sed -n 's/^\([a-z_]*\)=.*/\1/p' >"$T/names"
ok 'there are many names' test "$(wc -l <"$T/names")" -gt 40
while read -r name; do
	grep -q "^\.\(It \)*Li.*[ ,]$name\( \|\$\)" "$TOP/vblade.8" ||
	    echo "$name"
done <"$T/names" | grep -vx -e shelf -e slot -e sectors >"$T/unknown" || :
is 'each is in the manual' "$(cat "$T/unknown")" ''
is 'none comes twice' "$(sort "$T/names" | uniq -d)" ''

stop_blade
is 'it ends well' "$BLADE_STATUS" 0

# Silence that was asked for
start_blade -m 02:00:00:00:00:77 9 3 "$TIF" "$T/disk"
counters
patience=200
counted masked 1 raw "$head 0009 03 01 000000aa $zero $zero"
stop_blade

done_testing
