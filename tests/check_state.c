/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What survives: the state file, torn and damaged at every byte, failing
 * beneath us.
 */

#include "faults.h"
#include "unit.h"

#include <sys/wait.h>

#include <time.h>

static struct blade b;
static struct state s;
static char path[80];
static uint8_t image[2][2 * STATE_COPY];	/* of the file, before, after */

/* Time, when it is ours: ns.  0: it is everybody's. */
static int64_t time_ns;

int
clock_gettime(clockid_t which, struct timespec *ts)
{
	if (time_ns == 0)
		return (int)syscall(SYS_clock_gettime, which, ts);
	ts->tv_sec = time_ns / 1000000000;
	ts->tv_nsec = time_ns % 1000000000;
	return 0;
}

/* A blade e1.2 with a store of its own and a state file of that content. */
static void
setup(const void *content, size_t len)
{
	int fd;

	memset(&fault, 0, sizeof(fault));
	blade_file(&b, 4096);
	blade_open(&b);
	snprintf(path, sizeof(path), "%s/state.XXXXXX", scratch);
	fd = mkstemp(path);
	ck_assert(fd != -1 && write(fd, content, len) == (ssize_t)len);
	close(fd);
	fault_clear_log();
}

static void
forget(struct target *t)
{
	t->nconfig = 0;
	memset(t->config, 0, sizeof(t->config));
	memset(&t->masks, 0, sizeof(t->masks));
	memset(&t->reserve, 0, sizeof(t->reserve));
}

/* As after a restart. */
static void
start(void)
{
	forget(&b.t);
	memset(&s, 0, sizeof(s));
	s.path = path;
	state_open(&s, &b.t);
}

static void
stop(void)
{
	close(s.fd);
}

static void
look_at_file(uint8_t *to)
{
	int fd = open(path, O_RDONLY);

	ck_assert(fd != -1 && read(fd, to, 2 * STATE_COPY) == 2 * STATE_COPY);
	close(fd);
}

static void
make_file(const uint8_t *from, size_t len)
{
	/* cut off after it was written, not before: ext4 takes that for a
	 * program that replaces a file, and brings it to the disk */
	int fd = open(path, O_WRONLY);

	CHEAP(fd != -1 && write(fd, from, len) == (ssize_t)len &&
	    ftruncate(fd, (off_t)len) == 0, "%s: %s", path, strerror(errno));
	close(fd);
}

/* A state that a number stands for: 0 is the empty one. */
static void
set(struct target *t, unsigned n)
{
	unsigned i;

	forget(t);
	t->nconfig = (uint16_t)(n * 37 % (AOE_MAXCFG + 1));
	for (i = 0; i < t->nconfig; i++)
		t->config[i] = (uint8_t)(n + i * 7);
	t->masks.n = n * 3 % (MAX_MACS + 1);
	t->reserve.n = n * 5 % (MAX_MACS + 1);
	for (i = 0; i < MAX_MACS; i++) {
		put_be16(t->masks.mac[i] + 4, (i < t->masks.n) * (n + i));
		put_be16(t->reserve.mac[i], (i < t->reserve.n) * (n + 2 * i));
	}
}

static bool
is(const struct target *t, unsigned n)
{
	static struct target want;

	set(&want, n);
	return t->nconfig == want.nconfig &&
	    memcmp(t->config, want.config, t->nconfig) == 0 &&
	    t->masks.n == want.masks.n && t->reserve.n == want.reserve.n &&
	    memcmp(t->masks.mac, want.masks.mac, 6 * want.masks.n) == 0 &&
	    memcmp(t->reserve.mac, want.reserve.mac, 6 * want.reserve.n) == 0;
}

static void
keep(unsigned n)
{
	set(&b.t, n);
	ck_assert_int_eq(state_keep(&s, &b.t), 0);
	ck_assert(is(&b.t, n));
}

START_TEST(kept)
{
	unsigned n;

	setup("", 0);
	start();
	ck_assert(is(&b.t, 0));
	for (n = 1; n < 1000; n += n < 20 ? 1 : 83) {
		keep(n);
		stop();
		start();
		ck_assert_msg(is(&b.t, n), "state %u", n);
	}
	ck_assert_uint_gt(s.generation, 20);
	ck_assert_str_eq(fault.said, "");
	stop();
}
END_TEST

