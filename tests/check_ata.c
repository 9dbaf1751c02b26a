/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ATA: every opcode, and all that moves sectors; check_outcome.c has SET
 * FEATURES, TRIM and what becomes of operations, check_identify.c has IDENTIFY.
 * Expected registers are AFlags, Error/Feature, Count, Command/Status, LBA
 * and two reserved bytes, as on the wire (1.4); numbers are sections of the
 * protocol's description.
 */

#include "regs.h"

/*
 * 3.3: each opcode once.  What is not in the table is aborted.
 */
enum { NONE = 99 };			/* answered without the disk */

static const struct {
	uint8_t opcode, aflags, feature;
	size_t nin;
	int kind;			/* an op_kind, or NONE */
	uint8_t count_out;
	size_t nout;
} served[] = {
	{ 0x06, 0x41, 0x01, 512, OP_TRIM, 0, 0 },
	{ 0x20, 0x00, 0x00, 0, OP_READ, 0, 512 },
	{ 0x24, 0x40, 0x00, 0, OP_READ, 0, 512 },
	{ 0x25, 0x40, 0x00, 0, OP_READ, 0, 512 },
	{ 0x30, 0x01, 0x00, 512, OP_WRITE, 0, 0 },
	{ 0x34, 0x41, 0x00, 512, OP_WRITE, 0, 0 },
	{ 0x35, 0x41, 0x00, 512, OP_WRITE, 0, 0 },
	{ 0x3d, 0x41, 0x00, 512, OP_WRITE, 0, 0 },
	{ 0x40, 0x00, 0x00, 0, OP_VERIFY, 0, 0 },
	{ 0x42, 0x40, 0x00, 0, OP_VERIFY, 0, 0 },
	{ 0x94, 0x00, 0x00, 0, OP_FLUSH, 0, 0 },
	{ 0x95, 0x00, 0x00, 0, NONE, 0, 0 },
	{ 0x96, 0x00, 0x00, 0, OP_FLUSH, 0, 0 },
	{ 0x97, 0x00, 0x00, 0, NONE, 0, 0 },
	{ 0x98, 0x00, 0x00, 0, NONE, 0xff, 0 },
	{ 0x99, 0x00, 0x00, 0, NONE, 0, 0 },
	{ 0xc8, 0x00, 0x00, 0, OP_READ, 0, 512 },
	{ 0xca, 0x01, 0x00, 512, OP_WRITE, 0, 0 },
	{ 0xe0, 0x00, 0x00, 0, OP_FLUSH, 0, 0 },
	{ 0xe1, 0x00, 0x00, 0, NONE, 0, 0 },
	{ 0xe2, 0x00, 0x00, 0, OP_FLUSH, 0, 0 },
	{ 0xe3, 0x00, 0x00, 0, NONE, 0, 0 },
	{ 0xe5, 0x00, 0x00, 0, NONE, 0xff, 0 },
	{ 0xe6, 0x00, 0x00, 0, NONE, 0, 0 },
	{ 0xe7, 0x00, 0x00, 0, OP_FLUSH, 0, 0 },
	{ 0xea, 0x40, 0x00, 0, OP_FLUSH, 0, 0 },
	{ 0xec, 0x00, 0x00, 0, NONE, 0, 512 },
	{ 0xef, 0x00, 0x03, 0, NONE, 0, 0 },
};

static void
aborted(unsigned opcode, const char *aflags, size_t nin)
{
	char text[64], want[64];
	const uint64_t before = b.t.count.ata_errors;

	snprintf(text, sizeof(text), "%s d0 01 %02x 004fc2000000 0000", aflags,
	    opcode);
	snprintf(want, sizeof(want), "%s 04 01 41 004fc2000000 0000", aflags);
	ck_assert_msg(begin(text, nin, 0) == ATA_DONE, "%s: not done", text);
	check_regs(text, want);
	ck_assert_uint_eq(call.nout, 0);
	ck_assert_uint_eq(b.t.count.ata_errors, before + 1);
	ck_assert(failed());
}

