#!/bin/sh
# -c: a host that changes config string and lists all the time keeps the disk
# busy for a part of the time only, and gets told so.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
truncate -s 1M "$T/disk"

# A hundred strings, each another one, as fast as they can be sent.
it=$(echo "$TMAC" | tr -d :) me=$(echo "$IMAC" | tr -d :)
for n in $(seq 100 199); do
	printf '%s%s88a21000000903018000%04x0000000000140003%06x\n' "$it" \
	    "$me" "$n" "$n"
done >"$T/frames"
flood() {
	ini -n 1 -t 1 raw - <"$T/frames" >/dev/null 2>&1 || :
}

# shellcheck disable=SC2317,SC2329	# called through wait_for
counted() {	# SUM: of changes that were made, and that were not
	counters
	changes=$(value_of changes "$T/counters")
	throttled=$(value_of throttled "$T/counters")
	[ $((changes + throttled)) -ge "$1" ]
}

start_blade 9 3 "$TIF" "$T/disk"
flood
ok 'without -c nothing has to wait' wait_for 10 counted 100
is 'without -c: all are made' "$changes $throttled" '100 0'
stop_blade

start_blade -c "$T/state" 9 3 "$TIF" "$T/disk"
begun=$(date +%s)
flood
ok 'all are heard' wait_for 20 counted 100
# 32 at once and 4 in each second that has begun
most=$((32 + 4 * ($(date +%s) - begun + 1)))
diag "$changes made, $throttled refused"
is 'no more, no less' $((changes + throttled)) 100
if [ "$changes" -ge 32 ] && [ "$changes" -le "$most" ]; then
	pass 'a burst is made, and then a few a second'
else
	fail 'a burst is made, and then a few a second' \
	    "$changes, want 32 to $most"
fi
is 'the others are told so' "$(counter aoe_device)" "$throttled"
is 'one line for the operator' "$(grep -c 'more changes from the network' \
    "$BLADE_ERR")" 1
like 'that says what can be done' "$(cat "$BLADE_ERR")" \
    "^vblade: $T/state: more changes .* than 4 a second: .*; -k refuses all$"
ok 'the disk is served' ini stamp e9.3 0 100 1
ok 'soon a change is possible again' wait_for 10 ini config force e9.3 mine
is 'and made' "$(ini config read e9.3)" mine
stop_blade
start_blade -c "$T/state" 9 3 "$TIF" "$T/disk"
is 'and kept' "$(ini config read e9.3)" mine

done_testing
