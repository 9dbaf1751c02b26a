/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the command "load" share. */
#include "initiator.h"

enum { KIND_READ, KIND_WRITE, KIND_FLUSH, KINDS };
/* Who may have written a sector; see initiator-rules.c. */
enum { W_PAST, W_SELF, WRITERS = 9 };

struct sector {
	uint32_t min[WRITERS];	/* the oldest generation that may be there */
	uint32_t had[WRITERS];	/* the newest known to have been there */
	uint32_t hi;		/* our newest, sent */
	uint64_t past;		/* stamp that was there first, once seen */
	uint8_t	known;		/* past is set */
};

struct slot {			/* one request outstanding */
	int	busy;
	int	kind;
	uint64_t lba;
	unsigned n;
	uint32_t gen;
	uint16_t serial;	/* low half of its present tag */
	int	resent;
	int64_t	born, sent, due;
	struct sector was[256];	/* what we knew when it was sent */
	struct frame req;
};

extern struct load {
	struct target t;
	unsigned window, reads, flushes, maxsec;
	int	overlap;
	int	follow;		/* to where the target says it is now */
	uint64_t first, range, limit, seed, rng;
	uint64_t writer[WRITERS];
	unsigned nwriters;
	int	strict;		/* -y: the past is zeros, all writers known */
	uint64_t shared, nshared;	/* sectors that others write, too */
	int64_t	giveup, end;
	FILE	*journal;
	struct sector *sec;
	struct slot *slot;
	struct {
		uint8_t	state, slot;
	} tag[65536];
	uint16_t serial;
	uint32_t gen;
	int64_t	rtt, dev;	/* us, mean and mean deviation */
	unsigned out;		/* requests outstanding */
	uint64_t issued, done[KINDS], sectors;
	uint64_t resent, late, mismatches, ata_errors, aoe_errors;
	uint64_t unanswered, moves;
	int64_t	longest;	/* us, from first sending to answer */
} ld;

/* initiator-rules.c */
void		was_there(struct sector *, const struct sector *was,
		    unsigned writer, uint32_t gen);
void		check_sector(uint64_t where, const uint8_t *data,
		    const struct sector *was);

/* initiator-options.c */
void		load_options(int argc, char **argv);
