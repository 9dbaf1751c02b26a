#!/bin/sh
# Data goes in and comes back, at every size of frame that people use.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

# round SECTORS ADVERTISED MAXIMUM: all the ways to move data on this link
round() {
	mtu=$1 advertised=$2
	like "mtu $mtu: advertises $advertised sectors" \
	    "$(ini discover e9.0)" " sectors=$advertised "
	ok "mtu $mtu: stamp" ini stamp e9.0 100 1000 1
	ok "mtu $mtu: verify" ini verify e9.0 100 1000 1
	ok "mtu $mtu: verify, 28-bit" ini -2 verify e9.0 100 1000 1
	ok "mtu $mtu: verify, a sector each" ini -c 1 verify e9.0 100 1000 1
	ok "mtu $mtu: neighbours untouched" ini verify e9.0 99 1 0
	ok "mtu $mtu: neighbours untouched" ini verify e9.0 1100 1 0
	ok "mtu $mtu: write, 28-bit" write_noise
	ini read e9.0 5000 64 >"$T/back"
	same "mtu $mtu: what was written is read back" "$T/noise" "$T/back"
	dd if="$T/disk" bs=512 skip=5000 count=64 status=none >"$T/back"
	same "mtu $mtu: and is in the file" "$T/noise" "$T/back"

	exits "mtu $mtu: mixed load" 0 ini load -T 1 -w 32 -F 1 e9.0
	is "mtu $mtu: no mismatch" "$(value_of mismatches)" 0
	exits "mtu $mtu: load with requests that overlap" 0 \
	    ini load -O -T 1 -w 32 -R 0,64 e9.0
	is "mtu $mtu: no mismatch" "$(value_of mismatches)" 0
}

# The initiator reads stdin, which try gives to nobody.
# shellcheck disable=SC2317,SC2329	# called through ok
write_noise() {
	ini -2 write e9.0 5000 <"$T/noise"
}

dd if=/dev/urandom of="$T/noise" bs=512 count=64 status=none
network 1500
for mtu in 1500:2 4200:8 9000:17; do
	set_mtu "${mtu%:*}"
	truncate -s 0 "$T/disk"
	truncate -s 8M "$T/disk"
	start_blade 9 0 "$TIF" "$T/disk"
	round "${mtu%:*}" "${mtu#*:}"
	stop_blade
done

# Above what is advertised: 4131 holds 8 sectors though Linux counts 7.
set_mtu 4131
start_blade 9 0 "$TIF" "$T/disk"
like 'mtu 4131: advertises 7' "$(ini discover e9.0)" ' sectors=7 '
exits 'mtu 4131: serves 8' 0 ini -c 8 stamp e9.0 0 8 3
exits 'mtu 4131: reads 8' 0 ini -c 8 verify e9.0 0 8 3
set_mtu 9000
ip -n "$TNS" link set "$TIF" mtu 4131
exits 'mtu 4131: a read of 9 does not fit and is refused' 4 \
    ini -c 9 read e9.0 0 9
stop_blade

loopback
truncate -s 0 "$T/disk"
truncate -s 8M "$T/disk"
start_blade 9 0 lo "$T/disk"
round 65536 127

done_testing