static void
check_opcode(unsigned code)
{
	char text[64], want[64];
	size_t i, nout;

	setup();
	for (i = 0; i < NELEM(served) && served[i].opcode != code; i++)
		;
	if (i == NELEM(served)) {
		aborted(code, "00", 0);
		aborted(code, "41", 512);
		return;
	}
	snprintf(text, sizeof(text), "%02x %02x 01 %02x 210000000000 0000",
	    served[i].aflags, served[i].feature, code);
	snprintf(want, sizeof(want), "%02x 00 %02x 40 210000000000 0000",
	    served[i].aflags, served[i].count_out);
	if (served[i].kind == NONE) {
		ck_assert_msg(begin(text, served[i].nin, 0) == ATA_DONE,
		    "%s: not done", text);
		nout = call.nout;
	} else {
		ck_assert_msg(begin(text, served[i].nin, 0) == ATA_TODISK,
		    "%s: not for the disk", text);
		check_regs("not before the disk", text);
		ck_assert_msg((int)op.kind == served[i].kind, "%s: kind %d",
		    text, op.kind);
		ck_assert_ptr_eq(op.home, out);
		op.error = 0;
		op.done = op.nsec;
		nout = ata_end(&b.t, &regs, &op);
	}
	check_regs(text, want);
	ck_assert_uint_eq(nout, served[i].nout);
	ck_assert(!failed());
	ck_assert_uint_eq(b.t.count.ata_errors, 0);
}

START_TEST(opcodes)
{
	unsigned code;

	for (code = 0; code < 256; code++)
		check_opcode(code);
}
END_TEST

/*
 * 2.5, 3.2: from registers to an operation, or to an error.
 */
struct row {
	const char *what, *regs;
	size_t nin;
	enum ata_next next;
	const char *after;		/* of ATA_DONE */
	enum op_kind kind;		/* of ATA_TODISK */
	uint64_t lba;
	uint32_t nsec;
};

#define TODISK(kind, lba, nsec)	ATA_TODISK, NULL, kind, lba, nsec
#define DONE(regs)		ATA_DONE, regs, 0, 0, 0
#define BADARG			ATA_BADARG, NULL, 0, 0, 0
#define SILENT			ATA_SILENT, NULL, 0, 0, 0

static void
check_row(const struct row *r)
{
	const uint64_t errors = b.t.count.ata_errors;
	enum ata_next next = begin(r->regs, r->nin, 0);

	ck_assert_msg(next == r->next, "%s: %d, not %d", r->what, next,
	    r->next);
	if (next == ATA_DONE) {
		check_regs(r->what, r->after);
		ck_assert_uint_eq(b.t.count.ata_errors, errors + failed());
		return;
	}
	ck_assert_uint_eq(b.t.count.ata_errors, errors);
	check_regs(r->what, r->regs);	/* not before the disk */
	if (next != ATA_TODISK)
		return;
	ck_assert_msg(op.kind == r->kind && op.lba == r->lba &&
	    op.nsec == r->nsec, "%s: kind %d, %u sectors at %llu", r->what,
	    op.kind, op.nsec, (unsigned long long)op.lba);
	if (op.kind == OP_READ)
		ck_assert_ptr_eq(op.data, out);
	if (op.kind == OP_WRITE || op.kind == OP_TRIM)
		ck_assert_ptr_eq(op.data, call.in);
	ck_assert_ptr_eq(op.home, out);
}

