/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The store: when it is made stable, what is given back of it, what goes around
 * the page cache.  Numbers are sections of the protocol's description.
 */

#include "store.h"

/*
 * 3.4: stable storage.
 */
#define WRITE(lba)	ATA("41 00 01 34" lba "0000000000") "77*512"
#define WRITTEN(lba)	REGS("41 00 00 40" lba "0000000000")
#define FUA(lba)	ATA("41 00 01 3d" lba "0000000000") "77*512"
#define FLUSH		ATA("00 00 00 e7 000000000000")
#define FLUSHED		REGS("00 00 00 40 000000000000")
#define CACHE(feature)	ATA("00" feature "00 ef 000000000000")
#define CACHED		REGS("00 00 00 40 000000000000")

static const struct {
	struct exchange x;
	const char *log;		/* what the store was asked for */
} stability[] = {
	{ { "a write is cached", WRITE("01"), WRITTEN("01") }, "W" },
	{ { "flush (6.1: no sync)", FLUSH, FLUSHED }, "S" },
	{ { "flush EXT (6.1: aborted)", ATA("40 00 00 ea 000000000000"),
	    REGS("40 00 00 40 000000000000") }, "S" },
	{ { "FUA", FUA("02"), WRITTEN("02") }, "WS" },
	{ { "standby now", ATA("00 00 00 e0 000000000000"), FLUSHED }, "S" },
	{ { "standby", ATA("00 00 00 e2 000000000000"), FLUSHED }, "S" },
	{ { "idle", ATA("00 00 00 e3 000000000000"), FLUSHED }, "" },
	{ { "cache off", CACHE("82"), CACHED }, "S" },
	{ { "now a write waits", WRITE("03"), WRITTEN("03") }, "WS" },
	{ { "and a trim", ATA("41 01 01 06 000000000000")
	    "040000000000 0100 00*504",
	    REGS("41 00 00 40 000000000000") }, "TS" },
	{ { "cache on", CACHE("02"), CACHED }, "" },
	{ { "a write does not wait", WRITE("05"), WRITTEN("05") }, "W" },
};

START_TEST(syncs)
{
	size_t i;

	setup();
	for (i = 0; i < NELEM(stability); i++) {
		talk(&b, &stability[i].x);
		check_log(stability[i].x.what, stability[i].log);
	}
	ck_assert_uint_eq(b.t.count.syncs, 8);
}
END_TEST

/* -s: no write is answered before the store is stable. */
START_TEST(stable_blade)
{
	static const struct exchange x[] = {
		{ "write", WRITE("01"), WRITTEN("01") },
		{ "cache on", CACHE("02"),
		    REGS("00 04 00 41 000000000000") },
		{ "write", WRITE("02"), WRITTEN("02") },
		{ "read", ATA("40 00 01 24 010000000000"),
		    REGS("40 00 00 40 010000000000") "77*512" },
	};
	static const char *const logs[] = { "WS", "", "WS", "R" };
	size_t i;

	make_file(32);
	b.t.disk.stable = true;
	blade_open(&b);
	fault_clear_log();
	for (i = 0; i < NELEM(x); i++) {
		talk(&b, &x[i]);
		check_log(x[i].what, logs[i]);
	}
}
END_TEST

/* A failed sync fails what waited for it; what comes after it is never
 * reported clean again, whatever the kernel says then. */
#define FLUSH_FAILED	REGS("00 04 00 61 000000000000")

START_TEST(failed_sync)
{
	static const struct exchange failing[] = {
		{ "written to the cache", WRITE("01"), WRITTEN("01") },
		{ "flush", FLUSH, FLUSH_FAILED },
	};
	static const struct exchange after[] = {
		{ "flush again", FLUSH, FLUSH_FAILED },
		{ "FUA", FUA("02"), REGS("41 04 01 61 020000000000") },
		{ "standby", ATA("00 00 00 e0 000000000000"), FLUSH_FAILED },
		{ "cache off", CACHE("82"), FLUSH_FAILED },
		{ "a write that would have to be stable", WRITE("03"),
		    REGS("41 04 01 61 030000000000") },
		{ "read", ATA("40 00 01 24 010000000000"),
		    REGS("40 00 00 40 010000000000") "77*512" },
		{ "cache on", CACHE("02"), CACHED },
		{ "flush, still", FLUSH, FLUSH_FAILED },
	};

	setup();
	fault.sync_error = EIO;
	talk_all(&b, failing, NELEM(failing));
	fault.sync_error = 0;
	talk_all(&b, after, NELEM(after));
	errno = 0;			/* the caller tells what it is */
	ck_assert_int_eq(disk_close(&b.t.disk), -1);
	ck_assert_int_eq(errno, EIO);
}
END_TEST

