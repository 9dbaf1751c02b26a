/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is due to whom: the answers that the model expects, and what they
 * promise.  Whatever the blade sends comes by here.
 */

enum { BATCH = 64 };

/* What has arrived and is to be answered. */
struct due {
	struct expect	e;
	uint32_t	tag;
	unsigned	link;
	uint32_t	need[M_TOTAL];	/* on the store, says the answer */
	bool		tried;		/* to change something */
	unsigned	change;		/* which of this turn's; 0: none */
	size_t		len;
	uint8_t		f[64];
};

static struct blade	b;
static struct request	*requests;
static struct io	*ios;		/* the queue's */
static struct link	links[S_LINKS];
static struct due	dues[MAX_REQUESTS + BATCH], *due[MAX_REQUESTS + BATCH];
static unsigned		ndue;
static uint8_t		*held[BATCH];	/* frames that the blade looks at */
static unsigned		nheld;
static char		dir[32];

/* How it was started. */
static struct {
	unsigned	way;		/* 0: without an engine */
	bool		state;
} as;

/* What is promised. */
static struct m_list	given;		/* -m */
static uint32_t		acked[M_TOTAL], durable[M_TOTAL];
static struct m_kept	keeps[BATCH + 1];	/* of this turn, in order */
static unsigned		nkeeps, kept_told;
static struct m_kept	ghost;		/* refused, may be there all the same */
static bool		haunted, armed, ghost_stays, ghost_goes;
static bool		want[S_LINKS], advert_due[S_LINKS];
static unsigned		adverts[S_LINKS];
static int64_t		looked;
static uint64_t		clashes;
static bool		untrue;		/* the answer, as it came too soon */

static struct {
	unsigned long	frames, silent, answers, ata, reads, writes, flushes,
			trims, config, masks, reserve, changes, unkept,
			throttled, adverts, kills, cuts, starts, stops,
			dropped, resizes, errors;
} count;

/*
 * Going wrong.
 */
static const struct due	*current;
static const struct frame *current_reply;
static uint64_t		life_seed;

static void
dump(const char *what, const uint8_t *p, size_t len)
{
	size_t i;

	fprintf(stderr, "%s of %zu bytes:", what, len);
	for (i = 0; i < len && i < 64; i++)
		fprintf(stderr, "%s%02x", i % 4 == 0 ? " " : "", p[i]);
	fprintf(stderr, "\n");
}

static void
clean_up(void)
{
	if (dir[0] == '\0')
		return;
	if (w.live)		/* it said why, by err or errx */
		broken("nothing makes it leave", __LINE__);
	unlink(store_path);
	unlink(state_path);
	rmdir(dir);
}

static _Noreturn void
broken(const char *what, int line)
{
	w.live = false;
	fprintf(stderr, "line %d: not so: %s\n", line, what);
	if (current != NULL) {
		fprintf(stderr, "link %u, mtu %u, ", current->link,
		    ml[current->link].mtu);
		dump("request", current->f, current->len);
		if (!current->e.silent)
			dump("wanted", current->e.reply, current->e.len);
	}
	if (current_reply != NULL)
		dump("reply", current_reply->data, current_reply->len);
	fprintf(stderr, "way %u, %lu calls, %lu frames; again: -r 1 -s %#llx\n",
	    as.way, w.calls, count.frames, (unsigned long long)life_seed);
	clean_up();
	abort();
}

/*
 * Looking at answers.
 */
