#!/bin/sh
# Confinement: what is given up, that all goes on without it, and that it holds.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
truncate -s 4M "$T/disk"
chmod 600 "$T/disk"

status() {	# FIELD: words of it, of the last blade
	sed -n "s/^$1:[[:space:]]*//p" "/proc/$BLADE_PID/status" |
	    tr -s '[:space:]' ' ' | sed 's/ $//'
}

confined() {	# the words in brackets of the last blade's start-up line
	sed -n 's/^pid .*, confined (\(.*\))$/\1/p' "$BLADE_OUT"
}

# has_given_up NAME UID GID BOUNDING-SET
none=0000000000000000
has_given_up() {
	is "$1: user" "$(status Uid)" "$2 $2 $2 $2"
	is "$1: group" "$(status Gid)" "$3 $3 $3 $3"
	for set in CapInh CapPrm CapEff CapAmb; do
		is "$1: $set" "$(status $set)" $none
	done
	is "$1: CapBnd" "$(status CapBnd)" "$4"
	is "$1: NoNewPrivs" "$(status NoNewPrivs)" 1
}

# What the kernel has, and this way to run allows.
start_blade 9 0 "$TIF" "$T/disk"
ours=$(confined)
landlock=no seccomp=no
case $ours in *sanitizers*) ;; *landlock*) landlock=yes ;; esac
case $ours in *sanitizers*) ;; *seccomp*) seccomp=yes ;; esac
case $ours in
*sanitizers*) why='built with sanitizers' ;;
*) why="not to be had here${VBLADE_WRAP:+, under $VBLADE_WRAP}" ;;
esac
diag "confined ($ours)"

# ---- what it was started with ----

descriptor() {	# N: what the last blade has there
	readlink "/proc/$BLADE_PID/fd/$1"
}

is 'no core' "$(awk '/^Max core/ { print $5, $6 }' "/proc/$BLADE_PID/limits")" \
    '0 0'
stop_blade
wrap=$VBLADE_WRAP
: >"$T/secret"
cat >"$T/generous" <<'EOF'
directory=$1 file=$2
shift 2
exec "$@" 5<"$directory" 9>>"$file" <"$file"
EOF
VBLADE_WRAP="sh $T/generous $T $T/secret $wrap"
start_blade 9 0 "$TIF" "$T/disk"
is 'the input is of no use' "$(descriptor 0)" /dev/null
left_open() {
	find "/proc/$BLADE_PID/fd" -lname "$T" -o -lname "$T/secret"
}
is 'descriptors that it was given are closed' "$(left_open)" ''
stop_blade
case $wrap in
*valgrind*)
	skip 'no output for errors' 'valgrind does not start without' ;;
*)
	echo 'exec "$@" 2>&-' >"$T/closed"
	VBLADE_WRAP="sh $T/closed $wrap"
	tr '\000' x <"$T/disk" >"$T/whole"
	cp "$T/whole" "$T/disk"
	start_blade 9 0 "$TIF" "$T/disk"
	is 'no output for errors: there is one' "$(descriptor 2)" /dev/null
	kill -USR1 "$BLADE_PID"
	ini discover e9.0 >/dev/null 2>&1 || :
	stop_blade
	same 'and what was said did not go to the disk' "$T/disk" "$T/whole" ;;
esac
VBLADE_WRAP=$wrap

# ---- who ----

start_blade 9 0 "$TIF" "$T/disk"

nobody=$(id -u nobody) nogroup=$(id -g nobody)
has_given_up 'as root' "$nobody" "$nogroup" $none
is 'as root: groups' "$(status Groups)" ''
like 'as root: told so' "$ours" '^nobody(,|$)'
if [ "$seccomp" = yes ]; then
	is 'as root: Seccomp' "$(status Seccomp)" 2
	# what belongs to a process that is not dumpable belongs to root
	is 'as root: not dumpable' "$(stat -c %u "/proc/$BLADE_PID/fd")" 0
	is 'as root: it says nothing more' "$(cat "$BLADE_ERR")" ''
else
	skip 'as root: seccomp' "$why"
fi
if [ "$landlock" = no ]; then
	skip 'as root: Landlock' "$why"
else
	is 'as root: told so, all of it' "$ours" 'nobody, landlock, seccomp'
fi
stop_blade

start_blade -u daemon 9 0 "$TIF" "$T/disk"
has_given_up '-u daemon' "$(id -u daemon)" "$(id -g daemon)" $none
like '-u daemon: told so' "$(confined)" '^daemon(,|$)'
ok '-u daemon: serves' ini stamp e9.0 0 100 1
stop_blade
start_blade -u root 9 0 "$TIF" "$T/disk"
has_given_up '-u root' 0 0 $none
is '-u root: groups' "$(status Groups)" ''
like '-u root: told so' "$(confined)" '^root(,|$)'
ok '-u root: serves' ini verify e9.0 0 100 1
stop_blade

