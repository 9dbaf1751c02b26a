# A real systemd: boot, late interface, status, watchdog, wrong files, stop
# limit 300 s
# shellcheck shell=sh disable=SC2016,SC2154	# the guest expands, lib.sh sets

if ! [ -x /lib/systemd/systemd-udevd ]; then
	skip "systemd" "no systemd or udev on this machine"
	end_scenario
fi

# what systemctl show says of a property
show() {
	guest "systemctl show -P $2 $1"
}

# until UNIT PROPERTY VALUE [SECONDS]
until_is() {
	guest -t $((${4:-20} + 10)) "n=0
	    until [ \"\$(systemctl show -P $2 $1)\" = '$3' ]; do
		n=\$((n + 1))
		[ \$n -lt $((${4:-20} * 5)) ] || { systemctl status $1; exit 1; }
		sleep 0.2
	    done"
}

# another COMMAND: and then another than $pid is vblade@mail
another() {
	guest -t 40 "$1; n=0
	    until new=\$(systemctl show -P MainPID vblade@mail) &&
		[ \"\$new\" != $pid ] && [ \"\$new\" != 0 ] &&
		[ \"\$(systemctl is-active vblade@mail)\" = active ]; do
		n=\$((n + 1)); [ \$n -lt 100 ] || exit 1; sleep 0.3
	    done"
}

journal() {
	guest "journalctl -q --no-pager -o cat $*"
}

ini() {
	"$RUN/initiator" -i t0 -t 3000 "$@"
}

segment 0
must "the initramfs with systemd" sh "$HERE/systemd-initrd" "$VBLADE" \
    "$TMP/systemd"
cat "$IMAGE/initrd" "$TMP/systemd" >"$TMP/initrd"
# As an administrator would: files in /etc/vblade.conf.d, then enable.  They
# are there at the first boot.
mkdir -p "$TMP/etc/etc/vblade.conf.d" "$TMP/etc/srv/blades" \
    "$TMP/etc/etc/systemd/system/vblade@mail.service.d"
cd "$TMP/etc" || exit
cat >etc/vblade.conf.d/mail.conf <<'END'
shelf=9
slot=0
netif=eth0
filename='/srv/blades/mail store.img'
options='-s -c /var/lib/vblade/mail/state'
ionice='--class best-effort --classdata 7'
END
case $("$VBLADE" -h) in
*' -c '*) ;;
*) sed -i 's/ -c [^ ]*state//' etc/vblade.conf.d/mail.conf ;;
esac
cat >etc/vblade.conf.d/home.conf <<'END'
shelf=9 slot=1 netif=eth0 filename=/home/disk.img
END
cat >etc/vblade.conf.d/wrong.conf <<'END'
shelf=70000
slot=2
netif=eth0
filename=/srv/blades/none.img
END
echo '# shelf=' >etc/vblade.conf.d/skeleton.conf
printf '[Service]\nWatchdogSec=3\n' \
    >etc/systemd/system/vblade@mail.service.d/quick.conf
truncate -s 8M 'srv/blades/mail store.img'
mkdir -p home
truncate -s 4M home/disk.img
chown 12345 home/disk.img
chmod 600 home/disk.img
mkdir -p etc/systemd/system/multi-user.target.wants
ln -s /usr/local/lib/systemd/system/vblade.target \
    etc/systemd/system/multi-user.target.wants/
find . | cpio -o -H newc --quiet >>"$TMP/initrd"
cd "$TMP" || exit

guest_boot -initrd "$TMP/initrd" -m 768 -append \
    "console=ttyS0 panic=-1 no_timer_check net.ifnames=0 loglevel=4" ||
	must "the guest boots" false
is "no interface, no blade yet" "$(show vblade@mail ActiveState)" inactive
check "the interface appears" guest 'modprobe virtio_net &&
    udevadm settle && ip link set eth0 up'
must "and the blade is served" until_is vblade@mail ActiveState active 40
check "so is the one below /home, that somebody else owns" \
    until_is vblade@home ActiveState active 20
check "vblade.target is reached" until_is vblade.target ActiveState active
note "systemctl status vblade@mail"
guest 'systemctl status --no-pager vblade@mail' >"$TMP/status"
sed 's/^/# /' "$TMP/status"
check "with counters as the status" grep \
    'Status: "e9.0, 16384 sectors; 0 reads' "$TMP/status"
check "somebody writes and reads" ini stamp e9.0 0 64 1
check "and to the other" ini stamp e9.1 0 64 2
check "the store has it" guest \
    '[ "$(head -c 32768 "/srv/blades/mail store.img" |
    tr -d "\\000" | wc -c)" -gt 1000 ]'
