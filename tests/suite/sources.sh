# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# shellcheck disable=SC2154	# run sets those variables
#
# sources.sh: what is read rather than run.

lint() {
	section 'lint'
	if have shellcheck; then
		find . -type f ! -path './build*' -exec grep -lE \
		    '^#! ?/.*/(ba)?sh|^# shellcheck shell=' {} + >"$log/shells"
		# shellcheck disable=SC2046	# a list of words
		quiet "shellcheck, $(wc -l <"$log/shells") files" shellcheck \
		    300 shellcheck -x $(cat "$log/shells")
	else
		skip 'shellcheck' 'no shellcheck'
	fi
	if have mandoc; then
		manual
	else
		skip 'the manual' 'no mandoc'
	fi
	long_lines=$(awk 'length > 80 { print FILENAME ":" FNR }' README NEWS \
	    HACKING SECURITY tests/README contrib/README contrib/*/README \
	    contrib/*/*/README)
	if [ -z "$long_lines" ]; then
		pass 'texts keep to 80 columns'
	else
		fail 'texts keep to 80 columns' "$long_lines"
	fi
	find . -name '*.[ch]' ! -path './build*' >"$log/sources"
	long_lines=$(while read -r f; do
		expand "$f" | awk -v f="$f" 'length > 80 { print f ":" FNR }'
	done <"$log/sources")
	if [ -z "$long_lines" ]; then
		pass 'C keeps to 80 columns'
	else
		fail 'C keeps to 80 columns' "$long_lines"
	fi
	if have systemd-analyze; then
		units
	else
		skip 'systemd-analyze verify' 'no systemd-analyze'
	fi
}

# Every option and every counter is in the manual.
manual() {
	quiet 'mandoc -T lint' mandoc 60 mandoc -T lint \
	    vblade.8 vbladed.8 vblade.conf.5 contrib/*/*.8
	if have groff; then
		quiet 'groff has nothing to say' groff 60 \
		    groff -mdoc -Tutf8 -rLL=80n -ww -z \
		    vblade.8 vbladed.8 vblade.conf.5 contrib/*/*.8
	else
		skip 'groff has nothing to say' 'no groff'
	fi
	mandoc -T utf8 vblade.8 2>/dev/null | sed 's/.\x08//g' >"$log/manual"
	./vblade --help | sed -n 's/^  -\([a-z]\).*/-\1/p' >"$log/words"
	sed -n 's/^	X(\([a-z_]*\)).*/\1/p' dat.h >>"$log/words"
	sed -n '/^stats_print/,/^}/p' stats.c | tr ' ' '\n' | tr '"' '\n' |
	    sed -n 's/^\([a-z_][a-z_]*\)=%.*/\1/p; /^[a-z]*_us$/p; /^batch$/p' \
	    >>"$log/words"
	while read -r word; do
		grep -q -e "^ .*$word" "$log/manual" || echo "$word"
	done <"$log/words" >"$log/unexplained"
	if [ -s "$log/unexplained" ] ||
	    [ "$(wc -l <"$log/words")" -lt 20 ]; then
		fail 'the manual explains options and counters' \
		    "not: $(cat "$log/unexplained")"
	else
		pass 'the manual explains options and counters'
	fi
}

# The units as they are installed, with the programs that they name.
units() {
	unit=$work/unit/units
	check 'units are installed' units 60 make PREFIX="$work/unit" \
	    SYSCONFDIR="$work/unit/etc" UNITDIR="$unit" install
	cp "$unit/vblade@.service" "$unit/vblade@mail.service"
	quiet 'systemd-analyze verify' systemd 60 systemd-analyze verify \
	    --man=no "$unit"/vblade*
	# 0 is best and 100 worst
	check 'systemd-analyze security' exposure 60 systemd-analyze security \
	    --offline=yes --threshold=20 "$unit/vblade@mail.service"
}

# Static analysis; a finding is mended, or answered beside the line.
analysis() {
	section 'analysis'
	set --
	for f in *.c; do
		case $f in
		freebsd*) ;;	# its headers are not here
		*) set -- "$@" "$f" ;;
		esac
	done
	for f; do
		quiet "gcc -fanalyzer: $f" "analyzer-$f" 120 gcc -std=c11 \
		    -D_FILE_OFFSET_BITS=64 -D_GNU_SOURCE -I. -O2 -fanalyzer \
		    -c -o "$work/analyzed.o" "$f"
	done
	tidy program "$@" -- -std=c11 -D_FILE_OFFSET_BITS=64
	if [ "$long" = yes ]; then
		# shellcheck disable=SC2046	# lists of words
		tidy tests $(find tests -name '*.c') -- -std=gnu11 \
		    -D_FILE_OFFSET_BITS=64 \
		    $(pkg-config --cflags fuse3 | sed 's/-I/-isystem /g')
	fi
	if ! have cppcheck; then
		skip 'cppcheck' 'no cppcheck'
		return
	fi
	# of what the compiler predefines, what linux-confine.c asks for
	quiet 'cppcheck' cppcheck 120 cppcheck --quiet --error-exitcode=1 \
	    --enable=warning,performance,portability --inline-suppr \
	    --std=c11 -D_GNU_SOURCE -D__linux__ -D__x86_64__ -D__LP64__ \
	    -D__BYTE_ORDER__=1234 -D__ORDER_LITTLE_ENDIAN__=1234 -I. "$@"
}

# .clang-tidy says what it is asked for, and that a finding is an error.
tidy() {		# NAME FILE... -- FLAG...
	files=$log/tidy-$1.files name="clang-tidy: $1"
	shift
	if ! have clang-tidy; then
		skip "$name" 'no clang-tidy'
		return
	fi
	: >"$files"
	while [ "$1" != -- ]; do
		echo "$1" >>"$files"
		shift
	done
	check "$name" "$(basename "$files" .files)" 600 xargs -a "$files" \
	    -P "$(getconf _NPROCESSORS_ONLN)" -I '{}' \
	    clang-tidy --quiet '{}' "$@" -D_GNU_SOURCE -I.
}
