/* SPDX-License-Identifier: GPL-2.0-only */
/* FreeBSD's network over the model: what comes in, what goes out, links. */

#include <sys/wait.h>

#include "../unit.h"
#include "drive.h"

/*
 * Start.
 */
START_TEST(start)
{
	struct link *l;
	unsigned bufcnt = 64;
	struct net *n = up("em0,em1", &bufcnt);

	ck_assert_int_eq(net_links(n, &l), 2);
	ck_assert_str_eq(l[0].name, "em0");
	ck_assert_uint_eq(l[0].mtu, 1500);
	ck_assert_mem_eq(l[0].mac, m_ifs[0].mac, 6);
	ck_assert_mem_eq(l[1].mac, m_ifs[1].mac, 6);
	ck_assert_int_eq(l[1].index, 2);
	ck_assert(l[0].up && l[0].news && l[1].up && l[1].news);
	ck_assert_uint_eq(bufcnt, 64);
	ck_assert_str_eq(m_world.title, "e1.2 em0,em1");
	ck_assert(!net_waits(n));
	ck_assert(!ready(n, 0) && !ready(n, 1));
	net_close(n);
	ck_assert_uint_eq(descriptors(), 0);
}
END_TEST

/* Two buffers of what the kernel grants; 1544 bytes a frame and its header,
 * at an MTU of 1500. */
static const struct {
	uint32_t	granted;
	unsigned	want, got;
} grants[] = {
	{ 524288, 64, 64 }, { 524288, 65535, 678 }, { 32768, 64, 42 },
	{ 1544, 64, 2 }, { 1 << 30, 65535, 678 },
};

START_TEST(buffers)
{
	unsigned bufcnt = grants[_i].want;

	m_world.maxbufsize = grants[_i].granted;
	net_close(up("em0", &bufcnt));
	ck_assert_uint_eq(bufcnt, grants[_i].got);
}
END_TEST

/* Nothing can be changed once it runs: not where there is no Capsicum either,
 * and the spare's filters were set before anything. */
START_TEST(locked)
{
	static const unsigned long requests[] = {
		B_BIOCSETF, B_BIOCSETWF, B_BIOCSBLEN, B_BIOCSHDRCMPLT,
		B_BIOCSDIRECTION, B_BIOCSETIF,
	};
	uint8_t arg[64] = { 0 };
	unsigned bufcnt = 64, i, fd, seen = 0;

	m_world.no_capsicum = _i == 1;
	up("em0", &bufcnt);
	for (fd = 0; fd < M_FDS; fd++) {
		if (m_objs[fd].kind != K_BPF)
			continue;
		seen++;
		for (i = 0; i < NELEM(requests); i++) {
			if (seen == 2 && (_i == 1 || requests[i] ==
			    B_BIOCSETIF))
				continue;	/* the spare */
			ck_assert_int_eq(fbsd_ioctl((int)fd, requests[i], arg),
			    -1);
			ck_assert_int_eq(*fbsd___error(), _i == 1 ? B_EPERM :
			    B_ENOTCAPABLE);
		}
	}
	ck_assert_uint_eq(seen, 2);
}
END_TEST

static void
no_bpf(void)
{
	m_world.not_root = true;
}

static void
no_ether(void)
{
	m_ifs[0].dlt = 0;
}

static void
no_address(void)
{
	m_ifs[0].alen = 8;
}

static void
small_mtu(void)
{
	m_ifs[0].mtu = 540;
}

static void
small_buffer(void)
{
	m_world.maxbufsize = 1024;
}

static void
nothing(void)
{
}