START_TEST(failed_sync_stable)
{
	static const struct exchange x =
		{ "write", WRITE("01"), REGS("41 04 01 61 010000000000") };
	static const struct exchange again =
		{ "again", WRITE("01"), REGS("41 04 01 61 010000000000") };

	make_file(32);
	b.t.disk.stable = true;
	blade_open(&b);
	fault.sync_error = ENOSPC;
	talk(&b, &x);
	fault.sync_error = 0;
	talk(&b, &again);
	ck_assert_ptr_nonnull(strstr(fault.said, "sync: No space left"));
}
END_TEST

/* However the bytes were moved: none of the sectors is known to be stable,
 * so the first of them is the first that failed. */
START_TEST(failed_sync_lba)
{
	static const struct exchange x =
		{ "FUA", FUA("02"), REGS("41 04 01 61 020000000000") };

	setup();
	fault.dribble = 100;
	fault.sync_error = EIO;
	talk(&b, &x);
}
END_TEST

START_TEST(gone_at_sync)
{
	static const struct exchange x =
		{ "flush", FLUSH, GONE("00 00 00 e7 000000000000") };

	setup();
	fault.sync_error = ENXIO;
	talk(&b, &x);
}
END_TEST

START_TEST(interrupted_sync)
{
	static const struct exchange x = { "flush", FLUSH, FLUSHED };

	setup();
	fault.interrupts = 3;
	talk(&b, &x);
	check_log("flush", "S");
}
END_TEST

START_TEST(closing)
{
	setup();
	ck_assert_int_eq(disk_close(&b.t.disk), 0);
	check_log("close", "S");
}
END_TEST

START_TEST(closing_fails)
{
	setup();
	fault.sync_error = EIO;
	ck_assert_int_eq(disk_close(&b.t.disk), -1);
	ck_assert_int_eq(errno, EIO);
}
END_TEST

START_TEST(closing_readonly)
{
	make_file(8);
	b.t.disk.readonly = true;
	blade_open(&b);
	fault_clear_log();
	ck_assert_int_eq(disk_close(&b.t.disk), 0);
	check_log("close, -r", "");
}
END_TEST

/* -r: nothing is written, nothing needs a sync, and flush says so. */
START_TEST(readonly)
{
	static const struct exchange x[] = {
		{ "write", WRITE("01"), REGS("41 04 01 41 010000000000") },
		{ "FUA", FUA("01"), REGS("41 04 01 41 010000000000") },
		{ "trim", ATA("41 01 01 06 000000000000")
		    "010000000000 0100 00*504",
		    REGS("41 04 01 41 000000000000") },
		{ "flush", FLUSH, FLUSHED },
		{ "cache off", CACHE("82"), CACHED },
	};

	make_file(8);
	b.t.disk.readonly = true;
	blade_open(&b);
	fault_clear_log();
	talk_all(&b, x, NELEM(x));
	check_log("-r", "");
	file_is_stamped(0, 8);
}
END_TEST

/*
 * 3.5: TRIM.
 */

/* A frame of one block of entries, all 64 in use: every second sector of
 * the window from its first on, then unused ones. */
START_TEST(trim_entries)
{
	static uint8_t req[36 + 512];
	static const uint8_t zeros[SECTOR];
	uint64_t i;

	make_file(8 + 128 + 8);
	b.t.disk.first = 8;
	b.t.disk.length = 128;
	blade_open(&b);
	bytes(req, sizeof(req), ATA("41 01 01 06 000000000000"));
	for (i = 0; i < 64; i++) {
		put_le48(req + 36 + 8 * i, 2 * i);
		put_le16(req + 36 + 8 * i + 6, 1);
	}
	ck_assert_uint_eq(ask(&b, req, sizeof(req)), 60);
	ck_assert_uint_eq(b.r.reply[27], 0x40);
	file_is_stamped(0, 8);
	for (i = 0; i < 64; i++) {
		file_is("trimmed", 8 + 2 * i, zeros);
		file_is_stamped(8 + 2 * i + 1, 1);
	}
	file_is_stamped(8 + 128, 8);
	ck_assert_uint_eq(b.t.count.trims, 1);
}
END_TEST

