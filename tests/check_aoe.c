/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames: the receive pipeline, Query Config, adverts; check_lists.c has masks
 * and reservations, check_frames.c has ATA.  Every sub-command, every error.
 * The numbers beside the tests are sections of the protocol's description;
 * the bytes were put together by hand from its tables.
 */

#include "unit.h"

static struct blade b;

static void
bare(void)
{
	blade_init(&b, 1000);
}

/*
 * 2.1: who is heard, 2.2: how the reply is built.
 */
static const struct exchange pipeline[] = {
	{ "discovery, as 7 has it",
	    ALL HER "88a2 10 00 ffff ff 01 00000000 | 00*8",
	    HER US "88a2 18 00 0001 02 01 00000000 | 0010 401a 02 10 0000"
	    "00*28" },
	{ "a directed query", ASK READ_CFG, SAY CFG },
	{ "padded to 60", ASK READ_CFG "00*28", SAY CFG },
	{ "a tail of rubbish", ASK READ_CFG "ed*1024", SAY CFG },
	{ "our address, to all on the wire",
	    ALL HER "88a2 10 00 0001 02" READ_CFG, SAY CFG },
	{ "all shelves", US HER "88a2 10 00 ffff 02" READ_CFG, SAY CFG },
	{ "all slots", US HER "88a2 10 00 0001 ff" READ_CFG, SAY CFG },
	{ "another shelf", US HER "88a2 10 00 0002 02" READ_CFG, NULL },
	{ "the shelf's bytes swapped",
	    US HER "88a2 10 00 0100 02" READ_CFG, NULL },
	{ "half of the shelf", US HER "88a2 10 00 0101 02" READ_CFG, NULL },
	{ "another slot", US HER "88a2 10 00 0001 03" READ_CFG, NULL },
	{ "all shelves, another slot",
	    US HER "88a2 10 00 ffff 03" READ_CFG, NULL },
	{ "another shelf, all slots",
	    US HER "88a2 10 00 0002 ff" READ_CFG, NULL },
	{ "almost all shelves", US HER "88a2 10 00 ff01 02" READ_CFG, NULL },

	{ "another ether type", US HER "88a3 10 00 0001 02" READ_CFG, NULL },
	{ "a VLAN tag",
	    US HER "8100 0001 88a2 10 00 0001 02" READ_CFG, NULL },
	{ "for another host", HIM HER "88a2 10 00 0001 02" READ_CFG, NULL },
	{ "for a multicast group",
	    "010203040506" HER "88a2 10 00 0001 02" READ_CFG, NULL },
	{ "from a multicast address",
	    US "535400000001 88a2 10 00 0001 02" READ_CFG, NULL },
	{ "from all", US ALL "88a2 10 00 0001 02" READ_CFG, NULL },
	{ "from ourselves", ALL US "88a2 10 00 0001 02" READ_CFG, NULL },

	{ "a response", US HER "88a2 18 00 0001 02" READ_CFG, NULL },
	{ "an error response", US HER "88a2 1c 02 0001 02" READ_CFG, NULL },
	{ "a response of version 2",
	    US HER "88a2 28 00 0001 02" READ_CFG, NULL },
	{ "E and an error code mean nothing in a request",
	    US HER "88a2 14 06 0001 02" READ_CFG, SAY CFG },
	{ "reserved flags, as aoeping -s sets them",
	    US HER "88a2 13 00 0001 02" READ_CFG, SAY CFG },

	{ "version 0", US HER "88a2 00 00 0001 02" READ_CFG,
	    SAY_E("05") "01" TAG },
	{ "version 2", US HER "88a2 20 00 0001 02" READ_CFG,
	    SAY_E("05") "01" TAG },
	{ "version 15", US HER "88a2 f0 00 0001 02" READ_CFG,
	    SAY_E("05") "01" TAG },
	{ "version comes before command", US HER "88a2 20 00 0001 02 77" TAG,
	    SAY_E("05") "77" TAG },
	{ "version comes before length", US HER "88a2 20 00 0001 02 00" TAG,
	    SAY_E("05") "00" TAG },
	{ "the tag is opaque", ASK "01 fedcba98 | 00*8",
	    SAY "01 fedcba98 | 0010 401a 02 10 0000" },
};

START_TEST(one_exchange)
{
	bare();
	talk(&b, &pipeline[_i]);
}
END_TEST