static const struct {
	const char	*netif, *why;
	void		(*world)(void);
} refusals[] = {
	{ "em9", "em9: Device not configured; ifconfig -l", nothing },
	{ "em", "em: Device not configured", nothing },
	{ "em00", "em00: Device not configured", nothing },
	{ "", ": not the name of an interface", nothing },
	{ "em0,", "em0,: not the name of an interface", nothing },
	{ "em0,em0", "em0: named twice", nothing },
	{ "an_interface_0123", "an_interface_0123: not the name", nothing },
	{ "a,b,c,d,e,f,g,h,em0", "more than 8 interfaces", nothing },
	{ "em0", "/dev/bpf: Permission denied; run as root", no_bpf },
	{ "em0", "em0: not an Ethernet interface", no_ether },
	{ "em0", "em0: not an Ethernet interface", no_address },
	{ "em0", "em0: MTU 540 carries no sector; raise it to 548", small_mtu },
	{ "em0", "a buffer of 1024 bytes is too small", small_buffer },
};

static void
open_it(const void *arg)
{
	unsigned bufcnt = 64;

	net_open(arg, 1, 2, &bufcnt);
}

START_TEST(refused)
{
	interfaces();
	refusals[_i].world();
	leaves(open_it, refusals[_i].netif, refusals[_i].why);
}
END_TEST

/*
 * Frames in.
 */
START_TEST(filtered)
{
	unsigned bufcnt = 64;
	struct net *n = up("em0", &bufcnt);
	struct frame f[8];
	uint8_t pkt[60];

	in(0, request(pkt, 1, 3, 0));		/* another slot */
	in(0, request(pkt, 2, 2, 0));		/* another shelf */
	in(0, request(pkt, 1, 2, 8));		/* a response */
	m_if_frame(&m_ifs[0], request(pkt, 1, 2, 0), 60, true, 0);
	ck_assert(!ready(n, 0));
	ck_assert_int_eq(net_recv(n, f, 8, &count), 0);
	in(0, request(pkt, 1, 2, 0));
	in(0, request(pkt, 0xffff, 0xff, 0));
	ck_assert(ready(n, 0));
	ck_assert_int_eq(net_recv(n, f, 8, &count), 2);
	ck_assert_uint_eq(f[1].len, 60);
	ck_assert_mem_eq(f[1].data, pkt, 60);
	ck_assert_str_eq(f[0].link->name, "em0");
	net_release(n);
	ck_assert_int_eq(net_recv(n, f, 8, &count), 0);
	ck_assert(!ready(n, 0));
}
END_TEST

/* Frames of any length, so that padding comes in all sizes, a few at a time. */
START_TEST(batches)
{
	static uint8_t pkt[1514];
	unsigned bufcnt = 64, i, k, got = 0;
	struct net *n = up("em0", &bufcnt);
	struct frame f[7];
	int c;

	request(pkt, 1, 2, 0);
	for (i = 0; i < 100; i++) {
		memset(pkt + 24, (int)i, sizeof(pkt) - 24);
		m_if_frame(&m_ifs[0], pkt, 60 + i * 14, false, 0);
	}
	while ((c = net_recv(n, f, 7, &count)) > 0) {
		for (k = 0; k < (unsigned)c; k++, got++) {
			ck_assert_uint_eq(f[k].len, 60 + got * 14);
			ck_assert_uint_eq(f[k].data[24], got);
			ck_assert_uint_eq(f[k].data[f[k].len - 1], got);
		}
		ck_assert(net_waits(n) == (got < 100));
		net_release(n);
	}
	ck_assert_uint_eq(got, 100);
	ck_assert_int_eq(net_recv(n, f, 0, &count), 0);
}
END_TEST

/* A buffer whose frames are in use is not read over. */
START_TEST(unreleased)
{
	unsigned bufcnt = 64;
	struct net *n = up("em0", &bufcnt);
	struct frame f[2], g[2];
	uint8_t pkt[60];

	in(0, request(pkt, 1, 2, 0));
	ck_assert_int_eq(net_recv(n, f, 2, &count), 1);
	in(0, request(pkt, 0xffff, 2, 0));
	ck_assert_int_eq(net_recv(n, g, 2, &count), 0);
	ck_assert_uint_eq(f[0].data[17], 1);
	net_release(n);
	ck_assert_int_eq(net_recv(n, g, 2, &count), 1);
	ck_assert_uint_eq(g[0].data[17], 0xff);
}
END_TEST

