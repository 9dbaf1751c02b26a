/* SPDX-License-Identifier: GPL-2.0-only */
/* ATA in frames, and what becomes of a failing store there; see check_aoe.c. */

#include "unit.h"

static struct blade b;

static void
bare(void)
{
	blade_init(&b, 1000);
}

/*
 * 2.5: ATA in frames.
 */
#define ATA_BAD(regs)	SAY_E("02") "00" TAG "|" regs "0000 |"

/* The disk of the worked frames: sectors 12345678h and ...79h are its last
 * two, filled with 5a and c3. */
static void
worked_disk(void)
{
	uint8_t sector[512];
	const uint64_t lba = 0x12345678;

	blade_file(&b, (off_t)(lba + 2) * 512);
	memset(sector, 0x5a, sizeof(sector));
	ck_assert(pwrite(b.fd, sector, 512, (off_t)lba * 512) == 512);
	memset(sector, 0xc3, sizeof(sector));
	ck_assert(pwrite(b.fd, sector, 512, (off_t)(lba + 1) * 512) == 512);
	blade_open(&b);
}

static const struct exchange ata[] = {
	{ "read 2 @ 12345678h (7)", ATA("40 00 02 24 785634120000"),
	    REGS("40 00 00 40 785634120000") "5a*512 c3*512" },
	{ "past the end (7)", ATA("40 00 02 24 795634120000"),
	    REGS("40 10 02 41 795634120000") "00*24" },
	{ "the last sector", ATA("40 00 01 24 795634120000"),
	    REGS("40 00 00 40 795634120000") "c3*512" },
	{ "one past", ATA("40 00 01 24 7a5634120000"),
	    REGS("40 10 01 41 7a5634120000") },
	{ "reserved bytes do not come back",
	    ASK "00" TAG "| 40 00 01 24 795634120000 beef",
	    REGS("40 00 00 40 795634120000") "c3*512" },
	{ "flags do", ATA("52 00 01 24 795634120000"),
	    REGS("52 00 00 40 795634120000") "c3*512" },
	{ "more than a reply carries", ATA("40 00 03 24 000000000000"),
	    REGS("40 04 03 41 000000000000") },
	{ "a read with payload, as Linux probes, writes nothing",
	    ATA("00 00 02 20 000000e00000") "77*1024",
	    REGS("00 00 00 40 000000e00000") "00*1024" },
	{ "write", ATA("41 00 01 34 010000000000") "11*512",
	    REGS("41 00 00 40 010000000000") "00*24" },
	{ "written", ATA("40 00 02 24 000000000000"),
	    REGS("40 00 00 40 000000000000") "00*512 11*512" },
	{ "payload left over is left alone",
	    ATA("01 00 01 30 010000e00000") "22*512 33*512",
	    REGS("01 00 00 40 010000e00000") },
	{ "so it was", ATA("40 00 02 24 010000000000"),
	    REGS("40 00 00 40 010000000000") "22*512 00*512" },
	{ "payload a byte short", ATA("41 00 02 34 010000000000") "44*1023",
	    ATA_BAD("41 00 02 34 010000000000") },
	{ "no payload", ATA("41 00 01 34 010000000000"),
	    ATA_BAD("41 00 01 34 010000000000") },
	{ "a count that no frame carries, and no payload for it",
	    ATA("41 00 ff 34 010000000000") "44*1024",
	    REGS("41 04 ff 41 010000000000") },
	{ "write without W (6.1: wrote, and sent the data back)",
	    ATA("40 00 01 34 010000000000") "55*512",
	    ATA_BAD("40 00 01 34 010000000000") },
	{ "read with W", ATA("41 00 01 24 010000000000"),
	    ATA_BAD("41 00 01 24 010000000000") },
	{ "nothing was written", ATA("40 00 02 24 010000000000"),
	    REGS("40 00 00 40 010000000000") "22*512 00*512" },
	{ "our address, to all on the wire",
	    ALL HER "88a2 10 00 0001 02 00" TAG
	    "| 41 00 01 34 020000000000 0000 |" "66*512",
	    REGS("41 00 00 40 020000000000") },
	{ "written, too", ATA("40 00 01 24 020000000000"),
	    REGS("40 00 00 40 020000000000") "66*512" },
	{ "flush", ATA("40 00 00 e7 123456789abc"),
	    REGS("40 00 00 40 123456789abc") },
	{ "flush, extended", ATA("40 00 00 ea 000000000000"),
	    REGS("40 00 00 40 000000000000") },
	{ "verify", ATA("40 00 02 42 785634120000"),
	    REGS("40 00 00 40 785634120000") },
	{ "check power mode with a count (6.1: no reply)",
	    ATA("00 00 07 e5 000000000000"),
	    REGS("00 00 ff 40 000000000000") },
	{ "a count of zero (6.1: success without data)",
	    ATA("40 00 00 24 000000000000"),
	    REGS("40 04 00 41 000000000000") },
};

