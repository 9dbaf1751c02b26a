/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The store: what is exported of it, and what its failures become on the wire;
 * check_stable.c has when it is made stable.  Numbers are sections of the
 * protocol's description.
 */

#include "store.h"

#include <sys/mman.h>
#include <sys/wait.h>

/*
 * Opening: what cannot be exported, and what is said then.
 */

/* A process that ends in the midst of things is no leak: the sanitizer asks
 * here, and what it would say is not what the blade says. */
int	__lsan_is_turned_off(void);
static bool in_child;

int
__lsan_is_turned_off(void)
{
	return in_child;
}

/* Nor is what gcov says, where another user may not write its files. */
static void
last_word(void)
{
	close(STDERR_FILENO);
}

/* Open in a process of its own.  Returns its exit status; what it said on
 * stderr is in text. */
static int
try_open(char *text, size_t size)
{
	int p[2], status;
	size_t n = 0;
	ssize_t r;
	pid_t pid;

	ck_assert(pipe(p) == 0);
	pid = fork();
	ck_assert(pid != -1);
	if (pid == 0) {
		in_child = true;
		dup2(p[1], STDERR_FILENO);
		close(p[0]);
		atexit(last_word);
		disk_open(&b.t.disk, &b.t.count);
		_exit(0);
	}
	close(p[1]);
	while ((r = read(p[0], text + n, size - 1 - n)) > 0)
		n += (size_t)r;
	text[n] = '\0';
	close(p[0]);
	ck_assert(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* One line, which has this in it. */
static void
refused(const char *what, const char *why)
{
	char text[512];

	ck_assert_msg(try_open(text, sizeof(text)) == 1, "%s: taken", what);
	ck_assert_msg(strstr(text, why) != NULL, "%s: \"%s\" is not in %s",
	    what, why, text);
	ck_assert_msg(strchr(text, '\n') == text + strlen(text) - 1,
	    "%s: not one line: %s", what, text);
}

START_TEST(no_store)
{
	char path[80];

	make_file(8);
	ck_assert(ftruncate(b.fd, 0) == 0);
	refused("an empty file", "smaller than a sector");
	ck_assert(ftruncate(b.fd, 511) == 0);
	refused("a byte short", "511 bytes: smaller than a sector");

	snprintf(path, sizeof(path), "%s.x", b.path);
	b.t.disk.path = path;
	refused("nothing", "No such file or directory");
	ck_assert(mkfifo(path, 0600) == 0);
	refused("a FIFO", "neither a regular file nor a block device");
	unlink(path);
	ck_assert(mkdir(path, 0700) == 0);
	refused("a directory", "is a directory");
	rmdir(path);
	b.t.disk.path = "/dev/null";
	refused("a character device", "/dev/null");
	unlink(b.path);
}
END_TEST

START_TEST(no_permission)
{
	char text[512];

	make_file(8);
	ck_assert(fchmod(b.fd, 0444) == 0);
	ck_assert(geteuid() != 0 || seteuid(65534) == 0);
	refused("a file that is read-only", "Permission denied; export it "
	    "read-only with -r");
	b.t.disk.readonly = true;
	ck_assert_int_eq(try_open(text, sizeof(text)), 0);
	ck_assert(seteuid(getuid()) == 0);
	unlink(b.path);
}
END_TEST

/* 6.1: what is too large is named, not something else. */
START_TEST(no_window)
{
	make_file(8);
	b.t.disk.first = 8;
	refused("-o at the end", "-o 8: ");
	b.t.disk.first = UINT64_MAX / SECTOR;
	refused("-o far behind it", "has 8 sectors");
	b.t.disk.first = 3;
	b.t.disk.length = 6;
	refused("-l", "-l 6: ");
	refused("-l", "has 5 sectors after offset 3");
	b.t.disk.length = UINT64_MAX / SECTOR;
	refused("-l, huge", "has 5 sectors after offset 3");
	unlink(b.path);
}
END_TEST

/* Hold the file in another process, as -r or not, until told to end. */
static pid_t
hold(bool readonly, int *end)
{
	int up[2], down[2];
	char c;
	pid_t pid;

	ck_assert(pipe(up) == 0 && pipe(down) == 0);
	pid = fork();
	ck_assert(pid != -1);
	if (pid == 0) {
		in_child = true;
		b.t.disk.readonly = readonly;
		disk_open(&b.t.disk, &b.t.count);
		close(down[1]);
		_exit(write(up[1], "x", 1) == 1 && read(down[0], &c, 1) == 0 ?
		    0 : 1);
	}
	ck_assert(read(up[0], &c, 1) == 1);
	close(down[0]);
	close(up[0]);
	close(up[1]);
	*end = down[1];
	return pid;
}

START_TEST(locked)
{
	static const struct {
		const char *what;
		bool holder, other, taken;	/* -r; -r; both may */
	} rows[] = {
		{ "two writers", false, false, false },
		{ "a reader beside a writer", false, true, false },
		{ "a writer beside a reader", true, false, false },
		{ "two readers", true, true, true },
	};
	char text[512], who[64];
	int end, status;
	pid_t pid;

	make_file(8);
	pid = hold(rows[_i].holder, &end);
	b.t.disk.readonly = rows[_i].other;
	if (rows[_i].taken) {
		ck_assert_int_eq(try_open(text, sizeof(text)), 0);
	} else {
		snprintf(who, sizeof(who), "in use by process %ld",
		    (long)pid);
		refused(rows[_i].what, who);
	}
	close(end);
	ck_assert(waitpid(pid, &status, 0) == pid && status == 0);
	b.t.disk.readonly = false;
	ck_assert_int_eq(try_open(text, sizeof(text)), 0);
	unlink(b.path);
}
END_TEST

/*
 * Size: whole sectors, the window's, as they are now.
 */
static const struct {
	const char *what;
	off_t bytes;
	uint64_t first, length, nsec;
} windows[] = {
	{ "one sector", 512, 0, 0, 1 },
	{ "a tail is not exported", 5 * 512 + 511, 0, 0, 5 },
	{ "-o", 8 * 512, 3, 0, 5 },
	{ "-o, the last", 8 * 512, 7, 0, 1 },
	{ "-o, and a tail", 8 * 512 + 100, 7, 0, 1 },
	{ "-l", 8 * 512, 0, 3, 3 },
	{ "-l, all", 8 * 512, 0, 8, 8 },
	{ "-o and -l", 8 * 512, 2, 3, 3 },
	{ "-o and -l to the end", 8 * 512, 2, 6, 6 },
	{ "large", ((off_t)1 << 41) + 512, 0, 0, (1ULL << 32) + 1 },
};

START_TEST(window_size)
{
	make_file(0);
	ck_assert(ftruncate(b.fd, windows[_i].bytes) == 0);
	b.t.disk.first = windows[_i].first;
	b.t.disk.length = windows[_i].length;
	blade_open(&b);
	ck_assert_msg(b.t.disk.nsec == windows[_i].nsec, "%s: %llu sectors",
	    windows[_i].what, (unsigned long long)b.t.disk.nsec);
	ck_assert_int_eq(disk_resize(&b.t.disk), 0);
}
END_TEST

/* 3.6: words 106 and 209 tell of the file system's blocks. */
START_TEST(physical)
{
	uint8_t id[SECTOR];
	struct stat st;

	make_file(64);
	b.t.disk.first = 3;
	blade_open(&b);
	ck_assert(fstat(b.fd, &st) == 0);
	if (st.st_blksize != 4096) {
		fprintf(stderr, "words 106 and 209 are NOT TESTED: blocks of "
		    "%ld bytes\n", (long)st.st_blksize);
		return;
	}
	ata_identify(&b.t, 8, id);
	ck_assert_uint_eq(get_le16(id + 2 * 106), 0x6003);
	ck_assert_uint_eq(get_le16(id + 2 * 209), 0x4003);
}
END_TEST

START_TEST(resize)
{
	struct disk *d = &b.t.disk;

	make_file(8);
	d->first = 2;
	blade_open(&b);
	ck_assert(ftruncate(b.fd, 20 * 512 + 5) == 0);
	ck_assert_uint_eq(d->nsec, 6);
	ck_assert_int_eq(disk_resize(d), 1);
	ck_assert_uint_eq(d->nsec, 18);
	ck_assert(ftruncate(b.fd, 20 * 512) == 0);
	ck_assert_int_eq(disk_resize(d), 0);
	d->length = 10;
	ck_assert_int_eq(disk_resize(d), 1);
	ck_assert_uint_eq(d->nsec, 10);
	ck_assert(ftruncate(b.fd, 100 * 512) == 0);
	ck_assert_int_eq(disk_resize(d), 0);
	ck_assert(ftruncate(b.fd, 5 * 512) == 0);
	ck_assert_int_eq(disk_resize(d), 1);
	ck_assert_uint_eq(d->nsec, 3);
	ck_assert(ftruncate(b.fd, 512) == 0);
	ck_assert_int_eq(disk_resize(d), 1);
	ck_assert_uint_eq(d->nsec, 0);
	close(d->fd);
	ck_assert_int_eq(disk_resize(d), -1);
	ck_assert_int_eq(errno, EBADF);
}
END_TEST

/* 3.2: what no LBA of 48 bits reaches is not exported.  Memory is the file
 * system here that has files of that size. */
START_TEST(huge)
{
	static char path[40];
	const off_t most = (off_t)(1ULL << 48) * SECTOR;
	struct disk *d = &b.t.disk;

	make_file(0);
	b.fd = memfd_create("store", MFD_CLOEXEC);
	ck_assert(b.fd != -1 && ftruncate(b.fd, most + 5 * SECTOR) == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", b.fd);
	d->path = path;
	blade_open(&b);
	ck_assert(d->nsec == 1ULL << 48);
	ck_assert(ftruncate(b.fd, most - SECTOR) == 0);
	ck_assert_int_eq(disk_resize(d), 1);
	ck_assert(d->nsec == (1ULL << 48) - 1);
	d->first = 3;
	ck_assert(ftruncate(b.fd, 2 * most) == 0);
	ck_assert_int_eq(disk_resize(d), 1);
	ck_assert(d->nsec == 1ULL << 48);
}
END_TEST

/* -o and -l: the window's first and last sector, and not one beside. */
START_TEST(window_edges)
{
	static const struct exchange x[] = {
		{ "the last", ATA("41 00 01 34 130000000000") "bb*512",
		    REGS("41 00 00 40 130000000000") },
		{ "one past", ATA("41 00 01 34 140000000000") "cc*512",
		    REGS("41 10 01 41 140000000000") },
		{ "over the end", ATA("41 00 02 34 130000000000") "cc*1024",
		    REGS("41 10 02 41 130000000000") },
		{ "the first", ATA("41 00 01 34 000000000000") "aa*512",
		    REGS("41 00 00 40 000000000000") },
		{ "before it", ATA("41 00 01 34 ffffffffffff") "cc*512",
		    REGS("41 10 01 41 ffffffffffff") },
		{ "read the first", ATA("40 00 01 24 000000000000"),
		    REGS("40 00 00 40 000000000000") "aa*512" },
		{ "read the last", ATA("40 00 01 24 130000000000"),
		    REGS("40 00 00 40 130000000000") "bb*512" },
		{ "read one past", ATA("40 00 01 24 140000000000"),
		    REGS("40 10 01 41 140000000000") },
		{ "trim one past", ATA("41 01 01 06 000000000000")
		    "140000000000 0100 00*504",
		    REGS("41 10 01 41 000000000000") },
	};
	uint8_t sector[SECTOR];

	setup();
	talk_all(&b, x, NELEM(x));
	file_is_stamped(0, 6);
	memset(sector, 0xaa, SECTOR);
	file_is("the first", 6, sector);
	file_is_stamped(7, 18);
	memset(sector, 0xbb, SECTOR);
	file_is("the last", 25, sector);
	file_is_stamped(26, 6);
}
END_TEST

/*
 * 2.3, 3.1: errno to answer.  Sectors 3 and 4 of the window are bad.
 */
static const struct {
	const char *what;
	int error;
	bool whole;			/* all of the call fails */
	struct exchange x;
} sector_faults[] = {
	{ "read", EIO, false,
	    { "the first bad one", ATA("40 00 02 24 020000000000"),
	    REGS("40 40 01 41 030000000000") } },
	{ "read, all of it failing", EIO, true,
	    { "the first bad one is found", ATA("40 00 02 24 020000000000"),
	    REGS("40 40 01 41 030000000000") } },
	{ "read", EIO, false,
	    { "both bad", ATA("00 00 02 20 030000e00000"),
	    REGS("00 40 02 41 030000e00000") } },
	{ "read", EILSEQ, true,
	    { "the bad one first", ATA("40 00 02 25 040000000000"),
	    REGS("40 40 02 41 040000000000") } },
	{ "read", EIO, true,
	    { "those beside it are well", ATA("40 00 01 24 050000000000"),
	    NULL } },
	{ "verify", EIO, true,
	    { "the first bad one", ATA("40 00 0a 42 000000000000"),
	    REGS("40 40 07 41 030000000000") } },
	{ "verify", EIO, false,
	    { "28 bits", ATA("00 00 03 40 040000e00000"),
	    REGS("00 40 03 41 040000e00000") } },
	{ "write", EIO, false,
	    { "a device fault", ATA("41 00 02 34 020000000000") "77*1024",
	    REGS("41 04 01 61 030000000000") } },
	{ "write", EIO, true,
	    { "all of it", ATA("41 00 02 35 020000000000") "77*1024",
	    REGS("41 04 02 61 020000000000") } },
	{ "write", ENOSPC, false,
	    { "a full store", ATA("01 00 01 30 030000e00000") "77*512",
	    REGS("01 04 01 61 030000e00000") } },
	{ "write", EDQUOT, false,
	    { "no more quota", ATA("01 00 01 ca 030000e00000") "77*512",
	    REGS("01 04 01 61 030000e00000") } },
	{ "write", EROFS, true,
	    { "FUA", ATA("41 00 01 3d 030000000000") "77*512",
	    REGS("41 04 01 61 030000000000") } },
	{ "read", ENXIO, false,
	    { "gone", ATA("40 00 02 24 020000000000"),
	    GONE("40 00 02 24 020000000000") } },
	{ "read", ENODEV, true,
	    { "gone", ATA("40 00 02 24 020000000000"),
	    GONE("40 00 02 24 020000000000") } },
	{ "write", ENXIO, true,
	    { "gone", ATA("41 00 01 34 030000000000") "77*512",
	    GONE("41 00 01 34 030000000000") } },
	{ "verify", ENXIO, true,
	    { "gone", ATA("40 00 04 42 010000000000"),
	    GONE("40 00 04 42 010000000000") } },
};

START_TEST(sector_fault)
{
	const struct exchange *x = &sector_faults[_i].x;
	static uint8_t req[2048];

	setup();
	bad_sectors(3, 2);
	fault.whole = sector_faults[_i].whole;
	fault.bad_read = fault.bad_write = sector_faults[_i].error;
	if (x->reply == NULL) {
		ck_assert_uint_eq(ask(&b, req, bytes(req, sizeof(req),
		    x->request)), 548);
		is_stamped(x->what, b.r.reply + 36, 6 + 5);
		return;
	}
	talk(&b, x);
	ck_assert_uint_eq(b.t.count.disk_errors, 1);
	file_is_stamped(0, 6 + 2);
	file_is_stamped(6 + 3, 23);
}
END_TEST

/* A read that fails once and then not is no error, and has the data. */
START_TEST(healing_read)
{
	static uint8_t req[64];

	setup();
	bad_sectors(3, 1);
	fault.whole = true;
	fault.bad_read = EIO;
	fault.heals_after = 2;
	ck_assert_uint_eq(ask(&b, req, bytes(req, sizeof(req),
	    ATA("40 00 02 24 020000000000"))), 36 + 1024);
	ck_assert_uint_eq(b.r.reply[27], 0x40);
	is_stamped("first", b.r.reply + 36, 6 + 2);
	is_stamped("second", b.r.reply + 36 + 512, 6 + 3);
	ck_assert_uint_eq(b.t.count.disk_errors, 0);
}
END_TEST

/* 6.1: short moves and interruptions are gone on with. */
static const struct {
	size_t dribble;
	int interrupts;
} nuisances[] = { { 100, 0 }, { 1, 0 }, { 511, 0 }, { 513, 0 }, { 0, 5 },
	{ 300, 3 } };

START_TEST(nuisance)
{
	static const struct exchange x[] = {
		{ "write", ATA("41 00 02 34 020000000000") "77*512 88*512",
		    REGS("41 00 00 40 020000000000") },
		{ "read", ATA("40 00 02 24 020000000000"),
		    REGS("40 00 00 40 020000000000") "77*512 88*512" },
		{ "verify", ATA("40 00 14 42 000000000000"),
		    REGS("40 00 00 40 000000000000") },
	};
	size_t i;

	setup();
	for (i = 0; i < NELEM(x); i++) {
		fault.dribble = nuisances[_i].dribble;
		fault.interrupts = nuisances[_i].interrupts;
		talk(&b, &x[i]);
	}
	ck_assert_uint_eq(fault_count('S'), 0);
	file_is_stamped(0, 6 + 2);
	file_is_stamped(6 + 4, 22);
}
END_TEST

/* The file has become shorter, and nobody has told us: no stale bytes. */
START_TEST(shorter_file)
{
	static const struct exchange x[] = {
		{ "half of a sector is there", ATA("40 00 02 24 040000000000"),
		    REGS("40 40 01 41 050000000000") },
		{ "nothing is there", ATA("40 00 02 24 080000000000"),
		    REGS("40 40 02 41 080000000000") },
		{ "verify", ATA("40 00 14 42 000000000000"),
		    REGS("40 40 0f 41 050000000000") },
		{ "a write makes it longer",
		    ATA("41 00 01 34 060000000000") "77*512",
		    REGS("41 00 00 40 060000000000") },
		{ "with zeros between", ATA("40 00 02 24 060000000000"),
		    REGS("40 40 01 41 070000000000") },
	};

	setup();
	ck_assert(ftruncate(b.fd, (6 + 5) * 512 + 100) == 0);
	talk_all(&b, x, NELEM(x));
}
END_TEST

/* READ VERIFY reads: 0 means 256 sectors, or 65536 (3.3). */
START_TEST(verify_many)
{
	static const struct exchange x[] = {
		{ "256", ATA("00 00 00 40 000000e00000"),
		    REGS("00 00 00 40 000000e00000") },
		{ "65536", ATA("40 00 00 42 000000000000"),
		    REGS("40 00 00 40 000000000000") },
		{ "255", ATA("00 00 ff 40 000000e00000"),
		    REGS("00 00 00 40 000000e00000") },
		{ "over the end", ATA("40 00 00 42 010000000000"),
		    REGS("40 10 00 41 010000000000") },
	};
	static const struct exchange bad[] = {
		{ "the last of 256", ATA("00 00 00 40 000000e00000"),
		    REGS("00 40 01 41 ff0000e00000") },
		{ "one of 65536", ATA("40 00 00 42 000000000000"),
		    REGS("40 40 01 41 ff0000000000") },
	};

	make_file(0);
	ck_assert(ftruncate(b.fd, 65536 * 512) == 0);
	blade_open(&b);
	fault_clear_log();
	talk(&b, &x[0]);
	ck_assert_uint_ge(fault_count('R'), 1);
	talk_all(&b, x, NELEM(x));
	bad_sectors(255, 1);
	fault.bad_read = EIO;
	talk(&b, &bad[0]);
	/* 65536 - 255 are left; the register has 8 bits */
	talk(&b, &bad[1]);
}
END_TEST

/*
 * The operator is told, but not of each failure in a flood.
 */
START_TEST(complaints)
{
	static const struct exchange x =
		{ "read", ATA("40 00 02 24 020000000000"),
		    REGS("40 40 01 41 030000000000") };
	const char *p;
	int i, lines = 0, hidden = 0;

	setup();
	bad_sectors(3, 1);
	fault.bad_read = EIO;
	for (i = 0; i < 100; i++)
		talk(&b, &x);
	sleep(1);
	talk(&b, &x);
	for (p = fault.said; *p != '\0'; p = strchr(p, '\n') + 1)
		if (strstr(p, " more messages like the last ones") != NULL &&
		    strstr(p, " more") < strchr(p, '\n'))
			hidden += atoi(strchr(p, ' '));
		else
			lines++;
	/* each is shown or counted; of each second but the last a few */
	ck_assert_int_eq(lines + hidden, 101);
	ck_assert(lines == LOG_PER_SEC + 1 || lines == 2 * LOG_PER_SEC + 1);
	ck_assert_ptr_nonnull(strstr(fault.said, b.path));
	ck_assert_ptr_nonnull(strstr(fault.said,
	    ": read at sector 3, 2 sectors: Input/output error\n"));
	ck_assert_uint_eq(b.t.count.disk_errors, 101);
}
END_TEST

START_TEST(gone)
{
	ck_assert(disk_gone(ENXIO));
	ck_assert(disk_gone(ENODEV));
	ck_assert(!disk_gone(0));
	ck_assert(!disk_gone(EIO));
	ck_assert(!disk_gone(ENOSPC));
	ck_assert(!disk_gone(ENODATA));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("disk");
	TCase *tc;

	tc = add_case(s, "opening");
	tcase_add_test(tc, no_store);
	tcase_add_test(tc, no_permission);
	tcase_add_test(tc, no_window);
	tcase_add_loop_test(tc, locked, 0, 4);
	tc = add_case(s, "windows");
	tcase_add_loop_test(tc, window_size, 0, NELEM(windows));
	tcase_add_test(tc, physical);
	tcase_add_test(tc, resize);
	tcase_add_test(tc, huge);
	tcase_add_test(tc, window_edges);
	tc = add_case(s, "faults");
	tcase_add_loop_test(tc, sector_fault, 0, NELEM(sector_faults));
	tcase_add_test(tc, healing_read);
	tcase_add_loop_test(tc, nuisance, 0, NELEM(nuisances));
	tcase_add_test(tc, shorter_file);
	tcase_add_test(tc, verify_many);
	tcase_add_test(tc, complaints);
	tcase_add_test(tc, gone);
	return run_suite(s);
}
