#!/bin/sh
# The seccomp filter lists what the loop calls, and nothing else: each call that
# it lets through is seen made, or has beside it in linux-confine.c, after
# "rare:", when it would be.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

have strace socat || skip_all 'needs strace and socat'
[ -z "$VBLADE_WRAP" ] || skip_all "not under $VBLADE_WRAP"
network 1500
truncate -s 4M "$T/disk" "$T/file"
loop=$(losetup -f --show "$T/file" 2>/dev/null) || loop=''
[ -z "$loop" ] || at_exit "losetup -d $loop"

# start_traced NAME STRACE-OPTION... -- ARGUMENT...: a blade, what it calls in
# $T/NAME.calls; BLADE_PID is the tracer, PID the traced.
start_traced() {
	calls=$T/$1.calls
	VBLADE_WRAP="strace -q -n -v -s 0 -e raw=!seccomp -o $calls"
	shift
	while [ "$1" != -- ]; do
		VBLADE_WRAP="$VBLADE_WRAP $1"
		shift
	done
	shift
	start_blade "$@"
	VBLADE_WRAP=''
	PID=$(sed -n 's/^pid \([0-9]*\):.*/\1/p' "$BLADE_OUT")
}

stop_traced() {
	kill -TERM "$PID"
	reap_blade
}

# shellcheck disable=SC2317,SC2329	# called through wait_for
counted() {	# EMPTY FILE: of messages since
	kill -USR1 "$PID"
	sleep 0.1
	grep -q ' answered=' "$BLADE_ERR"
}

# shellcheck disable=SC2317,SC2329	# called through wait_for
carries() {
	ini discover e9.0 | grep -q " sectors=$1 "
}

zeros() {	# BYTES of them, in hexadecimal
	head -c "$1" /dev/zero | od -An -v -tx1 | tr -d ' \n'
}

# ---- a file, one call after another ----

socat -u "UNIX-RECV:$T/manager" STDOUT >"$T/heard" &
TAP_PIDS="$TAP_PIDS $!"
wait_for 10 test -S "$T/manager" || bail 'socat does not listen'
VBLADE_IO=sync NOTIFY_SOCKET=$T/manager
export VBLADE_IO NOTIFY_SOCKET
start_traced file -- -c "$T/state" 9 0 "$TIF" "$T/disk"
case $(cat "$BLADE_OUT") in
*', seccomp'*) ;;
*)	skip 'the calls' 'no seccomp here, or built with sanitizers'
	stop_traced
	done_testing ;;
esac
ok 'writes' ini -c 2 stamp e9.0 0 100 1
ok 'a load' ini load -N 500 -w 32 -R 200,200 -G 30000 e9.0
# what adjoins, and is there when it wakes up, is joined
kill -STOP "$PID"
ok 'it stops' wait_for 10 grep -q 'stopped by SIGSTOP' "$calls"
head=$(echo "$TMAC$IMAC" | tr -d :)88a2100000090000800000
ini -n 1 -t 1 raw "${head}01 41000134 0a0000000000 0000 $(zeros 512)" \
    "${head}02 41000134 0b0000000000 0000 $(zeros 512)" \
    "${head}03 40000124 0c0000000000 0000" \
    "${head}04 40000124 0d0000000000 0000" >/dev/null || :
kill -CONT "$PID"
ok 'reads' ini -c 2 verify e9.0 20 80 1
ok 'flush' ini flush e9.0
ok 'trim' ini trim e9.0 2000 100
ok 'a change is kept' ini config set e9.0 here
ok 'counters' wait_for 5 counted
truncate -s 8M "$T/disk"
kill -HUP "$PID"
# what has the interface now is asked for its name
bridge='' engine=''
if ip -n "$TNS" link add br0 type bridge 2>/dev/null; then
	bridge=yes
	ip -n "$TNS" link set "$TIF" master br0
	ok 'part of a bridge' wait_for 5 grep -q 'part of the bridge br0' \
	    "$BLADE_ERR"
	ip -n "$TNS" link set "$TIF" nomaster
fi
set_mtu 9000
ok 'another MTU' wait_for 5 carries 17
another_link 9000
ok 'deleted and made again' wait_for 5 carries 17
stop_traced
is 'it ends well' "$BLADE_STATUS" 0
unset VBLADE_IO NOTIFY_SOCKET

# ---- a device, many at once; a queue that is full now and then ----

if [ -z "$loop" ]; then
	skip 'a device' 'no loop devices'
