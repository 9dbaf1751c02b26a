/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames: the receive pipeline, every command and sub-command, every error.
 * The numbers beside the tests are sections of the protocol's description;
 * the bytes were put together by hand from its tables.
 */

#include "unit.h"

static struct blade b;

/* Query Config, read; and the answer of a blade without a string (7). */
#define READ_CFG	"01" TAG "| 0000 0000 00 00 0000"
#define CFG		"01" TAG "| 0010 401a 02 10 0000"

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
 * 2.7: MAC Mask List.
 */
#define MASK(mcmd, n)	ASK "02" TAG "| 00" mcmd "00" n
#define LIST(mcmd, n)	SAY "02" TAG "| 00" mcmd "00" n
#define MERR(err, n)	SAY "02" TAG "| 0001" err n
#define MASK_BAD(mcmd, n)	SAY_E("02") "02" TAG "| 00" mcmd "00" n
#define ADD(mac)	"| 0001" mac
#define DEL(mac)	"| 0002" mac
#define MAC(mac)	"| 0000" mac
#define M1	HER
#define M2	"525400000012"
#define M3	"525400000013"
#define M4	"525400000014"

static const struct exchange mask_edit[] = {
	{ "read nothing", MASK("00", "00"), LIST("00", "00") },
	{ "edit nothing", MASK("01", "00"), LIST("01", "00") },
	{ "add one", MASK("01", "01") ADD(M1), LIST("01", "01") MAC(M1) },
	{ "add the second", MASK("01", "01") ADD(M2),
	    LIST("01", "02") MAC(M1) MAC(M2) },
	{ "add the third (6.1: it overwrote the second)",
	    MASK("01", "01") ADD(M3),
	    LIST("01", "03") MAC(M1) MAC(M2) MAC(M3) },
	{ "add what is there (6.1: seen at the first place only)",
	    MASK("01", "01") ADD(M3),
	    LIST("01", "03") MAC(M1) MAC(M2) MAC(M3) },
	{ "delete the middle one (6.1: -3 bytes were moved)",
	    MASK("01", "01") DEL(M2), LIST("01", "02") MAC(M1) MAC(M3) },
	{ "delete what is not there", MASK("01", "01") DEL(M2),
	    LIST("01", "02") MAC(M1) MAC(M3) },
	{ "delete the last", MASK("01", "01") DEL(M3),
	    LIST("01", "01") MAC(M1) },
	{ "delete the first, add two and one again",
	    MASK("01", "04") ADD(M2) DEL(M1) ADD(M4) ADD(M1),
	    LIST("01", "03") MAC(M2) MAC(M4) MAC(M1) },
	{ "directives of no kind are skipped, reserved bytes ignored",
	    MASK("01", "03") "| 0000" M3 "| ff02" M4 "| 0000 00*6",
	    LIST("01", "02") MAC(M2) MAC(M1) },
	{ "reserved bytes and MError of a request are ignored",
	    ASK "02" TAG "| ff 00 ff 00", LIST("00", "02") MAC(M2) MAC(M1) },
	{ "directives that are not counted", MASK("01", "01") DEL(M2) ADD(M3),
	    LIST("01", "01") MAC(M1) },
	{ "add and delete in one edit", MASK("01", "02") ADD(M3) DEL(M3),
	    LIST("01", "01") MAC(M1) },
	{ "a read's count may lie", MASK("00", "ff"),
	    LIST("00", "01") MAC(M1) },
	{ "exclude oneself: this once one is answered",
	    MASK("01", "02") ADD(M2) DEL(M1), LIST("01", "01") MAC(M2) },
	{ "and then no more", MASK("00", "00"), NULL },
	{ "nor can one let oneself in", MASK("01", "01") ADD(M1), NULL },
};

