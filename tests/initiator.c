/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * initiator: the other end of the wire.  A small ATA-over-Ethernet initiator
 * for tests, demonstrations and curious people.
 *
 * It shares no line with vblade, on purpose: it is a second reading of the
 * protocol, so that a mistake in one is not excused by the other.  For the
 * same reason it is strict: whatever it receives must be what the protocol
 * asks for to the byte, padding included, or it exits 6.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE		/* SO_RCVBUFFORCE, CPU_SET */
#endif
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netpacket/packet.h>

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {				/* exit status */
	EX_OKAY = 0,
	EX_LOCAL = 1,		/* usage, or an error on this side */
	EX_SILENT = 2,		/* no answer */
	EX_AOE = 3,		/* answered with an AoE (or mask list) error */
	EX_ATA = 4,		/* answered with an ATA error */
	EX_MISMATCH = 5,	/* data is not what it should be */
	EX_FAULT = 6		/* an answer that breaks the protocol */
};

enum {				/* offsets in a frame */
	H_DST = 0, H_SRC = 6, H_TYPE = 12, H_VER = 14, H_ERR = 15,
	H_SHELF = 16, H_SLOT = 18, H_CMD = 19, H_TAG = 20, H_ARG = 24,
	A_FLAGS = 24, A_FEAT = 25, A_COUNT = 26, A_CMD = 27, A_LBA = 28,
	A_RES = 34, A_DATA = 36,
	C_BUFS = 24, C_FW = 26, C_SECT = 28, C_CMD = 29, C_LEN = 30, C_STR = 32,
	M_CMD = 25, M_ERR = 26, M_N = 27, M_DIR = 28,
	R_CMD = 24, R_N = 25, R_MAC = 26
};

enum {
	AOE_TYPE = 0x88a2,
	FLAG_R = 0x08, FLAG_E = 0x04,
	CMD_ATA = 0, CMD_CONFIG = 1, CMD_MASK = 2, CMD_RESERVE = 3,
	AF_E = 0x40, AF_W = 0x01,
	ANY_SHELF = 0xffff, ANY_SLOT = 0xff,
	SECTOR = 512,
	CONFIG_MAX = 1024,
	FRAME_MIN = 60,
	FRAME_MAX = 65536 + 18,	/* lo's MTU, Ethernet header, VLAN tag */
	WINDOW_MAX = 256
};

enum {				/* the ATA opcodes that this program knows */
	ATA_DSM = 0x06, ATA_READ = 0x20, ATA_READ_EXT = 0x24,
	ATA_READ_DMA_EXT = 0x25, ATA_WRITE = 0x30, ATA_WRITE_EXT = 0x34,
	ATA_READ_DMA = 0xc8, ATA_CHECK_POWER = 0xe5, ATA_CHECK_POWER_OLD = 0x98,
	ATA_FLUSH = 0xe7, ATA_FLUSH_EXT = 0xea, ATA_IDENTIFY = 0xec
};

struct frame {
	size_t	len;
	uint8_t	b[FRAME_MAX];
};

struct target {
	unsigned shelf, slot;
	uint8_t	mac[6];
	unsigned buffers;	/* as its config reply says; 0 until asked */
	unsigned sectors;	/* most sectors per command */
};

static struct {			/* the command line */
	const char *ifname;
	uint8_t	dst[6];		/* -a */
	uint8_t	src[6];		/* -S */
	int	have_dst, have_src;
	int	timeout;	/* ms */
	int	tries;
	unsigned count;		/* -c: sectors per command, 0: the target's */
	int	narrow;		/* -2: 28-bit commands */
	int	lax;
	int	verbose;
} opt = { .timeout = 500, .tries = 3 };

static struct {			/* the link */
	int	fd;
	uint8_t	mac[6];		/* the source address of what we send */
	unsigned mtu;
} lnk = { .fd = -1 };

static unsigned nfaults;
static volatile sig_atomic_t stopping;

static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

/* ---- bytes, numbers, names ---- */

static unsigned
get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void
put16(uint8_t *p, unsigned v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static void
put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static uint64_t
getle(const uint8_t *p, int n)
{
	uint64_t v;

	for (v = 0; n > 0; n--)
		v = v << 8 | p[n - 1];
	return v;
}

static void
putle(uint8_t *p, int n, uint64_t v)
{
	for (; n > 0; n--, v >>= 8)
		*p++ = v;
}

static int64_t
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

#define LBA_MAX	UINT64_C(0xffffffffffff)	/* 48 bits */

static uint64_t
number(const char *what, const char *s, uint64_t max)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(s, &end, 0);
	if (!isdigit((unsigned char)*s) || *end != '\0' || errno != 0 ||
	    v > max)
		errx(EX_LOCAL, "%s \"%s\": want a number from 0 to %" PRIu64,
		    what, s, max);
	return v;
}

static int
hexdigit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = tolower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Two digits, or -1. */
static int
hexbyte(const char *s)
{
	const int high = hexdigit(s[0]);
	const int low = high == -1 ? -1 : hexdigit(s[1]);

	return low == -1 ? -1 : high << 4 | low;
}

static void
parse_mac(const char *s, uint8_t mac[6])
{
	const char *p = s;
	int i, byte;

	for (i = 0; i < 6; i++) {
		if (i > 0 && *p == ':')
			p++;
		if ((byte = hexbyte(p)) < 0)
			break;
		mac[i] = byte;
		p += 2;
	}
	if (i < 6 || *p != '\0')
		errx(EX_LOCAL, "\"%s\" is not a MAC address", s);
}

/* One half of an address: a decimal number up to max, or * for any. */
static unsigned
parse_part(const char *whole, const char **p, unsigned any)
{
	unsigned long v;
	char *end;

	if (**p == '*') {
		++*p;
		return any;
	}
	v = strtoul(*p, &end, 10);
	if (!isdigit((unsigned char)**p) || v > any)
		errx(EX_LOCAL, "\"%s\" is not an address such as e9.0 or e*.*",
		    whole);
	*p = end;
	return v;
}

static void
parse_target(const char *s, struct target *t)
{
	const char *p = s + (*s == 'e');

	memset(t, 0, sizeof(*t));
	t->shelf = parse_part(s, &p, ANY_SHELF);
	if (*p++ != '.')
		errx(EX_LOCAL, "\"%s\" is not an address such as e9.0", s);
	t->slot = parse_part(s, &p, ANY_SLOT);
	if (*p != '\0')
		errx(EX_LOCAL, "\"%s\" is not an address such as e9.0", s);
}

static int
is_wild(const struct target *t)
{
	return t->shelf == ANY_SHELF || t->slot == ANY_SLOT;
}

static void
print_mac(FILE *fp, const uint8_t *m)
{
	fprintf(fp, "%02x:%02x:%02x:%02x:%02x:%02x",
	    m[0], m[1], m[2], m[3], m[4], m[5]);
}

static void
print_hex(FILE *fp, const uint8_t *p, size_t n)
{
	while (n-- > 0)
		fprintf(fp, "%02x", *p++);
	putc('\n', fp);
	fflush(fp);
}

/* Text from the wire, on one line and safe for a terminal. */
static void
print_text(FILE *fp, const uint8_t *p, size_t n)
{
	for (; n > 0; n--, p++)
		if (isprint(*p) && *p != '\\')
			putc(*p, fp);
		else
			fprintf(fp, "\\x%02x", *p);
}

/* ---- the link ---- */

static void
link_open(void)
{
	struct sockaddr_ll sll = { .sll_family = AF_PACKET };
	struct packet_mreq mr = { .mr_type = PACKET_MR_PROMISC };
	struct ifreq ifr = { .ifr_ifindex = 0 };
	int room = 8 << 20;

	if (opt.ifname == NULL)
		opt.ifname = "eth0";
	if (strlen(opt.ifname) >= sizeof(ifr.ifr_name))
		errx(EX_LOCAL, "%s: interface name too long", opt.ifname);
	memcpy(ifr.ifr_name, opt.ifname, strlen(opt.ifname) + 1);
	lnk.fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (lnk.fd == -1)
		err(EX_LOCAL, "packet socket");
	if (ioctl(lnk.fd, SIOCGIFMTU, &ifr) == -1)
		err(EX_LOCAL, "%s", opt.ifname);
	lnk.mtu = ifr.ifr_mtu;
	if (ioctl(lnk.fd, SIOCGIFHWADDR, &ifr) == -1)
		err(EX_LOCAL, "%s: address", opt.ifname);
	memcpy(lnk.mac, ifr.ifr_hwaddr.sa_data, 6);
	if (ioctl(lnk.fd, SIOCGIFINDEX, &ifr) == -1)
		err(EX_LOCAL, "%s: index", opt.ifname);

	/* A burst of jumbo replies must not be lost on this side. */
	if (setsockopt(lnk.fd, SOL_SOCKET, SO_RCVBUFFORCE, &room,
	    sizeof(room)) == -1)
		(void)setsockopt(lnk.fd, SOL_SOCKET, SO_RCVBUF, &room,
		    sizeof(room));
	sll.sll_protocol = htons(AOE_TYPE);
	sll.sll_ifindex = ifr.ifr_ifindex;
	if (bind(lnk.fd, (struct sockaddr *)&sll, sizeof(sll)) == -1)
		err(EX_LOCAL, "%s: bind", opt.ifname);
	if (opt.have_src) {
		/* Answers to a borrowed address have to come in as well. */
		memcpy(lnk.mac, opt.src, 6);
		mr.mr_ifindex = ifr.ifr_ifindex;
		if (setsockopt(lnk.fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &mr,
		    sizeof(mr)) == -1)
			err(EX_LOCAL, "%s: promiscuous mode", opt.ifname);
	}
}

static void
link_send(const struct frame *f)
{
	if (opt.verbose) {
		fputs("> ", stderr);
		print_hex(stderr, f->b, f->len);
	}
	/* A full queue or a link that is down is a lost frame: we resend. */
	if (send(lnk.fd, f->b, f->len, 0) == -1 && errno != ENOBUFS &&
	    errno != ENETDOWN && errno != EINTR)
		err(EX_LOCAL, "%s: send of %zu bytes", opt.ifname, f->len);
}

