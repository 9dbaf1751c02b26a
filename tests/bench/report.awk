# Read the bench's table, the machine's description and the runs; print what
# was found and write the charts' data into the directory dir.

function trim(s)
{
	gsub(/^[ \t]+|[ \t]+$/, "", s)
	return s
}

# ---- reading ----

FNR == 1 { nfile++; FS = nfile == 1 ? "|" : nfile == 2 ? "\t" : ","; $0 = $0 }

nfile == 1 && trim($1) == "load" {
	loads[++nloads] = trim($2)
	title[trim($2)] = trim($3)
}

nfile == 1 && trim($1) == "goal" {
	g = ++ngoals
	gload[g] = trim($2)
	gmetric[g] = trim($3)
	split(trim($4), word, " ")
	ghow[g] = word[1]
	gless[g] = word[2] == "<"
	gmust[g] = trim($5)
	ghope[g] = trim($6)
}

nfile == 2 {
	machine[++nmachine] = $0
	if ($1 == "A" || $1 == "B")
		peer[$1] = $2
}

nfile == 3 && FNR == 1 {
	for (i = 1; i <= NF; i++)
		column[i] = $i
	next
}

nfile == 3 {
	tried[$1] = 1
	who = $3 == "C" ? $4 : $3
	if ($2 > npairs)
		npairs = $2
	if ($3 == "B")
		other[$1] = $4
	for (i = 5; i <= NF; i++)
		if ($i != "") {
			run[$1, who, column[i], $2] = $i
			seen[$1, who, column[i]]++
			any[$1] = 1
		}
}

# ---- statistics ----

# Sort v[1..n], return the median; min and max are v[1] and v[n].
function median(v, n,	i, j, t)
{
	for (i = 2; i <= n; i++) {
		t = v[i]
		for (j = i - 1; j > 0 && v[j] > t; j--)
			v[j + 1] = v[j]
		v[j + 1] = t
	}
	return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}

# Of n values: sets med, lo, hi; returns n.
function spread(v, n)
{
	if (n == 0)
		return 0
	med = median(v, n)
	lo = v[1]
	hi = v[n]
	return n
}

# All runs of a peer.  Sets med, lo, hi; returns how many.
function values(load, who, metric,	p, n, v)
{
	n = 0
	for (p = 1; p <= npairs; p++)
		if ((load, who, metric, p) in run)
			v[++n] = run[load, who, metric, p] + 0
	return spread(v, n)
}

# A divided by B, pair by pair.  Likewise.
function ratios(load, metric,	p, n, v, b)
{
	n = 0
	for (p = 1; p <= npairs; p++) {
		if (!((load, "A", metric, p) in run) ||
		    !((load, "B", metric, p) in run))
			continue
		b = run[load, "B", metric, p] + 0
		if (b > 0)
			v[++n] = run[load, "A", metric, p] / b
	}
	return spread(v, n)
}

# ---- printing ----

# What a metric is called where people read it.
function say(metric)
{
	return metric in called ? called[metric] : metric
}

function name_metrics(	i, n, pair, list)
{
	n = split("cpu_us=cpu us,rate=requests/s,p50_us=median us," \
	    "p99_us=p99 us,second_p50_us=uncached median," \
	    "second_p99_us=uncached p99,left=rate left," \
	    "socket_ns=ns per socket,rss_mib=resident MiB", list, ",")
	for (i = 1; i <= n; i++) {
		split(list[i], pair, "=")
		called[pair[1]] = pair[2]
	}
}

