/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is kept in the state file, how it is written, and how often.
 */

#include "state.h"

#include <time.h>

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
	static uint8_t file[2 * STATE_COPY];
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
	look_at_file(file);
	same("copy 0", file, sizeof(want) - 1, (const uint8_t *)want,
	    sizeof(want) - 1);
	for (i = 0; i < sizeof(file); i++)
		ck_assert_msg(file[i] == '\n' || (file[i] >= ' ' &&
		    file[i] <= '~'), "byte %zu: %#x", i, file[i]);
	ck_assert_uint_eq(file[STATE_COPY - 1], '\n');
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
	tcase_add_test(tc, believed);
	tcase_add_exit_test(tc, not_believed, 1);
	tcase_add_test(tc, no_file);
	tc = add_case(suite, "throttle");
	tcase_add_test(tc, throttle);
	tcase_add_test(tc, throttle_failures);
	return run_suite(suite);
}
