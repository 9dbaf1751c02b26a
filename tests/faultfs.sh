# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# faultfs.sh: a store that fails when it is told to.  Source it after tap.sh:
#
#	faulty SECTORS		mounts it; the store is $DISK
#	tell WORD...		a command; faultfs.c says which there are
#	told KEY		a figure of it

faulty() {
	tap_fs=$TOP/tests/faultfs
	[ -x "$tap_fs" ] ||
		skip_all 'needs tests/faultfs, and that libfuse3-dev'
	[ -c /dev/fuse ] || skip_all 'needs /dev/fuse'
	mkdir "$T/mnt"
	"$tap_fs" "$1" "$T/mnt" \
	    -o allow_other,max_threads=400,max_idle_threads=400 ||
		skip_all 'needs to mount a FUSE file system'
	# a process that hangs in it must not keep us
	at_exit "echo heal >'$T/mnt/ctl'; echo go >'$T/mnt/ctl'
	    umount -l '$T/mnt'"
	# shellcheck disable=SC2034	# for the test
	DISK=$T/mnt/disk
}

tell() {
	echo "$*" >"$T/mnt/ctl"
}

told() {
	tr ' ' '\n' <"$T/mnt/ctl" | sed -n "s/^$1=//p"
}