/* 1.3: 4 and up are nobody's, the vendors' range included. */
START_TEST(unknown_command)
{
	char req[128], reply[128];
	const struct exchange x = { req, req, reply };
	unsigned cmd;

	bare();
	for (cmd = 4; cmd < 256; cmd++) {
		snprintf(reply, sizeof(reply), SAY_E("01") "%02x" TAG, cmd);
		snprintf(req, sizeof(req), ASK "%02x" TAG, cmd);
		talk(&b, &x);
		snprintf(req, sizeof(req), ASK "%02x" TAG "ed*100", cmd);
		talk(&b, &x);
	}
}
END_TEST

/* 1.8: from no byte at all to one less than a command's header: silence;
 * its header alone, and one byte more, are enough. */
START_TEST(header_length)
{
	static const struct {
		const char *cmd;
		size_t needs;
	} rows[] = {
		{ "00", 36 }, { "01", 32 }, { "02", 28 }, { "03", 26 },
	};
	uint8_t req[128];
	char text[128];
	size_t len;

	bare();
	/* ATA: CHECK POWER MODE, the others: read */
	snprintf(text, sizeof(text), ASK "%s" TAG "| 000000 %s 00*60",
	    rows[_i].cmd, _i == 0 ? "e5" : "00");
	bytes(req, sizeof(req), text);
	for (len = 0; len < rows[_i].needs; len++)
		ck_assert_msg(ask(&b, req, len) == 0, "%s: %zu bytes",
		    rows[_i].cmd, len);
	ck_assert_uint_eq(ask(&b, req, len), 60);
	ck_assert_uint_eq(ask(&b, req, len + 1), 60);
	ck_assert_uint_eq(b.r.reply[14], 0x18);
}
END_TEST

/* A runt that ends within the AoE header is nobody's, even one that would
 * be refused for its version or command. */
START_TEST(runt)
{
	uint8_t req[64];
	size_t len;

	bare();
	bytes(req, sizeof(req), US HER "88a2 20 00 0001 02 77" TAG);
	for (len = 0; len < 24; len++)
		ck_assert_uint_eq(ask(&b, req, len), 0);
	ck_assert_uint_eq(ask(&b, req, 24), 60);
}
END_TEST

/* 8a: on lo every address is zero, so "from ourselves" says nothing. */
START_TEST(loopback)
{
	const struct exchange x = { "loopback",
	    "00*12 88a2 10 00 0001 02" READ_CFG,
	    "00*12 88a2 18 00 0001 02" "01" TAG "| 0010 401a 7f 10 0000" };

	bare();
	memset(b.link.mac, 0, 6);
	b.link.mtu = 65536;
	talk(&b, &x);
}
END_TEST

/* 2.1: the mask comes before all that would tell a stranger of us. */
static const struct exchange masked[] = {
	{ "config", ASK READ_CFG, NULL },
	{ "discovery", ALL HER "88a2 10 00 ffff ff" READ_CFG, NULL },
	{ "ATA", ASK "00" TAG "| 000000ec 00*8", NULL },
	{ "mask", ASK "02" TAG "| 00*4", NULL },
	{ "reserve", ASK "03" TAG "| 00*2", NULL },
	{ "another version", US HER "88a2 20 00 0001 02" READ_CFG, NULL },
	{ "an unknown command", ASK "77" TAG, NULL },
	{ "who is listed is heard", US HIM "88a2 10 00 0001 02" READ_CFG,
	    HIM US "88a2 18 00 0001 02" CFG },
};

START_TEST(masks_hide_us)
{
	bare();
	bytes(b.t.masks.mac[0], 12, HIM "525400000006");
	b.t.masks.n = 2;
	talk_all(&b, masked, NELEM(masked));
	ck_assert_uint_eq(b.t.count.frames, NELEM(masked));
	ck_assert_uint_eq(b.t.count.masked, NELEM(masked) - 1);
	ck_assert_uint_eq(b.t.count.silent, NELEM(masked) - 1);
	ck_assert_uint_eq(b.t.count.aoe_errors, 0);
}
END_TEST

/*
 * 2.6: Query Config.
 */
#define CONFIG(ccmd, len)	ASK "01" TAG "| 0000 0000 00" ccmd len
#define GOT(ccmd, len)		SAY "01" TAG "| 0010 401a 02 1" ccmd len
#define PRESENT(ccmd, len)	SAY_E("04") "01" TAG "| 0010 401a 02 1" \
				ccmd len