/* The longest there is: every byte of the string escaped, both lists full. */
START_TEST(largest)
{
	unsigned i;

	setup("", 0);
	start();
	b.t.nconfig = AOE_MAXCFG;
	memset(b.t.config, 0xff, AOE_MAXCFG);
	b.t.masks.n = b.t.reserve.n = MAX_MACS;
	memset(b.t.masks.mac, 0x42, sizeof(b.t.masks.mac));
	memset(b.t.reserve.mac, 0x24, sizeof(b.t.reserve.mac));
	ck_assert_int_eq(state_keep(&s, &b.t), 0);
	stop();
	start();
	ck_assert_uint_eq(b.t.nconfig, AOE_MAXCFG);
	for (i = 0; i < AOE_MAXCFG; i++)
		ck_assert_uint_eq(b.t.config[i], 0xff);
	ck_assert_uint_eq(b.t.masks.n, MAX_MACS);
	ck_assert_uint_eq(b.t.reserve.n, MAX_MACS);
	ck_assert_uint_eq(b.t.masks.mac[MAX_MACS - 1][5], 0x42);
	ck_assert_uint_eq(b.t.reserve.mac[MAX_MACS - 1][5], 0x24);
	stop();
}
END_TEST

/* To be read by people, so to the letter.  The sum is FNV-1a of the lines
 * above it, computed apart. */
START_TEST(letters)
{
	static const char want[] =
	    "vblade state 1\n"
	    "blade e1.2\n"
	    "generation 3\n"
	    "config \"say \\x22hi\\x22 \\x5c \\x00\\x0a\\xff~\"\n"
	    "mask 52:54:00:00:00:01\n"
	    "reserve 52:54:00:00:00:05\n"
	    "reserve 52:54:00:00:00:12\n"
	    "check c4c0d2a123b04614\n";
	size_t i;

	setup("", 0);
	start();
	b.t.nconfig = 15;
	memcpy(b.t.config, "say \"hi\" \\ \0\n\xff~", 15);
	b.t.masks.n = 1;
	bytes(b.t.masks.mac[0], 6, HER);
	b.t.reserve.n = 2;
	bytes(b.t.reserve.mac[0], 12, HIM "525400000012");
	ck_assert_int_eq(state_keep(&s, &b.t), 0);
	look_at_file(image[0]);
	same("copy 0", image[0], sizeof(want) - 1, (const uint8_t *)want,
	    sizeof(want) - 1);
	for (i = 0; i < sizeof(image[0]); i++)
		ck_assert_msg(image[0][i] == '\n' || (image[0][i] >= ' ' &&
		    image[0][i] <= '~'), "byte %zu: %#x", i, image[0][i]);
	ck_assert_uint_eq(image[0][STATE_COPY - 1], '\n');
	stop();
}
END_TEST

/*
 * A crash.  image[0] is the file before a change from the state "from" to
 * "to", image[1] after it: the change is in the copy at "copy".
 */
static void
change(unsigned from, unsigned to, size_t *copy)
{
	setup("", 0);
	start();
	keep(from);
	look_at_file(image[0]);
	keep(to);
	look_at_file(image[1]);
	stop();
	*copy = s.copy * STATE_COPY;
	ck_assert(memcmp(image[0] + STATE_COPY - *copy,
	    image[1] + STATE_COPY - *copy, STATE_COPY) == 0);
}

/* Which of the two it is; a third is a mix. */
static unsigned
restart(const uint8_t *file, size_t len, unsigned from, unsigned to)
{
	unsigned now;

	make_file(file, len);
	fault.said[0] = '\0';
	log_open();
	start();
	stop();
	now = is(&b.t, to) ? to : from;
	CHEAP(is(&b.t, now), "neither the old state nor the new");
	CHEAP(s.generation > 3 || now == from, "the new state, generation %u",
	    (unsigned)s.generation);
	return now;
}

/* States of which the first is changed to the second: small, large, longer,
 * shorter, of the same length. */