/* On two links, in the order in which they came. */
START_TEST(two_links)
{
	unsigned bufcnt = 64, i, got = 0;
	struct net *n = up("em0,em1", &bufcnt);
	struct frame f[8];
	uint8_t pkt[60];
	int64_t now = m_now(1);
	int c, k;

	for (i = 0; i < 20; i++) {
		request(pkt, 1, 2, 0)[24] = (uint8_t)i;
		m_if_frame(&m_ifs[i * i / 3 % 2], pkt, 60, false,
		    now - 1000000 * (20 - (int)i));
	}
	while ((c = net_recv(n, f, 8, &count)) > 0) {
		for (k = 0; k < c; k++, got++) {
			ck_assert_uint_eq(f[k].data[24], got);
			ck_assert_str_eq(f[k].link->name,
			    m_ifs[got * got / 3 % 2].name);
		}
		net_release(n);
	}
	ck_assert_uint_eq(got, 20);
}
END_TEST

/* Two more frames, one on each link, after the kernel was asked which port has
 * something and before that is read. */
static void
two_late(void)
{
	uint8_t pkt[60];

	request(pkt, 1, 2, 0)[24] = 1;
	m_if_frame(&m_ifs[1], pkt, 60, false, m_now(1) - 2000000);
	request(pkt, 1, 2, 0)[24] = 2;
	m_if_frame(&m_ifs[0], pkt, 60, false, m_now(1) - 1000000);
}

START_TEST(two_links_late)
{
	unsigned bufcnt = 64, got = 0;
	struct net *n = up("em0,em1", &bufcnt);
	struct frame f[8];
	uint8_t pkt[60];
	int c, k;

	request(pkt, 1, 2, 0);
	m_if_frame(&m_ifs[0], pkt, 60, false, m_now(1) - 3000000);
	m_world.late = two_late;
	while ((c = net_recv(n, f, 8, &count)) > 0) {
		for (k = 0; k < c; k++, got++)
			ck_assert_uint_eq(f[k].data[24], got);
		net_release(n);
	}
	ck_assert_uint_eq(got, 3);
}
END_TEST

START_TEST(old)
{
	unsigned bufcnt = 64;
	struct net *n = up("em0", &bufcnt);
	struct frame f[8];
	uint8_t pkt[60];

	request(pkt, 1, 2, 0);
	m_if_frame(&m_ifs[0], pkt, 60, false, -5000000000);
	m_if_frame(&m_ifs[0], pkt, 60, false, -4100000000);
	m_if_frame(&m_ifs[0], pkt, 60, false, -3000000000);
	ck_assert_int_eq(net_recv(n, f, 8, &count), 1);
	ck_assert_uint_eq(count.stale, 2);
	net_release(n);
	/* nothing but old ones: what came behind is not left waiting */
	m_if_frame(&m_ifs[0], pkt, 60, false, -5000000000);
	ck_assert_int_eq(net_recv(n, f, 8, &count), 0);
	ck_assert(!net_waits(n) && !ready(n, 0));
}
END_TEST

/* The kernel cuts what is larger than its buffer. */
START_TEST(truncated)
{
	static uint8_t pkt[9014];
	unsigned bufcnt = 2;
	struct net *n;
	struct frame f[8];

	m_world.maxbufsize = 4096;
	n = up("em0", &bufcnt);
	request(pkt, 1, 2, 0);
	m_if_frame(&m_ifs[0], pkt, 9014, false, 0);
	m_if_frame(&m_ifs[0], pkt, 1514, false, 0);
	ck_assert_int_eq(net_recv(n, f, 8, &count), 1);
	ck_assert_uint_eq(f[0].len, 1514);
	ck_assert_uint_eq(count.truncated, 1);
}
END_TEST

