# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2164	# run sets those variables, and -e
#
# unit.sh: unit tests, what they cover, and fuzzers.

# libcheck writes TAP: every unit test is a test point.
checks() {		# LABEL PREFIX BUILD [COMMAND...]
	label=$1 prefix=$2 build=$3
	shift 3
	for t in "$build"/check_*; do
		[ -x "$t" ] || continue
		t=${t##*/}
		report=$log/$prefix-$t.tap
		logged "$prefix-$t" 600 env CK_TAP_LOG_FILE_NAME="$report" \
		    CK_VERBOSITY=silent "$@" "$build/$t" || :
		# what it said besides, such as a sanitizer's complaint
		sed 's/^/# /' "$logged" >>"$report"
		tap "$t, $label" "$report" "$status"
	done
}

unit() {
	section 'unit tests'
	if [ -z "$(find build -name 'check_*' -perm -u+x 2>/dev/null)" ]; then
		skip 'unit tests' 'libcheck is missing, or they do not build'
		return
	fi
	checks gcc unit-gcc build
	if [ -d "$work/clang/$release/build" ]; then
		cd "$work/clang/$release"
		checks clang unit-clang build
		cd "$tree"
	fi
	checks sanitizers unit-san build-san
	if have valgrind; then
		export CK_TIMEOUT_MULTIPLIER=20 EVERY=7
		checks valgrind unit-valgrind build \
		    valgrind -q --error-exitcode=99
		unset CK_TIMEOUT_MULTIPLIER EVERY
	else
		skip 'unit tests under valgrind' 'no valgrind'
	fi
}

coverage() {
	section 'coverage'
	if ! logged coverage 300 make CC=gcc coverage; then
		fail 'make coverage' "$(tail -n 12 "$logged")"
		return
	fi
	for f in aoe.c ata.c; do
		percent=$(sed -n "s/^$f: \([0-9]*\).* % of .*/\1/p" "$logged")
		what=$(grep "^$f: " "$logged" || echo "$f: unknown")
		if [ "${percent:-0}" -ge 95 ]; then
			pass "coverage of $what"
		else
			fail "coverage of $what" "want 95 or more
$(grep "never run: $f" "$logged" | head -n 30)"
		fi
	done
}

fuzz() {
	section 'fuzz'
	if [ ! -x build-san/fuzz_frame ] || [ ! -x build-san/fuzz_state ]; then
		skip 'fuzz' 'no build-san/fuzz_frame, fuzz_state'
		return
	fi
	seconds=10 frames=500000 seed=$(date +%s)
	[ "$long" = no ] || seconds=300 frames=20000000
	for f in frame state; do
		check "fuzz_$f: the seeds" "fuzz-seeds-$f" 300 \
		    "build-san/fuzz_$f" "tests/seeds/$f"
		check "fuzz_$f: $frames frames made up, -s $seed" \
		    "fuzz-random-$f" 3600 \
		    "build-san/fuzz_$f" -r "$frames" -s "$seed"
		sed -n 's/^[0-9]* frames, .*/        &/p' "$logged"
	done
	if [ "$long" = yes ]; then
		tapped 'mistakes that fuzz_state finds' mutate-state 3600 \
		    sh tests/mutate-state
	fi
	if ! have clang; then
		skip 'libFuzzer' 'no clang'
		return
	fi
	check "libFuzzer, 2 x $seconds s" fuzz $((2 * seconds + 300)) \
	    make fuzz FUZZ_SECONDS="$seconds"
	sed -n 's/^stat::number_of_executed_units: */        frames: /p' \
	    "$logged"
}
