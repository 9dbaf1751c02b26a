#!/bin/sh
# Within a second of the kernel's saying that a link can be used again, the
# initiators are told and are answered.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 9000
truncate -s 1M "$T/disk"
switch=vbs$$
ip -n "$TNS" link add "$switch" type bridge || bail 'cannot make a bridge'
start_blade 9 0 "$TIF" "$T/disk"
second=1
[ -z "$VBLADE_WRAP" ] && ! grep -q sanitizers "$BLADE_OUT" || second=20

# shellcheck disable=SC2317,SC2329	# called through wait_for
shows() {	# ERE: what the kernel says of our end
	ip -n "$TNS" -o link show dev "$TIF" | grep -Eq "$1"
}

# shellcheck disable=SC2317,SC2329	# called through wait_for
heard() {	# MAC SECTORS, in hex: an advert
	grep -q "^f\{12\}${1}88a2180000090001.\{8\}0040401a$2" "$T/heard"
}

# prompt NAME BEFORE CHANGE USABLE [MAC [SECTORS]]: after BEFORE, and then
# CHANGE, the kernel shows USABLE, and before long there is an advert and an
# answer.  The machine may be busy with something else: three times.
prompt() {
	n=0 mac=$(echo "${5:-$TMAC}" | tr -d :)
	while [ "$n" -lt 3 ]; do
		n=$((n + 1)) told=''
		"$2"
		[ "$n" = 1 ] || sleep 3		# nothing is under way
		listen "$T/heard"
		"$3"
		wait_for 20 shows "$4" ||
			bail "$1: the kernel does not show $4"
		wait_for "$second" heard "$mac" "${6:-11}" && told=yes
		kill "$LISTENER" && reap "$LISTENER"
		[ -z "$told" ] || break
		diag "$1: not within a second, $n"
	done
	is "$1: advertises" "$told" yes
	like "$1: answers" "$(ini discover e9.0)" "^e9\.0 ${5:-$TMAC} "
}

# shellcheck disable=SC2317,SC2329	# these are called by name
{
	down() {
		link down
		wait_for 20 shows 'state DOWN' || bail 'it does not go down'
	}
	up() {
		link up
	}
	pull() {	# the cable
		ip -n "$INS" link set "$IIF" down
		wait_for 20 shows 'NO-CARRIER' || bail 'the carrier stays'
	}
	plug() {
		ip -n "$INS" link set "$IIF" up
	}
	small() {
		link mtu 1500
	}
	large() {
		link mtu 9000
	}
	new_address() {
		link address "02:ae:00:00:00:77"
	}
	old_address() {
		link address "$TMAC"
	}
	another() {	# of the same name
		ip -n "$TNS" link del "$TIF"
		cable 9000
	}
	port() {
		link master "$switch"
	}
	alone() {
		link nomaster
	}
}

running='state UP'
prompt 'down and up' down up "$running"
prompt 'carrier lost and back' pull plug "$running"
prompt 'a smaller MTU' large small 'mtu 1500' "$TMAC" 02
prompt 'a larger MTU' small large 'mtu 9000'
prompt 'another MAC' old_address new_address "$running" 02:ae:00:00:00:77
prompt 'the first MAC' new_address old_address "$running"
prompt 'deleted and made again' another up "$running"
prompt 'in a bridge and out' port alone "$running"

done_testing
