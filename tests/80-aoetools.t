#!/bin/sh
# The tools of the aoetools package, none of which need the driver here.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

have aoeping aoecfg || skip_all 'needs aoetools'
network 9000
truncate -s 1M "$T/disk"
start_blade 9 3 "$TIF" "$T/disk"
# aoeping and aoecfg wait for ever for an answer that they do not like.
set -- timeout 20 ip netns exec "$INS"

if have aoe-sancheck; then
	"$@" aoe-sancheck -v >"$T/san" 2>&1 </dev/null &
	san=$!
	TAP_PIDS="$TAP_PIDS $san"
fi

exits 'aoeping finds the blade' 0 "$@" aoeping -v -s 5 9 3 "$IIF"
like 'at its address' "$OUT" "found e9.3 with mac $(echo "$TMAC" | tr -d :)"
exits 'aoeping finds no other' 142 "$@" aoeping -s 1 9 4 "$IIF"
exits 'aoeping -I' 0 "$@" aoeping -I -s 5 9 3 "$IIF"
like 'model' "$OUT" '^model: vblade ATA over Ethernet disk *$'
like 'firmware' "$OUT" '^firmware_rev: 26 *$'
like 'serial' "$OUT" '^serial_number: 9\.3-[0-9a-f]{8} *$'
exits 'aoeping -i' 0 "$@" aoeping -i -s 5 9 3 "$IIF"
is 'all of IDENTIFY' "$(echo "$OUT" | grep -c '^\([0-9a-f]\{2\} \)\{16\}$')" 32
exits 'aoeping -S: no SMART' 1 "$@" aoeping -S enable -s 5 9 3 "$IIF"
like 'in a way that it understands' "$ERR" 'e9\.3 does not support SMART'

# cfg NAME STRING ARGUMENT...
cfg() {
	name=$1 want=$2
	shift 2
	exits "aoecfg $name" 0 timeout 20 ip netns exec "$INS" \
	    aoecfg -t 1 "$@" "$IIF"
	is "aoecfg $name: string" "$OUT" "$want"
}

cfg 'set' 'hello there' -c set -s 'hello there' 9 3
cfg 'set another' '*badcfg*' -c set -s other 9 3
cfg 'test' 'hello there' -c test -s 'hello there' 9 3
cfg 'test another' '' -c test -s other 9 3
cfg 'prefix' 'hello there' -c prefix -s hello 9 3
cfg 'prefix another' '' -c prefix -s other 9 3
cfg 'fset' 'other' -c fset -s other 9 3
cfg 'read' 'other' 9 3
cfg 'by everybody' '9.3	other'
long=$(head -c 500 /dev/urandom | od -An -v -tx1 | tr -d ' \n')
cfg 'of 1000 bytes' "$long" -c fset -s "$long" 9 3
is 'our initiator agrees' "$(ini config read e9.3)" "$long"

if have aoe-sancheck; then
	reap "$san"
	is 'aoe-sancheck' "$STATUS" 0
	like 'aoe-sancheck: sees 17 sectors, on one path' "$(cat "$T/san")" \
	    "^e9\.3[[:space:]]+1[[:space:]]+8704[[:space:]]+$IIF"
	unlike 'aoe-sancheck: has no advice' "$(cat "$T/san")" \
	    '[Ww]arn|capable|higher|match'
else
	skip 'aoe-sancheck' 'not installed'
fi

done_testing