START_TEST(lost)
{
	unsigned bufcnt = 2, i;
	struct net *n;
	uint8_t pkt[60];

	m_world.maxbufsize = 4096;
	n = up("em0", &bufcnt);
	request(pkt, 1, 2, 0);
	for (i = 0; i < 100; i++)	/* 46 of 88 bytes fit a buffer */
		in(0, pkt);
	net_stats(n, &count);
	net_stats(n, &count);
	ck_assert_uint_eq(count.ring_lost, 100 - 2 * 46);
	in(0, pkt);
	net_stats(n, &count);
	ck_assert_uint_eq(count.ring_lost, 100 - 2 * 46 + 1);
	m_arm("ioctl", B_BIOCGSTATS, 0, B_ENXIO);
	net_stats(n, &count);
	ck_assert_uint_eq(count.ring_lost, 100 - 2 * 46 + 1);
}
END_TEST

/*
 * Buffers that lie.  A record: seconds, microseconds, caplen, datalen, hdrlen.
 */
struct rec {
	int64_t		sec, usec;
	uint32_t	caplen, datalen;
	uint16_t	hdrlen;
	uint32_t	bytes;		/* that are really there */
};

static const struct {
	const char	*name;
	int		frames;		/* -1: it lies */
	unsigned	tail;		/* bytes more, or less: 1000 + */
	struct rec	rec[3];
} batch[] = {
	{ "one", 1, 0, {{ 1, 0, 60, 60, 26, 86 }} },
	{ "two, the last unpadded", 2, 0, {{ 1, 0, 61, 61, 26, 88 },
	    { 1, 0, 61, 61, 26, 87 }} },
	{ "the last padded", 2, 1, {{ 1, 0, 61, 61, 26, 88 },
	    { 1, 0, 61, 61, 26, 87 }} },
	{ "a longer header", 1, 0, {{ 1, 0, 60, 60, 34, 94 }} },
	{ "an empty frame", 2, 0, {{ 1, 0, 0, 0, 26, 32 },
	    { 1, 0, 60, 60, 26, 86 }} },
	{ "less than a header", -1, 0, {{ 1, 0, 60, 60, 26, 25 }} },
	{ "a byte", -1, 0, {{ 1, 0, 60, 60, 26, 1 }} },
	{ "caplen one too many", -1, 0, {{ 1, 0, 61, 61, 26, 86 }} },
	{ "caplen beyond all", -1, 0, {{ 1, 0, 0xffffffff, 0xffffffff, 26,
	    86 }} },
	{ "caplen that wraps", -1, 0, {{ 1, 0, 0xffffffe6, 0xffffffff, 26,
	    86 }} },
	{ "more captured than there was", -1, 0, {{ 1, 0, 60, 59, 26, 86 }} },
	{ "hdrlen 0", -1, 0, {{ 1, 0, 60, 60, 0, 86 }} },
	{ "hdrlen 25", -1, 0, {{ 1, 0, 60, 60, 25, 86 }} },
	{ "hdrlen beyond all", -1, 0, {{ 1, 0, 0, 0, 87, 86 }} },
	{ "hdrlen 65535", -1, 0, {{ 1, 0, 60, 60, 65535, 86 }} },
	{ "the second lies", -1, 0, {{ 1, 0, 60, 60, 26, 88 },
	    { 1, 0, 0x7fffffff, 0x7fffffff, 26, 86 }} },
	{ "the third is cut", -1, 0, {{ 1, 0, 60, 60, 26, 88 },
	    { 1, 0, 60, 60, 26, 88 }, { 1, 0, 60, 60, 26, 20 }} },
	{ "crumbs behind the padding", -1, 20, {{ 1, 0, 60, 60, 26, 88 }} },
	{ "before the start", -1, 0, {{ -1, 0, 60, 60, 26, 86 }} },
	{ "the end of time", -1, 0, {{ INT64_MAX, 0, 60, 60, 26, 86 }} },
	{ "a long second", -1, 0, {{ 1, 1000000, 60, 60, 26, 86 }} },
	{ "a second backwards", -1, 0, {{ 1, -1, 60, 60, 26, 86 }} },
};

