# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# machine.sh: copies of this machine that packages are installed on.  Nothing of
# the machine itself changes: they are overlays in memory.  Source it when there
# is a network.

# An overlay over DIRECTORY, for this test only; what tap.sh made is not in it.
machine() {	# DIRECTORY: ROOT
	MACHINES=$((MACHINES + 1))
	m=$T/m$MACHINES
	mkdir "$m"
	mount -t tmpfs -o mode=755 machine "$m" || bail 'cannot mount'
	at_exit "umount -l '$m'"
	mkdir "$m/upper" "$m/work" "$m/root"
	mount -t overlay -o "lowerdir=$1,upperdir=$m/upper,workdir=$m/work" \
	    machine "$m/root" || bail 'cannot mount an overlay'
	at_exit "umount -l '$m/root'"
	ROOT=$m/root
	rm -f "$ROOT/usr/sbin/policy-rc.d"
	for f in "$ROOT"/etc/vblade.conf.d/*.conf; do
		[ "${f##*/}" = skeleton.conf ] || rm -f "$f"
	done
	# none of this machine's own services
	wants=$ROOT/etc/systemd/system/multi-user.target.wants
	mkdir -p "$ROOT/srv" "$wants"
	rm -f "$wants"/*
	truncate -s 8M "$ROOT/srv/a.img" "$ROOT/srv/b.img"
}
MACHINES=0

# Two blades, as somebody with vblade 25 has them.
configure() {
	mkdir -p "$ROOT/etc/vblade.conf.d"
	cat >"$ROOT/etc/vblade.conf.d/mail.conf" <<-END
		# in use since 2014
		shelf=9
		slot=0
		netif=$TIF
		filename=/srv/a.img
	END
	cat >"$ROOT/etc/vblade.conf.d/my-disk.conf" <<-END
		shelf=9
		slot=1
		netif=$TIF
		filename=/srv/b.img
		options="-b 16 -m $IMAC"
		ionice='--class best-effort --classdata 7'
	END
}

# systemd boots it, in the target's network.
boot() {
	systemd-nspawn -q -D "$ROOT" -b --register=no --keep-unit \
	    --network-namespace-path="/run/netns/$TNS" \
	    --link-journal=no systemd.unit=multi-user.target \
	    >"$T/console" 2>&1 </dev/null &
	NSPAWN=$! LEADER=''
	TAP_PIDS="$TAP_PIDS $NSPAWN"
	at_exit end_machine
	wait_for 60 leader || return 1
	wait_for 60 booted
}

leader() {
	first=$(pgrep -P "$NSPAWN" | head -n 1)
	[ -n "$first" ] && [ "$(cat "/proc/$first/comm")" = systemd ] &&
	    LEADER=$first
}

inside() {
	nsenter -t "$LEADER" -m -u -i -n -p -r -w env -i \
	    PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
	    TERM=dumb LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@"
}

booted() {
	state=$(inside systemctl is-system-running 2>/dev/null) || :
	[ "$state" = running ] || [ "$state" = degraded ]
}

halt() {
	end_machine
	reap "$NSPAWN"
}

# Its first process takes all others with it.
# shellcheck disable=SC2317,SC2329	# at the end, too
end_machine() {
	[ -z "$LEADER" ] || [ "$(cat "/proc/$LEADER/comm" 2>/dev/null)" != \
	    systemd ] || kill -KILL "$LEADER" || :
	LEADER=''
}

# Is the program of that blade ours, and does the initiator get an answer?
serves() {	# ADDRESS
	ini discover "$1" | grep -q "$1"
}
programs() {	# the versions of the blades that run, one a line
	for p in $(inside pgrep -x vblade); do
		said=$(inside "/proc/$p/exe" -V 2>&1 | head -n 1)
		case $said in
		'vblade '[0-9]*) echo "${said#vblade }" ;;
		*) echo old ;;
		esac
	done
}
gone_all() {
	[ -z "$(inside pgrep -x vblade)" ]
}

