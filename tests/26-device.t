#!/bin/sh
# Block devices, direct I/O, stable writes: -d, -s and FLUSH mean what they say.
#
# A loop device has a page cache of its own before its file.  What is in the
# file has left that cache, so the file tells which writes were made stable.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 9000
have losetup || skip_all 'needs losetup'
truncate -s 4M "$T/file"
loop=$(losetup -f --show -b 4096 "$T/file" 2>/dev/null) ||
	skip_all 'needs loop devices with 4096-byte sectors'
at_exit "losetup -d $loop"

# The device's file has all that the journal says was acknowledged.
# shellcheck disable=SC2317,SC2329	# called through ok
stable() {
	"$INITIATOR" check "$T/file" "$T/journal" >/dev/null 2>&1
}

# shellcheck disable=SC2317,SC2329	# called through ok
# Does the blade have the store open with O_DIRECT (octal 40000)?
is_direct() {
	for fd in /proc/"$BLADE_PID"/fd/*; do
		# by number: seen from a chroot its path may be another
		[ "$(stat -Lc %t:%T "$fd")" = "$(stat -c %t:%T "$1")" ] ||
		    continue
		grep -q '^flags:.*[4-7]....$' \
		    "/proc/$BLADE_PID/fdinfo/${fd##*/}" && return
	done
	return 1
}

# serves MODE [NAME]: a blade on the loop device in that mode
serves() {
	mode=$1
	# shellcheck disable=SC2086	# mode is a list of flags
	start_blade $mode 9 0 "$TIF" "$loop"
	mode=${mode:-default}${2:+, $2}
	like "$mode: the size of the device" "$(cat "$BLADE_OUT")" \
	    'e9\.0, 8192 sectors O_RDWR'
	case $mode in
	*-d*)	ok "$mode: O_DIRECT is on" is_direct "$loop" ;;
	*)	not_ok "$mode: O_DIRECT is off" is_direct "$loop" ;;
	esac
	# 512-byte pieces of 4096-byte sectors, and pieces that lie across.
	ok "$mode: single sectors" ini -c 1 stamp e9.0 0 20 1
	ok "$mode: three at a time" ini -c 3 stamp e9.0 7 30 2
	ok "$mode: seventeen at a time" ini stamp e9.0 101 170 3
	ok "$mode: read back" ini verify e9.0 0 7 1
	ok "$mode: read back, singly" ini -c 1 verify e9.0 7 30 2
	ok "$mode: read back, seventeen at a time" ini verify e9.0 101 170 3
	exits "$mode: mixed load" 0 ini load -w 32 -N 4000 -F 1 e9.0
	is "$mode: no mismatch" "$(value_of mismatches)" 0
	exits "$mode: load with requests that overlap" 0 \
	    ini load -O -w 32 -N 4000 -F 1 -R 3,64 e9.0
	is "$mode: no mismatch" "$(value_of mismatches)" 0
	exits "$mode: writes one by one" 0 ini load -w 1 -r 0 -N 50 \
	    -R 0,2000 -o "$T/journal" e9.0
	case $mode in
	*-d* | *-s*)
		ok "$mode: are in the device's file when answered" stable ;;
	esac
	ok "$mode: FLUSH" ini flush e9.0
	ok "$mode: everything is in the file after it" stable
	ok "$mode: TRIM" ini trim e9.0 800 80
	ok "$mode: leaves zeros" ini verify e9.0 800 80 0
	stop_blade
}

for mode in '' -s -d '-d -s'; do
	serves "$mode"
done
# The same without io_uring, as where a kernel or container refuses it.
export VBLADE_IO=sync
for mode in -d '-d -s'; do
	serves "$mode" 'plain calls'
done
unset VBLADE_IO

# -d on a plain file; what its filesystem makes of 512 bytes is its business.
truncate -s 4M "$T/plain"
for mode in -d '-d -s'; do
	# shellcheck disable=SC2086	# mode is a list of flags
	start_blade $mode 9 0 "$TIF" "$T/plain"
	ok "file, $mode: single sectors" ini -c 1 stamp e9.0 0 20 1
	ok "file, $mode: read back" ini verify e9.0 0 20 1
	exits "file, $mode: mixed load" 0 ini load -w 32 -N 4000 -F 1 e9.0
	is "file, $mode: no mismatch" "$(value_of mismatches)" 0
	stop_blade
done

# A device through which a window looks at an offset that suits no page.
start_blade -d -o 3 -l 1001 9 0 "$TIF" "$loop"
ok 'odd window: stamp' ini stamp e9.0 0 1001 5
ok 'odd window: verify' ini verify e9.0 0 1001 5
exits 'odd window: and no more' 4 ini read e9.0 1001 1

done_testing
