#!/bin/sh
# -o and -l: the blade sees exactly its window of the file.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
dd if=/dev/urandom of="$T/disk" bs=512 count=2048 status=none
cp "$T/disk" "$T/before"

# part FILE FIRST SECTORS
part() {
	dd if="$1" bs=512 skip="$2" count="$3" status=none
}

# window NAME FIRST SECTORS OPTION...
window() {
	name=$1 first=$2 n=$3
	shift 3
	start_blade "$@" 9 0 "$TIF" "$T/disk"
	like "$name: $n sectors" "$(cat "$BLADE_OUT")" "e9\\.0, $n sectors"
	ini identify e9.0 >"$T/try.out"
	is "$name: IDENTIFY agrees" "$(value_of sectors48)" "$n"
	part "$T/disk" "$first" "$n" >"$T/want"
	ini read e9.0 0 "$n" >"$T/got"
	same "$name: the right bytes" "$T/want" "$T/got"
	exits "$name: and no more" 4 ini read e9.0 "$n" 1
	stop_blade
}

window 'no options' 0 2048
window '-o 1' 1 2047 -o 1
window '-o 2047' 2047 1 -o 2047
window '-l 1' 0 1 -l 1
window '-o 100 -l 200' 100 200 -o 100 -l 200
window '-o 0 -l 2048' 0 2048 -o 0 -l 2048

# Writing all of a window changes all of it and nothing else.
start_blade -o 100 -l 200 9 0 "$TIF" "$T/disk"
ok 'write all of the window' ini stamp e9.0 0 200 4
exits 'not one sector past it' 4 ini stamp e9.0 200 1 4
exits 'nor across its end' 4 ini stamp e9.0 199 2 4
exits 'TRIM keeps to it as well' 4 ini trim e9.0 199 2
ok 'verify all of the window' ini verify e9.0 0 200 4
stop_blade
part "$T/before" 0 100 >"$T/want"
part "$T/disk" 0 100 >"$T/got"
same 'what lies before it is untouched' "$T/want" "$T/got"
part "$T/before" 300 2000 >"$T/want"
part "$T/disk" 300 2000 >"$T/got"
same 'what lies behind it is untouched' "$T/want" "$T/got"
start_blade -o 100 9 0 "$TIF" "$T/disk"
ok 'the file holds what was written' ini verify e9.0 0 200 4

done_testing
