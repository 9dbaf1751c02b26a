# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# shellcheck disable=SC2154	# run sets those variables
#
# freebsd.sh: vblade compiled and linked for FreeBSD; and the same objects on a
# model of its kernel.

freebsd() {
	section 'FreeBSD'
	bsd=$work/freebsd
	if ! logged freebsd-build 600 sh tests/freebsd/build "$bsd"; then
		if [ "$status" -eq 77 ]; then
			echo 'NO COMPILER FOR FREEBSD: nothing of it is tested'
			skip 'FreeBSD, all of it' "$(tail -n 1 "$logged")"
		else
			fail 'FreeBSD: the build' "$(tail -n 20 "$logged")"
		fi
		return
	fi
	if grep -q -i 'warning' "$logged"; then
		fail 'FreeBSD: no warnings' "$(grep -i -A 4 warning "$logged")"
	else
		pass 'FreeBSD: both programs are built and linked, silently'
	fi
	check 'FreeBSD, by BSD make' freebsd-bmake 300 bmake PLATFORM=freebsd \
	    CC="${ZIG:-$bsd/zig/ziglang/zig} cc -target x86_64-freebsd" \
	    BUILD="$bsd/bmake" PROG="$bsd/bmake/vblade" CFLAGS='-O2 -Werror'
	headers=$(dirname "${ZIG:-$bsd/zig/ziglang/zig}")/lib/libc/include
	tidy FreeBSD freebsd*.c -- --target=x86_64-unknown-freebsd14 \
	    -nostdlibinc -isystem "$headers/x86_64-freebsd-none" \
	    -isystem "$headers/generic-freebsd" -std=c11
	tapped 'FreeBSD: the ELF files' freebsd-elf 60 \
	    sh tests/freebsd/elf "$bsd"
	tapped 'FreeBSD: numbers beside those of Go' freebsd-abi 120 \
	    sh tests/freebsd/abi "$bsd"
	checks 'FreeBSD objects on the model' freebsd-model "$bsd/model"
	checks 'FreeBSD with sanitizers' freebsd-san "$bsd/san"
	export VBLADE="$bsd/model/vblade"
	# 27 hangs the store, which has threads of its own there only on Linux
	for which in 1 20 21 22 23 24 25 26 3 40 42 43 44 45 46; do
		scripts 'FreeBSD objects on the model' freebsd-e2e 300 \
		    "$which*-*"
	done
	export VBLADE="$bsd/san/vblade"
	for which in 20 45; do
		scripts 'FreeBSD with sanitizers' freebsd-e2e-san 600 \
		    "$which-*"
	done
	unset VBLADE
	freebsd_coverage
	tapped 'FreeBSD: mistakes that are found' freebsd-mutate 600 \
	    sh tests/freebsd/mutate "$bsd"
}

freebsd_coverage() {
	for f in freebsd freebsd-link freebsd-disk freebsd-confine; do
		percent=$(cd "$bsd/san" && gcov -n -o . "$f.o" 2>/dev/null |
		    sed -n "/^File '$f.c'/ { n
			s/^Lines executed:\([0-9]*\).*/\1/p; }")
		if [ "${percent:-0}" -ge 90 ]; then
			pass "coverage of $f.c: $percent % of its lines"
		else
			fail "coverage of $f.c" "${percent:-nothing} %, want 90"
		fi
	done
}
