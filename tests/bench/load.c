/* SPDX-License-Identifier: GPL-2.0-only */
/* A load of AoE requests, and one line that says how the target bore it. */

#define _GNU_SOURCE 1

#include <sys/mman.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cpu.h"
#include "latency.h"
#include "net.h"
#include "options.h"

enum {
	SLOT_BITS	= 10,		/* tag: a counter, then one of
					 * MAX_WINDOW slots */

	SCAN_NS		= MS,		/* between looks for lost requests */
	RTO_MIN_NS	= 100 * MS,	/* the Linux driver's timer tick */
	FIND_TRIES	= 100,		/* 50 ms each, to find the target */
};

struct slot {
	uint8_t		*frame;
	size_t		 len;		/* bytes to send */
	uint32_t	 tag;
	uint64_t	 lba;
	uint64_t	 first_ns;	/* when it was asked at first */
	uint64_t	 sent_ns;	/* when it was asked last */
	unsigned	 tries;
	unsigned	 class;
	bool		 write;
	bool		 busy;
};

struct counts {
	uint64_t	done, reads, writes, errors, wrong;
	uint64_t	resent, stale, sends, sent, send_ns, refused;
};

struct load {
	struct options	 opt;
	struct net	 net;
	uint8_t		 target[6];
	unsigned	 bufcnt;
	struct slot	 slot[MAX_WINDOW];
	unsigned	 free[MAX_WINDOW], nfree;
	unsigned	 tx[MAX_WINDOW], ntx;
	uint32_t	 turn;		/* the tag's counter */
	uint64_t	 rand;
	uint64_t	 srtt, dev;	/* ns, as Jacobson has it */
	uint64_t	 scan_ns;
	bool		 draining;
	struct counts	 count;
	struct histogram lat[CLASSES];
};

/* ---- requests ---- */