# refused NAME ERE WORD...
refused() {
	name=$1 want=$2
	shift 2
	exits "$name" 1 timeout 20 ip netns exec "$TNS" "$@"
	like "$name: says why" "$ERR" "^vblade: $want"
}

refused 'a user that there is not' '-u nosuchuser: no such user' \
    "$VBLADE" -u nosuchuser 9 0 "$TIF" "$T/disk"

if have prlimit; then
	refused 'no descriptor left to look for one' \
	    '-u daemon: Too many open files$' prlimit --nofile=8 \
	    "$VBLADE" -u daemon 9 0 "$TIF" "$T/disk"
else
	skip 'no descriptor left to look for a user' 'no prlimit'
fi

# Groups that root has beside its own go, too.
have setpriv setcap || bail 'no setpriv or setcap: util-linux, libcap2-bin'
VBLADE_WRAP="setpriv --groups=1,2,3 $wrap"
start_blade 9 0 "$TIF" "$T/disk"
is 'groups of root are gone' "$(status Groups)" ''
stop_blade

# Root without the right to become somebody else (in a container, say).
VBLADE_WRAP="setpriv --bounding-set=-setuid $wrap"
start_blade 9 0 "$TIF" "$T/disk"
has_given_up 'without CAP_SETUID' 0 "$nogroup" $none
like 'without CAP_SETUID: told so' "$(confined)" '^root(,|$)'
like 'without CAP_SETUID: a warning' "$(cat "$BLADE_ERR")" \
    '^vblade: still root: .*Operation not permitted'
ok 'without CAP_SETUID: serves' ini verify e9.0 0 100 1
stop_blade
refused 'without CAP_SETUID: -u' '-u daemon: Operation not permitted' \
    setpriv --bounding-set=-setuid "$VBLADE" -u daemon 9 0 "$TIF" "$T/disk"

# Somebody who never was root, by a capability of the file.
chmod 711 "$T"
cp "$VBLADE" "$T/vblade"
truncate -s 1M "$T/theirs"
chown "$nobody" "$T/theirs"
set -- setpriv "--reuid=$nobody" "--regid=$nogroup" --clear-groups
if setcap cap_net_raw+ep "$T/vblade" 2>/dev/null && [ -z "$wrap" ] &&
    "$@" "$T/vblade" -V >/dev/null 2>&1; then
	saved=$VBLADE VBLADE=$T/vblade VBLADE_WRAP=$*
	start_blade 9 0 "$TIF" "$T/theirs"
	has_given_up 'a file capability' "$nobody" "$nogroup" \
	    "$(status CapBnd)"
	is 'a file capability: told so' "$(confined)" "$ours"
	ok 'a file capability: serves' ini stamp e9.0 0 100 1
	stop_blade
	refused 'a file capability: -u' '-u daemon: .*; start as root' \
	    "$@" "$T/vblade" -u daemon 9 0 "$TIF" "$T/theirs"
	start_blade -u nobody 9 0 "$TIF" "$T/theirs"
	ok 'a file capability: -u with oneself' ini verify e9.0 0 100 1
	stop_blade
	VBLADE=$saved
else
	skip 'a file capability' 'the file system has none, or VBLADE_WRAP'
fi
VBLADE_WRAP=$wrap

# ---- all goes on ----

# Every call that recovery makes, in one life: what the other tests look at
# closely, they look at confined as well.
truncate -s 4M "$T/disk"
start_blade -d 9 0 "$TIF" "$T/disk"
has=$(status Seccomp)
kill -USR1 "$BLADE_PID"
ok 'counters' wait_for 5 grep -q ' answered=' "$BLADE_ERR"
# odd pieces go around direct I/O
ok 'odd pieces' ini -c 1 stamp e9.0 1 15 1
ok 'and back' ini -c 1 verify e9.0 1 15 1
# shellcheck disable=SC2317,SC2329	# called through wait_for
sectors_are() {
	ini identify e9.0 >"$T/try.out"
	[ "$(value_of sectors48)" -eq "$1" ]
}
truncate -s 8M "$T/disk"
kill -HUP "$BLADE_PID"
ok 'another size' wait_for 5 sectors_are 16384
set_mtu 9000
# shellcheck disable=SC2317,SC2329	# called through wait_for
carries() {
	ini discover e9.0 | grep -q " sectors=$1 "
}
ok 'another MTU' wait_for 5 carries 17
ok 'and its frames' ini -c 17 stamp e9.0 100 340 2
kill -STOP "$BLADE_PID"
sleep 0.2
kill -CONT "$BLADE_PID"
ok 'stopped and continued' ini -c 17 verify e9.0 100 340 2
ip -n "$TNS" link set "$TIF" down
sleep 0.2
ip -n "$TNS" link set "$TIF" up
ok 'down and up' wait_for 5 carries 17
ip -n "$TNS" link del "$TIF"
sleep 0.2
cable 9216
link up
ok 'deleted and made again, larger' wait_for 5 carries 17
ok 'reads there' ini -c 17 verify e9.0 100 340 2
is 'the filter is still there' "$(status Seccomp)" "$has"
stop_blade
is 'and it ends well' "$BLADE_STATUS" 0