START_TEST(ata_frames)
{
	worked_disk();
	talk_all(&b, ata, NELEM(ata));
}
END_TEST

/* 2.4: of what is asked of all, only IDENTIFY is done. */
static const char *const wildcards[] = { "ffff ff", "ffff 02", "0001 ff" };

static const struct {
	const char *regs;
	size_t reply;
} asked_of_all[] = {
	{ "41 00 01 34 000000000000 0000 11*512", 0 },
	{ "01 00 01 ca 000000e00000 0000 11*512", 0 },
	{ "40 00 01 24 000000000000 0000", 0 },
	{ "00 00 00 e7 000000000000 0000", 0 },
	{ "00 00 00 e5 000000000000 0000", 0 },
	{ "00 82 00 ef 000000000000 0000", 0 },
	{ "00 00 00 00 000000000000 0000", 0 },
	{ "41 01 01 06 000000000000 0000 00*512", 0 },
	{ "40 00 01 ec 000000a00000 0000", 548 },	/* WinAoE */
};

START_TEST(ata_by_all)
{
	static uint8_t req[2048], got[512];
	static const uint8_t zeros[512];
	char text[256];
	size_t i;

	worked_disk();
	for (i = 0; i < NELEM(asked_of_all); i++) {
		snprintf(text, sizeof(text), ALL HER "88a2 10 00 %s 00" TAG
		    "| %s", wildcards[_i], asked_of_all[i].regs);
		ck_assert_uint_eq(ask(&b, req, bytes(req, sizeof(req),
		    text)), asked_of_all[i].reply);
	}
	/* the last one's answer comes from one blade, not from all */
	bytes(got, sizeof(got), SAY "00" TAG);
	ck_assert_mem_eq(b.r.reply, got, 24);
	ck_assert(pread(b.fd, got, 512, 0) == 512);
	ck_assert_mem_eq(got, zeros, 512);
	ck_assert(b.t.disk.wcache);
}
END_TEST

/* IDENTIFY comes with any count, and any payload behind it (3.5). */
START_TEST(identify_frames)
{
	static const struct {
		const char *regs;
		size_t junk;
	} rows[] = {
		{ "00 00 01 ec 0000 00a0 0000 0000", 0 },
		{ "00 00 00 ec 0000 00a0 0000 0000", 0 },
		{ "00 00 ff ec 0000 0000 0000 0000", 0 },
		{ "40 00 01 ec ffff ffff ffff 0000", 0 },
		{ "01 00 01 ec 0000 00a0 0000 0000", 0 },
		{ "00 00 01 ec 0000 0000 0000 0000", 1024 },
		{ "00 00 11 ec 0000 0000 0000 0000", 8704 },
	};
	static uint8_t req[MAX_FRAME];
	char text[128];
	size_t n;

	bare();
	snprintf(text, sizeof(text), ASK "00" TAG "| %s", rows[_i].regs);
	n = bytes(req, sizeof(req), text);
	ck_assert_uint_eq(ask(&b, req, n + rows[_i].junk), 548);
	ck_assert_uint_eq(b.r.reply[14], 0x18);
	req[25] = req[26] = req[34] = req[35] = 0;
	req[27] = 0x40;
	ck_assert_mem_eq(b.r.reply + 24, req + 24, 12);
	ck_assert_uint_eq(b.r.reply[36], 0x40);		/* word 0 */
	ck_assert_uint_eq(b.r.reply[36 + 510], 0xa5);	/* word 255 */
}
END_TEST

