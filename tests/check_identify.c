/* SPDX-License-Identifier: GPL-2.0-only */
/* ATA: every word of IDENTIFY DEVICE. */

#include "regs.h"

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

int
main(void)
{
	Suite *s = suite_create("identify");
	TCase *tc;

	tc = add_case(s, "identify");
	tcase_add_loop_test(tc, identify_size, 0, NELEM(disk_sizes));
	tcase_add_test(tc, identify_largest);
	tcase_add_test(tc, identify_options);
	tcase_add_test(tc, identify_serial);
	tcase_add_test(tc, identify_command);
	return run_suite(s);
}
