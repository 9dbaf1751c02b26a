/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From turn to turn of main.c's loop: what arrives and what has to come of it,
 * what else happens while it waits, and what has to be so whenever it does.
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
