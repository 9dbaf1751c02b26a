# The scenarios notice a target that breaks its promises
# limit 480 s
# shellcheck shell=sh

# broken MODE SCENARIO: run it with a target that is broken so.
broken() {
	SABOTAGE=$1 TMPDIR=$TMP timeout 300 sh "$HERE/run" "$2" >"$TMP/tap" 2>&1
	_code=$?
	grep -v '^ok' "$TMP/tap" >"$TMP/diag"
	return $_code
}

# is_seen MODE SCENARIO POINT: it fails, at that test point.
is_seen() {
	broken "$1" "$2"
	[ $? = 1 ] && grep -q "^not ok .*$3" "$TMP/tap"
	ok $? "$1: $2 fails"
	grep '^not ok' "$TMP/tap" | sed 's/^/# seen: /'
}

broken none kill
ok $? "the library loaded, nothing broken: kill passes"
is_seen drop:300 first 'come back right'
is_seen swap:300 first 'come back right'
is_seen early kill 'every write that was answered is there'
