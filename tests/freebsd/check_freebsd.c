/* SPDX-License-Identifier: GPL-2.0-only */
/* FreeBSD's network over the model: start, what goes out, links. */

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

/* Another address is nothing that the route socket tells of: it is seen when
 * frames come in. */
START_TEST(untold)
{
	unsigned bufcnt = 64;
	struct net *n = up("em0,em1", &bufcnt);
	struct frame f[8];
	struct link *l;
	uint8_t pkt[60];

	os_confine(NULL);
	net_links(n, &l);
	net_refresh(n);
	l[0].news = l[1].news = false;
	m_ifs[1].mac[5] = 0x77;
	in(0, request(pkt, 0xffff, 0xff, 0));
	ck_assert_int_eq(net_recv(n, f, 8, &count), 1);
	net_release(n);
	ck_assert(!l[1].news);		/* not with every frame */
	m_world.ahead = 1500000000;
	ck_assert_int_eq(net_recv(n, f, 8, &count), 0);
	ck_assert(!l[1].news);
	in(0, pkt);
	ck_assert_int_eq(net_recv(n, f, 8, &count), 1);
	ck_assert_uint_eq(l[1].mac[5], 0x77);
	ck_assert(l[1].news && !l[0].news);
	ck_assert_mem_eq(f[0].data, pkt, 60);
}
END_TEST

/* Gone and back, again and again: by the messages, or found out by a read (if
 * a descriptor that lost its interface is readable), or by a write; told of
 * each, or of both at once. */
START_TEST(comes_back)
{
	unsigned bufcnt = 64, i, which = (unsigned)_i / 2 % 4;
	struct net *n = up("em0", &bufcnt);
	struct frame f[8];
	struct link *l;
	uint8_t pkt[60];

	if (_i % 2 == 1)
		os_confine(NULL);
	m_world.detach_wakes = _i >= 8;
	net_links(n, &l);
	for (i = 0; i < 5; i++) {
		m_if_del(&m_ifs[0]);
		if (which == 0)
			net_refresh(n);
		else if (which == 1)
			ck_assert_int_eq(net_recv(n, f, 8, &count), 0);
		else if (which == 2)
			send_one(n, 0, request(pkt, 1, 2, 8), 60);
		if (which != 3 && (which != 1 || _i >= 8)) {
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

/* What the operator is told when links are looked at. */
static const char *
told(struct net *n)
{
	static char said[2048];
	FILE *f = tmpfile();
	size_t len;

	ck_assert_ptr_nonnull(f);
	dup2(fileno(f), STDERR_FILENO);
	net_refresh(n);
	rewind(f);
	len = fread(said, 1, sizeof(said) - 1, f);
	said[len] = '\0';
	fclose(f);
	return said;
}

/* An interface is announced before bpf knows it, and brought up later. */
START_TEST(half_made)
{
	unsigned bufcnt = 64;
	struct net *n = up("em0", &bufcnt);
	struct frame f[8];
	struct link *l;
	uint8_t pkt[60];

	net_links(n, &l);
	m_if_del(&m_ifs[0]);
	ck_assert_str_eq(told(n), "");
	m_if_add("em0", 1500, m_ifs[1].mac)->up = false;
	m_arm("ioctl", B_BIOCSETIF, 0, B_ENXIO);
	ck_assert_str_eq(told(n), "");
	ck_assert(!m_armed() && !l->up);
	m_ifs[0].up = true;
	m_arm("ioctl", B_BIOCSETIF, 0, B_ENOBUFS);
	ck_assert_str_eq(told(n),
	    "vblade: em0: /dev/bpf: No buffer space available\n");
	m_arm("ioctl", B_BIOCSETIF, 0, B_ENOBUFS);
	ck_assert_str_eq(told(n), "");		/* once */
	ck_assert_str_eq(told(n), "");
	ck_assert(l->up && l->news);
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
	tc = add_case(s, "frames out");
	tcase_add_test(tc, sent);
	tcase_add_loop_test(tc, not_ours, 0, NELEM(foreign));
	tcase_add_test(tc, refused_frames);
	tcase_add_loop_test(tc, page, 0, 2);
	tc = add_case(s, "links");
	tcase_add_test(tc, link_changes);
	tcase_add_test(tc, untold);
	tcase_add_loop_test(tc, comes_back, 0, 16);
	tcase_add_test(tc, renamed);
	tcase_add_test(tc, half_made);
	tcase_add_loop_test(tc, hiccup, 0, NELEM(hiccups));
	return run_suite(s);
}
