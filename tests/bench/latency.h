/* SPDX-License-Identifier: GPL-2.0-only */
/* How long answers took. */

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

enum {
	SUB		= 256,		/* histogram cells per power of two */
	CELLS		= 40 * SUB,
};

/* Latencies: cells grow with the value, each 1/SUB of its power of two. */
struct histogram {
	uint64_t	n, max;
	uint64_t	cell[CELLS];
};

static inline unsigned
hist_cell(uint64_t ns)
{
	unsigned shift = 0;

	while (ns >> shift >= 2 * SUB)
		shift++;
	ns = (ns >> shift) + (uint64_t)shift * SUB;
	return ns < CELLS ? (unsigned)ns : CELLS - 1;
}

static inline void
hist_add(struct histogram *h, uint64_t ns)
{
	h->cell[hist_cell(ns)]++;
	h->n++;
	if (ns > h->max)
		h->max = ns;
}

/* Nanoseconds below which the part p, 0 to 1, of all values lies. */
static inline uint64_t
hist_at(const struct histogram *h, double p)
{
	uint64_t left = (uint64_t)(p * (double)h->n);
	unsigned i, shift;

	for (i = 0; i < CELLS - 1 && h->cell[i] <= left; i++)
		left -= h->cell[i];
	if (h->n == 0 || i < 2 * SUB)
		return h->n ? i : 0;
	shift = i / SUB - 1;
	return (uint64_t)(i - shift * SUB) << shift;
}

static inline void
hist_print(const struct histogram *h, const char *prefix)
{
	printf(" %sn=%" PRIu64 " %sp50_us=%.2f %sp90_us=%.2f %sp99_us=%.2f "
	    "%smax_us=%.2f", prefix, h->n,
	    prefix, (double)hist_at(h, 0.50) / 1e3,
	    prefix, (double)hist_at(h, 0.90) / 1e3,
	    prefix, (double)hist_at(h, 0.99) / 1e3,
	    prefix, (double)h->max / 1e3);
}
