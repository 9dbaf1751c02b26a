#!/bin/sh
# Another target under our address: refused at the start, told of later.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
truncate -s 1M "$T/disk" "$T/disk2"

# A rival: another host on the Ethernet has a blade, too.
rival() {
	save=$TNS TNS=$INS
	start_blade "$@"
	TNS=$save
}

# An interface may have a warning of its own, before we are refused.
# shellcheck disable=SC2034	# for refused
TAP_ONCE='another target'

count() {	# NAME: by the blade $ours, with its messages in $said
	counter "$1" "$ours" "$said"
}

told() {	# how often
	grep -c 'another target has this address' "$said" || :
}

advertises() {	# PID FILE: that blade, with its messages there, once more
	kill -HUP "$1"
	counters "$1" "$2"	# two hang-ups at once would be one
}

# ---- at the start ----

in_use="e9.0: in use by another target, $IMAC on $TIF; stop that one"
rival 9 0 "$IIF" "$T/disk2"
rival=$BLADE_PID rival_said=$BLADE_ERR
refused 'another has our address' "$in_use" 9 0 "$TIF" "$T/disk"
refused 'it does not matter how we would serve' "$in_use" \
    -r 9 0 "$TIF" "$T/disk"
refused 'one interface of several' "e9.0: in use .* on $TIF;" \
    9 0 "lo,$TIF" "$T/disk"
start_blade 9 1 "$TIF" "$T/disk"
pass 'another slot is another address'
stop_blade
start_blade -a 9 0 "$TIF" "$T/disk"
ours=$BLADE_PID said=$BLADE_ERR
pass '-a: both may'
advertises "$rival" "$rival_said"
advertises "$ours" "$said"
is '-a: not a word about it' "$(told)" 0
is '-a: nor is it counted' "$(count clashes)" 0
stop_blade "$ours"
stop_blade "$rival"
if [ -x /usr/sbin/vblade ] && [ -z "$VBLADE_WRAP" ]; then
	ip netns exec "$INS" /usr/sbin/vblade 9 0 "$IIF" "$T/disk2" \
	    >"$T/peer.out" 2>&1 &
	peer=$!
	TAP_PIDS="$TAP_PIDS $peer"
	wait_for 5 grep -q '^pid ' "$T/peer.out" || bail 'no peer'
	refused "the other is Debian's vblade" "$in_use" 9 0 "$TIF" "$T/disk"
	kill "$peer"
	reap "$peer"
else
	skip "the other is Debian's vblade" 'not installed, or VBLADE_WRAP'
fi

# ---- later ----

start_blade 9 0 "$TIF" "$T/disk"
ours=$BLADE_PID said=$BLADE_ERR
rival -a 9 0 "$IIF" "$T/disk2"
rival=$BLADE_PID rival_said=$BLADE_ERR
ok 'one that comes later is told of' wait_for 5 grep -q \
    "^vblade: e9.0: another target has this address, too, $IMAC on $TIF;" \
    "$said"
for _ in 1 2 3; do
	advertises "$rival" "$rival_said"
done
is 'not each time' "$(told)" 1
# shellcheck disable=SC2317,SC2329	# called through wait_for
clashed() {	# TIMES, at least
	[ "$(count clashes)" -ge "$1" ]
}
ok 'but all are counted' wait_for 5 clashed 4
stop_blade "$rival"
ok 'ours is none the worse' ini stamp e9.0 0 100 1
stop_blade "$ours"

# A link that comes up later is asked then.
rival 9 0 "$IIF" "$T/disk2"
rival=$BLADE_PID
ip -n "$TNS" link set "$TIF" down
start_blade 9 0 "$TIF" "$T/disk"
ours=$BLADE_PID said=$BLADE_ERR
pass 'it starts on a link that is down'
ip -n "$TNS" link set "$TIF" up
ok 'and tells of the other when it is up' wait_for 5 grep -q \
    "^vblade: e9.0: another target has this address, too, $IMAC on $TIF;" \
    "$said"
stop_blade "$ours"
stop_blade "$rival"

# ---- what is heard of others, and what is not ----

start_blade 9 0 "$TIF" "$T/disk"
ours=$BLADE_PID said=$BLADE_ERR
all=ffffffffffff
arg='00000000 0040 401a 02 10 0000'
before=$(count frames)
for frame in \
    "$TMAC $IMAC 88a2 1800 0009 00 00 00000001 00*36" \
    "$TMAC $IMAC 88a2 1800 0009 01 01 $arg" \
    "$all $IMAC 88a2 1800 000a 00 01 $arg" \
    "$all $IMAC 88a2 1800 ffff ff 01 $arg" \
    "$TMAC $IMAC 88a2 1800 0009 00 02 00000000 00000000"; do
	frame=$(echo "$frame" | sed "s/00\*36/$(printf '%072d' 0)/")
	ini -n 1 -t 50 raw "$frame" >/dev/null 2>&1 || :
done
is "other responses do not even reach it" "$(count frames)" "$before"
is 'and are no clash' "$(count clashes)" 0
ini -n 1 -t 50 raw "$all $IMAC 88a2 0800 0009 00 01 $arg" >/dev/null 2>&1 || :
is 'an advert of vblade 25 is' "$(count clashes)" 1
is 'and is told of' "$(told)" 1
stop_blade

# ---- interfaces of ours on one Ethernet ----

ip -n "$INS" link add br0 address "$IMAC" type bridge
ip -n "$TNS" link add two address 02:ae:00:00:00:03 type veth \
    peer name "${IIF}b" netns "$INS"
ip -n "$INS" link set "$IIF" master br0
ip -n "$INS" link set "${IIF}b" master br0
for l in br0 "$IIF" "${IIF}b"; do
	ip -n "$INS" link set "$l" up
done
ip -n "$TNS" link set two up
IIF=br0
start_blade 9 0 "$TIF,two" "$T/disk"
ours=$BLADE_PID said=$BLADE_ERR
pass 'two of our interfaces on one Ethernet: it starts'
kill -HUP "$ours"
is 'both are found' "$(ini -t 300 discover 'e*.*' | wc -l)" 2
is 'and each is not another target to the other' "$(count clashes)" 0
is 'nothing to say' "$(grep -vc ' counters ' "$said")" 0
rival -a 9 0 br0 "$T/disk2"
rival=$BLADE_PID
ok 'another one is' wait_for 5 grep -q \
    "^vblade: e9.0: another target has this address, too, $IMAC on " "$said"
stop_blade "$ours"
refused 'and at the start' 'e9.0: in use by another target, ' \
    9 0 "$TIF,two" "$T/disk"
stop_blade "$rival"

# ---- the loopback interface, where our own words come back ----

start_blade 9 0 lo "$T/disk"
ours=$BLADE_PID said=$BLADE_ERR
kill -HUP "$ours"
IIF=lo INS=$TNS
ok 'lo: served' ini stamp e9.0 0 100 2
is 'lo: what we say ourselves is no clash' "$(count clashes)" 0
is 'lo: nothing to say about it' "$(told)" 0
refused 'lo: another' \
    'e9.0: in use by another target, 00:00:00:00:00:00 on lo' \
    9 0 lo "$T/disk2"

done_testing
