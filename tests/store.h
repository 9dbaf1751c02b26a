/* SPDX-License-Identifier: GPL-2.0-only */
/* For the unit tests of the disk: a store whose every sector is known, and that
 * fails as it is told to. */

#include "faults.h"
#include "unit.h"

#define GONE(regs)	SAY_E("03") "00" TAG "|" regs "0000 |"

static struct blade b;

/* Each sector of the file bears its number, and a filling of its own. */
static inline void
stamp(uint8_t *sector, uint64_t n)
{
	memset(sector, (int)(n * 37 + 1) & 0xff, SECTOR);
	put_le48(sector, n);
}

static inline void
is_stamped(const char *what, const uint8_t *sector, uint64_t n)
{
	uint8_t want[SECTOR];

	stamp(want, n);
	same(what, sector, SECTOR, want, SECTOR);
}

static inline void
file_is(const char *what, uint64_t n, const uint8_t *want)
{
	uint8_t sector[SECTOR];

	ck_assert(peek(b.fd, sector, SECTOR, n * SECTOR));
	same(what, sector, SECTOR, want, SECTOR);
}

static inline void
file_is_stamped(uint64_t first, uint64_t n)
{
	uint8_t sector[SECTOR];

	for (; n > 0; n--, first++) {
		ck_assert(peek(b.fd, sector, SECTOR, first * SECTOR));
		is_stamped("the file", sector, first);
	}
}

/* A file of nsec stamped sectors, not yet exported. */
static inline void
make_file(uint64_t nsec)
{
	uint8_t sector[SECTOR];
	uint64_t i;

	setenv("VBLADE_IO", "sync", 1);
	memset(&fault, 0, sizeof(fault));
	blade_file(&b, (off_t)nsec * SECTOR);
	for (i = 0; i < nsec; i++) {
		stamp(sector, i);
		ck_assert(poke(b.fd, sector, SECTOR, i * SECTOR));
	}
}

/* The usual one: 32 sectors, of which 20 are exported, from 6 on. */
static inline void
setup(void)
{
	make_file(32);
	b.t.disk.first = 6;
	b.t.disk.length = 20;
	blade_open(&b);
	fault_clear_log();
}

/* Bytes of the window's sectors that are bad. */
static inline void
bad_sectors(uint64_t first, uint64_t n)
{
	fault.bad_first = (int64_t)(b.t.disk.first + first) * SECTOR;
	fault.bad_end = fault.bad_first + (int64_t)n * SECTOR;
}

static inline void
check_log(const char *what, const char *want)
{
	ck_assert_msg(strcmp(fault.log, want) == 0, "%s: %s, not %s", what,
	    fault.log, want);
	fault_clear_log();
}
