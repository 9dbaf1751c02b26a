/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ATA: every opcode, the registers of every outcome, every word of IDENTIFY.
 * Expected registers are AFlags, Error/Feature, Count, Command/Status, LBA
 * and two reserved bytes, as on the wire (1.4); numbers are sections of the
 * protocol's description.
 */

#include "unit.h"

static struct blade b;
static struct ata_regs regs;
static struct ata_call call;
static struct op op;
static uint8_t out[255 * SECTOR];

/* A disk of 0x1000 sectors on a link that carries 8 at a time, and offers 7. */
static void
setup(void)
{
	blade_init(&b, 0x1000);
	call = (struct ata_call){ .maxnsec = 8, .offered = 7 };
}

/* Let the command begin, with nin bytes of payload of which each is fill. */
static enum ata_next
begin(const char *text, size_t nin, int fill)
{
	static uint8_t *in;
	enum ata_next next;

	/* of exactly that size: a sanitizer sees a read beyond it */
	free(in);
	in = malloc(nin > 0 ? nin : 1);
	ck_assert_ptr_nonnull(in);
	memset(in, fill, nin);
	ck_assert_uint_eq(bytes((uint8_t *)&regs, sizeof(regs), text), 12);
	call.regs = &regs;
	call.in = in;
	call.nin = nin;
	call.out = out;
	call.nout = 0;
	call.op = &op;
	memset(&op, POISON, sizeof(op));
	memset(out, POISON, sizeof(out));
	next = ata_begin(&b.t, &call);
	if (next != ATA_DONE)
		ck_assert_uint_eq(call.nout, 0);
	return next;
}

static void
check_regs(const char *what, const char *text)
{
	uint8_t want[12];

	same(what, (uint8_t *)&regs, 12, want, bytes(want, 12, text));
}

/* 3.1: what initiators test, and what makes it say so. */
static bool
failed(void)
{
	bool bad = (regs.cmd & 0xa9) != 0;

	ck_assert_uint_eq(regs.cmd & 0x40, 0x40);	/* DRDY */
	ck_assert_uint_eq(regs.cmd & 0x88, 0);		/* BSY, DRQ */
	ck_assert(bad == ((regs.cmd & 0x01) != 0));
	ck_assert(bad == (regs.feature != 0));
	return bad;
}

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

/*
 * 3.5: SET FEATURES.
 */
static void
check_feature(unsigned feature)
{
	static const uint8_t known[] = {
		0x02, 0x03, 0x55, 0x66, 0x82, 0xaa, 0xcc
	};
	char text[64], want[64];
	enum ata_next next;

	setup();
	snprintf(text, sizeof(text), "00 %02x 08 ef 000000a00000 0000",
	    feature);
	next = begin(text, 0, 0);
	if (memchr(known, (int)feature, sizeof(known)) == NULL) {
		snprintf(want, sizeof(want), "00 04 08 41 000000a00000 0000");
		ck_assert_msg(next == ATA_DONE, "%s", text);
	} else {
		snprintf(want, sizeof(want), "00 00 00 40 000000a00000 0000");
		ck_assert_msg(next == (feature == 0x82 ? ATA_TODISK :
		    ATA_DONE), "%s", text);
	}
	if (next == ATA_TODISK) {
		ck_assert_int_eq(op.kind, OP_FLUSH);
		op.error = 0;
		ck_assert_uint_eq(ata_end(&b.t, &regs, &op), 0);
	}
	check_regs(text, want);
	ck_assert(b.t.disk.wcache == (feature != 0x82));
}

START_TEST(set_features)
{
	unsigned feature;

	for (feature = 0; feature < 256; feature++)
		check_feature(feature);
}
END_TEST

static unsigned
id_word(unsigned word)
{
	uint8_t id[SECTOR];

	ata_identify(&b.t, 8, id);
	return (unsigned)(id[2 * word] | id[2 * word + 1] << 8);
}

/* Off: what was cached is flushed, and word 85 bit 5 follows; on again; but
 * -s has no cache to turn on. */