/* Wait until deadline for any AoE frame: 1, or 0 when time is up. */
static int
link_recv(struct frame *f, int64_t deadline)
{
	struct pollfd pfd = { .fd = lnk.fd, .events = POLLIN };
	struct sockaddr_ll from = { 0 };
	socklen_t fromlen;
	int64_t left;
	ssize_t n;

	while (!stopping) {
		fromlen = sizeof(from);
		n = recvfrom(lnk.fd, f->b, sizeof(f->b), MSG_DONTWAIT,
		    (struct sockaddr *)&from, &fromlen);
		if (n >= H_ARG && from.sll_pkttype != PACKET_OUTGOING) {
			f->len = n;
			if (opt.verbose) {
				fputs("< ", stderr);
				print_hex(stderr, f->b, f->len);
			}
			return 1;
		}
		if (n >= 0)
			continue;
		if (errno == ENETDOWN || errno == EINTR)
			continue;
		if (errno != EAGAIN)
			err(EX_LOCAL, "%s: receive", opt.ifname);
		left = deadline - now_us();
		if (left <= 0)
			return 0;
		if (poll(&pfd, 1, left / 1000 + 1) == -1 && errno != EINTR)
			err(EX_LOCAL, "poll");
	}
	return 0;
}

/*
 * Bit 31 is set as in all userland tools, so that the Linux driver leaves the
 * answers alone; the process id keeps two initiators on one interface apart.
 */
static uint32_t
tag_base(void)
{
	return 0x80000000U | (uint32_t)(getpid() & 0x7fff) << 16;
}

static uint32_t
next_tag(void)
{
	static uint16_t serial;

	return tag_base() | ++serial;
}

/* ---- frames and what an answer must look like ---- */

