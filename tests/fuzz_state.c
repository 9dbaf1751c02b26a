/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A blade's whole life, over and over: main.c's loop over the real aoe.c,
 * ata.c, queue.c, disk.c, state.c and clash.c, in a world that is made of
 * choices, beside a model that knows what every answer, the store and the
 * state file have to be.  The input is the choices: what arrives by which
 * link from whom, what completes when and with which outcome, when the
 * process is killed or the power goes.
 *
 *	fuzz_state FILE|DIRECTORY...	run these inputs
 *	fuzz_state -r N [-s SEED]	lives of N frames together
 */

#undef _FORTIFY_SOURCE		/* its inline functions would go around us */

int	vblade_main(int, char **);
#define main	vblade_main
/* NOLINTNEXTLINE(bugprone-suspicious-include): its loop is what runs here */
#include "main.c"
#undef main

#include "world.h"
#include "senders.h"
#include "judge.h"

enum { LIVES = 12 };

/*
 * From turn to turn.
 */

/* The size is looked at again: at once, or unless that has just been done. */
static void
look(bool at_once)
{
	uint64_t nsec = w.have > M_FIRST ? w.have - M_FIRST : 0;
	unsigned i;

	if (!at_once && w.now - looked < 100 * 1000000)
		return;
	looked = w.now;
	if (m.length > 0 && m.length < nsec)
		nsec = m.length;
	if (nsec == m.nsec)
		return;
	m.nsec = nsec;
	for (i = 0; i < nlinks; i++)
		want[i] = true;
}

/* Not so near to that time, nor to one from which one more change can be kept,
 * that a call more or less decides. */
static void
off_the_edge(void)
{
	const int64_t each = M_CHANGE_MS * INT64_C(1000000);
	const int64_t edge = 2000000;
	int64_t left, change;

	for (;;) {
		left = looked + 100 * 1000000 - w.now;
		change = m.paid > w.now ? (m.paid - w.now) % each : each / 2;
		if ((left <= -edge || left >= edge) && change > edge &&
		    change < each - edge)
			return;
		w.now += 5 * 1000000;
	}
}

/* Adverts that were wanted go at the next wait, or when somebody asks. */
static void
wanted_now(void)
{
	unsigned i;

	for (i = 0; i < nlinks; i++) {
		advert_due[i] |= want[i];
		want[i] = false;
	}
}

static void
check_adverts(void)
{
	unsigned i, each = m.k.masks.n > 0 ? m.k.masks.n : 1;

	for (i = 0; i < nlinks; i++) {
		CHECK(adverts[i] == (advert_due[i] && links[i].up ? each : 0));
		if (links[i].up)
			advert_due[i] = false;
		adverts[i] = 0;
	}
}

/* All that came in has been dealt with, or is with the disk. */
static void
turn_ends(void)
{
	unsigned i;

	CHECK(nheld == 0);
	check_adverts();
	for (i = 0; i < ndue; i++)
		if (!due[i]->e.disk) {
			current = due[i];
			broken("it is not answered", __LINE__);
		}
	CHECK(ndue + (unsigned)b.nunused == MAX_REQUESTS);
	w.sync_told = w.sync_failed;
	keeps[0] = keeps[nkeeps - 1];
	nkeeps = 1;
	kept_told = 0;
	if (haunted && (!ghost_stays || ghost_goes))
		haunted = false;
	if (ndue == 0 && (over() || w.calls % 8 == 0))
		CHECK(memcmp(w.cache.data, m.disk, sizeof(m.disk)) == 0);
}

/* A change that the state file does not take is not made. */
static void
not_kept(struct due *d, const struct m_kept *before)
{
	ghost = m.k;
	haunted = true;
	ghost_stays = w.state_fault == SF_BOTH;
	ghost_goes = false;
	m.k = *before;
	d->e.changed = false;
	armed = false;
	m_error(&d->e, 3, 24);
	count.unkept++;
}