/* Storage is given back, and the file stays as long as it was. */
START_TEST(trim_frees)
{
	static const struct exchange x[] = {
		{ "trim the first and the last MiB",
		    ATA("41 01 01 06 000000000000")
		    "000000000000 0008 001800000000 0008 00*496",
		    REGS("41 00 00 40 000000000000") },
		{ "they are zeros", ATA("40 00 02 24 ff0700000000"),
		    NULL },
	};
	static uint8_t req[64];
	static const uint8_t zeros[SECTOR];
	struct stat before, after;

	make_file(0x2000);
	blade_open(&b);
	ck_assert(fsync(b.fd) == 0 && fstat(b.fd, &before) == 0);
	talk(&b, &x[0]);
	ck_assert(fsync(b.fd) == 0 && fstat(b.fd, &after) == 0);
	ck_assert_int_eq(after.st_size, before.st_size);
	ck_assert_int_lt(after.st_blocks, before.st_blocks - 3000);
	ck_assert_uint_eq(ask(&b, req, bytes(req, sizeof(req),
	    x[1].request)), 36 + 1024);
	ck_assert_mem_eq(b.r.reply + 36, zeros, SECTOR);
	is_stamped("behind it", b.r.reply + 36 + 512, 0x800);
}
END_TEST

START_TEST(trim_fails)
{
	static const struct exchange x[] = {
		{ "an error", ATA("41 01 01 06 000000000000")
		    "010000000000 0100 00*504",
		    REGS("41 04 01 61 000000000000") },
		{ "no entry is in use", ATA("41 01 01 06 000000000000")
		    "00*512", REGS("41 00 00 40 000000000000") },
	};

	setup();
	ck_assert(b.t.disk.trims && b.t.disk.trim_zeros);
	fault.trim_error = EIO;
	talk_all(&b, x, NELEM(x));
}
END_TEST

/* A file system that has no holes: TRIM is neither claimed nor done. */
START_TEST(no_trim)
{
	static const struct exchange x =
		{ "trim", ATA("41 01 01 06 000000000000") "00*512",
		    REGS("41 04 01 41 000000000000") };

	make_file(8);
	fault.trim_error = EOPNOTSUPP;
	blade_open(&b);
	ck_assert(!b.t.disk.trims && !b.t.disk.trim_zeros);
	talk(&b, &x);
}
END_TEST

/*
 * -d: past the page cache where alignment allows it, never refused.
 */
static bool
have_direct(void)
{
	int fd;

	make_file(64);
	fd = open(b.path, O_RDWR | O_DIRECT);
	if (fd != -1) {
		close(fd);
		return true;
	}
	unlink(b.path);
	fprintf(stderr, "-d is NOT TESTED: %s has no direct I/O\n", b.path);
	return false;
}

/* Does one sector go directly here, to an address that is a sector's? */
static bool
takes_sectors(void)
{
	static _Alignas(PAGE) uint8_t page[PAGE];
	int fd = open(b.path, O_RDONLY | O_DIRECT);
	bool yes = lseek(fd, 8 * SECTOR, SEEK_SET) != -1 &&
	    read(fd, page + SECTOR, SECTOR) == SECTOR;

	close(fd);
	return yes;
}

START_TEST(which_fd)
{
	static const struct {
		unsigned align;
		uint64_t off;
		size_t len;
		uintptr_t address;
		bool direct, odd;
	} rows[] = {
		{ 512, 512, 1024, 4096, true, false },
		{ 512, 1, 512, 4096, true, true },
		{ 512, 512, 512, 4097, true, true },
		{ 512, 512, 511, 4096, true, true },
		{ 4096, 8192, 4096, 4096, true, false },
		{ 4096, 512, 4096, 4096, true, true },
		{ 4096, 4096, 512, 4096, true, true },
		{ 4096, 4096, 4096, 4608, true, true },
		{ 0, 512, 512, 4097, false, false },
	};
	struct disk d = { .fd = 5, .cached_fd = 6 };
	bool odd;
	size_t i;
	int fd;

	for (i = 0; i < NELEM(rows); i++) {
		d.direct = rows[i].direct;
		d.align = rows[i].align;
		fd = disk_fd(&d, (void *)rows[i].address, rows[i].off,
		    rows[i].len, &odd);
		ck_assert_msg(odd == rows[i].odd, "row %zu", i);
		ck_assert_msg(fd == (rows[i].odd ? 6 : 5), "row %zu", i);
	}
}
END_TEST