static void __attribute__((format(printf, 2, 3)))
fault(const struct frame *f, const char *fmt, ...)
{
	va_list ap;

	if (opt.lax)
		return;
	nfaults++;
	if (nfaults > 10)
		return;
	fputs("initiator: protocol fault: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("\n  ", stderr);
	print_hex(stderr, f->b, f->len < 80 ? f->len : 80);
}

static void
frame_begin(struct frame *f, const struct target *t, unsigned cmd, size_t len)
{
	memset(f->b, 0, len);
	f->len = len;
	memcpy(f->b + H_DST, is_wild(t) ? broadcast : t->mac, 6);
	memcpy(f->b + H_SRC, lnk.mac, 6);
	put16(f->b + H_TYPE, AOE_TYPE);
	f->b[H_VER] = 0x10;
	put16(f->b + H_SHELF, t->shelf);
	f->b[H_SLOT] = t->slot;
	f->b[H_CMD] = cmd;
}

static int
ata_failed(uint8_t status)
{
	return (status & 0xa9) != 0;	/* BSY, DF, DRQ or ERR */
}

static unsigned
sectors_in(const struct frame *req)
{
	switch (req->b[A_CMD]) {
	case ATA_READ:
	case ATA_READ_EXT:
	case ATA_READ_DMA:
	case ATA_READ_DMA_EXT:
		return req->b[A_COUNT];
	case ATA_IDENTIFY:
		return 1;
	}
	return 0;
}

/* How many bytes of an answer mean something; what follows is padding. */
static size_t
meaning(const struct frame *req, const struct frame *rep)
{
	const uint8_t *b = rep->b;
	int e = b[H_VER] & FLAG_E;

	switch (b[H_CMD]) {
	case CMD_ATA:
		if (e || ata_failed(b[A_CMD]))
			return A_DATA;
		return A_DATA + SECTOR * (size_t)sectors_in(req);
	case CMD_CONFIG:
		if (e && b[H_ERR] != 4)
			return C_STR;
		return C_STR + get16(b + C_LEN);
	case CMD_MASK:
		if (e || b[M_ERR] != 0)
			return M_DIR;
		return M_DIR + 8 * (size_t)b[M_N];
	case CMD_RESERVE:
		if (e && b[H_ERR] != 6)
			return R_MAC;
		return R_MAC + 6 * (size_t)b[R_N];
	}
	return H_ARG;
}

static void
check_ata(const struct frame *req, const struct frame *rep)
{
	uint8_t op = req->b[A_CMD], status = rep->b[A_CMD];
	int moves = sectors_in(req) || (req->b[A_FLAGS] & AF_W);

	if (rep->b[A_FLAGS] != req->b[A_FLAGS])
		fault(rep, "ATA flags %02x came back as %02x",
		    req->b[A_FLAGS], rep->b[A_FLAGS]);
	if (!(status & 0x40) || status & 0x88)
		fault(rep, "ATA status %02x: DRDY clear, or BSY or DRQ set",
		    status);
	if (rep->b[A_RES] != 0 || rep->b[A_RES + 1] != 0)
		fault(rep, "reserved ATA bytes are not zero");
	if (ata_failed(status)) {
		if (!(status & 0x01) || rep->b[A_FEAT] == 0)
			fault(rep, "ATA failure with ERR or error bits clear");
		return;
	}
	if (rep->b[A_FEAT] != 0)
		fault(rep, "ATA success with error register %02x",
		    rep->b[A_FEAT]);
	if (op == ATA_CHECK_POWER || op == ATA_CHECK_POWER_OLD)
		return;
	if (moves && rep->b[A_COUNT] != 0)
		fault(rep, "success with %u sectors left", rep->b[A_COUNT]);
	if (moves && op != ATA_IDENTIFY && op != ATA_DSM &&
	    memcmp(req->b + A_LBA, rep->b + A_LBA, 6) != 0)
		fault(rep, "success for another LBA");
}

static void
check_lists(const struct frame *req, const struct frame *rep)
{
	int i, n;

	if (rep->b[H_CMD] == CMD_CONFIG) {
		if (rep->b[C_CMD] != (0x10 | (req->b[C_CMD] & 15)))
			fault(rep, "config: version and CCmd are %02x",
			    rep->b[C_CMD]);
		if (get16(rep->b + C_BUFS) < 2)
			fault(rep, "config: %u buffers",
			    get16(rep->b + C_BUFS));
		if (get16(rep->b + C_LEN) > CONFIG_MAX)
			fault(rep, "config: string too long");
	} else if (rep->b[H_CMD] == CMD_MASK) {
		if (rep->b[M_CMD] != req->b[M_CMD] || rep->b[H_ARG] != 0)
			fault(rep, "mask: MCmd or reserved byte differs");
		n = rep->b[M_ERR] ? 0 : rep->b[M_N];
		for (i = 0; i < n && M_DIR + 8U * i + 2 <= rep->len; i++)
			if (get16(rep->b + M_DIR + 8 * i) != 0)
				fault(rep, "mask: entry %d is not plain", i);
	} else if (rep->b[H_CMD] == CMD_RESERVE) {
		if (rep->b[R_CMD] != req->b[R_CMD])
			fault(rep, "reserve: RCmd differs");
	}
}

/* Does rep, whose tag is right, keep every rule that an answer to req has? */
static void
check_reply(const struct frame *req, const struct frame *rep)
{
	const uint8_t *q = req->b, *b = rep->b;
	int e = b[H_VER] & FLAG_E;
	size_t i, used;

	if (rep->len < FRAME_MIN) {
		fault(rep, "%zu bytes, fewer than 60", rep->len);
		return;
	}
	if (b[H_VER] >> 4 != 1 || !(b[H_VER] & FLAG_R) || b[H_VER] & 3)
		fault(rep, "version and flags are %02x", b[H_VER]);
	if ((b[H_ERR] != 0) != (e != 0))
		fault(rep, "flag E and error %u disagree", b[H_ERR]);
	if (memcmp(b + H_DST, lnk.mac, 6) != 0)
		fault(rep, "answer was sent to another address");
	if (b[H_SRC] & 1)
		fault(rep, "answer comes from a group address");
	if (get16(b + H_SHELF) == ANY_SHELF || b[H_SLOT] == ANY_SLOT ||
	    (get16(q + H_SHELF) != ANY_SHELF &&
	    get16(q + H_SHELF) != get16(b + H_SHELF)) ||
	    (q[H_SLOT] != ANY_SLOT && q[H_SLOT] != b[H_SLOT]))
		fault(rep, "answer is from e%u.%u", get16(b + H_SHELF),
		    b[H_SLOT]);
	if (b[H_CMD] != q[H_CMD]) {
		fault(rep, "command %u answered as %u", q[H_CMD], b[H_CMD]);
		return;
	}
	if (!e && b[H_CMD] == CMD_ATA)
		check_ata(req, rep);
	else if (!e)
		check_lists(req, rep);

	used = meaning(req, rep);
	if (rep->len != (used < FRAME_MIN ? FRAME_MIN : used))
		fault(rep, "%zu bytes where %zu carry meaning", rep->len, used);
	for (i = used; i < rep->len; i++)
		if (b[i] != 0) {
			fault(rep, "padding byte %zu is %02x", i, b[i]);
			break;
		}
}

/* Is rep the answer to req?  On lo our own requests come back to us. */
static int
is_answer(const struct frame *req, const struct frame *rep)
{
	if (memcmp(req->b + H_TAG, rep->b + H_TAG, 4) != 0)
		return 0;
	if (rep->b[H_VER] & FLAG_R)
		return 1;
	if (memcmp(rep->b + H_SRC, lnk.mac, 6) != 0)
		fault(rep, "our tag in a frame without the R flag");
	return 0;
}

/* Send, wait, send again under a new tag; EX_OKAY, EX_SILENT or EX_AOE. */
static int
exchange(struct frame *req, struct frame *rep)
{
	int64_t deadline;
	int i;

	for (i = 0; i < opt.tries && !stopping; i++) {
		put32(req->b + H_TAG, next_tag());
		link_send(req);
		deadline = now_us() + opt.timeout * INT64_C(1000);
		while (link_recv(rep, deadline)) {
			if (!is_answer(req, rep))
				continue;
			check_reply(req, rep);
			return rep->b[H_VER] & FLAG_E ? EX_AOE : EX_OKAY;
		}
	}
	return EX_SILENT;
}

static const char *
aoe_error(unsigned code)
{
	static const char *const text[] = {
		"no such code", "command not recognised", "bad argument",
		"device unavailable", "config string present",
		"unsupported version", "target is reserved"
	};

	return text[code < sizeof(text) / sizeof(text[0]) ? code : 0];
}

/* Say on stderr what went wrong with an exchange; returns its status. */
static int
explain(int status, const struct target *t, const struct frame *rep)
{
	if (status == EX_SILENT && is_wild(t))
		warnx("no answer");
	else if (status == EX_SILENT)
		warnx("e%u.%u: no answer", t->shelf, t->slot);
	else if (status == EX_AOE)
		warnx("e%u.%u: AoE error %u: %s", t->shelf, t->slot,
		    rep->b[H_ERR], aoe_error(rep->b[H_ERR]));
	return status;
}

static void
take_config(struct target *t, const struct frame *rep)
{
	unsigned fit = (lnk.mtu + 14 - A_DATA) / SECTOR;

	memcpy(t->mac, rep->b + H_SRC, 6);
	t->buffers = get16(rep->b + C_BUFS);
	t->sectors = rep->b[C_SECT] ? rep->b[C_SECT] : 2;
	if (t->sectors > fit)
		t->sectors = fit ? fit : 1;
	if (opt.count)
		t->sectors = opt.count;
}

/*
 * Find where the target lives and what it takes, as real initiators do: a
 * config read to everybody.  A wildcard address stays a broadcast.
 */
static int
find(const char *address, struct target *t)
{
	struct frame req, rep;
	int status;

	parse_target(address, t);
	link_open();
	t->sectors = opt.count ? opt.count : 1;
	if (is_wild(t))
		return EX_OKAY;
	memcpy(t->mac, opt.have_dst ? opt.dst : broadcast, 6);
	frame_begin(&req, t, CMD_CONFIG, C_STR);
	status = exchange(&req, &rep);
	if (status == EX_OKAY)
		take_config(t, &rep);
	return explain(status, t, &rep);
}

/* ---- ATA ---- */

static void
ata_begin(struct frame *f, const struct target *t, unsigned op, uint64_t lba,
    unsigned count, size_t ndata)
{
	frame_begin(f, t, CMD_ATA, A_DATA + ndata);
	if (ndata > 0)
		f->b[A_FLAGS] = AF_W;
	f->b[A_COUNT] = count;
	f->b[A_CMD] = op;
	putle(f->b + A_LBA, 6, lba);
}

/* A read or write of the width chosen on the command line. */
static void
rw_begin(struct frame *f, const struct target *t, int write, uint64_t lba,
    unsigned count)
{
	size_t ndata = write ? (size_t)count * SECTOR : 0;

	if (opt.narrow) {
		ata_begin(f, t, write ? ATA_WRITE : ATA_READ, lba, count,
		    ndata);
		f->b[A_LBA + 3] |= 0xe0;
	} else {
		ata_begin(f, t, write ? ATA_WRITE_EXT : ATA_READ_EXT, lba,
		    count, ndata);
		f->b[A_FLAGS] |= AF_E;
	}
}

static int
explain_ata(const struct target *t, const struct frame *rep)
{
	static const char *const bit[] = {
		"AMNF", "NM", "ABRT", "MCR", "IDNF", "MC", "UNC", "ICRC"
	};
	uint8_t error = rep->b[A_FEAT];
	int i;

	fprintf(stderr, "initiator: e%u.%u: ATA error: status=%02x error=%02x",
	    t->shelf, t->slot, rep->b[A_CMD], error);
	for (i = 7; i >= 0; i--)
		if (error & 1 << i)
			fprintf(stderr, " %s", bit[i]);
	fprintf(stderr, " lba=%" PRIu64 "\n", getle(rep->b + A_LBA, 6));
	return EX_ATA;
}

/* One ATA command; every failure is explained on stderr. */
static int
ata(const struct target *t, struct frame *req, struct frame *rep)
{
	int status = exchange(req, rep);

	if (status != EX_OKAY)
		return explain(status, t, rep);
	if (rep->len < A_DATA || ata_failed(rep->b[A_CMD]))
		return explain_ata(t, rep);
	if (rep->len < A_DATA + SECTOR * (size_t)sectors_in(req)) {
		warnx("e%u.%u: too little data", t->shelf, t->slot);
		return EX_FAULT;
	}
	return EX_OKAY;
}

/* ---- stamped sectors ---- */

/*
 * A stamped sector holds a magic number, its own LBA, a generation, filler
 * that depends on both, and a checksum: 64 words of which none can be torn,
 * moved or kept from an earlier write unnoticed.  Generation 0 is a sector of
 * zeros, as a fresh sparse file has them.  The upper half of a generation
 * tells loads apart: it is the writer, 0 for the command "stamp".
 */
#define MAGIC	UINT64_C(0x706d617453456f41)	/* "AoEStamp" */

enum { STAMP_NONE, STAMP_ZERO, STAMP_GOOD };

static uint64_t
mix(uint64_t v)
{
	v ^= v >> 33;
	v *= UINT64_C(0xff51afd7ed558ccd);
	v ^= v >> 33;
	v *= UINT64_C(0xc4ceb9fe1a85ec53);
	return v ^ v >> 33;
}

static void
stamp(uint8_t *sector, uint64_t lba, uint64_t gen)
{
	uint64_t fill = mix(lba + mix(gen)), sum = fill;
	int i;

	if (gen == 0) {
		memset(sector, 0, SECTOR);
		return;
	}
	putle(sector, 8, MAGIC);
	putle(sector + 8, 8, lba);
	putle(sector + 16, 8, gen);
	for (i = 24; i < SECTOR - 8; i += 8) {
		fill += UINT64_C(0x9e3779b97f4a7c15);
		putle(sector + i, 8, fill);
		sum = (sum ^ fill) * UINT64_C(0x100000001b3);
	}
	putle(sector + i, 8, sum);
}

/* What a sector holds; lba and gen are set when it is well stamped. */
static int
read_stamp(const uint8_t *sector, uint64_t *lba, uint64_t *gen)
{
	static const uint8_t zero[SECTOR];
	uint8_t want[SECTOR];

	*gen = 0;
	if (memcmp(sector, zero, SECTOR) == 0)
		return STAMP_ZERO;
	if (getle(sector, 8) != MAGIC)
		return STAMP_NONE;
	*lba = getle(sector + 8, 8);
	*gen = getle(sector + 16, 8);
	stamp(want, *lba, *gen);
	return memcmp(sector, want, SECTOR) == 0 ? STAMP_GOOD : STAMP_NONE;
}

static void
describe(char *s, size_t size, const uint8_t *sector)
{
	uint64_t lba, gen;

	switch (read_stamp(sector, &lba, &gen)) {
	case STAMP_ZERO:
		snprintf(s, size, "zeros");
		break;
	case STAMP_GOOD:
		snprintf(s, size, "LBA %" PRIu64 " generation %" PRIu32
		    " of writer %" PRIu64, lba, (uint32_t)gen, gen >> 32);
		break;
	default:
		snprintf(s, size, "no good stamp (%02x%02x%02x%02x...)",
		    sector[0], sector[1], sector[2], sector[3]);
	}
}

/* ---- commands: discover, identify, config, mask, reserve ---- */

static void
print_config(const struct frame *rep)
{
	const uint8_t *b = rep->b;
	size_t n = get16(b + C_LEN);

	if (n > rep->len - C_STR)
		n = rep->len - C_STR;
	printf("e%u.%u ", get16(b + H_SHELF), b[H_SLOT]);
	print_mac(stdout, b + H_SRC);
	printf(" buffers=%u sectors=%u firmware=%04x config=",
	    get16(b + C_BUFS), b[C_SECT], get16(b + C_FW));
	print_text(stdout, b + C_STR, n);
	putchar('\n');
	fflush(stdout);
}

/* Everybody who answers; with an exact address the first one is enough. */
static int
cmd_discover(int argc, char **argv)
{
	struct target t;
	struct frame req, rep;
	int64_t deadline;
	int answers = 0;
	int i;

	parse_target(argc > 1 ? argv[1] : "e*.*", &t);
	memcpy(t.mac, opt.have_dst ? opt.dst : broadcast, 6);
	link_open();
	for (i = 0; i < opt.tries && answers == 0 && !stopping; i++) {
		frame_begin(&req, &t, CMD_CONFIG, C_STR);
		put32(req.b + H_TAG, next_tag());
		link_send(&req);
		deadline = now_us() + opt.timeout * INT64_C(1000);
		while (link_recv(&rep, deadline)) {
			if (!is_answer(&req, &rep))
				continue;
			check_reply(&req, &rep);
			if (rep.len < C_STR)
				continue;
			answers++;
			print_config(&rep);
			if (!is_wild(&t))
				break;
		}
	}
	return answers ? EX_OKAY : explain(EX_SILENT, &t, NULL);
}

static unsigned
word(const uint8_t *id, int i)
{
	return getle(id + 2 * i, 2);
}

/* ATA strings have their characters swapped in pairs and end in spaces. */
static void
print_id_text(const char *name, const uint8_t *id, int first, int last)
{
	uint8_t s[40];
	int i, n = 2 * (last - first + 1);

	for (i = 0; i < n; i++)
		s[i] = id[2 * first + (i ^ 1)];
	while (n > 0 && s[n - 1] == ' ')
		n--;
	printf("%s=", name);
	print_text(stdout, s, n);
	putchar('\n');
}

static void
print_features(const uint8_t *id)
{
	static const struct {
		int word, bit;
		const char *name;
	} feature[] = {
		{ 49, 8, "dma" }, { 49, 9, "lba" }, { 82, 0, "smart" },
		{ 82, 3, "power-management" }, { 82, 5, "write-cache" },
		{ 82, 6, "look-ahead" }, { 82, 10, "hpa" },
		{ 83, 10, "lba48" }, { 83, 12, "flush" },
		{ 83, 13, "flush-ext" }, { 84, 6, "fua" }, { 84, 8, "wwn" },
		{ 85, 5, "write-cache-on" }, { 169, 0, "trim" },
		{ 69, 14, "trim-deterministic" }, { 69, 5, "trim-zeroes" }
	};
	size_t i;

	printf("features=");
	for (i = 0; i < sizeof(feature) / sizeof(feature[0]); i++)
		if (word(id, feature[i].word) & 1U << feature[i].bit)
			printf("%s ", feature[i].name);
	putchar('\n');
	for (i = 82; i <= 87; i++)
		printf("word%zu=%04x\n", i, word(id, i));
}

static void
print_words(const uint8_t *id)
{
	int i;

	for (i = 0; i < 256; i++) {
		if (i % 8 == 0)
			printf("%3d:", i);
		printf(" %04x%s", word(id, i), i % 8 == 7 ? "\n" : "");
	}
}

static int
cmd_identify(int argc, char **argv)
{
	struct target t;
	struct frame req, rep;
	const uint8_t *id = rep.b + A_DATA;
	int words = argc > 2 && strcmp(argv[1], "--words") == 0;
	int i, status;
	uint8_t sum;

	status = find(argv[argc - 1], &t);
	if (status != EX_OKAY)
		return status;
	ata_begin(&req, &t, ATA_IDENTIFY, 0, 1, 0);
	req.b[A_LBA + 3] = 0xa0;
	status = ata(&t, &req, &rep);
	if (status != EX_OKAY)
		return status;

	print_id_text("model", id, 27, 46);
	print_id_text("serial", id, 10, 19);
	print_id_text("firmware", id, 23, 26);
	printf("sectors28=%" PRIu64 "\n", getle(id + 120, 4));
	printf("sectors48=%" PRIu64 "\n", getle(id + 200, 8));
	print_features(id);
	for (sum = 0, i = 0; i < SECTOR; i++)
		sum += id[i];
	if (id[510] != 0xa5)
		puts("checksum=none");
	else
		puts(sum == 0 ? "checksum=ok" : "checksum=bad");
	if (id[510] == 0xa5 && sum != 0)
		fault(&rep, "IDENTIFY checksum is off by %u", sum);
	if (words)
		print_words(id);
	return EX_OKAY;
}

/* All of stdin, up to max bytes. */
static size_t
slurp(uint8_t *p, size_t max)
{
	size_t n = fread(p, 1, max, stdin);

	if (ferror(stdin))
		err(EX_LOCAL, "stdin");
	if (n == max && getchar() != EOF)
		errx(EX_LOCAL, "more than %zu bytes on stdin", max);
	return n;
}

static int
choice(const char *word1, const char *const *names, const char *what)
{
	int i;

	for (i = 0; names[i] != NULL; i++)
		if (strcmp(word1, names[i]) == 0)
			return i;
	errx(EX_LOCAL, "%s: no sub-command \"%s\"", what, word1);
}

static int
cmd_config(int argc, char **argv)
{
	static const char *const names[] = {
		"read", "test", "prefix", "set", "force", NULL
	};
	struct target t;
	struct frame req, rep;
	int ccmd = choice(argv[1], names, "config"), status;
	size_t n = 0;

	if ((argc == 4) != (ccmd != 0))
		errx(EX_LOCAL, "config read ADDRESS | "
		    "config test|prefix|set|force ADDRESS STRING|-");
	status = find(argv[2], &t);
	if (status != EX_OKAY)
		return status;
	frame_begin(&req, &t, CMD_CONFIG, C_STR + CONFIG_MAX + 1);
	if (ccmd != 0 && strcmp(argv[3], "-") == 0) {
		n = slurp(req.b + C_STR, CONFIG_MAX + 1);
	} else if (ccmd != 0) {
		n = strnlen(argv[3], CONFIG_MAX + 1);
		memcpy(req.b + C_STR, argv[3], n);
	}
	req.len = C_STR + n;
	req.b[C_CMD] = ccmd;
	put16(req.b + C_LEN, n);
	status = exchange(&req, &rep);
	if (status == EX_SILENT)
		return explain(status, &t, NULL);
	n = get16(rep.b + C_LEN);
	if (rep.len >= C_STR + n && (status == EX_OKAY || rep.b[H_ERR] == 4)) {
		fwrite(rep.b + C_STR, 1, n, stdout);
		putchar('\n');
	}
	return explain(status, &t, &rep);
}

/* mask edit takes +MAC, -MAC and =MAC (directive 0); add and del are sugar. */
static void
put_directive(uint8_t *p, int sub, const char *s)
{
	static const char sign[] = "=+-";

	p[1] = sub - 1;
	if (sub == 1) {
		if (*s == '\0' || strchr(sign, *s) == NULL)
			errx(EX_LOCAL, "mask edit: \"%s\" is not +MAC or -MAC",
			    s);
		p[1] = strchr(sign, *s++) - sign;
	}
	parse_mac(s, p + 2);
}

static int
cmd_mask(int argc, char **argv)
{
	static const char *const names[] = {
		"read", "edit", "add", "del", NULL
	};
	struct target t;
	struct frame req, rep;
	int sub = choice(argv[1], names, "mask");
	int i, n = argc - 3, status;

	if (n > 255 || (sub == 0 && n > 0))
		errx(EX_LOCAL, "mask %s: too many addresses", names[sub]);
	status = find(argv[2], &t);
	if (status != EX_OKAY)
		return status;
	frame_begin(&req, &t, CMD_MASK, M_DIR + 8 * (size_t)n);
	req.b[M_CMD] = sub != 0;
	req.b[M_N] = n;
	for (i = 0; i < n; i++)
		put_directive(req.b + M_DIR + 8 * i, sub, argv[i + 3]);
	status = exchange(&req, &rep);
	if (status != EX_OKAY)
		return explain(status, &t, &rep);
	if (rep.b[M_ERR] != 0) {
		warnx("e%u.%u: mask error %u at directive %u", t.shelf, t.slot,
		    rep.b[M_ERR], rep.b[M_N]);
		return EX_AOE;
	}
	for (i = 0; i < rep.b[M_N] && M_DIR + 8U * (i + 1) <= rep.len; i++) {
		print_mac(stdout, rep.b + M_DIR + 8 * i + 2);
		putchar('\n');
	}
	return EX_OKAY;
}

static int
cmd_reserve(int argc, char **argv)
{
	static const char *const names[] = { "read", "set", "force", NULL };
	struct target t;
	struct frame req, rep;
	int sub = choice(argv[1], names, "reserve");
	int i, n = argc - 3, status;

	if (n > 255)
		errx(EX_LOCAL, "reserve: too many addresses");
	status = find(argv[2], &t);
	if (status != EX_OKAY)
		return status;
	frame_begin(&req, &t, CMD_RESERVE, R_MAC + 6 * (size_t)n);
	req.b[R_CMD] = sub;
	req.b[R_N] = n;
	for (i = 0; i < n; i++)
		parse_mac(argv[i + 3], req.b + R_MAC + 6 * i);
	status = exchange(&req, &rep);
	if (status == EX_SILENT)
		return explain(status, &t, NULL);
	n = status == EX_OKAY || rep.b[H_ERR] == 6 ? rep.b[R_N] : 0;
	for (i = 0; i < n && R_MAC + 6U * (i + 1) <= rep.len; i++) {
		print_mac(stdout, rep.b + R_MAC + 6 * i);
		putchar('\n');
	}
	return explain(status, &t, &rep);
}

/* ---- commands: read, write, stamp, verify, flush, trim, ata ---- */

/* A range of sectors, as ADDRESS LBA NSEC say, in frames as large as can be. */
struct span {
	struct target t;
	uint64_t lba, left;		/* of the frame, from there on */
	unsigned now;			/* sectors in the frame */
	int status;
};

static void
span_open(struct span *s, char **argv)
{
	s->lba = number("LBA", argv[2], LBA_MAX);
	s->left = number("sectors", argv[3], LBA_MAX);
	s->now = 0;
	s->status = find(argv[1], &s->t);
}

/* Begin the frame for the next part.  0 at the end, or when one failed. */
static int
span_next(struct span *s, struct frame *req, int write)
{
	s->lba += s->now;
	s->left -= s->now;
	if (s->left == 0 || s->status != EX_OKAY)
		return 0;
	s->now = s->left < s->t.sectors ? s->left : s->t.sectors;
	rw_begin(req, &s->t, write, s->lba, s->now);
	return 1;
}

static int
cmd_read(int argc, char **argv)
{
	struct span s;
	struct frame req, rep;

	(void)argc;
	span_open(&s, argv);
	while (span_next(&s, &req, 0)) {
		s.status = ata(&s.t, &req, &rep);
		if (s.status == EX_OKAY &&
		    fwrite(rep.b + A_DATA, SECTOR, s.now, stdout) != s.now)
			err(EX_LOCAL, "stdout");
	}
	if (fflush(stdout) == EOF)
		err(EX_LOCAL, "stdout");
	return s.status;
}

static int
cmd_write(int argc, char **argv)
{
	struct target t;
	struct frame req, rep;
	uint64_t lba = number("LBA", argv[2], LBA_MAX);
	uint8_t buf[255 * SECTOR];
	size_t n;
	int status;

	(void)argc;
	status = find(argv[1], &t);
	while (status == EX_OKAY &&
	    (n = fread(buf, 1, t.sectors * (size_t)SECTOR, stdin)) > 0) {
		if (n % SECTOR != 0)
			errx(EX_LOCAL, "stdin is not a multiple of 512 bytes");
		n /= SECTOR;
		rw_begin(&req, &t, 1, lba, n);
		memcpy(req.b + A_DATA, buf, n * SECTOR);
		status = ata(&t, &req, &rep);
		lba += n;
	}
	return status;
}

static int
cmd_stamp(int argc, char **argv)
{
	struct span s;
	struct frame req, rep;
	uint64_t gen = number("generation", argv[4], UINT32_MAX);
	unsigned i;

	(void)argc;
	span_open(&s, argv);
	while (span_next(&s, &req, 1)) {
		for (i = 0; i < s.now; i++)
			stamp(req.b + A_DATA + i * SECTOR, s.lba + i, gen);
		s.status = ata(&s.t, &req, &rep);
	}
	return s.status;
}

static int
cmd_verify(int argc, char **argv)
{
	struct span s;
	struct frame req, rep;
	uint64_t gen = number("generation", argv[4], UINT32_MAX);
	uint64_t bad = 0;
	uint8_t want[SECTOR];
	char text[80];
	unsigned i;

	(void)argc;
	span_open(&s, argv);
	while (span_next(&s, &req, 0)) {
		s.status = ata(&s.t, &req, &rep);
		for (i = 0; i < s.now && s.status == EX_OKAY; i++) {
			stamp(want, s.lba + i, gen);
			if (memcmp(rep.b + A_DATA + i * SECTOR, want,
			    SECTOR) == 0 || bad++ >= 10)
				continue;
			describe(text, sizeof(text),
			    rep.b + A_DATA + i * SECTOR);
			warnx("LBA %" PRIu64 ": %s", s.lba + i, text);
		}
	}
	if (bad > 0)
		warnx("%" PRIu64 " sectors are not of generation %" PRIu64,
		    bad, gen);
	return s.status == EX_OKAY && bad > 0 ? EX_MISMATCH : s.status;
}

static int
cmd_flush(int argc, char **argv)
{
	struct target t;
	struct frame req, rep;
	int status;

	(void)argc;
	status = find(argv[1], &t);
	if (status != EX_OKAY)
		return status;
	ata_begin(&req, &t, opt.narrow ? ATA_FLUSH : ATA_FLUSH_EXT, 0, 0, 0);
	if (!opt.narrow)
		req.b[A_FLAGS] = AF_E;
	return ata(&t, &req, &rep);
}

static int
cmd_trim(int argc, char **argv)
{
	struct target t;
	struct frame req, rep;
	int i, n = (argc - 2) / 2, status;
	unsigned blocks = (n + 63) / 64;

	if (argc % 2 != 0 || n < 1)
		errx(EX_LOCAL, "trim ADDRESS LBA NSEC [LBA NSEC ...]");
	status = find(argv[1], &t);
	if (status != EX_OKAY)
		return status;
	ata_begin(&req, &t, ATA_DSM, 0, blocks, blocks * (size_t)SECTOR);
	req.b[A_FLAGS] |= AF_E;
	req.b[A_FEAT] = 1;
	for (i = 0; i < n; i++) {
		putle(req.b + A_DATA + 8 * i, 6, number("LBA",
		    argv[2 + 2 * i], LBA_MAX));
		putle(req.b + A_DATA + 8 * i + 6, 2, number("sectors",
		    argv[3 + 2 * i], 0xffff));
	}
	return ata(&t, &req, &rep);
}

/* The value of key=value, or NULL if arg has another key. */
static const char *
value_of(const char *arg, const char *key)
{
	size_t n = strlen(key);

	return strncmp(arg, key, n) == 0 && arg[n] == '=' ? arg + n + 1 : NULL;
}

/* Append a file's bytes (- for stdin) to the frame and set W. */
static void
append_file(struct frame *f, const char *name)
{
	FILE *fp = strcmp(name, "-") == 0 ? stdin : fopen(name, "r");

	if (fp == NULL)
		err(EX_LOCAL, "%s", name);
	f->b[A_FLAGS] |= AF_W;
	f->len += fread(f->b + f->len, 1, sizeof(f->b) - f->len, fp);
	if (fp != stdin)
		fclose(fp);
}

static int
cmd_ata(int argc, char **argv)
{
	struct target t;
	struct frame req, rep;
	const char *v, *out = NULL;
	char *end;
	size_t ndata;
	FILE *fp;
	int i, status;
	unsigned long op = strtoul(argv[2], &end, 16);

	if (end == argv[2] || *end != '\0' || op > 0xff)
		errx(EX_LOCAL, "opcode \"%s\": want 00 to ff", argv[2]);
	status = find(argv[1], &t);
	if (status != EX_OKAY)
		return status;
	ata_begin(&req, &t, op, 0, 0, 0);
	for (i = 3; i < argc; i++)
		if ((v = value_of(argv[i], "feature")) != NULL)
			req.b[A_FEAT] = number("feature", v, 255);
		else if ((v = value_of(argv[i], "count")) != NULL)
			req.b[A_COUNT] = number("count", v, 255);
		else if ((v = value_of(argv[i], "lba")) != NULL)
			putle(req.b + A_LBA, 6, number("lba", v, LBA_MAX));
		else if ((v = value_of(argv[i], "data")) != NULL)
			append_file(&req, v);
		else if ((v = value_of(argv[i], "flags")) != NULL)
			req.b[A_FLAGS] = number("flags", v, 255);
		else if ((v = value_of(argv[i], "out")) != NULL)
			out = v;
		else
			errx(EX_LOCAL, "ata: \"%s\" is not feature=, count=, "
			    "lba=, data=FILE, flags= or out=FILE", argv[i]);
	status = exchange(&req, &rep);
	if (status != EX_OKAY)
		return explain(status, &t, &rep);
	ndata = meaning(&req, &rep) - A_DATA;
	if (rep.len < A_DATA + ndata)
		ndata = rep.len < A_DATA ? 0 : rep.len - A_DATA;
	printf("status=%02x error=%02x count=%02x lba=%" PRIu64 " data=%zu\n",
	    rep.b[A_CMD], rep.b[A_FEAT], rep.b[A_COUNT],
	    getle(rep.b + A_LBA, 6), ndata);
	if (out != NULL) {
		fp = fopen(out, "w");
		if (fp == NULL || fwrite(rep.b + A_DATA, 1, ndata, fp) !=
		    ndata || fclose(fp) == EOF)
			err(EX_LOCAL, "%s", out);
	}
	return ata_failed(rep.b[A_CMD]) ? EX_ATA : EX_OKAY;
}

/* ---- commands: raw, listen ---- */

/* Hex digits to a frame; spaces, colons, dots and bars are for the eye. */
static void
parse_hex(const char *s, struct frame *f)
{
	int byte;

	f->len = 0;
	for (; *s != '\0'; s += 2) {
		while (*s != '\0' && strchr(" \t\n:.|", *s) != NULL)
			s++;
		if (*s == '\0')
			break;
		if ((byte = hexbyte(s)) < 0)
			errx(EX_LOCAL, "not hex at \"%.8s\"", s);
		if (f->len == sizeof(f->b))
			errx(EX_LOCAL, "frame too long");
		f->b[f->len++] = byte;
	}
}

/* Print every answer until the timeout; the checking is left to the user. */
static int
print_answers(void)
{
	int64_t deadline = now_us() + opt.timeout * INT64_C(1000);
	struct frame rep;
	int n = 0;

	while (link_recv(&rep, deadline))
		if (rep.b[H_VER] & FLAG_R) {
			print_hex(stdout, rep.b, rep.len);
			n++;
		}
	return n;
}

static int
cmd_raw(int argc, char **argv)
{
	struct frame f;
	char *line = NULL;
	size_t size = 0;
	int i;

	link_open();
	if (strcmp(argv[1], "-") == 0) {
		while (getline(&line, &size, stdin) != -1) {
			parse_hex(line, &f);
			if (f.len > 0)
				link_send(&f);
		}
		free(line);
	}
	for (i = 1; i < argc && strcmp(argv[1], "-") != 0; i++) {
		parse_hex(argv[i], &f);
		link_send(&f);
	}
	return print_answers() > 0 ? EX_OKAY : EX_SILENT;
}

static void
filter(struct sock_filter *ops, unsigned short n)
{
	struct sock_fprog prog = { n, ops };

	if (setsockopt(lnk.fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
	    sizeof(prog)) == -1)
		err(EX_LOCAL, "socket filter");
}

/*
 * Only frames with tag 0, told apart in the kernel: among the answers to a
 * load on this interface an advert would drown.
 */
static void
only_unasked(void)
{
	struct sock_filter ops[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, H_TAG),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, FRAME_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0)
	};

	filter(ops, sizeof(ops) / sizeof(ops[0]));
}

