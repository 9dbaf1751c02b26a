/* SPDX-License-Identifier: GPL-2.0-only */
/* ATA commands: registers into operations, outcomes into registers. */

#include "dat.h"
#include "fns.h"

enum {				/* what a row of the table says of a command */
	IN	= 1,		/* data to the initiator */
	OUT	= 2,		/* data from the initiator */
	EXT	= 4,		/* 48-bit address, whatever AFlags say */
	FUA	= 8,		/* on stable storage before the answer */
	ANYW	= 16,		/* AFlags.W may say what it likes */
};

struct command {
	enum ata_next	(*begin)(struct target *, struct ata_call *,
			    const struct command *);
	uint8_t		flags;
	enum op_kind	op;
};

static enum ata_next
done(struct ata_call *c)
{
	c->regs->cmd = ATA_DRDY;
	c->regs->feature = 0;
	c->regs->count = 0;
	return ATA_DONE;
}

static void
put_error(struct ata_regs *regs, int status, int error)
{
	regs->cmd = (uint8_t)(ATA_DRDY | ATA_ERR | status);
	regs->feature = (uint8_t)error;
}

static enum ata_next
failed(struct ata_call *c, int error)
{
	put_error(c->regs, 0, error);
	return ATA_DONE;
}

static void
put_lba(struct ata_regs *regs, bool ext, uint64_t lba)
{
	if (ext) {
		put_le48(regs->lba, lba);
		return;
	}
	/* the old device register keeps its half of lba3 */
	put_le16(regs->lba, (unsigned)(lba & 0xffff));
	regs->lba[2] = (uint8_t)(lba >> 16);
	regs->lba[3] = (uint8_t)((regs->lba[3] & 0xf0) | (lba >> 24 & 0x0f));
}

static enum ata_next
to_disk(struct ata_call *c, enum op_kind kind, uint64_t lba, uint32_t nsec)
{
	*c->op = (struct op){
		.kind = kind,
		.lba = lba,
		.nsec = nsec,
		.home = c->out,
	};
	return ATA_TODISK;
}

/* READ, WRITE and READ VERIFY in all their forms. */
static enum ata_next
begin_sectors(struct target *t, struct ata_call *c, const struct command *cmd)
{
	const struct ata_regs *regs = c->regs;
	const struct disk *d = &t->disk;
	bool ext = (cmd->flags & EXT) != 0;
	uint32_t nsec = regs->count;
	uint64_t lba = get_le48(regs->lba);

	if (!ext) {
		/* a 48-bit address in a 28-bit command would alias to
		 * another sector */
		if ((regs->aflags & AFLAG_E) != 0 && lba >> 32 != 0)
			return failed(c, ATA_ABRT);
		lba &= LBA28_MAX;
	}
	if (cmd->op == OP_VERIFY && nsec == 0)
		nsec = ext ? 65536 : 256;

	/* ATA would mean 256 or 65536 by 0: no frame holds as much */
	if (nsec == 0)
		return failed(c, ATA_ABRT);
	if (cmd->op == OP_READ && nsec > c->maxnsec)
		return failed(c, ATA_ABRT);
	if (cmd->op == OP_WRITE && nsec > c->nin / SECTOR)
		return nsec > c->maxnsec ? failed(c, ATA_ABRT) : ATA_BADARG;
	if (cmd->op == OP_WRITE && d->readonly)
		return failed(c, ATA_ABRT);
	if (nsec > d->nsec || lba > d->nsec - nsec ||
	    (!ext && lba + nsec > LBA28_MAX + 1))
		return failed(c, ATA_IDNF);

	to_disk(c, cmd->op, lba, nsec);
	c->op->data = c->out;	/* READ VERIFY: and nobody gets it */
	if (cmd->op == OP_WRITE) {
		/* only ever copied from: the frame is the initiator's */
		c->op->data = (uint8_t *)(uintptr_t)c->in;
		c->op->fua = (cmd->flags & FUA) != 0 || !d->wcache;
	}
	return ATA_TODISK;
}

