/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What survives: the state file, torn and damaged at every byte, failing
 * beneath us.
 */

#include "state.h"

static uint8_t image[2][2 * STATE_COPY];	/* of the file, before, after */

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
	unsigned round, i, toss = 1;
	size_t copy;

	change(from, to, &copy);
	for (round = 0; round < 300 / every(); round++) {
		memcpy(torn, image[0], sizeof(torn));
		for (i = 0; i < STATE_COPY; i += SECTOR) {
			toss = toss * 1664525 + 1013904223;
			if ((toss >> 30) % 2 == 0)
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

int
main(void)
{
	Suite *suite = suite_create("torn");
	TCase *tc;

	tc = add_case(suite, "crash");
	tcase_add_loop_test(tc, torn_at, 0, NELEM(changes));
	tcase_add_loop_test(tc, sectors, 0, NELEM(changes));
	tcase_add_test(tc, damage);
	tc = add_case(suite, "failures");
	tcase_add_loop_test(tc, failure, 0, 2 * NELEM(failures_));
	tcase_add_loop_test(tc, refused_is_gone, 0, 2);
	return run_suite(suite);
}