/* 1.9: what a link carries is served, above what is advertised, too. */
static const struct {
	unsigned mtu, advertised, served;
} mtus[] = {
	{ 548, 1, 1 }, { 1045, 1, 1 }, { 1046, 1, 2 }, { 1060, 2, 2 },
	{ 1500, 2, 2 }, { 4117, 7, 7 }, { 4118, 7, 8 }, { 4131, 7, 8 },
	{ 4132, 8, 8 }, { 4200, 8, 8 }, { 9000, 17, 17 }, { 16110, 31, 31 },
	{ 65536, 127, 127 }, { 130582, 254, 255 }, { 200000, 255, 255 },
};

START_TEST(served)
{
	uint8_t req[64], sector[512];
	const uint8_t *id = b.area + REPLY_OFFSET + 36;
	unsigned n = mtus[_i].served;

	blade_file(&b, 255 * 512);
	memset(sector, 0x3c, sizeof(sector));
	ck_assert(pwrite(b.fd, sector, 512, (off_t)(n - 1) * 512) == 512);
	blade_open(&b);
	b.link.mtu = mtus[_i].mtu;

	ask(&b, req, bytes(req, sizeof(req), ASK READ_CFG));
	ck_assert_uint_eq(b.r.reply[28], mtus[_i].advertised);

	/* 3.6: word 105, blocks of a TRIM, is at most that */
	ask(&b, req, bytes(req, sizeof(req), ATA("00 00 01 ec 000000a00000")));
	ck_assert_uint_eq(get_le16(id + 2 * 105), mtus[_i].advertised);

	bytes(req, sizeof(req), ATA("40 00 00 24 000000000000"));
	req[26] = (uint8_t)n;
	ck_assert_uint_eq(ask(&b, req, 36), 36 + 512 * n);
	ck_assert_uint_eq(b.r.reply[27], 0x40);
	ck_assert_mem_eq(b.r.reply + 36 + 512 * (n - 1), sector, 512);
	if (n == 255)
		return;
	req[26] = (uint8_t)(n + 1);
	ck_assert_uint_eq(ask(&b, req, 36), 60);
	ck_assert_uint_eq(b.r.reply[27], 0x41);
	ck_assert_uint_eq(b.r.reply[25], 0x04);
}
END_TEST

/* 8a: where no sector fits, data commands are not for us; others are. */
static const struct exchange tiny_link[] = {
	{ "read", ATA("40 00 01 24 000000000000"), NULL },
	{ "write", ATA("41 00 01 34 000000000000") "11*512", NULL },
	{ "identify", ATA("00 00 01 ec 000000a00000"), NULL },
	{ "trim", ATA("41 01 01 06 000000000000") "00*512", NULL },
	{ "power", ATA("00 00 00 e5 000000000000"),
	    REGS("00 00 ff 40 000000000000") },
	{ "an unknown opcode", ATA("00 00 00 00 000000000000"),
	    REGS("00 04 00 41 000000000000") },
};

START_TEST(no_sector_fits)
{
	bare();
	b.link.mtu = 547;
	talk_all(&b, tiny_link, NELEM(tiny_link));
	b.link.mtu = 0;
	talk_all(&b, tiny_link, NELEM(tiny_link));
}
END_TEST

/*
 * 2.3: failures of the store.  The reply's payload is poisoned: none of it
 * may get out.
 */
