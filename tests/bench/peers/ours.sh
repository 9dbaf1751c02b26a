#!/bin/sh
# The vblade of this tree, or the one that VBLADE names.
set -eu

vblade=${VBLADE:-$(cd "$(dirname "$0")/../../.." && pwd)/vblade}

case $1 in
have)	test -x "$vblade" || {
		echo "$vblade is not there; make builds it" >&2
		exit 1
	} ;;
name)	"$vblade" -V ;;
start)	shift; exec "$vblade" "$@" ;;
*)	exit 2 ;;
esac
