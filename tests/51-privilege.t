#!/bin/sh
# What vblade needs from the system: CAP_NET_RAW and the file, and no more.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
have setpriv || skip_all 'needs setpriv from util-linux'
chmod 711 "$T"
cp "$VBLADE" "$T/vblade"	# where nobody can reach it, too
VBLADE=$T/vblade
truncate -s 1M "$T/theirs" "$T/ours" "$T/readonly"
chmod 600 "$T/theirs"
chown 65534:65534 "$T/ours"
chmod 444 "$T/readonly"

# refused NAME ERE WORD...: exit 1, one line
refused() {
	name=$1 want=$2
	shift 2
	exits "$name" 1 timeout 20 ip netns exec "$TNS" "$@"
	like "$name: says why" "$ERR" "^vblade: .*$want"
	is "$name: in one line" "$(wc -l <"$T/try.err")" 1
}

set -- setpriv --reuid=65534 --regid=65534 --clear-groups
refused 'an ordinary user' 'CAP_NET_RAW' \
    "$@" "$VBLADE" 9 0 "$TIF" "$T/ours"
refused 'root without CAP_NET_RAW' 'CAP_NET_RAW' \
    setpriv --bounding-set=-net_raw "$VBLADE" 9 0 "$TIF" "$T/ours"

set -- "$@" --inh-caps=-all,+net_raw --ambient-caps=-all,+net_raw
refused 'a file of somebody else' "$T/theirs: .*Permission denied" \
    "$@" "$VBLADE" 9 0 "$TIF" "$T/theirs"
refused 'a file that may only be read' "$T/readonly: .*Permission denied" \
    "$@" "$VBLADE" 9 0 "$TIF" "$T/readonly"

VBLADE_WRAP="$*"
start_blade 9 0 "$TIF" "$T/ours"
VBLADE_WRAP=''
is 'the blade runs as nobody' \
    "$(sed -n 's/^Uid:[[:space:]]*\([0-9]*\).*/\1/p' \
    "/proc/$BLADE_PID/status")" 65534
ok 'CAP_NET_RAW alone is enough' ini stamp e9.0 0 2048 1
exits 'for a load, too' 0 ini load -T 1 -w 32 e9.0
is 'with no mismatch' "$(value_of mismatches)" 0
buffers=$(ini discover e9.0 | tr ' ' '\n' | sed -n 's/^buffers=//p')
if [ "$buffers" -ne 64 ]; then
	like 'it told that it has fewer buffers' \
	    "$(cat "$BLADE_OUT" "$BLADE_ERR")" "\\b$buffers\\b"
fi
stop_blade
VBLADE_WRAP="$*"
start_blade -r 9 0 "$TIF" "$T/readonly"
VBLADE_WRAP=''
ok '-r is enough for a file that may only be read' ini read e9.0 0 10
stop_blade

# The kernel's threads for the ring count as processes of the user.
if have prlimit; then
	chown 0:0 "$T/ours"
	VBLADE_WRAP='prlimit --nproc=1'
	start_blade -s 9 0 "$TIF" "$T/ours"
	VBLADE_WRAP=''
	ok '-s where no process can be added' ini -t 5000 stamp e9.0 0 16 2
	is 'and nothing to say about it' "$(cat "$BLADE_ERR")" ''
	stop_blade
else
	skip '-s where no process can be added' 'no prlimit'
fi

done_testing