/* Two loads on one interface need not hear each other's answers. */
static void
only_ours(void)
{
	struct sock_filter ops[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, H_DST),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, get32(lnk.mac), 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, H_DST + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, get16(lnk.mac + 4), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, FRAME_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0)
	};

	filter(ops, sizeof(ops) / sizeof(ops[0]));
}

/* The frames that arrive, in hex; "listening" on stderr once it is so. */
static int
cmd_listen(int argc, char **argv)
{
	int max = argc > 1 ? (int)number("frames", argv[1], 1 << 30) : 0;
	int64_t deadline;
	struct frame f;
	int n;

	link_open();
	if (strcmp(argv[0], "adverts") == 0)
		only_unasked();
	deadline = now_us() + opt.timeout * INT64_C(1000);
	fputs("listening\n", stderr);
	for (n = 0; (max == 0 || n < max) && link_recv(&f, deadline); n++)
		print_hex(stdout, f.b, f.len);
	return n > 0 ? EX_OKAY : EX_SILENT;
}

/* ---- load: many requests outstanding, every byte checked ---- */

/*
 * What a sector may hold.  Each frame that writes carries a generation of its
 * own, also when it asks for the same again, and the target has to do things
 * in the order in which they arrive.  So what one writer has in a sector only
 * ever gets newer, and two rules hold for every writer, us or another:
 *
 *   - nothing older than what it is known to have had there;
 *   - once something of another writer was there, seen by a read or known by
 *     the answer to our own write, nothing that was there before that.
 *
 * "Known" is what was known when a request was sent: the target may run it any
 * time from then on.  What was there before us all is a writer, too, with one
 * generation only.
 */