static const struct exchange mask_error[] = {
	{ "a bad directive", MASK("01", "01") "| 0003" M1, MERR("02", "00") },
	{ "in the middle: what came before it holds",
	    MASK("01", "04") ADD(M1) ADD(M2) "| 00ff" M3 ADD(M4),
	    MERR("02", "02") },
	{ "what came after it does not", MASK("00", "00"),
	    LIST("00", "02") MAC(M1) MAC(M2) },
	{ "a multicast address", MASK("01", "02") ADD(M3) ADD("535400000001"),
	    MERR("01", "01") },
	{ "everyone", MASK("01", "01") ADD(ALL), MERR("01", "00") },
	{ "nobody", MASK("01", "01") ADD("000000000000"), MERR("01", "00") },
	{ "nobody, deleted", MASK("01", "01") DEL("000000000000"),
	    MERR("01", "00") },
	{ "a bad directive's address does not matter",
	    MASK("01", "01") "| 0003" ALL, MERR("02", "00") },
	{ "a count of which nothing came", MASK("01", "01"),
	    MASK_BAD("01", "01") },
	{ "a byte short", MASK("01", "01") "| 0002 5254000000",
	    MASK_BAD("01", "01") },
	{ "255 in a short frame", MASK("01", "ff") DEL(M1) "00*24",
	    MASK_BAD("01", "ff") },
	{ "one more than came", MASK("01", "03") DEL(M1) DEL(M2),
	    MASK_BAD("01", "03") },
	{ "an unknown MCmd", MASK("02", "01") DEL(M1), MASK_BAD("02", "01") },
	{ "the last MCmd", MASK("ff", "00"), MASK_BAD("ff", "00") },
	{ "nothing of this was done", MASK("00", "00"),
	    LIST("00", "03") MAC(M1) MAC(M2) MAC(M3) },
};

/* 2.4: only the read form is served to a wildcard. */
static const struct exchange mask_all[] = {
	{ "read by all", ALL HER "88a2 10 00 ffff ff 02" TAG "| 00*4",
	    LIST("00", "00") },
	{ "edit by all",
	    ALL HER "88a2 10 00 ffff ff 02" TAG "| 00010001" ADD(M1), NULL },
	{ "edit by all shelves",
	    US HER "88a2 10 00 ffff 02 02" TAG "| 00010001" ADD(M1), NULL },
	{ "edit by all slots",
	    US HER "88a2 10 00 0001 ff 02" TAG "| 00010001" ADD(M1), NULL },
	{ "nothing was done", MASK("00", "00"), LIST("00", "00") },
	{ "our address, to all on the wire",
	    ALL HER "88a2 10 00 0001 02 02" TAG "| 00010001" ADD(M1),
	    LIST("01", "01") MAC(M1) },
};

START_TEST(masks)
{
	bare();
	talk_all(&b, mask_edit, NELEM(mask_edit));
}
END_TEST

START_TEST(mask_errors)
{
	bare();
	talk_all(&b, mask_error, NELEM(mask_error));
}
END_TEST

START_TEST(masks_by_all)
{
	bare();
	talk_all(&b, mask_all, NELEM(mask_all));
}
END_TEST

/* An edit that adds n addresses: hers, then 02:00:00:00:NN:NN. */
static size_t
add_many(uint8_t *req, unsigned n)
{
	size_t len = bytes(req, MAX_FRAME, MASK("01", "00"));
	unsigned i;

	req[27] = (uint8_t)n;
	for (i = 0; i < n; i++, len += 8) {
		memset(req + len, 0, 8);
		req[len + 1] = 1;
		req[len + 2] = 2;
		put_be16(req + len + 6, i);
		if (i == 0)
			bytes(req + len + 2, 6, HER);
	}
	return len;
}

/* 1.9: a list is full when a reply can carry no more: 185 at MTU 1500, 255
 * (as the count has 8 bits) at 9000. */
START_TEST(mask_full)
{
	static const struct {
		unsigned mtu, most;
	} rows[] = { { 1500, 185 }, { 9000, 255 }, { 576, 70 } };
	static const struct exchange full = { "one more",
	    MASK("01", "01") ADD(M4), MERR("03", "00") };
	static const struct exchange known = { "what is there still goes in",
	    MASK("01", "02") ADD(HER) ADD(M4), MERR("03", "01") };
	static uint8_t req[MAX_FRAME];
	const unsigned n = rows[_i].most;

	bare();
	b.link.mtu = rows[_i].mtu;
	ck_assert_uint_eq(ask(&b, req, add_many(req, n)), 28 + 8 * n);
	ck_assert_uint_eq(b.r.reply[14], 0x18);
	ck_assert_uint_eq(b.r.reply[26], 0);
	ck_assert_uint_eq(b.r.reply[27], n);
	ck_assert_mem_eq(b.r.reply + 28 + 2, req + 28 + 2, 6);
	ck_assert_mem_eq(b.r.reply + 28 + 8 * (n - 1) + 2,
	    req + 28 + 8 * (n - 1) + 2, 6);
	ck_assert_uint_eq(b.r.reply[28], 0);
	ck_assert_uint_eq(b.r.reply[29], 0);
	talk(&b, &full);
	talk(&b, &known);
	ck_assert_uint_eq(b.t.masks.n, n);
}
END_TEST