START_TEST(write_cache)
{
	setup();
	ck_assert_uint_eq(id_word(85), 0x0028);
	ck_assert_int_eq(begin("00 82 00 ef 000000000000 0000", 0, 0),
	    ATA_TODISK);
	ck_assert_uint_eq(id_word(82), 0x0028);
	ck_assert_uint_eq(id_word(85), 0x0008);
	ck_assert_int_eq(begin("00 02 00 ef 000000000000 0000", 0, 0),
	    ATA_DONE);
	ck_assert(!failed());
	ck_assert_uint_eq(id_word(85), 0x0028);

	b.t.disk.stable = true;
	b.t.disk.wcache = false;
	ck_assert_uint_eq(id_word(82), 0x0008);
	ck_assert_uint_eq(id_word(85), 0x0008);
	ck_assert_int_eq(begin("00 02 00 ef 000000000000 0000", 0, 0),
	    ATA_DONE);
	check_regs("cache on with -s", "00 04 00 41 000000000000 0000");
	ck_assert(!b.t.disk.wcache);
	ck_assert_int_eq(begin("00 82 00 ef 000000000000 0000", 0, 0),
	    ATA_TODISK);
}
END_TEST

/*
 * 3.5: TRIM.  Payload: entries of a 48-bit LBA and a 16-bit count.
 */
static const struct {
	const char *what, *regs, *payload;
	enum ata_next next;
	const char *after;
	uint32_t nsec;			/* blocks of entries */
} trims[] = {
	{ "nothing", "41 01 01 06 000000000000 0000", "00*512",
	    ATA_TODISK, NULL, 1 },
	{ "all", "41 01 01 06 000000000000 0000",
	    "000000000000 0010 00*504", ATA_TODISK, NULL, 1 },
	{ "the last sector, in the last entry",
	    "41 01 01 06 000000000000 0000",
	    "00*504 ff0f00000000 0100", ATA_TODISK, NULL, 1 },
	{ "an unused entry's LBA does not matter",
	    "41 01 01 06 000000000000 0000",
	    "ffffffffffff 0000 000000000000 0100 00*496",
	    ATA_TODISK, NULL, 1 },
	{ "two blocks", "41 01 02 06 000000000000 0000",
	    "000000000000 0100 00*1016", ATA_TODISK, NULL, 2 },
	{ "one past", "41 01 01 06 000000000000 0000",
	    "001000000000 0100 00*504", ATA_DONE,
	    "41 10 01 41 000000000000 0000", 0 },
	{ "over the end", "41 01 01 06 000000000000 0000",
	    "ff0f00000000 0200 00*504", ATA_DONE,
	    "41 10 01 41 000000000000 0000", 0 },
	{ "more than all", "41 01 01 06 000000000000 0000",
	    "000000000000 0110 00*504", ATA_DONE,
	    "41 10 01 41 000000000000 0000", 0 },
	{ "the end of 48 bits", "41 01 01 06 000000000000 0000",
	    "ffffffffffff ffff 00*504", ATA_DONE,
	    "41 10 01 41 000000000000 0000", 0 },
	{ "one bad entry after good ones: nothing is done",
	    "41 01 01 06 000000000000 0000",
	    "000000000000 0100 00*496 001000000000 0100", ATA_DONE,
	    "41 10 01 41 000000000000 0000", 0 },
	{ "a bad entry in the second block",
	    "41 01 02 06 000000000000 0000",
	    "00*1016 001000000000 0100", ATA_DONE,
	    "41 10 02 41 000000000000 0000", 0 },
	{ "behind the blocks counted nothing matters",
	    "41 01 01 06 000000000000 0000", "00*512 ff*512",
	    ATA_TODISK, NULL, 1 },
	{ "without E", "01 01 01 06 000000000000 0000", "00*512",
	    ATA_TODISK, NULL, 1 },
	{ "a count of 0 (8a)", "41 01 00 06 000000000000 0000", "00*512",
	    ATA_DONE, "41 04 00 41 000000000000 0000", 0 },
	{ "not TRIM", "41 00 01 06 000000000000 0000", "00*512",
	    ATA_DONE, "41 04 01 41 000000000000 0000", 0 },
	{ "not only TRIM", "41 03 01 06 000000000000 0000", "00*512",
	    ATA_DONE, "41 04 01 41 000000000000 0000", 0 },
	{ "a byte short", "41 01 01 06 000000000000 0000", "00*511",
	    ATA_BADARG, NULL, 0 },
	{ "a block short", "41 01 02 06 000000000000 0000", "00*512",
	    ATA_BADARG, NULL, 0 },
	{ "as much as a link brings, a byte short",
	    "41 01 08 06 000000000000 0000", "00*4095",
	    ATA_BADARG, NULL, 0 },
	{ "as much as a link brings", "41 01 08 06 000000000000 0000",
	    "00*4096", ATA_TODISK, NULL, 8 },
	{ "more than a link brings", "41 01 09 06 000000000000 0000",
	    "00*512", ATA_DONE, "41 04 09 41 000000000000 0000", 0 },
};