START_TEST(direct)
{
	static const struct exchange x[] = {
		{ "write", ATA("41 00 02 34 010000000000") "77*512 88*512",
		    REGS("41 00 00 40 010000000000") },
		{ "read", ATA("40 00 02 24 010000000000"),
		    REGS("40 00 00 40 010000000000") "77*512 88*512" },
		{ "write the last", ATA("41 00 01 34 370000000000") "99*512",
		    REGS("41 00 00 40 370000000000") },
		{ "read it", ATA("40 00 01 24 370000000000"),
		    REGS("40 00 00 40 370000000000") "99*512" },
		{ "verify", ATA("40 00 38 42 000000000000"),
		    REGS("40 00 00 40 000000000000") },
		{ "flush", FLUSH, FLUSHED },
	};
	uint8_t sector[SECTOR];
	bool small;

	if (!have_direct())
		return;
	small = takes_sectors();
	b.t.disk.direct = true;
	b.t.disk.first = 8;
	blade_open(&b);
	ck_assert_uint_eq(b.t.disk.align, small ? 512 : 4096);
	ck_assert_int_ne(b.t.disk.cached_fd, -1);
	ck_assert(fcntl(b.t.disk.fd, F_GETFL) & O_DIRECT);
	talk_all(&b, x, NELEM(x));
	file_is_stamped(0, 9);
	memset(sector, 0x77, SECTOR);
	file_is("written", 9, sector);
	file_is_stamped(11, 63 - 11);
	memset(sector, 0x99, SECTOR);
	file_is("the last", 63, sector);
}
END_TEST

/* A device of 4 KiB sectors: an odd piece goes by the page cache and is
 * synced, a whole one goes directly. */
START_TEST(direct_odd)
{
	static uint8_t req[36 + 8 * 512];
	static const struct exchange odd =
		{ "odd", WRITE("01"), WRITTEN("01") };
	static const struct exchange odd_read =
		{ "odd read", ATA("40 00 01 24 010000000000"),
		    REGS("40 00 00 40 010000000000") "77*512" };
	struct disk *d = &b.t.disk;

	if (!have_direct())
		return;
	d->direct = true;
	blade_open(&b);
	d->align = 4096;
	b.link.mtu = 9000;
	fault_clear_log();
	talk(&b, &odd);
	ck_assert_int_ne(fault.last_fd, -1);
	check_log("odd", "WS");
	fault.dribble = 100;
	talk(&b, &odd);
	ck_assert_int_eq(fault.log[fault.nlog - 1], 'S');
	fault.dribble = 0;
	fault_clear_log();
	talk(&b, &odd_read);
	ck_assert_int_eq(fault.last_fd, d->cached_fd);
	check_log("odd read", "R");

	bytes(req, sizeof(req), ATA("41 00 08 34 080000000000") "66*4096");
	ask(&b, req, sizeof(req));
	ck_assert_uint_eq(b.r.reply[27], 0x40);
	ck_assert_int_eq(fault.last_fd, d->fd);
	check_log("whole", "W");
	file_is_stamped(2, 6);
	file_is("whole", 8, req + 36);
	file_is("whole", 15, req + 36);
	file_is_stamped(16, 48);
}
END_TEST

START_TEST(direct_faults)
{
	static const struct exchange x[] = {
		{ "read", ATA("40 00 02 24 020000000000"),
		    REGS("40 40 01 41 030000000000") },
		{ "write", ATA("41 00 02 34 020000000000") "77*1024",
		    REGS("41 04 02 61 020000000000") },
	};

	if (!have_direct())
		return;
	b.t.disk.direct = true;
	blade_open(&b);
	bad_sectors(3, 1);
	fault.whole = true;
	fault.bad_read = fault.bad_write = EIO;
	talk_all(&b, x, NELEM(x));
	file_is_stamped(0, 64);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("stable");
	TCase *tc;

	tc = add_case(s, "stable storage");
	tcase_add_test(tc, syncs);
	tcase_add_test(tc, stable_blade);
	tcase_add_test(tc, failed_sync);
	tcase_add_test(tc, failed_sync_stable);
	tcase_add_test(tc, failed_sync_lba);
	tcase_add_test(tc, gone_at_sync);
	tcase_add_test(tc, interrupted_sync);
	tcase_add_test(tc, closing);
	tcase_add_test(tc, closing_fails);
	tcase_add_test(tc, closing_readonly);
	tcase_add_test(tc, readonly);
	tc = add_case(s, "trim");
	tcase_add_test(tc, trim_entries);
	tcase_add_test(tc, trim_frees);
	tcase_add_test(tc, trim_fails);
	tcase_add_test(tc, no_trim);
	tc = add_case(s, "direct");
	tcase_add_test(tc, which_fd);
	tcase_add_test(tc, direct);
	tcase_add_test(tc, direct_odd);
	tcase_add_test(tc, direct_faults);
	return run_suite(s);
}
