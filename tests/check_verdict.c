/* SPDX-License-Identifier: GPL-2.0-only */
/* Which frames change something, with -k and without; and what others are told
 * or heard to say under our address. */

#include "unit.h"

static struct blade b;

#define CONFIG(ccmd, len)	ASK "01" TAG "| 0000 0000 00" ccmd len
#define MASK(n)			ASK "02" TAG "| 00 01 00" n
#define ADD(mac)		"| 0001" mac
#define DEL(mac)		"| 0002" mac
#define RSV(rcmd, n)		ASK "03" TAG "|" rcmd n

static const struct {
	const char *what, *frame;
	enum verdict verdict;
	const char *refused;		/* what -k answers, if not the same */
} frames[] = {
	{ "config read", CONFIG("00", "0000"), AOE_ANSWER, NULL },
	{ "config test", CONFIG("01", "0003") "616263", AOE_ANSWER, NULL },
	{ "config prefix", CONFIG("02", "0001") "61", AOE_ANSWER, NULL },
	{ "config set, what is there", CONFIG("03", "0003") "616263",
	    AOE_ANSWER, NULL },
	{ "config set, another", CONFIG("03", "0003") "616264",
	    AOE_ANSWER, NULL },
	{ "config force, what is there", CONFIG("04", "0003") "616263",
	    AOE_ANSWER, NULL },
	{ "config force", CONFIG("04", "0003") "616264", AOE_CHANGED,
	    SAY_E("02") "01" TAG "| 0000 0000 00 04 0003" },
	{ "config force, shorter", CONFIG("04", "0002") "6162", AOE_CHANGED,
	    SAY_E("02") "01" TAG "| 0000 0000 00 04 0002" },
	{ "config force, nothing", CONFIG("04", "0000"), AOE_CHANGED,
	    SAY_E("02") "01" TAG "| 0000 0000 00 04 0000" },
	{ "config, to all", ALL HER "88a2 10 00 ffff ff 01" TAG
	    "| 0000 0000 00 04 0001 78", AOE_CHANGED,
	    SAY_E("02") "01" TAG "| 0000 0000 00 04 0001" },
	{ "mask read", ASK "02" TAG "| 00 00 00 00", AOE_ANSWER, NULL },
	{ "mask: add who is there", MASK("01") ADD(HER), AOE_ANSWER, NULL },
	{ "mask: delete who is not", MASK("01") DEL(HIM), AOE_ANSWER, NULL },
	{ "mask: there and back", MASK("02") ADD(HIM) DEL(HIM), AOE_ANSWER,
	    NULL },
	{ "mask: nothing", MASK("00"), AOE_ANSWER, NULL },
	{ "mask: a bad one", MASK("01") "| 0007" HIM, AOE_ANSWER, NULL },
	{ "mask: add", MASK("01") ADD(HIM), AOE_CHANGED,
	    SAY_E("02") "02" TAG "| 00 01 00 01" },
	{ "mask: delete", MASK("01") DEL(HER), AOE_CHANGED,
	    SAY_E("02") "02" TAG "| 00 01 00 01" },
	{ "mask: another in her place", MASK("02") ADD(HIM) DEL(HER),
	    AOE_CHANGED, SAY_E("02") "02" TAG "| 00 01 00 02" },
	{ "mask: add, then a bad one", MASK("02") ADD(HIM) "| 0007" HIM,
	    AOE_CHANGED, SAY_E("02") "02" TAG "| 00 01 00 02" },
	{ "reserve read", RSV("00", "00"), AOE_ANSWER, NULL },
	{ "reserve: as it is", RSV("01", "01") HER, AOE_ANSWER, NULL },
	{ "reserve: forced as it is", RSV("02", "01") HER, AOE_ANSWER, NULL },
	{ "reserve: another", RSV("01", "01") HIM, AOE_CHANGED,
	    SAY_E("02") "03" TAG "| 01 01" },
	{ "reserve: two", RSV("01", "02") HER HIM, AOE_CHANGED,
	    SAY_E("02") "03" TAG "| 01 02" },
	{ "release", RSV("01", "00"), AOE_CHANGED,
	    SAY_E("02") "03" TAG "| 01 00" },
	{ "release by force", RSV("02", "00"), AOE_CHANGED,
	    SAY_E("02") "03" TAG "| 02 00" },
};

