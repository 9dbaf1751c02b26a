#!/bin/sh
# The config string: read, test, prefix, set, force.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
truncate -s 1M "$T/disk"
start_blade 9 3 "$TIF" "$T/disk"

# config NAME STATUS STRING SUB-COMMAND...: status, and the string answered
config() {
	name=$1 want=$2 string=$3
	shift 3
	exits "$name" "$want" ini config "$@"
	is "$name: string" "$OUT" "$string"
}

config 'empty at start' 0 '' read e9.3
config 'test for the empty string' 0 '' test e9.3 ''
config 'the empty prefix' 0 '' prefix e9.3 ''
silent 'test for another' config test e9.3 x
config 'set' 0 'hello world' set e9.3 'hello world'
config 'set the same again: a duplicate does no harm' 0 'hello world' \
    set e9.3 'hello world'
config 'set another: error 4 and the string that is there' 3 'hello world' \
    set e9.3 'hello'
like 'error 4' "$ERR" 'AoE error 4'
config 'set to nothing: error 4 as well' 3 'hello world' set e9.3 ''
config 'read' 0 'hello world' read e9.3
config 'read by everybody' 0 'hello world' read 'e*.*'
config 'test' 0 'hello world' test e9.3 'hello world'
silent 'test, too short' config test e9.3 'hello worl'
silent 'test, too long' config test e9.3 'hello world!'
silent 'test, another' config test e9.3 'hello worlD'
for prefix in '' h 'hello' 'hello world'; do
	config "prefix '$prefix'" 0 'hello world' prefix e9.3 "$prefix"
done
silent 'prefix, another' config prefix e9.3 'e'
silent 'prefix, too long' config prefix e9.3 'hello world!'
config 'force' 0 'other' force e9.3 'other'
config 'force nothing' 0 '' force e9.3 ''
config 'set by everybody, as aoecfg does' 0 'all' set 'e*.*' 'all'
config 'force by everybody' 0 'all2' force 'e*.*' 'all2'
ok 'a reservation' ini reserve set e9.3 02:ae:00:00:00:99
config 'does not stop a change' 0 'mine' force e9.3 'mine'
ok 'end of the reservation' ini reserve force e9.3

# Bytes are bytes, and 1024 of them is the most.
head -c 1024 /dev/urandom >"$T/bytes"
ini config force e9.3 - <"$T/bytes" | head -c 1024 >"$T/back"
same '1024 random bytes are accepted' "$T/bytes" "$T/back"
ini config read e9.3 | head -c 1024 >"$T/back"
same 'and kept' "$T/bytes" "$T/back"
ini config force e9.3 - <"$T/bytes" >/dev/null ||
	fail 'again'
{ cat "$T/bytes"; echo; } | head -c 1025 >"$T/more"
exits '1025 are not' 3 in_initiator sh -c \
    "'$INITIATOR' -i $IIF config force e9.3 - <'$T/more'"
like 'error 2' "$ERR" 'AoE error 2'
ini config read e9.3 | head -c 1024 >"$T/back"
same 'and nothing has changed' "$T/bytes" "$T/back"
ini config force e9.3 short >/dev/null

# A length that lies about the frame.
head="$TMAC $IMAC 88a2 1000 0009 03 01 00000077 0000 0000 00"
for ccmd in 1 2; do
	exits "CCmd $ccmd, 16 bytes claimed of 5: silence" 2 ini -t 150 \
	    raw "$head 0$ccmd 0010 73686f7274"
done
for ccmd in 3 4; do
	exits "CCmd $ccmd, 16 bytes claimed of 5: an answer" 0 ini -t 5000 \
	    raw "$head 0$ccmd 0010 73686f7274"
	like "CCmd $ccmd: which is error 2" "$OUT" \
	    '^.{28}1c02000903010000007'
	exits "CCmd $ccmd, length 65535" 0 ini -t 5000 \
	    raw "$head 0$ccmd ffff 73686f7274"
	like "CCmd $ccmd, length 65535: error 2" "$OUT" '^.{28}1c02'
done
config 'and nothing has changed' 0 short read e9.3
exits 'a read ignores its length' 0 ini -t 5000 raw "$head 00 ffff ed"
like 'and is answered' "$OUT" '^.{28}1800000903010000007.*73686f7274'
exits 'the top half of the CCmd byte is ignored' 0 \
    ini -t 5000 raw "$head f0 0000"
like 'and is 1 in the answer' "$OUT" '^.{28}18.{28}10'

done_testing