/* A list that was made over larger frames: what fits is sent. */
START_TEST(mask_small_link)
{
	static uint8_t req[MAX_FRAME];

	bare();
	b.link.mtu = 9000;
	ck_assert_uint_eq(ask(&b, req, add_many(req, 255)), 28 + 8 * 255);
	b.link.mtu = 1500;
	ck_assert_uint_eq(ask(&b, req, bytes(req, sizeof(req),
	    MASK("00", "00"))), 28 + 8 * 185);
	ck_assert_uint_eq(b.r.reply[27], 185);
	ck_assert_uint_eq(b.t.masks.n, 255);
}
END_TEST

/*
 * 2.8: Reserve/Release.
 */
#define RSV(rcmd, n)	ASK "03" TAG "|" rcmd n
#define HELD(rcmd, n)	SAY "03" TAG "|" rcmd n
#define RSV_BAD(rcmd, n)	SAY_E("02") "03" TAG "|" rcmd n
#define HIS(rcmd, n)	US HIM "88a2 10 00 0001 02 03" TAG "|" rcmd n
#define TO_HIM(rcmd, n)	HIM US "88a2 18 00 0001 02 03" TAG "|" rcmd n
#define NOT_HIS(rcmd, n)	HIM US "88a2 1c 06 0001 02 03" TAG "|" rcmd n

static const struct exchange reserve_rows[] = {
	{ "read nothing", RSV("00", "00"), HELD("00", "00") },
	{ "reserve for one (7)", RSV("01", "01") HER, HELD("01", "01") HER },
	{ "again", RSV("01", "01") HER, HELD("01", "01") HER },
	{ "read", RSV("00", "00"), HELD("00", "01") HER },
	{ "anybody may read", HIS("00", "00"), TO_HIM("00", "01") HER },
	{ "a read's count may lie", HIS("00", "ff"), TO_HIM("00", "01") HER },
	{ "a conflict carries the list", HIS("01", "01") HIM,
	    NOT_HIS("01", "01") HER },
	{ "nobody else may release it", HIS("01", "00"),
	    NOT_HIS("01", "01") HER },
	{ "a conflict comes before the arguments", HIS("01", "ff"),
	    NOT_HIS("01", "01") HER },
	{ "who holds it may give it to others",
	    RSV("01", "03") HER M2 HIM, HELD("01", "03") HER M2 HIM },
	{ "the whole list is replaced", HIS("01", "01") HIM,
	    TO_HIM("01", "01") HIM },
	{ "now she is the stranger", RSV("01", "01") HER,
	    SAY_E("06") "03" TAG "| 01 01" HIM },
	{ "force", RSV("02", "02") HER M3, HELD("02", "02") HER M3 },
	{ "none came", RSV("01", "01"), RSV_BAD("01", "01") },
	{ "a byte short", RSV("01", "01") "5254000000",
	    RSV_BAD("01", "01") },
	{ "forced, a byte short", HIS("02", "02") HER "5254000000",
	    HIM US "88a2 1c 02 0001 02 03" TAG "| 02 02" },
	{ "255 in a short frame", RSV("02", "ff") HER "00*40",
	    RSV_BAD("02", "ff") },
	{ "an unknown RCmd", RSV("03", "00"), RSV_BAD("03", "00") },
	{ "the last RCmd", HIS("ff", "01") HIM,
	    HIM US "88a2 1c 02 0001 02 03" TAG "| ff 01" },
	{ "nothing of this was done", RSV("00", "00"),
	    HELD("00", "02") HER M3 },
	{ "padded", RSV("01", "01") HER "00*28", HELD("01", "01") HER },
	{ "release (7)", RSV("01", "00"), HELD("01", "00") },
	{ "it is free", HIS("01", "01") HIM, TO_HIM("01", "01") HIM },
	{ "release by force", RSV("02", "00") "00*34", HELD("02", "00") },
	{ "one may leave oneself out", RSV("01", "01") HIM,
	    HELD("01", "01") HIM },
	{ "of a repetition nothing comes", RSV("01", "01") HIM,
	    SAY_E("06") "03" TAG "| 01 01" HIM },
};

