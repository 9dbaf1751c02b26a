#!/bin/sh
# What must not be answered, and what must be in spite of its looks.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
truncate -s 1M "$T/disk"
start_blade 9 3 "$TIF" "$T/disk"

me=$(echo "$IMAC" | tr -d :) it=$(echo "$TMAC" | tr -d :)
all=ffffffffffff zero=00000000
head="$it $me 88a2"
query="0009 03 01 000000aa $zero $zero"

raw_silent() {	# NAME FRAME
	exits "silence: $1" 2 ini -t 150 raw "$2"
}

raw_answer() {	# NAME FRAME ERE, on the answer from the flags onward
	exits "answer: $1" 0 ini -t 5000 raw "$2"
	like "  as it should be" "${OUT#????????????????????????????}" "$3"
}

raw_silent 'R set' "$head 1800 $query"
raw_silent 'another Ethernet type' "$it $me 88a3 1000 $query"
raw_silent 'a runt of 23 bytes' "$head 1000 0009 03 01 0000aa"
raw_silent 'a bare header, config' "$head 1000 0009 03 01 000000aa"
raw_silent 'one byte short of a config' \
    "$head 1000 0009 03 01 000000aa 00000000 000000"
raw_silent 'one byte short of an ATA header' \
    "$head 1000 0009 03 00 000000aa 00000124 00000000 000000"
raw_silent 'one byte short of a mask header' \
    "$head 1000 0009 03 02 000000aa 000000"
raw_silent 'one byte short of a reserve header' \
    "$head 1000 0009 03 03 000000aa 00"
raw_silent 'from a group address' "$it 03aeffffffff 88a2 1000 $query"
raw_silent 'to a group address' "01005e000001 $me 88a2 1000 $query"
raw_silent 'another shelf' "$head 1000 000a 03 01 000000aa $zero $zero"
raw_silent 'another slot' "$head 1000 0009 04 01 000000aa $zero $zero"
raw_silent 'mask edit to everybody' \
    "$all $me 88a2 1000 ffff ff 02 000000aa 00010001 0001 $me"
raw_silent 'reserve set to everybody' \
    "$all $me 88a2 1000 ffff ff 03 000000aa 0101 $me"

raw_answer 'reserved header bits and a stale error byte' \
    "$head 1307 $query" '^1800000903010*aa'
raw_answer 'the E flag in a request' "$head 1402 $query" '^1800000903010*aa'
raw_answer 'version 2' "$head 2000 $query" '^1c0500090301000000aa'
raw_answer 'version 0' "$head 0000 $query" '^1c0500090301000000aa'
raw_answer 'command 4' "$head 1000 0009 03 04 000000aa" \
    '^1c0100090304000000aa0{72}$'
raw_answer 'command 255' "$head 1000 0009 03 ff 000000aa" \
    '^1c01000903ff000000aa0{72}$'
raw_answer 'config CCmd 5' \
    "$head 1000 0009 03 01 000000aa 00000000 00050000" \
    '^1c0200090301000000aa'
raw_answer 'mask MCmd 2' "$head 1000 0009 03 02 000000aa 00020000" \
    '^1c0200090302000000aa'
raw_answer 'reserve RCmd 3' "$head 1000 0009 03 03 000000aa 0300" \
    '^1c0200090303000000aa'

# A hundred frames of noise, then business as usual.
i=0
while [ $i -lt 100 ]; do
	printf '%s 1000 0009 03 %02x ' "$head" $((i % 5))
	head -c $((i % 7 * 9 + i)) /dev/urandom | od -An -v -tx1 | tr -d '\n'
	echo
	i=$((i + 1))
done >"$T/noise"
in_initiator "$INITIATOR" -i "$IIF" -t 100 raw - <"$T/noise" >"$T/answers" || :
exits 'after noise it still answers' 0 ini discover e9.3
is 'one answer at most for each frame' \
    "$([ "$(wc -l <"$T/answers")" -le 100 ] && echo yes)" yes

done_testing
