#!/bin/sh
# Reservations: who may use the disk.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
truncate -s 1M "$T/disk"
INI_OPTS='-t 5000'		# a second time is answered otherwise
a=$IMAC b=02:ae:00:00:00:0b c=02:ae:00:00:00:0c
start_blade 9 3 "$TIF" "$T/disk"
ini stamp e9.3 0 1 1

# reserve NAME STATUS LIST OPTION-AND-ARGUMENT...
reserve() {
	name=$1 want=$2 list=$3
	shift 3
	exits "$name" "$want" ini "$@"
	is "$name: the list" "$(echo "$OUT" | tr '\n' ' ')" "${list:-} "
}

reserve 'not reserved at start' 0 '' reserve read e9.3
reserve 'set for a and b' 0 "$a $b" reserve set e9.3 "$a" "$b"
ok 'a may read' ini verify e9.3 0 1 1
ok 'b may write' ini -S "$b" stamp e9.3 0 1 2
exits 'c may not read' 3 ini -S "$c" read e9.3 0 1
like 'that is error 6' "$ERR" 'AoE error 6'
exits 'c may not write' 3 ini -S "$c" stamp e9.3 0 1 3
ok 'nor has he' ini verify e9.3 0 1 2
exits 'c may not flush' 3 ini -S "$c" flush e9.3
exits 'c may not trim' 3 ini -S "$c" trim e9.3 0 1
ok 'c may identify' ini -S "$c" identify e9.3
ok 'c may read the config' ini -S "$c" config read e9.3
ok 'c may read the mask' ini -S "$c" mask read e9.3
reserve 'c may read the list' 0 "$a $b" -S "$c" reserve read e9.3
reserve 'c may not set it, and is told who has it' 3 "$a $b" \
    -S "$c" reserve set e9.3 "$c"
like 'that is error 6' "$ERR" 'AoE error 6'
reserve 'c may not release it' 3 "$a $b" -S "$c" reserve set e9.3
reserve 'b may set it: the whole list is replaced' 0 "$b" \
    -S "$b" reserve set e9.3 "$b"
exits 'a is out' 3 ini read e9.3 0 1
reserve 'the same set again' 0 "$b" -S "$b" reserve set e9.3 "$b"
reserve 'c may force it' 0 "$c" -S "$c" reserve force e9.3 "$c"
ok 'c is in' ini -S "$c" verify e9.3 0 1 2
exits 'b is out' 3 ini -S "$b" verify e9.3 0 1 2
reserve 'c may lock himself out' 0 "$a" -S "$c" reserve set e9.3 "$a"
reserve 'which a resend finds done: error 6' 3 "$a" \
    -S "$c" reserve set e9.3 "$a"
reserve 'a releases' 0 '' reserve set e9.3
ok 'all may read' ini -S "$c" verify e9.3 0 1 2
reserve 'force to nobody' 0 '' -S "$b" reserve force e9.3

# Counts that lie, and frames that are padded.
head="$TMAC $a 88a2 1000 0009 03 03 000000aa"
m=$(echo "$a" | tr -d :)
for count in 03 ff; do
	exits "set of $count addresses with two sent" 0 ini -t 5000 \
	    raw "$head 01 $count $m $m"
	like "$count: error 2" "$OUT" '^.{28}1c02'
done
reserve 'nothing was reserved' 0 '' reserve read e9.3
exits 'a padded set' 0 ini -t 5000 raw "$head 01 01 $m$(printf '%056d' 0)"
like 'is taken' "$OUT" "^.{28}180000090303000000aa0101$m"
reserve 'as it says' 0 "$a" reserve read e9.3
exits 'RCmd 3' 0 ini -t 5000 raw "$head 03 00"
like 'is error 2' "$OUT" '^.{28}1c02'
silent 'a set by broadcast' -n 1 reserve force 'e*.*' "$b"
reserve 'changes nothing' 0 "$a" reserve read e9.3
reserve 'a read by broadcast is answered' 0 "$a" reserve read 'e*.*'

# A list is never longer than a reply can carry: (1514 - 26) / 6 = 248.
list=$(addresses 248)
# shellcheck disable=SC2086	# a list
exits '248 addresses' 0 ini reserve force e9.3 $list
exits 'are read back' 0 ini reserve read e9.3
is 'all of them' "$(echo "$OUT" | wc -l)" 248

done_testing
