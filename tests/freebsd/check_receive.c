/* SPDX-License-Identifier: GPL-2.0-only */
/* FreeBSD's network over the model: what comes in. */

#include "../unit.h"
#include "drive.h"

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

int
main(void)
{
	Suite *s = suite_create("freebsd receive");
	TCase *tc;

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
	return run_suite(s);
}
