/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The receive filter: a classic BPF machine runs it here, and the kernel's
 * runs it on a socket.  It may never reject what aoe.c would answer, or take
 * for another target's.
 */

#include "unit.h"

#include <sys/socket.h>

#ifdef __linux__
#include <linux/filter.h>
#endif

static struct blade b;
static struct bpf_op prog[BPF_AOE_OPS];

static void
setup(void)
{
	blade_init(&b, 1000);
	memset(prog, POISON, sizeof(prog));
	bpf_aoe(prog, b.t.shelf, b.t.slot);
}

/*
 * The machine, as bpf(4) describes it: what the filter uses of it, and
 * nothing else.  Returns how many bytes are accepted.
 */
static bool
load(const uint8_t *frame, size_t len, unsigned width, uint32_t k,
    uint32_t *a)
{
	if (k + width > len)
		return false;
	*a = width == 1 ? frame[k] : (uint32_t)(frame[k] << 8 | frame[k + 1]);
	return true;
}

static uint32_t
run(const struct bpf_op *p, unsigned n, const uint8_t *frame, size_t len)
{
	uint32_t a = 0;
	unsigned pc;

	for (pc = 0; pc < n; pc++)
		switch (p[pc].code) {
		case 0x28:			/* ldh [k] */
			if (!load(frame, len, 2, p[pc].k, &a))
				return 0;
			break;
		case 0x30:			/* ldb [k] */
			if (!load(frame, len, 1, p[pc].k, &a))
				return 0;
			break;
		case 0x15:			/* jeq #k */
			pc += a == p[pc].k ? p[pc].jt : p[pc].jf;
			break;
		case 0x45:			/* jset #k */
			pc += (a & p[pc].k) != 0 ? p[pc].jt : p[pc].jf;
			break;
		case 0x06:			/* ret #k */
			return p[pc].k;
		default:
			ck_abort_msg("instruction %u: %#x", pc, p[pc].code);
		}
	ck_abort_msg("ran over the end");
}

static bool
accepts(const uint8_t *frame, size_t len)
{
	uint32_t n = run(prog, BPF_AOE_OPS, frame, len);

	if (n != 0 && n < len)
		ck_abort_msg("cuts a frame of %zu to %u", len, n);
	return n != 0;
}

/* The shims put instructions of theirs in the last one's place, and count on
 * this: all that is accepted gets there, and no jump leads beyond. */
START_TEST(shape)
{
	const struct bpf_op *p;
	unsigned i, to;

	setup();
	p = &prog[BPF_AOE_OPS - 1];
	ck_assert_uint_eq(p->code, 0x06);
	ck_assert_uint_ge(p->k, 65536 + 18);
	for (i = 0; i < BPF_AOE_OPS - 1; i++) {
		p = &prog[i];
		if (p->code == 0x06)
			ck_assert_uint_eq(p->k, 0);
		if (p->code != 0x15 && p->code != 0x45) {
			ck_assert_uint_eq(p->jt + p->jf, 0);
			continue;
		}
		to = i + 1 + (p->jt > p->jf ? p->jt : p->jf);
		ck_assert_uint_lt(to, BPF_AOE_OPS);
	}
}
END_TEST

/*
 * By hand: which frames pass.
 */
static const struct {
	const char *what, *frame;
	bool pass;
} rows[] = {
	{ "ours", US HER "88a2 10 00 0001 02 01 00000000", true },
	{ "to all", ALL HER "88a2 10 00 ffff ff 01 00000000", true },
	{ "all shelves", ALL HER "88a2 10 00 ffff 02 01 00000000", true },
	{ "all slots", ALL HER "88a2 10 00 0001 ff 01 00000000", true },
	{ "another version is answered, so it passes",
	    US HER "88a2 20 00 0001 02 01 00000000", true },
	{ "flags other than R", US HER "88a2 17 00 0001 02 01 00000000",
	    true },
	{ "an unknown command", US HER "88a2 10 00 0001 02 ff 00000000",
	    true },
	{ "another target has our address",
	    US HER "88a2 18 00 0001 02 01 00000000", true },
	{ "and says so to all", ALL HER "88a2 18 00 0001 02 01 00000000",
	    true },
	{ "it has an error to tell", US HER "88a2 1c 00 0001 02 01 00000000",
	    true },
	{ "it is vblade 25", ALL HER "88a2 08 00 0001 02 01 00000000", true },
	{ "an ATA response", US HER "88a2 18 00 0001 02 00 00000000", false },
	{ "a mask response", US HER "88a2 18 00 0001 02 02 00000000", false },
	{ "an error response", US HER "88a2 1c 01 0001 02 ff 00000000",
	    false },
	{ "a response from all shelves",
	    US HER "88a2 18 00 ffff 02 01 00000000", false },
	{ "a response from all slots",
	    US HER "88a2 18 00 0001 ff 01 00000000", false },
	{ "a response from another",
	    US HER "88a2 18 00 0001 03 01 00000000", false },
	{ "a response of another type",
	    US HER "88a3 18 00 0001 02 01 00000000", false },
	{ "a runt of a response", US HER "88a2 18 00 0001 02", false },
	{ "another shelf", US HER "88a2 10 00 0002 02 01 00000000", false },
	{ "its bytes swapped", US HER "88a2 10 00 0100 02 01 00000000",
	    false },
	{ "another slot", US HER "88a2 10 00 0001 03 01 00000000", false },
	{ "all shelves, another slot",
	    US HER "88a2 10 00 ffff 03 01 00000000", false },
	{ "another shelf, all slots",
	    US HER "88a2 10 00 0002 ff 01 00000000", false },
	{ "another type", US HER "88a3 10 00 0001 02 01 00000000", false },
	{ "its bytes swapped", US HER "a288 10 00 0001 02 01 00000000",
	    false },
	{ "IPv4", US HER "0800 10 00 0001 02 01 00000000", false },
	{ "tagged", US HER "8100 0001 88a2 10 00 0001 02 01 0000", false },
	{ "a runt", US HER "88a2 10 00 0001", false },
	{ "a frame of no bytes", "", false },
};