START_TEST(lies)
{
	static uint8_t buf[4096];
	unsigned bufcnt = 64;
	struct net *n = up("em0", &bufcnt);
	struct frame f[8];
	const struct rec *r;
	uint8_t pkt[60];
	size_t at = 0;
	int64_t sec;

	for (r = batch[_i].rec; r < batch[_i].rec + 3 && r->bytes > 0; r++) {
		sec = r->sec == 1 ? m_now(1) / 1000000000 : r->sec;
		memcpy(buf + at, &sec, 8);
		memcpy(buf + at + 8, &r->usec, 8);
		memcpy(buf + at + 16, &r->caplen, 4);
		memcpy(buf + at + 20, &r->datalen, 4);
		memcpy(buf + at + 24, &r->hdrlen, 2);
		at += r->bytes;
	}
	m_lie(buf, at + batch[_i].tail);
	in(0, request(pkt, 1, 2, 0));	/* so that somebody looks */
	ck_assert_int_eq(net_recv(n, f, 8, &count), batch[_i].frames == -1 ?
	    0 : batch[_i].frames);
	net_release(n);
	ck_assert(ready(n, 0));
	ck_assert_int_eq(net_recv(n, f, 8, &count), 1);
	ck_assert_mem_eq(f[0].data, pkt, 60);
	ck_assert_uint_eq(count.ring_lost, batch[_i].frames == -1);
}
END_TEST

/* Whatever the bytes, a frame lies inside of what was read. */
START_TEST(noise)
{
	static uint8_t buf[65536];
	unsigned bufcnt = 64, i, k, len, tries, seed = 1;
	struct net *n = up("em0", &bufcnt);
	struct frame f[64];
	uint8_t pkt[60], sum = 0;
	const uint8_t *p;
	int64_t sec = m_now(1) / 1000000000;
	uint64_t frames = 0;
	int c, j;

	m_world.pump = NULL;
	for (i = 0; i < 20000; i++) {
		len = 1 + (unsigned)rand_r(&seed) % (i % 7 == 0 ? 4096 : 300);
		for (k = 0; k < len; k++)
			buf[k] = (uint8_t)rand_r(&seed);
		/* some records that may be, with a mistake somewhere */
		for (k = 0; i % 3 != 0 && k + 96 <= len; k += 88) {
			memcpy(buf + k, &sec, 8);
			memset(buf + k + 8, 0, 18);
			buf[k + 16] = buf[k + 20] = 60;
			buf[k + 24] = 26;
		}
		if (k > 0)
			len = k - 2;	/* the last is not padded */
		if (i % 3 == 1 && k > 0)
			buf[(unsigned)rand_r(&seed) % k] ^= (uint8_t)
			    (1U << i % 8);
		m_lie(buf, len);
		if (i % 64 == 0)
			in(0, request(pkt, 1, 2, 0));
		tries = 0;
		do {
			c = net_recv(n, f, 64, &count);
			for (j = 0; j < c; j++)
				for (p = f[j].data; p < f[j].data + f[j].len;
				    p++)
					sum ^= *p;
			frames += (uint64_t)c;
			net_release(n);
			ck_assert_uint_lt(tries++, 1000);
		} while (ready(n, 0));
	}
	ck_assert_uint_gt(frames, 1000 + sum % 2);
	ck_assert_uint_gt(count.ring_lost, 1000);
}
END_TEST

/*
 * Frames out.
 */
START_TEST(sent)
{
	unsigned bufcnt = 64;
	struct net *n = up("em0,em1", &bufcnt);
	uint8_t a[60], b[60];

	send_one(n, 0, request(a, 1, 2, 8), 60);
	send_one(n, 1, request(b, 1, 2, 8), 60);
	ck_assert_uint_eq(count.answered, 2);
	ck_assert_uint_eq(wire.n, 2);
	ck_assert_ptr_eq(wire.on[1], &m_ifs[1]);
	ck_assert_uint_eq(wire.len[1], 60);
	/* the sender's address too is as we wrote it */
	ck_assert_mem_eq(wire.pkt[0], a, 60);
	ck_assert(!net_waits(n) && !ready(n, 0));
}
END_TEST

