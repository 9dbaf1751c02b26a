#!/bin/sh
# -k: nobody on the network changes config string, mask list or reservation.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
truncate -s 1M "$T/disk"
other=02:ae:00:00:00:99

# What it has to keep comes from a time without -k.
start_blade -c "$T/state" 9 3 "$TIF" "$T/disk"
ok 'before: config string' ini config set e9.3 ours
ok 'before: mask list' ini mask edit e9.3 "+$IMAC" "+$other"
ok 'before: reservation' ini reserve set e9.3 "$IMAC"
stop_blade
start_blade -k -c "$T/state" 9 3 "$TIF" "$T/disk"

unchanged() {
	is "$1: config string" "$(ini config read e9.3)" ours
	is "$1: mask list" "$(ini mask read e9.3 | sort | xargs)" \
	    "$IMAC $other"
	is "$1: reservation" "$(ini reserve read e9.3)" "$IMAC"
}

# refused NAME ERROR ARGUMENT...
refused() {
	name=$1 error=$2
	shift 2
	exits "$name" 3 ini "$@"
	like "$name: error $error" "$ERR" "AoE error $error"
}

unchanged 'at the start'
refused 'set another string' 4 config set e9.3 theirs
refused 'force a string' 2 config force e9.3 theirs
refused 'force none' 2 config force e9.3 ''
refused 'force a string upon all' 2 config force 'e*.*' theirs
refused 'add to the mask list' 2 mask edit e9.3 +02:ae:00:00:00:55
refused 'take from the mask list' 2 mask edit e9.3 "-$other"
refused 'reserve for another' 2 reserve set e9.3 "$other"
refused 'reserve by force' 2 reserve force e9.3 "$other"
refused 'release' 2 reserve set e9.3
refused 'release by force' 2 reserve force e9.3
unchanged 'after all that'

# What changes nothing is no change: hosts that set up at each start may go on.
ok 'set the same string' ini config set e9.3 ours
ok 'force the same string' ini config force e9.3 ours
ok 'add who is there' ini mask edit e9.3 "+$other"
ok 'delete who is not' ini mask edit e9.3 -02:ae:00:00:00:55
ok 'reserve as it is' ini reserve set e9.3 "$IMAC"
ok 'test' ini config test e9.3 ours
ok 'prefix' ini config prefix e9.3 ou
ok 'the disk is there' ini stamp e9.3 0 100 1
exits 'for those who have reserved it' 3 ini -S "$other" read e9.3 0 1
silent 'and whom the mask shows it' -S 02:ae:00:00:00:55 config read e9.3
unchanged 'after that, too'
is 'nothing to say about it' "$(cat "$BLADE_ERR")" ''
stop_blade

# Without a state file there is nothing to be had, and that is kept.
start_blade -k -m "$IMAC" 9 3 "$TIF" "$T/disk"
refused 'without -c: set a string' 2 config set e9.3 mine
refused 'without -c: reserve' 2 reserve set e9.3 "$IMAC"
refused 'without -c: mask list of -m' 2 mask edit e9.3 "-$IMAC"
is 'without -c: no string' "$(ini config read e9.3)" ''
is 'without -c: the mask list' "$(ini mask read e9.3)" "$IMAC"

# The tool that people have says so and goes on to the end.
if have aoecfg; then
	try in_initiator timeout 10 aoecfg -c set -s theirs -t 1 9 3 "$IIF"
	like 'aoecfg is told' "$OUT$ERR" badarg
else
	skip 'aoecfg is told' 'no aoecfg: aoetools'
fi

done_testing
