#!/bin/sh
# What vblade says when it is called wrongly: one line that helps, and exit 1.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
truncate -s 1M "$T/disk"
truncate -s 511 "$T/tiny"
: >"$T/empty"
mkdir "$T/dir"
mkfifo "$T/fifo"
ln -s nowhere "$T/dangling"

# shellcheck disable=SC2317,SC2329	# called through try
run() {
	# shellcheck disable=SC2086	# a list of words
	timeout 20 ip netns exec "$TNS" $VBLADE_WRAP "$VBLADE" "$@"
}

# refuses NAME ERE ARGUMENT...: exit 1, one line, which has a match for ERE
refuses() {
	name=$1 want=$2
	shift 2
	try run "$@"
	if [ "$STATUS" -eq 1 ] && [ -z "$OUT" ] &&
	    [ "$(wc -l <"$T/try.err")" -eq 1 ] &&
	    printf '%s\n' "$ERR" | grep -Eq -- "^vblade: .*$want"; then
		pass "$name"
	else
		fail "$name" "exit $STATUS, want 1" "stdout: $OUT" \
		    "stderr: $ERR" "want one line with: $want"
	fi
}

# usage NAME ERE ARGUMENT...: exit 1, one line of what is wrong and the synopsis
usage() {
	name=$1 want=$2
	shift 2
	try run "$@"
	is "$name: status" "$STATUS" 1
	is "$name: stdout" "$OUT" ''
	is "$name: one line" "$(echo "$ERR" | wc -l)" 1
	like "$name: usage" "$ERR" '; usage: vblade .*\[-b bufcnt\]'
	like "$name: stderr" "$ERR" "$want"
}

f=$T/disk
usage 'no arguments' '0 arguments instead of 4' --
usage 'too few' '3 arguments instead of 4' 9 0 "$TIF"
usage 'too many' '5 arguments instead of 4' 9 0 "$TIF" "$f" more
usage 'too many, and an option' '6 arguments instead of 4' \
    9 0 "$TIF" "$f" more -r
usage 'an unknown option' '-x: no such option' -x 9 0 "$TIF" "$f"
usage 'an unknown long option' '--frob: no such option' --frob 9 0 "$TIF" "$f"
usage 'an unknown option at the end' '-x: no such option' 9 0 "$TIF" "$f" -x
usage 'an option without its value' '-b: needs a value' -b

for bad in x 9x 70000 65535 '' ' ' ' 9' 0x9 1e1 -- 4294967296 \
    18446744073709551616 99999999999999999999; do
	[ "$bad" = -- ] && bad=-1
	refuses "shelf '$bad'" "shelf.*${bad}.*65534" \
	    -- "$bad" 0 "$TIF" "$f"
done
for bad in x 0x 255 256 -1 '' 65536; do
	refuses "slot '$bad'" "slot.*$bad.*254" -- 9 "$bad" "$TIF" "$f"
done
refuses 'no such interface' 'nosuch0' 9 0 nosuch0 "$f"
refuses 'an interface without a name' 'interface' 9 0 '' "$f"
refuses 'an interface with a long name' 'interface0123456789' \
    9 0 interface0123456789 "$f"
refuses 'a comma too many' "$TIF,: not the name" 9 0 "$TIF," "$f"
refuses 'an interface named twice' "$TIF: named twice" 9 0 "lo,$TIF,$TIF" "$f"
if ip -n "$TNS" tuntap add dev "vbu$$" mode tun 2>/dev/null; then
	ip -n "$TNS" link set "vbu$$" up
	refuses 'a tun interface' "vbu$$.*Ethernet" 9 0 "vbu$$" "$f"
else
	skip 'a tun interface' 'needs /dev/net/tun'
fi
set_mtu 547
refuses 'an MTU in which no sector fits' "$TIF.*547.*548" 9 0 "$TIF" "$f"
set_mtu 548
start_blade 9 0 "$TIF" "$f"
ok 'an MTU in which one does' ini stamp e9.0 0 3 1
stop_blade
set_mtu 1500

