/* SPDX-License-Identifier: GPL-2.0-only */
/* What the operator is told when nobody reads for a while. */

#include "faults.h"
#include "unit.h"

static bool full;		/* the pipe that standard error is */

/* Only log.c asks, and for standard error. */
int
poll(struct pollfd *fds, nfds_t n, int timeout)
{
	(void)timeout;
	fds[0].revents = full ? 0 : POLLOUT;
	return full ? 0 : (int)n;
}

/* Whatever it was: that it was not told is told, before the next answer. */
START_TEST(lost)
{
	const enum log_level level = (enum log_level)_i;

	log_open();
	full = true;
	log_event(level, "one");
	log_event(level, "two");
	log_answer("three");
	ck_assert_str_eq(fault.said, "");
	full = false;
	log_answer("four");
	ck_assert_str_eq(fault.said, "vblade: 2 more messages like the last "
	    "ones not shown\nvblade: four\n");
	log_answer("five");
	ck_assert_ptr_nonnull(strstr(fault.said, "four\nvblade: five\n"));
}
END_TEST

START_TEST(prefix)
{
	static const char want[] = "<2>one\n<4>two?<1>\n<6>three\n";

	ck_assert_int_eq(setenv("VBLADE_LOG", "prefix", 1), 0);
	log_open();
	errno = EDOM;
	log_event(LOG_CRIT, "one");
	log_event(LOG_WARNING, "two%s", "\n<1>");
	ck_assert_int_eq(errno, EDOM);
	log_answer("three");
	ck_assert_str_eq(fault.said, want);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("log");
	TCase *tc = add_case(s, "log");

	unsetenv("VBLADE_LOG");
	unsetenv("JOURNAL_STREAM");
	tcase_add_loop_test(tc, lost, LOG_CRIT, LOG_DEBUG + 1);
	tcase_add_test(tc, prefix);
	return run_suite(s);
}