static const struct row sectors[] = {		/* of 0x1000, 8 at a time */
	{ "read", "00 00 08 20 f80f00e00000 0000", 0,
	    TODISK(OP_READ, 0xff8, 8) },
	{ "read, the last sector", "40 00 01 24 ff0f00000000 0000", 0,
	    TODISK(OP_READ, 0xfff, 1) },
	{ "read, one past", "40 00 01 24 001000000000 0000", 0,
	    DONE("40 10 01 41 001000000000 0000") },
	{ "read over the end", "40 00 02 24 ff0f00000000 0000", 0,
	    DONE("40 10 02 41 ff0f00000000 0000") },
	{ "read at the end of 48 bits", "40 00 01 24 ffffffffffff 0000", 0,
	    DONE("40 10 01 41 ffffffffffff 0000") },
	{ "read at the end of 28 bits", "00 00 01 20 ffffffef0000 0000", 0,
	    DONE("00 10 01 41 ffffffef0000 0000") },
	{ "read over the end of 28 bits", "00 00 02 c8 ffffff0f0000 0000", 0,
	    DONE("00 10 02 41 ffffff0f0000 0000") },
	{ "the device register is not the LBA's",
	    "00 00 01 20 010000f00000 0000", 0, TODISK(OP_READ, 1, 1) },
	{ "half of its byte is", "00 00 01 20 010000010000 0000", 0,
	    DONE("00 10 01 41 010000010000 0000") },
	{ "without E what 28 bits do not use is ignored",
	    "00 00 01 20 010000e0ffff 0000", 0, TODISK(OP_READ, 1, 1) },
	{ "with E a device register does not matter (8a)",
	    "40 00 01 20 010000e00000 0000", 0, TODISK(OP_READ, 1, 1) },
	{ "with E bits 39:32 are no alias (6.1)",
	    "40 00 01 20 010000000100 0000", 0,
	    DONE("40 04 01 41 010000000100 0000") },
	{ "nor bits 47:40", "41 00 01 30 010000000080 0000", 512,
	    DONE("41 04 01 41 010000000080 0000") },
	{ "EXT without E", "00 00 01 24 ff0f00000000 0000", 0,
	    TODISK(OP_READ, 0xfff, 1) },
	{ "EXT without E has 48 bits all the same",
	    "00 00 01 24 000000000100 0000", 0,
	    DONE("00 10 01 41 000000000100 0000") },
	{ "EXT without E, and no device register",
	    "00 00 01 24 010000e00000 0000", 0,
	    DONE("00 10 01 41 010000e00000 0000") },
	{ "WRITE EXT without E", "01 00 01 34 ff0f00000000 0000", 512,
	    TODISK(OP_WRITE, 0xfff, 1) },
	{ "A and D mean nothing", "52 00 01 24 010000000000 0000", 0,
	    TODISK(OP_READ, 1, 1) },

	{ "a count of 0", "00 00 00 20 000000e00000 0000", 0,
	    DONE("00 04 00 41 000000e00000 0000") },
	{ "a count of 0, EXT", "40 00 00 25 000000000000 0000", 0,
	    DONE("40 04 00 41 000000000000 0000") },
	{ "a count of 0, writing", "41 00 00 34 000000000000 0000", 512,
	    DONE("41 04 00 41 000000000000 0000") },
	{ "one above what a reply carries", "40 00 09 24 000000000000 0000",
	    0, DONE("40 04 09 41 000000000000 0000") },
	{ "255", "40 00 ff 24 000000000000 0000", 0,
	    DONE("40 04 ff 41 000000000000 0000") },

	{ "write", "41 00 08 34 f80f00000000 0000", 8 * 512,
	    TODISK(OP_WRITE, 0xff8, 8) },
	{ "write, rubbish behind", "41 00 01 34 f80f00000000 0000", 8 * 512,
	    TODISK(OP_WRITE, 0xff8, 1) },
	{ "write, a byte more", "41 00 01 35 f80f00000000 0000", 513,
	    TODISK(OP_WRITE, 0xff8, 1) },
	{ "write, a byte short", "41 00 02 34 f80f00000000 0000", 1023,
	    BADARG },
	{ "write, nothing there", "01 00 01 ca 000000e00000 0000", 0,
	    BADARG },
	{ "write, as much as a link never brings and none of it",
	    "01 00 09 30 000000e00000 0000", 8 * 512,
	    DONE("01 04 09 41 000000e00000 0000") },
	{ "write, more than a reply carries, but it came",
	    "01 00 09 30 000000e00000 0000", 9 * 512,
	    TODISK(OP_WRITE, 0, 9) },
	{ "write, one past", "41 00 01 34 001000000000 0000", 512,
	    DONE("41 10 01 41 001000000000 0000") },
	{ "write over the end: nothing is done (3.2)",
	    "41 00 02 35 ff0f00000000 0000", 1024,
	    DONE("41 10 02 41 ff0f00000000 0000") },
	{ "write, missing payload comes before range",
	    "41 00 01 34 001000000000 0000", 511, BADARG },

	{ "write without W", "40 00 01 34 000000000000 0000", 512, BADARG },
	{ "write DMA without W", "00 00 01 ca 000000e00000 0000", 512,
	    BADARG },
	{ "write FUA without W", "40 00 01 3d 000000000000 0000", 512,
	    BADARG },
	{ "trim without W", "40 01 01 06 000000000000 0000", 512, BADARG },
	{ "read with W", "01 00 01 20 000000e00000 0000", 512, BADARG },
	{ "read DMA with W", "41 00 01 25 000000000000 0000", 0, BADARG },
	{ "read with W, past the end", "41 00 01 24 001000000000 0000", 0,
	    BADARG },
	{ "verify with W: no data, no matter",
	    "41 00 01 42 000000000000 0000", 0, TODISK(OP_VERIFY, 0, 1) },
	{ "flush with W", "01 00 00 e7 000000000000 0000", 0,
	    TODISK(OP_FLUSH, 0, 0) },
	{ "a read with payload is no write (4.1)",
	    "00 00 02 20 000000e00000 0000", 1024, TODISK(OP_READ, 0, 2) },

	{ "verify", "00 00 ff 40 010f00e00000 0000", 0,
	    TODISK(OP_VERIFY, 0xf01, 255) },
	{ "verify needs no room in a reply",
	    "40 00 ff 42 000000000000 0000", 0, TODISK(OP_VERIFY, 0, 255) },
	{ "verify, 0 is 256", "00 00 00 40 000f00e00000 0000", 0,
	    TODISK(OP_VERIFY, 0xf00, 256) },
	{ "verify, 0 is 256: over the end", "00 00 00 40 010f00e00000 0000",
	    0, DONE("00 10 00 41 010f00e00000 0000") },
	{ "verify, 0 is 65536, EXT", "40 00 00 42 000000000000 0000", 0,
	    DONE("40 10 00 41 000000000000 0000") },
	{ "verify, one past", "40 00 01 42 001000000000 0000", 0,
	    DONE("40 10 01 41 001000000000 0000") },
	{ "verify, an alias", "40 00 01 40 010000000001 0000", 0,
	    DONE("40 04 01 41 010000000001 0000") },

	{ "flush with E, a count and rubbish for an LBA (4.6)",
	    "40 00 00 e7 ffffffffffff 0000", 0, TODISK(OP_FLUSH, 0, 0) },
	{ "flush EXT", "40 00 05 ea ffffffffffff 0000", 0,
	    TODISK(OP_FLUSH, 0, 0) },
};

