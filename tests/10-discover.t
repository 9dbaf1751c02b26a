#!/bin/sh
# Who answers a query, with what, and who keeps quiet.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
truncate -s 1M "$T/disk"
start_blade 9 3 "$TIF" "$T/disk"

like 'the start line names pid, address, size and mode' \
    "$(cat "$BLADE_OUT")" "^pid $BLADE_PID: e9\\.3, 2048 sectors O_RDWR"
is 'the start line is one line' "$(wc -l <"$BLADE_OUT")" 1
is 'nothing on stderr' "$(cat "$BLADE_ERR")" ''

line="e9.3 $TMAC buffers=64 sectors=2 firmware=401a config="
exits 'a query to everybody is answered' 0 ini -t 200 discover
is 'the answer is complete' "$OUT" "$line"
for address in e9.3 'e*.3' 'e9.*'; do
	exits "a query to $address is answered" 0 ini -t 200 discover "$address"
	is "$address: the same answer" "$OUT" "$line"
done
exits 'a unicast query is answered' 0 ini -a "$TMAC" discover e9.3
for address in e8.3 e9.2 'e*.2' 'e8.*' e2307.3; do
	silent "a query to $address is not ours" discover "$address"
done
silent 'a query to another MAC is not ours' \
    -a 02:ae:00:00:00:99 discover e9.3

# The discovery frame of a worked example, bare (32 bytes) and padded (60).
head="ffffffffffff $(echo "$IMAC" | tr -d :) 88a2"
mine="$(echo "$IMAC" | tr -d :) $(echo "$TMAC" | tr -d :) 88a2"
want=$(echo "$mine 1800 0009 03 01 00000000 0040 401a 02 10 0000" | tr -d ' ')
for pad in '' "$(printf '%056d' 0)"; do
	exits "a query in hex, padded by ${#pad} digits, is answered" 0 \
	    ini -t 5000 \
	    raw "$head 1000 ffff ff 01 00000000 0000000000000000 $pad"
	is 'to the byte, and padded with zeros' "$OUT" \
	    "$want$(printf '%056d' 0)"
done

# IDENTIFY answers WinAoE's broadcast; nothing else of ATA does.
exits 'IDENTIFY to everybody is answered' 0 ini ata 'e*.*' ec count=1
like 'with a sector' "$OUT" '^status=40 error=00 .*data=512$'
silent 'a read to everybody is not' read 'e*.*' 0 1
silent 'a read to e9.* is not' read 'e9.*' 0 1
silent 'a write to everybody is not' stamp 'e*.*' 0 1 7
exits 'and wrote nothing' 0 ini verify e9.3 0 1 0

exits 'identify' 0 ini identify e9.3
is 'size in 28 bits' "$(value_of sectors28)" 2048
is 'size in 48 bits' "$(value_of sectors48)" 2048
is 'checksum' "$(value_of checksum)" ok
like 'model' "$OUT" '^model=vblade ATA over Ethernet disk$'
like 'firmware' "$OUT" '^firmware=26$'
serial=$(value_of serial)
like 'serial' "$serial" '^9\.3-[0-9a-f]{8}$'
stop_blade
start_blade 9 3 "$TIF" "$T/disk"
ini identify e9.3 >"$T/try.out"
is 'the serial survives a restart' "$(value_of serial)" "$serial"

done_testing
