# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# shellcheck disable=SC2154	# run sets those variables
#
# guests.sh: real kernels.  They take a processor and half of the time: where
# there is a second processor the other tests run meanwhile, and give way to
# them.

start_guests() {
	which=--short guest_limit=1500
	[ "$long" = no ] || which=--all guest_limit=7200
	VBLADE="$tree/vblade" nice -n -10 timeout -k 20 "$guest_limit" \
	    sh tests/guest/run "$which" >"$log/guests.log" 2>&1 </dev/null &
	guests=$!
}

guests() {
	section 'guests'
	[ -n "$guests" ] || start_guests
	status=0
	wait "$guests" || status=$?
	guests=''
	[ "$status" -ne 124 ] || echo "took more than $guest_limit s" \
	    >>"$log/guests.log"
	scenarios=$(awk '/^# scenario / { s = $3 } /^not ok/ { print s }' \
	    "$log/guests.log" | sort -u)
	if [ -z "$scenarios" ] || ! noise "$log/guests.log"; then
		tap 'guests' "$log/guests.log" "$status"
		return
	fi
	# shellcheck disable=SC2086	# a list of words
	set -- $scenarios
	printf 'again   guests: %s\n' "$*"
	awk -v again="$*" '
	/^# scenario / { skip = index(again, $3) }
	/^1\.\./ { next }
	skip == 0 { print; points += /^(not )?ok/ }
	END { print "1.." points + 0 }' "$log/guests.log" >"$log/steady.log"
	tap 'guests' "$log/steady.log" 0
	unsteady guests "$log/guests.log"
	tapped 'guests, once more' guests 1500 env \
	    VBLADE="$tree/vblade" sh tests/guest/run "$@"
}