else
	start_traced device \
	    -e inject=sendmmsg:error=ENOBUFS:syscall=getpid:when=9+7 -- \
	    -d 9 0 "$TIF" "$loop"
	ok 'device: a load, while the queue is full now and then' \
	    ini load -N 500 -w 32 -G 30000 e9.0
	ok 'device: trim' ini trim e9.0 2000 100
	kill -HUP "$PID"
	ok 'device: flush' ini flush e9.0
	stop_traced
	is 'device: it ends well' "$BLADE_STATUS" 0
	grep -q 'io_uring_setup(.*= -1 ' "$T/device.calls" || engine=yes
fi

# ---- what was called, beside what may be ----

# The filter, from the call that sets it: NR, then INDEX=VALUE of arguments.
sed -n 's/^\[ *[0-9]*\] seccomp(.*filter=\[//p' "$T/file.calls" | head -n 1 |
    tr ')' '\n' | awk '
			{ split($0, f, ", "); sub(/.*, /, "") }
	f[2] ~ /JEQ/ && what == "nr"	{ rule = f[3] }
	f[2] ~ /JEQ/ && what ~ /x/	{ rule = rule " " what "=" f[3] }
	f[2] ~ /JEQ/			{ next }
	/RET_ALLOW/	{ print rule; next }
	/^0(x0)?$/	{ what = "nr"; next }
	/^0x4$/		{ what = "arch"; next }
			{ what = $0 }
    ' >"$T/filter"

# The lines of the source that these come from; the last two, for abort, are
# made where the process knows its number.
"${CC:-cc}" -E -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 "-I$TOP" \
    "$TOP/linux-confine.c" 2>"$T/cc" | awk '
	/^# [0-9]+ "/	{
		line = $2 - 1
		ours = $3 ~ /linux-confine.c"$/
		next
	}
			{ line++ }
	/^static const struct rule rules\[\]/	{ list = 1 }
	list && /^};/	{ exit }
	list && ours && /^[ \t]*\{/	{ print line }
    ' >"$T/lines"
grep -n 'CALL_2(tg\{0,1\}kill, ' "$TOP/linux-confine.c" |
    cut -d : -f 1 >>"$T/lines"
is 'the filter is the list in the source' "$(wc -l <"$T/filter")" \
    "$(wc -l <"$T/lines")"

# Which of them is each call, behind the one that set the filter?
cat "$T"/*.calls | awk '
	function number(s,	i, v) {	# the low word
		v = 0
		s = tolower(s)
		if (s !~ /^0x/)
			return s + 0
		for (i = 3; i <= length(s); i++)
			v = (v * 16 + index("0123456789abcdef",
			    substr(s, i, 1)) - 1) % 4294967296
		return v
	}
	FNR == NR		{ rule[++n] = $0; next }
	/ seccomp\(.* = 0$/	{ on = 1; next }
	/ execve\(/		{ on = 0 }
	!on || !/^\[ *[0-9]+\] [a-z]/	{ next }
	{
		nr = $0
		sub(/^\[ */, "", nr)
		args = $0
		sub(/^[^(]*\(/, "", args)
		sub(/\).*/, "", args)
		split(args, arg, ", ")
		for (i = 1; i <= n; i++) {
			k = split(rule[i], want, "[ =]")
			fits = number(want[1]) == nr + 0
			for (j = 2; fits && j < k; j += 2)
				fits = number(want[j + 1]) == number( \
				    arg[(number(want[j]) - 16) / 8 + 1])
			if (fits)
				break
		}
		if (i > n)
			print "refused", $0
		else
			seen[i]++
	}
	END {
		for (i = 1; i <= n; i++)
			print (seen[i] > 0 ? "seen" : "unseen"), i, seen[i] + 0
	}
    ' "$T/filter" - >"$T/use"
is 'no call is outside of it' "$(grep '^refused' "$T/use")" ''
sed -n 's/^unseen \([0-9]*\) .*/\1/p' "$T/use" >"$T/unseen"
unsaid='' rare=0
while read -r i; do
	line=$(sed -n "$(sed -n "${i}p" "$T/lines")p" "$TOP/linux-confine.c")
	case $line in
	*'/* rare: '*)
		rare=$((rare + 1)) ;;
	*BLK* | *io_uring* | *sleep*)
		[ -z "$engine" ] || unsaid="$unsaid$line
" ;;
	*SIOCGIFNAME*)
		[ -z "$bridge" ] || unsaid="$unsaid$line
" ;;
	*)	unsaid="$unsaid$line
" ;;
	esac
done <"$T/unseen"
diag "$(grep -c '^seen' "$T/use") seen, $rare rare"
case $(ldd "$VBLADE" 2>&1) in
*libc.so.6*)	is 'all the others have a reason' "$unsaid" '' ;;
*)	skip 'all the others have a reason' 'they are for other libcs' ;;
esac

done_testing
