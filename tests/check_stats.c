/* SPDX-License-Identifier: GPL-2.0-only */
/* Counting by size and time. */

#include "unit.h"

static struct target t;

START_TEST(batches)
{
	static const struct { unsigned n, i; } at[] = {
		{ 1, 0 }, { 2, 1 }, { 3, 2 }, { 4, 2 }, { 5, 3 }, { 8, 3 },
		{ 9, 4 }, { 33, 6 }, { 64, 6 }, { 65, 6 }, { 1000, 6 },
	};
	unsigned k;

	for (k = 0; k < NELEM(at); k++) {
		memset(&t, 0, sizeof(t));
		stats_batch(&t.stats, at[k].n, k);
		ck_assert_uint_eq(t.stats.batch[at[k].i], 1);
	}
	stats_batch(&t.stats, 1, 3);
	ck_assert_uint_eq(t.stats.queued_max, NELEM(at) - 1);
}
END_TEST

START_TEST(times)
{
	static const struct { int64_t ns; unsigned i; } at[] = {
		{ -5000000000, 0 }, { 0, 0 }, { 1, 0 }, { 1000, 0 },
		{ 1001, 1 }, { 2000, 1 }, { 2001, 2 }, { 4000, 2 },
		{ 1000000, 10 }, { INT64_C(4194304000), 22 },
		{ INT64_C(4194304001), 23 }, { INT64_C(1) << 60, 23 },
	};
	struct request r = { .timed = true, .when_ns = 77 };
	unsigned k;

	for (k = 0; k < NELEM(at); k++) {
		memset(&t, 0, sizeof(t));
		r.op.kind = OP_WRITE;
		stats_reply(&t.stats, &r, 77 + at[k].ns);
		ck_assert_uint_eq(t.stats.time[TIMED_WRITE].us[at[k].i], 1);
		ck_assert_uint_eq(t.stats.time[TIMED_WRITE].ns,
		    at[k].ns < 0 ? 0 : at[k].ns);
	}
	r.op.kind = OP_READ;
	stats_reply(&t.stats, &r, 78);
	r.op.kind = OP_FLUSH;
	stats_reply(&t.stats, &r, 79);
	r.timed = false;
	stats_reply(&t.stats, &r, 79);
	ck_assert_uint_eq(t.stats.time[TIMED_READ].ns, 1);
	ck_assert_uint_eq(t.stats.time[TIMED_OTHER].ns, 2);
}
END_TEST

static void
asks(enum op_kind kind, uint64_t lba, uint32_t n, uint8_t last, int64_t ms)
{
	const uint8_t src[6] = { 2, 0, 0, 0, 0, last };
	struct request r = {
		.op = { .kind = kind, .lba = lba, .nsec = n },
		.when_ns = (INT64_C(1764000000000) + ms) * 1000000,
	};

	stats_request(&t, &r, src);
	CHEAP(r.timed, "not timed");
}

START_TEST(repeats)
{
	memset(&t, 0, sizeof(t));
	asks(OP_READ, 100, 2, 1, 0);
	asks(OP_WRITE, 100, 2, 1, 1);	/* another command */
	asks(OP_READ, 101, 2, 1, 2);	/* another sector */
	asks(OP_READ, 100, 1, 1, 3);	/* another size */
	asks(OP_READ, 100, 2, 2, 4);	/* another initiator */
	asks(OP_FLUSH, 0, 0, 1, 5);
	asks(OP_FLUSH, 0, 0, 1, 6);	/* these say nothing */
	ck_assert_uint_eq(t.count.repeats, 0);
	asks(OP_READ, 100, 2, 1, 1900);
	ck_assert_uint_eq(t.count.repeats, 1);
	asks(OP_READ, 100, 2, 1, 1900 + 1000 * REPEAT_S + 10);
	ck_assert_uint_eq(t.count.repeats, 1);
	asks(OP_WRITE, 100, 2, 1, 300);
	asks(OP_WRITE, 100, 2, 1, 200);	/* the clock was set back */
	ck_assert_uint_eq(t.count.repeats, 2);
}
END_TEST

/* A large disk read from end to end in small pieces repeats nothing. */
START_TEST(no_false_ones)
{
	uint64_t i;

	memset(&t, 0, sizeof(t));
	for (i = 0; i < 1000000; i++)
		asks(OP_READ, 8 * i, 8, 1, 0);
	ck_assert_uint_lt(t.count.repeats, 3);
}
END_TEST

START_TEST(longest_line)
{
	char line[STATS_LINE], small[100];
	size_t n;

	memset(&t, 0xff, sizeof(t));
	n = stats_print(&t, line, sizeof(line));
	ck_assert_uint_eq(n, strlen(line));
	ck_assert_uint_lt(n, sizeof(line) - 100);
	ck_assert_ptr_nonnull(strstr(line, " other_us=18446744073709551615,"));
	memset(small, 'x', sizeof(small));
	ck_assert_uint_eq(stats_print(&t, small, 50), 49);
	ck_assert_uint_eq(strlen(small), 49);
	ck_assert_int_eq(small[50], 'x');
}
END_TEST

START_TEST(empty_line)
{
	char line[STATS_LINE];

	memset(&t, 0, sizeof(t));
	t.stats.time[TIMED_READ].us[2] = 7;
	stats_print(&t, line, sizeof(line));
	ck_assert_ptr_nonnull(strstr(line,
	    " batch=0 read_us=0,0,7 write_us=0 other_us=0"));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("stats");
	TCase *tc = add_case(s, "stats");

	tcase_add_test(tc, batches);
	tcase_add_test(tc, times);
	tcase_add_test(tc, repeats);
	tcase_add_test(tc, no_false_ones);
	tcase_add_test(tc, longest_line);
	tcase_add_test(tc, empty_line);
	return run_suite(s);
}
