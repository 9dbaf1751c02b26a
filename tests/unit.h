/* SPDX-License-Identifier: GPL-2.0-only */
/* For the unit tests: frames written as text, and a blade that gets them. */

#include <sys/stat.h>

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <check.h>

#include "dat.h"
#include "fns.h"

#define NELEM(a)	(sizeof(a) / sizeof((a)[0]))

/* The parties.  The blade is e1.2, as in the worked frames of the protocol. */
#define US	"525400000002"
#define HER	"525400000001"
#define HIM	"525400000005"
#define ALL	"ffffffffffff"

/* The AoE header up to the command: asked by her of us, and answered. */
#define ASK	US HER "88a2 10 00 0001 02"
#define SAY	HER US "88a2 18 00 0001 02"
#define SAY_E(code)	HER US "88a2 1c" code "0001 02"
#define TAG	"00011234"

/* ATA in frames, by its registers; the payload comes behind. */
#define ATA(regs)	ASK "00" TAG "|" regs "0000 |"
#define REGS(regs)	SAY "00" TAG "|" regs "0000 |"

/* Query Config, read; and the answer of a blade without a string (7). */
#define READ_CFG	"01" TAG "| 0000 0000 00 00 0000"
#define CFG		"01" TAG "| 0010 401a 02 10 0000"

enum { MAX_FRAME = 70000, POISON = 0xa5 };

struct blade {
	struct target	t;
	struct link	link;
	struct request	r;
	int		fd;		/* ours, to look into the store */
	char		path[64];
	_Alignas(PAGE) uint8_t area[REPLY_BYTES];
};

/*
 * Bytes as text: two hex digits each; spaces and | are for the eye, and *N
 * makes N of the byte before it.  Returns how many.
 */
static inline size_t
bytes(uint8_t *out, size_t max, const char *s)
{
	size_t n = 0;
	unsigned long times;
	char pair[3] = "", *end;

	while (*s != '\0') {
		if (*s == ' ' || *s == '|') {
			s++;
			continue;
		}
		if (*s == '*') {
			times = strtoul(s + 1, &end, 10);
			ck_assert(n > 0 && times > 0 && n + times <= max + 1);
			memset(out + n, out[n - 1], times - 1);
			n += times - 1;
			s = end;
			continue;
		}
		memcpy(pair, s, 2);
		if (!isxdigit((unsigned char)pair[0]) ||
		    !isxdigit((unsigned char)pair[1]) || n == max)
			ck_abort_msg("no byte, or too many: %s", s);
		out[n++] = (uint8_t)strtoul(pair, NULL, 16);
		s += 2;
	}
	return n;
}

/* For long loops: libcheck writes each of its assertions to a pipe, those that
 * hold, too. */
#define CHEAP(cond, ...)						\
	do								\
		if (!(cond))						\
			ck_abort_msg(__VA_ARGS__);			\
	while (0)

/* Of a loop over every byte, every so many will do: where a test takes fifty
 * times as long, under valgrind, tests/run sets EVERY.  Else 1. */
static inline unsigned
every(void)
{
	const char *s = getenv("EVERY");
	const unsigned long n = s != NULL ? strtoul(s, NULL, 10) : 1;

	ck_assert(n > 0 && n < 100);
	return (unsigned)n;
}

/* A number below n, from what a test was seeded with. */
static uint32_t any_seed = 1;

static inline unsigned
any(unsigned n)
{
	any_seed = any_seed * 1664525 + 1013904223;
	return (any_seed >> 8) % n;
}

/* got is want, to the byte; else tell where they part. */
static inline void
same(const char *what, const uint8_t *got, size_t ngot, const uint8_t *want,
    size_t nwant)
{
	size_t i;

	for (i = 0; i < ngot && i < nwant; i++)
		CHEAP(got[i] == want[i], "%s: byte %zu is %02x, not %02x",
		    what, i, got[i], want[i]);
	ck_assert_msg(ngot == nwant, "%s: %zu bytes, not %zu", what, ngot,
	    nwant);
}

/* A blade that has nsec sectors but nothing behind them. */
static inline void
blade_init(struct blade *b, uint64_t nsec)
{
	memset(b, 0, sizeof(*b));
	bytes(b->link.mac, 6, US);
	snprintf(b->link.name, sizeof(b->link.name), "eth0");
	b->link.mtu = 1500;
	b->link.index = 1;
	b->fd = -1;
	b->t.shelf = 1;
	b->t.slot = 2;
	b->t.bufcnt = 16;
	snprintf(b->t.serial, sizeof(b->t.serial), "1.2-0a1b2c3d");
	b->t.disk.fd = b->t.disk.cached_fd = -1;
	b->t.disk.nsec = nsec;
	b->t.disk.wcache = b->t.disk.trims = b->t.disk.trim_zeros = true;
	b->r.reply = b->area + REPLY_OFFSET;
}

