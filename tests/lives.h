/* SPDX-License-Identifier: GPL-2.0-only */
/* How a life begins: with which options, over what the last one left.  And how
 * it ends: stopped, killed, or without power; and what then has to be left. */

/*
 * Starting.
 */
static void
new_world(const uint8_t *in, size_t size)
{
	unsigned i;

	memset(&w, 0, sizeof(w));
	memset(&m, 0, sizeof(m));
	memset(&s, 0, sizeof(s));
	memset(acked, 0, sizeof(acked));
	memset(durable, 0, sizeof(durable));
	w.in = in;
	w.end = in + size;
	w.now = INT64_C(1000000000000);
	w.cached_fd = -1;
	for (i = 0; i < M_TOTAL; i++)
		fill(w.cache.data[i], 0, i);
	w.stable = w.cache;
	w.have = M_TOTAL;
	memset(&m.k, 0, sizeof(m.k));
	keeps[0] = m.k;
	nkeeps = 1;
	kept_told = 0;
	haunted = armed = false;
	as.way = pick(6);
	as.state = pick(2) == 1;
	m.length = pick(2) == 1 ? 40 + pick(61) : 0;
	nlinks = 1 + pick(S_LINKS);
	unlink(state_path);
}

static void
choose(void)
{
	static const int errors[] = { EIO, ENOSPC, ENXIO, EROFS, ENODEV };

	m.readonly = rarely(16);
	m.stable = rarely(4);
	m.keep = rarely(8);
	m.trims = !m.readonly;
	m.wcache = !m.stable;
	m.bad_read = m.bad_write = m.bad_trim = 0;
	m.align = as.way == 4 ? 512 : as.way == 5 ? 4096 : 0;
	w.smooth = pick(2) == 0;
	w.syncs_fail = rarely(8);
	w.hangs = false;
	if (!rarely(4))
		return;
	m.bad_first = pick(M_TOTAL);
	m.bad_end = m.bad_first + 1 + pick(20);
	m.bad_whole = pick(2) == 1;
	if (rarely(2))
		m.bad_read = errors[pick(5)];
	if (rarely(2))
		m.bad_write = errors[pick(5)];
	if (rarely(4))
		m.bad_trim = errors[pick(5)];
}

/* The model goes on from what is there now. */
static void
take_over(void)
{
	unsigned i;

	memcpy(m.disk, w.cache.data, sizeof(m.disk));
	memcpy(m.ver, w.cache.ver, sizeof(m.ver));
	memcpy(acked, w.cache.ver, sizeof(acked));
	m.have = w.have;
	m.nsec = w.have - M_FIRST;
	if (m.length > 0 && m.length < m.nsec)
		m.nsec = m.length;
	m.trim_calls = w.trim_calls = 0;
	m.masked = m.reads = m.writes = m.sectors_read =
	    m.sectors_written = 0;
	clashes = 0;
	looked = 0;
	m.paid = 0;
	for (i = 0; i < MAX_REQUESTS + BATCH; i++)
		due[i] = &dues[i];
	ndue = 0;
	w.sync_failed = w.sync_told = false;
	armed = false;
	w.state_fault = SF_NONE;
	w.state_second = false;
	memset(adverts, 0, sizeof(adverts));
	memset(want, 0, sizeof(want));
}

/* Masks by -m, sometimes. */
static void
give_masks(void)
{
	unsigned i;

	given.n = rarely(6) ? 1 + pick(3) : 0;
	for (i = 0; i < given.n; i++) {
		memcpy(given.mac[i], (const uint8_t [6]){ 0x52, 0x54, 0, 0, 1,
		    (uint8_t)(2 * i) }, 6);
		mac_add(&b.t.masks, given.mac[i], MAX_MACS);
	}
}

static bool
has_state(void)
{
	struct stat st;

	return as.state && stat(state_path, &st) == 0 && st.st_size > 0;
}

static bool
as_kept(const struct m_kept *k)
{
	return b.t.nconfig == k->nconfig &&
	    memcmp(b.t.config, k->config, k->nconfig) == 0 &&
	    b.t.masks.n == k->masks.n && memcmp(b.t.masks.mac, k->masks.mac,
	    6 * (size_t)k->masks.n) == 0 && b.t.reserve.n == k->reserve.n &&
	    memcmp(b.t.reserve.mac, k->reserve.mac,
	    6 * (size_t)k->reserve.n) == 0;
}

/* What was kept is what was last answered, or one that came behind it and was
 * not answered any more. */
static void
check_kept(void)
{
	static const struct m_kept none;
	unsigned i;

	/* -m has the last word */
	for (i = 0; i < nkeeps && given.n > 0; i++)
		keeps[i].masks = given;
	if (given.n > 0)
		ghost.masks = given;
	if (!as.state) {
		m.k = none;
		m.k.masks = given;
	} else {
		for (i = kept_told; i < nkeeps && !as_kept(&keeps[i]); i++)
			;
		if (i == nkeeps && !(haunted && as_kept(&ghost)))
			broken("another state than was kept", __LINE__);
		m.k = i < nkeeps ? keeps[i] : ghost;
	}
	CHECK(as_kept(&m.k));
	keeps[0] = m.k;
	nkeeps = 1;
	kept_told = 0;
	haunted = false;
}

