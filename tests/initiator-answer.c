/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One request and its answer: how it begins, what the answer must look like to
 * the byte, and what it says.
 */

#include <err.h>
#include <stdarg.h>
#include <string.h>

#include "initiator.h"

unsigned	nfaults;
const uint8_t	broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

void
fault(const struct frame *f, const char *fmt, ...)
{
	va_list ap;

	if (opt.lax)
		return;
	nfaults++;
	if (nfaults > 10)
		return;
	fputs("initiator: protocol fault: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("\n  ", stderr);
	print_hex(stderr, f->b, f->len < 80 ? f->len : 80);
}

void
frame_begin(struct frame *f, const struct target *t, unsigned cmd, size_t len)
{
	memset(f->b, 0, len);
	f->len = len;
	memcpy(f->b + H_DST, is_wild(t) ? broadcast : t->mac, 6);
	memcpy(f->b + H_SRC, lnk.mac, 6);
	put16(f->b + H_TYPE, AOE_TYPE);
	f->b[H_VER] = 0x10;
	put16(f->b + H_SHELF, t->shelf);
	f->b[H_SLOT] = t->slot;
	f->b[H_CMD] = cmd;
}

int
ata_failed(uint8_t status)
{
	return (status & 0xa9) != 0;	/* BSY, DF, DRQ or ERR */
}

static unsigned
sectors_in(const struct frame *req)
{
	switch (req->b[A_CMD]) {
	case ATA_READ:
	case ATA_READ_EXT:
	case ATA_READ_DMA:
	case ATA_READ_DMA_EXT:
		return req->b[A_COUNT];
	case ATA_IDENTIFY:
		return 1;
	}
	return 0;
}

/* How many bytes of an answer mean something; what follows is padding. */
size_t
meaning(const struct frame *req, const struct frame *rep)
{
	const uint8_t *b = rep->b;
	int e = b[H_VER] & FLAG_E;

	switch (b[H_CMD]) {
	case CMD_ATA:
		if (e || ata_failed(b[A_CMD]))
			return A_DATA;
		return A_DATA + SECTOR * (size_t)sectors_in(req);
	case CMD_CONFIG:
		if (e && b[H_ERR] != 4)
			return C_STR;
		return C_STR + get16(b + C_LEN);
	case CMD_MASK:
		if (e || b[M_ERR] != 0)
			return M_DIR;
		return M_DIR + 8 * (size_t)b[M_N];
	case CMD_RESERVE:
		if (e && b[H_ERR] != 6)
			return R_MAC;
		return R_MAC + 6 * (size_t)b[R_N];
	}
	return H_ARG;
}

static void
check_ata(const struct frame *req, const struct frame *rep)
{
	uint8_t op = req->b[A_CMD], status = rep->b[A_CMD];
	int moves = sectors_in(req) || (req->b[A_FLAGS] & AF_W);

	if (rep->b[A_FLAGS] != req->b[A_FLAGS])
		fault(rep, "ATA flags %02x came back as %02x",
		    req->b[A_FLAGS], rep->b[A_FLAGS]);
	if (!(status & 0x40) || status & 0x88)
		fault(rep, "ATA status %02x: DRDY clear, or BSY or DRQ set",
		    status);
	if (rep->b[A_RES] != 0 || rep->b[A_RES + 1] != 0)
		fault(rep, "reserved ATA bytes are not zero");
	if (ata_failed(status)) {
		if (!(status & 0x01) || rep->b[A_FEAT] == 0)
			fault(rep, "ATA failure with ERR or error bits clear");
		return;
	}
	if (rep->b[A_FEAT] != 0)
		fault(rep, "ATA success with error register %02x",
		    rep->b[A_FEAT]);
	if (op == ATA_CHECK_POWER || op == ATA_CHECK_POWER_OLD)
		return;
	if (moves && rep->b[A_COUNT] != 0)
		fault(rep, "success with %u sectors left", rep->b[A_COUNT]);
	if (moves && op != ATA_IDENTIFY && op != ATA_DSM &&
	    memcmp(req->b + A_LBA, rep->b + A_LBA, 6) != 0)
		fault(rep, "success for another LBA");
}

static void
check_lists(const struct frame *req, const struct frame *rep)
{
	int i, n;

	if (rep->b[H_CMD] == CMD_CONFIG) {
		if (rep->b[C_CMD] != (0x10 | (req->b[C_CMD] & 15)))
			fault(rep, "config: version and CCmd are %02x",
			    rep->b[C_CMD]);
		if (get16(rep->b + C_BUFS) < 2)
			fault(rep, "config: %u buffers",
			    get16(rep->b + C_BUFS));
		if (get16(rep->b + C_LEN) > CONFIG_MAX)
			fault(rep, "config: string too long");
	} else if (rep->b[H_CMD] == CMD_MASK) {
		if (rep->b[M_CMD] != req->b[M_CMD] || rep->b[H_ARG] != 0)
			fault(rep, "mask: MCmd or reserved byte differs");
		n = rep->b[M_ERR] ? 0 : rep->b[M_N];
		for (i = 0; i < n && M_DIR + 8U * i + 2 <= rep->len; i++)
			if (get16(rep->b + M_DIR + 8 * i) != 0)
				fault(rep, "mask: entry %d is not plain", i);
	} else if (rep->b[H_CMD] == CMD_RESERVE) {
		if (rep->b[R_CMD] != req->b[R_CMD])
			fault(rep, "reserve: RCmd differs");
	}
}

/* Does rep, whose tag is right, keep every rule that an answer to req has? */
void
check_reply(const struct frame *req, const struct frame *rep)
{
	const uint8_t *q = req->b, *b = rep->b;
	int e = b[H_VER] & FLAG_E;
	size_t i, used;

	if (rep->len < FRAME_MIN) {
		fault(rep, "%zu bytes, fewer than 60", rep->len);
		return;
	}
	if (b[H_VER] >> 4 != 1 || !(b[H_VER] & FLAG_R) || b[H_VER] & 3)
		fault(rep, "version and flags are %02x", b[H_VER]);
	if ((b[H_ERR] != 0) != (e != 0))
		fault(rep, "flag E and error %u disagree", b[H_ERR]);
	if (memcmp(b + H_DST, lnk.mac, 6) != 0)
		fault(rep, "answer was sent to another address");
	if (b[H_SRC] & 1)
		fault(rep, "answer comes from a group address");
	if (get16(b + H_SHELF) == ANY_SHELF || b[H_SLOT] == ANY_SLOT ||
	    (get16(q + H_SHELF) != ANY_SHELF &&
	    get16(q + H_SHELF) != get16(b + H_SHELF)) ||
	    (q[H_SLOT] != ANY_SLOT && q[H_SLOT] != b[H_SLOT]))
		fault(rep, "answer is from e%u.%u", get16(b + H_SHELF),
		    b[H_SLOT]);
	if (b[H_CMD] != q[H_CMD]) {
		fault(rep, "command %u answered as %u", q[H_CMD], b[H_CMD]);
		return;
	}
	if (!e && b[H_CMD] == CMD_ATA)
		check_ata(req, rep);
	else if (!e)
		check_lists(req, rep);

	used = meaning(req, rep);
	if (rep->len != (used < FRAME_MIN ? FRAME_MIN : used))
		fault(rep, "%zu bytes where %zu carry meaning", rep->len, used);
	for (i = used; i < rep->len; i++)
		if (b[i] != 0) {
			fault(rep, "padding byte %zu is %02x", i, b[i]);
			break;
		}
}

/* Is rep the answer to req?  On lo our own requests come back to us. */
int
is_answer(const struct frame *req, const struct frame *rep)
{
	if (memcmp(req->b + H_TAG, rep->b + H_TAG, 4) != 0)
		return 0;
	if (rep->b[H_VER] & FLAG_R)
		return 1;
	if (memcmp(rep->b + H_SRC, lnk.mac, 6) != 0)
		fault(rep, "our tag in a frame without the R flag");
	return 0;
}

/* Send, wait, send again under a new tag; EX_OKAY, EX_SILENT or EX_AOE. */
int
exchange(struct frame *req, struct frame *rep)
{
	int64_t deadline;
	int i;

	for (i = 0; i < opt.tries && !stopping; i++) {
		put32(req->b + H_TAG, next_tag());
		link_send(req);
		deadline = now_us() + opt.timeout * INT64_C(1000);
		while (link_recv(rep, deadline)) {
			if (!is_answer(req, rep))
				continue;
			check_reply(req, rep);
			return rep->b[H_VER] & FLAG_E ? EX_AOE : EX_OKAY;
		}
	}
	return EX_SILENT;
}

static const char *
aoe_error(unsigned code)
{
	static const char *const text[] = {
		"no such code", "command not recognised", "bad argument",
		"device unavailable", "config string present",
		"unsupported version", "target is reserved"
	};

	return text[code < sizeof(text) / sizeof(text[0]) ? code : 0];
}

/* Say on stderr what went wrong with an exchange; returns its status. */
int
explain(int status, const struct target *t, const struct frame *rep)
{
	if (status == EX_SILENT && is_wild(t))
		warnx("no answer");
	else if (status == EX_SILENT)
		warnx("e%u.%u: no answer", t->shelf, t->slot);
	else if (status == EX_AOE)
		warnx("e%u.%u: AoE error %u: %s", t->shelf, t->slot,
		    rep->b[H_ERR], aoe_error(rep->b[H_ERR]));
	return status;
}

static void
take_config(struct target *t, const struct frame *rep)
{
	unsigned fit = (lnk.mtu + 14 - A_DATA) / SECTOR;

	memcpy(t->mac, rep->b + H_SRC, 6);
	t->buffers = get16(rep->b + C_BUFS);
	t->sectors = rep->b[C_SECT] ? rep->b[C_SECT] : 2;
	if (t->sectors > fit)
		t->sectors = fit ? fit : 1;
	if (opt.count)
		t->sectors = opt.count;
}

/*
 * Find where the target lives and what it takes, as real initiators do: a
 * config read to everybody.  A wildcard address stays a broadcast.
 */
int
find(const char *address, struct target *t)
{
	struct frame req, rep;
	int status;

	parse_target(address, t);
	link_open();
	t->sectors = opt.count ? opt.count : 1;
	if (is_wild(t))
		return EX_OKAY;
	memcpy(t->mac, opt.have_dst ? opt.dst : broadcast, 6);
	frame_begin(&req, t, CMD_CONFIG, C_STR);
	status = exchange(&req, &rep);
	if (status == EX_OKAY)
		take_config(t, &rep);
	return explain(status, t, &rep);
}

/* ---- ATA ---- */

void
ata_begin(struct frame *f, const struct target *t, unsigned op, uint64_t lba,
    unsigned count, size_t ndata)
{
	frame_begin(f, t, CMD_ATA, A_DATA + ndata);
	if (ndata > 0)
		f->b[A_FLAGS] = AF_W;
	f->b[A_COUNT] = count;
	f->b[A_CMD] = op;
	putle(f->b + A_LBA, 6, lba);
}

/* A read or write of the width chosen on the command line. */
void
rw_begin(struct frame *f, const struct target *t, int write, uint64_t lba,
    unsigned count)
{
	size_t ndata = write ? (size_t)count * SECTOR : 0;

	if (opt.narrow) {
		ata_begin(f, t, write ? ATA_WRITE : ATA_READ, lba, count,
		    ndata);
		f->b[A_LBA + 3] |= 0xe0;
	} else {
		ata_begin(f, t, write ? ATA_WRITE_EXT : ATA_READ_EXT, lba,
		    count, ndata);
		f->b[A_FLAGS] |= AF_E;
	}
}

int
explain_ata(const struct target *t, const struct frame *rep)
{
	static const char *const bit[] = {
		"AMNF", "NM", "ABRT", "MCR", "IDNF", "MC", "UNC", "ICRC"
	};
	uint8_t error = rep->b[A_FEAT];
	int i;

	fprintf(stderr, "initiator: e%u.%u: ATA error: status=%02x error=%02x",
	    t->shelf, t->slot, rep->b[A_CMD], error);
	for (i = 7; i >= 0; i--)
		if (error & 1 << i)
			fprintf(stderr, " %s", bit[i]);
	fprintf(stderr, " lba=%" PRIu64 "\n", getle(rep->b + A_LBA, 6));
	return EX_ATA;
}

/* One ATA command; every failure is explained on stderr. */
int
ata(const struct target *t, struct frame *req, struct frame *rep)
{
	int status = exchange(req, rep);

	if (status != EX_OKAY)
		return explain(status, t, rep);
	if (rep->len < A_DATA || ata_failed(rep->b[A_CMD]))
		return explain_ata(t, rep);
	if (rep->len < A_DATA + SECTOR * (size_t)sectors_in(req)) {
		warnx("e%u.%u: too little data", t->shelf, t->slot);
		return EX_FAULT;
	}
	return EX_OKAY;
}
