/* SPDX-License-Identifier: GPL-2.0-only */
/* Mask lists and reservations; see check_aoe.c. */

#include "unit.h"

static struct blade b;

static void
bare(void)
{
	blade_init(&b, 1000);
}

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

int
main(void)
{
	Suite *s = suite_create("lists");
	TCase *tc;

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
	tc = add_case(s, "lists");
	tcase_add_test(tc, mac_lists);
	return run_suite(s);
}