/* with E the request's own argument header comes back (2.2) */
#define BAD(ccmd, len)		SAY_E("02") "01" TAG "| 0000 0000 00" ccmd len

static const struct exchange config_read[] = {
	{ "nothing set", CONFIG("00", "0000"), GOT("0", "0000") },
	{ "length 1024 and 1024 times ed, as aoeping",
	    CONFIG("00", "0400") "ed*1024", GOT("0", "0000") },
	{ "a length of which nothing came", CONFIG("00", "0400"),
	    GOT("0", "0000") },
	{ "any length", CONFIG("00", "ffff"), GOT("0", "0000") },
	{ "version in the request's nibble", CONFIG("10", "0000"),
	    GOT("0", "0000") },
	{ "rubbish in the nibble", CONFIG("f0", "0000"), GOT("0", "0000") },
	{ "the answer's fields are ours",
	    ASK "01" TAG "| ffff ffff ff 00 0000", GOT("0", "0000") },
};

static const struct exchange config_set[] = {
	{ "an empty string equals ours", CONFIG("01", "0000"),
	    GOT("1", "0000") },
	{ "and is a prefix", CONFIG("02", "0000"), GOT("2", "0000") },
	{ "set to nothing", CONFIG("03", "0000"), GOT("3", "0000") },
	{ "set", CONFIG("03", "0003") "616263", GOT("3", "0003") "616263" },
	{ "read", CONFIG("00", "0000"), GOT("0", "0003") "616263" },
	{ "set again, as a resend", CONFIG("03", "0003") "616263",
	    GOT("3", "0003") "616263" },
	{ "set to another", CONFIG("03", "0003") "616264",
	    PRESENT("3", "0003") "616263" },
	{ "set to a shorter", CONFIG("03", "0002") "6162",
	    PRESENT("3", "0003") "616263" },
	{ "set to a longer", CONFIG("03", "0004") "61626364",
	    PRESENT("3", "0003") "616263" },
	{ "set to nothing", CONFIG("03", "0000"),
	    PRESENT("3", "0003") "616263" },
	{ "it is still there", CONFIG("00", "0000"),
	    GOT("0", "0003") "616263" },
	{ "force", CONFIG("04", "0005") "0001020304",
	    GOT("4", "0005") "0001020304" },
	{ "force a shorter one", CONFIG("04", "0002") "7879 7a7a7a",
	    GOT("4", "0002") "7879" },
	{ "nothing of the longer is left", CONFIG("00", "0000"),
	    GOT("0", "0002") "7879" },
	{ "force nothing", CONFIG("04", "0000"), GOT("4", "0000") },
	{ "it is empty", CONFIG("00", "0000"), GOT("0", "0000") },
	{ "which all may set, too: aoecfg asks so",
	    ALL HER "88a2 10 00 ffff ff 01" TAG "| 0000 0000 00 03 0001 78",
	    GOT("3", "0001") "78" },
	{ "and force",
	    ALL HER "88a2 10 00 ffff ff 01" TAG "| 0000 0000 00 04 0001 79",
	    GOT("4", "0001") "79" },
};

static const struct exchange config_test[] = {
	{ "set", CONFIG("14", "0003") "616263", GOT("4", "0003") "616263" },
	{ "test", CONFIG("01", "0003") "616263", GOT("1", "0003") "616263" },
	{ "test, rubbish behind", CONFIG("01", "0003") "616263 ff*20",
	    GOT("1", "0003") "616263" },
	{ "test another", CONFIG("01", "0003") "616264", NULL },
	{ "test a prefix", CONFIG("01", "0002") "6162", NULL },
	{ "test a longer", CONFIG("01", "0004") "61626300", NULL },
	{ "test nothing", CONFIG("01", "0000"), NULL },
	{ "test, a byte short", CONFIG("01", "0003") "6162", NULL },
	{ "test, nothing came", CONFIG("01", "0003"), NULL },
	{ "prefix of nothing", CONFIG("02", "0000"),
	    GOT("2", "0003") "616263" },
	{ "prefix", CONFIG("02", "0001") "61", GOT("2", "0003") "616263" },
	{ "prefix, rubbish behind", CONFIG("02", "0001") "61ff",
	    GOT("2", "0003") "616263" },
	{ "prefix, all of it", CONFIG("02", "0003") "616263",
	    GOT("2", "0003") "616263" },
	{ "no prefix", CONFIG("02", "0002") "6163", NULL },
	{ "the end is no prefix", CONFIG("02", "0002") "6263", NULL },
	{ "a longer is no prefix", CONFIG("02", "0004") "61626300", NULL },
	{ "prefix, a byte short", CONFIG("02", "0002") "61", NULL },
	{ "prefix, nothing came", CONFIG("02", "0001"), NULL },
};

