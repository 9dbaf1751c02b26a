/* SPDX-License-Identifier: GPL-2.0-only */
/* Layouts and accessors: where each field lies, in which byte order. */

#include "unit.h"

/* Offsets count from the first byte of the frame, as the tables of the
 * protocol do (1.1, 1.4 to 1.7). */
#define AT(base, type, field, off, len)					\
	{ #type "." #field, (base) + offsetof(struct type, field), (off), \
	    sizeof(((struct type *)0)->field), (len) }

static const struct {
	const char *name;
	size_t off, want_off, len, want_len;
} fields[] = {
	AT(0, aoe_hdr, dst, 0, 6),		/* 1.1 */
	AT(0, aoe_hdr, src, 6, 6),
	AT(0, aoe_hdr, type, 12, 2),
	AT(0, aoe_hdr, ver_flags, 14, 1),
	AT(0, aoe_hdr, error, 15, 1),
	AT(0, aoe_hdr, shelf, 16, 2),
	AT(0, aoe_hdr, slot, 18, 1),
	AT(0, aoe_hdr, cmd, 19, 1),
	AT(0, aoe_hdr, tag, 20, 4),
	AT(24, ata_regs, aflags, 24, 1),	/* 1.4 */
	AT(24, ata_regs, feature, 25, 1),
	AT(24, ata_regs, count, 26, 1),
	AT(24, ata_regs, cmd, 27, 1),
	AT(24, ata_regs, lba, 28, 6),
	AT(24, ata_regs, reserved, 34, 2),
	AT(24, aoe_cfg, bufcnt, 24, 2),		/* 1.5 */
	AT(24, aoe_cfg, firmware, 26, 2),
	AT(24, aoe_cfg, nsec, 28, 1),
	AT(24, aoe_cfg, ver_ccmd, 29, 1),
	AT(24, aoe_cfg, len, 30, 2),
	AT(24, aoe_mask, reserved, 24, 1),	/* 1.6 */
	AT(24, aoe_mask, mcmd, 25, 1),
	AT(24, aoe_mask, merror, 26, 1),
	AT(24, aoe_mask, ndir, 27, 1),
	AT(28, aoe_dir, reserved, 28, 1),
	AT(28, aoe_dir, dcmd, 29, 1),
	AT(28, aoe_dir, mac, 30, 6),
	AT(24, aoe_rsv, rcmd, 24, 1),		/* 1.7 */
	AT(24, aoe_rsv, nmacs, 25, 1),
};

static const struct {
	const char *name;
	size_t size, want;
} sizes[] = {
	{ "aoe_hdr", sizeof(struct aoe_hdr), 24 },	/* 1.8 */
	{ "ata_regs", sizeof(struct ata_regs), 36 - 24 },
	{ "aoe_cfg", sizeof(struct aoe_cfg), 32 - 24 },
	{ "aoe_mask", sizeof(struct aoe_mask), 28 - 24 },
	{ "aoe_dir", sizeof(struct aoe_dir), 8 },
	{ "aoe_rsv", sizeof(struct aoe_rsv), 26 - 24 },
	{ "PAYLOAD", PAYLOAD, 36 },
};

static const struct {
	const char *name;
	unsigned value, want;
} constants[] = {
	{ "ether type", ETH_AOE, 0x88a2 },		/* 1.1 */
	{ "version", AOE_VER, 0x10 },
	{ "R", AOE_R, 0x08 },
	{ "E", AOE_E, 0x04 },
	{ "bad command", AOE_BADCMD, 1 },		/* 1.2 */
	{ "bad argument", AOE_BADARG, 2 },
	{ "device unavailable", AOE_DEVICE, 3 },
	{ "config string present", AOE_CFGSET, 4 },
	{ "unsupported version", AOE_BADVER, 5 },
	{ "reserved", AOE_RESERVED, 6 },
	{ "ATA", AOE_ATA, 0 },				/* 1.3 */
	{ "Query Config", AOE_CONFIG, 1 },
	{ "MAC Mask List", AOE_MASK, 2 },
	{ "Reserve/Release", AOE_RESERVE, 3 },
	{ "AFlags E", AFLAG_E, 0x40 },			/* 1.4 */
	{ "AFlags W", AFLAG_W, 0x01 },
	{ "string length", AOE_MAXCFG, 1024 },		/* 1.5 */
	{ "sector count", AOE_MAXNSEC, 255 },
	{ "Ethernet's floor", ETH_FLOOR, 60 },		/* 1.8 */
	{ "Ethernet's header", ETH_HDR, 14 },		/* 1.9 */
	{ "sector", SECTOR, 512 },
	{ "ERR", ATA_ERR, 0x01 },			/* 3.1 */
	{ "DF", ATA_DF, 0x20 },
	{ "DRDY", ATA_DRDY, 0x40 },
	{ "ABRT", ATA_ABRT, 0x04 },
	{ "IDNF", ATA_IDNF, 0x10 },
	{ "UNC", ATA_UNC, 0x40 },
};