/* Nor is one too many for it: that is refused before it is tried. */
static void
not_afforded(struct due *d, const struct m_kept *before)
{
	m.k = *before;
	d->e.changed = false;
	m_error(&d->e, 3, 24);
	count.throttled++;
}

static void
count_kind(const struct sent *x)
{
	count.frames++;
	if (x->len < 28)
		return;
	count.config += x->f[19] == 1;
	count.masks += x->f[19] == 2;
	count.reserve += x->f[19] == 3;
	if (x->f[19] != 0)
		return;
	count.ata++;
	count.reads += m_one_of(x->f[27], "20 24 25 c8 ");
	count.writes += m_one_of(x->f[27], "30 34 35 3d ca ");
	count.flushes += m_one_of(x->f[27], "e7 ea e0 94 e2 96 ");
	count.trims += x->f[27] == 6;
}

static void
count_clash(const struct sent *x)
{
	static const uint8_t ones[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	const uint8_t *f = x->f;
	unsigned i;

	if (b.t.shared || x->len < 24 || m_be16(f + 12) != 0x88a2 ||
	    (memcmp(f, ml[x->link].mac, 6) != 0 && memcmp(f, ones, 6) != 0) ||
	    (f[6] & 1) != 0 || (f[14] & 8) == 0 || f[19] != 1 ||
	    m_be16(f + 16) != 1 || f[18] != 2)
		return;
	for (i = 0; i < nlinks; i++)
		if (memcmp(f + 6, ml[i].mac, 6) == 0)
			return;
	clashes++;
}

/* What has to come of it; free requests are left when it comes. */
static bool
expect(const struct sent *x, unsigned left)
{
	static struct m_kept before;
	struct due *d = due[ndue];
	const bool may_change = x->len >= 24 && x->f[19] >= 1 && x->f[19] <= 3;
	unsigned i;

	if (may_change)
		before = m.k;
	m.seq = s.seq;
	m.full = left <= SPARE_REQUESTS;
	model_serve(&m, &ml[x->link], x->f, x->len, &d->e);
	d->tag = x->tag;
	d->link = x->link;
	d->len = x->len;
	memcpy(d->f, x->f, sizeof(d->f));
	d->change = 0;
	d->tried = d->e.changed;
	count_kind(x);
	count_clash(x);
	if (d->e.changed && as.state && !m_affords(&m, w.now))
		not_afforded(d, &before);
	if (d->e.changed && as.state && armed)
		not_kept(d, &before);
	if (d->e.changed) {
		ghost_goes = true;
		d->change = nkeeps;
		keeps[nkeeps++] = m.k;
		count.changes++;
	}
	if (d->e.silent) {
		count.silent++;
		return false;
	}
	if (d->e.disk)
		for (i = 0; i < M_TOTAL; i++)
			d->need[i] = d->e.flushes || m.ver[i] == m.seq ?
			    m.ver[i] : 0;
	ndue++;
	return true;
}

static bool
any_up(unsigned *link)
{
	unsigned i, at = pick(nlinks);

	for (i = 0; i < nlinks; i++) {
		*link = (at + i) % nlinks;
		if (links[*link].up)
			return true;
	}
	return false;
}

/* One frame in memory of its own, so that a sanitizer sees both ends, and
 * whoever reads it after its time. */
static void
hand_over(struct frame *f, const struct sent *x)
{
	uint8_t *p = malloc(x->len > 0 ? x->len : 1);

	if (p == NULL)
		err(1, "memory");
	memcpy(p, x->f, x->len);
	held[nheld++] = p;
	*f = (struct frame){
		.data = p,
		.len = x->len,
		.link = &links[x->link],
		.when_ns = w.now,
	};
}

WRAP(int, net_recv(struct net *net, struct frame *f, int max,
    struct counters *c))
{
	static struct sent x;
	static const unsigned sizes[] = { 0, 1, 1, 1, 2, 5, 12, BATCH };
	unsigned left = (unsigned)b.nunused, link, n, i;
	bool asked = false, quick;

	(void)net;
	(void)c;
	turn_ends();
	if (over()) {
		got |= GOT_STOP;
		w.hangs = false;
		return 0;
	}
	n = sizes[pick(8)];
	quick = n == BATCH;
	if (as.state && !haunted && !armed && rarely(16)) {
		w.state_fault = 1 + pick(SF_KINDS - 1);
		armed = true;
	}
	if (w.hangs && n > 0)
		n = BATCH;
	/* a write beyond the end of the file makes what is before it
	 * readable, and that has no order */
	if (n > 1 && m.have < M_FIRST + m.nsec)
		n = 1;
	if (n > (unsigned)max)
		n = (unsigned)max;
	off_the_edge();
	for (i = 0; i < n && !over() && any_up(&link); i++) {
		s_make(&x, link, quick);
		hand_over(&f[i], &x);
		if (x.len >= 36 && x.f[19] == 0 && x.f[27] == 0xec) {
			look(true);
			asked = true;
		}
		if (!expect(&x, left))
			continue;
		left--;
		asked |= x.f[19] == 1 && !due[ndue - 1]->tried;
	}
	if (asked) {
		look(false);
		wanted_now();
	}
	return (int)i;
}

WRAP(void, net_release(struct net *net))
{
	(void)net;
	while (nheld > 0)
		free(held[--nheld]);
}

WRAP(int, net_links(struct net *net, struct link **l))
{
	(void)net;
	*l = links;
	return (int)nlinks;
}

WRAP(int, net_pollfds(struct net *net, struct pollfd *fds))
{
	(void)net;
	fds[0] = (struct pollfd){ .fd = 1001, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = 1002, .events = POLLIN };
	return 2;
}

WRAP(bool, net_waits(const struct net *net))
{
	(void)net;
	return false;
}

WRAP(void, net_stats(struct net *net, struct counters *c))
{
	(void)net;
	(void)c;
}

static void
set_link(unsigned i, bool first)
{
	static const unsigned mtus[] = { 1500, 9000, 576, 100, 4132, 1514 };
	const unsigned mtu = mtus[pick(6)];

	links[i].mtu = ml[i].mtu = mtu;
	if (first || rarely(4))
		memcpy(ml[i].mac, (const uint8_t [6]){ 0x52, 0x54, 0, 0, 0,
		    (uint8_t)(2 + i + 8 * pick(2)) }, 6);
	if (nlinks == 1 && rarely(8))
		memset(ml[i].mac, 0, 6);	/* the loopback interface */
	memcpy(links[i].mac, ml[i].mac, 6);
	links[i].up = !rarely(4);
	links[i].news = advert_due[i] = true;
}

WRAP(void, net_refresh(struct net *net))
{
	(void)net;
	set_link(pick(nlinks), false);
	look(false);
	wanted_now();
}

static void
new_size(void)
{
	const uint64_t have = 2 + pick(M_TOTAL - 1);
	uint64_t i;

	if (as.way != 0 || ndue > 0)
		return;
	count.resizes++;
	resize(have);
	for (i = have; i < M_TOTAL; i++) {
		memset(m.disk + i * M_SECTOR, 0, M_SECTOR);
		m.ver[i] = acked[i] = durable[i] = 0;
	}
	m.have = have;
}

static int
event(struct pollfd *fds, const struct timespec *timeout)
{
	switch (pick(10)) {
	case 1:
		fds[1].revents = POLLIN;
		break;
	case 2:
		got |= GOT_HUP;
		look(true);
		return (int)fails(EINTR);
	case 3:
		got |= pick(2) == 1 ? GOT_USR : GOT_QUIET;
		return (int)fails(EINTR);
	case 4:
		w.now += 10000000 * (int64_t)pick(256);
		break;
	case 5:
	case 6:
		if (timeout == NULL)
			break;
		w.now += timeout->tv_sec * 1000000000 + timeout->tv_nsec;
		return 0;
	case 7:
		w.hangs = as.way != 0 && pick(2) == 1;
		break;
	case 8:
		new_size();
		break;
	}
	return 1;
}

int
ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
    const sigset_t *set)
{
	unsigned i;
	int r = 1;

	(void)n;
	(void)set;
	tick();
	turn_ends();
	off_the_edge();
	if (over()) {
		got |= GOT_STOP;
		w.hangs = false;
		for (i = 0; i < w.npend; i++)
			CHECK(w.pend[i].submitted);
	} else
		r = event(fds, timeout);
	off_the_edge();
	for (i = 0; i < nlinks; i++)
		want[i] |= (got & GOT_HUP) != 0;
	wanted_now();
	return r;
}