static uint64_t
draw(struct load *l)
{
	/* splitmix64 */
	uint64_t z = l->rand += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* The i-th element of a shuffle of 0 to n - 1. */
static uint64_t
shuffle(uint64_t i, uint64_t n)
{
	unsigned bits = 1;
	uint64_t mask;

	while (bits < 63 && 1ULL << bits < n)
		bits++;
	mask = (1ULL << bits) - 1;
	do {
		/* Each step can be undone, so no two i meet. */
		for (int round = 0; round < 3; round++) {
			i = (i * 0x9e3779b97f4a7c15ULL + 0x5bd1e995) & mask;
			i ^= i >> (bits + 1) / 2;
		}
	} while (i >= n);
	return i;
}

static uint64_t
pick_lba(struct load *l, struct area *a)
{
	uint64_t block;

	if (l->opt.sequential)
		block = a->next++ % a->blocks;
	else if (a->once)
		block = shuffle(a->next++ % a->blocks, a->blocks);
	else
		block = draw(l) % a->blocks;
	return a->first + block * l->opt.sectors;
}

static void
put_header(const struct load *l, uint8_t *f, const uint8_t dst[6],
    unsigned cmd)
{
	memset(f, 0, FLOOR);
	memcpy(f, dst, 6);
	memcpy(f + 6, l->net.mac, 6);
	put_be16(f + 12, TYPE_AOE);
	f[14] = 0x10;
	put_be16(f + 16, l->opt.shelf);
	f[18] = (uint8_t)l->opt.slot;
	f[19] = (uint8_t)cmd;
}

/* The tag is all that is new when a request is asked again. */
static void
ask(struct load *l, unsigned i, uint64_t now)
{
	struct slot *s = &l->slot[i];

	l->turn = (l->turn + 1) & ((1U << (31 - SLOT_BITS)) - 1);
	s->tag = l->turn << SLOT_BITS | i;
	put_be32(s->frame + 20, s->tag);
	s->sent_ns = now;
	s->tries++;
	l->tx[l->ntx++] = i;
}

static void
new_request(struct load *l, unsigned i, uint64_t now)
{
	struct slot *s = &l->slot[i];
	uint8_t *f = s->frame;

	s->class = l->opt.second && draw(l) % 100 < l->opt.second;
	s->write = l->opt.writes && draw(l) % 100 < l->opt.writes;
	s->lba = pick_lba(l, &l->opt.area[s->class]);
	s->len = s->write ? HDR + l->opt.sectors * SECTOR : FLOOR;
	f[24] = s->write ? 0x41 : 0x40;		/* LBA48, and to the device */
	f[26] = (uint8_t)l->opt.sectors;
	f[27] = s->write ? 0x34 : 0x24;		/* WRITE, READ SECTORS EXT */
	put_le64(f + 28, s->lba, 6);
	for (unsigned k = 0; s->write && k < l->opt.sectors; k++)
		put_le64(f + HDR + k * SECTOR, s->lba + k, 8);
	s->first_ns = now;
	s->tries = 0;
	s->busy = true;
	ask(l, i, now);
}

static void
send_all(struct load *l)
{
	static struct mmsghdr msg[MAX_WINDOW];
	static struct iovec iov[MAX_WINDOW];
	unsigned i, at = 0;
	uint64_t t0;
	int n;

	if (l->ntx == 0)
		return;
	for (i = 0; i < l->ntx; i++) {
		iov[i].iov_base = l->slot[l->tx[i]].frame;
		iov[i].iov_len = l->slot[l->tx[i]].len;
		msg[i].msg_hdr.msg_iov = &iov[i];
		msg[i].msg_hdr.msg_iovlen = 1;
	}
	t0 = clock_ns();
	while (at < l->ntx) {
		n = sendmmsg(l->net.sock, msg + at, l->ntx - at, 0);
		l->count.sends++;
		if (n > 0) {
			at += (unsigned)n;
			l->count.sent += (unsigned)n;
		} else if (errno == ENOBUFS || errno == EAGAIN) {
			l->count.refused++;	/* it will be asked again */
			at++;
		} else if (errno != EINTR)
			err(1, "%s", l->opt.netif);
	}
	l->count.send_ns += clock_ns() - t0;
	l->ntx = 0;
}

static void
rtt_learn(struct load *l, uint64_t rtt)
{
	int64_t diff = (int64_t)rtt - (int64_t)l->srtt;

	l->srtt = (uint64_t)((int64_t)l->srtt + diff / 8);
	diff = (diff < 0 ? -diff : diff) - (int64_t)l->dev;
	l->dev = (uint64_t)((int64_t)l->dev + diff / 4);
}

static bool
good_reply(const struct load *l, const struct slot *s,
    const struct tpacket2_hdr *h, const uint8_t *f)
{
	size_t want = HDR + (s->write ? 0 : l->opt.sectors * SECTOR);

	if (f[14] & 0x04 || f[27] & 0xa9 || h->tp_len < want)
		return false;
	return true;
}

static void
take_reply(struct load *l, const struct tpacket2_hdr *h, uint64_t now)
{
	const uint8_t *f = (const uint8_t *)h + h->tp_mac;
	uint32_t tag = get_be32(f + 20);
	unsigned i = tag & (MAX_WINDOW - 1);
	struct slot *s = &l->slot[i];

	if (i >= l->opt.window || !s->busy || s->tag != tag || f[19] != 0) {
		l->count.stale++;
		return;
	}
	if (!good_reply(l, s, h, f))
		l->count.errors++;
	else if (l->opt.check && !s->write && get_le64(f + HDR) != s->lba)
		l->count.wrong++;
	if (s->tries == 1)
		rtt_learn(l, now - s->sent_ns);
	hist_add(&l->lat[s->class], now - s->first_ns);
	l->count.done++;
	if (s->write)
		l->count.writes++;
	else
		l->count.reads++;
	s->busy = false;
	l->free[l->nfree++] = i;
}

static unsigned
reap(struct load *l, uint64_t now)
{
	struct tpacket2_hdr *h;
	unsigned n = 0;

	while (n < l->opt.window && (h = ring_head(&l->net)) != NULL) {
		take_reply(l, h, now);
		ring_next(&l->net, h);
		n++;
	}
	return n;
}

/* What was not answered in time is asked again under a new tag. */
static void
ask_again(struct load *l, uint64_t now)
{
	uint64_t rto = l->opt.rto_ns;

	if (rto == 0) {
		rto = 2 * l->srtt + 8 * l->dev;
		rto = rto < RTO_MIN_NS ? RTO_MIN_NS : rto;
	}
	for (unsigned i = 0; i < l->opt.window; i++) {
		struct slot *s = &l->slot[i];

		if (!s->busy || now - s->sent_ns <
		    rto << (s->tries < 6 ? s->tries - 1 : 5))
			continue;
		l->count.resent++;
		ask(l, i, now);
	}
	send_all(l);
}

/* One turn: ask what may be asked, then take what has come. */
static uint64_t
turn(struct load *l, uint64_t now)
{
	while (!l->draining && l->nfree > 0)
		new_request(l, l->free[--l->nfree], now);
	send_all(l);
	if (l->opt.sleeps && ring_head(&l->net) == NULL)
		ring_sleep(&l->net, 1);
	now = clock_ns();
	reap(l, now);
	if (now >= l->scan_ns) {
		ask_again(l, now);
		l->scan_ns = now + SCAN_NS;
	}
	return now;
}

/* ---- finding the target ---- */

static bool
await(struct load *l, unsigned cmd, uint32_t tag, uint8_t *out, size_t cap,
    int ms)
{
	uint64_t end = clock_ns() + (uint64_t)ms * MS;
	struct tpacket2_hdr *h;
	const uint8_t *f;
	bool found = false;

	while (!found && clock_ns() < end) {
		if ((h = ring_head(&l->net)) == NULL) {
			ring_sleep(&l->net, 1);
			continue;
		}
		f = (const uint8_t *)h + h->tp_mac;
		if (f[19] == cmd && get_be32(f + 20) == tag) {
			memcpy(out, f, h->tp_snaplen < cap ?
			    h->tp_snaplen : cap);
			found = true;
		}
		ring_next(&l->net, h);
	}
	return found;
}

static void
find_target(struct load *l)
{
	static const uint8_t all[6] = { 255, 255, 255, 255, 255, 255 };
	uint8_t f[FLOOR], r[SNAP];
	uint32_t tag = 0x18000000;

	put_header(l, f, all, 1);
	for (int i = 0; i < FIND_TRIES; i++) {
		put_be32(f + 20, ++tag);
		if (send(l->net.sock, f, sizeof(f), 0) < 0 &&
		    errno != ENOBUFS && errno != ENETDOWN)
			err(1, "%s", l->opt.netif);
		if (!await(l, 1, tag, r, sizeof(r), 50))
			continue;
		memcpy(l->target, r + 6, 6);
		l->bufcnt = (unsigned)(r[24] << 8 | r[25]);
		return;
	}
	errx(1, "%s: no answer from e%u.%u", l->opt.netif, l->opt.shelf,
	    l->opt.slot);
}

/*
 * The ring keeps only the beginning of a reply, which lacks IDENTIFY's words
 * with the size.  Find the last sector by asking for it.
 */
static bool
has_sector(struct load *l, uint64_t lba)
{
	uint8_t f[FLOOR], r[SNAP];

	put_header(l, f, l->target, 0);
	f[24] = 0x40;
	f[26] = 1;
	f[27] = 0x24;
	put_le64(f + 28, lba, 6);
	for (int i = 0; i < FIND_TRIES; i++) {
		uint32_t tag = 0x19000000 + ++l->turn;

		put_be32(f + 20, tag);
		if (send(l->net.sock, f, sizeof(f), 0) < 0)
			err(1, "%s", l->opt.netif);
		if (await(l, 0, tag, r, sizeof(r), 200))
			return (r[14] & 4) == 0 && (r[27] & 0xa9) == 0;
	}
	errx(1, "e%u.%u: no answer to a read", l->opt.shelf, l->opt.slot);
}

static void
check_areas(struct load *l)
{
	for (unsigned i = 0; i < CLASSES; i++) {
		struct area *a = &l->opt.area[i];

		if (i == 1 && l->opt.second == 0)
			break;
		a->blocks = a->n / l->opt.sectors;
		if (a->blocks == 0)
			errx(1, "-r, -u: no request of %u sectors fits",
			    l->opt.sectors);
		if (!has_sector(l, a->first + a->n - 1))
			errx(1, "the target has no sector %" PRIu64,
			    a->first + a->n - 1);
	}
}

/* ---- the run ---- */

static void
make_slots(struct load *l)
{
	size_t room = (HDR + l->opt.sectors * SECTOR + 4095) & ~(size_t)4095;
	uint8_t *mem = mmap(NULL, room * l->opt.window,
	    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
	    -1, 0);

	if (mem == MAP_FAILED)
		err(1, "buffers");
	for (unsigned i = 0; i < l->opt.window; i++) {
		l->slot[i].frame = mem + i * room;
		memset(l->slot[i].frame, 0xa5, room);
		put_header(l, l->slot[i].frame, l->target, 0);
		l->free[l->nfree++] = l->opt.window - 1 - i;
	}
}

static bool
finished(const struct load *l, uint64_t start, uint64_t now)
{
	if (l->opt.count)
		return l->count.done >= l->opt.count;
	return now - start >= l->opt.run_ns;
}

/* Requests that fell on blocks which should have been asked for once only. */
static uint64_t
asked_again(const struct load *l)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < CLASSES; i++)
		if (l->opt.area[i].once &&
		    l->opt.area[i].next > l->opt.area[i].blocks)
			n += l->opt.area[i].next - l->opt.area[i].blocks;
	return n;
}

