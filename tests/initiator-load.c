/* SPDX-License-Identifier: GPL-2.0-only */
/* A load: many requests outstanding, every byte checked. */

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "initiator-load.h"

enum { TAG_FREE, TAG_OUT, TAG_RESENT, TAG_DONE };

struct load	ld = {
	.window = 16, .reads = 50, .limit = UINT64_MAX,
	.giveup = 10 * 1000000, .rtt = 20000
};

static uint64_t
draw(uint64_t below)
{
	ld.rng += UINT64_C(0x9e3779b97f4a7c15);
	return mix(ld.rng) % below;
}

/*
 * Twice the mean round trip and eight times its deviation, as the Linux
 * driver has it, with a floor for machines that other people use too.
 */
static int64_t
rto(const struct slot *s)
{
	int64_t v = 2 * ld.rtt + 8 * ld.dev;

	if (v < 20000)
		v = 20000;
	v <<= s->resent < 6 ? s->resent : 6;
	return v > 2000000 ? 2000000 : v;
}

static struct sector *
sectors_of(const struct slot *s)
{
	return ld.sec + (s->lba - ld.first);
}

/* A write's next generation, into its frame and its sectors. */
static void
slot_stamp(struct slot *s)
{
	struct sector *sec = sectors_of(s);
	unsigned i;

	s->gen = ++ld.gen;
	for (i = 0; i < s->n; i++) {
		stamp(s->req.b + A_DATA + i * SECTOR, s->lba + i,
		    ld.writer[W_SELF] << 32 | s->gen);
		sec[i].hi = s->gen;
	}
	if (ld.journal != NULL)
		fprintf(ld.journal, "w %" PRIu32 " %" PRIu64 " %u\n", s->gen,
		    s->lba, s->n);
}

/* Put a slot's request on the wire under a tag that is not in use. */
static void
slot_send(struct slot *s)
{
	if (s->kind == KIND_WRITE)
		slot_stamp(s);
	if (s->kind != KIND_FLUSH)
		memcpy(s->was, sectors_of(s), s->n * sizeof(*s->was));
	do
		ld.serial++;
	while (ld.tag[ld.serial].state == TAG_OUT);
	s->serial = ld.serial;
	ld.tag[s->serial].state = TAG_OUT;
	ld.tag[s->serial].slot = s - ld.slot;
	put32(s->req.b + H_TAG, tag_base() | s->serial);
	s->sent = now_us();
	s->due = s->sent + rto(s);
	link_send(&s->req);
}

static void
slot_resend(struct slot *s)
{
	ld.tag[s->serial].state = TAG_RESENT;
	ld.resent++;
	s->resent++;
	memcpy(s->req.b + H_DST, ld.t.mac, 6);
	slot_send(s);
}

static int
overlaps(uint64_t lba, unsigned n)
{
	const struct slot *s;

	for (s = ld.slot; s < ld.slot + ld.window; s++)
		if (s->busy && s->kind != KIND_FLUSH && lba < s->lba + s->n &&
		    s->lba < lba + n)
			return 1;
	return 0;
}

/* Half of the requests meet those of the other writers. */
static void
choose_place(struct slot *s)
{
	uint64_t first = ld.first, range = ld.range;

	if (ld.nshared > 0 && draw(2) == 0) {
		first = ld.shared;
		range = ld.nshared;
	}
	s->n = 1 + draw(ld.maxsec < range ? ld.maxsec : range);
	s->lba = first + draw(range - s->n + 1);
}

/* Begin a random request; 0 when no free place was found for it. */
static int
issue(void)
{
	struct slot *s;
	unsigned i, pct = draw(100);

	for (s = ld.slot; s->busy; s++)
		continue;
	s->kind = pct < ld.flushes ? KIND_FLUSH :
	    draw(100) < ld.reads ? KIND_READ : KIND_WRITE;
	for (i = 0; i < 32; i++) {
		choose_place(s);
		if (s->kind == KIND_FLUSH || ld.overlap ||
		    !overlaps(s->lba, s->n))
			break;
	}
	if (i == 32)
		return 0;
	if (s->kind == KIND_FLUSH) {
		ata_begin(&s->req, &ld.t, ATA_FLUSH_EXT, 0, 0, 0);
		s->req.b[A_FLAGS] = AF_E;
	} else {
		rw_begin(&s->req, &ld.t, s->kind == KIND_WRITE, s->lba, s->n);
	}
	s->busy = 1;
	s->resent = 0;
	s->born = now_us();
	ld.out++;
	ld.issued++;
	slot_send(s);
	return 1;
}