static const struct {
	unsigned	shelf, slot, flags;
	int		type;
} foreign[] = {
	{ 1, 3, 8, 0x88a2 }, { 2, 2, 8, 0x88a2 }, { 0xffff, 2, 8, 0x88a2 },
	{ 1, 2, 8, 0x0800 }, { 1, 2, 8, 0x88a3 },
	{ 0x0100, 2, 8, 0x88a2 }, { 1, 0, 8, 0x88a2 },
};

START_TEST(not_ours)
{
	unsigned bufcnt = 64;
	struct net *n = up("em0", &bufcnt);
	uint8_t pkt[60];

	request(pkt, foreign[_i].shelf, foreign[_i].slot, foreign[_i].flags);
	pkt[12] = (uint8_t)(foreign[_i].type >> 8);
	pkt[13] = (uint8_t)foreign[_i].type;
	send_one(n, 0, pkt, 60);
	ck_assert_uint_eq(wire.n, 0);
	ck_assert_uint_eq(count.send_lost, 1);
	/* nor is a request for data, of ours to ourselves */
	send_one(n, 0, request(pkt, 1, 2, 0), 60);
	ck_assert_uint_eq(wire.n, 0);
}
END_TEST

START_TEST(refused_frames)
{
	static uint8_t big[1516];
	unsigned bufcnt = 64;
	struct net *n = up("em0", &bufcnt);

	request(big, 1, 2, 8);
	send_one(n, 0, big, 1515);		/* EMSGSIZE */
	ck_assert_uint_eq(count.send_lost, 1);
	send_one(n, 0, big, 1514);
	ck_assert_uint_eq(count.answered, 1);
	m_arm("bpf write", 0, 0, B_ENOBUFS);	/* once: it is tried again */
	send_one(n, 0, big, 60);
	m_arm("bpf write", 0, 0, B_EINTR);
	send_one(n, 0, big, 60);
	ck_assert_uint_eq(count.answered, 3);
	m_world.tx_full = true;
	send_one(n, 0, big, 60);
	m_world.tx_full = false;
	m_ifs[0].up = false;			/* ENETDOWN */
	send_one(n, 0, big, 60);
	ck_assert_uint_eq(count.send_lost, 3);
	m_ifs[0].up = true;
	send_one(n, 0, big, 60);
	ck_assert_uint_eq(count.answered, 4);
	/* gone, and nobody has told us yet */
	m_if_del(&m_ifs[0]);
	send_one(n, 0, big, 60);
	ck_assert_uint_eq(count.send_lost, 4);
}
END_TEST

/* Before FreeBSD 14 a frame that is sent has to fit a page. */
START_TEST(page)
{
	unsigned bufcnt = 64;
	struct link *l;
	struct net *n;

	m_world.page = _i == 0 ? 4096 : 0;
	interfaces();
	m_ifs[0].mtu = 9000;
	n = net_open("em0", 1, 2, &bufcnt);
	net_links(n, &l);
	ck_assert_uint_eq(l->mtu, _i == 0 ? 4096 - 14 : 9000);
	ck_assert_uint_eq(wire.n, 0);
	/* where it cannot be tried, it is what the interface says */
	m_arm("bpf write", 0, 0, B_ENOBUFS);
	net_refresh(n);
	ck_assert_uint_eq(l->mtu, 9000);
	net_refresh(n);
	ck_assert_uint_eq(l->mtu, _i == 0 ? 4096 - 14 : 9000);
	ck_assert_uint_eq(wire.n, 0);
}
END_TEST

/*
 * Links, before and after the process is confined.
 */
