/* SPDX-License-Identifier: GPL-2.0-only */
/* vblade: export a file or block device by ATA over Ethernet. */

#include <sys/mman.h>

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "dat.h"
#include "fns.h"

/* What the loop works with. */
struct blade {
	struct target	 t;
	struct net	*net;
	struct state	 state;
	struct request	*unused;	/* requests that nobody has */
	int		 nunused;
	struct frame	 out[MAX_BATCH];	/* replies to send */
	struct request	*sent[MAX_BATCH];	/* and whose they are */
	int		 nout;
	bool		 stuck;		/* the store has long done nothing */
	int64_t		 full_ns;	/* since it has all buffers, or 0 */
	bool		 single;	/* the last batch was one frame */
	int		 soon;		/* > 0: the next may come in SPIN_NS */
	struct notify	 notify;
	bool		 verbose;	/* -v */
	int		 board;		/* shows the counters, or -1 */
	unsigned	 readings;	/* times that they were shown */
	int64_t		 start_ns;
	int64_t		 looked_ns;	/* at the store's size */
};

enum { GOT_STOP = 1, GOT_HUP = 2, GOT_USR = 4, GOT_QUIET = 8 };

static volatile sig_atomic_t got;

static void
on_signal(int sig)
{
	if (sig == SIGHUP)
		got |= GOT_HUP;
	else if (sig == SIGTERM || sig == SIGINT)
		got |= GOT_STOP;
	else if (sig == SIGUSR2)
		got |= GOT_QUIET;
	else
		got |= GOT_USR;
}

/*
 * Start.
 */
static void
let_go(struct blade *b, struct request *r)
{
	r->next = b->unused;
	b->unused = r;
	b->nunused++;
}

/* The same after every start on this host, and another on another. */
static void
make_serial(struct target *t)
{
	uint32_t hash = 2166136261U;	/* FNV-1a */
	char id[256];
	const char *p;

	os_hostid(id, sizeof(id));
	for (p = id; *p != '\0'; p++)
		hash = (hash ^ (uint8_t)*p) * 16777619U;
	(void)snprintf(t->serial, sizeof(t->serial), "%u.%u-%08" PRIx32,
	    t->shelf, t->slot, hash);
}