START_TEST(row)
{
	uint8_t frame[64];
	size_t n = bytes(frame, sizeof(frame), rows[_i].frame);

	setup();
	ck_assert_msg(accepts(frame, n) == rows[_i].pass, "%s",
	    rows[_i].what);
}
END_TEST

/* The address is taken as it is, at both ends of its range. */
START_TEST(addresses)
{
	static const struct {
		unsigned shelf, slot;
	} ours[] = { { 0, 0 }, { 65534, 254 }, { 256, 1 }, { 1, 0 } };
	uint8_t frame[32];
	unsigned shelf = ours[_i].shelf, slot = ours[_i].slot, i;

	setup();
	bpf_aoe(prog, shelf, slot);
	bytes(frame, sizeof(frame), US HER "88a2 10 00 0000 00 01 00000000");
	put_be16(frame + 16, shelf);
	for (i = 0; i < 256; i++) {
		frame[18] = (uint8_t)i;
		ck_assert(accepts(frame, 24) == (i == slot || i == 255));
	}
	frame[18] = (uint8_t)slot;
	for (i = 0; i < 65536; i++) {
		put_be16(frame + 16, i);
		if (accepts(frame, 24) != (i == shelf || i == 65535))
			ck_abort_msg("shelf %u", i);
	}
}
END_TEST

/*
 * Against aoe.c: mostly well-made frames, each with some byte or the length
 * changed.
 */
static size_t
any_frame(uint8_t frame[static 64])
{
	static const char *const makings[] = {
		US HER "88a2 10 00 0001 02 01 00000000 | 00*8",
		ALL HER "88a2 10 00 ffff ff 01 00000000 | 00*8",
		US HER "88a2 10 00 0001 02 00 00000000 | 00*2 01 ec 00*8",
		US HER "88a2 10 00 0001 02 02 00000000 | 00*4",
		US HER "88a2 10 00 0001 02 03 00000000 | 00*2",
		US HER "88a2 18 00 0001 02 01 00000000 | 00*8",
		ALL HER "88a2 18 00 0001 02 01 00000000 | 00*8",
	};
	static const uint8_t likely[] = { 0, 1, 2, 3, 8, 16, 24, 0x88, 0xa2,
	    0xff };
	size_t n = bytes(frame, 64, makings[any(NELEM(makings))]);
	unsigned i;

	for (i = any(4); i > 0; i--)
		frame[12 + any(8)] = any(2) == 0 ? (uint8_t)any(256) :
		    likely[any(sizeof(likely))];
	if (any(8) == 0)
		n = any((unsigned)n + 1);
	return n;
}

/* One that passes and is not answered is for aoe.c to sort out: it is short
 * of its command's header, or its addresses are odd. */
static void
agree(const uint8_t *frame, size_t n, unsigned *passed)
{
	const bool pass = accepts(frame, n);
	struct frame f = { (uint8_t *)(uintptr_t)frame, n, &b.link, 0 };

	if (aoe_request(&b.t, &f, &b.r) != AOE_SILENCE && !pass)
		ck_abort_msg("rejected, though it would be answered");
	if (pass && (n < 19 || get_be16(frame + 12) != 0x88a2))
		ck_abort_msg("accepted, though no AoE");
	if (pass && (frame[14] & 8) != 0 && (n < 20 || frame[19] != 1 ||
	    get_be16(frame + 16) != 1 || frame[18] != 2))
		ck_abort_msg("accepted, though no request");
	*passed += pass;
}

