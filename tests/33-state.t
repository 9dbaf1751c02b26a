#!/bin/sh
# -c: config string, mask list and reservation survive; a change that cannot be
# kept is none.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
truncate -s 1M "$T/disk"
INI_OPTS='-t 5000'		# what is asked twice counts twice
other=02:ae:00:00:00:99

# ---- from start to start ----

mkdir -m 700 "$T/private"
state=$T/private/state
start_blade -c "$state" 9 3 "$TIF" "$T/disk"
is 'a new file: nothing to say about it' "$(cat "$BLADE_ERR")" ''
is 'two copies' "$(stat -c %s "$state")" 40960
is 'nobody else may read it' "$(stat -c %a "$state")" 600
is 'empty at first' "$(ini config read e9.3)" ''
ok 'set the config string' ini config set e9.3 'hello "world"'
ok 'edit the mask list' ini mask edit e9.3 "+$IMAC" "+$other"
ok 'reserve' ini reserve set e9.3 "$IMAC" "$other"
like 'the file is text: config' "$(cat "$state")" \
    '^config "hello \\x22world\\x22"$'
like 'the file is text: mask' "$(cat "$state")" "^mask $other$"
like 'the file is text: reservation' "$(cat "$state")" "^reserve $IMAC$"

# kept NAME: all three, as set above
kept() {
	is "$1: config" "$(ini config read e9.3)" 'hello "world"'
	is "$1: mask" "$(ini mask read e9.3 | sort | xargs)" "$IMAC $other"
	is "$1: reservation" "$(ini reserve read e9.3 | sort | xargs)" \
	    "$IMAC $other"
	is "$1: nothing to say" "$(cat "$BLADE_ERR")" ''
}

stop_blade
start_blade -c "$state" 9 3 "$TIF" "$T/disk"
kept 'stopped and started'
kill -KILL "$BLADE_PID"
reap_blade
start_blade -c "$state" 9 3 "$TIF" "$T/disk"
kept 'killed and started'
silent 'the mask list holds' -S 02:ae:00:00:00:55 config read e9.3
exits 'a change by others is refused still' 3 \
    ini -S "$other" config set e9.3 mine
generation() {
	sed -n 's/^generation //p' "$state" | sort -n | tail -n 1
}
before=$(generation)
ok 'what is there already' ini config set e9.3 'hello "world"'
ok 'and once more' ini reserve set e9.3 "$IMAC" "$other"
is 'is not written again' "$(generation)" "$before"

# ---- not to be used ----

truncate -s 1M "$T/disk2"
refused 'used by another blade' \
    "$state: in use by process $BLADE_PID \(another vblade\?\); give each" \
    -c "$state" 9 3 "$TIF" "$T/disk2"
stop_blade
refused 'of another slot' "$state: is the state of e9.3, not of e9.4; give" \
    -c "$state" 9 4 "$TIF" "$T/disk"
refused 'of another shelf' "$state: is the state of e9.3, not of e8.3; give" \
    -c "$state" 8 3 "$TIF" "$T/disk"
refused 'the store itself' "$T/disk: is the store itself; name another" \
    -c "$T/disk" 9 3 "$TIF" "$T/disk"
refused 'something else' "$T/disk2: damaged, or not a state file: .*; move" \
    -c "$T/disk2" 9 3 "$TIF" "$T/disk"
mkfifo "$T/fifo"
refused 'a pipe' "$T/fifo: not a regular file; name one" \
    -c "$T/fifo" 9 3 "$TIF" "$T/disk"
refused 'a directory that is not there' "$T/no/state: No such file or dir" \
    -c "$T/no/state" 9 3 "$TIF" "$T/disk"
refused 'no value' '-c: needs a value; usage: ' -c

# What it is made as has a name that others may use.
truncate -s 1M "$T/a.new"
cp "$T/a.new" "$T/whole"
refused 'the store has the name of the new file' \
    "$T/a.new: is the store itself; name" -c "$T/a" 9 3 "$TIF" "$T/a.new"
refused 'another store has' "$T/a.new: in the way; move it" \
    -c "$T/a" 9 3 "$TIF" "$T/disk"
same 'which is still there' "$T/a.new" "$T/whole"
start_blade -c "$T/b.new" 9 3 "$TIF" "$T/disk"
refused 'the state of another blade has' \
    "$T/b.new: in use by process $BLADE_PID " -c "$T/b" 9 4 "$TIF" "$T/disk2"