/* FLUSH CACHE (EXT), and STANDBY, which flushes before it sleeps. */
static enum ata_next
begin_flush(struct target *t, struct ata_call *c, const struct command *cmd)
{
	(void)t;
	return to_disk(c, cmd->op, 0, 0);
}

/* Commands that have no effect on a disk without a motor. */
static enum ata_next
begin_nothing(struct target *t, struct ata_call *c, const struct command *cmd)
{
	(void)t;
	(void)cmd;
	return done(c);
}

static enum ata_next
begin_power(struct target *t, struct ata_call *c, const struct command *cmd)
{
	(void)t;
	(void)cmd;
	done(c);
	c->regs->count = 0xff;		/* active or idle */
	return ATA_DONE;
}

static enum ata_next
begin_identify(struct target *t, struct ata_call *c,
    const struct command *cmd)
{
	(void)cmd;
	ata_identify(t, c->offered, c->out);
	c->nout = SECTOR;
	return done(c);
}

/*
 * SET FEATURES.  With the write cache off every write waits for stable
 * storage, as with -s; turning it off makes stable what was answered before.
 */
static enum ata_next
begin_setfeat(struct target *t, struct ata_call *c, const struct command *cmd)
{
	struct disk *d = &t->disk;

	(void)cmd;
	switch (c->regs->feature) {
	case FEAT_WCACHE_OFF:
		d->wcache = false;
		return to_disk(c, OP_FLUSH, 0, 0);
	case FEAT_WCACHE_ON:
		if (d->stable)
			return failed(c, ATA_ABRT);
		d->wcache = true;
		return done(c);
	case FEAT_XFERMODE:
	case FEAT_AHEAD_OFF:
	case FEAT_AHEAD_ON:
	case FEAT_KEEP:
	case FEAT_REVERT:
		return done(c);
	}
	return failed(c, ATA_ABRT);
}

/* DATA SET MANAGEMENT: TRIM.  Every range is checked before any is given
 * back; a range is a 48-bit LBA and a 16-bit count, 0 for an unused entry. */
static enum ata_next
begin_dsm(struct target *t, struct ata_call *c, const struct command *cmd)
{
	const struct disk *d = &t->disk;
	size_t i, n = (size_t)c->regs->count * SECTOR;
	uint64_t lba, nsec;

	if (c->regs->feature != DSM_TRIM || n == 0 || !d->trims)
		return failed(c, ATA_ABRT);
	if (n > c->nin)
		return c->regs->count > c->maxnsec ?
		    failed(c, ATA_ABRT) : ATA_BADARG;
	for (i = 0; i < n; i += 8) {
		lba = get_le48(c->in + i);
		nsec = get_le16(c->in + i + 6);
		if (nsec > 0 && (nsec > d->nsec || lba > d->nsec - nsec))
			return failed(c, ATA_IDNF);
	}
	to_disk(c, cmd->op, 0, c->regs->count);
	c->op->data = (uint8_t *)(uintptr_t)c->in;
	c->op->fua = !d->wcache;
	return ATA_TODISK;
}

/* Whatever is not here is aborted: no initiator may resize, erase, lock or
 * reset the export. */
