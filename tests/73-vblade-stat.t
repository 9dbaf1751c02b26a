#!/bin/sh
# vblade-stat and vblade-metrics on real blades: what they show is what was
# asked of the blades.
# shellcheck source=SCRIPTDIR/tap.sh
. "$(dirname "$0")/tap.sh"

network 1500
[ "$(uname -s)" = Linux ] || skip_all 'needs Linux'
have python3 || skip_all 'needs python3'
mkdir "$T/bin"
cp "$TOP/contrib/vblade-stat/vblade-stat" \
    "$TOP/contrib/prometheus/vblade-metrics" "$T/bin"
ln "$VBLADE" "$T/bin/vblade" 2>/dev/null || cp "$VBLADE" "$T/bin/vblade"
stat=$T/bin/vblade-stat

truncate -s 1M "$T/one" "$T/two"
start_blade 9 1 "$TIF" "$T/one"
one=$BLADE_PID one_err=$BLADE_ERR
start_blade -r 9 2 "$TIF" "$T/two"
two=$BLADE_PID
[ -n "$(find "/proc/$one/fd" -lname '/memfd:vblade *')" ] ||
	skip_all 'this blade has no file in memory'
[ "$(cat "/proc/$one/comm")" = vblade ] || skip_all 'it runs under another name'

raw() {		# PID
	"$stat" -r | grep "^pid=$1 " | tee "$T/line"
}

ini stamp e9.1 0 200 1
ini read e9.2 0 20 >"$T/data"
raw "$one" >/dev/null
is 'the first: its writes' "$(value_of writes "$T/line")" 100
is 'the first: its sectors' "$(value_of sectors_written "$T/line")" 200
is 'the first: its first reading' "$(value_of readings "$T/line")" 1
raw "$two" >/dev/null
is 'the second: its reads' "$(value_of reads "$T/line")" 10
is 'the second: a reading each time' "$(value_of readings "$T/line")" 2
is 'nothing is said on stderr' "$(grep -c counters "$one_err")" 0

# A table: the one before has counted from the start, the next what came after.
tables() {	# SECONDS: two of them, and 500 reads of one kB in between
	begin=$(date +%s%N)
	rm -f "$T/table"	# of the time before
	"$stat" -i "$1" -c 2 >"$T/table" &
	pid=$!
	wait_for 10 grep -q '^e9.2 ' "$T/table" || :
	ini read e9.1 0 1000 >"$T/data"
	took=$((($(date +%s%N) - begin) / 1000000))
	wait "$pid"
	most=$((500 / $1)) least=$((500000000000 / ($(date +%s%N) - begin)))
}
# The reads have to be over before the second one can have begun.
for n in 1 3 9; do
	tables $n
	[ "$took" -ge $((n * 1000)) ] || break
done
cell() {	# TABLE BLADE COLUMN
	awk -v t="$1" -v b="$2" -v c="$3" '
	    $1 == "Blade" { n++; for (i = 1; i <= NF; i++) at[$i] = i }
	    n == t && $1 == b && $2 == pid { print $at[c] }' \
	    pid="$4" "$T/table"
}
ok 'since the start: writes' \
    test "$(cell 1 e9.1 w/s "$one" | cut -d. -f1)" -gt 0
is 'in the interval: none' "$(cell 2 e9.1 w/s "$one")" 0.00
rate=$(cell 2 e9.1 r/s "$one" | cut -d. -f1)
ok "in the interval: $least to $most reads a second ($rate)" \
    test "$rate" -ge "$least" -a "$rate" -le "$most"
rate=$(cell 2 e9.1 rkB/s "$one" | cut -d. -f1)
ok "in the interval: $least to $most kB a second ($rate)" \
    test "$rate" -ge "$least" -a "$rate" -le "$most"
like 'they took some time' "$(cell 2 e9.1 r_await "$one")" '^[0-9]+\.[0-9]+$'
is 'the other one was idle' "$(cell 2 e9.2 r/s "$two")" 0.00

# A blade that has been stopped does not answer, and the others do.
kill -STOP "$two"
"$stat" -r >"$T/out" 2>"$T/err"
like 'one that is stopped is named' "$(cat "$T/err")" \
    "process $two does not answer"
ok 'the other one is shown' grep -q "^pid=$one " "$T/out"
kill -CONT "$two"