START_TEST(trim)
{
	static uint8_t data[8192];
	uint8_t *in;
	size_t n = bytes(data, sizeof(data), trims[_i].payload);
	enum ata_next next;

	setup();
	begin("00 00 00 00 000000000000 0000", 0, 0);
	in = malloc(n);
	ck_assert_ptr_nonnull(in);
	memcpy(in, data, n);
	call.in = in;
	call.nin = n;
	bytes((uint8_t *)&regs, 12, trims[_i].regs);
	next = ata_begin(&b.t, &call);
	ck_assert_msg(next == trims[_i].next, "%s: %d", trims[_i].what, next);
	check_regs(trims[_i].what, next == ATA_DONE ? trims[_i].after :
	    trims[_i].regs);
	if (next == ATA_TODISK) {
		ck_assert_int_eq(op.kind, OP_TRIM);
		ck_assert_uint_eq(op.nsec, trims[_i].nsec);
		ck_assert_ptr_eq(op.data, in);
	}
	free(in);
}
END_TEST

START_TEST(cannot_trim)
{
	setup();
	b.t.disk.trims = b.t.disk.trim_zeros = false;
	ck_assert_int_eq(begin("41 01 01 06 000000000000 0000", 512, 0),
	    ATA_DONE);
	check_regs("a store that cannot", "41 04 01 41 000000000000 0000");
}
END_TEST

/*
 * 3.1, 2.3: outcomes.  For each kind, what the registers say after it.
 */
static const struct {
	const char *what, *before;
	enum op_kind kind;
	uint64_t lba;
	uint32_t nsec, done;
	int error;
	const char *after;
	size_t nout;
} outcomes[] = {
	{ "read", "40 00 03 24 010203040506 0000", OP_READ, 0x060504030201,
	    3, 3, 0, "40 00 00 40 010203040506 0000", 1536 },
	{ "read: 48 bits of the first bad sector",
	    "40 00 03 24 feffffffff01 0000", OP_READ, 0x01fffffffffe, 3, 2,
	    EIO, "40 40 01 41 000000000002 0000", 0 },
	{ "read: 28 bits of it", "40 00 03 20 feffffa70102 0000", OP_READ,
	    0x7fffffe, 3, 2, EIO, "40 40 01 41 000000a80102 0000", 0 },
	{ "read: none came", "00 00 08 c8 000000e00000 0000", OP_READ, 0, 8,
	    0, EIO, "00 40 08 41 000000e00000 0000", 0 },
	{ "read beyond the end of a file", "40 00 01 25 000000000000 0000",
	    OP_READ, 0, 1, 0, ENODATA, "40 40 01 41 000000000000 0000", 0 },
	{ "verify", "00 00 00 40 000000e00000 0000", OP_VERIFY, 0, 256, 256,
	    0, "00 00 00 40 000000e00000 0000", 0 },
	{ "verify: the bad one", "40 00 00 42 000000000000 0000", OP_VERIFY,
	    0, 65536, 65535, EIO, "40 40 01 41 ffff00000000 0000", 0 },
	{ "write", "41 00 02 34 010203040506 0000", OP_WRITE,
	    0x060504030201, 2, 2, 0, "41 00 00 40 010203040506 0000", 0 },
	{ "write: a device fault", "41 00 02 35 ff0000000000 0000",
	    OP_WRITE, 0xff, 2, 1, EIO, "41 04 01 61 000100000000 0000", 0 },
	{ "write: full", "01 00 01 ca ff0000e00000 0000", OP_WRITE, 0xff, 1,
	    0, ENOSPC, "01 04 01 61 ff0000e00000 0000", 0 },
	{ "write: read-only after all", "01 00 01 30 ff0000e00000 0000",
	    OP_WRITE, 0xff, 1, 0, EROFS, "01 04 01 61 ff0000e00000 0000", 0 },
	{ "flush", "40 00 07 e7 112233445566 0000", OP_FLUSH, 0, 0, 0, 0,
	    "40 00 00 40 112233445566 0000", 0 },
	{ "flush: no LBA is known", "40 00 00 ea 112233445566 0000",
	    OP_FLUSH, 0, 0, 0, EIO, "40 04 00 61 000000000000 0000", 0 },
	{ "standby", "00 00 12 e2 000000a00000 0000", OP_FLUSH, 0, 0, 0,
	    ENOSPC, "00 04 12 61 000000a00000 0000", 0 },
	{ "trim", "41 01 02 06 000000000000 0000", OP_TRIM, 0, 2, 0, 0,
	    "41 00 00 40 000000000000 0000", 0 },
	{ "trim: refused", "41 01 02 06 000000000000 0000", OP_TRIM, 0, 2, 0,
	    EIO, "41 04 02 61 000000000000 0000", 0 },
};