refuses 'a missing file' "$T/missing.*No such file" 9 0 "$TIF" "$T/missing"
refuses 'a file without a name' 'No such file' 9 0 "$TIF" ''
refuses 'a dangling link' "$T/dangling.*No such file" 9 0 "$TIF" "$T/dangling"
refuses 'a directory' "$T/dir.*directory" 9 0 "$TIF" "$T/dir"
refuses 'a FIFO' "$T/fifo.*regular file" 9 0 "$TIF" "$T/fifo"
refuses 'a character device' '/dev/null.*block device' 9 0 "$TIF" /dev/null
refuses 'an empty file' "$T/empty.*512" 9 0 "$TIF" "$T/empty"
refuses 'a file of 511 bytes' "$T/tiny.*512" 9 0 "$TIF" "$T/tiny"

refuses 'an offset at the end' '-o 2048.*2048' -o 2048 9 0 "$TIF" "$f"
refuses 'an offset beyond the end' '-o 5000.*2048' -o 5000 9 0 "$TIF" "$f"
refuses 'an offset that overflows' '-o 36028797018963968' \
    -o 36028797018963968 9 0 "$TIF" "$f"
refuses 'a length beyond the end' '-l 2049.*2048' -l 2049 9 0 "$TIF" "$f"
refuses 'a length beyond the end, with offset' '-l 2000.*1948' \
    -o 100 -l 2000 9 0 "$TIF" "$f"
refuses 'a length that overflows' '-l 18446744073709551615' \
    -o 100 -l 18446744073709551615 9 0 "$TIF" "$f"
for opt in -o -l -b; do
	for bad in x -1 5k '' 99999999999999999999; do
		refuses "$opt '$bad'" "$opt $bad.*number" \
		    "$opt" "$bad" 9 0 "$TIF" "$f"
	done
done
refuses 'a length of 0' '-l 0' -l 0 9 0 "$TIF" "$f"
for bad in 0 1 65536; do
	refuses "-b $bad" "-b $bad.*2 to 65535" -b "$bad" 9 0 "$TIF" "$f"
done

good=02:ae:00:00:00:0b
for bad in '' ',' "$good," ",$good" "$good,,$good" 02:ae:00:00:00 \
    "$good:0c" 02-ae-00-00-00-0b 02:ae:00:00:00:0g 2:ae:0:0:0:b \
    "$good $good" 02ae0000000 02ae0000000bb 02:ae:00:00:00:0 \
    02ae:00:00:00:0b: ff:ff:ff:ff:ff:ff 01:00:5e:00:00:01; do
	refuses "-m '$bad'" '-m ' -m "$bad" 9 0 "$TIF" "$f"
done
many=$(n=0; while [ $n -lt 300 ]; do
	printf '02:ae:00:00:%02x:%02x,' $((n / 256)) $((n % 256))
	n=$((n + 1))
done)
refuses '-m with 300 addresses' '-m.*255' -m "${many%,}" 9 0 "$TIF" "$f"

for opt in -h --help; do
	exits "$opt" 0 run "$opt"
	like "$opt: on stdout" "$OUT" '^usage: vblade '
	is "$opt: nothing on stderr" "$ERR" ''
done
for opt in -V --version; do
	exits "$opt" 0 run "$opt"
	like "$opt: the version" "$OUT" '^vblade [0-9]+$'
	is "$opt: nothing on stderr" "$ERR" ''
done

# What looks odd and is right.
for shelf in 0 007 65534; do
	start_blade "$shelf" 254 "$TIF" "$f"
	like "shelf $shelf" "$(cat "$BLADE_OUT")" \
	    "e$(printf %s "$shelf" | sed 's/^0*\(.\)/\1/')\\.254, "
	is "shelf $shelf: no complaint" "$(cat "$BLADE_ERR")" ''
	stop_blade
done
start_blade 9 0 "$TIF" "$f" -r -b 3	# vblade 25 takes that
like 'options behind the arguments' "$(cat "$BLADE_OUT")" \
    'O_RDONLY.*, 3 buffers'
stop_blade
start_blade -b 2 4095 0 "$TIF" "$f"
like 'shelf 4095 comes with a warning' "$(cat "$BLADE_ERR")" \
    '^vblade: .*4095.*Linux'
like '-b 2' "$(ini discover e4095.0)" ' buffers=2 '
stop_blade
start_blade -b 65535 9 0 "$TIF" "$f"
granted=$(ini discover e9.0 | tr ' ' '\n' | sed -n 's/^buffers=//p')
if [ "$granted" -eq 65535 ]; then
	is '-b 65535 is granted in silence' "$(cat "$BLADE_ERR")" ''
else
	like '-b 65535: says how many it got' \
	    "$(cat "$BLADE_OUT" "$BLADE_ERR")" "\\b$granted\\b"
fi

done_testing