static const struct exchange reserve_all[] = {
	{ "read by all", ALL HER "88a2 10 00 ffff ff 03" TAG "| 00 00",
	    HELD("00", "00") },
	{ "set by all", ALL HER "88a2 10 00 ffff ff 03" TAG "| 01 01" HER,
	    NULL },
	{ "set by all shelves", US HER "88a2 10 00 ffff 02 03" TAG "| 01 01"
	    HER, NULL },
	{ "force by all slots", US HER "88a2 10 00 0001 ff 03" TAG "| 02 01"
	    HER, NULL },
	{ "an unknown RCmd by all", US HER "88a2 10 00 ffff ff 03" TAG
	    "| 07 00", NULL },
	{ "nothing was done", RSV("00", "00"), HELD("00", "00") },
	{ "our address, to all on the wire",
	    ALL HER "88a2 10 00 0001 02 03" TAG "| 01 01" HER,
	    HELD("01", "01") HER },
};

START_TEST(reservation)
{
	bare();
	talk_all(&b, reserve_rows, NELEM(reserve_rows));
}
END_TEST

START_TEST(reserve_by_all)
{
	bare();
	talk_all(&b, reserve_all, NELEM(reserve_all));
}
END_TEST

static size_t
reserve_many(uint8_t *req, unsigned n)
{
	size_t len = bytes(req, MAX_FRAME, RSV("02", "00"));

	req[25] = (uint8_t)n;
	memset(req + len, 2, 6 * (size_t)n);
	return len + 6 * (size_t)n;
}

/* 1.9, 8a: 248 fit into a reply at MTU 1500; a longer list is refused. */
START_TEST(reserve_full)
{
	static const struct {
		unsigned mtu, most;
	} rows[] = { { 1500, 248 }, { 1498, 247 }, { 576, 94 }, { 40, 5 } };
	static uint8_t req[MAX_FRAME];
	const unsigned n = rows[_i].most;
	size_t len;

	bare();
	b.link.mtu = rows[_i].mtu;
	len = ask(&b, req, reserve_many(req, n));
	ck_assert_uint_eq(len, 26 + 6 * n < 60 ? 60 : 26 + 6 * n);
	ck_assert_uint_eq(b.r.reply[14], 0x18);
	ck_assert_uint_eq(b.r.reply[25], n);
	ck_assert_mem_eq(b.r.reply + 26, req + 26, 6 * n);
	ck_assert_uint_eq(ask(&b, req, reserve_many(req, n + 1)), 60);
	ck_assert_uint_eq(b.r.reply[14], 0x1c);
	ck_assert_uint_eq(b.r.reply[15], 2);
	ck_assert_uint_eq(b.t.reserve.n, n);
}
END_TEST

/* A list that was made over larger frames: what fits is sent. */
START_TEST(reserve_small_link)
{
	static uint8_t req[MAX_FRAME];

	bare();
	b.link.mtu = 9000;
	ck_assert_uint_eq(ask(&b, req, reserve_many(req, 255)), 26 + 6 * 255);
	ck_assert_uint_eq(b.t.reserve.n, 255);
	b.link.mtu = 1500;
	ck_assert_uint_eq(ask(&b, req, bytes(req, sizeof(req),
	    RSV("00", "00"))), 1514);
	ck_assert_uint_eq(b.r.reply[25], 248);
}
END_TEST

/* 2.5: ATA of others is refused, but for IDENTIFY; nothing else is. */
#define HIS_ATA(regs)	US HIM "88a2 10 00 0001 02 00" TAG "|" regs
#define REFUSED(regs)	HIM US "88a2 1c 06 0001 02 00" TAG "|" regs

static const struct exchange reserved_ata[] = {
	{ "read (the request's registers come back)",
	    HIS_ATA("40 00 02 24 785634120000 ffff"),
	    REFUSED("40 00 02 24 785634120000 0000") },
	{ "write", HIS_ATA("41 00 01 34 010000000000 0000 61*512"),
	    REFUSED("41 00 01 34 010000000000 0000") },
	{ "flush", HIS_ATA("00 00 00 e7 000000000000 0000"),
	    REFUSED("00 00 00 e7 000000000000 0000") },
	{ "power", HIS_ATA("00 00 00 e5 000000000000 0000"),
	    REFUSED("00 00 00 e5 000000000000 0000") },
	{ "an unknown opcode", HIS_ATA("00 00 00 00 000000000000 0000"),
	    REFUSED("00 00 00 00 000000000000 0000") },
	{ "reservation comes before the arguments",
	    HIS_ATA("00 00 01 34 000000000000 0000"),
	    REFUSED("00 00 01 34 000000000000 0000") },
	{ "config", US HIM "88a2 10 00 0001 02" READ_CFG,
	    HIM US "88a2 18 00 0001 02" CFG },
	{ "masks", US HIM "88a2 10 00 0001 02 02" TAG "| 00*4",
	    HIM US "88a2 18 00 0001 02 02" TAG "| 00*4" },
	{ "her own command", ASK "00" TAG "| 000000e5 000000000000 0000",
	    SAY "00" TAG "| 0000ff40 000000000000 0000" },
};