static const struct {
	const char *what, *request;
	int error;
	uint32_t done;
	const char *reply;
} failures[] = {
	{ "read: the first bad sector",
	    ATA("40 00 02 24 ff0000000000"), EIO, 1,
	    REGS("40 40 01 41 000100000000") "00*24" },
	{ "read, 28 bits: half of lba3 is the device register",
	    ATA("00 00 02 20 ff0000e00000"), EIO, 1,
	    REGS("00 40 01 41 000100e00000") },
	{ "read of nothing", ATA("40 00 02 25 000000000000"), ENODATA, 0,
	    REGS("40 40 02 41 000000000000") },
	{ "verify", ATA("40 00 80 42 100000000000"), EIO, 0x7f,
	    REGS("40 40 01 41 8f0000000000") },
	{ "write", ATA("41 00 02 34 020000000000") "61*1024", EIO, 0,
	    REGS("41 04 02 61 020000000000") },
	{ "write, after a sector", ATA("41 00 02 35 020000000000") "61*1024",
	    EIO, 1, REGS("41 04 01 61 030000000000") },
	{ "a full store", ATA("01 00 01 30 020000e00000") "61*512", ENOSPC,
	    0, REGS("01 04 01 61 020000e00000") },
	{ "FUA", ATA("41 00 01 3d 020000000000") "61*512", EIO, 1,
	    REGS("41 04 00 61 030000000000") },
	{ "flush: which sector is not known", ATA("00 00 00 e7 010203e40000"),
	    EIO, 0, REGS("00 04 00 61 000000e00000") },
	{ "flush, extended", ATA("40 00 00 ea 010203040506"), ENOSPC, 0,
	    REGS("40 04 00 61 000000000000") },
	{ "standby", ATA("00 00 00 e0 000000000000"), EIO, 0,
	    REGS("00 04 00 61 000000000000") },
	{ "write cache off", ATA("00 82 00 ef 000000000000"), EIO, 0,
	    REGS("00 04 00 61 000000000000") },
	{ "trim", ATA("41 01 01 06 000000000000") "00*512", EIO, 0,
	    REGS("41 04 01 61 000000000000") },
	/* a store that is gone: the initiator is to keep asking */
	{ "gone", ATA("40 00 02 24 785600000000"), ENXIO, 0,
	    SAY_E("03") "00" TAG "| 40 00 02 24 785600000000 0000" },
	{ "gone, writing", ATA("41 00 01 34 010000000000") "61*512", ENODEV,
	    0, SAY_E("03") "00" TAG "| 41 00 01 34 010000000000 0000" },
	{ "gone, flushing", ATA("00 00 00 e7 000000000000"), ENXIO, 0,
	    SAY_E("03") "00" TAG "| 00 00 00 e7 000000000000 0000" },
};

START_TEST(failure)
{
	static uint8_t req[2048], want[64];
	struct frame f = { req, 0, &b.link, 0 };

	blade_init(&b, 0x8000);
	memset(b.area, POISON, sizeof(b.area));
	f.len = bytes(req, sizeof(req), failures[_i].request);
	ck_assert_int_eq(aoe_request(&b.t, &f, &b.r), AOE_DISK);
	b.r.op.error = failures[_i].error;
	b.r.op.done = failures[_i].done;
	aoe_finish(&b.t, &b.r);
	bytes(want, sizeof(want), failures[_i].reply);
	same(failures[_i].what, b.r.reply, b.r.len, want, 60);
	ck_assert_uint_eq(b.t.count.ata_errors + b.t.count.aoe_errors, 1);
	ck_assert_uint_eq(b.t.count.aoe_errors, want[14] == 0x1c);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frames");
	TCase *tc;

	tc = add_case(s, "ATA frames");
	tcase_add_test(tc, ata_frames);
	tcase_add_loop_test(tc, ata_by_all, 0, NELEM(wildcards));
	tcase_add_loop_test(tc, identify_frames, 0, 7);
	tcase_add_loop_test(tc, served, 0, NELEM(mtus));
	tcase_add_test(tc, no_sector_fits);
	tcase_add_loop_test(tc, failure, 0, NELEM(failures));
	return run_suite(s);
}
