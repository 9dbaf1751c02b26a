# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# shellcheck disable=SC2154	# run sets those variables
#
# e2e.sh: vblade at work: end to end, as a package, for longer.

demo() {
	section 'demo'
	if [ "$(id -u)" -eq 0 ]; then
		check 'tests/demo' demo 120 sh tests/demo
	else
		skip 'tests/demo' 'needs root'
	fi
}

# Every tests/NN-*.t, or those that match a pattern.
scripts() {		# LABEL PREFIX SECONDS [PATTERN]
	for t in tests/[0-9][0-9]-*.t; do
		t=${t##*/}
		# shellcheck disable=SC2254	# a pattern
		case $t in
		${4:-*}) trial "$t, $1" "$2-$t" "$3" sh "tests/$t" ;;
		esac
	done
}

e2e() {
	section 'end to end'
	export VBLADE="$tree/vblade"
	each=300
	[ "$long" = no ] || { export LONG=1; each=900; }
	scripts 'plain' e2e "$each"
	unset LONG

	# how many blades 70-load.t starts
	[ "$long" = no ] || export BLADES=1000

	section 'end to end, sanitizers'
	export VBLADE="$tree/build-san/vblade"
	scripts 'sanitizers' e2e-san 600

	if [ "$long" = yes ]; then
		sync_too
		valgrind_too
	else
		sync_too '2*'
		valgrind_too '20-*'
	fi
}

# One disk operation after another, as where there is no io_uring.
sync_too() {		# [PATTERN]
	section 'end to end, VBLADE_IO=sync'
	export VBLADE="$tree/vblade" VBLADE_IO=sync
	scripts 'VBLADE_IO=sync' e2e-sync 300 "$@"
	unset VBLADE_IO
}

# Slow, so 70-load.t keeps to its 40 blades.
valgrind_too() {	# [PATTERN]
	section 'end to end, valgrind'
	if ! have valgrind; then
		skip 'end to end, valgrind' 'no valgrind'
		return
	fi
	# what stays until the end is allocated once and used to the end
	export VBLADE="$tree/vblade"
	VBLADE_WRAP='valgrind -q --error-exitcode=99 --leak-check=full'
	VBLADE_WRAP="$VBLADE_WRAP --errors-for-leak-kinds=definite"
	VBLADE_WRAP="$VBLADE_WRAP --show-leak-kinds=definite"
	export VBLADE_WRAP
	unset BLADES
	scripts 'valgrind' e2e-valgrind 900 "$@"
	unset VBLADE_WRAP
}

# What is packed, and what is installed.
release() {
	section 'release'
	word=''
	[ "$long" = no ] || word=--long
	# shellcheck disable=SC2086	# one word, or none
	tapped 'packages' packages 900 sh tests/packages $word
	# shellcheck disable=SC2086	# one word, or none
	tapped 'packages: RPM' packages-rpm 900 sh tests/packages-rpm $word
	tapped 'packages: OpenWrt, FreeBSD' packages-ports 300 \
	    sh tests/packages-ports
}

# Two initiators that write over each other, in all ways of moving data.
soak() {
	section 'soak'
	seconds=32
	[ "$long" = no ] || seconds=600
	export VBLADE="$tree/vblade"
	tapped "soak, $seconds s" soak $((2 * seconds + 120)) \
	    sh tests/soak "$seconds"
}