static const struct exchange config_length[] = {
	{ "one byte claimed, none came (6.1: 32 were taken too many)",
	    CONFIG("03", "0001"), BAD("03", "0001") },
	{ "the same, forced", CONFIG("04", "0001"), BAD("04", "0001") },
	{ "a byte short", CONFIG("04", "0004") "616263", BAD("04", "0004") },
	{ "1024 claimed in 60 bytes", CONFIG("04", "0400") "61*28",
	    BAD("04", "0400") },
	{ "1024, a byte short", CONFIG("03", "0400") "61*1023",
	    BAD("03", "0400") },
	{ "1025", CONFIG("03", "0401") "61*1025", BAD("03", "0401") },
	{ "1025, forced", CONFIG("04", "0401") "61*1025",
	    BAD("04", "0401") },
	{ "65535", CONFIG("04", "ffff") "61*2000", BAD("04", "ffff") },
	{ "1025 is no test either", CONFIG("01", "0401") "61*1025", NULL },
	{ "nor a prefix", CONFIG("02", "0401") "61*1025", NULL },
	{ "nothing was set", CONFIG("00", "0000"), GOT("0", "0000") },
	{ "1024", CONFIG("03", "0400") "61*1024",
	    GOT("3", "0400") "61*1024" },
	{ "1024, tested", CONFIG("01", "0400") "61*1024",
	    GOT("1", "0400") "61*1024" },
	{ "1024, tested, a byte short", CONFIG("01", "0400") "61*1023",
	    NULL },
	{ "1025 after it: no use of what lay there",
	    CONFIG("02", "0401") "61*1025", NULL },
};

START_TEST(config)
{
	bare();
	talk_all(&b, config_read, NELEM(config_read));
	talk_all(&b, config_set, NELEM(config_set));
	talk_all(&b, config_test, NELEM(config_test));
}
END_TEST

START_TEST(config_lengths)
{
	bare();
	talk_all(&b, config_length, NELEM(config_length));
}
END_TEST

/* CCmd 5 is known to one initiator only (1.3); 6 to 15 to none. */
START_TEST(config_unknown)
{
	char req[128], reply[128];
	const struct exchange x = { "unknown CCmd", req, reply };
	const struct exchange after = { "unchanged",
	    CONFIG("00", "0000"), GOT("0", "0000") };

	bare();
	snprintf(req, sizeof(req), CONFIG("%02x", "0001") "61", (unsigned)_i);
	snprintf(reply, sizeof(reply), BAD("%02x", "0001"), (unsigned)_i);
	talk(&b, &x);
	talk(&b, &after);
}
END_TEST

/* 2.6: a reservation does not stop it. */
START_TEST(config_reserved)
{
	const struct exchange x = { "set while reserved",
	    CONFIG("03", "0001") "61", GOT("3", "0001") "61" };

	bare();
	bytes(b.t.reserve.mac[0], 6, HIM);
	b.t.reserve.n = 1;
	talk(&b, &x);
}
END_TEST

/* What is advertised follows the link as it is at that time (1.9). */
START_TEST(config_fields)
{
	static const struct exchange mtu9000 = { "MTU 9000",
	    CONFIG("00", "0000"), SAY "01" TAG "| 0040 401a 11 10 0000" };
	static const struct exchange most = { "as much as the fields hold",
	    CONFIG("00", "0000"), SAY "01" TAG "| ffff 401a ff 10 0000" };

	bare();
	b.t.bufcnt = 64;
	b.link.mtu = 9000;
	talk(&b, &mtu9000);
	b.t.bufcnt = 65535;
	b.link.mtu = 200000;
	talk(&b, &most);
}
END_TEST

/* A string that came over a link with larger frames: what fits is sent. */
START_TEST(config_small_link)
{
	static const struct exchange set = { "set",
	    CONFIG("04", "0400") "61*1024", GOT("4", "0400") "61*1024" };
	static const struct exchange get = { "576 + 14 - 32 bytes",
	    CONFIG("00", "0000"),
	    SAY "01" TAG "| 0010 401a 01 10 022e 61*558" };
	static const struct exchange over = { "2 bytes more than fit",
	    CONFIG("04", "0230") "62*560",
	    SAY "01" TAG "| 0010 401a 01 14 022e 62*558" };
	static const struct exchange least = { "60 - 32 bytes",
	    CONFIG("00", "0000"),
	    SAY "01" TAG "| 0010 401a 00 10 001c 61*28" };

	bare();
	talk(&b, &set);
	b.link.mtu = 576;
	talk(&b, &get);
	b.link.mtu = 40;
	talk(&b, &least);
	b.link.mtu = 576;
	talk(&b, &over);
	ck_assert_uint_eq(b.t.nconfig, 560);
}
END_TEST