START_TEST(link_changes)
{
	unsigned bufcnt = 64;
	struct net *n = up("em0", &bufcnt);
	struct link *l;

	os_confine(NULL);
	ck_assert(m_capmode);
	net_links(n, &l);
	l->news = false;
	net_refresh(n);
	ck_assert(l->up && !l->news);

	m_ifs[0].active = false;
	m_if_news();
	ck_assert(ready(n, 1));
	net_refresh(n);
	ck_assert(!ready(n, 1));
	ck_assert(!l->up && !l->news);
	m_ifs[0].active = true;
	net_refresh(n);
	ck_assert(l->up && l->news);
	l->news = false;

	m_ifs[0].running = false;
	net_refresh(n);
	ck_assert(!l->up);
	m_ifs[0].running = true;
	m_ifs[0].up = false;
	net_refresh(n);
	ck_assert(!l->up);
	m_ifs[0].up = true;
	m_ifs[0].media = false;		/* none to ask about: it is up */
	net_refresh(n);
	ck_assert(l->up && l->news);
	l->news = false;

	m_ifs[0].mtu = 9000;
	m_route_overflow();
	net_refresh(n);
	ck_assert(!ready(n, 1));
	ck_assert_uint_eq(l->mtu, 9000);
	ck_assert(l->news);
	l->news = false;
	m_ifs[0].mac[5] = 0x77;
	net_refresh(n);
	ck_assert_uint_eq(l->mac[5], 0x77);
	ck_assert(l->news);
}
END_TEST

/* Gone and back, again and again: by the messages, or found out by a read or
 * by a write; told of each, or of both at once. */
START_TEST(comes_back)
{
	unsigned bufcnt = 64, i;
	struct net *n = up("em0", &bufcnt);
	struct frame f[8];
	struct link *l;
	uint8_t pkt[60];

	if (_i % 2 == 1)
		os_confine(NULL);
	net_links(n, &l);
	for (i = 0; i < 5; i++) {
		m_if_del(&m_ifs[0]);
		if (_i / 2 == 0)
			net_refresh(n);
		else if (_i / 2 == 1)
			ck_assert_int_eq(net_recv(n, f, 8, &count), 0);
		else if (_i / 2 == 2)
			send_one(n, 0, request(pkt, 1, 2, 8), 60);
		if (_i / 2 < 3) {
			ck_assert(!l->up);
			ck_assert_int_eq(l->index, 0);
			ck_assert(!ready(n, 0));
		}
		wired(m_if_add("em0", 1500, m_ifs[1].mac));
		l->news = false;
		net_refresh(n);
		ck_assert(l->up && l->news);
		ck_assert_int_eq(l->index, 1);
		ck_assert_mem_eq(l->mac, m_ifs[1].mac, 6);

		in(0, request(pkt, 1, 2, 0));
		in(0, request(pkt, 1, 3, 0));
		ck_assert(ready(n, 0));
		ck_assert_int_eq(net_recv(n, f, 8, &count), 1);
		net_release(n);
		wire.n = 0;
		send_one(n, 0, request(pkt, 1, 2, 8), 60);
		ck_assert_uint_eq(wire.n, 1);
	}
	net_close(n);
	ck_assert_uint_eq(descriptors(), 0);
}
END_TEST

/* Under another name it is another interface; and one that has the name but
 * is no Ethernet is none of ours. */
START_TEST(renamed)
{
	unsigned bufcnt = 64;
	struct net *n = up("em0", &bufcnt);
	struct frame f[8];
	struct link *l;
	uint8_t pkt[60];

	os_confine(NULL);
	net_links(n, &l);
	memcpy(m_ifs[0].name, "san0", 5);
	m_if_news();
	net_refresh(n);
	ck_assert(!l->up);
	in(0, request(pkt, 1, 2, 0));
	ck_assert_int_eq(net_recv(n, f, 8, &count), 0);

	m_if_add("em0", 1500, m_ifs[1].mac)->dlt = 0;
	net_refresh(n);
	net_refresh(n);
	ck_assert(!l->up);
	ck_assert_int_eq(l->index, 0);
	m_ifs[2].dlt = 1;
	net_refresh(n);
	ck_assert(l->up);
	m_if_frame(&m_ifs[2], pkt, 60, false, 0);
	ck_assert_int_eq(net_recv(n, f, 8, &count), 1);
}
END_TEST