enum { W_PAST, W_SELF, WRITERS = 9 };

struct sector {
	uint32_t min[WRITERS];	/* the oldest generation that may be there */
	uint32_t had[WRITERS];	/* the newest known to have been there */
	uint32_t hi;		/* our newest, sent */
	uint64_t past;		/* stamp that was there first, once seen */
	uint8_t	known;		/* past is set */
};

struct slot {			/* one request outstanding */
	int	busy;
	int	kind;
	uint64_t lba;
	unsigned n;
	uint32_t gen;
	uint16_t serial;	/* low half of its present tag */
	int	resent;
	int64_t	born, sent, due;
	struct sector was[256];	/* what we knew when it was sent */
	struct frame req;
};

enum { KIND_READ, KIND_WRITE, KIND_FLUSH, KINDS };
enum { TAG_FREE, TAG_OUT, TAG_RESENT, TAG_DONE };

static struct {
	struct target t;
	unsigned window, reads, flushes, maxsec;
	int	overlap;
	int	follow;		/* to where the target says it is now */
	uint64_t first, range, limit, seed, rng;
	uint64_t writer[WRITERS];
	unsigned nwriters;
	int	strict;		/* -y: the past is zeros, all writers known */
	uint64_t shared, nshared;	/* sectors that others write, too */
	int64_t	giveup, end;
	FILE	*journal;
	struct sector *sec;
	struct slot *slot;
	struct {
		uint8_t	state, slot;
	} tag[65536];
	uint16_t serial;
	uint32_t gen;
	int64_t	rtt, dev;	/* us, mean and mean deviation */
	unsigned out;		/* requests outstanding */
	uint64_t issued, done[KINDS], sectors;
	uint64_t resent, late, mismatches, ata_errors, aoe_errors;
	uint64_t unanswered, moves;
	int64_t	longest;	/* us, from first sending to answer */
} ld = {
	.window = 16, .reads = 50, .limit = UINT64_MAX,
	.giveup = 10 * 1000000, .rtt = 20000
};