static void
check_advert(const struct frame *f, unsigned link)
{
	static const uint8_t ones[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	static struct expect e;

	m_header(&ml[link], f->data, &e);
	e.reply[19] = 1;
	m_config(&m, &ml[link], 0, &e);
	CHECK(f->len == e.len && memcmp(f->data, e.reply, e.len) == 0);
	CHECK(m.k.masks.n > 0 ? m_find(&m.k.masks, f->data) != -1 :
	    memcmp(f->data, ones, 6) == 0);
	adverts[link]++;
	count.adverts++;
}

static void
check_query(const struct frame *f, unsigned link)
{
	static const uint8_t want_bytes[] = {
		0x88, 0xa2, 0x10, 0, 0, 1, 2, 1
	};
	size_t i;

	CHECK(!b.t.shared && f->len == 60);
	for (i = 0; i < 6; i++)
		CHECK(f->data[i] == 0xff);
	CHECK(memcmp(f->data + 6, ml[link].mac, 6) == 0);
	CHECK(memcmp(f->data + 12, want_bytes, 8) == 0);
	CHECK((f->data[20] & 0x80) != 0);
	for (i = 24; i < 60; i++)
		CHECK(f->data[i] == 0);
}

static bool
is_reply(const struct due *d, const struct frame *f, const uint8_t *want_bytes,
    size_t len)
{
	if (d->e.identify && (f->data[14] & 0x04) == 0)
		return f->len == len && memcmp(f->data, want_bytes, 36) == 0 &&
		    m_identified(&m, &d->e, f->data + 36);
	return f->len == len && memcmp(f->data, want_bytes, len) == 0;
}

/* The answer says that it has happened: has it, and will it outlive what it
 * has to? */
static bool
is_true(const struct due *d)
{
	unsigned i;

	if (d->e.syncs && w.sync_told)
		return false;
	for (i = 0; i < M_TOTAL; i++)
		if (w.cache.ver[i] < d->need[i] ||
		    (d->e.syncs && w.stable.ver[i] < d->need[i]))
			return false;
	return true;
}

/* Then it is to stay so. */
static void
promise(const struct due *d)
{
	unsigned i;

	for (i = 0; i < M_TOTAL; i++) {
		if (d->need[i] > acked[i])
			acked[i] = d->need[i];
		if (d->e.syncs && d->need[i] > durable[i])
			durable[i] = d->need[i];
	}
}

static bool
good(const struct due *d)
{
	return (d->e.reply[14] & 0x04) == 0 && (d->e.reply[27] & 1) == 0;
}

static bool
answers(const struct due *d, const struct frame *f)
{
	if (f->link != &links[d->link])
		return false;
	if (d->e.syncs && good(d) && w.sync_failed &&
	    is_reply(d, f, d->e.unsynced, 60))
		return true;
	if (!is_reply(d, f, d->e.reply, d->e.len))
		return false;
	if (!d->e.disk || !good(d))
		return true;
	untrue = !is_true(d);
	if (!untrue)
		promise(d);
	return !untrue;
}

static void
check_reply(const struct frame *f)
{
	const uint32_t tag = (uint32_t)m_be16(f->data + 20) << 16 |
	    m_be16(f->data + 22);
	unsigned i, n;

	/* Of two with one tag either may be meant: take it for the answer to
	 * who is promised less, and there still is one for the other. */
	untrue = false;
	for (n = 0, i = ndue; n < 2 * ndue && i == ndue; n++) {
		const struct due *d = due[n % ndue];

		if (d->tag != tag || d->e.syncs != (n >= ndue))
			continue;
		current = d;
		if (answers(d, f))
			i = n % ndue;
	}
	if (i == ndue && untrue)
		broken("the answer says what is not so yet", __LINE__);
	if (i == ndue)
		broken("the answer is another than the model's", __LINE__);
	if (due[i]->change > kept_told)
		kept_told = due[i]->change;
	current = due[i];
	due[i] = due[--ndue];
	due[ndue] = (struct due *)(uintptr_t)current;
	current = NULL;
	count.answers++;
	count.errors += (f->data[14] & 0x04) != 0;
}

WRAP(void, net_send(struct net *net, const struct frame *f, int n,
    struct counters *c))
{
	unsigned link;

	(void)net;
	for (; n > 0; n--, f++) {
		tick();
		link = (unsigned)(f->link - links);
		CHECK(link < nlinks && f->len >= 60);
		c->answered++;
		current_reply = f;
		if ((f->data[14] & 0x08) == 0)
			check_query(f, link);
		else if (f->data[19] == 1 &&
		    memcmp(f->data + 20, "\0\0\0\0", 4) == 0)
			check_advert(f, link);
		else
			check_reply(f);
		current_reply = NULL;
	}
}