START_TEST(outcome)
{
	size_t nout;

	setup();
	bytes((uint8_t *)&regs, 12, outcomes[_i].before);
	op = (struct op){
		.kind = outcomes[_i].kind,
		.lba = outcomes[_i].lba,
		.nsec = outcomes[_i].nsec,
		.done = outcomes[_i].done,
		.error = outcomes[_i].error,
	};
	nout = ata_end(&b.t, &regs, &op);
	check_regs(outcomes[_i].what, outcomes[_i].after);
	ck_assert_uint_eq(nout, outcomes[_i].nout);
	ck_assert(failed() == (outcomes[_i].error != 0));
	ck_assert_uint_eq(b.t.count.ata_errors, outcomes[_i].error != 0);
}
END_TEST

START_TEST(counters)
{
	static const struct {
		enum op_kind kind;
		const char *regs;
	} rows[] = {
		{ OP_READ, "40 00 04 24 000000000000 0000" },
		{ OP_WRITE, "41 00 04 34 000000000000 0000" },
		{ OP_VERIFY, "40 00 04 42 000000000000 0000" },
		{ OP_FLUSH, "00 00 04 e7 000000000000 0000" },
		{ OP_TRIM, "41 01 04 06 000000000000 0000" },
	};
	const struct counters *n = &b.t.count;
	size_t i;

	setup();
	for (i = 0; i < NELEM(rows); i++) {
		op = (struct op){ .kind = rows[i].kind, .nsec = 4, .done = 4 };
		bytes((uint8_t *)&regs, 12, rows[i].regs);
		ata_end(&b.t, &regs, &op);
	}
	ck_assert_uint_eq(n->reads, 1);
	ck_assert_uint_eq(n->sectors_read, 4);
	ck_assert_uint_eq(n->writes, 1);
	ck_assert_uint_eq(n->sectors_written, 4);
	ck_assert_uint_eq(n->flushes, 1);
	ck_assert_uint_eq(n->trims, 1);
	ck_assert_uint_eq(n->ata_errors, 0);
}
END_TEST

/*
 * 3.6: IDENTIFY DEVICE.  First what holds for every blade, then what follows
 * from the size, the store and the options.
 */
struct word {			/* 0 ends a list */
	unsigned word, value;
};

static const struct word always[] = {
	{ 2, 0xc837 }, { 3, 16 }, { 6, 63 }, { 47, 0x8000 },
	{ 48, 0x4000 }, { 49, 0x0b00 }, { 50, 0x4000 }, { 53, 0x0007 },
	{ 55, 16 }, { 56, 63 }, { 63, 0x0007 }, { 64, 0x0003 },
	{ 65, 0x0078 }, { 66, 0x0078 }, { 67, 0x0078 }, { 68, 0x0078 },
	{ 80, 0x01f0 }, { 82, 0x0028 }, { 83, 0x7400 }, { 84, 0x4040 },
	{ 85, 0x0028 }, { 86, 0x3400 }, { 87, 0x4040 }, { 88, 0x407f },
	{ 105, 8 }, { 106, 0x4000 }, { 69, 0x4020 }, { 169, 0x0001 },
};

/* As the bytes lie in memory: the first of each two characters second. */
static const struct {
	unsigned word;
	const char *text;
} strings[] = {
	{ 10, ".1-2a0b1c2d3        " },		/* 1.2-0a1b2c3d */
	{ 23, "62      " },			/* 26 */
	{ 27, "bvaledA ATo ev rtEehnrted si k          " },
};