# stdio asks what it writes to, when it does so first.
echo 'exec "$@" 2>/dev/null' >"$T/unheard"
VBLADE_WRAP="sh $T/unheard $wrap"
start_blade 9 0 "$TIF" "$T/disk"
VBLADE_WRAP=$wrap
kill -USR1 "$BLADE_PID"
sleep 0.2
ok 'messages to a device' ini -c 17 verify e9.0 100 340 2
stop_blade

# ---- it holds ----

if [ "$seccomp" = no ]; then
	skip 'attempts from inside' "$why"
	done_testing
elif [ -n "$wrap" ]; then
	skip 'attempts from inside' 'VBLADE_WRAP'
	done_testing
elif ! ${CC:-cc} -shared -fPIC -O -o "$T/probe.so" "$TOP/tests/confined.c" \
    -ldl 2>"$T/cc"; then
	skip 'attempts from inside' "no compiler: $(head -n 1 "$T/cc")"
	done_testing
fi
chmod 644 "$T/probe.so"
# What is attempted is allowed to everybody, as far as users go, and does no
# harm where it succeeds.
mkdir "$T/open"
: >"$T/open/file"
cp /bin/true "$T/open/program"
chmod 777 "$T/open" "$T/open/file" "$T/open/program"

# A blade that attempts what it is asked: PROBE_NO OPTION...
start_probed() {
	: >"$T/probe"
	truncate -s 4096 "$T/probe"
	VBLADE_WRAP="sh $T/generous $T $T/secret env LD_PRELOAD=$T/probe.so"
	VBLADE_WRAP="$VBLADE_WRAP PROBE=$T/probe PROBE_DIR=$T/open PROBE_NO=$1"
	shift
	start_blade "$@" 9 0 "$TIF" "$T/disk"
	VBLADE_WRAP=''
}

# Ask for it; what can be said of it goes to $answer.
attempt() {
	printf '%s' "$1" | dd of="$T/probe" conv=notrunc status=none
	ini -n 1 -t 100 config read e9.0 >/dev/null 2>&1 || :
	wait_for 10 attempted || diag "$1: not attempted"
	answer=$(tail -c +65 "$T/probe" | tr '\000' '\n' | head -n 1)
}

# shellcheck disable=SC2317,SC2329	# called through wait_for
attempted() {	# the word is gone, or who was to attempt it
	[ "$(head -c 1 "$T/probe" | tr '\000' .)" = . ] || gone "$BLADE_PID"
}

start_probed ''
preloaded=$(grep -c probe.so "/proc/$BLADE_PID/maps") || :
stop_blade
if [ "$preloaded" -eq 0 ]; then
	skip 'attempts from inside' \
	    'nothing can be preloaded (linked statically?)'
	done_testing
fi

# Everything in force: the call is named, and that is the end.
for what in open create unlink exec socket packet setuid setgid setgroups \
    capset chroot ptrace kill tgkill uring register clone code mprotect ioctl \
    setsockopt bind write; do
	start_probed ''
	attempt "$what"
	reap_blade
	is "$what: the end" "$BLADE_STATUS" 2
	like "$what: named" "$(cat "$BLADE_ERR")" \
	    "^vblade: system call ${answer:-unknown }is not one that vblade"
	case $what in
	socket | ptrace | kill | tgkill | bind)
		is "$what: by its name, in tests" "$REFUSED" "$what" ;;
	esac
done
start_probed ''
attempt abort
reap_blade
is 'abort: a mistake of its own is still told as one' "$BLADE_STATUS" 134
is 'nothing was created or removed' "$(cd "$T/open" && echo *)" 'file program'

# The ring goes past seccomp, and has restrictions of its own.
start_probed ''
attempt ring-open
if [ "$answer" = 95 ]; then
	skip 'the ring' 'no io_uring here, or VBLADE_IO=sync'
else
	is 'the ring opens nothing' "$answer" 13
	attempt ring-write
	is 'the ring writes to nothing but the store' "$answer" 13
	ok 'and goes on working' ini -c 17 verify e9.0 100 340 2