static uint64_t
draw(uint64_t below)
{
	ld.rng += UINT64_C(0x9e3779b97f4a7c15);
	return mix(ld.rng) % below;
}

/*
 * Twice the mean round trip and eight times its deviation, as the Linux
 * driver has it, with a floor for machines that other people use too.
 */
static int64_t
rto(const struct slot *s)
{
	int64_t v = 2 * ld.rtt + 8 * ld.dev;

	if (v < 20000)
		v = 20000;
	v <<= s->resent < 6 ? s->resent : 6;
	return v > 2000000 ? 2000000 : v;
}

static struct sector *
sectors_of(const struct slot *s)
{
	return ld.sec + (s->lba - ld.first);
}

/* A write's next generation, into its frame and its sectors. */
static void
slot_stamp(struct slot *s)
{
	struct sector *sec = sectors_of(s);
	unsigned i;

	s->gen = ++ld.gen;
	for (i = 0; i < s->n; i++) {
		stamp(s->req.b + A_DATA + i * SECTOR, s->lba + i,
		    ld.writer[W_SELF] << 32 | s->gen);
		sec[i].hi = s->gen;
	}
	if (ld.journal != NULL)
		fprintf(ld.journal, "w %" PRIu32 " %" PRIu64 " %u\n", s->gen,
		    s->lba, s->n);
}

/* Put a slot's request on the wire under a tag that is not in use. */
static void
slot_send(struct slot *s)
{
	if (s->kind == KIND_WRITE)
		slot_stamp(s);
	if (s->kind != KIND_FLUSH)
		memcpy(s->was, sectors_of(s), s->n * sizeof(*s->was));
	do
		ld.serial++;
	while (ld.tag[ld.serial].state == TAG_OUT);
	s->serial = ld.serial;
	ld.tag[s->serial].state = TAG_OUT;
	ld.tag[s->serial].slot = s - ld.slot;
	put32(s->req.b + H_TAG, tag_base() | s->serial);
	s->sent = now_us();
	s->due = s->sent + rto(s);
	link_send(&s->req);
}

static void
slot_resend(struct slot *s)
{
	ld.tag[s->serial].state = TAG_RESENT;
	ld.resent++;
	s->resent++;
	memcpy(s->req.b + H_DST, ld.t.mac, 6);
	slot_send(s);
}

static int
overlaps(uint64_t lba, unsigned n)
{
	const struct slot *s;

	for (s = ld.slot; s < ld.slot + ld.window; s++)
		if (s->busy && s->kind != KIND_FLUSH && lba < s->lba + s->n &&
		    s->lba < lba + n)
			return 1;
	return 0;
}

/* Half of the requests meet those of the other writers. */
static void
choose_place(struct slot *s)
{
	uint64_t first = ld.first, range = ld.range;

	if (ld.nshared > 0 && draw(2) == 0) {
		first = ld.shared;
		range = ld.nshared;
	}
	s->n = 1 + draw(ld.maxsec < range ? ld.maxsec : range);
	s->lba = first + draw(range - s->n + 1);
}

/* Begin a random request; 0 when no free place was found for it. */
static int
issue(void)
{
	struct slot *s;
	unsigned i, pct = draw(100);

	for (s = ld.slot; s->busy; s++)
		continue;
	s->kind = pct < ld.flushes ? KIND_FLUSH :
	    draw(100) < ld.reads ? KIND_READ : KIND_WRITE;
	for (i = 0; i < 32; i++) {
		choose_place(s);
		if (s->kind == KIND_FLUSH || ld.overlap ||
		    !overlaps(s->lba, s->n))
			break;
	}
	if (i == 32)
		return 0;
	if (s->kind == KIND_FLUSH) {
		ata_begin(&s->req, &ld.t, ATA_FLUSH_EXT, 0, 0, 0);
		s->req.b[A_FLAGS] = AF_E;
	} else {
		rw_begin(&s->req, &ld.t, s->kind == KIND_WRITE, s->lba, s->n);
	}
	s->busy = 1;
	s->resent = 0;
	s->born = now_us();
	ld.out++;
	ld.issued++;
	slot_send(s);
	return 1;
}

/* Somebody's write was there after all that we knew then: that is gone. */
static void
was_there(struct sector *sec, const struct sector *was, unsigned writer,
    uint32_t gen)
{
	unsigned w;

	for (w = 0; w < ld.nwriters; w++)
		if (w != writer && sec->min[w] <= was->had[w])
			sec->min[w] = was->had[w] + 1;
	if (sec->min[writer] < gen)
		sec->min[writer] = gen;
	if (sec->had[writer] < gen)
		sec->had[writer] = gen;
}

static unsigned
writers_at(uint64_t lba)
{
	return lba >= ld.shared && lba - ld.shared < ld.nshared ?
	    ld.nwriters : W_SELF + 1;
}

/* Whose well stamped data this is; WRITERS if it is nobody's. */
static unsigned
whose(const struct sector *sec, uint64_t where, uint64_t found)
{
	unsigned w;

	for (w = W_SELF; w < writers_at(where); w++)
		if (found >> 32 == ld.writer[w])
			return w;
	/* The past is not ours to judge, but it must not change. */
	if (ld.strict)
		return found == 0 ? W_PAST : WRITERS;
	return !sec->known || found == sec->past ? W_PAST : WRITERS;
}

/* May this be there?  If so, it is known from now on. */
static int
acceptable(uint64_t where, const uint8_t *data, const struct sector *was)
{
	struct sector *sec = ld.sec + (where - ld.first);
	uint64_t lba = where, found;
	int kind = read_stamp(data, &lba, &found);
	uint32_t gen = 0;
	unsigned w;

	if (kind == STAMP_NONE)		/* something old that we cannot know */
		return !ld.strict && !sec->known && was->min[W_PAST] == 0;
	if (lba != where)
		return 0;
	w = whose(sec, where, found);
	if (w == WRITERS)
		return 0;
	if (w != W_PAST)
		gen = found;
	if (gen < was->min[w] || (w == W_SELF && gen > sec->hi))
		return 0;
	if (w == W_PAST) {
		sec->known = 1;
		sec->past = found;
	}
	was_there(sec, was, w, gen);
	return 1;
}

static void
check_sector(uint64_t where, const uint8_t *data, const struct sector *was)
{
	const struct sector *sec = ld.sec + (where - ld.first);
	char text[80];
	unsigned w;

	if (acceptable(where, data, was) || ld.mismatches++ >= 10)
		return;
	describe(text, sizeof(text), data);
	warnx("mismatch at LBA %" PRIu64 ": found %s", where, text);
	for (w = W_SELF; w < writers_at(where); w++)
		warnx("  it may be of writer %" PRIu64 ", generation %" PRIu32
		    " to %" PRIu32, ld.writer[w], was->min[w],
		    w == W_SELF ? sec->hi : UINT32_MAX);
	if (was->min[W_PAST] == 0)
		warnx("  or be as it was at first");
}

static void
finish_write(const struct slot *s)
{
	unsigned i;

	for (i = 0; i < s->n; i++)
		was_there(sectors_of(s) + i, &s->was[i], W_SELF, s->gen);
	if (ld.journal != NULL)
		fprintf(ld.journal, "a %" PRIu32 "\n", s->gen);
}

static void
finish(struct slot *s, const struct frame *rep)
{
	int good = 0;
	unsigned i;

	check_reply(&s->req, rep);
	if (rep->b[H_VER] & FLAG_E) {
		if (ld.aoe_errors++ == 0)
			explain(EX_AOE, &ld.t, rep);
	} else if (rep->len < A_DATA || ata_failed(rep->b[A_CMD])) {
		if (ld.ata_errors++ == 0)
			explain_ata(&ld.t, rep);
	} else {
		good = 1;
	}
	if (s->kind == KIND_WRITE && good)
		finish_write(s);
	else if (s->kind == KIND_READ && good)
		for (i = 0; i < s->n && A_DATA + (i + 1U) * SECTOR <= rep->len;
		    i++)
			check_sector(s->lba + i, rep->b + A_DATA + i * SECTOR,
			    &s->was[i]);
	if (now_us() - s->born > ld.longest)
		ld.longest = now_us() - s->born;
	ld.done[s->kind]++;
	if (s->kind != KIND_FLUSH)
		ld.sectors += s->n;
	s->busy = 0;
	ld.out--;
}