START_TEST(reserved)
{
	uint8_t req[64];

	bare();
	bytes(b.t.reserve.mac[0], 12, M2 HER);
	b.t.reserve.n = 2;
	talk_all(&b, reserved_ata, NELEM(reserved_ata));
	/* IDENTIFY is how a host learns what there is */
	ck_assert_uint_eq(ask(&b, req, bytes(req, sizeof(req),
	    HIS_ATA("00 00 01 ec 0000 00a0 0000 0000"))), 548);
	ck_assert_uint_eq(b.r.reply[14], 0x18);
	ck_assert_uint_eq(b.r.reply[27], 0x40);
}
END_TEST

/*
 * 2.5: ATA in frames.
 */
#define ATA(regs)	ASK "00" TAG "|" regs "0000 |"
#define REGS(regs)	SAY "00" TAG "|" regs "0000 |"
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

static void
numbered_mac(uint8_t mac[static 6], unsigned i)
{
	memset(mac, 0, 6);
	mac[0] = 2;
	put_be16(mac + 4, i);
}

/* 6.1: bounded, each in its place, found at every place. */
START_TEST(mac_lists)
{
	static struct {
		struct maclist l;
		uint8_t fence[16];
	} m;
	uint8_t mac[6];
	unsigned i;

	memset(m.fence, POISON, sizeof(m.fence));
	for (i = 0; i < 255; i++) {
		numbered_mac(mac, i);
		ck_assert(!mac_has(&m.l, mac));
		ck_assert_int_eq(mac_add(&m.l, mac, 1000), 0);
		ck_assert_int_eq(mac_add(&m.l, mac, 0), 0);
		ck_assert(mac_has(&m.l, mac));
		ck_assert_uint_eq(m.l.n, i + 1);
	}
	numbered_mac(mac, 255);
	ck_assert_int_eq(mac_add(&m.l, mac, 1000), -1);
	mac_del(&m.l, mac);
	ck_assert_uint_eq(m.l.n, 255);

	for (i = 0; i < 255; i += 2) {
		numbered_mac(mac, i);
		mac_del(&m.l, mac);
		ck_assert(!mac_has(&m.l, mac));
	}
	ck_assert_uint_eq(m.l.n, 127);
	for (i = 0; i < 127; i++) {
		numbered_mac(mac, 2 * i + 1);
		ck_assert_mem_eq(m.l.mac[i], mac, 6);
	}
	for (i = 0; i < sizeof(m.fence); i++)
		ck_assert_uint_eq(m.fence[i], POISON);

	numbered_mac(mac, 0);
	ck_assert_int_eq(mac_add(&m.l, mac, 127), -1);
	ck_assert_int_eq(mac_add(&m.l, mac, 128), 0);
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

static void
frame_cases(Suite *s)
{
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
	tc = add_case(s, "masks");
	tcase_add_test(tc, masks);
	tcase_add_test(tc, mask_errors);
	tcase_add_test(tc, masks_by_all);
	tcase_add_loop_test(tc, mask_full, 0, 3);
	tcase_add_test(tc, mask_small_link);
	tc = add_case(s, "reserve");
	tcase_add_test(tc, reservation);
	tcase_add_test(tc, reserve_by_all);
	tcase_add_loop_test(tc, reserve_full, 0, 4);
	tcase_add_test(tc, reserve_small_link);
	tcase_add_test(tc, reserved);
}

int
main(void)
{
	Suite *s = suite_create("aoe");
	TCase *tc;

	frame_cases(s);
	tc = add_case(s, "ATA frames");
	tcase_add_test(tc, ata_frames);
	tcase_add_loop_test(tc, ata_by_all, 0, NELEM(wildcards));
	tcase_add_loop_test(tc, identify_frames, 0, 7);
	tcase_add_loop_test(tc, served, 0, NELEM(mtus));
	tcase_add_test(tc, no_sector_fits);
	tcase_add_loop_test(tc, failure, 0, NELEM(failures));
	tc = add_case(s, "the rest");
	tcase_add_test(tc, advert);
	tcase_add_loop_test(tc, sectors_per_mtu, 0, NELEM(maxnsec));
	tcase_add_test(tc, mac_lists);
	tcase_add_test(tc, counters);
	return run_suite(s);
}