static char scratch[48];		/* a directory of this run's own */

/* A file of that many zeros; blade_open exports it. */
static inline void
blade_file(struct blade *b, off_t len)
{
	blade_init(b, 0);
	snprintf(b->path, sizeof(b->path), "%s/XXXXXX", scratch);
	b->fd = mkstemp(b->path);
	ck_assert_msg(b->fd != -1, "%s: %s", b->path, strerror(errno));
	ck_assert(ftruncate(b->fd, len) == 0);
	b->t.disk.path = b->path;
}

/* Our own descriptor stays open: closing it would drop the process's lock. */
static inline void
blade_open(struct blade *b)
{
	b->t.disk.trims = b->t.disk.trim_zeros = false;
	disk_open(&b->t.disk, &b->t.count);
	queue_open(&b->t.disk, MAX_REQUESTS);
	unlink(b->path);
}

/* Let what was handed to the queue come to its end; in order of completion
 * to done, at most max. */
static inline int
run_queue(struct disk *d, struct op **done, int max)
{
	struct pollfd pfd = { .events = POLLIN };
	struct op *op;
	int n = 0;

	for (;;) {
		queue_run(d);
		while ((op = queue_done(d)) != NULL) {
			ck_assert_int_lt(n, max);
			done[n++] = op;
		}
		if (!queue_busy(d))
			return n;
		pfd.fd = queue_pollfd(d);
		ck_assert_msg(pfd.fd != -1 && poll(&pfd, 1, 5000) == 1,
		    "an operation does not end");
	}
}

/*
 * Give the blade a frame.  Returns its reply's length and the reply in
 * b->r.reply, poisoned before; 0 for silence.  The frame ends where its
 * memory does, so that a sanitizer sees a read beyond it.
 */
static inline size_t
ask(struct blade *b, const uint8_t *frame, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	struct frame f = { copy, len, &b->link, 0 };
	enum verdict v;
	struct op *op;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, frame, len);
	memset(b->area, POISON, sizeof(b->area));
	b->r.len = POISON;
	v = aoe_request(&b->t, &f, &b->r);
	if (v == AOE_DISK) {
		queue_add(&b->t.disk, &b->r.op);
		ck_assert_int_eq(run_queue(&b->t.disk, &op, 1), 1);
		ck_assert_ptr_eq(op, &b->r.op);
		aoe_finish(&b->t, &b->r);
	}
	same("the frame is not ours to change", copy, len, frame, len);
	free(copy);
	if (v == AOE_SILENCE || v == AOE_RIVAL) {
		ck_assert_uint_eq(b->r.len, 0);
		return 0;
	}
	ck_assert_uint_ge(b->r.len, 60);
	ck_assert_uint_le(b->r.len, b->link.mtu < 46 ? 60 : b->link.mtu + 14);
	ck_assert_ptr_eq(b->r.link, &b->link);
	return b->r.len;
}

/* One exchange; reply NULL: silence.  What the text of a reply lacks to 60
 * bytes is zeros. */
struct exchange {
	const char *what, *request, *reply;
};

static inline void
talk(struct blade *b, const struct exchange *x)
{
	static uint8_t req[MAX_FRAME], want[MAX_FRAME];
	size_t n = bytes(req, sizeof(req), x->request), nwant;
	size_t got = ask(b, req, n);

	if (x->reply == NULL) {
		ck_assert_msg(got == 0, "%s: answered", x->what);
		return;
	}
	memset(want, 0, ETH_FLOOR);
	nwant = bytes(want, sizeof(want), x->reply);
	same(x->what, b->r.reply, got, want,
	    nwant < ETH_FLOOR ? ETH_FLOOR : nwant);
}

/* Exchanges one after another, with the same blade. */
static inline void
talk_all(struct blade *b, const struct exchange *x, size_t n)
{
	for (; n > 0; n--)
		talk(b, x++);
}

/* Also what a test that failed left behind. */
static inline void
remove_scratch(void)
{
	DIR *dir = opendir(scratch);
	struct dirent *e;
	char path[512];

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", scratch, e->d_name);
		unlink(path);
	}
	if (dir != NULL)
		closedir(dir);
	rmdir(scratch);
}

/* On a disk, unless told otherwise: memory may have no direct I/O. */
static inline int
run_suite(Suite *s)
{
	SRunner *r = srunner_create(s);
	const char *dir = getenv("TMPDIR");
	int failed;

	snprintf(scratch, sizeof(scratch), "%.30s/vblade.XXXXXX",
	    dir != NULL ? dir : "/var/tmp");
	if (mkdtemp(scratch) == NULL || chmod(scratch, 0755) == -1) {
		perror(scratch);
		return 1;
	}
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	remove_scratch();
	return failed != 0;
}

static inline TCase *
add_case(Suite *s, const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_set_timeout(tc, 60);
	suite_add_tcase(s, tc);
	return tc;
}