static void
print_result(const struct load *l, uint64_t ns, const struct cpu *a,
    const struct cpu *b)
{
	const struct counts *c = &l->count;
	double n = c->done ? (double)c->done : 1;
	const char *source;
	uint64_t cpu;

	printf("done=%" PRIu64 " seconds=%.3f rate=%.0f mb_s=%.1f", c->done,
	    (double)ns / 1e9, (double)c->done * 1e9 / (double)ns,
	    (double)c->done * l->opt.sectors * SECTOR * 1e3 / (double)ns);
	if (a->known && b->known) {
		cpu = cpu_spent(a, b, &source);
		printf(" cpu_us=%.3f busy=%.3f cpu_from=%s others=%.2f",
		    (double)cpu / 1e3 / n, (double)cpu / (double)ns, source,
		    others(a, b, cpu, ns));
	}
	hist_print(&l->lat[0], "");
	if (l->opt.second)
		hist_print(&l->lat[1], "second_");
	printf(" again=%" PRIu64, asked_again(l));
	printf(" reads=%" PRIu64 " writes=%" PRIu64 " resent=%" PRIu64
	    " stale=%" PRIu64 " errors=%" PRIu64 " wrong=%" PRIu64
	    " refused=%" PRIu64, c->reads, c->writes, c->resent, c->stale,
	    c->errors, c->wrong, c->refused);
	printf(" send_us=%.3f per_send=%.2f bufcnt=%u\n",
	    c->sent ? (double)c->send_ns / 1e3 / (double)c->sent : 0.0,
	    c->sends ? (double)c->sent / (double)c->sends : 0.0, l->bufcnt);
}