static const unsigned changes[][2] = {
	{ 0, 1 }, { 1, 0 }, { 2, 4 }, { 25, 26 }, { 5, 5 + 1025 * 256 },
};

/* From n on to the next number of bytes to be looked at, in a copy whose text
 * ends at end: where text and copy end, none is left out. */
static size_t
step(size_t n, size_t end)
{
	if (n + every() + 4 < end)
		return every();
	return n < end + 4 || n + 4 > STATE_COPY ? 1 : 509;
}

/* The write of a copy stopped at any byte, from its beginning on or from its
 * end on. */
START_TEST(torn_at)
{
	const unsigned from = changes[_i][0], to = changes[_i][1];
	static uint8_t torn[2 * STATE_COPY];
	unsigned now, last = from, nnew = 0, nold = 0;
	size_t copy, n, end;

	change(from, to, &copy);
	for (end = STATE_COPY; image[1][copy + end - 1] == ' ' ||
	    image[1][copy + end - 1] == '\n'; end--)
		;
	for (n = 0; n <= STATE_COPY; n += step(n, end)) {
		memcpy(torn, image[0], sizeof(torn));
		memcpy(torn + copy, image[1] + copy, n);
		now = restart(torn, sizeof(torn), from, to);
		CHEAP(last != to || now == to,
		    "less than %zu bytes were enough, and these are not", n);
		last = now;
		nnew += now == to;
		nold += now == from;

		memcpy(torn, image[1], sizeof(torn));
		memcpy(torn + copy, image[0] + copy, n);
		restart(torn, sizeof(torn), from, to);
	}
	ck_assert_uint_gt(nold, (end - 2) / every());
	ck_assert_uint_gt(nnew, 1);
}
END_TEST

/* Sectors reach a disk in any order, and some do not. */
START_TEST(sectors)
{
	const unsigned from = changes[_i][0], to = changes[_i][1];
	static uint8_t torn[2 * STATE_COPY];
	unsigned round, i, any = 1;
	size_t copy;

	change(from, to, &copy);
	for (round = 0; round < 300 / every(); round++) {
		memcpy(torn, image[0], sizeof(torn));
		for (i = 0; i < STATE_COPY; i += SECTOR) {
			any = any * 1664525 + 1013904223;
			if ((any >> 30) % 2 == 0)
				memcpy(torn + copy + i, image[1] + copy + i,
				    SECTOR);
		}
		restart(torn, sizeof(torn), from, to);
	}
}
END_TEST

/* A byte of the newer copy goes bad: the older one it is, and said so. */
START_TEST(damage)
{
	static uint8_t bad[2 * STATE_COPY];
	size_t copy, i;
	unsigned now;

	change(2, 4, &copy);
	for (i = 0; i < 1200; i += every()) {
		memcpy(bad, image[1], sizeof(bad));
		bad[copy + i] ^= (uint8_t)(1 << i % 8);
		now = restart(bad, sizeof(bad), 2, 4);
		/* half a copy is told of, and whole ones are not */
		CHEAP((now == 2) == (strstr(fault.said,
		    "one of two copies is not whole") != NULL),
		    "byte %zu: %s", i, fault.said);
	}
	/* the file ends too early, by one copy or more */
	for (i = 0; i < STATE_COPY; i += 1 + (i > 1500) * 487) {
		memcpy(bad, image[1] + copy, STATE_COPY);
		memcpy(bad + STATE_COPY, image[1] + STATE_COPY - copy,
		    STATE_COPY);
		restart(bad, STATE_COPY + i, 2, 4);
	}
	/* what was mended is whole again */
	fault.said[0] = '\0';
	start();
	stop();
	ck_assert_str_eq(fault.said, "");
}
END_TEST

/*
 * Failures while it runs.
 */

