/* SPDX-License-Identifier: GPL-2.0-only */
/* For the unit tests of ATA: a command as registers in text, and what comes of
 * it. */

#include "unit.h"

static struct blade b;
static struct ata_regs regs;
static struct ata_call call;
static struct op op;
static uint8_t out[255 * SECTOR];

/* A disk of 0x1000 sectors on a link that carries 8 at a time, and offers 7. */
static inline void
setup(void)
{
	blade_init(&b, 0x1000);
	call = (struct ata_call){ .maxnsec = 8, .offered = 7 };
}

/* Let the command begin, with nin bytes of payload of which each is fill. */
static inline enum ata_next
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

static inline void
check_regs(const char *what, const char *text)
{
	uint8_t want[12];

	same(what, (uint8_t *)&regs, 12, want, bytes(want, 12, text));
}

/* 3.1: what initiators test, and what makes it say so. */
static inline bool
failed(void)
{
	bool bad = (regs.cmd & 0xa9) != 0;

	ck_assert_uint_eq(regs.cmd & 0x40, 0x40);	/* DRDY */
	ck_assert_uint_eq(regs.cmd & 0x88, 0);		/* BSY, DRQ */
	ck_assert(bad == ((regs.cmd & 0x01) != 0));
	ck_assert(bad == (regs.feature != 0));
	return bad;
}
