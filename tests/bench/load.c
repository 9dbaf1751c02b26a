/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A load of AoE requests, and one line that says how the target bore it.
 *
 * What this program costs must not hide what the target costs.  On a veth
 * pair the sender's system call runs the receiver's side too, so whatever our
 * socket does with a reply is paid by the target: the socket has a ring, a
 * filter of three instructions that keeps only the headers, and, unless -P
 * is given, no sleeper to wake.
 */

#define _GNU_SOURCE 1

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	SECTOR		= 512,
	TYPE_AOE	= 0x88a2,
	HDR		= 36,		/* Ethernet, AoE and ATA headers */
	FLOOR		= 60,		/* bytes of the shortest frame */

	SNAP		= 64,		/* bytes of a reply that we look at */
	RING_FRAME	= 256,		/* bytes of a ring slot */
	RING_SLOTS	= 4096,

	MAX_WINDOW	= 1024,
	SLOT_BITS	= 10,		/* tag: a counter, then the slot */
	MAX_SECTORS	= 255,
	CLASSES		= 2,

	MS		= 1000000,	/* nanoseconds */
	SCAN_NS		= MS,		/* between looks for lost requests */
	RTO_MIN_NS	= 100 * MS,	/* the Linux driver's timer tick */
	FIND_TRIES	= 100,		/* 50 ms each, to find the target */

	SUB		= 256,		/* histogram cells per power of two */
	CELLS		= 40 * SUB,
};

#define SEC	1000000000ULL		/* nanoseconds */

/* Sectors that one class of requests falls on. */
struct area {
	uint64_t	first, n;	/* sectors */
	uint64_t	blocks;		/* whole requests that fit */
	uint64_t	next;		/* sequential, or number of draws */
	bool		once;		/* no block twice until all were used */
};

struct options {
	const char	*netif;
	unsigned	 shelf, slot;
	unsigned	 window;
	unsigned	 sectors;	/* per request */
	unsigned	 writes;	/* per cent */
	unsigned	 second;	/* per cent that go to area[1] */
	bool		 sequential;
	bool		 check;		/* sectors carry their number */
	bool		 sleeps;	/* wait in poll, do not spin */
	int		 cpu;
	long		 pid;		/* the target's, 0: not known */
	uint64_t	 warm_ns, run_ns;
	uint64_t	 count;		/* requests; 0: run_ns decides */
	uint64_t	 rto_ns;	/* 0: as measured */
	struct area	 area[CLASSES];
};