fi
stop_blade

# denied NAME WORD ERRNO...: without seccomp the rest stands alone
denied() {
	attempt "$2"
	is "$1 $2" "${answer##* }" "$3"
}

start_probed seccomp
is 'without seccomp: told so' "$(confined)" "${ours%, seccomp}"
like 'without seccomp: a warning' "$(cat "$BLADE_ERR")" \
    '^vblade: no seccomp: Function not implemented'
denied 'without seccomp:' packet 1
for what in setuid setgid setgroups capset chroot ptrace kill; do
	denied 'without seccomp:' "$what" 1
done
if [ "$landlock" = yes ]; then
	for what in open create unlink exec; do
		denied 'without seccomp:' "$what" 13
	done
	stop_blade
	start_probed seccomp -u root
	for what in open create unlink exec; do
		denied 'without seccomp, -u root:' "$what" 13
	done
	for what in packet capset chroot ptrace kill; do
		denied 'without seccomp, -u root:' "$what" 1
	done
else
	skip 'without seccomp: files' "no Landlock: $why"
fi
stop_blade

# ---- older kernels ----

# Without Landlock the root directory is an empty one that nobody can reach.
# chrooted NAME DIRECTORY: it is, and was made there
chrooted() {
	is "$1: told so" "$(confined)" "$user, chroot, seccomp"
	is "$1: no warning" "$(cat "$BLADE_ERR")" ''
	root=$(readlink "/proc/$BLADE_PID/root")
	like "$1: root" "$root" "^$2/vblade\.[^/]* \(deleted\)$"
	is "$1: where it is" "$(readlink "/proc/$BLADE_PID/cwd")" "$root"
	is "$1: nothing is there" "$(ls -A "/proc/$BLADE_PID/root/")" ''
	is "$1: and can be made" \
	    "$(in_root sh -c 'mkdir x' 2>/dev/null || echo no)" no
	not_ok "$1: no name is left of it" test -e "${root% (deleted)}"
}

# What root itself can do there: run a command with that for its directory.
in_root() {
	(cd "/proc/$BLADE_PID/root/" && "$@")
}

user=nobody
truncate -s 8M "$T/disk"
start_probed landlock -c "$T/kept"
chrooted 'without Landlock' /run
has_given_up 'without Landlock' "$nobody" "$nogroup" $none
ok 'without Landlock: serves' ini -c 17 stamp e9.0 100 340 3
ok 'without Landlock: changes are kept' ini config set e9.0 chrooted
truncate -s 4M "$T/disk"
kill -HUP "$BLADE_PID"
ok 'without Landlock: another size' wait_for 5 sectors_are 8192
kill -USR1 "$BLADE_PID"
ok 'without Landlock: counters' wait_for 5 grep -q ' answered=' "$BLADE_ERR"
set_mtu 1500
ok 'without Landlock: another MTU' wait_for 5 carries 2
another_link 9216
ok 'without Landlock: deleted and made again' wait_for 5 carries 17
ok 'without Landlock: reads there' ini -c 17 verify e9.0 100 340 3
stop_blade
is 'without Landlock: it ends well' "$BLADE_STATUS" 0
start_probed landlock,run -c "$T/kept"
chrooted 'nor /run' /tmp
is 'nor /run: what was kept' "$(ini config read e9.0)" chrooted
stop_blade

start_probed landlock,chroot
is 'without both: told so' "$(confined)" 'nobody, seccomp'
like 'without both: a warning' "$(cat "$BLADE_ERR")" \
    '^vblade: no landlock: Function not .*; no chroot: .* not permitted; it'
is 'without both: one line' "$(wc -l <"$BLADE_ERR")" 1
ok 'without both: serves' ini -c 17 verify e9.0 100 340 3
stop_blade

# That wall alone, with seccomp gone: nobody may not even search it, and for
# root nothing is there.
start_probed landlock,seccomp
is 'chroot alone: told so' "$(confined)" 'nobody, chroot'
for what in open create unlink exec here mkdir up; do
	denied 'chroot alone:' "$what" 13
done
stop_blade
start_probed landlock,seccomp -u root
for what in open create unlink exec here mkdir up; do
	denied 'chroot alone, -u root:' "$what" 2
done
denied 'chroot alone, -u root:' chroot 1
ok 'chroot alone, -u root: serves' ini -c 17 verify e9.0 100 340 3
stop_blade

for what in speculation uring restrictions close_range; do
	start_probed "$what"
	is "without $what: the same" "$(confined)" "$ours"
	ok "without $what: serves" ini -c 17 verify e9.0 100 340 3
	is "without $what: only what it needs is open" "$(left_open)" ''
	stop_blade
done

done_testing