START_TEST(sector_row)
{
	setup();
	check_row(&sectors[_i]);
}
END_TEST

/* 3.2: the boundary between the two widths, on a disk beyond it. */
static const struct row boundary[] = {		/* of 2^28 + 16 */
	{ "the last of 28 bits", "00 00 01 20 ffffff0f0000 0000", 0,
	    TODISK(OP_READ, 0xfffffff, 1) },
	{ "the last eight", "00 00 08 c8 f8ffffef0000 0000", 0,
	    TODISK(OP_READ, 0xffffff8, 8) },
	{ "over it", "00 00 02 20 ffffff0f0000 0000", 0,
	    DONE("00 10 02 41 ffffff0f0000 0000") },
	{ "write over it", "01 00 02 30 ffffffef0000 0000", 1024,
	    DONE("01 10 02 41 ffffffef0000 0000") },
	{ "verify to it", "00 00 00 40 00ffffef0000 0000", 0,
	    TODISK(OP_VERIFY, 0xfffff00, 256) },
	{ "verify over it", "00 00 00 40 01ffffef0000 0000", 0,
	    DONE("00 10 00 41 01ffffef0000 0000") },
	{ "EXT, over it", "40 00 02 24 ffffff0f0000 0000", 0,
	    TODISK(OP_READ, 0xfffffff, 2) },
	{ "EXT, behind it", "40 00 01 24 000000100000 0000", 0,
	    TODISK(OP_READ, 0x10000000, 1) },
	{ "EXT, the last", "41 00 01 34 0f0000100000 0000", 512,
	    TODISK(OP_WRITE, 0x1000000f, 1) },
	{ "EXT, one past", "40 00 01 24 100000100000 0000", 0,
	    DONE("40 10 01 41 100000100000 0000") },
	{ "verify, 65536 EXT", "40 00 00 42 0000ff0f0000 0000", 0,
	    TODISK(OP_VERIFY, 0xfff0000, 65536) },
};

START_TEST(boundary_row)
{
	setup();
	b.t.disk.nsec = (1ULL << 28) + 16;
	check_row(&boundary[_i]);
}
END_TEST

/* As many sectors as 48 bits address: the last one is 2^48 - 1. */
START_TEST(largest)
{
	static const struct row rows[] = {
		{ "the last", "40 00 01 24 ffffffffffff 0000", 0,
		    TODISK(OP_READ, 0xffffffffffffULL, 1) },
		{ "over it", "40 00 02 24 ffffffffffff 0000", 0,
		    DONE("40 10 02 41 ffffffffffff 0000") },
	};

	setup();
	b.t.disk.nsec = 1ULL << 48;
	check_row(&rows[0]);
	check_row(&rows[1]);
}
END_TEST

/* A disk smaller than the count, and one that has shrunk to nothing. */
START_TEST(smallest)
{
	static const struct row one[] = {
		{ "all of it", "00 00 01 20 000000000000 0000", 0,
		    TODISK(OP_READ, 0, 1) },
		{ "one past", "00 00 01 20 010000000000 0000", 0,
		    DONE("00 10 01 41 010000000000 0000") },
		{ "more than all", "00 00 02 20 000000000000 0000", 0,
		    DONE("00 10 02 41 000000000000 0000") },
	};
	static const struct row none =
		{ "nothing is left", "00 00 01 20 000000000000 0000", 0,
		    DONE("00 10 01 41 000000000000 0000") };

	setup();
	b.t.disk.nsec = 1;
	check_row(&one[0]);
	check_row(&one[1]);
	check_row(&one[2]);
	b.t.disk.nsec = 0;
	check_row(&none);
}
END_TEST