check "it is confined, as a user of its own" guest \
    'journalctl -q -o cat -u vblade@mail | grep "confined (.*landlock, seccomp)"
    pid=$(systemctl show -P MainPID vblade@mail)
    grep "^Uid:" /proc/$pid/status | grep -v "	0" &&
    grep "^CapEff:	0000000000000000" /proc/$pid/status'
check "it has its ionice" guest \
    '[ "$(ionice -p "$(systemctl show -P MainPID vblade@mail)")" = \
    "best-effort: prio 7" ]'
check "no landlock, no seccomp: nothing of the kind in the journal" guest \
    '! journalctl -q -o cat -u "vblade@*" | grep "no landlock\|no seccomp"'
check "the wrong file is named in the journal, as an error" guest \
    'journalctl -q -o cat -p err -u vblade@wrong |
    grep "/etc/vblade.conf.d/wrong.conf: shelf=70000: give a whole number"'
is "and not tried again and again" "$(show vblade@wrong NRestarts)" 0
is "the skeleton is no blade" "$(guest 'systemctl list-units --all --plain \
    --no-legend "vblade@*" | cut -d. -f1 | sort | xargs')" \
    'vblade@home vblade@mail vblade@wrong'

note "watchdog"
pid=$(show vblade@mail MainPID)
guest "sleep 5"
is "the watchdog is content for 5 s" "$(show vblade@mail MainPID)" "$pid"
check "stop it: systemd kills it and starts another" another "kill -STOP $pid"
check "by the watchdog" guest \
    'journalctl -q -o cat -u vblade@mail | grep "Watchdog timeout"'
check "it serves again, and what was written is there" ini verify e9.0 0 64 1

note "signals, and what the journal has"

# told PRIORITY TEXT: the journal has such a line of vblade@mail
told() {
	guest -t 30 "n=0
	    until journalctl -q -o json -u vblade@mail | grep '$2' |
		grep -q '\"PRIORITY\":\"$1\"'; do
		n=\$((n + 1))
		[ \$n -lt 50 ] || { journalctl -o json -u vblade@mail |
		    tail -n 5; exit 1; }
		sleep 0.2
	    done"
}

check "USR1" guest 'systemctl kill -s USR1 vblade@mail'
check "counters, as information" told 6 'counters shelf=9 slot=0 '
check "USR2" guest 'systemctl kill -s USR2 vblade@mail && sleep 1'
is "counters again, but not in the journal" "$(guest \
    'journalctl -q -o cat -u vblade@mail | grep -c "counters shelf"')" 1
check "the store shrinks: a warning" guest \
    'truncate -s 6M "/srv/blades/mail store.img" &&
    systemctl reload vblade@mail'
check "as one" told 4 '12288 sectors now, 4096 fewer'
check "and grows: a notice" guest \
    'truncate -s 8M "/srv/blades/mail store.img" &&
    systemctl reload vblade@mail'
check "as one, too" told 5 '16384 sectors now'
pid=$(show vblade@mail MainPID)
check "kill -9: systemd starts another" another \
    'systemctl kill -s KILL vblade@mail'
check "which has what was written" ini verify e9.0 0 64 1

note "reload, stop, a changed file"
check "the store grows, systemctl reload" guest \
    'truncate -s 12M "/srv/blades/mail store.img" &&
    systemctl reload vblade@mail'
check "the status has the new size when reload returns" guest \
    'systemctl show -P StatusText vblade@mail | grep "e9.0, 24576 sectors"'