ok 'that one serves' ini config set e9.3 other
stop_blade
refused 'nor when that one is stopped' "$T/b.new: in the way; move it" \
    -c "$T/b" 9 4 "$TIF" "$T/disk2"
like 'its state is there' "$(cat "$T/b.new")" '^config "other"$'

# A symbolic link, to what is not there yet.
ln -s private/linked "$T/link"
start_blade -c "$T/link" 9 3 "$TIF" "$T/disk"
ok 'by a link' ini config set e9.3 linked
stop_blade
is 'the link is one still' "$(readlink "$T/link")" private/linked
like 'the file is where it points to' "$(cat "$T/private/linked")" \
    '^config "linked"$'

mkdir "$T/small"
if mount -t tmpfs -o size=32k none "$T/small" 2>/dev/null; then
	at_exit "umount '$T/small'"
	refused 'a full disk' "$T/small/state.new: No space left on device" \
	    -c "$T/small/state" 9 3 "$TIF" "$T/disk"
	is 'a full disk: what was begun is gone' \
	    "$(find "$T/small" -type f -size +0)" ''
	mount -o remount,size=64k "$T/small"
	start_blade -c "$T/small/state" 9 3 "$TIF" "$T/disk"
	pass 'and with room it starts'
	stop_blade
else
	skip 'a full disk' 'cannot mount a tmpfs'
fi
if have prlimit && [ -z "$VBLADE_WRAP" ]; then
	VBLADE_WRAP='prlimit --fsize=10000'
	refused 'a limit on the size of files' \
	    "$T/private/limited.new: File too large" \
	    -c "$T/private/limited" 9 3 "$TIF" "$T/disk"
	VBLADE_WRAP=''
	is 'a limit: what was begun is gone' \
	    "$(find "$T/private" -name 'limited*' -size +0)" ''
else
	skip 'a limit on the size of files' "no prlimit, or VBLADE_WRAP"
fi

# ---- one copy damaged, and both ----

newest() {	# the offset of the newer copy
	if [ "$(head -c 20480 "$state" | sed -n 's/^generation //p')" -gt \
	    "$(tail -c +20481 "$state" | sed -n 's/^generation //p')" ]; then
		echo 0
	else
		echo 20480
	fi
}

cp "$state" "$T/good"
start_blade -c "$state" 9 3 "$TIF" "$T/disk"
ok 'another string' ini config force e9.3 newer
stop_blade
printf 'V' | dd of="$state" bs=1 seek="$(newest)" conv=notrunc status=none
start_blade -c "$state" 9 3 "$TIF" "$T/disk"
is 'the newer copy damaged: the older one' "$(ini config read e9.3)" \
    'hello "world"'
like 'told so' "$(cat "$BLADE_ERR")" \
    "^vblade: $state: one of two copies is not whole, as a crash leaves it"
stop_blade
start_blade -c "$state" 9 3 "$TIF" "$T/disk"
kept 'mended'
stop_blade
printf 'V' | dd of="$state" bs=1 conv=notrunc status=none
printf 'V' | dd of="$state" bs=1 seek=20480 conv=notrunc status=none
refused 'both copies damaged' "$state: damaged, or not a state file: neither" \
    -c "$state" 9 3 "$TIF" "$T/disk"
cp "$T/good" "$state"

# ---- with -m ----

start_blade -c "$state" -m "$IMAC" 9 3 "$TIF" "$T/disk"
is '-m has the last word' "$(ini mask read e9.3)" "$IMAC"
like 'and says so' "$(cat "$BLADE_ERR")" \
    "^vblade: $state: -m replaces the mask list that was kept$"
is 'the rest is kept' "$(ini config read e9.3)" 'hello "world"'
stop_blade
start_blade -c "$state" 9 3 "$TIF" "$T/disk"
is 'without -m it stays so' "$(ini mask read e9.3)" "$IMAC"
ok 'release' ini reserve set e9.3
ok 'open to all' ini mask edit e9.3 "-$IMAC"
stop_blade

# ---- failures while it runs ----