static void
measure(int64_t rtt)
{
	int64_t diff = rtt - ld.rtt;

	ld.rtt += diff / 8;
	ld.dev += ((diff < 0 ? -diff : diff) - ld.dev) / 4;
}

/* The target advertises itself: is it somewhere else now? */
static void
load_follow(const struct frame *rep)
{
	const uint8_t *b = rep->b;

	if (!ld.follow || rep->len < C_STR || !(b[H_VER] & FLAG_R) ||
	    b[H_CMD] != CMD_CONFIG || get32(b + H_TAG) != 0 ||
	    get16(b + H_SHELF) != ld.t.shelf || b[H_SLOT] != ld.t.slot ||
	    memcmp(b + H_SRC, ld.t.mac, 6) == 0)
		return;
	memcpy(ld.t.mac, b + H_SRC, 6);
	ld.moves++;
}

static void
load_receive(const struct frame *rep)
{
	uint32_t tag = get32(rep->b + H_TAG);
	struct slot *s;

	load_follow(rep);
	if ((tag & 0xffff0000) != tag_base() || !(rep->b[H_VER] & FLAG_R))
		return;		/* another initiator's, or lo's echo of ours */
	s = ld.slot + ld.tag[tag & 0xffff].slot;
	switch (ld.tag[tag & 0xffff].state) {
	case TAG_OUT:
		measure(now_us() - s->sent);
		finish(s, rep);
		break;
	case TAG_RESENT:
		/* Too late: like the Linux driver we wait for the new tag. */
		ld.late++;
		break;
	case TAG_DONE:
		fault(rep, "answered twice");
		break;
	default:
		/* Left over from what find() asked, or invented. */
		if ((tag & 0xffff) > 2U * opt.tries)
			fault(rep, "answer to a tag that was never sent");
		return;
	}
	ld.tag[tag & 0xffff].state = TAG_DONE;
}

/* Resend what is overdue; returns when the next request will be. */
static int64_t
load_overdue(void)
{
	int64_t now = now_us(), next = now + 100000;
	struct slot *s;

	for (s = ld.slot; s < ld.slot + ld.window; s++) {
		if (!s->busy)
			continue;
		if (now - s->born > ld.giveup) {
			ld.unanswered = ld.out;
			return now;
		}
		if (now >= s->due)
			slot_resend(s);
		if (s->due < next)
			next = s->due;
	}
	return next;
}

static void
load_run(void)
{
	int64_t next, linger;
	struct frame rep;
	int active;

	do {
		if (stopping) {		/* a signal: no more, but finish */
			stopping = 0;
			ld.end = 0;
		}
		active = now_us() < ld.end && ld.issued < ld.limit;
		while (active && ld.out < ld.window && ld.issued < ld.limit)
			if (!issue())
				break;
		next = load_overdue();
		if (ld.unanswered)
			return;
		if (ld.out > 0 && link_recv(&rep, next)) {
			do
				load_receive(&rep);
			while (link_recv(&rep, 0));
		}
	} while (active || ld.out > 0);

	/* Answers still under way tell late from lost. */
	linger = now_us() + 200000;
	while (ld.late < ld.resent && link_recv(&rep, linger))
		load_receive(&rep);
}

static void
load_report(int64_t us)
{
	printf("requests=%" PRIu64 " reads=%" PRIu64 " writes=%" PRIu64
	    " flushes=%" PRIu64 " sectors=%" PRIu64 " retransmits=%" PRIu64
	    " late=%" PRIu64 " mismatches=%" PRIu64 " errors=%" PRIu64
	    " faults=%u unanswered=%" PRIu64 " seconds=%" PRId64 ".%03d"
	    " rtt_us=%" PRId64 " longest_ms=%" PRId64 " moves=%" PRIu64
	    " seed=%" PRIu64 "\n",
	    ld.done[0] + ld.done[1] + ld.done[2], ld.done[KIND_READ],
	    ld.done[KIND_WRITE], ld.done[KIND_FLUSH], ld.sectors, ld.resent,
	    ld.late, ld.mismatches, ld.ata_errors + ld.aoe_errors, nfaults,
	    ld.unanswered, us / 1000000, (int)(us / 1000 % 1000), ld.rtt,
	    ld.longest / 1000, ld.moves, ld.seed);
}

/* The size of the disk, for a load that was given no range. */
static int
load_size(uint64_t *size)
{
	struct frame req, rep;
	int status;

	ata_begin(&req, &ld.t, ATA_IDENTIFY, 0, 1, 0);
	status = ata(&ld.t, &req, &rep);
	*size = status == EX_OKAY ? getle(rep.b + A_DATA + 200, 8) : 0;
	return status;
}

static void
parse_range(const char *what, char *s, uint64_t *first, uint64_t *n)
{
	char *comma = strchr(s, ',');

	if (comma == NULL)
		errx(EX_LOCAL, "%s wants FIRST,SECTORS", what);
	*comma = '\0';
	*first = number(what, s, UINT64_MAX);
	*n = number(what, comma + 1, 1 << 28);
}

/* Us first, then those who write at the same time. */
static void
parse_writers(char *s)
{
	char *id;

	ld.strict = 1;
	ld.nwriters = W_SELF;
	for (id = strtok(s, ","); id != NULL; id = strtok(NULL, ",")) {
		if (ld.nwriters == WRITERS)
			errx(EX_LOCAL, "-y takes %d writers", WRITERS - W_SELF);
		ld.writer[ld.nwriters] = number("-y", id, UINT32_MAX);
		if (ld.writer[ld.nwriters++] == 0)
			errx(EX_LOCAL, "-y: 0 is not a writer");
	}
	if (ld.nwriters == W_SELF)
		errx(EX_LOCAL, "-y wants WRITER[,WRITER...]");
}

/* Without -y, no two loads may pass for one another. */
static void
new_writer(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ld.writer[W_SELF] = mix((uint64_t)ts.tv_sec << 32 ^
	    (uint64_t)ts.tv_nsec << 8 ^ (uint64_t)getpid()) >> 32 | 1U << 31;
	ld.nwriters = W_SELF + 1;
}

static void
load_options(int argc, char **argv)
{
	int64_t seconds = 10;
	int ch;

	ld.seed = (uint64_t)time(NULL) ^ (uint64_t)getpid() << 32;
	new_writer();
	optind = 1;
	while ((ch = getopt(argc, argv, "+OfF:G:m:N:o:r:R:s:T:w:y:Y:")) != -1)
		switch (ch) {
		case 'O':
			ld.overlap = 1;
			break;
		case 'f':
			ld.follow = 1;
			break;
		case 'F':
			ld.flushes = number("-F", optarg, 100);
			break;
		case 'G':
			ld.giveup = 1000 * number("-G", optarg, 1 << 30);
			break;
		case 'm':
			ld.maxsec = number("-m", optarg, 255);
			break;
		case 'N':
			ld.limit = number("-N", optarg, UINT64_MAX);
			break;
		case 'o':
			ld.journal = fopen(optarg, "w");
			if (ld.journal == NULL)
				err(EX_LOCAL, "%s", optarg);
			break;
		case 'r':
			ld.reads = number("-r", optarg, 100);
			break;
		case 'R':
			parse_range("-R", optarg, &ld.first, &ld.range);
			break;
		case 's':
			ld.seed = number("-s", optarg, UINT64_MAX);
			break;
		case 'T':
			seconds = number("-T", optarg, 1 << 30);
			break;
		case 'w':
			ld.window = number("-w", optarg, WINDOW_MAX);
			break;
		case 'y':
			parse_writers(optarg);
			break;
		case 'Y':
			parse_range("-Y", optarg, &ld.shared, &ld.nshared);
			break;
		default:
			exit(EX_LOCAL);
		}
	if (argc - optind != 1 || ld.window < 1)
		errx(EX_LOCAL, "load wants one address and a window >= 1");
	ld.rng = ld.seed;
	ld.end = seconds * 1000000;
}

static void
on_signal(int sig)
{
	(void)sig;
	stopping = 1;
}

/*
 * A frame passes a veth by way of the processor that sends it, and two
 * processors keep no order between them.  Order is what all the checks build
 * upon, so one has to do.
 */
static void
stay(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET(cpu < 0 ? 0 : cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) == -1)
		warn("cannot stay on one processor");
}

static int
cmd_load(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal };
	uint64_t size;
	int64_t start;
	int status;

	load_options(argc, argv);
	status = find(argv[optind], &ld.t);
	if (status != EX_OKAY)
		return status;
	if (is_wild(&ld.t))
		errx(EX_LOCAL, "load wants one target");
	status = load_size(&size);
	if (status != EX_OKAY)
		return status;
	if (ld.range == 0)
		ld.range = size < 65536 ? size : 65536;
	if (ld.first > size || ld.range > size - ld.first)
		errx(EX_LOCAL, "the range ends beyond %" PRIu64 " sectors",
		    size);
	if (ld.maxsec == 0 || ld.maxsec > ld.t.sectors)
		ld.maxsec = ld.t.sectors;
	if (ld.maxsec > ld.range)
		ld.maxsec = ld.range;
	if (ld.nshared > 0 && (ld.shared < ld.first || ld.nshared > ld.range ||
	    ld.shared - ld.first > ld.range - ld.nshared))
		errx(EX_LOCAL, "the shared sectors are not all in the range");
	ld.sec = calloc(ld.range, sizeof(*ld.sec));
	ld.slot = calloc(ld.window, sizeof(*ld.slot));
	if (ld.sec == NULL || ld.slot == NULL)
		err(EX_LOCAL, "memory for %" PRIu64 " sectors", ld.range);
	ld.serial = opt.tries * 2;	/* past the tags used so far */
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);

	if (ld.journal != NULL) {
		/* whole whenever it is looked at, or we are killed */
		setvbuf(ld.journal, NULL, _IOLBF, BUFSIZ);
		fprintf(ld.journal, "y %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
		    ld.writer[W_SELF], ld.shared, ld.nshared);
	}
	if (opt.have_src)
		only_ours();
	stay();
	start = now_us();
	ld.end += start;
	load_run();
	load_report(now_us() - start);
	if (ld.journal != NULL && fclose(ld.journal) == EOF)
		err(EX_LOCAL, "journal");
	free(ld.sec);
	free(ld.slot);
	return ld.mismatches ? EX_MISMATCH : ld.ata_errors ? EX_ATA :
	    ld.aoe_errors ? EX_AOE : ld.unanswered ? EX_SILENT : EX_OKAY;
}

