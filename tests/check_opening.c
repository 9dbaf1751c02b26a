/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Opening a state file: what is taken from it, and what we do not start with.
 */

#include "state.h"

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
	static const uint8_t zeros[2 * STATE_COPY];

	setup(zeros, sizeof(zeros));
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
	Suite *suite = suite_create("opening");
	TCase *tc;

	tc = add_case(suite, "taken");
	tcase_add_test(tc, given_masks);
	tcase_add_test(tc, half_created);
	tcase_add_test(tc, by_hand);
	tc = add_case(suite, "refused");
	tcase_add_loop_exit_test(tc, refused, 1, 0, NELEM(refusals));
	tcase_add_exit_test(tc, refused_zeros, 1);
	tcase_add_exit_test(tc, refused_store, 1);
	tcase_add_exit_test(tc, refused_directory, 1);
	tcase_add_exit_test(tc, refused_in_use, 1);
	tcase_add_exit_test(tc, refused_full, 1);
	return run_suite(suite);
}