# A peer's name for the charts' keys, without what is in brackets.
function who_is(side,	s)
{
	s = peer[side]
	sub(/ *\(.*/, "", s)
	return s
}

function short(x)
{
	if (x >= 9999.5)
		return sprintf("%.1fk", x / 1000)
	if (x >= 999.5)
		return sprintf("%.2fk", x / 1000)
	if (x >= 99.5)
		return sprintf("%.0f", x)
	return x >= 9.95 ? sprintf("%.1f", x) : sprintf("%.2f", x)
}

function cell(load, who, metric)
{
	if (!values(load, who, metric))
		return "-"
	return short(med) " (" short(lo) "-" short(hi) ")"
}

function limit(g, v)
{
	return v == "-" ? "-" : (gless[g] ? "<=" : ">=") " " v
}

function holds(g, x, v)
{
	return v != "-" && (gless[g] ? x <= v + 0 : x >= v + 0)
}

function verdict(g, x)
{
	if (gmust[g] == "-")
		return ""
	if (holds(g, x, ghope[g]))
		return "hope"
	return holds(g, x, gmust[g]) ? "must" : "MISSED"
}

# Up is better, for the chart.
function better(g, x)
{
	if (x == "-" || x + 0 == 0)
		return "-"
	return gless[g] ? 1 / x : x
}

function goal(g,	load, x, shown)
{
	load = gload[g]
	if (!(load in tried))
		return
	if (load != said) {
		printf "\n%-4s%s\n", load, title[load]
		said = load
	}
	if (!values(load, "A", gmetric[g]) || (ghow[g] == "ratio" &&
	    !ratios(load, gmetric[g]))) {
		if (gmust[g] != "-") {
			ntried++
			nmissed++
		}
		printf "    %-20s%s\n", say(gmetric[g]),
		    "no figure" (gmust[g] == "-" ? "" : ": MISSED")
		return
	}
	if (ghow[g] == "value") {
		values(load, "A", gmetric[g])
		x = hi
		shown = short(x) " at worst"
	} else {
		x = med
		shown = sprintf("%.2f (%.2f-%.2f)", med, lo, hi)
		printf "%s %s\t%s\t%s\t%s\n", load, say(gmetric[g]),
		    better(g, x), better(g, gmust[g]),
		    better(g, ghope[g]) >(dir "/goals.dat")
	}
	v = verdict(g, x)
	if (v == "MISSED")
		nmissed++
	if (v != "")
		ntried++
	printf "    %-20s%-23s%-23s%-19s%-8s%-8s%s\n", say(gmetric[g]),
	    cell(load, "A", gmetric[g]), cell(load, "B", gmetric[g]), shown,
	    limit(g, gmust[g]), limit(g, ghope[g]), v
}

function figures(load, who, label)
{
	if (!((load, who, "rate") in seen))
		return
	printf "%-8s%-10s%-24s%-22s%-22s%-9s%-7s%s\n", load, label,
	    cell(load, who, "rate"), cell(load, who, "cpu_us"),
	    cell(load, who, "p50_us"), number(load, who, "p99_us"),
	    number(load, who, "resent"), number(load, who, "others")
}

function number(load, who, metric)
{
	return values(load, who, metric) ? short(med) : "-"
}

function rate(load, who)
{
	return values(load, who, "rate") ? sprintf("%.0f", med) : "-"
}

function heading(s)
{
	printf "\n%s\n", s
	gsub(/./, "-", s)
	print s
}

function is_context(load)
{
	return load == "reads" || load == "writes"
}

function head_figures()
{
	printf "%-8s%-10s%-24s%-22s%-22s%-9s%-7s%s\n", "load", "target",
	    "requests/s", "cpu us/request", "median us", "p99 us", "resent",
	    "others"
}

END {
	name_metrics()
	print "load\tmeasured\tmust\thope" >(dir "/goals.dat")
	print "load\t" who_is("A") "\t" who_is("B") "\tno file\tdisk alone" \
	    >(dir "/figures.dat")
	print "load\t" who_is("A") "\t" who_is("B") "\tnbdkit" \
	    >(dir "/context.dat")

	for (i = 1; i <= nmachine; i++) {
		split(machine[i], word, "\t")
		printf "%-8s%s\n", word[1], word[2]
	}

	heading("A beside B: medians (least-most), and A/B pair by pair")
	printf "    %-20s%-23s%-23s%-19s%-8s%s\n", "", "A", "B", "A/B",
	    "must", "hope"
	for (g = 1; g <= ngoals; g++)
		goal(g)
	printf "\n%d of %d that must be reached are: %s\n", ntried - nmissed,
	    ntried, nmissed ? nmissed " MISSED" : "all"

	heading("Figures")
	head_figures()
	for (i = 1; i <= nloads; i++) {
		load = loads[i]
		if (is_context(load) || !(load in any))
			continue
		figures(load, "A", "A")
		floored = other[load] == "nofile"
		figures(load, "B", floored ? "nofile" : "B")
		figures(load, "disk", "disk")
		if ((load, "A", "rate") in seen)
			printf "%s\t%s\t%s\t%s\t%s\n", load,
			    rate(load, "A"), floored ? "-" : rate(load, "B"),
			    floored ? rate(load, "B") : "-",
			    rate(load, "disk") >(dir "/figures.dat")
	}
	print ""
	print "others: processors that were busy beside load and target:" \
	    " other programs,"
	print "and what the kernel does for the disk in threads of its own"
	if ("7r" in any)
		print "disk: fio on the file itself, O_DIRECT, as many in" \
		    " flight; no network, no target"

	if (!("reads" in any) && !("writes" in any))
		exit
	heading("What one might take instead: 4 KiB, MTU 9000, 16 at a time")
	head_figures()
	for (i = 1; i <= nloads; i++) {
		load = loads[i]
		if (!is_context(load) || !(load in any))
			continue
		figures(load, "A", "A")
		figures(load, "B", "B")
		figures(load, "nbdkit", "nbdkit")
		printf "%s\t%s\t%s\t%s\n", load == "reads" ? \
		    "cached reads" : "synced writes", rate(load, "A"),
		    rate(load, "B"), rate(load, "nbdkit") >(dir "/context.dat")
	}
	print ""
	print "nbdkit: file plugin, asked by fio's nbd engine over TCP on the" \
	    " same interfaces;"
	print "for writes its fua filter syncs each"
}