check "stop" guest 'systemctl stop vblade@mail'
is "a clean one" "$(show vblade@mail Result)" success
check "another store in the file, daemon-reload, start" guest \
    'truncate -s 1M /mnt/new.img &&
    sed -i "s,^filename=.*,filename=/mnt/new.img," \
	/etc/vblade.conf.d/mail.conf &&
    systemctl daemon-reload && systemctl start vblade@mail &&
    systemctl show -P StatusText vblade@mail | grep "e9.0, 2048 sectors"'
check "without daemon-reload: refused, with the reason in the journal" guest \
    'sed -i "s,^filename=.*,filename=\"/srv/blades/mail store.img\"," \
	/etc/vblade.conf.d/mail.conf
    ! timeout 5 systemctl restart vblade@mail
    journalctl -q -o cat -p warning -u vblade@mail |
    grep "may not open /srv/blades/mail store.img; run systemctl daemon"'
check "a loop device, the device alone may be opened" guest \
    'modprobe loop && losetup /dev/loop0 /mnt/new.img &&
    printf "shelf=9\nslot=3\nnetif=eth0\nfilename=/dev/loop0\n" \
	>/etc/vblade.conf.d/loop.conf && systemctl daemon-reload &&
    systemctl start vblade@loop &&
    systemctl show -P DeviceAllow vblade@loop &&
    [ "$(systemctl show -P DeviceAllow vblade@loop |
	grep -v "^char-rtc r$")" = "/dev/loop0 rw" ]'
check "and is served" ini stamp e9.3 0 64 3
check "why vblade itself does not start is an error in the journal" guest \
    'printf "shelf=9\nslot=4\nnetif=eth0\nfilename=/dev/loop0\n" \
	>/etc/vblade.conf.d/again.conf && systemctl daemon-reload &&
    ! timeout 5 systemctl start vblade@again
    journalctl -q -o cat -p err -u vblade@again |
	grep "^vblade: /dev/loop0: in use by"
    s=$?; systemctl stop vblade@again; exit $s'
cp "$HERE/../../contrib/ha/vblade-ha" "$TMP/g0/share/"
check "contrib/ha: status, when it is active" guest 'mkdir /etc/vblade-ha &&
    printf "DEVICE=/dev/loop0\nPROMOTE=true\nDEMOTE=true\n" \
	>/etc/vblade-ha/loop && sh /share/vblade-ha status loop'
check "contrib/ha: stop" guest 'sh /share/vblade-ha stop loop &&
    ! systemctl -q is-active vblade@loop && ! sh /share/vblade-ha status loop &&
    sh /share/vblade-ha check loop'
check "contrib/ha: start" guest -t 90 'sh /share/vblade-ha start loop &&
    systemctl -q is-active vblade@loop && sh /share/vblade-ha check loop'
check "and is served again" ini verify e9.3 0 64 3
check "contrib/ha: ended without its knowledge, check tells" guest \
    'systemctl stop vblade@loop && ! sh /share/vblade-ha check loop &&
    systemctl start vblade@loop'
check "contrib/ha: stop, while systemd tries again and again" guest -t 40 \
    'systemctl stop vblade@loop && losetup -d /dev/loop0
    ! timeout 5 systemctl start vblade@loop && sh /share/vblade-ha stop loop &&
    losetup /dev/loop0 /mnt/new.img && sleep 4 &&
    [ "$(systemctl is-active vblade@loop)" = inactive ] &&
    systemctl start vblade@loop'
check "vblade.target stops all" guest 'systemctl stop vblade.target &&
    ! systemctl is-active vblade@home vblade@loop'
check "enable one alone" guest 'systemctl disable vblade.target 2>&1 &&
    systemctl enable --now vblade@home 2>&1 &&
    [ -h /etc/systemd/system/multi-user.target.wants/vblade@home.service ]'
guest 'systemd-analyze security --no-pager vblade@home' | tail -n 1 \
    >"$TMP/exposure"
note "$(cat "$TMP/exposure")"
check "an exposure of at most 2.0" awk '
    { n = split($0, w, /[: ]+/)
    for (i = 1; i <= n; i++) if (w[i] ~ /^[0-9]+\.[0-9]$/) level = w[i] }
    END { exit !(level != "" && level <= 2.0) }' "$TMP/exposure"
journal -u "'vblade@*'" | sed 's/^/# /' >"$TMP/journal"