/*
 * 2.10: the advert.
 */
START_TEST(advert)
{
	static const uint8_t ff[6] = { 255, 255, 255, 255, 255, 255 };
	uint8_t want[128] = { 0 };

	bare();
	memset(b.area, POISON, sizeof(b.area));
	bytes(want, sizeof(want), ALL US "88a2 18 00 0001 02 01 00000000"
	    "| 0010 401a 02 10 0000" "00*28");
	same("nothing set", b.r.reply,
	    aoe_advert(&b.t, &b.link, ff, b.r.reply), want, 60);

	memset(b.area, POISON, sizeof(b.area));
	memset(b.t.config, 0x61, 40);
	b.t.nconfig = 40;
	bytes(want, sizeof(want), HER US "88a2 18 00 0001 02 01 00000000"
	    "| 0010 401a 02 10 0028 61*40");
	same("a string, to one", b.r.reply,
	    aoe_advert(&b.t, &b.link, want, b.r.reply), want, 72);
}
END_TEST

/*
 * What is offered to others.
 */

/* 1.9: floor((MTU - 36) / 512), at most 255, as the Linux driver counts. */
static const struct {
	unsigned mtu, nsec;
} maxnsec[] = {
	{ 0, 0 }, { 35, 0 }, { 36, 0 }, { 547, 0 }, { 548, 1 }, { 1059, 1 },
	{ 1060, 2 }, { 1500, 2 }, { 4118, 7 }, { 4131, 7 }, { 4132, 8 },
	{ 4200, 8 }, { 9000, 17 }, { 16110, 31 }, { 65536, 127 },
	{ 130595, 254 }, { 130596, 255 }, { 131108, 255 },
	{ 0xffffffff, 255 },
};

START_TEST(sectors_per_mtu)
{
	ck_assert_msg(aoe_maxnsec(maxnsec[_i].mtu) == maxnsec[_i].nsec,
	    "MTU %u: %u sectors", maxnsec[_i].mtu,
	    aoe_maxnsec(maxnsec[_i].mtu));
}
END_TEST

START_TEST(counters)
{
	static const struct exchange x[] = {
		{ "answered", ASK READ_CFG, SAY CFG },
		{ "silent", US HER "88a2 10 00 0009 02" READ_CFG, NULL },
		{ "an AoE error", ASK "09" TAG, SAY_E("01") "09" TAG },
		{ "an ATA error", ATA("00 00 00 00 000000000000"),
		    REGS("00 04 00 41 000000000000") },
	};

	bare();
	talk_all(&b, x, NELEM(x));
	ck_assert_uint_eq(b.t.count.frames, 4);
	ck_assert_uint_eq(b.t.count.silent, 1);
	ck_assert_uint_eq(b.t.count.masked, 0);
	ck_assert_uint_eq(b.t.count.aoe_errors, 1);
	ck_assert_uint_eq(b.t.count.ata_errors, 1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("aoe");
	TCase *tc;

	tc = add_case(s, "pipeline");
	tcase_add_loop_test(tc, one_exchange, 0, NELEM(pipeline));
	tcase_add_test(tc, unknown_command);
	tcase_add_loop_test(tc, header_length, 0, 4);
	tcase_add_test(tc, runt);
	tcase_add_test(tc, loopback);
	tcase_add_test(tc, masks_hide_us);
	tc = add_case(s, "config");
	tcase_add_test(tc, config);
	tcase_add_test(tc, config_lengths);
	tcase_add_loop_test(tc, config_unknown, 5, 16);
	tcase_add_test(tc, config_reserved);
	tcase_add_test(tc, config_fields);
	tcase_add_test(tc, config_small_link);
	tc = add_case(s, "the rest");
	tcase_add_test(tc, advert);
	tcase_add_loop_test(tc, sectors_per_mtu, 0, NELEM(maxnsec));
	tcase_add_test(tc, counters);
	return run_suite(s);
}
