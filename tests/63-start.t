#!/bin/sh
# vblade-start: from a file in vblade.conf.d to a blade; and what
# vblade-generator makes of it for systemd.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
start=$T/libexec/vblade-start
mkdir "$T/libexec" "$T/sbin" "$T/conf"
sed "s,^sbin=.*,sbin=$T/sbin," "$TOP/contrib/start/vblade-start" >"$start"
{
	echo '#!/bin/sh'
	echo "exec $VBLADE_WRAP '$VBLADE' \"\$@\""
} >"$T/sbin/vblade"
cp "$TOP/vbladed" "$T/sbin/"
chmod 755 "$start" "$T/sbin"/*
export VBLADE_CONF_D="$T/conf"
unset NOTIFY_SOCKET JOURNAL_STREAM

conf() {	# NAME: from standard input
	cat >"$T/conf/$1.conf"
}

# refused NAME ERE: what is said of wrong.conf, which is standard input.
refused() {
	conf wrong
	exits "$1" 78 "$start" wrong
	like "$1: the reason" "$ERR" "^vblade-start: $T/conf/wrong.conf: $2"
}

# shellcheck disable=SC2317,SC2329	# called by wait_for
not_running() {
	! kill -0 "$1" 2>/dev/null
}

# shellcheck disable=SC2317,SC2329	# called by wait_for
nobody() {
	[ -z "$(ip netns pids "$TNS")" ]
}

conf mail <<-END
	# a comment
	shelf=9
	slot=0
	netif=$TIF
	filename='$T/disk one.img'
	options='-s -b 32'
END
truncate -s 1M "$T/disk one.img"
ok 'show' "$start" -n mail
is 'what the file says' "$OUT" "shelf=9
slot=0
netif=$TIF
filename=$T/disk one.img
options=-s -b 32
ionice="

ip netns exec "$TNS" "$start" mail >"$T/out" 2>"$T/err" &
pid=$!
TAP_PIDS="$TAP_PIDS $pid"
ok 'the blade is served' wait_for 20 grep -q '^pid [0-9]*: e9\.0, 2048 sec' \
    "$T/out"
like 'with its options' "$(cat "$T/out")" ' stable'
ok 'and answers' ini stamp e9.0 0 64 1
kill "$pid"
wait "$pid" && status=0 || status=$?
forget "$pid"
is 'it is vblade itself that the signal meets' "$status" 0


# ---- in the background ----

# vbladed wants a logger; what it says is not looked at here.
# shellcheck disable=SC2016	# its own $#
printf '#!/bin/sh\n[ $# -gt 2 ] || exec cat >/dev/null\n' >"$T/sbin/logger"
chmod 755 "$T/sbin/logger"
sed "s,^PATH=,PATH=$T/sbin:," "$start" >"$T/libexec/background"
ok 'in the background' ip netns exec "$TNS" timeout 30 \
    sh "$T/libexec/background" -b "$T/pid" mail
like 'the start-up line is shown' "$OUT" '^pid [0-9]*: e9\.0, 2048 sectors'
ok 'it answers' ini verify e9.0 0 64 1
ok 'the file has the pid' kill "$(cat "$T/pid")"
ok 'of vblade' wait_for 20 not_running "$(cat "$T/pid")"
not_ok 'a pid file that cannot be written' ip netns exec "$TNS" timeout 30 \
    sh "$T/libexec/background" -b "$T/none/pid" mail
like 'is named' "$ERR" 'none/pid'
ok 'and nobody serves behind our backs' wait_for 20 nobody

echo "# shelf=9" | conf skeleton
echo 'shelf=1' | conf 'bad name'
ok 'list' "$start" -l
is 'a skeleton is no blade' "$OUT" mail
like 'a name that no unit can have' "$ERR" 'bad name.conf: left out: '
rm "$T/conf/bad name.conf"
echo 'shelf=1' | conf '-n'
ln -s none "$T/conf/link.conf"
ok 'list: a link that leads nowhere, a name like an option' "$start" -l
is 'the one is a blade, so that it is refused by name' "$OUT" 'link
mail'
like 'the other is none' "$ERR" '/-n.conf: left out: '
rm "$T/conf/-n.conf" "$T/conf/link.conf"

good="shelf=9 slot=0 netif=$TIF filename=/srv/x"
refused 'no shelf' 'shelf is not set' <<-END
	slot=0
END
refused 'a shelf too large' 'shelf=70000: give a whole number from 0 to 65534' \
    <<-END
	$good shelf=70000
END
refused 'the shelf of everybody' 'shelf=65535: ' <<-END
	$good shelf=65535
END
refused 'a slot that is no number' 'slot=1x: ' <<-END
	$good slot=1x
END
refused 'a relative path' 'filename=x: give the whole path' <<-END
	$good filename=x
END
refused 'an open quote' 'not a shell fragment: ' <<-END
	$good options='-s
END
refused 'a value of two lines' 'a value has more than one line' <<-END
	$good options='-s
	-r'
END
refused 'a file that ends itself' 'a value has more than one line' <<-END
	$good
	exit 0
END
refused 'options without quotes' 'evaluating it failed' <<-END
	$good options=-s
	options=-s -r
END
cr=$(printf '\r')
refused 'a file of another system' 'its lines end in CR and LF' <<-END
	shelf=9$cr
	slot=0$cr
END
rm "$T/conf/wrong.conf"
exits 'no such file' 78 "$start" none
exits 'a name with a slash' 78 "$start" ../mail
exits 'no name' 64 "$start"
conf typo <<-END
	$good
	option=-s
END
ok 'a misspelt variable' "$start" -n typo
like 'of which there is a warning' "$ERR" 'typo.conf: option= means nothing'
rm "$T/conf/typo.conf"
printf '%s\n' 'dir=/srv err=3' "$good filename=\$dir/x" | conf own
printf '[ -e /none ] && options=-r' >>"$T/conf/own.conf"
ok 'variables of its own, and a last line that is half of one' "$start" -n own
like 'what they make' "$OUT" '^filename=/srv/x$'
rm "$T/conf/own.conf"

# ---- systemd ----

if command -v systemd-escape >/dev/null; then
	conf disk <<-END
		shelf=9 slot=1 netif=eth0,eth1 filename=/srv/..//dev/sd_x
	END
	sed -e "s,^start=.*,start=$start,; s,^PATH=.*,PATH=$PATH," \
	    "$TOP/contrib/systemd/vblade-generator" >"$T/generator"
	ok 'the generator' sh "$T/generator" "$T/units"
	is 'is silent' "$OUT$ERR" ''
	is 'blades of the target' \
	    "$(cd "$T/units/vblade.target.wants" && echo ./*)" \
	    './vblade@disk.service ./vblade@mail.service'
	made=$(cat "$T/units/vblade@mail.service.d/50-vblade.conf")
	like 'a store with a space' "$made" \
	    "^ReadWritePaths=\"-$T/disk one.img\"\$"
	like 'its file system' "$made" \
	    "^RequiresMountsFor=\"$T/disk one.img\"\$"
	made=$(cat "$T/units/vblade@disk.service.d/50-vblade.conf")
	like 'a device, by a detour' "$made" '^DeviceAllow="/dev/sd_x" rw$'
	like 'is waited for' "$made" '^After=dev-sd_x\.device$'
	like 'so is the second interface' "$made" \
	    '^After=sys-subsystem-net-devices-eth1\.device$'
else
	skip 'the generator' 'no systemd-escape'
fi

done_testing