static void
make_requests(struct blade *b)
{
	struct request *r = calloc(MAX_REQUESTS, sizeof(*r));
	uint8_t *area;
	size_t i;

	/* only pages that are used cost memory */
	area = mmap(NULL, (size_t)MAX_REQUESTS * REPLY_BYTES,
	    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
	if (r == NULL || area == MAP_FAILED)
		err(1, "memory");
	for (i = 0; i < MAX_REQUESTS; i++) {
		r[i].reply = area + i * REPLY_BYTES + REPLY_OFFSET;
		let_go(b, &r[i]);
	}
}

/* Signals come only while the loop waits: never in the midst of a batch, nor
 * of another, which might not see what this one got. */
static void
catch_signals(sigset_t *waiting)
{
	const int sigs[] = {
		SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, os_siginfo()
	};
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		if (sigs[i] != 0)
			sigaddset(&set, sigs[i]);
	sa.sa_mask = set;
	for (i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		if (sigs[i] != 0)
			sigaction(sigs[i], &sa, NULL);
	sigprocmask(SIG_BLOCK, &set, waiting);
	for (i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		if (sigs[i] != 0)
			sigdelset(waiting, sigs[i]);
}

static void
announce_start(struct blade *b, const char *confined)
{
	const struct disk *d = &b->t.disk;
	struct link *l;
	int i, n = net_links(b->net, &l);

	printf("pid %ld: e%u.%u, %" PRIu64 " sectors %s", (long)getpid(),
	    b->t.shelf, b->t.slot, d->nsec,
	    d->readonly ? "O_RDONLY" : "O_RDWR");
	if (d->direct)
		printf(", direct");
	if (d->stable)
		printf(", stable");
	for (i = 0; i < n; i++)
		printf(", %s mtu %u", l[i].name, l[i].mtu);
	printf(", %u buffers, confined (%s)\n", b->t.bufcnt, confined);
	(void)fflush(stdout);	/* nobody has to listen */
}

/*
 * The loop.
 */
static struct request *
request_of(struct op *op)
{
	return (void *)((char *)op - offsetof(struct request, op));
}

static unsigned
under_way(const struct blade *b)
{
	return (unsigned)(MAX_REQUESTS - b->nunused);
}

static void
send_replies(struct blade *b)
{
	int64_t now;
	int i;

	if (b->nout == 0)
		return;
	net_send(b->net, b->out, b->nout, &b->t.count);
	now = net_clock();
	for (i = 0; i < b->nout; i++) {
		stats_reply(&b->t.stats, b->sent[i], now);
		let_go(b, b->sent[i]);
	}
	b->nout = 0;
}

static void
reply(struct blade *b, struct request *r)
{
	if (b->nout == MAX_BATCH)
		send_replies(b);
	b->out[b->nout] = (struct frame){
		.data = r->reply,
		.len = r->len,
		.link = r->link,
	};
	b->sent[b->nout++] = r;
}

static bool
is_config(const struct frame *f)
{
	return ((const struct aoe_hdr *)(const void *)f->data)->cmd ==
	    AOE_CONFIG;
}

static bool
is_identify(const struct frame *f)
{
	const struct aoe_hdr *h = (const void *)f->data;
	const struct ata_regs *regs = (const void *)(h + 1);

	return f->len >= PAYLOAD && h->cmd == AOE_ATA &&
	    regs->cmd == ATA_IDENTIFY;
}

/* All links are due to be told that we are here. */
static void
make_news(struct blade *b)
{
	struct link *l;
	int i, n = net_links(b->net, &l);

	for (i = 0; i < n; i++)
		l[i].news = true;
}

/* If the size has changed, that is news. */
static void
look_at_size(struct blade *b)
{
	struct disk *d = &b->t.disk;
	const uint64_t before = d->nsec;

	b->looked_ns = monotonic_ns();
	switch (disk_resize(d)) {
	case -1:
		log_event(LOG_ERR, "%s: size: %s", d->path, strerror(errno));
		return;
	case 0:
		return;
	}
	if (d->nsec > before)
		log_event(LOG_NOTICE, "%s: %" PRIu64 " sectors now",
		    d->path, d->nsec);
	else
		log_event(LOG_WARNING, "%s: %" PRIu64 " sectors now, %" PRIu64
		    " fewer: requests beyond the end fail", d->path, d->nsec,
		    before - d->nsec);
	make_news(b);
}

/* Somebody asks who we are, or a link has changed: a good moment to find out
 * that the store has grown, unless we have just looked. */
static void
look_now_and_then(struct blade *b)
{
	if (monotonic_ns() - b->looked_ns >= LOOK_MS * MS)
		look_at_size(b);
}

/*
 * Frames that may be taken.  Requests for the disk leave some buffers free, and
 * more of them wait in the ring.  Only when the store hangs are they taken, and
 * dropped: what needs no disk is behind them, and initiators ask again anyway.
 */
static int
room(const struct blade *b)
{
	if (b->stuck)
		return b->nunused;
	return b->nunused > SPARE_REQUESTS ? b->nunused - SPARE_REQUESTS : 0;
}

static void
advertise(struct blade *b, struct link *l)
{
	const struct maclist *to = &b->t.masks;
	struct request *r = b->unused;
	struct frame f = { .data = r->reply, .link = l };
	unsigned i;

	f.len = aoe_advert(&b->t, l, to->n > 0 ? to->mac[0] : NULL, r->reply);
	net_send(b->net, &f, 1, &b->t.count);
	for (i = 1; i < to->n; i++) {
		aoe_advert(&b->t, l, to->mac[i], r->reply);
		net_send(b->net, &f, 1, &b->t.count);
	}
	b->t.count.adverts++;
}

/* Tell the links that changed, as soon as they are up, that we are here. */
static void
tell_news(struct blade *b)
{
	struct link *l;
	int i, n = net_links(b->net, &l);

	for (i = 0; i < n; i++)
		if (l[i].news && l[i].up) {
			l[i].news = false;
			advertise(b, &l[i]);
			if (!b->t.shared)
				clash_ask(&b->t, b->net, &l[i]);
		}
}

/* One batch of at most max frames from the network to the disk, and what is
 * done back.  Returns how many came in. */
static int
serve_batch(struct blade *b, int max)
{
	struct frame in[MAX_BATCH];
	struct disk *d = &b->t.disk;
	struct request *r;
	struct op *op;
	bool asked = false;
	int i, n;

	n = net_recv(b->net, in, room(b) < max ? room(b) : max, &b->t.count);
	for (i = 0; i < n; i++) {
		r = b->unused;
		b->unused = r->next;
		b->nunused--;
		/* Linux asks only once after aoe-revalidate, and need not
		 * have sent a query before that */
		if (is_identify(&in[i])) {
			look_at_size(b);
			asked = true;
		}
		switch (aoe_request(&b->t, &in[i], r)) {
		case AOE_SILENCE:
			let_go(b, r);
			break;
		case AOE_CHANGED:
			/* what comes behind it, too, goes by what is kept */
			if (state_keep(&b->state, &b->t) == -1)
				aoe_unkept(&b->t, r);
			if (b->verbose)
				events_tell(&b->t, &in[i], r, true);
			reply(b, r);
			break;
		case AOE_ANSWER:
			if (b->verbose)
				events_tell(&b->t, &in[i], r, false);
			asked |= is_config(&in[i]);
			reply(b, r);
			break;
		case AOE_RIVAL:
			clash_tell(&b->t, b->net, &in[i]);
			let_go(b, r);
			break;
		case AOE_DISK:
			if (b->nunused >= SPARE_REQUESTS) {
				queue_add(d, &r->op);
				break;
			}
			b->t.count.busy++;
			let_go(b, r);
			break;
		}
	}
	if (asked)
		look_now_and_then(b);
	if (n > 0)
		stats_batch(&b->t.stats, (unsigned)n, under_way(b));
	queue_run(d);
	net_release(b->net);
	while ((op = queue_done(d)) != NULL) {
		b->stuck = false;
		b->full_ns = 0;
		r = request_of(op);
		aoe_finish(&b->t, r);
		reply(b, r);
	}
	send_replies(b);
	if (asked)
		tell_news(b);	/* nothing else may wake us for long */
	return n;
}

static void
reload(struct blade *b)
{
	notify_reloading(&b->notify);
	look_at_size(b);
	make_news(b);
	notify_ready(&b->notify, &b->t);
}

/* All of them on one line, in one piece: on the board, which contrib's
 * vblade-stat reads, and for who wants to see it. */
static void
print_counters(struct blade *b, bool quiet)
{
	char line[STATS_LINE];
	size_t n;

	net_stats(b->net, &b->t.count);
	b->t.stats.queued = under_way(b);
	b->readings++;
	n = stats_print(&b->t, line, sizeof(line) - 64);
	n += (size_t)snprintf(line + n, 64, " up_ms=%" PRId64 " readings=%u",
	    (monotonic_ns() - b->start_ns) / MS, b->readings);
	if (!quiet)
		log_answer("counters %s", line);
	line[n++] = '\n';
	if (b->board != -1 && pwrite(b->board, line, n, 0) != (ssize_t)n)
		log_event(LOG_WARNING, "counters cannot be shown: %s",
		    strerror(errno));
	notify_status(&b->notify, &b->t);
}

/* Wait for frames, links and signals, or only look whether any are there. */
static void
wait_for_work(struct blade *b, const sigset_t *waiting, bool sleep)
{
	struct timespec until = { 0, 0 }, *timeout = &until;
	struct pollfd fds[3];
	int n = net_pollfds(b->net, fds);
	bool full;

	fds[n++] = (struct pollfd){
		.fd = queue_pollfd(&b->t.disk),
		.events = POLLIN,
	};
	full = room(b) == 0 && (got & GOT_STOP) == 0;
	if (full || (got & GOT_STOP) != 0)
		fds[0].fd = -1;
	if (!full)
		b->full_ns = 0;
	else if (b->full_ns == 0)
		b->full_ns = monotonic_ns();
	if (sleep)
		timeout = notify_timeout(&b->notify, &until);
	if (sleep && full && (timeout == NULL || until.tv_sec >= STUCK_S)) {
		until = (struct timespec){ .tv_sec = STUCK_S };
		timeout = &until;
	}
	n = ppoll(fds, (nfds_t)n, timeout, waiting);
	if (n > 0 && fds[1].revents != 0) {
		net_refresh(b->net);
		look_now_and_then(b);
	}
	/* however often something else has woken us */
	if (full && fds[2].revents == 0 &&
	    monotonic_ns() - b->full_ns >= STUCK_S * NS)
		b->stuck = true;
	if ((got & GOT_HUP) != 0)
		reload(b);
	if ((got & (GOT_USR | GOT_QUIET)) != 0)
		print_counters(b, (got & GOT_USR) == 0);
	got &= GOT_STOP;
	tell_news(b);
	if (notify_due(&b->notify)) {
		net_stats(b->net, &b->t.count);
		notify_alive(&b->notify, &b->t);
	}
}

/*
 * Nothing waits: sleep.  But when one request at a time comes in, and soon
 * after the last answer, going to sleep and being woken would be the larger
 * part of its time: look out for the next one a moment.  Once that was in
 * vain, it takes some quick returns to try again.
 */
static void
rest(struct blade *b, const sigset_t *waiting)
{
	int64_t now = 0, start = 0;

	/* what may not be taken is not worth looking out for */
	if (b->single && room(b) > 0) {
		start = now = monotonic_ns();
		while (b->soon > 0 && !net_waits(b->net) &&
		    now - start < SPIN_NS)
			now = monotonic_ns();
		if (net_waits(b->net))
			return;
	}
	wait_for_work(b, waiting, true);
	if (!b->single)
		return;
	if (now - start >= SPIN_NS)
		b->soon = -SPIN_REGRET;
	else if (monotonic_ns() - start >= SPIN_NS)
		b->soon = 0;
	else if (b->soon < 1)
		b->soon++;
}

static void
serve(struct blade *b, const sigset_t *waiting)
{
	unsigned turn = 0;
	int n;

	while ((got & GOT_STOP) == 0) {
		n = serve_batch(b, MAX_BATCH);
		if (n > 0)
			b->single = n == 1;
		else
			rest(b, waiting);
		/* under load, too, signals and links are heard */
		if (++turn % 16 == 0)
			wait_for_work(b, waiting, false);
	}
	notify_stopping(&b->notify);
	/* what has been begun is finished and answered */
	while (queue_busy(&b->t.disk)) {
		wait_for_work(b, waiting, true);
		serve_batch(b, 0);
	}
}

int
main(int argc, char **argv)
{
	static struct blade b;
	struct args args = { 0 };
	const char *confined;
	sigset_t waiting;
	unsigned bufcnt;

	/* a pipe without a reader, a file at its limit: the call tells */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	/* a message in one piece */
	(void)setvbuf(stderr, NULL, _IOLBF, BUFSIZ);
	log_open();
	drop_inherited();
	args_parse(&b.t, &args, argc, argv);
	b.verbose = args.verbose;
	disk_open(&b.t.disk, &b.t.count);
	b.state.path = args.state;
	state_open(&b.state, &b.t);
	bufcnt = b.t.bufcnt;
	b.net = net_open(args.netif, b.t.shelf, b.t.slot, &bufcnt);
	if (bufcnt < b.t.bufcnt)
		log_event(LOG_WARNING,
		    "-b %u: memory for %u frames was granted; advertising "
		    "that", b.t.bufcnt, bufcnt);
	b.t.bufcnt = (uint16_t)bufcnt;
	make_serial(&b.t);
	make_requests(&b);
	queue_open(&b.t.disk, MAX_REQUESTS);
	catch_signals(&waiting);
	notify_open(&b.notify);
	b.board = os_board();
	b.start_ns = monotonic_ns();
	confined = os_confine(args.user);
	if (!b.t.shared)
		clash_look(&b.t, b.net);
	announce_start(&b, confined);
	tell_news(&b);
	notify_ready(&b.notify, &b.t);

	serve(&b, &waiting);

	net_close(b.net);
	if (disk_close(&b.t.disk) == -1)
		err(1, "%s: last sync", b.t.disk.path);
	return 0;
}
