#!/bin/sh
# A blade says that it is there: at start, and when its size changes.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
truncate -s 1M "$T/disk"

# listen FILE [OPTION...]: collect frames in the initiator's namespace
# shellcheck disable=SC2317,SC2329	# called through wait_for
frames() {	# FILE COUNT: that many have come
	[ "$(grep -vc listening "$1")" -ge "$2" ]
}

compact() {
	printf %s "$*" | tr -d ' :\n'
}

arg="0040 401a 02 10 0000"
pad=$(printf '%056d' 0)

listen "$T/all"
start_blade 9 3 "$TIF" "$T/disk"
ok 'an advert comes at start' wait_for 5 frames "$T/all" 1
is 'broadcast, answer flag, tag 0, CCmd 0, padded' \
    "$(sed -n 2p "$T/all")" \
    "$(compact "ffffffffffff $TMAC 88a2 1800 0009 03 01 00000000 $arg $pad")"

truncate -s 2M "$T/disk"
kill -HUP "$BLADE_PID"
ok 'another one after SIGHUP' wait_for 5 frames "$T/all" 2
is 'which is the same' "$(sed -n 3p "$T/all")" "$(sed -n 2p "$T/all")"
sleep 0.3
is 'and no more than that' "$(grep -vc listening "$T/all")" 2
stop_blade
kill "$INI_PID"
reap "$INI_PID"

# With a mask the advert is for those who may talk, one frame each.
one=02:ae:00:00:00:11 two=02:ae:00:00:00:12
listen "$T/masked" -S "$one"
start_blade -m "$one,$two" 9 3 "$TIF" "$T/disk"
ok 'with -m an advert for each' wait_for 5 frames "$T/masked" 2
for mac in "$one" "$two"; do
	like "the one for $mac" "$(cat "$T/masked")" \
	    "^$(compact "$mac $TMAC 88a2 1800 0009 03 01 00000000 $arg $pad")$"
done
sleep 0.3
is 'and none for anybody else' "$(grep -vc listening "$T/masked")" 2

done_testing
