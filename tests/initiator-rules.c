/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a sector may hold.  Each frame that writes carries a generation of its
 * own, also when it asks for the same again, and the target has to do things
 * in the order in which they arrive.  So what one writer has in a sector only
 * ever gets newer, and two rules hold for every writer, us or another:
 *
 *   - nothing older than what it is known to have had there;
 *   - once something of another writer was there, seen by a read or known by
 *     the answer to our own write, nothing that was there before that.
 *
 * "Known" is what was known when a request was sent: the target may run it any
 * time from then on.  What was there before us all is a writer, too, with one
 * generation only.
 */

#include <err.h>

#include "initiator-load.h"

/* Somebody's write was there after all that we knew then: that is gone. */
void
was_there(struct sector *sec, const struct sector *was, unsigned writer,
    uint32_t gen)
{
	unsigned w;

	for (w = 0; w < ld.nwriters; w++)
		if (w != writer && sec->min[w] <= was->had[w])
			sec->min[w] = was->had[w] + 1;
	if (sec->min[writer] < gen)
		sec->min[writer] = gen;
	if (sec->had[writer] < gen)
		sec->had[writer] = gen;
}

static unsigned
writers_at(uint64_t lba)
{
	return lba >= ld.shared && lba - ld.shared < ld.nshared ?
	    ld.nwriters : W_SELF + 1;
}

/* Whose well stamped data this is; WRITERS if it is nobody's. */
static unsigned
whose(const struct sector *sec, uint64_t where, uint64_t found)
{
	unsigned w;

	for (w = W_SELF; w < writers_at(where); w++)
		if (found >> 32 == ld.writer[w])
			return w;
	/* The past is not ours to judge, but it must not change. */
	if (ld.strict)
		return found == 0 ? W_PAST : WRITERS;
	return !sec->known || found == sec->past ? W_PAST : WRITERS;
}

/* May this be there?  If so, it is known from now on. */
static int
acceptable(uint64_t where, const uint8_t *data, const struct sector *was)
{
	struct sector *sec = ld.sec + (where - ld.first);
	uint64_t lba = where, found;
	int kind = read_stamp(data, &lba, &found);
	uint32_t gen = 0;
	unsigned w;

	if (kind == STAMP_NONE)		/* something old that we cannot know */
		return !ld.strict && !sec->known && was->min[W_PAST] == 0;
	if (lba != where)
		return 0;
	w = whose(sec, where, found);
	if (w == WRITERS)
		return 0;
	if (w != W_PAST)
		gen = found;
	if (gen < was->min[w] || (w == W_SELF && gen > sec->hi))
		return 0;
	if (w == W_PAST) {
		sec->known = 1;
		sec->past = found;
	}
	was_there(sec, was, w, gen);
	return 1;
}

void
check_sector(uint64_t where, const uint8_t *data, const struct sector *was)
{
	const struct sector *sec = ld.sec + (where - ld.first);
	char text[80];
	unsigned w;

	if (acceptable(where, data, was) || ld.mismatches++ >= 10)
		return;
	describe(text, sizeof(text), data);
	warnx("mismatch at LBA %" PRIu64 ": found %s", where, text);
	for (w = W_SELF; w < writers_at(where); w++)
		warnx("  it may be of writer %" PRIu64 ", generation %" PRIu32
		    " to %" PRIu32, ld.writer[w], was->min[w],
		    w == W_SELF ? sec->hi : UINT32_MAX);
	if (was->min[W_PAST] == 0)
		warnx("  or be as it was at first");
}