/* What the operator is told: that it can be told. */
/* NOLINTNEXTLINE(bugprone-reserved-identifier): the linker's name */
void	__wrap_log_event(enum log_level, const char *, ...)
	    __attribute__((format(printf, 2, 3)));
/* NOLINTNEXTLINE(bugprone-reserved-identifier): the linker's name */
void	__wrap_log_answer(const char *, ...)
	    __attribute__((format(printf, 1, 2)));

void
__wrap_log_event(enum log_level level, const char *fmt, ...)
{
	char line[LOG_LINE];
	va_list ap;

	(void)level;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
}

void
__wrap_log_answer(const char *fmt, ...)
{
	char line[LOG_LINE];
	va_list ap;

	va_start(ap, fmt);
	CHECK(vsnprintf(line, sizeof(line), fmt, ap) < LOG_LINE);
	va_end(ap);
}

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

static void
make_files(void)
{
	int fd;

	snprintf(dir, sizeof(dir), "/dev/shm/fuzz_state.XXXXXX");
	if (mkdtemp(dir) == NULL) {
		snprintf(dir, sizeof(dir), "/tmp/fuzz_state.XXXXXX");
		if (mkdtemp(dir) == NULL)
			err(1, "%s", dir);
	}
	snprintf(store_path, sizeof(store_path), "%s/store", dir);
	snprintf(state_path, sizeof(state_path), "%s/state", dir);
	fd = open(store_path, O_RDWR | O_CREAT, 0600);
	if (fd == -1)
		err(1, "%s", store_path);
	close(fd);
	atexit(clean_up);
	make_requests(&b);
	requests = b.unused - (MAX_REQUESTS - 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t size)
{
	static sigset_t waiting;
	static unsigned lives;

	if (requests == NULL)
		make_files();
	new_world(in, size);
	w.live = true;
	for (lives = 0; lives < LIVES; lives++) {
		if (setjmp(w.power) == 0) {
			start_blade();
			tell_news(&b);
			serve(&b, &waiting);
			stop();
		} else
			crash();
		if (over())
			break;
	}
	w.live = false;
	answered = count.answers;
	return 0;
}

#ifndef LIBFUZZER

static void
run_random(unsigned long n)
{
	static uint8_t in[16384];
	size_t i, len;

	while (count.frames < n) {
		life_seed = seed;
		len = 256 + random_below(random_below(sizeof(in) - 256) + 1);
		for (i = 0; i < len; i++)
			in[i] = (uint8_t)random_below(256);
		LLVMFuzzerTestOneInput(in, len);
	}
#define SHOW(name)	printf(" " #name " %lu", count.name)
	printf("%lu frames, %lu answered:", count.frames, count.answers);
	SHOW(silent);
	SHOW(errors);
	SHOW(ata);
	SHOW(reads);
	SHOW(writes);
	SHOW(flushes);
	SHOW(trims);
	SHOW(config);
	SHOW(masks);
	SHOW(reserve);
	SHOW(changes);
	SHOW(unkept);
	SHOW(throttled);
	SHOW(adverts);
	SHOW(kills);
	SHOW(cuts);
	SHOW(starts);
	SHOW(stops);
	SHOW(dropped);
	SHOW(resizes);
	printf("\n");
}

#endif
