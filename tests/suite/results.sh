# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# shellcheck disable=SC2154	# run sets those variables
#
# results.sh: commands under a limit, what came of them, and second chances.

passed=0 failed=0 skipped=0
: >"$log/skips"
: >"$log/failures"
: >"$log/again"
: >"$log/unsteady"
begin=$(date +%s)

section() {
	printf '== %s (%d s)\n' "$1" $(($(date +%s) - begin))
}

pass() {		# NAME
	passed=$((passed + 1))
	printf 'ok      %s\n' "$1"
}

fail() {		# NAME REASON
	failed=$((failed + 1))
	printf 'FAILED  %s\n' "$1"
	printf '%s: %s\n' "$1" "$2" >>"$log/failures"
}

skip() {		# NAME REASON
	skipped=$((skipped + 1))
	printf 'skipped %s: %s\n' "$1" "$2"
	printf '%s: %s\n' "$1" "$2" >>"$log/skips"
}

have() {
	command -v "$1" >/dev/null 2>&1
}

# Run a command with a limit in seconds, its output to the log of that name.
# A shell waits for a background child in a way that signals can cut short.
logged() {		# LOG SECONDS COMMAND...
	logged=$log/$1.log limit=$2
	shift 2
	timeout -k 20 "$limit" "$@" >"$logged" 2>&1 </dev/null &
	child=$!
	status=0
	wait "$child" || status=$?
	child=''
	[ "$status" -ne 124 ] || echo "took more than $limit s" >>"$logged"
	return "$status"
}

# One command, one result.
check() {		# NAME LOG SECONDS COMMAND...
	name=$1
	shift
	if logged "$@"; then
		pass "$name"
	else
		fail "$name" "exit status $status: $(tail -n 12 "$logged")"
	fi
}

# The same, and it has to say nothing.
quiet() {		# NAME LOG SECONDS COMMAND...
	name=$1
	shift
	if ! logged "$@"; then
		fail "$name" "exit status $status: $(tail -n 12 "$logged")"
	elif [ -s "$logged" ]; then
		fail "$name" "not silent: $(head -n 12 "$logged")"
	else
		pass "$name"
	fi
}

# A log in TAP, and the exit status that came with it: every test point counts.
tap() {			# NAME LOG STATUS
	awk -v name="$1" -v status="$3" -v skips="$log/skips" \
	    -v failures="$log/failures" '
	function failure(what) {
		nfail++
		last = "fail"
		print name ": " what >>failures
	}
	function skipping(what) {
		nskip++
		print name ": " what >>skips
	}
	{ sub(/\r$/, "") }
	/^1\.\.0/ && /# *[Ss][Kk][Ii][Pp]/ {
		plan = 0
		sub(/^1\.\.0 *# *[Ss][Kk][Ii][Pp][a-zA-Z]* */, "")
		skipping("all of it: " $0)
		next
	}
	/^1\.\.[0-9]+/ { plan = substr($1, 4) + 0; planned = 1 }
	/^ok/ && /# *[Ss][Kk][Ii][Pp]/ {
		points++
		what = $0
		sub(/^ok *[0-9]* *-? */, "", what)
		skipping(what)
		last = "skip"
		next
	}
	/^ok/ { points++; npass++; last = "pass"; next }
	/^not ok/ {
		points++
		what = $0
		sub(/^not ok *[0-9]* *-? */, "", what)
		failure(what)
		next
	}
	/^Bail out!/ { failure($0); next }
	/^#/ && last == "fail" { print "    " $0 >>failures; next }
	{ last = "" }
	END {
		if (planned && points != plan)
			failure("planned " plan " tests, ran " points + 0)
		else if (status != 0 && !nfail)
			failure("exit status " status)
		else if (!planned && !nfail && !nskip)
			failure("neither tests nor a reason")
		print npass + 0, nfail + 0, nskip + 0
	}' "$2" >"$log/count"
	read -r p f s <"$log/count"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	word='ok     '
	[ "$f" -eq 0 ] || word='FAILED '
	[ "$p" -ne 0 ] || [ "$f" -ne 0 ] || word='skipped'
	printf '%s %s: %d passed, %d failed, %d skipped\n' "$word" "$1" \
	    "$p" "$f" "$s"
}

tapped() {		# NAME LOG SECONDS COMMAND...
	name=$1
	shift
	logged "$@" || :
	tap "$name" "$logged" "$status"
}

# ---- second chances ----

# Does this log speak of a test that noise may have spoiled?
noise() {		# LOG
	! grep -q -E -e '^# (got: *|.*exit status )5$' -e 'mismatch at' \
	    -e 'mismatches=[1-9]' -e 'Sanitizer|runtime error:' \
	    -e '^#? *==[0-9]+==' "$1"
}

# NAME LOG: what failed in it, kept for the end
unsteady() {
	awk -v name="$1" '
	/^not ok/ || /^Bail out!/ {
		sub(/^not ok *[0-9]* *-? */, "")
		print name ": " $0
		bad = 1
		next
	}
	/^#/ && bad { print "    " $0; next }
	{ bad = 0 }' "$2" >>"$log/unsteady"
	mv "$2" "$2.first"
}

# Like tapped, but it may be run again at the end.
trial() {		# NAME LOG SECONDS COMMAND...
	name=$1
	shift
	if logged "$@" || ! noise "$logged"; then
		tap "$name" "$logged" "$status"
		return
	fi
	printf 'again   %s: failed, once more at the end\n' "$name"
	unsteady "$name" "$logged"
	for word in "$name" "${VBLADE:-}" "${VBLADE_IO:-}" "${VBLADE_WRAP:-}" \
	    "$@"; do
		printf '%s\n' "$word"
	done >>"$log/again"
	echo >>"$log/again"
}

# Those that failed, now by themselves.
second_chance() {
	[ -s "$log/again" ] || return 0
	section 'once more, what failed'
	while read -r name <&3; do
		read -r VBLADE <&3
		read -r VBLADE_IO <&3
		read -r VBLADE_WRAP <&3
		export VBLADE VBLADE_IO VBLADE_WRAP
		set --
		while read -r word <&3 && [ -n "$word" ]; do
			set -- "$@" "$word"
		done
		tapped "$name, once more" "$@"
	done 3<"$log/again"
	unset VBLADE VBLADE_IO VBLADE_WRAP
}

# ---- the end ----

listed() {		# HEADING FILE: of the logs, if there is anything in it
	[ -s "$log/$2" ] || return 0
	printf '\n%s:\n' "$1"
	sed 's/^/  /' "$log/$2"
}

# All that was counted; fails if anything did.
summary() {
	listed UNSTEADY unsteady
	listed SKIPPED skips
	listed FAILED failures
	printf '\nLogs: %s\nTime: %d s\n' "$log" $(($(date +%s) - begin))
	printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" \
	    "$skipped"
	[ "$failed" -eq 0 ]
}