START_TEST(layout)
{
	ck_assert_msg(fields[_i].off == fields[_i].want_off &&
	    fields[_i].len == fields[_i].want_len, "%s: %zu bytes at %zu",
	    fields[_i].name, fields[_i].len, fields[_i].off);
}
END_TEST

START_TEST(size)
{
	ck_assert_msg(sizes[_i].size == sizes[_i].want, "%s: %zu bytes",
	    sizes[_i].name, sizes[_i].size);
}
END_TEST

START_TEST(constant)
{
	ck_assert_msg(constants[_i].value == constants[_i].want, "%s is %#x",
	    constants[_i].name, constants[_i].value);
}
END_TEST

/* AoE is big-endian; the LBA and the words of ATA are little-endian (1). */
START_TEST(get)
{
	const uint8_t b[] = { 0x88, 0xa2, 0x9c, 0xd3, 0xe4, 0xf5 };
	const uint8_t ones[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	ck_assert_uint_eq(get_be16(b), 0x88a2);
	ck_assert_uint_eq(get_le16(b), 0xa288);
	ck_assert_uint_eq(get_le48(b), 0xf5e4d39ca288ULL);
	ck_assert_uint_eq(get_be16(ones), 0xffff);
	ck_assert_uint_eq(get_le16(ones), 0xffff);
	ck_assert_uint_eq(get_le48(ones), 0xffffffffffffULL);
}
END_TEST

static void
check_put(const uint8_t *buf, const char *text)
{
	uint8_t want[10];

	same(text, buf, sizeof(want), want, bytes(want, sizeof(want), text));
}

/* A put writes its own bytes and no other, and cuts what does not fit. */
START_TEST(put)
{
	uint8_t b[10];

	memset(b, POISON, sizeof(b));
	put_be16(b + 1, 0x88a2);
	check_put(b, "a5 88a2 a5*7");
	put_be16(b + 1, 0x12345);
	check_put(b, "a5 2345 a5*7");

	memset(b, POISON, sizeof(b));
	put_le16(b + 1, 0x88a2);
	check_put(b, "a5 a288 a5*7");
	put_le16(b + 1, 0x12345);
	check_put(b, "a5 4523 a5*7");

	memset(b, POISON, sizeof(b));
	put_le48(b + 1, 0xf5e4d39ca288ULL);
	check_put(b, "a5 88a29cd3e4f5 a5*3");
	put_le48(b + 1, 0xabcdffffffffffffULL);
	check_put(b, "a5 ff*6 a5*3");
}
END_TEST

/* Direct I/O reads into the reply: its payload lies on a page, and the
 * largest reply fits behind it. */
START_TEST(reply_room)
{
	ck_assert_uint_eq((REPLY_OFFSET + 36) % 4096, 0);
	ck_assert_uint_ge(REPLY_BYTES, REPLY_OFFSET + 36 + 255 * 512);
	ck_assert_uint_eq(REPLY_BYTES % 4096, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("wire");
	TCase *tc;

	tc = add_case(s, "layout");
	tcase_add_loop_test(tc, layout, 0, NELEM(fields));
	tcase_add_loop_test(tc, size, 0, NELEM(sizes));
	tcase_add_loop_test(tc, constant, 0, NELEM(constants));
	tcase_add_test(tc, reply_room);
	tc = add_case(s, "accessors");
	tcase_add_test(tc, get);
	tcase_add_test(tc, put);
	return run_suite(s);
}