static void
finish_write(const struct slot *s)
{
	unsigned i;

	for (i = 0; i < s->n; i++)
		was_there(sectors_of(s) + i, &s->was[i], W_SELF, s->gen);
	if (ld.journal != NULL)
		fprintf(ld.journal, "a %" PRIu32 "\n", s->gen);
}

static void
finish(struct slot *s, const struct frame *rep)
{
	int good = 0;
	unsigned i;

	check_reply(&s->req, rep);
	if (rep->b[H_VER] & FLAG_E) {
		if (ld.aoe_errors++ == 0)
			explain(EX_AOE, &ld.t, rep);
	} else if (rep->len < A_DATA || ata_failed(rep->b[A_CMD])) {
		if (ld.ata_errors++ == 0)
			explain_ata(&ld.t, rep);
	} else {
		good = 1;
	}
	if (s->kind == KIND_WRITE && good)
		finish_write(s);
	else if (s->kind == KIND_READ && good)
		for (i = 0; i < s->n && A_DATA + (i + 1U) * SECTOR <= rep->len;
		    i++)
			check_sector(s->lba + i, rep->b + A_DATA + i * SECTOR,
			    &s->was[i]);
	if (now_us() - s->born > ld.longest)
		ld.longest = now_us() - s->born;
	ld.done[s->kind]++;
	if (s->kind != KIND_FLUSH)
		ld.sectors += s->n;
	s->busy = 0;
	ld.out--;
}

static void
measure(int64_t rtt)
{
	int64_t diff = rtt - ld.rtt;

	ld.rtt += diff / 8;
	ld.dev += ((diff < 0 ? -diff : diff) - ld.dev) / 4;
}

/* The target advertises itself: is it somewhere else now? */
static void
load_follow(const struct frame *rep)
{
	const uint8_t *b = rep->b;

	if (!ld.follow || rep->len < C_STR || !(b[H_VER] & FLAG_R) ||
	    b[H_CMD] != CMD_CONFIG || get32(b + H_TAG) != 0 ||
	    get16(b + H_SHELF) != ld.t.shelf || b[H_SLOT] != ld.t.slot ||
	    memcmp(b + H_SRC, ld.t.mac, 6) == 0)
		return;
	memcpy(ld.t.mac, b + H_SRC, 6);
	ld.moves++;
}

static void
load_receive(const struct frame *rep)
{
	uint32_t tag = get32(rep->b + H_TAG);
	struct slot *s;

	load_follow(rep);
	if ((tag & 0xffff0000) != tag_base() || !(rep->b[H_VER] & FLAG_R))
		return;		/* another initiator's, or lo's echo of ours */
	s = ld.slot + ld.tag[tag & 0xffff].slot;
	switch (ld.tag[tag & 0xffff].state) {
	case TAG_OUT:
		measure(now_us() - s->sent);
		finish(s, rep);
		break;
	case TAG_RESENT:
		/* Too late: like the Linux driver we wait for the new tag. */
		ld.late++;
		break;
	case TAG_DONE:
		fault(rep, "answered twice");
		break;
	default:
		/* Left over from what find() asked, or invented. */
		if ((tag & 0xffff) > 2U * opt.tries)
			fault(rep, "answer to a tag that was never sent");
		return;
	}
	ld.tag[tag & 0xffff].state = TAG_DONE;
}

/* Resend what is overdue; returns when the next request will be. */
static int64_t
load_overdue(void)
{
	int64_t now = now_us(), next = now + 100000;
	struct slot *s;

	for (s = ld.slot; s < ld.slot + ld.window; s++) {
		if (!s->busy)
			continue;
		if (now - s->born > ld.giveup) {
			ld.unanswered = ld.out;
			return now;
		}
		if (now >= s->due)
			slot_resend(s);
		if (s->due < next)
			next = s->due;
	}
	return next;
}

/* No more requests, but the answers to these; or, when the target is gone,
 * those that have come. */
static void
load_signal(void)
{
	const int sig = stopping;
	struct frame rep;

	stopping = 0;
	ld.end = 0;
	if (sig != SIGUSR1)
		return;
	while (link_recv(&rep, 0))
		load_receive(&rep);
	ld.giveup = 0;
}

