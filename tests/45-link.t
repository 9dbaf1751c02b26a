#!/bin/sh
# The link is weather: down, up, another MTU, another address.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
truncate -s 8M "$T/disk"

# advert FILE SECTORS: an unsolicited advert with that sector count
# shellcheck disable=SC2317,SC2329	# called through wait_for
advert() {
	grep -q "^f\{12\}.\{12\}88a21800000900010\{8\}0040401a$2" "$1"
}

link down
start_blade 9 0 "$TIF" "$T/disk"
pass 'it starts on a link that is down'
listen "$T/heard1"
link up
ok 'and advertises when it comes up' wait_for 5 advert "$T/heard1" 02
ok 'and answers' ini discover e9.0
kill "$LISTENER" && reap "$LISTENER"

ini_bg "$T/load" load -T 4 -w 16 -o "$T/journal" e9.0
load=$INI_PID
under_way "$T/journal"
for n in 1 2; do
	sleep 0.5
	link down
	counters	# the blade has seen that
	listen "$T/heard2.$n"
	link up
	ok "down and up under load, $n: advertises" \
	    wait_for 5 advert "$T/heard2.$n" 02
	kill "$LISTENER" && reap "$LISTENER"
done
ip -n "$INS" link set "$IIF" down
sleep 0.3
ip -n "$INS" link set "$IIF" up
reap "$load"
is 'the load goes through' "$STATUS" 0
is 'no mismatch' "$(value_of mismatches "$T/load")" 0
ok 'what was acknowledged is there' \
    "$INITIATOR" check "$T/disk" "$T/journal"

# Another MTU: told at once, served at once.
ip -n "$INS" link set "$IIF" mtu 9000
listen "$T/heard3"
link mtu 9000
ok 'MTU 9000: advertises 17 sectors' wait_for 5 advert "$T/heard3" 11
like 'MTU 9000: answers so' "$(ini discover e9.0)" ' sectors=17 '
ok 'MTU 9000: jumbo frames' ini stamp e9.0 0 1000 2
ok 'MTU 9000: both ways' ini verify e9.0 0 1000 2
link mtu 1500
ok 'MTU 1500: advertises 2' wait_for 5 advert "$T/heard3" 02
ok 'MTU 1500: serves' ini verify e9.0 0 1000 2
exits 'MTU 1500: three sectors do not fit' 4 ini -c 3 read e9.0 0 3
link mtu 500
silent 'MTU 500: no data' -a "$TMAC" -c 1 read e9.0 0 1
link mtu 1500
ok 'MTU 1500 again' ini verify e9.0 0 1000 2

# Another address.
link address 02:ae:00:00:00:77
like 'a new MAC is used at once' "$(ini discover e9.0)" \
    '^e9\.0 02:ae:00:00:00:77 '
ok 'to read from' ini verify e9.0 0 1000 2
silent 'and the old one no more' -a "$TMAC" discover e9.0
kill "$LISTENER" && reap "$LISTENER"

# The interface goes and another comes under its name.
ip -n "$TNS" link del "$TIF"
sleep 0.2
ok 'the blade outlives its interface' test -e "/proc/$BLADE_PID"
cable 1500
listen "$T/heard4"
link up
ok 'and advertises on the next of that name' \
    wait_for 5 advert "$T/heard4" 02
ok 'and serves it' ini verify e9.0 0 1000 2

# Once more, under its number, too, and before the blade gets to look.
index=$(in_target cat "/sys/class/net/$TIF/ifindex")
kill -STOP "$BLADE_PID"
ip -n "$TNS" link del "$TIF"
if cable 1500 index "$index" && link up; then
	kill -CONT "$BLADE_PID"
	ok 'and one that it cannot tell from the last' \
	    wait_for 2 ini -n 1 -t 500 verify e9.0 0 1000 2
else
	skip 'and one that it cannot tell from the last' 'ip cannot make it'
fi

done_testing
