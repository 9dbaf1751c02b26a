# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2164	# run sets those variables, and -e
#
# build.sh: a release, built by all compilers, and what they make of it.

# Without these there is nothing to go on with.
must_exist() {
	for f in "$@"; do
		[ ! -e "$f" ] || continue
		listed FAILED failures
		printf '\nNo %s, so this is the end.\n' "$f"
		printf '%d passed, %d failed, %d skipped\n' "$passed" \
		    "$((failed + (failed == 0)))" "$skipped"
		exit 1
	done
}

# In a copy of its own; warnings are failures, and so is being talkative.
build_with() {		# DIRECTORY LABEL MAKE ARGUMENT...
	dir=$work/$1 label=$2
	shift 2
	mkdir "$dir"
	tar xzf "$work/$release.tar.gz" -C "$dir"
	cd "$dir/$release"
	check "$label builds the release" "build-${dir##*/}" 300 "$@" \
	    all tools check-build
	if grep -i -A 4 'warning' "$logged" >"$log/warnings"; then
		fail "$label does not warn" "$(head -n 20 "$log/warnings")"
	else
		pass "$label does not warn"
	fi
}

build() {
	section 'build'
	cd "$top"
	check 'make dist' dist 120 make dist
	must_exist "$release.tar.gz"
	mv "$release.tar.gz" "$work/"
	build_with gcc gcc make CC=gcc CFLAGS='-O2 -g -Werror'
	must_exist "$tree/vblade" "$tree/tests/initiator"
	hardened gcc
	if have clang; then
		build_with clang clang make CC=clang CFLAGS='-O2 -g -Werror'
		hardened clang
	else
		skip 'clang builds the release' 'no clang'
	fi
	if have bmake; then
		build_with bsd 'BSD make' bmake CFLAGS='-O2 -g -Werror'
	else
		skip 'BSD make builds the release' 'no bmake'
	fi

	cd "$tree"
	check 'without optimization' build-o0 120 make BUILD=build-o0 \
	    PROG=build-o0/vblade CC=gcc CFLAGS='-O0 -Werror'
	check 'without hardening' build-soft 120 make BUILD=build-soft \
	    PROG=build-soft/vblade CC=gcc CFLAGS='-O2 -Werror' HARDEN=no
	check 'with sanitizers' build-san 300 make SAN=1 CC=gcc \
	    CFLAGS='-O1 -g -Werror' all check-build
	installed
}

# What the program file, and the objects it was linked from, say of the
# Makefile's HARDEN: hardened COMPILER, where that has built.
hardened() {
	by=$1
	if ! have readelf || ! have objdump; then
		skip "hardened by $by" 'no readelf, objdump: binutils'
		return
	fi
	readelf -hldnW --dyn-syms vblade >"$log/elf" 2>&1 || :
	in_elf 'position-independent' 'FLAGS_1.* PIE'
	in_elf 'read-only after relocation' '^ *GNU_RELRO'
	in_elf 'bound at start' 'FLAGS_1.* NOW'
	in_elf 'no executable stack' '^ *GNU_STACK .* RW  '
	in_elf 'stack protector' ' __stack_chk_fail(@|$)'
	case $($by -dumpmachine)-$(ldd ./vblade 2>&1) in
	*libc.so.6*) in_elf 'fortified' ' __s?n?printf_chk(@|$)' ;;
	*) skip "hardened by $by: fortified" 'glibc only' ;;
	esac
	case $($by -dumpmachine) in
	x86_64-*) tracked ;;
	*) skip "hardened by $by: indirect branches tracked" 'x86-64 only' ;;
	esac
}

# The linker puts the note into the program only if libc's start files have it,
# too; so the objects are asked for it, and the program for what it stands for:
# each function of ours that may be called by a pointer begins with a mark.
tracked() {
	unnoted=''
	for o in build/*.o; do
		readelf -nW "$o" | grep -q 'x86 feature: IBT, SHSTK' ||
			unnoted="$unnoted ${o##*/}"
	done
	if [ -z "$unnoted" ]; then
		pass "hardened by $by: all objects for IBT and SHSTK"
	else
		fail "hardened by $by: all objects for IBT and SHSTK" \
		    "not:$unnoted"
	fi
	# by name, and where a table holds its address
	{
		nm --defined-only build/*.o | awk '$2 == "T" { print $3 }'
		readelf -rW vblade | awk '$3 ~ /_RELATIVE?$/ { print $NF }'
	} >"$log/called"
	objdump -d --no-show-raw-insn -j .text vblade | awk '
		FNR == NR	{ called[$1]; next }
		/^[0-9a-f]+ <.*>:$/	{
			name = substr($2, 2, length($2) - 3)
			at = $1
			sub(/^0+/, "", at)
			first = 1
			next
		}
		first && (name in called || at in called)	{
			n++
			if ($2 != "endbr64")
				print name
		}
			{ first = 0 }
		END	{ if (n < 50) print "only", n, "found" }
	    ' "$log/called" - >"$log/unmarked"
	if [ ! -s "$log/unmarked" ]; then
		pass "hardened by $by: indirect branches tracked, as linked"
	else
		fail "hardened by $by: indirect branches tracked, as linked" \
		    "no endbr64: $(cat "$log/unmarked")"
	fi
}

in_elf() {		# NAME ERE
	if grep -Eq "$2" "$log/elf"; then
		pass "hardened by $by: $1"
	else
		fail "hardened by $by: $1" "readelf shows no line like: $2"
	fi
}

installed() {
	root=$work/root
	check 'make install' install 60 \
	    make DESTDIR="$root" PREFIX=/usr install
	if [ "$("$root/usr/sbin/vblade" -V)" = "vblade ${release#vblade-}" ] &&
	    [ -x "$root/usr/sbin/vbladed" ] &&
	    [ -f "$root/usr/share/man/man8/vblade.8" ] &&
	    [ -f "$root/usr/share/man/man8/vbladed.8" ] &&
	    [ -f "$root/usr/share/man/man5/vblade.conf.5" ] &&
	    grep -q '^ExecStart=/usr/libexec/vblade-start ' \
		"$root/usr/lib/systemd/system/vblade@.service" &&
	    grep -q '^start=/usr/libexec/vblade-start$' \
		"$root/usr/lib/systemd/system-generators/vblade-generator" &&
	    grep -q '^sbin=/usr/sbin$' "$root/usr/libexec/vblade-start"; then
		pass 'all of it is installed'
	else
		fail 'all of it is installed' "$(find "$root" -type f)"
	fi
	check 'make uninstall' uninstall 60 \
	    make DESTDIR="$root" PREFIX=/usr uninstall
	left=$(find "$root" ! -type d)
	if [ -z "$left" ]; then
		pass 'nothing of it is left'
	else
		fail 'nothing of it is left' "$left"
	fi
}
