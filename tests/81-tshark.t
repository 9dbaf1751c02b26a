#!/bin/sh
# An independent decoder looks at all that goes over the wire.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

have tshark || skip_all 'needs tshark'
network 1500
truncate -s 1M "$T/disk"

ip netns exec "$INS" tshark -q -i "$IIF" -f 'ether proto 0x88a2' \
    -w "$T/capture" >"$T/tshark" 2>&1 </dev/null &
tshark=$!
TAP_PIDS="$TAP_PIDS $tshark"
wait_for 20 grep -q "Capturing on" "$T/tshark" ||
	skip_all "tshark cannot capture: $(tail -n 1 "$T/tshark")"
# It says so a little early: frames for a blade that there is not, until it has
# one of them.
# shellcheck disable=SC2317,SC2329	# called through wait_for
begun() {
	ini -n 1 -t 1 discover e7.0 || :
	[ "$(stat -c %s "$T/capture")" -gt "$empty" ]
}
wait_for 20 test -s "$T/capture" || bail 'tshark writes nothing'
empty=$(stat -c %s "$T/capture")
wait_for 20 begun || bail 'tshark captures nothing'

start_blade 9 3 "$TIF" "$T/disk"
{
	ini -t 100 discover
	ini identify e9.3
	ini stamp e9.3 0 40 1
	ini verify e9.3 0 40 1
	ini -2 verify e9.3 0 40 1
	ini read e9.3 2048 1
	ini flush e9.3
	ini trim e9.3 8 8
	ini ata e9.3 b0
	ini ata e9.3 24 count=1 flags=0x41
	ini config set e9.3 hello
	ini config set e9.3 other
	ini config force e9.3 "$(head -c 500 /dev/zero | tr '\0' x)"
	ini reserve set e9.3 02:ae:00:00:00:0b
	ini read e9.3 0 1
	ini reserve set e9.3
	ini reserve force e9.3
	ini mask add e9.3 "$IMAC" 02:ae:00:00:00:0b
	ini mask read e9.3
	ini raw "$TMAC $IMAC 88a2 1000 0009 03 07 00000001"
	ini raw "$TMAC $IMAC 88a2 2000 0009 03 01 00000001 $(printf \
	    '%016d' 0)"
} >"$T/steps" 2>&1 || :
# shellcheck disable=SC2317,SC2329	# called through wait_for
done_with() {	# what was sent before this
	ini -n 1 -t 1 discover e7.1 || :
	tshark -r "$T/capture" -Y 'aoe.major == 7 && aoe.minor == 1' |
	    grep -q .
}
wait_for 20 done_with || diag 'the end was not captured'
kill -INT "$tshark"
reap "$tshark"

# All that it makes of the frames: one line each, fields by their names.
set -- frame.number frame.len eth.dst aoe.response aoe.flags_error aoe.error \
    aoe.version aoe.major aoe.minor aoe.cmd aoe.tag aoe.lba aoe.ata.status \
    aoe.err_feature aoe.response_in aoe.response_to _ws.malformed _ws.short \
    _ws.expert.severity
for field; do
	set -- "$@" -e "$field"
	shift
done
tshark -2 -r "$T/capture" -T fields -E separator='|' -E header=y \
    "$@" >"$T/fields" 2>"$T/tshark.err" ||
	diag "$(cat "$T/tshark.err")"

# frames CONDITION [FIELD]: number (or FIELD) of the frames for which the awk
# CONDITION holds, where f("aoe.tag") is a field's text
frames() {
	awk -F'|' '
	function f(name) { return $at[name] }
	NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
	'"$1"' { print f("'"${2:-frame.number}"'") }' "$T/fields"
}

count() {
	frames "$1" | wc -l
}

answer='f("aoe.response") == 1'
request='f("aoe.response") == 0'
ata='f("aoe.cmd") == 0'

like 'frames were captured' "$(count 1)" '^[0-9]{3}$'
is 'all are AoE but the request that is of version 2' \
    "$(count 'f("aoe.cmd") == ""') $(count 'f("aoe.version") == 2')" '1 1'
is 'nothing in them is malformed' \
    "$(frames 'f("_ws.malformed") f("_ws.short") != ""')" ''
is 'or worth a remark' "$(frames 'f("_ws.expert.severity") != ""')" ''
is 'every answer has 60 bytes or more' \
    "$(frames "$answer && f(\"frame.len\") < 60")" ''
is 'all answers are of version 1' \
    "$(frames "$answer && f(\"aoe.version\") != 1")" ''
is 'all answers come from e9.3' \
    "$(frames "$answer" aoe.major | sort -u) $(frames "$answer" aoe.minor |
    sort -u)" '0x0009 0x03'
requests=$(count "$request && $ata")
like 'there were ATA requests' "$requests" '^[0-9]{2,}$'
is 'each ATA request has its answer' \
    "$(count "$request && $ata && f(\"aoe.response_in\") != \"\"")" \
    "$requests"
is 'each ATA answer has its request' \
    "$(count "$answer && $ata && f(\"aoe.response_to\") != \"\"")" \
    "$requests"
is 'reads were done' "$(frames "$answer && $ata && f(\"frame.len\") == 1060" \
    aoe.ata.status | sort -u)" 0x40
is 'one beyond the end was not' \
    "$(frames "$answer && f(\"aoe.lba\") ~ /^0x0*800\$/" aoe.err_feature)" 0x10
is 'errors carry their codes' \
    "$(frames 'f("aoe.flags_error") == 1' aoe.error | sort -un |
    tr '\n' ' ')" '1 2 4 5 6 '
is 'the advert has tag 0 and goes to all' \
    "$(frames "$answer && f(\"aoe.tag\") ~ /^0x0*\$/" eth.dst)" \
    ff:ff:ff:ff:ff:ff

done_testing