static const struct command commands[256] = {
	[ATA_READ]		= { begin_sectors, IN, OP_READ },
	[ATA_READ_DMA]		= { begin_sectors, IN, OP_READ },
	[ATA_READ_EXT]		= { begin_sectors, IN | EXT, OP_READ },
	[ATA_READ_DMA_EXT]	= { begin_sectors, IN | EXT, OP_READ },
	[ATA_WRITE]		= { begin_sectors, OUT, OP_WRITE },
	[ATA_WRITE_DMA]		= { begin_sectors, OUT, OP_WRITE },
	[ATA_WRITE_EXT]		= { begin_sectors, OUT | EXT, OP_WRITE },
	[ATA_WRITE_DMA_EXT]	= { begin_sectors, OUT | EXT, OP_WRITE },
	[ATA_WRITE_FUA_EXT]	= { begin_sectors, OUT | EXT | FUA, OP_WRITE },
	[ATA_VERIFY]		= { begin_sectors, 0, OP_VERIFY },
	[ATA_VERIFY_EXT]	= { begin_sectors, EXT, OP_VERIFY },
	[ATA_FLUSH]		= { begin_flush, 0, OP_FLUSH },
	[ATA_FLUSH_EXT]		= { begin_flush, EXT, OP_FLUSH },
	[ATA_STANDBY_NOW]	= { begin_flush, 0, OP_FLUSH },
	[ATA_STANDBY_NOW_OLD]	= { begin_flush, 0, OP_FLUSH },
	[ATA_STANDBY]		= { begin_flush, 0, OP_FLUSH },
	[ATA_STANDBY_OLD]	= { begin_flush, 0, OP_FLUSH },
	[ATA_IDLE_NOW]		= { begin_nothing, 0, 0 },
	[ATA_IDLE_NOW_OLD]	= { begin_nothing, 0, 0 },
	[ATA_IDLE]		= { begin_nothing, 0, 0 },
	[ATA_IDLE_OLD]		= { begin_nothing, 0, 0 },
	[ATA_SLEEP]		= { begin_nothing, 0, 0 },
	[ATA_SLEEP_OLD]		= { begin_nothing, 0, 0 },
	[ATA_CHECK_POWER]	= { begin_power, 0, 0 },
	[ATA_CHECK_POWER_OLD]	= { begin_power, 0, 0 },
	[ATA_IDENTIFY]		= { begin_identify, IN | ANYW, 0 },
	[ATA_SETFEAT]		= { begin_setfeat, 0, 0 },
	[ATA_DSM]		= { begin_dsm, OUT | EXT, OP_TRIM },
};

enum ata_next
ata_begin(struct target *t, struct ata_call *c)
{
	const struct command *cmd = &commands[c->regs->cmd];
	bool writes = (c->regs->aflags & AFLAG_W) != 0;
	enum ata_next next;

	if (cmd->begin == NULL) {
		failed(c, ATA_ABRT);
		stats_ata_error(&t->count, c->regs);
		return ATA_DONE;
	}
	if (c->maxnsec == 0 && (cmd->flags & (IN | OUT)) != 0)
		return ATA_SILENT;
	/* The opcode says which way data flows, and W has to agree: never
	 * does a payload alone make a write (Linux probes with padded
	 * reads). */
	if ((cmd->flags & ANYW) == 0 &&
	    (cmd->flags & (writes ? IN : OUT)) != 0)
		return ATA_BADARG;
	next = cmd->begin(t, c, cmd);
	if (next == ATA_DONE && (c->regs->cmd & ATA_ERR) != 0)
		stats_ata_error(&t->count, c->regs);
	return next;
}

size_t
ata_end(struct target *t, struct ata_regs *regs, const struct op *op)
{
	struct counters *n = &t->count;
	bool ext = (commands[regs->cmd].flags & EXT) != 0;

	if (op->error != 0) {
		/* what was to be written is not: a device fault; what was to
		 * be read cannot be: the first bad sector */
		if (op->kind == OP_READ || op->kind == OP_VERIFY)
			put_error(regs, 0, ATA_UNC);
		else
			put_error(regs, ATA_DF, ATA_ABRT);
		stats_ata_error(n, regs);
		if (op->kind == OP_FLUSH || op->kind == OP_TRIM) {
			put_lba(regs, ext, 0);
		} else {
			put_lba(regs, ext, op->lba + op->done);
			regs->count = (uint8_t)(op->nsec - op->done);
		}
		return 0;
	}
	regs->cmd = ATA_DRDY;
	regs->feature = 0;
	regs->count = 0;
	switch (op->kind) {
	case OP_READ:
		n->reads++;
		n->sectors_read += op->nsec;
		return (size_t)op->nsec * SECTOR;
	case OP_WRITE:
		n->writes++;
		n->sectors_written += op->nsec;
		break;
	case OP_FLUSH:
		n->flushes++;
		break;
	case OP_TRIM:
		n->trims++;
		break;
	case OP_VERIFY:
		break;
	}
	return 0;
}