/* Fails to keep 4, and nothing of it is left: not here and not in the file. */
static void
fails(int error, const char *said)
{
	look_at_file(image[0]);
	set(&b.t, 4);
	fault.said[0] = '\0';
	log_open();
	ck_assert_int_eq(state_keep(&s, &b.t), -1);
	ck_assert(is(&b.t, 2));
	ck_assert_msg(strstr(fault.said, strerror(error)) != NULL &&
	    strstr(fault.said, path) != NULL, "%s", fault.said);
	ck_assert_msg((strstr(fault.said, "may yet") != NULL) ==
	    (said != NULL), "%s", fault.said);
	ck_assert(strchr(fault.said, '\n') == strrchr(fault.said, '\n'));
	/* the copy in force is as it was */
	look_at_file(image[1]);
	same("the copy in force", image[1] + s.copy * STATE_COPY, STATE_COPY,
	    image[0] + s.copy * STATE_COPY, STATE_COPY);
}

/* For each of the copies to be written: the disk full at its beginning, in
 * its midst, behind its text; a sync that fails. */
static const struct {
	int64_t first;			/* byte of the copy; -1: the sync */
	int error;
	const char *said;
} failures_[] = {
	{ 0, ENOSPC, "may yet" }, { 1, ENOSPC, NULL }, { 100, EIO, NULL },
	{ STATE_COPY - 1, ENOSPC, NULL }, { -1, EIO, "may yet" },
	{ -1, ENOSPC, "may yet" },
};

START_TEST(failure)
{
	const int64_t first = failures_[_i % 6].first;
	const int error = failures_[_i % 6].error;

	setup("", 0);
	start();
	if (_i >= 6)			/* the other copy is written next */
		keep(1);
	keep(2);
	if (first == -1)
		fault.sync_error = error;
	else {
		fault.bad_first = !s.copy * STATE_COPY + first;
		fault.bad_end = (!s.copy + 1) * STATE_COPY;
		fault.bad_write = error;
	}
	fails(error, failures_[_i % 6].said);
	fails(error, failures_[_i % 6].said);
	ck_assert_uint_eq(b.t.count.unkept, 2);
	fault.bad_write = fault.sync_error = 0;
	stop();
	start();
	ck_assert_msg(is(&b.t, 2), "what was refused is there");
	keep(4);
	keep(5);
	stop();
	start();
	ck_assert(is(&b.t, 5));
	stop();
}
END_TEST

/*
 * What was refused has the number and the first bytes of what comes next.  If
 * that came to the disk in part, and in place of the mark, it would be whole:
 * so nothing of it is left when the next one begins, after a restart neither.
 */
START_TEST(refused_is_gone)
{
	static uint8_t gone[STATE_COPY];
	unsigned other;

	setup("", 0);
	start();
	keep(1);
	keep(2);
	other = !s.copy;
	fault.sync_error = EIO;
	fails(EIO, "may yet");
	if (_i == 1) {
		fault.sync_error = 0;
		stop();
		fault_clear_log();
		start();
		ck_assert(is(&b.t, 2));
		/* some libc reads by another name: do not look at that */
		ck_assert_str_eq(fault.log + strspn(fault.log, "R"), "WSWS");
		stop();
		return;
	}
	/* as far as the sync in between, and not further */
	set(&b.t, 5);
	ck_assert_int_eq(state_keep(&s, &b.t), -1);
	look_at_file(image[0]);
	memset(gone, '?', sizeof(gone));
	same("the other copy", image[0] + other * STATE_COPY, STATE_COPY,
	    gone, sizeof(gone));
	fault.sync_error = 0;
	fault_clear_log();
	keep(5);
	ck_assert_str_eq(fault.log, "WSWS");
	fault_clear_log();
	keep(6);
	ck_assert_str_eq(fault.log, "WS");
	stop();
}
END_TEST

/*
 * Many changes: 32 at once, 4 a second from then on.
 */
static unsigned tries;

/* One is asked for.  Refused, it costs nothing and leaves nothing. */
static bool
may_change(void)
{
	static struct target before;
	int r;

	before = b.t;
	set(&b.t, ++tries);
	fault_clear_log();
	r = state_keep(&s, &b.t);
	if (r == 0) {
		ck_assert(is(&b.t, tries));
		ck_assert_str_eq(fault.log, "WS");
		return true;
	}
	ck_assert_int_eq(r, -1);
	ck_assert_uint_eq(b.t.nconfig, before.nconfig);
	ck_assert_mem_eq(b.t.config, before.config, before.nconfig);
	ck_assert_mem_eq(&b.t.masks, &before.masks, sizeof(before.masks));
	ck_assert_mem_eq(&b.t.reserve, &before.reserve,
	    sizeof(before.reserve));
	ck_assert_str_eq(fault.log, "");
	return false;
}