# The limit lets the text of the first copy through but not its end, and
# nothing of the second: in turn both fail, whichever comes first.
if have prlimit && [ -z "$VBLADE_WRAP" ]; then
	start_blade -u root -c "$state" 9 3 "$TIF" "$T/disk"
	ok 'kept' ini config force e9.3 one
	for n in 1 2; do
		was=$(ini config read e9.3)
		prlimit --pid "$BLADE_PID" --fsize=10000:
		exits "failure $n: a change is refused" 3 \
		    ini config force e9.3 "lost $n"
		like "failure $n: error 3" "$ERR" 'AoE error 3'
		is "failure $n: and has no effect" "$(ini config read e9.3)" \
		    "$was"
		exits "failure $n: mask" 3 ini mask edit e9.3 "+$other"
		is "failure $n: no mask" "$(ini mask read e9.3)" ''
		exits "failure $n: reservation" 3 \
		    ini reserve set e9.3 "$other"
		is "failure $n: no reservation" "$(ini reserve read e9.3)" ''
		ok "failure $n: what changes nothing is answered" \
		    ini config set e9.3 "$was"
		ok "failure $n: the disk is served" ini stamp e9.3 0 10 $n
		like "failure $n: told" "$(cat "$BLADE_ERR")" \
		    "^vblade: $state: File too large; a change from the"
		lines=$(grep -c 'File too large' "$BLADE_ERR")
		if [ "$lines" -le $((3 * n)) ]; then
			pass "failure $n: briefly"
		else
			fail "failure $n: briefly" "$lines lines"
		fi
		# as if it crashed now
		cp "$state" "$T/crashed"
		grep -q "^config \"$was\"$" "$T/crashed" ||
			fail "failure $n: the copy in force is gone"
		prlimit --pid "$BLADE_PID" --fsize=unlimited:
		ok "failure $n: then it goes on" \
		    ini config force e9.3 "kept $n"
	done
	is 'counted: refused' "$(counter unkept)" 6
	is 'counted: kept' "$(counter changes)" 3
	kill -KILL "$BLADE_PID"
	reap_blade
	start_blade -c "$state" 9 3 "$TIF" "$T/disk"
	is 'the last one kept is there' "$(ini config read e9.3)" 'kept 2'
	stop_blade
else
	skip 'failures while it runs' "no prlimit, or VBLADE_WRAP"
fi

# ---- killed while changes come ----

# A host sets one number after another, and notes which were acknowledged.
# What is there after each kill is the last of them, or the one that had been
# sent and not answered.  KILLS=500 for a long time of it.
start_blade -c "$state" 9 3 "$TIF" "$T/disk"
ok 'begin at 0' ini config force e9.3 0
cat >"$T/setter" <<'END'
n=0
while [ ! -e "$1/enough" ]; do
	n=$((n + 1))
	echo $n >"$1/sent.new"
	mv "$1/sent.new" "$1/sent"	# there is a reader
	"$2" -i "$3" -n 100 -t 50 config force e9.3 $n >/dev/null &&
	    echo $n >>"$1/acked"
done
END
echo 0 | tee "$T/sent" >"$T/acked"
in_initiator sh "$T/setter" "$T" "$INITIATOR" "$IIF" >/dev/null 2>&1 &
setter=$!
TAP_PIDS="$TAP_PIDS $setter"
# shellcheck disable=SC2317,SC2329	# called through wait_for
changed() {	# COUNT: more than that were acknowledged
	[ "$(wc -l <"$T/acked")" -gt "$1" ]
}
mixed='' kills=0
while [ "$kills" -lt "${KILLS:-8}" ]; do
	kills=$((kills + 1))
	sleep "0.$((10 + kills * 7 % 30))"
	wait_for 20 changed $((kills * 3)) || :
	kill -KILL "$BLADE_PID"
	reap_blade
	# before it is started again, as a reader of the file would see it
	low=$(tail -n 1 "$T/acked") high=$(cat "$T/sent")
	start_blade -c "$state" 9 3 "$TIF" "$T/disk"
	now=$(sed -n "s/^generation //p; s/^config //p" "$state" | paste - - |
	    sort -n | tail -n 1 | cut -f 2 | tr -d '"')
	high=$(cat "$T/sent")
	if [ "${now:-0}" -lt "$low" ] || [ "${now:-0}" -gt "$high" ]; then
		mixed="$mixed $low<=$now<=$high?"
	fi
done
touch "$T/enough"
reap "$setter"
is "killed $kills times under changes: none is lost" "$mixed" ''
acked=$(wc -l <"$T/acked")
diag "$acked changes acknowledged"
if [ "$acked" -gt 20 ]; then
	pass 'while many were made'
else
	fail 'while many were made' "$acked"
fi
is 'the last of them is in force' "$(ini config read e9.3)" \
    "$(tail -n 1 "$T/acked")"

done_testing