/* Latencies: cells grow with the value, each 1/SUB of its power of two. */
struct histogram {
	uint64_t	n, max;
	uint64_t	cell[CELLS];
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

/* Processor time: the target's, all threads; everybody's; and ours. */
struct cpu {
	uint64_t	sched_ns, stat_ns;
	uint64_t	all_ns, own_ns;
	bool		known;
};

struct load {
	struct options	 opt;
	int		 sock;
	uint8_t		*ring;
	unsigned	 ring_at;
	uint8_t		 mac[6], target[6];
	uint64_t	 nsec;		/* sectors that the target has */
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

static uint64_t
clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * SEC + (uint64_t)ts.tv_nsec;
}

static void
put_be16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
put_be32(uint8_t *p, uint32_t v)
{
	put_be16(p, v >> 16);
	put_be16(p + 2, v & 0xffff);
}

static uint32_t
get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

static void
put_le64(uint8_t *p, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static uint64_t
get_le64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

/* ---- statistics ---- */

static unsigned
hist_cell(uint64_t ns)
{
	unsigned shift = 0;

	while (ns >> shift >= 2 * SUB)
		shift++;
	ns = (ns >> shift) + (uint64_t)shift * SUB;
	return ns < CELLS ? (unsigned)ns : CELLS - 1;
}

static void
hist_add(struct histogram *h, uint64_t ns)
{
	h->cell[hist_cell(ns)]++;
	h->n++;
	if (ns > h->max)
		h->max = ns;
}

/* Nanoseconds below which the part p, 0 to 1, of all values lies. */
static uint64_t
hist_at(const struct histogram *h, double p)
{
	uint64_t left = (uint64_t)(p * (double)h->n);
	unsigned i, shift;

	for (i = 0; i < CELLS - 1 && h->cell[i] <= left; i++)
		left -= h->cell[i];
	if (h->n == 0 || i < 2 * SUB)
		return h->n ? i : 0;
	shift = i / SUB - 1;
	return (uint64_t)(i - shift * SUB) << shift;
}

static uint64_t
thread_ns(const char *dir, const char *tid)
{
	char path[400];
	uint64_t ns = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/schedstat", dir, tid);
	if ((f = fopen(path, "r")) == NULL)
		return 0;
	if (fscanf(f, "%" SCNu64, &ns) != 1)
		ns = 0;
	fclose(f);
	return ns;
}

static uint64_t
sched_ns(long pid)
{
	char dir[64];
	struct dirent *e;
	uint64_t ns = 0;
	DIR *d;

	snprintf(dir, sizeof(dir), "/proc/%ld/task", pid);
	if ((d = opendir(dir)) == NULL)
		return 0;
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			ns += thread_ns(dir, e->d_name);
	closedir(d);
	return ns;
}

/* utime + stime: fields 14 and 15, after a name that may hold anything. */
static bool
stat_ns(long pid, uint64_t *ns)
{
	char path[64], line[1024], *p;
	uint64_t u, s;
	bool ok = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	if ((f = fopen(path, "r")) == NULL)
		return false;
	if (fgets(line, sizeof(line), f) && (p = strrchr(line, ')')) != NULL &&
	    sscanf(p, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u "
	    "%" SCNu64 " %" SCNu64, &u, &s) == 2) {
		*ns = (u + s) * (SEC / (uint64_t)sysconf(_SC_CLK_TCK));
		ok = true;
	}
	fclose(f);
	return ok;
}

/* What all processors did but idle: user, nice, system, irq, softirq, steal
 * of /proc/stat's first line. */
static uint64_t
all_ns(void)
{
	uint64_t v[8] = { 0 };
	FILE *f = fopen("/proc/stat", "r");

	if (f == NULL)
		return 0;
	if (fscanf(f, "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
	    " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &v[0], &v[1],
	    &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) != 8)
		memset(v, 0, sizeof(v));
	fclose(f);
	return (v[0] + v[1] + v[2] + v[5] + v[6] + v[7]) *
	    (SEC / (uint64_t)sysconf(_SC_CLK_TCK));
}

static uint64_t
own_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * SEC + (uint64_t)ts.tv_nsec;
}

static void
cpu_now(long pid, struct cpu *c)
{
	memset(c, 0, sizeof(*c));
	c->all_ns = all_ns();
	c->own_ns = own_ns();
	if (pid == 0)
		return;
	c->known = stat_ns(pid, &c->stat_ns);
	c->sched_ns = sched_ns(pid);
}

/*
 * schedstat counts nanoseconds but forgets threads that ended; stat counts
 * ticks and forgets nothing.  Take the first unless the second objects.
 */
static uint64_t
cpu_spent(const struct cpu *a, const struct cpu *b, const char **source)
{
	uint64_t fine = b->sched_ns - a->sched_ns;
	uint64_t coarse = b->stat_ns - a->stat_ns;

	*source = "schedstat";
	if (b->sched_ns > a->sched_ns && coarse < fine + 30 * MS)
		return fine;
	*source = "stat";
	return coarse;
}

/* ---- the socket ---- */

static void
net_filter(int sock)
{
	struct sock_filter code[] = {
		{ 0x30, 0, 0, 14 },		/* version and flags */
		{ 0x45, 0, 1, 0x08 },		/* a response? */
		{ 0x06, 0, 0, SNAP },
		{ 0x06, 0, 0, 0 },
	};
	struct sock_fprog prog = { 4, code };

	if (setsockopt(sock, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
	    sizeof(prog)) < 0)
		err(1, "SO_ATTACH_FILTER");
}

static void
net_ring(struct load *l)
{
	struct tpacket_req req = {
		.tp_block_size = 65536,
		.tp_block_nr = RING_SLOTS * RING_FRAME / 65536,
		.tp_frame_size = RING_FRAME,
		.tp_frame_nr = RING_SLOTS,
	};
	int v = TPACKET_V2;

	if (setsockopt(l->sock, SOL_PACKET, PACKET_VERSION, &v,
	    sizeof(v)) < 0)
		err(1, "PACKET_VERSION");
	if (setsockopt(l->sock, SOL_PACKET, PACKET_RX_RING, &req,
	    sizeof(req)) < 0)
		err(1, "PACKET_RX_RING");
	l->ring = mmap(NULL, (size_t)RING_SLOTS * RING_FRAME,
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, l->sock, 0);
	if (l->ring == MAP_FAILED)
		err(1, "the ring");
}

static void
net_bind(struct load *l)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(TYPE_AOE),
	};
	struct ifreq ifr;
	int one = 1, room = 8 << 20;

	memset(&ifr, 0, sizeof(ifr));
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", l->opt.netif);
	if (ioctl(l->sock, SIOCGIFHWADDR, &ifr) < 0)
		err(1, "%s", l->opt.netif);
	memcpy(l->mac, ifr.ifr_hwaddr.sa_data, 6);
	if (setsockopt(l->sock, SOL_PACKET, PACKET_QDISC_BYPASS, &one,
	    sizeof(one)) < 0)
		warn("PACKET_QDISC_BYPASS");
	if (setsockopt(l->sock, SOL_SOCKET, SO_SNDBUFFORCE, &room,
	    sizeof(room)) < 0)
		warn("SO_SNDBUFFORCE");
	to.sll_ifindex = (int)if_nametoindex(l->opt.netif);
	if (bind(l->sock, (struct sockaddr *)&to, sizeof(to)) < 0)
		err(1, "%s", l->opt.netif);
}

