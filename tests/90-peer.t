#!/bin/sh
# The same steps with Debian's vblade 25 as the target: where both are right
# they have to agree.  Its faults are not repeated, they are stepped around.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

PEER=${PEER:-/usr/sbin/vblade}
[ -x "$PEER" ] || skip_all "needs the vblade package as a peer ($PEER)"
case $("$PEER" -V 2>&1 </dev/null) in
vblade\ *)	skip_all "$PEER is ours; needs Debian's as a peer" ;;
esac
network 1500
INI_OPTS=-L			# it does not pad its answers
b=02:ae:00:00:00:0b c=02:ae:00:00:00:0c

# step NAME ARGUMENT...: run the initiator, keep what it says and its status
step() {
	what=$1
	shift
	number=$((number + 1))
	try ini "$@"
	{
		echo "$what"
		echo "exit $STATUS"
		cat "$T/try.out"
		sed 's/^initiator: //' "$T/try.err"
	} >"$T/$who.$number"
}

# steps: what to do with either
steps() {
	number=0
	step 'sizes' identify e9.3
	grep '^[es].*[0-9]$' "$T/$who.1" | grep -v serial >"$T/sizes"
	mv "$T/sizes" "$T/$who.1"
	step 'stamp' stamp e9.3 0 100 1
	step 'verify' verify e9.3 0 100 1
	step 'stamp, 28-bit' -2 stamp e9.3 50 100 2
	step 'verify, 28-bit' -2 verify e9.3 50 100 2
	step 'verify what is not so' verify e9.3 49 3 2
	step 'the last sector' stamp e9.3 2047 1 3
	step 'one past it' read e9.3 2048 1
	step 'write past it' stamp e9.3 2048 1 4
	step 'write across the end' stamp e9.3 2047 2 4
	step 'it is as it was' verify e9.3 2047 1 3
	step 'flush' -2 flush e9.3
	for op in 00 c5 f1 ff; do
		step "opcode $op" ata e9.3 $op
	done
	step 'write without enough data' ata e9.3 34 count=2 flags=0x41
	step 'config: read' config read e9.3
	step 'config: set' config set e9.3 hello
	step 'config: set again' config set e9.3 hello
	step 'config: set another' config set e9.3 other
	step 'config: test' config test e9.3 hello
	step 'config: prefix' config prefix e9.3 hel
	step 'config: test another' -n 1 -t 150 config test e9.3 hell
	step 'config: prefix another' -n 1 -t 150 config prefix e9.3 ello
	step 'config: force' config force e9.3 other
	step 'config: read by all' config read 'e*.*'
	step 'config: force to nothing' config force e9.3 ''
	step 'reserve: read' reserve read e9.3
	step 'reserve: set' reserve set e9.3 "$IMAC" "$b"
	step 'reserve: used by one' -S "$b" verify e9.3 0 10 1
	step 'reserve: not by another' -S "$c" read e9.3 0 1
	step 'reserve: who is told who has it' -S "$c" reserve set e9.3 "$c"
	step 'reserve: and may identify' -S "$c" ata e9.3 ec count=1
	step 'reserve: and force it' -S "$c" reserve force e9.3 "$c"
	step 'reserve: first one out' read e9.3 0 1
	step 'reserve: release' -S "$c" reserve set e9.3
	step 'reserve: all in' verify e9.3 0 10 1
	step 'mask: read' mask read e9.3
	step 'mask: add' mask add e9.3 "$IMAC"
	step 'mask: add again' mask add e9.3 "$IMAC"
	step 'mask: add another' mask add e9.3 "$b"
	step 'mask: read' mask read e9.3
	step 'mask: in' -S "$b" verify e9.3 0 10 1
	step 'mask: out' -n 1 -t 150 -S "$c" read e9.3 0 1
	step 'an unknown command' -t 5000 \
	    raw "$TMAC $IMAC 88a2 1000 0009 03 09 00000001"
	sed -i 's/^\(.\{48\}\)0*$/\1/' "$T/$who.$number"	# padding
}

for who in peer ours; do
	[ $who = ours ] || { ours=$VBLADE VBLADE=$PEER; }
	truncate -s 1M "$T/disk.$who"
	start_blade 9 3 "$TIF" "$T/disk.$who"
	sed "s/^pid $BLADE_PID: \(.* O_RDWR\).*/\1/" "$BLADE_OUT" \
	    >"$T/start.$who"
	steps
	stop_blade
	VBLADE=$ours
done
same 'the start line begins as it did' "$T/start.peer" "$T/start.ours"
n=1
while [ -f "$T/peer.$n" ]; do
	if cmp -s "$T/peer.$n" "$T/ours.$n"; then
		pass "agree: $(head -n 1 "$T/ours.$n")"
	else
		fail "agree: $(head -n 1 "$T/ours.$n")" \
		    "$(diff "$T/peer.$n" "$T/ours.$n")"
	fi
	n=$((n + 1))
done
isnt 'there were steps' "$n" 1
same 'both files hold the same' "$T/disk.peer" "$T/disk.ours"

# The tools of the tests can tell a good target from one that is not.
VBLADE=$PEER BLADE_TERM=143
start_blade 9 3 "$TIF" "$T/disk.peer"
INI_OPTS=''
exits 'the initiator notices an answer that is not padded' 6 \
    ini discover e9.3
like 'and says so' "$ERR" 'protocol fault: .*fewer than 60'
INI_OPTS=-L
exits 'a load without a mismatch, all the same' 0 \
    ini load -T 1 -w 16 -o "$T/journal" e9.3
ok 'and its file holds it' "$INITIATOR" check "$T/disk.peer" "$T/journal"

done_testing
