#!/bin/sh
# vblade 25 as Debian has it, or wherever VBLADE25 says.
set -eu

vblade=${VBLADE25:-/usr/sbin/vblade}

case $1 in
have)	test -x "$vblade" || {
		echo "$vblade is not there; apt-get install vblade" >&2
		exit 1
	} ;;
name)	version=$(dpkg-query -W -f '${Version}' vblade 2>/dev/null || :)
	echo "vblade ${version:-25?} ($vblade)" ;;
start)	shift; exec "$vblade" "$@" ;;
*)	exit 2 ;;
esac
