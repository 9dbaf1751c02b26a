#!/bin/sh
# The MAC mask list: who may talk, from -m and over the wire.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
truncate -s 1M "$T/disk"
INI_OPTS='-t 5000'		# who is out is not answered the second time
a=$IMAC b=02:ae:00:00:00:0b c=02:ae:00:00:00:0c d=02:ae:00:00:00:0d
start_blade 9 3 "$TIF" "$T/disk"

# mask NAME LIST ARGUMENT...: the list that comes back, on one line
mask() {
	name=$1 list=$2
	shift 2
	exits "$name" 0 ini mask "$@"
	is "$name: the list" "$(echo "$OUT" | tr '\n' ' ')" "$list${list:+ }"
}

exits 'empty at start' 0 ini mask read e9.3
is 'really empty' "$OUT" ''
ok 'everybody may talk' ini -S "$b" discover e9.3
mask 'add one' "$a" add e9.3 "$a"
ok 'who may talk' ini discover e9.3
silent 'and others may not: discovery' -S "$b" discover
silent 'config' -S "$b" discover e9.3
for frame in \
    '1000 0009 03 00 00000001 00 00 01 ec 000000000000 0000' \
    '1000 0009 03 02 00000001 00000000' \
    '1000 0009 03 03 00000001 0000' '1000 0009 03 09 00000001' \
    '2000 0009 03 01 00000001 0000000000000000'; do
	exits "not a word to $frame" 2 \
	    ini -S "$b" -t 100 raw "$TMAC $b 88a2 $frame"
done
mask 'add again: no second entry' "$a" add e9.3 "$a"
mask 'a second and a third' "$a $b $c" add e9.3 "$b" "$c"
ok 'the second may talk' ini -S "$b" identify e9.3
ok 'the third may talk' ini -S "$c" verify e9.3 0 1 0
silent 'a fourth may not' -S "$d" discover e9.3
mask 'remove the one in the middle' "$a $c" del e9.3 "$b"
silent 'who may talk no more' -S "$b" discover e9.3
ok 'the third still may' ini -S "$c" discover e9.3
mask 'remove who is not there' "$a $c" del e9.3 "$b"
mask 'many at once, in order' "$a $c" edit e9.3 "+$b" "=$d" "-$b" "+$c"
exits 'one who removes himself gets his answer' 0 \
    ini -S "$c" mask del e9.3 "$c"
silent 'and no more' -S "$c" discover e9.3
mask 'read' "$a" read e9.3

# Directives that cannot be followed: what came before them stands.
head="$TMAC $a 88a2 1000 0009 03 02 000000aa 00"
dir() {
	printf '00%02x%s' "$1" "$2"
}
exits 'a bad directive' 0 ini -t 5000 \
    raw "$head 01 00 03 $(dir 1 $b) $(dir 7 $c) $(dir 1 $d)"
like 'is error 2 at its place' "$OUT" '^.{28}18000009030200.{6}00010201'
mask 'and only the ones before it are done' "$a $b" read e9.3
exits 'more directives claimed than sent' 0 ini -t 5000 \
    raw "$head 01 00 ff $(dir 1 $c)"
like 'is AoE error 2' "$OUT" '^.{28}1c02'
mask 'and nothing is done' "$a $b" read e9.3
exits 'a group address' 3 ini mask add e9.3 ff:ff:ff:ff:ff:ff
like 'is mask error 1' "$ERR" 'mask error 1'
exits 'the zero address' 3 ini mask add e9.3 00:00:00:00:00:00
like 'is mask error 1, too' "$ERR" 'mask error 1'
mask 'neither is added' "$a $b" read e9.3

# Fill it: what a reply can carry at this MTU is (1514 - 28) / 8 = 185.
list=$(addresses 100)
# shellcheck disable=SC2086	# a list
exits 'a hundred more' 0 ini mask add e9.3 $list
# shellcheck disable=SC2046	# a list
exits 'and another hundred' 3 ini mask add e9.3 \
    $(echo "$list" | sed 's/02:ae:01/02:ae:02/g')
like 'do not fit: error 3' "$ERR" 'mask error 3 at directive [0-9]+'
at=${ERR##* }
exits 'read a full list' 0 ini mask read e9.3
is 'those before the directive were added' "$(echo "$OUT" | wc -l)" \
    $((102 + at))
stop_blade

# -m: lists, cases, with and without colons.
upper=02:AE:00:00:00:0B bare=02ae0000000c
start_blade -m "$a,$upper,$bare" 9 3 "$TIF" "$T/disk"
mask '-m fills the list' "$a $b $c" read e9.3
ok 'the second of -m may talk' ini -S "$b" discover e9.3
silent 'others may not' -S "$d" discover e9.3
mask 'and it can be edited' "$a $c" del e9.3 "$b"
silent 'with effect' -S "$b" discover e9.3

done_testing