/* net.bpf.optimize_writers hears only whom it saw set a filter, twice. */
START_TEST(writers)
{
	unsigned bufcnt = 64;
	struct frame f[8];
	struct net *n;
	uint8_t pkt[60];

	m_world.writers = true;
	n = up("em0", &bufcnt);
	in(0, request(pkt, 1, 2, 0));
	ck_assert_int_eq(net_recv(n, f, 8, &count), 1);
}
END_TEST

/* While it runs, no failure of any call ends it. */
static const struct {
	const char	*call;
	unsigned long	arg;
	int		error;
} hiccups[] = {
	{ "ioctl", B_SIOCGIFCONF, B_ENOMEM },
	{ "ioctl", B_SIOCGIFMTU, B_ENXIO },
	{ "ioctl", B_SIOCGIFFLAGS, B_ENXIO },
	{ "ioctl", B_SIOCGIFMEDIA, B_EINVAL },
	{ "ioctl", B_BIOCGETIF, B_ENXIO },
	{ "ioctl", B_BIOCSETIF, B_ENOBUFS }, { "ioctl", B_BIOCGDLT, B_EINVAL },
	{ "ioctl", B_BIOCGSTATS, B_EINVAL }, { "kevent", 0, B_EINTR },
	{ "kevent", 1, B_ENOMEM }, { "bpf read", 0, B_EINTR },
	{ "bpf read", 0, B_EIO }, { "bpf read", 0, B_ENXIO },
	{ "recv", 0, B_EINTR },
};

START_TEST(hiccup)
{
	unsigned bufcnt = 64, i;
	struct net *n = up("em0", &bufcnt);
	struct frame f[8];
	struct link *l;
	uint8_t pkt[60];

	net_links(n, &l);
	m_arm(hiccups[_i].call, hiccups[_i].arg, 0, hiccups[_i].error);
	in(0, request(pkt, 1, 2, 0));
	net_recv(n, f, 8, &count);
	net_release(n);
	net_stats(n, &count);
	net_refresh(n);
	if (m_armed()) {		/* then it is for the return */
		m_if_del(&m_ifs[0]);
		net_refresh(n);
		wired(m_if_add("em0", 1500, m_ifs[1].mac));
		net_refresh(n);
	}
	ck_assert(!m_armed());
	for (i = 0; i < 2; i++) {
		m_if_news();
		net_refresh(n);
	}
	ck_assert(l->up);
	while (net_recv(n, f, 8, &count) > 0)
		net_release(n);
	in(0, request(pkt, 1, 2, 0));
	ck_assert_int_eq(net_recv(n, f, 8, &count), 1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("freebsd");
	TCase *tc;

	tc = add_case(s, "start");
	tcase_add_test(tc, start);
	tcase_add_loop_test(tc, buffers, 0, NELEM(grants));
	tcase_add_loop_test(tc, locked, 0, 2);
	tcase_add_loop_test(tc, refused, 0, NELEM(refusals));
	tc = add_case(s, "frames in");
	tcase_add_test(tc, filtered);
	tcase_add_test(tc, batches);
	tcase_add_test(tc, unreleased);
	tcase_add_test(tc, two_links);
	tcase_add_test(tc, two_links_late);
	tcase_add_test(tc, old);
	tcase_add_test(tc, truncated);
	tcase_add_test(tc, lost);
	tcase_add_loop_test(tc, lies, 0, NELEM(batch));
	tcase_add_test(tc, noise);
	tcase_add_test(tc, writers);
	tc = add_case(s, "frames out");
	tcase_add_test(tc, sent);
	tcase_add_loop_test(tc, not_ours, 0, NELEM(foreign));
	tcase_add_test(tc, refused_frames);
	tcase_add_loop_test(tc, page, 0, 2);
	tc = add_case(s, "links");
	tcase_add_test(tc, link_changes);
	tcase_add_loop_test(tc, comes_back, 0, 8);
	tcase_add_test(tc, renamed);
	tcase_add_loop_test(tc, hiccup, 0, NELEM(hiccups));
	return run_suite(s);
}