/*
 * IDENTIFY DEVICE.  Two characters to a word, the first in the high byte.
 */
static void
put_string(uint8_t *id, unsigned word, unsigned nwords, const char *s)
{
	unsigned i;

	for (i = 0; i < 2 * nwords; i++)
		id[2 * word + (i ^ 1)] = (uint8_t)(*s != '\0' ? *s++ : ' ');
}

static void
put_word(uint8_t *id, unsigned word, unsigned value)
{
	put_le16(id + 2 * (size_t)word, value);
}

static void
put_geometry(uint8_t *id, uint64_t nsec)
{
	const unsigned heads = 16, sectors = 63;
	unsigned cyl = 0x3fff;

	if (nsec / heads / sectors < cyl)
		cyl = (unsigned)(nsec / heads / sectors);
	put_word(id, 1, cyl);
	put_word(id, 3, heads);
	put_word(id, 6, sectors);
	put_word(id, 54, cyl);
	put_word(id, 55, heads);
	put_word(id, 56, sectors);
	put_word(id, 57, cyl * heads * sectors & 0xffff);
	put_word(id, 58, cyl * heads * sectors >> 16);
}

void
ata_identify(const struct target *t, unsigned offered,
    uint8_t out[static SECTOR])
{
	const struct disk *d = &t->disk;
	uint64_t n28 = d->nsec < LBA28_MAX ? d->nsec : LBA28_MAX;
	uint64_t n48 = d->nsec < LBA48_MAX ? d->nsec : LBA48_MAX;
	uint8_t sum = 0;
	unsigned i;

	memset(out, 0, SECTOR);
	put_word(out, 0, 0x0040);		/* an ATA device, fixed */
	put_geometry(out, d->nsec);
	put_word(out, 2, 0xc837);		/* complete without spin-up */
	put_string(out, 10, 10, t->serial);
	put_string(out, 23, 4, VERSION);
	put_string(out, 27, 20, MODEL);
	put_word(out, 47, 0x8000);		/* no READ MULTIPLE */
	put_word(out, 48, 0x4000);
	put_word(out, 49, 0x0b00);		/* LBA, DMA, IORDY */
	put_word(out, 50, 0x4000);
	put_word(out, 53, 0x0007);		/* 54-58, 64-70, 88 hold */
	put_word(out, 60, n28 & 0xffff);
	put_word(out, 61, (unsigned)(n28 >> 16));
	put_word(out, 63, 0x0007);		/* multiword DMA 0-2 */
	put_word(out, 64, 0x0003);		/* PIO 3, 4 */
	for (i = 65; i <= 68; i++)
		put_word(out, i, 0x0078);	/* cycles of 120 ns */
	if (d->trims && d->trim_zeros)
		put_word(out, 69, 0x4020);	/* DRAT, RZAT */
	put_word(out, 80, 0x01f0);		/* ATA-4 to ATA8-ACS */
	put_word(out, 82, d->stable ? 0x0008 : 0x0028);
	put_word(out, 83, 0x7400);		/* FLUSH (EXT), LBA48 */
	put_word(out, 84, 0x4040);		/* WRITE DMA FUA EXT */
	put_word(out, 85, d->wcache ? 0x0028 : 0x0008);
	put_word(out, 86, 0x3400);
	put_word(out, 87, 0x4040);
	put_word(out, 88, 0x407f);		/* Ultra DMA */
	put_le48(out + 200, n48);		/* words 100 to 102 */
	put_word(out, 106, 0x4000);
	if (d->phys_shift > 0) {
		put_word(out, 106, 0x6000 | d->phys_shift);
		put_word(out, 209, 0x4000 |
		    (unsigned)(d->first & ((1U << d->phys_shift) - 1)));
	}
	if (d->trims) {
		put_word(out, 105, offered);	/* blocks of ranges */
		put_word(out, 169, 0x0001);
	}
	out[510] = 0xa5;			/* all bytes add to zero */
	for (i = 0; i < SECTOR - 1; i++)
		sum = (uint8_t)(sum + out[i]);
	out[511] = (uint8_t)-sum;
}