/* How many more are made now, before one is not. */
static unsigned
changes_now(void)
{
	unsigned n = 0;

	while (may_change())
		n++;
	return n;
}

START_TEST(throttle)
{
	static const struct { int ms; unsigned more; } then[] = {
		{ 249, 0 }, { 1, 1 }, { 251, 1 }, { 999, 4 }, { 3000, 12 },
		{ 7999, 31 }, { 8001, 32 }, { 3600000, 32 }, { 250, 1 },
	};
	unsigned i, total = 32;

	setup("", 0);
	time_ns = INT64_C(5000000000);
	start();
	log_open();
	fault.said[0] = '\0';
	ck_assert_uint_eq(changes_now(), 32);
	ck_assert_msg(strstr(fault.said, "more changes from the network than "
	    "4 a second") != NULL && strstr(fault.said, path) != NULL, "%s",
	    fault.said);
	fault.said[0] = '\0';
	for (i = 0; i < 1000; i++)
		ck_assert(!may_change());
	ck_assert_uint_eq(b.t.count.throttled, 1001);
	ck_assert_uint_eq(b.t.count.unkept, 0);
	ck_assert_str_eq(fault.said, "");	/* it has been told */
	for (i = 0; i < NELEM(then); i++) {
		time_ns += then[i].ms * INT64_C(1000000);
		total += then[i].more;
		ck_assert_uint_eq(changes_now(), then[i].more);
		ck_assert_uint_eq(b.t.count.changes, total);
		/* told of once a minute: again after the hour */
		ck_assert_int_eq(fault.said[0] != '\0', i >= 7);
	}
	time_ns = 0;
	stop();
}
END_TEST

/* One that fails has cost the disk as much. */
START_TEST(throttle_failures)
{
	unsigned i;

	setup("", 0);
	time_ns = INT64_C(5000000000);
	start();
	fault.sync_error = EIO;
	for (i = 0; i < 100; i++) {
		set(&b.t, 4);
		ck_assert_int_eq(state_keep(&s, &b.t), -1);
		ck_assert(is(&b.t, 0));
	}
	ck_assert_uint_eq(b.t.count.unkept, 32);
	ck_assert_uint_eq(b.t.count.throttled, 68);
	time_ns = 0;
	stop();
}
END_TEST

/* Kept means synced: the sync comes last, and interruptions and short writes
 * are lived with. */
START_TEST(order)
{
	setup("", 0);
	start();
	fault_clear_log();
	keep(1);
	ck_assert_str_eq(fault.log, "WS");
	fault_clear_log();
	fault.dribble = 9000;
	fault.interrupts = 2;
	keep(2);
	ck_assert_str_eq(fault.log, "WWWWWS");
	fault_clear_log();
	fault.sync_error = EIO;
	set(&b.t, 3);
	ck_assert_int_eq(state_keep(&s, &b.t), -1);
	ck_assert_str_eq(fault.log, "WWWSWS");	/* and spoils it */
	ck_assert_uint_eq(b.t.count.changes, 2);
	ck_assert_uint_eq(b.t.count.unkept, 1);
	stop();
}
END_TEST

/* What a process wrote that was then killed may be in the cache alone.  It is
 * made stable before anybody is told of it. */
START_TEST(believed)
{
	setup("", 0);
	start();
	keep(2);
	stop();
	fault_clear_log();
	start();
	ck_assert(is(&b.t, 2));
	ck_assert_uint_gt(fault.nlog, 0);
	ck_assert_int_eq(fault.log[fault.nlog - 1], 'S');
	stop();
}
END_TEST

START_TEST(not_believed)
{
	setup("", 0);
	start();
	keep(2);
	stop();
	fault.sync_error = EIO;
	start();
}
END_TEST