static void
net_open(struct load *l)
{
	/* Protocol 0: nothing arrives before the filter is there. */
	l->sock = socket(AF_PACKET, SOCK_RAW, 0);
	if (l->sock < 0)
		err(1, "packet socket");
	net_filter(l->sock);
	net_ring(l);
	net_bind(l);
}

static struct tpacket2_hdr *
ring_head(struct load *l)
{
	struct tpacket2_hdr *h;

	h = (void *)(l->ring + (size_t)l->ring_at * RING_FRAME);
	if (!(__atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) &
	    TP_STATUS_USER))
		return NULL;
	return h;
}

static void
ring_next(struct load *l, struct tpacket2_hdr *h)
{
	__atomic_store_n(&h->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	l->ring_at = (l->ring_at + 1) % RING_SLOTS;
}

static void
ring_sleep(const struct load *l, int ms)
{
	struct pollfd p = { .fd = l->sock, .events = POLLIN };

	poll(&p, 1, ms);
}

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
	memcpy(f + 6, l->mac, 6);
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
		n = sendmmsg(l->sock, msg + at, l->ntx - at, 0);
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

	while (n < l->opt.window && (h = ring_head(l)) != NULL) {
		take_reply(l, h, now);
		ring_next(l, h);
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
	if (l->opt.sleeps && ring_head(l) == NULL)
		ring_sleep(l, 1);
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
		if ((h = ring_head(l)) == NULL) {
			ring_sleep(l, 1);
			continue;
		}
		f = (const uint8_t *)h + h->tp_mac;
		if (f[19] == cmd && get_be32(f + 20) == tag) {
			memcpy(out, f, h->tp_snaplen < cap ?
			    h->tp_snaplen : cap);
			found = true;
		}
		ring_next(l, h);
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
		if (send(l->sock, f, sizeof(f), 0) < 0 && errno != ENOBUFS &&
		    errno != ENETDOWN)
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
		if (send(l->sock, f, sizeof(f), 0) < 0)
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

static void
print_latency(const struct load *l, unsigned class, const char *prefix)
{
	const struct histogram *h = &l->lat[class];

	printf(" %sn=%" PRIu64 " %sp50_us=%.2f %sp90_us=%.2f %sp99_us=%.2f "
	    "%smax_us=%.2f", prefix, h->n,
	    prefix, (double)hist_at(h, 0.50) / 1e3,
	    prefix, (double)hist_at(h, 0.90) / 1e3,
	    prefix, (double)hist_at(h, 0.99) / 1e3,
	    prefix, (double)h->max / 1e3);
}

/* Processors that others kept busy meanwhile: what disturbed us. */
static double
others(const struct cpu *a, const struct cpu *b, uint64_t target, uint64_t ns)
{
	double all = (double)(b->all_ns - a->all_ns);
	double own = (double)(b->own_ns - a->own_ns);
	double rest = (all - own - (double)target) / (double)ns;

	return rest > 0 ? rest : 0;
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
	print_latency(l, 0, "");
	if (l->opt.second)
		print_latency(l, 1, "second_");
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

/* ---- arguments ---- */

static void
usage(void)
{
	fprintf(stderr,
	    "usage: load [-oPqv] [-c cpu] [-g warm_seconds] [-n count | "
	    "-t seconds]\n"
	    "            [-p pid] [-r first:sectors] [-R seed] [-s sectors]\n"
	    "            [-T resend_ms] [-u percent:first:sectors] "
	    "[-w write_percent]\n"
	    "            [-W window] shelf slot netif\n");
	exit(2);
}

static uint64_t
number(const char *s, int opt, uint64_t min, uint64_t max)
{
	char *end;
	uint64_t v;

	errno = 0;
	v = strtoull(s, &end, 10);
	if (errno || end == s || *end || *s == '-' || v < min || v > max)
		errx(2, "-%c %s: not a number from %" PRIu64 " to %" PRIu64,
		    opt, s, min, max);
	return v;
}

static uint64_t
seconds(const char *s, int opt)
{
	char *end;
	double v = strtod(s, &end);

	if (end == s || *end || v < 0 || v > 86400)
		errx(2, "-%c %s: not a number of seconds", opt, s);
	return (uint64_t)(v * 1e9);
}

static void
set_area(struct area *a, const char *s, int opt)
{
	if (sscanf(s, "%" SCNu64 ":%" SCNu64, &a->first, &a->n) != 2 ||
	    a->n == 0)
		errx(2, "-%c %s: not FIRST:SECTORS", opt, s);
}

static void
set_second(struct options *o, const char *s)
{
	const char *rest = strchr(s, ':');

	if (sscanf(s, "%u:", &o->second) != 1 || rest == NULL ||
	    o->second > 100)
		errx(2, "-u %s: not PERCENT:FIRST:SECTORS", s);
	set_area(&o->area[1], rest + 1, 'u');
	o->area[1].once = true;
}

static void
set_option(struct load *l, int c, const char *arg)
{
	struct options *o = &l->opt;

	switch (c) {
	case 'P': o->sleeps = true; break;
	case 'q': o->sequential = true; break;
	case 'v': o->check = true; break;
	case 'o': o->area[0].once = true; break;
	case 'c': o->cpu = (int)number(arg, c, 0, 1023); break;
	case 'g': o->warm_ns = seconds(arg, c); break;
	case 'n': o->count = number(arg, c, 1, UINT64_MAX); break;
	case 'p': o->pid = (long)number(arg, c, 1, INT32_MAX); break;
	case 'r': set_area(&o->area[0], arg, c); break;
	case 'R': l->rand = number(arg, c, 0, UINT64_MAX); break;
	case 's': o->sectors = (unsigned)number(arg, c, 1, MAX_SECTORS); break;
	case 't': o->run_ns = seconds(arg, c); break;
	case 'T': o->rto_ns = number(arg, c, 1, 100000) * MS; break;
	case 'u': set_second(o, arg); break;
	case 'w': o->writes = (unsigned)number(arg, c, 0, 100); break;
	case 'W': o->window = (unsigned)number(arg, c, 1, MAX_WINDOW); break;
	default: usage();
	}
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
		    .warm_ns = SEC / 5, .run_ns = SEC,
		    .area[0] = { .first = 0, .n = 131072 } },
		.rand = 1, .srtt = MS, .dev = MS,
	};
	int c;

	while ((c = getopt(argc, argv, "c:g:n:op:Pqr:R:s:t:T:u:vw:W:")) != -1)
		set_option(&load, c, optarg);
	if (argc - optind != 3)
		usage();
	load.opt.shelf = (unsigned)number(argv[optind], ' ', 0, 65534);
	load.opt.slot = (unsigned)number(argv[optind + 1], ' ', 0, 254);
	load.opt.netif = argv[optind + 2];
	if (load.opt.cpu >= 0)
		pin(load.opt.cpu);
	net_open(&load);
	find_target(&load);
	check_areas(&load);
	make_slots(&load);
	run(&load);
	return load.count.errors || load.count.wrong;
}
