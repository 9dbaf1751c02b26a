/* SPDX-License-Identifier: GPL-2.0-only */
/* Sectors that know their place, and whether a file has those of a load. */

#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "initiator.h"

/*
 * A stamped sector holds a magic number, its own LBA, a generation, filler
 * that depends on both, and a checksum: 64 words of which none can be torn,
 * moved or kept from an earlier write unnoticed.  Generation 0 is a sector of
 * zeros, as a fresh sparse file has them.  The upper half of a generation
 * tells loads apart: it is the writer, 0 for the command "stamp".
 */
#define MAGIC	UINT64_C(0x706d617453456f41)	/* "AoEStamp" */

uint64_t
mix(uint64_t v)
{
	v ^= v >> 33;
	v *= UINT64_C(0xff51afd7ed558ccd);
	v ^= v >> 33;
	v *= UINT64_C(0xc4ceb9fe1a85ec53);
	return v ^ v >> 33;
}

void
stamp(uint8_t *sector, uint64_t lba, uint64_t gen)
{
	uint64_t fill = mix(lba + mix(gen)), sum = fill;
	int i;

	if (gen == 0) {
		memset(sector, 0, SECTOR);
		return;
	}
	putle(sector, 8, MAGIC);
	putle(sector + 8, 8, lba);
	putle(sector + 16, 8, gen);
	for (i = 24; i < SECTOR - 8; i += 8) {
		fill += UINT64_C(0x9e3779b97f4a7c15);
		putle(sector + i, 8, fill);
		sum = (sum ^ fill) * UINT64_C(0x100000001b3);
	}
	putle(sector + i, 8, sum);
}

/* What a sector holds; lba and gen are set when it is well stamped. */
int
read_stamp(const uint8_t *sector, uint64_t *lba, uint64_t *gen)
{
	static const uint8_t zero[SECTOR];
	uint8_t want[SECTOR];

	*gen = 0;
	if (memcmp(sector, zero, SECTOR) == 0)
		return STAMP_ZERO;
	if (getle(sector, 8) != MAGIC)
		return STAMP_NONE;
	*lba = getle(sector + 8, 8);
	*gen = getle(sector + 16, 8);
	stamp(want, *lba, *gen);
	return memcmp(sector, want, SECTOR) == 0 ? STAMP_GOOD : STAMP_NONE;
}

void
describe(char *s, size_t size, const uint8_t *sector)
{
	uint64_t lba, gen;

	switch (read_stamp(sector, &lba, &gen)) {
	case STAMP_ZERO:
		snprintf(s, size, "zeros");
		break;
	case STAMP_GOOD:
		snprintf(s, size, "LBA %" PRIu64 " generation %" PRIu32
		    " of writer %" PRIu64, lba, (uint32_t)gen, gen >> 32);
		break;
	default:
		snprintf(s, size, "no good stamp (%02x%02x%02x%02x...)",
		    sector[0], sector[1], sector[2], sector[3]);
	}
}

/* ---- check: is every acknowledged write of a journal in the file? ---- */

struct entry {			/* one write of the journal */
	uint64_t lba;
	unsigned n;
	int	acked;
};

struct journal {
	struct entry *e;	/* by generation; 0 is unused */
	size_t	n;
	uint64_t writer;
	uint64_t shared, nshared;	/* others wrote there, too */
	uint64_t sectors;	/* one more than the last LBA written */
};

static void
journal_read(struct journal *j, const char *name)
{
	FILE *fp = fopen(name, "r");
	struct entry e;
	uint32_t gen;
	size_t room = 0;
	char kind;

	if (fp == NULL)
		err(EX_LOCAL, "%s", name);
	memset(j, 0, sizeof(*j));
	j->n = 1;
	if (fscanf(fp, " y %" SCNu64 " %" SCNu64 " %" SCNu64, &j->writer,
	    &j->shared, &j->nshared) != 3)
		errx(EX_LOCAL, "%s is not a journal", name);
	while (fscanf(fp, " %c %" SCNu32, &kind, &gen) == 2) {
		memset(&e, 0, sizeof(e));
		if (kind == 'a' && gen < j->n) {
			j->e[gen].acked = 1;
			continue;
		}
		if (kind != 'w' || gen != j->n ||
		    fscanf(fp, "%" SCNu64 " %u", &e.lba, &e.n) != 2)
			errx(EX_LOCAL, "%s: bad journal", name);
		if (j->n + 1 > room) {
			room = room ? 2 * room : 4096;
			j->e = reallocarray(j->e, room, sizeof(e));
			if (j->e == NULL)
				err(EX_LOCAL, "journal");
		}
		j->e[j->n++] = e;
		if (e.lba + e.n > j->sectors)
			j->sectors = e.lba + e.n;
	}
	if (!feof(fp))
		errx(EX_LOCAL, "%s: bad journal", name);
	fclose(fp);
}

/* May a sector whose last acknowledged write is acked hold this? */
static int
may_hold(const struct journal *j, uint64_t where, uint32_t acked,
    const uint8_t *data)
{
	uint64_t lba = where, gen;
	const struct entry *e;
	int kind = read_stamp(data, &lba, &gen);

	if (kind == STAMP_GOOD && lba != where)
		return 0;
	if (acked == 0)
		return 1;	/* nothing was promised */
	if (kind != STAMP_GOOD || gen >> 32 != j->writer)
		return 0;
	gen = (uint32_t)gen;
	if (gen == acked)
		return 1;
	if (gen < acked || gen >= j->n)
		return 0;
	e = &j->e[gen];
	return !e->acked && where >= e->lba && where - e->lba < e->n;
}

int
cmd_check(int argc, char **argv)
{
	struct journal j;
	uint64_t i, offset = 0, acks = 0, promised = 0, bad = 0;
	uint32_t *acked;
	uint8_t data[SECTOR];
	char text[80];
	size_t g;
	int fd;

	journal_read(&j, argv[2]);
	if (argc > 3)
		offset = number("offset", argv[3], UINT64_C(1) << 48);
	fd = open(argv[1], O_RDONLY);
	if (fd == -1)
		err(EX_LOCAL, "%s", argv[1]);
	acked = calloc(j.sectors + 1, sizeof(*acked));
	if (acked == NULL)
		err(EX_LOCAL, "memory");
	for (g = 1; g < j.n; g++) {
		acks += j.e[g].acked;
		for (i = 0; j.e[g].acked && i < j.e[g].n; i++)
			if (j.e[g].lba + i - j.shared >= j.nshared)
				acked[j.e[g].lba + i] = g;
	}
	for (i = 0; i < j.sectors; i++) {
		if (pread(fd, data, SECTOR, (i + offset) * SECTOR) != SECTOR)
			errx(EX_LOCAL, "%s ends at sector %" PRIu64, argv[1],
			    i + offset);
		promised += acked[i] != 0;
		if (may_hold(&j, i, acked[i], data))
			continue;
		if (bad++ >= 10)
			continue;
		describe(text, sizeof(text), data);
		warnx("LBA %" PRIu64 ": generation %" PRIu32
		    " was acknowledged, the file has %s", i, acked[i], text);
	}
	printf("writes=%zu acknowledged=%" PRIu64 " sectors=%" PRIu64
	    " bad=%" PRIu64 "\n", j.n - 1, acks, promised, bad);
	close(fd);
	free(acked);
	free(j.e);
	return bad ? EX_MISMATCH : EX_OKAY;
}