/* Without a file all is as it was. */
START_TEST(no_file)
{
	setup("", 0);
	memset(&s, 0, sizeof(s));
	set(&b.t, 7);
	state_open(&s, &b.t);
	ck_assert(is(&b.t, 7));
	ck_assert_int_eq(state_keep(&s, &b.t), 0);
	ck_assert_str_eq(fault.log, "");
}
END_TEST

/*
 * Opening.
 */
START_TEST(given_masks)
{
	uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 };

	setup("", 0);
	start();
	keep(2);
	stop();
	forget(&b.t);
	memset(&s, 0, sizeof(s));
	s.path = path;
	mac_add(&b.t.masks, mac, MAX_MACS);
	state_open(&s, &b.t);
	ck_assert_uint_eq(b.t.nconfig, 74);
	ck_assert_uint_eq(b.t.masks.n, 1);
	ck_assert_uint_eq(b.t.reserve.n, 10);
	ck_assert(strstr(fault.said, "-m replaces the mask list") != NULL);
	stop();
	/* from then on the file has it; -m with the same is not worth a word */
	fault.said[0] = '\0';
	start();
	ck_assert_uint_eq(b.t.masks.n, 1);
	stop();
	memset(&s, 0, sizeof(s));
	s.path = path;
	state_open(&s, &b.t);
	ck_assert_str_eq(fault.said, "");
	stop();
}
END_TEST

/* What a start that was cut off has left does not matter. */
START_TEST(half_created)
{
	char new[100];
	int fd;

	setup("", 0);
	snprintf(new, sizeof(new), "%s.new", path);
	fd = open(new, O_WRONLY | O_CREAT, 0600);
	ck_assert(fd != -1 && write(fd, "vblade st", 9) == 9);
	close(fd);
	start();
	ck_assert(is(&b.t, 0));
	ck_assert_int_eq(access(new, F_OK), -1);
	keep(3);
	stop();
	unlink(path);
	start();			/* a name that is not there */
	ck_assert(is(&b.t, 0));
	stop();
	start();
	ck_assert_uint_eq(s.generation, 2);
	stop();
}
END_TEST

/* FNV-1a once more, so that a text can be wrong and have the right sum. */
static size_t
sign(char *text)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	size_t i, n = strlen(text);

	for (i = 0; i < n; i++)
		h = (h ^ (uint8_t)text[i]) * UINT64_C(0x100000001b3);
	return n + (size_t)sprintf(text + n, "check %016llx\n",
	    (unsigned long long)h);
}

static char made[4 * STATE_COPY];

static void
make_text(unsigned nstring, unsigned nmask, unsigned nreserve)
{
	char *p = made;

	p += sprintf(p, "vblade state 1\nblade e1.2\ngeneration 9\nconfig \"");
	memset(p, 'x', nstring);
	p += nstring;
	p += sprintf(p, "\"\n");
	for (; nmask > 0; nmask--)
		p += sprintf(p, "mask 02:00:00:00:00:%02x\n", nmask & 0xff);
	for (; nreserve > 0; nreserve--)
		p += sprintf(p, "reserve 02:00:00:00:00:%02x\n",
		    nreserve & 0xff);
	sign(made);
}

/* Somebody made it by hand, within the limits. */
START_TEST(by_hand)
{
	make_text(1024, 255, 255);
	setup(made, strlen(made));
	start();
	ck_assert_uint_eq(b.t.nconfig, 1024);
	ck_assert_uint_eq(b.t.masks.n, 255);
	ck_assert_uint_eq(b.t.reserve.n, 255);
	ck_assert(b.t.reserve.mac[0][5] == 255 && b.t.reserve.mac[254][5] == 1);
	stop();
}
END_TEST

/* Each of them ends the process with status 1; what it says is for the
 * end-to-end tests. */
static void
start_unheard(void)
{
	ck_assert(freopen("/dev/null", "w", stderr) != NULL);
	start();
}