static void
open_blade(void)
{
	struct disk *d = &b.t.disk;
	unsigned i;

	memset(&b, 0, sizeof(b));
	for (i = 0; i < MAX_REQUESTS; i++)
		let_go(&b, &requests[i]);
	b.t.shelf = 1;
	b.t.slot = 2;
	b.t.bufcnt = 16;
	snprintf(b.t.serial, sizeof(b.t.serial), "1.2-0a1b2c3d");
	b.t.keep = m.keep;
	b.t.shared = rarely(4);
	b.verbose = rarely(4);
	b.board = b.notify.fd = -1;
	d->path = store_path;
	d->readonly = m.readonly;
	d->stable = m.stable;
	d->first = M_FIRST;
	d->length = m.length;
	disk_open(d, &b.t.count);
	w.fd = d->fd;
	d->direct = m.align > 0;
	d->align = m.align;
	if (d->direct)
		w.cached_fd = d->cached_fd = dup(d->fd);
	b.state.fd = -1;
	b.state.path = as.state ? state_path : NULL;
	give_masks();
	/* also while it mends the file; when it makes one, memory that it
	 * means to give back would be lost with it */
	if (has_state() && given.n == 0 && rarely(4))
		w.fuse = 1 + pick(5);
	state_open(&b.state, &b.t);
	w.fuse = 0;
	if (as.way == 0)
		setenv("VBLADE_IO", "sync", 1);
	else
		unsetenv("VBLADE_IO");
	queue_open(d, MAX_REQUESTS);
	ios = d->unused - (MAX_REQUESTS - 1);	/* it chains them upwards */
}

static void
start_blade(void)
{
	unsigned i;

	if (truncate(store_path, M_TOTAL * M_SECTOR) == -1)
		err(1, "%s", store_path);
	w.have = M_TOTAL;
	take_over();
	choose();
	w.fuse = 0;
	w.starting = true;
	open_blade();
	w.starting = false;
	check_kept();
	for (i = 0; i < nlinks; i++)
		set_link(i, true);
	w.fuse = pick(3) == 2 ? 1 + pick(rarely(4) ? 2000 : 150) : 0;
	got = 0;
}

/*
 * Ending.
 */
static void
close_blade(void)
{
	__wrap_net_release(NULL);
	free(ios);
	ios = NULL;
	if (b.state.fd != -1)
		close(b.state.fd);
	w.fd = w.cached_fd = -1;
}

static void
check_sectors(const uint32_t *least)
{
	static uint8_t want_bytes[M_SECTOR];
	const uint8_t *p;
	unsigned i, k;

	for (i = 0; i < M_TOTAL; i++) {
		p = w.cache.data[i];
		CHECK(w.cache.ver[i] >= least[i]);
		for (k = 0; k < M_SECTOR && p[k] == 0; k++)
			;
		if (k == M_SECTOR)
			continue;	/* given back, or cut off */
		CHECK(stamp(p) == w.cache.ver[i]);
		fill(want_bytes, stamp(p), p[4]);
		CHECK(memcmp(p, want_bytes, M_SECTOR) == 0);
	}
}

static void
restore_text(void)
{
	int fd;

	if (!as.state)
		return;
	fd = open(state_path, O_WRONLY);
	if (fd == -1 || write(fd, w.text, W_TEXT) != W_TEXT)
		err(1, "%s", state_path);
	close(fd);
	memcpy(w.text_stable, w.text, W_TEXT);
}

static void
crash(void)
{
	const bool power = pick(2) == 1;
	unsigned i;

	w.fuse = 0;
	count.starts += w.starting;
	w.starting = false;
	end_engine();
	if (power) {
		lose_power();
		restore_text();
		count.cuts++;
	} else
		count.kills++;
	for (i = 0; i < M_TOTAL; i++) {
		w.dirty[i] = !power && (w.dirty[i] || w.in_snap[i]);
		w.in_snap[i] = false;
	}
	if (!power && w.sync_failed) {
		/* the operator was told, and has looked after it */
		w.stable = w.cache;
		memset(w.dirty, 0, sizeof(w.dirty));
	}
	check_sectors(power ? durable : acked);
	if (b.t.disk.cached_fd != -1)
		close(b.t.disk.cached_fd);
	close(b.t.disk.fd);
	close_blade();
}

static void
stop(void)
{
	unsigned i;
	int r;

	w.fuse = 0;
	turn_ends();
	CHECK(ndue == 0 && w.npend == 0 && !queue_busy(&b.t.disk));
	CHECK(memcmp(w.cache.data, m.disk, sizeof(m.disk)) == 0);
	CHECK(b.t.count.masked == m.masked && b.t.count.clashes == clashes);
	if (!w.sync_failed)
		CHECK(b.t.count.reads == m.reads &&
		    b.t.count.writes == m.writes &&
		    b.t.count.sectors_read == m.sectors_read &&
		    b.t.count.sectors_written == m.sectors_written);
	count.dropped += b.t.count.busy;
	r = disk_close(&b.t.disk);
	CHECK(r == (w.sync_failed && !m.readonly ? -1 : 0));
	for (i = 0; i < M_TOTAL && r == 0 && !m.readonly; i++)
		CHECK(w.stable.ver[i] == w.cache.ver[i]);
	if (r == -1) {
		w.stable = w.cache;
		memset(w.dirty, 0, sizeof(w.dirty));
	}
	close_blade();
	count.stops++;
}