START_TEST(against_aoe)
{
	const unsigned n = 300000;
	uint8_t frame[64];
	unsigned i, passed = 0;
	size_t len;

	setup();
	for (i = 0; i < n; i++) {
		len = any_frame(frame);
		agree(frame, len, &passed);
		/* what was said in a frame must not change the target */
		b.t.masks.n = b.t.reserve.n = 0;
	}
	/* both ways often, or this says nothing */
	ck_assert_uint_gt(passed, n / 10);
	ck_assert_uint_lt(passed, n * 9 / 10);
}
END_TEST

/*
 * Every frame that lies in tests/seeds/frame: a byte of modes, and then frames
 * with their length before them.  Returns how many.
 */
static unsigned
corpus(void (*each)(const uint8_t *, size_t, const int *), const int *arg)
{
	static uint8_t in[1 << 16];
	unsigned frames = 0;
	struct dirent *e;
	DIR *dir = opendir("tests/seeds/frame");
	char path[320];
	size_t n, at, len;
	FILE *fp;

	ck_assert_ptr_nonnull(dir);
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "tests/seeds/frame/%s", e->d_name);
		ck_assert_ptr_nonnull(fp = fopen(path, "r"));
		n = fread(in, 1, sizeof(in), fp);
		fclose(fp);
		for (at = 1; at + 2 <= n; at += len) {
			len = get_be16(in + at);
			at += 2;
			if (len > n - at)
				len = n - at;
			if (len > 0)
				each(in + at, len, arg);
			frames += len > 0;
		}
	}
	closedir(dir);
	return frames;
}

static unsigned from_corpus;

static void
agree_with_aoe(const uint8_t *frame, size_t n, const int *unused)
{
	(void)unused;
	agree(frame, n, &from_corpus);
	b.t.masks.n = b.t.reserve.n = 0;
}

START_TEST(corpus_against_aoe)
{
	unsigned n;

	setup();
	n = corpus(agree_with_aoe, NULL);
	ck_assert_uint_gt(n, 60);
	ck_assert_uint_gt(from_corpus, n / 2);	/* most are for us */
}
END_TEST

/*
 * Against the kernel: a local datagram socket runs the filter over what is
 * sent to it.
 */
#ifdef __linux__
static void
attach(int fd)
{
	struct sock_filter ours[BPF_AOE_OPS];
	struct sock_fprog fprog = { BPF_AOE_OPS, ours };
	unsigned i;

	for (i = 0; i < BPF_AOE_OPS; i++)
		ours[i] = (struct sock_filter){ prog[i].code, prog[i].jt,
		    prog[i].jf, prog[i].k };
	ck_assert_msg(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &fprog,
	    sizeof(fprog)) == 0, "the kernel's verdict: %s", strerror(errno));
}

/* What the filter rejects the sender hears of at once, or it is gone. */
static bool
kernel_accepts(const int fd[2], const uint8_t *frame, size_t n)
{
	uint8_t got[MAX_FRAME];
	ssize_t r;

	if (send(fd[0], frame, n, MSG_DONTWAIT) == -1 && errno != EPERM)
		ck_abort_msg("send: %s", strerror(errno));
	r = recv(fd[1], got, sizeof(got), MSG_DONTWAIT);
	if (r == -1)
		return false;
	same("as it was sent", got, (size_t)r, frame, n);
	return true;
}

static void
agree_with_kernel(const uint8_t *frame, size_t n, const int *fd)
{
	if (kernel_accepts(fd, frame, n) != accepts(frame, n))
		ck_abort_msg("the kernel is of another opinion");
}

START_TEST(against_kernel)
{
	static uint8_t big[40000];
	uint8_t frame[64];
	unsigned i, passed = 0;
	int fd[2];
	size_t n;

	setup();
	ck_assert(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd) == 0);
	attach(fd[1]);
	for (i = 0; i < 20000; i++) {
		n = any_frame(frame);
		if (n == 0)
			continue;
		if (kernel_accepts(fd, frame, n) != accepts(frame, n))
			ck_abort_msg("the kernel is of another opinion");
		passed += accepts(frame, n);
	}
	ck_assert_uint_gt(passed, 2000);
	ck_assert_uint_gt(corpus(agree_with_kernel, fd), 60);
	bytes(big, sizeof(big), rows[0].frame);
	ck_assert(kernel_accepts(fd, big, sizeof(big)));
	close(fd[0]);
	close(fd[1]);
}
END_TEST
#endif

int
main(void)
{
	Suite *s = suite_create("bpf");
	TCase *tc = add_case(s, "filter");

	tcase_add_test(tc, shape);
	tcase_add_loop_test(tc, row, 0, NELEM(rows));
	tcase_add_loop_test(tc, addresses, 0, 4);
	tcase_add_test(tc, against_aoe);
	tcase_add_test(tc, corpus_against_aoe);
#ifdef __linux__
	tcase_add_test(tc, against_kernel);
#endif
	return run_suite(s);
}