static void
load_run(void)
{
	int64_t next, linger;
	struct frame rep;
	int active;

	do {
		if (stopping)
			load_signal();
		active = now_us() < ld.end && ld.issued < ld.limit;
		while (active && ld.out < ld.window && ld.issued < ld.limit)
			if (!issue())
				break;
		next = load_overdue();
		if (ld.unanswered)
			return;
		if (ld.out > 0 && link_recv(&rep, next)) {
			do
				load_receive(&rep);
			while (link_recv(&rep, 0));
		}
	} while (active || ld.out > 0);

	/* Answers still under way tell late from lost. */
	linger = now_us() + 1000000;
	while (ld.late < ld.resent && link_recv(&rep, linger))
		load_receive(&rep);
}

static void
load_report(int64_t us)
{
	printf("requests=%" PRIu64 " reads=%" PRIu64 " writes=%" PRIu64
	    " flushes=%" PRIu64 " sectors=%" PRIu64 " retransmits=%" PRIu64
	    " late=%" PRIu64 " mismatches=%" PRIu64 " errors=%" PRIu64
	    " faults=%u unanswered=%" PRIu64 " seconds=%" PRId64 ".%03d"
	    " rtt_us=%" PRId64 " longest_ms=%" PRId64 " moves=%" PRIu64
	    " seed=%" PRIu64 "\n",
	    ld.done[0] + ld.done[1] + ld.done[2], ld.done[KIND_READ],
	    ld.done[KIND_WRITE], ld.done[KIND_FLUSH], ld.sectors, ld.resent,
	    ld.late, ld.mismatches, ld.ata_errors + ld.aoe_errors, nfaults,
	    ld.unanswered, us / 1000000, (int)(us / 1000 % 1000), ld.rtt,
	    ld.longest / 1000, ld.moves, ld.seed);
}

/* The size of the disk, for a load that was given no range. */
static int
load_size(uint64_t *size)
{
	struct frame req, rep;
	int status;

	ata_begin(&req, &ld.t, ATA_IDENTIFY, 0, 1, 0);
	status = ata(&ld.t, &req, &rep);
	*size = status == EX_OKAY ? getle(rep.b + A_DATA + 200, 8) : 0;
	return status;
}

static void
on_signal(int sig)
{
	stopping = sig;
}

int
cmd_load(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal };
	uint64_t size;
	int64_t start;
	int status;

	load_options(argc, argv);
	status = find(argv[optind], &ld.t);
	if (status != EX_OKAY)
		return status;
	if (is_wild(&ld.t))
		errx(EX_LOCAL, "load wants one target");
	status = load_size(&size);
	if (status != EX_OKAY)
		return status;
	if (ld.range == 0)
		ld.range = size < 65536 ? size : 65536;
	if (ld.first > size || ld.range > size - ld.first)
		errx(EX_LOCAL, "the range ends beyond %" PRIu64 " sectors",
		    size);
	if (ld.maxsec == 0 || ld.maxsec > ld.t.sectors)
		ld.maxsec = ld.t.sectors;
	if (ld.maxsec > ld.range)
		ld.maxsec = ld.range;
	if (ld.nshared > 0 && (ld.shared < ld.first || ld.nshared > ld.range ||
	    ld.shared - ld.first > ld.range - ld.nshared))
		errx(EX_LOCAL, "the shared sectors are not all in the range");
	ld.sec = calloc(ld.range, sizeof(*ld.sec));
	ld.slot = calloc(ld.window, sizeof(*ld.slot));
	if (ld.sec == NULL || ld.slot == NULL)
		err(EX_LOCAL, "memory for %" PRIu64 " sectors", ld.range);
	ld.serial = opt.tries * 2;	/* past the tags used so far */
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGUSR1, &sa, NULL);

	if (ld.journal != NULL) {
		/* whole whenever it is looked at, or we are killed */
		setvbuf(ld.journal, NULL, _IOLBF, BUFSIZ);
		fprintf(ld.journal, "y %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
		    ld.writer[W_SELF], ld.shared, ld.nshared);
	}
	if (opt.have_src)
		only_ours();
	stay();
	start = now_us();
	ld.end += start;
	load_run();
	load_report(now_us() - start);
	if (ld.journal != NULL && fclose(ld.journal) == EOF)
		err(EX_LOCAL, "journal");
	free(ld.sec);
	free(ld.slot);
	return ld.mismatches ? EX_MISMATCH : ld.ata_errors ? EX_ATA :
	    ld.aoe_errors ? EX_AOE : ld.unanswered ? EX_SILENT : EX_OKAY;
}