static const char *const refusals[] = {
	"x", "\n", "vblade state 1\n",
	"vblade state 2\nblade e1.2\ngeneration 1\nconfig \"\"\n",
	"vblade state 1\nblade e1.3\ngeneration 1\nconfig \"\"\n",
	"vblade state 1\nblade e3.2\ngeneration 1\nconfig \"\"\n",
	"vblade state 1\nblade e99999.2\ngeneration 1\nconfig \"\"\n",
	"vblade state 1\nblade e1.2\ngeneration \nconfig \"\"\n",
	"vblade state 1\nblade e1.2\ngeneration 1\nconfig \"\n",
	"vblade state 1\nblade e1.2\ngeneration 1\nconfig \"\\x1\"\n",
	"vblade state 1\nblade e1.2\ngeneration 1\nconfig \"\\n\"\n",
	"vblade state 1\nblade e1.2\ngeneration 1\nconfig \"\"\nmask 02:0\n",
	("vblade state 1\nblade e1.2\ngeneration 1\nconfig \"\"\n"
	    "reserve 02:00:00:00:00:01\nmask 02:00:00:00:00:01\n"),
	"vblade state 1\nblade e1.2\ngeneration 1\nconfig \"\"\nother 1\n",
	"",				/* a string, a list, too long */
	"",
	"",
};

START_TEST(refused)
{
	const unsigned last = NELEM(refusals) - (unsigned)_i;

	if (last <= 3)
		make_text(1024 + (last == 3), 255 + (last == 2),
		    255 + (last == 1));
	else {
		snprintf(made, sizeof(made), "%s", refusals[_i]);
		sign(made);
	}
	setup(made, strlen(made));
	start_unheard();
}
END_TEST

START_TEST(refused_zeros)
{
	memset(image, 0, sizeof(image));
	setup(image[0], sizeof(image[0]));
	start_unheard();
}
END_TEST

START_TEST(refused_store)
{
	setup("", 0);
	snprintf(path, sizeof(path), "/dev/fd/%d", b.t.disk.fd);
	start_unheard();
}
END_TEST

START_TEST(refused_directory)
{
	setup("", 0);
	snprintf(path, sizeof(path), "%s", scratch);
	start_unheard();
}
END_TEST

START_TEST(refused_in_use)
{
	char c;
	int up[2], down[2];

	setup("", 0);
	ck_assert(pipe(up) == 0 && pipe(down) == 0);
	if (fork() == 0) {		/* holds it until we are gone */
		close(down[1]);
		start();
		_exit(write(up[1], "x", 1) != 1 || read(down[0], &c, 1) != 0);
	}
	close(up[1]);
	close(down[0]);
	if (read(up[0], &c, 1) == 1)
		start_unheard();
}
END_TEST

START_TEST(refused_full)
{
	setup("", 0);
	fault.bad_write = ENOSPC;
	fault.bad_first = 30000;
	fault.bad_end = INT64_MAX;
	start_unheard();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("state");
	TCase *tc;

	tc = add_case(suite, "kept");
	tcase_add_test(tc, kept);
	tcase_add_test(tc, largest);
	tcase_add_test(tc, letters);
	tcase_add_test(tc, order);
	tcase_add_test(tc, throttle);
	tcase_add_test(tc, throttle_failures);
	tcase_add_test(tc, believed);
	tcase_add_exit_test(tc, not_believed, 1);
	tcase_add_test(tc, no_file);
	tc = add_case(suite, "crash");
	tcase_add_loop_test(tc, torn_at, 0, NELEM(changes));
	tcase_add_loop_test(tc, sectors, 0, NELEM(changes));
	tcase_add_test(tc, damage);
	tc = add_case(suite, "failures");
	tcase_add_loop_test(tc, failure, 0, 2 * NELEM(failures_));
	tcase_add_loop_test(tc, refused_is_gone, 0, 2);
	tc = add_case(suite, "opening");
	tcase_add_test(tc, given_masks);
	tcase_add_test(tc, half_created);
	tcase_add_test(tc, by_hand);
	tcase_add_loop_exit_test(tc, refused, 1, 0, NELEM(refusals));
	tcase_add_exit_test(tc, refused_zeros, 1);
	tcase_add_exit_test(tc, refused_store, 1);
	tcase_add_exit_test(tc, refused_directory, 1);
	tcase_add_exit_test(tc, refused_in_use, 1);
	tcase_add_exit_test(tc, refused_full, 1);
	return run_suite(suite);
}