/* With "abc", a mask and a reservation for her. */
static void
blade_with_lists(void)
{
	blade_init(&b, 1000);
	b.t.nconfig = 3;
	memcpy(b.t.config, "abc", 3);
	b.t.masks.n = b.t.reserve.n = 1;
	bytes(b.t.masks.mac[0], 6, HER);
	bytes(b.t.reserve.mac[0], 6, HER);
}

static bool
lists_changed(void)
{
	static struct target now;

	now = b.t;
	blade_with_lists();
	return now.nconfig != 3 || memcmp(now.config, "abc", 3) != 0 ||
	    now.masks.n != 1 || now.reserve.n != 1 ||
	    memcmp(now.masks.mac[0], b.t.masks.mac[0], 6) != 0 ||
	    memcmp(now.reserve.mac[0], b.t.reserve.mac[0], 6) != 0;
}

static enum verdict
give(const char *text)
{
	static uint8_t frame[MAX_FRAME];
	struct frame f = { frame, bytes(frame, sizeof(frame), text), &b.link,
	    0 };

	return aoe_request(&b.t, &f, &b.r);
}

START_TEST(frame_verdict)
{
	blade_with_lists();
	ck_assert_msg(give(frames[_i].frame) == frames[_i].verdict, "%s",
	    frames[_i].what);
	ck_assert_msg(lists_changed() == (frames[_i].verdict == AOE_CHANGED),
	    "%s", frames[_i].what);
}
END_TEST

/* The same under -k: nothing changes, and what would not have changed a thing
 * is answered as ever. */
START_TEST(frame_keep)
{
	struct exchange x = { frames[_i].what, frames[_i].frame,
	    frames[_i].refused };
	uint8_t before[2000];
	size_t n;

	if (frames[_i].refused != NULL) {
		blade_with_lists();
		b.t.keep = true;
		talk(&b, &x);
		ck_assert_uint_eq(b.t.count.aoe_errors, 1);
		ck_assert_msg(!lists_changed(), "%s", x.what);
		return;
	}
	blade_with_lists();
	ck_assert_int_eq(give(x.request), frames[_i].verdict);
	n = b.r.len;
	memcpy(before, b.r.reply, n);
	blade_with_lists();
	b.t.keep = true;
	ck_assert_int_eq(give(x.request), frames[_i].verdict);
	same(x.what, b.r.reply, b.r.len, before, n);
	ck_assert_msg(!lists_changed(), "%s", x.what);
}
END_TEST

/* -k does not hinder anybody from using the disk, or the lists from holding. */
static const struct exchange keep_rows[] = {
	{ "her ATA", ASK "00" TAG "| 0000 00 e5 00*8",
	    SAY "00" TAG "| 0000 ff 40 00*8" },
	{ "his: masked", US HIM "88a2 10 00 0001 02 00" TAG
	    "| 0000 00 e5 00*8", NULL },
};

START_TEST(keep_serves)
{
	blade_with_lists();
	b.t.keep = true;
	talk_all(&b, keep_rows, NELEM(keep_rows));
}
END_TEST

/* It could not be kept: nothing of the answer is left but who, what, when. */
START_TEST(unkept)
{
	const char *const reply[] = {
		SAY_E("03") "01" TAG "00*36", SAY_E("03") "02" TAG "00*36",
		SAY_E("03") "03" TAG "00*36",
	};
	uint8_t want[60];
	unsigned i;

	for (i = 0; i < NELEM(frames); i++) {
		if (frames[i].verdict != AOE_CHANGED)
			continue;
		blade_with_lists();
		memset(b.area, POISON, sizeof(b.area));
		give(frames[i].frame);
		aoe_unkept(&b.t, &b.r);
		bytes(want, sizeof(want), reply[b.r.reply[19] - 1]);
		same(frames[i].what, b.r.reply, b.r.len, want, sizeof(want));
		ck_assert_uint_eq(b.t.count.aoe_errors, 1);
	}
}
END_TEST