# A process may have a name that is no text; and who reads may have enough.
python3 -c 'import ctypes, time
ctypes.CDLL(None).prctl(15, b"\377", 0, 0, 0)
print(flush=True)
time.sleep(60)' >"$T/named" &
named=$!
TAP_PIDS="$TAP_PIDS $named"
ok 'a process with an odd name' wait_for 20 test -s "$T/named"
exits 'is none of ours' 0 "$stat" -r
kill "$named"
reap "$named"
"$stat" -i 0.01 2>"$T/err" | head -n 1 >"$T/out"
like 'a reader that goes gets its line' "$(cat "$T/out")" '^Blade '
unlike 'and nothing is said of it' "$(cat "$T/err")" 'Error'
exits 'a wrong interval' 2 "$stat" -i 0
exits 'one that never ends' 2 "$stat" -i inf
exits 'a wrong count' 2 "$stat" -i 1 -c 0
exits 'a count of one table' 2 "$stat" -c 3

# Metrics
exits 'metrics to a file' 0 "$T/bin/vblade-metrics" "$T/vblade.prom"
grep "pid=\"$one\"" "$T/vblade.prom" >"$T/mine"
ok 'the first: its writes' grep -q \
    '^vblade_writes_total{blade="e9.1",pid="[0-9]*"} 100$' "$T/mine"
all=$(sed -n 's/^vblade_request_seconds_bucket{.*op="read",le="+Inf"} //p' \
    "$T/mine")
is 'all buckets are the count' "$all" \
    "$(sed -n 's/^vblade_reads_total.* //p' "$T/mine")"
ok 'nothing is left beside it' test ! -e "$T/vblade.prom.new"
is 'all may read it' "$(stat -c %a "$T/vblade.prom")" 644
if have promtool; then
	promtool check metrics <"$T/vblade.prom" >"$T/lint" 2>&1 || :
	is 'promtool finds nothing' "$(cat "$T/lint")" ''
else
	skip 'promtool finds nothing' 'no promtool'
fi

# And a node_exporter that serves them.
if have prometheus-node-exporter; then
	mkdir "$T/textfile"
	cp "$T/vblade.prom" "$T/textfile/"
	ip -n "$TNS" link set lo up
	ip netns exec "$TNS" prometheus-node-exporter \
	    --web.listen-address=127.0.0.1:9100 --collector.disable-defaults \
	    --collector.textfile --collector.textfile.directory="$T/textfile" \
	    >"$T/exporter.log" 2>&1 &
	exporter=$!
	TAP_PIDS="$TAP_PIDS $exporter"
	# shellcheck disable=SC2317,SC2329	# called by wait_for
	scrape() {
		in_target python3 -c 'import urllib.request as u
print(u.urlopen("http://127.0.0.1:9100/metrics", None, 5).read().decode())' \
		    >"$T/scraped" 2>/dev/null
	}
	wait_for 20 scrape || diag "$(tail -n 3 "$T/exporter.log")"
	grep "^vblade_.*pid=\"$one\"" "$T/scraped" | sort >"$T/served"
	ok 'node_exporter serves the metrics of the first' test -s "$T/served"
	is 'as many as there are' "$(wc -l <"$T/served")" \
	    "$(wc -l <"$T/mine")"
	ok 'its writes among them' grep -q \
	    '^vblade_writes_total{.*blade="e9.1".* 100$' "$T/served"
	ok 'and has no complaint' grep -q '^node_textfile_scrape_error 0$' \
	    "$T/scraped"
	kill "$exporter"
	reap "$exporter"
else
	skip 'node_exporter' 'no prometheus-node-exporter'
fi
stop_blade "$one"
stop_blade "$two"
# Beside one that goes on since an upgrade, the new program may count more.
mkdir "$T/mixed"
cp "$T/bin/vblade-metrics" "$T/mixed/"
cat >"$T/mixed/vblade-stat" <<'END'
#!/bin/sh
echo pid=7 shelf=9 slot=1 sectors=8 reads=1 queued=0 queued_max=1
echo pid=8 shelf=9 slot=2 sectors=8 reads=2 puffs=3 queued=0 queued_max=1
END
chmod 755 "$T/mixed/vblade-stat"
exits 'blades of two versions' 0 "$T/mixed/vblade-metrics"
is 'what both count' "$(printf '%s\n' "$OUT" | grep -c '^vblade_reads_total{')" 2
is 'what one of them counts' "$(printf '%s\n' "$OUT" | grep '^vblade_puffs')" \
    'vblade_puffs_total{blade="e9.2",pid="8"} 3'
exits 'without blades: no metrics, no failure' 0 \
    "$T/bin/vblade-metrics" "$T/vblade.prom"
unlike 'and none of those that have ended' "$(cat "$T/vblade.prom")" \
    "pid=\"($one|$two)\""

done_testing
