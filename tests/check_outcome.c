/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ATA: SET FEATURES, TRIM, and the registers of every outcome.
 * Expected registers are AFlags, Error/Feature, Count, Command/Status, LBA
 * and two reserved bytes, as on the wire (1.4); numbers are sections of the
 * protocol's description.
 */

#include "regs.h"

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

int
main(void)
{
	Suite *s = suite_create("outcome");
	TCase *tc;

	tc = add_case(s, "features");
	tcase_add_test(tc, set_features);
	tcase_add_test(tc, write_cache);
	tc = add_case(s, "trim");
	tcase_add_loop_test(tc, trim, 0, NELEM(trims));
	tcase_add_test(tc, cannot_trim);
	tc = add_case(s, "outcomes");
	tcase_add_loop_test(tc, outcome, 0, NELEM(outcomes));
	tcase_add_test(tc, counters);
	return run_suite(s);
}