/*
 * Others under our address.
 */
static const struct {
	const char *what, *frame;
	enum verdict verdict;
} others[] = {
	{ "his config", US HIM "88a2 18 00 0001 02 01 00000000 | 00*8",
	    AOE_RIVAL },
	{ "his advert", ALL HIM "88a2 18 00 0001 02 01 00000000 | 00*8",
	    AOE_RIVAL },
	{ "of version 0", ALL HIM "88a2 08 00 0001 02 01 00000000 | 00*8",
	    AOE_RIVAL },
	{ "his error", US HIM "88a2 1c 05 0001 02 01 00000000", AOE_RIVAL },
	/* whose links are ours main knows */
	{ "our own", ALL US "88a2 18 00 0001 02 01 00000000", AOE_RIVAL },
	{ "his ATA", US HIM "88a2 18 00 0001 02 00 00000000 | 00*12",
	    AOE_SILENCE },
	{ "to somebody else", HER HIM "88a2 18 00 0001 02 01 00000000",
	    AOE_SILENCE },
	{ "another shelf", US HIM "88a2 18 00 0002 02 01 00000000",
	    AOE_SILENCE },
	{ "another slot", US HIM "88a2 18 00 0001 01 01 00000000",
	    AOE_SILENCE },
	{ "all shelves", US HIM "88a2 18 00 ffff 02 01 00000000",
	    AOE_SILENCE },
	{ "all slots", US HIM "88a2 18 00 0001 ff 01 00000000", AOE_SILENCE },
	{ "another type", US HIM "88a3 18 00 0001 02 01 00000000",
	    AOE_SILENCE },
	{ "from many", US "010000000001 88a2 18 00 0001 02 01 00000000",
	    AOE_SILENCE },
	{ "a runt", US HIM "88a2 18 00 0001 02 01 000000", AOE_SILENCE },
};

START_TEST(other)
{
	blade_with_lists();		/* the mask list does not matter */
	b.r.len = POISON;
	ck_assert_msg(give(others[_i].frame) == others[_i].verdict, "%s",
	    others[_i].what);
	ck_assert_uint_eq(b.r.len, 0);
	ck_assert_uint_eq(b.t.count.silent, others[_i].verdict == AOE_SILENCE);
}
END_TEST

/* 7: as a directed query is, padded; and we would answer it. */
START_TEST(query)
{
	static const uint8_t tag[4] = { 0x80, 1, 2, 3 };
	uint8_t want[60], frame[64];
	size_t n;

	blade_init(&b, 1000);
	memset(frame, POISON, sizeof(frame));
	n = aoe_query(&b.t, &b.link, tag, frame);
	bytes(want, sizeof(want),
	    ALL US "88a2 10 00 0001 02 01 80010203 | 00*36");
	same("query", frame, n, want, sizeof(want));
	ck_assert_uint_eq(frame[60], POISON);
	bytes(frame + 6, 6, HIM);
	ck_assert_uint_eq(ask(&b, frame, n), 60);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("verdict");
	TCase *tc;

	tc = add_case(s, "changes");
	tcase_add_loop_test(tc, frame_verdict, 0, NELEM(frames));
	tcase_add_loop_test(tc, frame_keep, 0, NELEM(frames));
	tcase_add_test(tc, keep_serves);
	tcase_add_test(tc, unkept);
	tc = add_case(s, "others");
	tcase_add_loop_test(tc, other, 0, NELEM(others));
	tcase_add_test(tc, query);
	return run_suite(s);
}