static void
run(struct load *l)
{
	struct cpu before, after;
	uint64_t start, now, end;

	start = now = clock_ns();
	while (now - start < l->opt.warm_ns)
		now = turn(l, now);
	memset(&l->count, 0, sizeof(l->count));
	memset(l->lat, 0, sizeof(l->lat));
	cpu_now(l->opt.pid, &before);
	start = now = clock_ns();
	while (!finished(l, start, now))
		now = turn(l, now);
	end = clock_ns();
	cpu_now(l->opt.pid, &after);
	print_result(l, end - start, &before, &after);
	/* Leave no request behind for whoever comes next. */
	l->draining = true;
	while (l->nfree < l->opt.window && now - end < SEC)
		now = turn(l, now);
}

static void
pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		err(1, "-c %d", cpu);
}

int
main(int argc, char **argv)
{
	static struct load load = {
		.opt = { .window = 16, .sectors = 2, .cpu = -1,
		    .warm_ns = SEC / 5, .run_ns = SEC, .seed = 1,
		    .area[0] = { .first = 0, .n = 131072 } },
		.srtt = MS, .dev = MS,
	};

	set_options(&load.opt, argc, argv);
	load.rand = load.opt.seed;
	if (load.opt.cpu >= 0)
		pin(load.opt.cpu);
	net_open(&load.net, load.opt.netif);
	find_target(&load);
	check_areas(&load);
	make_slots(&load);
	run(&load);
	return load.count.errors || load.count.wrong;
}