static void
put_words(uint8_t *id, const struct word *w, size_t n)
{
	for (; n > 0 && w->word > 0; n--, w++) {
		id[2 * w->word] = (uint8_t)w->value;
		id[2 * w->word + 1] = (uint8_t)(w->value >> 8);
	}
}

/* All 512 bytes of what IDENTIFY should say: the above, and these words. */
static void
check_identify(const char *what, const struct word *w, size_t n,
    unsigned maxnsec)
{
	uint8_t got[SECTOR], want[SECTOR] = { 0 };
	uint8_t sum = 0;
	size_t i;

	want[0] = 0x40;			/* word 0: an ATA device, fixed */
	put_words(want, always, NELEM(always));
	for (i = 0; i < NELEM(strings); i++)
		memcpy(want + 2 * strings[i].word, strings[i].text,
		    strlen(strings[i].text));
	put_words(want, w, n);
	want[510] = 0xa5;
	for (i = 0; i < 511; i++)
		sum = (uint8_t)(sum + want[i]);
	want[511] = (uint8_t)(0x100 - sum);

	memset(got, POISON, sizeof(got));
	ata_identify(&b.t, maxnsec, got);
	for (i = 0; i < 256; i++)
		ck_assert_msg(memcmp(got + 2 * i, want + 2 * i, 2) == 0,
		    "%s: word %zu is %02x%02x, not %02x%02x", what, i,
		    got[2 * i + 1], got[2 * i], want[2 * i + 1], want[2 * i]);
	for (sum = 0, i = 0; i < 512; i++)
		sum = (uint8_t)(sum + got[i]);
	ck_assert_uint_eq(sum, 0);
}

/* Sizes: cylinders are min(3fff, size / 1008); 57-58 is 54 * 55 * 56; 60-61
 * is at most 0fffffff; 100-103 is all of it. */
static const struct {
	const char *what;
	uint64_t nsec;
	struct word words[8];
} disk_sizes[] = {
	{ "1 sector", 1, { { 60, 1 }, { 100, 1 } } },
	{ "1007: no cylinder", 1007, { { 60, 1007 }, { 100, 1007 } } },
	{ "1008: one", 1008,
	    { { 1, 1 }, { 54, 1 }, { 57, 1008 }, { 60, 1008 },
	    { 100, 1008 } } },
	{ "the last below the full geometry", 16514063,
	    { { 1, 0x3ffe }, { 54, 0x3ffe }, { 57, 0xf820 }, { 58, 0xfb },
	    { 60, 0xfc0f }, { 61, 0xfb }, { 100, 0xfc0f }, { 101, 0xfb } } },
	{ "the full geometry", 16514064,
	    { { 1, 0x3fff }, { 54, 0x3fff }, { 57, 0xfc10 }, { 58, 0xfb },
	    { 60, 0xfc10 }, { 61, 0xfb }, { 100, 0xfc10 }, { 101, 0xfb } } },
	{ "2^28 - 1", 0x0fffffff,
	    { { 1, 0x3fff }, { 54, 0x3fff }, { 57, 0xfc10 }, { 58, 0xfb },
	    { 60, 0xffff }, { 61, 0x0fff }, { 100, 0xffff },
	    { 101, 0x0fff } } },
	{ "2^28", 0x10000000,
	    { { 1, 0x3fff }, { 54, 0x3fff }, { 57, 0xfc10 }, { 58, 0xfb },
	    { 60, 0xffff }, { 61, 0x0fff }, { 100, 0 }, { 101, 0x1000 } } },
	{ "2^32 + 1", 0x100000001,
	    { { 1, 0x3fff }, { 54, 0x3fff }, { 57, 0xfc10 }, { 58, 0xfb },
	    { 60, 0xffff }, { 61, 0x0fff }, { 100, 1 }, { 102, 1 } } },
};

START_TEST(identify_size)
{
	setup();
	b.t.disk.nsec = disk_sizes[_i].nsec;
	check_identify(disk_sizes[_i].what, disk_sizes[_i].words, 8, 8);
}
END_TEST