/* ---- check: is every acknowledged write of a journal in the file? ---- */

struct entry {			/* one write of the journal */
	uint64_t lba;
	unsigned n;
	int	acked;
};

struct journal {
	struct entry *e;	/* by generation; 0 is unused */
	size_t	n;
	uint64_t writer;
	uint64_t shared, nshared;	/* others wrote there, too */
	uint64_t sectors;	/* one more than the last LBA written */
};

static void
journal_read(struct journal *j, const char *name)
{
	FILE *fp = fopen(name, "r");
	struct entry e;
	uint32_t gen;
	size_t room = 0;
	char kind;

	if (fp == NULL)
		err(EX_LOCAL, "%s", name);
	memset(j, 0, sizeof(*j));
	j->n = 1;
	if (fscanf(fp, " y %" SCNu64 " %" SCNu64 " %" SCNu64, &j->writer,
	    &j->shared, &j->nshared) != 3)
		errx(EX_LOCAL, "%s is not a journal", name);
	while (fscanf(fp, " %c %" SCNu32, &kind, &gen) == 2) {
		memset(&e, 0, sizeof(e));
		if (kind == 'a' && gen < j->n) {
			j->e[gen].acked = 1;
			continue;
		}
		if (kind != 'w' || gen != j->n ||
		    fscanf(fp, "%" SCNu64 " %u", &e.lba, &e.n) != 2)
			errx(EX_LOCAL, "%s: bad journal", name);
		if (j->n + 1 > room) {
			room = room ? 2 * room : 4096;
			j->e = reallocarray(j->e, room, sizeof(e));
			if (j->e == NULL)
				err(EX_LOCAL, "journal");
		}
		j->e[j->n++] = e;
		if (e.lba + e.n > j->sectors)
			j->sectors = e.lba + e.n;
	}
	if (!feof(fp))
		errx(EX_LOCAL, "%s: bad journal", name);
	fclose(fp);
}

/* May a sector whose last acknowledged write is acked hold this? */
static int
may_hold(const struct journal *j, uint64_t where, uint32_t acked,
    const uint8_t *data)
{
	uint64_t lba = where, gen;
	const struct entry *e;
	int kind = read_stamp(data, &lba, &gen);

	if (kind == STAMP_GOOD && lba != where)
		return 0;
	if (acked == 0)
		return 1;	/* nothing was promised */
	if (kind != STAMP_GOOD || gen >> 32 != j->writer)
		return 0;
	gen = (uint32_t)gen;
	if (gen == acked)
		return 1;
	if (gen < acked || gen >= j->n)
		return 0;
	e = &j->e[gen];
	return !e->acked && where >= e->lba && where - e->lba < e->n;
}

static int
cmd_check(int argc, char **argv)
{
	struct journal j;
	uint64_t i, offset = 0, acks = 0, promised = 0, bad = 0;
	uint32_t *acked;
	uint8_t data[SECTOR];
	char text[80];
	size_t g;
	int fd;

	journal_read(&j, argv[2]);
	if (argc > 3)
		offset = number("offset", argv[3], UINT64_C(1) << 48);
	fd = open(argv[1], O_RDONLY);
	if (fd == -1)
		err(EX_LOCAL, "%s", argv[1]);
	acked = calloc(j.sectors + 1, sizeof(*acked));
	if (acked == NULL)
		err(EX_LOCAL, "memory");
	for (g = 1; g < j.n; g++) {
		acks += j.e[g].acked;
		for (i = 0; j.e[g].acked && i < j.e[g].n; i++)
			if (j.e[g].lba + i - j.shared >= j.nshared)
				acked[j.e[g].lba + i] = g;
	}
	for (i = 0; i < j.sectors; i++) {
		if (pread(fd, data, SECTOR, (i + offset) * SECTOR) != SECTOR)
			errx(EX_LOCAL, "%s ends at sector %" PRIu64, argv[1],
			    i + offset);
		promised += acked[i] != 0;
		if (may_hold(&j, i, acked[i], data))
			continue;
		if (bad++ >= 10)
			continue;
		describe(text, sizeof(text), data);
		warnx("LBA %" PRIu64 ": generation %" PRIu32
		    " was acknowledged, the file has %s", i, acked[i], text);
	}
	printf("writes=%zu acknowledged=%" PRIu64 " sectors=%" PRIu64
	    " bad=%" PRIu64 "\n", j.n - 1, acks, promised, bad);
	close(fd);
	free(acked);
	free(j.e);
	return bad ? EX_MISMATCH : EX_OKAY;
}

/* ---- main ---- */

static const struct command {
	const char *name;
	int	min, max;	/* arguments */
	int	(*run)(int, char **);
	const char *args, *help;
} commands[] = {
	{ "discover", 0, 1, cmd_discover, "[ADDR]",
	    "who is there" },
	{ "identify", 1, 2, cmd_identify, "[--words] ADDR",
	    "what the disk says of itself" },
	{ "read", 3, 3, cmd_read, "ADDR LBA NSEC",
	    "sectors to stdout" },
	{ "write", 2, 2, cmd_write, "ADDR LBA",
	    "sectors from stdin" },
	{ "stamp", 4, 4, cmd_stamp, "ADDR LBA NSEC GEN",
	    "write sectors that know their place" },
	{ "verify", 4, 4, cmd_verify, "ADDR LBA NSEC GEN",
	    "read and check them; GEN 0 is zeros" },
	{ "flush", 1, 1, cmd_flush, "ADDR",
	    "all writes to stable storage" },
	{ "trim", 3, 510, cmd_trim, "ADDR LBA NSEC ...",
	    "sectors that nobody needs" },
	{ "config", 2, 3, cmd_config,
	    "read|test|prefix|set|force ADDR [STRING|-]",
	    "the config string" },
	{ "mask", 2, 257, cmd_mask,
	    "read|add|del|edit ADDR [[+|-]MAC ...]",
	    "who may talk" },
	{ "reserve", 2, 257, cmd_reserve, "read|set|force ADDR [MAC ...]",
	    "who may use the disk" },
	{ "ata", 2, 32, cmd_ata, "ADDR OPCODE [feature= count= lba= flags= "
	    "data=FILE out=FILE]", "any ATA command; registers out" },
	{ "raw", 1, 255, cmd_raw, "HEX ... | -",
	    "frames in hex, one per argument or line; answers in hex" },
	{ "listen", 0, 1, cmd_listen, "[MAX]",
	    "print AoE frames in hex until the timeout" },
	{ "adverts", 0, 1, cmd_listen, "[MAX]",
	    "print those that nobody asked for: tag 0" },
	{ "load", 1, 64, cmd_load, "[-fO] [-F flush%] [-G giveup_ms] "
	    "[-m maxsec]\n\t[-N requests] [-o journal] [-r read%] "
	    "[-R first,sectors]\n\t[-s seed] [-T seconds] [-w window] "
	    "[-y writer[,other...]]\n\t[-Y first,sectors] ADDR",
	    "random traffic, every byte checked; with -y and -Y beside\n"
	    "    others, with -f after a target that moves" },
	{ "check", 2, 3, cmd_check, "FILE JOURNAL [OFFSET]",
	    "does a load's journal agree with the backing file" },
	{ NULL, 0, 0, NULL, NULL, NULL }
};

static void
usage(FILE *fp)
{
	const struct command *c;

	fputs("usage: initiator [-2Lv] [-a mac] [-c sectors] [-i ifname] "
	    "[-n tries]\n\t[-S mac] [-t timeout_ms] command ...\n"
	    "  -2 28-bit commands  -L lax: forgive faults  -v show frames\n"
	    "  -a target's address  -S our address  -c sectors a command\n",
	    fp);
	for (c = commands; c->name != NULL; c++)
		fprintf(fp, "%s %s\n    %s\n", c->name, c->args, c->help);
	fputs("exit: 0 fine, 1 local error, 2 no answer, 3 AoE error, "
	    "4 ATA error,\n    5 data differs, 6 protocol fault\n", fp);
}

static void
options(int argc, char **argv)
{
	int ch;

	opt.ifname = getenv("AOE_IF");
	while ((ch = getopt(argc, argv, "+2La:c:hi:n:S:t:v")) != -1)
		switch (ch) {
		case '2':
			opt.narrow = 1;
			break;
		case 'L':
			opt.lax = 1;
			break;
		case 'a':
			parse_mac(optarg, opt.dst);
			opt.have_dst = 1;
			break;
		case 'c':
			opt.count = number("-c", optarg, 127);
			break;
		case 'h':
			usage(stdout);
			exit(EX_OKAY);
		case 'i':
			opt.ifname = optarg;
			break;
		case 'n':
			opt.tries = number("-n", optarg, 1000);
			break;
		case 'S':
			parse_mac(optarg, opt.src);
			opt.have_src = 1;
			break;
		case 't':
			opt.timeout = number("-t", optarg, 1 << 30);
			break;
		case 'v':
			opt.verbose = 1;
			break;
		default:
			usage(stderr);
			exit(EX_LOCAL);
		}
}

int
main(int argc, char **argv)
{
	const struct command *c;
	int status;

	options(argc, argv);
	argc -= optind;
	argv += optind;
	if (argc < 1) {
		usage(stderr);
		return EX_LOCAL;
	}
	for (c = commands; c->name != NULL; c++)
		if (strcmp(c->name, argv[0]) == 0)
			break;
	if (c->name == NULL)
		errx(EX_LOCAL, "no command \"%s\"; -h lists them", argv[0]);
	if (argc - 1 < c->min || argc - 1 > c->max)
		errx(EX_LOCAL, "usage: %s %s", c->name, c->args);
	status = c->run(argc, argv);
	return nfaults > 0 ? EX_FAULT : status;
}
