#!/bin/sh
# Several blades on one interface keep to themselves.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
for n in 0 1 2; do
	truncate -s $((n + 1))M "$T/disk$n"
done
start_blade 9 0 "$TIF" "$T/disk0"
start_blade 9 1 "$TIF" "$T/disk1"
second=$BLADE_PID
start_blade 10 1 "$TIF" "$T/disk2"

# found NAME ADDRESS WANT: who answers a query to it; some may be late
found() {
	n=0 got=''
	while [ "$got" != "$3" ] && [ $n -lt 5 ]; do
		n=$((n + 1))
		got=$(ini -t $((n * 200)) discover "$2" |
		    sort -t. -n -k1.2 -k2 | cut -d' ' -f1 | tr '\n' ' ')
	done
	is "$1" "$got" "$3"
}

found 'a query to everybody finds all' 'e*.*' 'e9.0 e9.1 e10.1 '
found 'a query to shelf 9 finds two' 'e9.*' 'e9.0 e9.1 '
found 'a query to slot 1 finds two' 'e*.1' 'e9.1 e10.1 '
found 'a query to one finds one' e9.1 'e9.1 '
n=1
for blade in e9.0 e9.1 e10.1; do
	ini identify "$blade" >"$T/try.out"
	is "$blade has its own size" "$(value_of sectors48)" $((2048 * n))
	value_of serial >>"$T/serials"
	ok "$blade: stamp" ini stamp "$blade" 0 2048 $n
	n=$((n + 1))
done
is 'each has its own serial' "$(sort -u "$T/serials" | wc -l)" 3
n=1
for blade in e9.0 e9.1 e10.1; do
	ok "$blade kept its own data" ini verify "$blade" 0 2048 $n
	n=$((n + 1))
done

ok 'a config string for all' ini config force 'e*.*' everybody
is 'e9.0 took it' "$(ini config read e9.0)" everybody
is 'e10.1 took it' "$(ini config read e10.1)" everybody
ok 'one for e9.1' ini config force e9.1 mine
is 'e9.0 did not take it' "$(ini config read e9.0)" everybody
ok 'a reservation of e9.1' ini reserve set e9.1 02:ae:00:00:00:0b
exits 'holds for e9.1' 3 ini read e9.1 0 1
ok 'not for e9.0' ini read e9.0 0 1
ini reserve force e9.1

ini_bg "$T/load0" load -T 2 -w 16 -o "$T/journal0" e9.0
zero=$INI_PID
ini_bg "$T/load1" load -T 2 -w 16 -o "$T/journal1" e9.1
one=$INI_PID
sleep 1
ini_bg "$T/load2" load -T 1 -w 16 -o "$T/journal2" e10.1
reap "$one"
is 'load on e9.1' "$STATUS" 0
stop_blade "$second"
found 'e9.1 ends alone' 'e*.*' 'e9.0 e10.1 '
reap "$zero"
is 'load on e9.0' "$STATUS" 0
reap "$INI_PID"
is 'load on e10.1' "$STATUS" 0
for n in 0 1 2; do
	ok "disk$n holds what was acknowledged" \
	    "$INITIATOR" check "$T/disk$n" "$T/journal$n"
done

done_testing