/* -r: all that would change the store is aborted (2.3). */
START_TEST(readonly)
{
	static const struct row rows[] = {
		{ "write", "41 00 01 34 000000000000 0000", 512,
		    DONE("41 04 01 41 000000000000 0000") },
		{ "write, 28 bits", "01 00 01 30 000000e00000 0000", 512,
		    DONE("01 04 01 41 000000e00000 0000") },
		{ "write DMA", "01 00 01 ca 000000e00000 0000", 512,
		    DONE("01 04 01 41 000000e00000 0000") },
		{ "write DMA EXT", "41 00 01 35 000000000000 0000", 512,
		    DONE("41 04 01 41 000000000000 0000") },
		{ "write FUA", "41 00 01 3d 000000000000 0000", 512,
		    DONE("41 04 01 41 000000000000 0000") },
		{ "trim", "41 01 01 06 000000000000 0000", 512,
		    DONE("41 04 01 41 000000000000 0000") },
		{ "read", "40 00 01 24 000000000000 0000", 0,
		    TODISK(OP_READ, 0, 1) },
		{ "flush: nothing is unwritten",
		    "00 00 00 e7 000000000000 0000", 0,
		    TODISK(OP_FLUSH, 0, 0) },
	};
	size_t i;

	setup();
	b.t.disk.readonly = true;
	b.t.disk.trims = b.t.disk.trim_zeros = false;
	for (i = 0; i < NELEM(rows); i++)
		check_row(&rows[i]);
}
END_TEST

/* 8a: a link that carries no sector hears nothing of data. */
START_TEST(no_sector_fits)
{
	static const struct row rows[] = {
		{ "read", "40 00 01 24 000000000000 0000", 0, SILENT },
		{ "write", "41 00 01 34 000000000000 0000", 512, SILENT },
		{ "trim", "41 01 01 06 000000000000 0000", 512, SILENT },
		{ "identify", "00 00 01 ec 000000000000 0000", 0, SILENT },
		{ "read with W", "41 00 01 24 000000000000 0000", 0, SILENT },
		{ "verify", "40 00 01 42 000000000000 0000", 0,
		    TODISK(OP_VERIFY, 0, 1) },
		{ "flush", "00 00 00 e7 000000000000 0000", 0,
		    TODISK(OP_FLUSH, 0, 0) },
		{ "power", "00 00 00 e5 000000000000 0000", 0,
		    DONE("00 00 ff 40 000000000000 0000") },
	};
	size_t i;

	setup();
	call.maxnsec = 0;
	for (i = 0; i < NELEM(rows); i++)
		check_row(&rows[i]);
}
END_TEST

/*
 * 3.4: which writes wait for stable storage.
 */
static const struct {
	const char *regs;
	bool stable, wcache, fua;
} durability[] = {
	{ "41 00 01 34 000000000000 0000", false, true, false },
	{ "41 00 01 3d 000000000000 0000", false, true, true },
	{ "41 00 01 34 000000000000 0000", false, false, true },
	{ "01 00 01 30 000000e00000 0000", false, false, true },
	{ "41 00 01 34 000000000000 0000", true, false, true },
	{ "41 00 01 3d 000000000000 0000", true, false, true },
	{ "41 01 01 06 000000000000 0000", false, true, false },
	{ "41 01 01 06 000000000000 0000", true, false, true },
};

START_TEST(stable_writes)
{
	setup();
	b.t.disk.stable = durability[_i].stable;
	b.t.disk.wcache = durability[_i].wcache;
	ck_assert_int_eq(begin(durability[_i].regs, 512, 0), ATA_TODISK);
	ck_assert(op.fua == durability[_i].fua);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ata");
	TCase *tc;

	tc = add_case(s, "opcodes");
	tcase_add_test(tc, opcodes);
	tc = add_case(s, "commands");
	tcase_add_loop_test(tc, sector_row, 0, NELEM(sectors));
	tcase_add_loop_test(tc, boundary_row, 0, NELEM(boundary));
	tcase_add_test(tc, largest);
	tcase_add_test(tc, smallest);
	tcase_add_test(tc, readonly);
	tcase_add_test(tc, no_sector_fits);
	tcase_add_loop_test(tc, stable_writes, 0, NELEM(durability));
	return run_suite(s);
}
