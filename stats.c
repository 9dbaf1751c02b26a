/* SPDX-License-Identifier: GPL-2.0-only */
/* Counting: how many, how large, how long; and telling it.  What is called
 * for each request costs a few nanoseconds and makes no system call. */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "dat.h"
#include "fns.h"

/* The smallest i with v <= 2^i, but less than n. */
static unsigned
bucket(uint64_t v, unsigned n)
{
	unsigned i = v <= 1 ? 0 : 64 - (unsigned)__builtin_clzll(v - 1);

	return i < n ? i : n - 1;
}

void
stats_batch(struct stats *s, unsigned frames, unsigned queued)
{
	s->batch[bucket(frames, BATCH_BUCKETS)]++;
	if (queued > s->queued_max)
		s->queued_max = queued;
}

/*
 * A target keeps nothing of a request that it has answered, and an initiator
 * that hears nothing asks under a new tag.  All that can be seen is that the
 * same one asks for the same again, within a short time.  Not all of these are
 * retransmissions: a program may read a sector twice.  Nor is each seen: of
 * two requests with the same hash only the later one is known.
 */
void
stats_request(struct target *t, struct request *r, const uint8_t src[static 6])
{
	const struct op *op = &r->op;
	uint64_t hash = get_le48(src) << 16 ^ (uint64_t)op->kind << 8 ^
	    op->nsec;
	uint32_t when = (uint32_t)((uint64_t)r->when_ns >> 20);
	struct seen *seen;

	r->timed = true;
	if (op->kind != OP_READ && op->kind != OP_WRITE)
		return;
	hash = (hash ^ op->lba * UINT64_C(0x9e3779b97f4a7c15)) *
	    UINT64_C(0xff51afd7ed558ccd);
	seen = &t->stats.seen[hash >> 52];
	if (seen->key == (uint32_t)(hash >> 16) &&
	    when - seen->when <= REPEAT_S * (UINT32_C(1000000000) >> 20))
		t->count.repeats++;
	seen->key = (uint32_t)(hash >> 16);
	seen->when = when;
}

_Static_assert(SEEN == 1 << 12, "the hash's upper 12 bits index it");

static enum timed
timed(enum op_kind kind)
{
	return kind == OP_READ ? TIMED_READ :
	    kind == OP_WRITE ? TIMED_WRITE : TIMED_OTHER;
}

void
stats_reply(struct stats *s, const struct request *r, int64_t now_ns)
{
	/* the clock may have been set meanwhile */
	uint64_t ns = now_ns > r->when_ns ? (uint64_t)(now_ns - r->when_ns) : 0;
	enum timed i = timed(r->op.kind);

	if (!r->timed)
		return;
	s->time[i].ns += ns;
	s->time[i].us[bucket((ns + 999) / 1000, TIME_BUCKETS)]++;
}

void
stats_aoe_error(struct counters *n, int code)
{
	n->aoe_errors++;
	switch (code) {
	case AOE_BADCMD:
		n->aoe_badcmd++;
		break;
	case AOE_BADARG:
		n->aoe_badarg++;
		break;
	case AOE_DEVICE:
		n->aoe_device++;
		break;
	case AOE_CFGSET:
		n->aoe_cfgset++;
		break;
	case AOE_BADVER:
		n->aoe_badver++;
		break;
	case AOE_RESERVED:
		n->aoe_reserved++;
		break;
	}
}

void
stats_ata_error(struct counters *n, const struct ata_regs *regs)
{
	n->ata_errors++;
	if ((regs->cmd & ATA_DF) != 0)
		n->ata_df++;
	else if ((regs->feature & ATA_IDNF) != 0)
		n->ata_idnf++;
	else if ((regs->feature & ATA_UNC) != 0)
		n->ata_unc++;
	else
		n->ata_abrt++;
}

/*
 * Telling.
 */
struct text {
	char	*at;
	size_t	 len, max;
};

static void __attribute__((format(printf, 2, 3)))
add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->at + t->len, t->max - t->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->len += (size_t)n < t->max - t->len ? (size_t)n :
		    t->max - t->len - 1;
}

/* Up to the last bucket that holds anything, at least one. */
static void
add_buckets(struct text *t, const char *name, const uint64_t *v, unsigned n)
{
	unsigned i;

	while (n > 1 && v[n - 1] == 0)
		n--;
	add(t, " %s=%" PRIu64, name, v[0]);
	for (i = 1; i < n; i++)
		add(t, ",%" PRIu64, v[i]);
}

size_t
stats_print(const struct target *t, char *line, size_t max)
{
	const struct counters *n = &t->count;
	const struct stats *s = &t->stats;
	struct text text = { line, 0, max };

	add(&text, "shelf=%u slot=%u sectors=%" PRIu64, t->shelf, t->slot,
	    t->disk.nsec);
#define X(name) add(&text, " " #name "=%" PRIu64, n->name);
	COUNTERS(X)
#undef X
	add(&text, " queued=%u queued_max=%u", s->queued, s->queued_max);
	add(&text, " read_ns=%" PRIu64 " write_ns=%" PRIu64
	    " other_ns=%" PRIu64, s->time[TIMED_READ].ns,
	    s->time[TIMED_WRITE].ns, s->time[TIMED_OTHER].ns);
	add_buckets(&text, "batch", s->batch, BATCH_BUCKETS);
	add_buckets(&text, "read_us", s->time[TIMED_READ].us, TIME_BUCKETS);
	add_buckets(&text, "write_us", s->time[TIMED_WRITE].us, TIME_BUCKETS);
	add_buckets(&text, "other_us", s->time[TIMED_OTHER].us, TIME_BUCKETS);
	return text.len;
}