/* 3.2: words 100-103 hold at most 48 bits; word 103 is 0. */
START_TEST(identify_largest)
{
	static const struct word words[] = {
		{ 1, 0x3fff }, { 54, 0x3fff }, { 57, 0xfc10 }, { 58, 0xfb },
		{ 60, 0xffff }, { 61, 0x0fff }, { 100, 0xffff },
		{ 101, 0xffff }, { 102, 0xffff }, { 103, 0 },
	};

	setup();
	b.t.disk.nsec = (1ULL << 48) + 5;
	check_identify("2^48 + 5", words, NELEM(words), 8);
}
END_TEST

#define SIZE	{ 60, 1 }, { 100, 1 }

START_TEST(identify_options)
{
	static const struct word no_trim[] = {
		SIZE, { 69, 0 }, { 105, 0 }, { 169, 0 },
	};
	static const struct word no_zeros[] = { SIZE, { 69, 0 } };
	static const struct word stable[] = {
		SIZE, { 82, 0x0008 }, { 85, 0x0008 },
	};
	static const struct word cache_off[] = { SIZE, { 85, 0x0008 } };
	static const struct word most[] = { SIZE, { 105, 127 } };
	static const struct word phys[] = {
		SIZE, { 106, 0x6003 }, { 209, 0x4000 },
	};
	static const struct word shifted[] = {
		SIZE, { 106, 0x6003 }, { 209, 0x4007 },
	};
	struct disk *d = &b.t.disk;

	setup();
	d->nsec = 1;
	d->trim_zeros = false;
	check_identify("no zeros", no_zeros, NELEM(no_zeros), 8);
	d->trims = false;
	check_identify("no trim", no_trim, NELEM(no_trim), 8);
	d->trims = d->trim_zeros = true;
	d->wcache = false;
	check_identify("cache off", cache_off, NELEM(cache_off), 8);
	d->stable = true;
	check_identify("-s", stable, NELEM(stable), 8);
	d->stable = false;
	d->wcache = true;
	check_identify("127 a frame", most, NELEM(most), 127);
	d->phys_shift = 3;
	check_identify("4 KiB sectors", phys, NELEM(phys), 8);
	d->first = 0x17;
	check_identify("-o 23", shifted, NELEM(shifted), 8);
}
END_TEST

/* Twenty characters are the serial's room; all of them are used. */
START_TEST(identify_serial)
{
	uint8_t id[SECTOR];

	setup();
	snprintf(b.t.serial, sizeof(b.t.serial), "65534.254-89abcdef");
	ata_identify(&b.t, 8, id);
	ck_assert_mem_eq(id + 20, "5635.452-498badcfe  ", 20);
	snprintf(b.t.serial, sizeof(b.t.serial), "abcdefghijklmnopqrst");
	ata_identify(&b.t, 8, id);
	ck_assert_mem_eq(id + 20, "badcfehgjilknmporqts", 20);
	b.t.serial[0] = '\0';
	ata_identify(&b.t, 8, id);
	ck_assert_mem_eq(id + 20, "                    ", 20);
}
END_TEST

/* With data and without: the whole answer of IDENTIFY through ata_begin. */
START_TEST(identify_command)
{
	uint8_t id[SECTOR];
	size_t i;

	setup();
	ck_assert_int_eq(begin("40 00 01 ec ffffffffffff 0000", 1024, 0),
	    ATA_DONE);
	check_regs("identify", "40 00 00 40 ffffffffffff 0000");
	ck_assert_uint_eq(call.nout, 512);
	ata_identify(&b.t, 7, id);
	ck_assert_mem_eq(out, id, 512);
	for (i = 512; i < 1024; i++)
		ck_assert_uint_eq(out[i], POISON);
}
END_TEST

static void
identify_cases(Suite *s)
{
	TCase *tc = add_case(s, "identify");

	tcase_add_loop_test(tc, identify_size, 0, NELEM(disk_sizes));
	tcase_add_test(tc, identify_largest);
	tcase_add_test(tc, identify_options);
	tcase_add_test(tc, identify_serial);
	tcase_add_test(tc, identify_command);
}

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
	tcase_add_test(tc, set_features);
	tcase_add_test(tc, write_cache);
	tcase_add_loop_test(tc, trim, 0, NELEM(trims));
	tcase_add_test(tc, cannot_trim);
	tc = add_case(s, "outcomes");
	tcase_add_loop_test(tc, outcome, 0, NELEM(outcomes));
	tcase_add_test(tc, counters);
	identify_cases(s);
	return run_suite(s);
}
