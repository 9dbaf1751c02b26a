/* SPDX-License-Identifier: GPL-2.0-only */
/* AoE frames: is it for us, may it ask, what does it ask; and the reply. */

#include "dat.h"
#include "fns.h"

/* One request on its way through this room. */
struct call {
	struct target		*t;
	const struct link	*link;
	struct request		*r;
	const struct aoe_hdr	*req;
	const uint8_t		*arg;	/* what follows the AoE header */
	size_t			 narg;	/* bytes of it that arrived */
	uint8_t			*out;	/* where the reply's argument goes */
	bool			 all;	/* shelf or slot was the wildcard */
};

static const uint8_t everyone[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

bool
mac_has(const struct maclist *l, const uint8_t mac[static 6])
{
	unsigned i;

	for (i = 0; i < l->n; i++)
		if (memcmp(l->mac[i], mac, 6) == 0)
			return true;
	return false;
}

int
mac_add(struct maclist *l, const uint8_t mac[static 6], unsigned max)
{
	if (mac_has(l, mac))
		return 0;
	if (l->n >= max || l->n >= MAX_MACS)
		return -1;
	memcpy(l->mac[l->n++], mac, 6);
	return 0;
}

void
mac_del(struct maclist *l, const uint8_t mac[static 6])
{
	unsigned i;

	for (i = 0; i < l->n; i++)
		if (memcmp(l->mac[i], mac, 6) == 0) {
			l->n--;
			memmove(l->mac[i], l->mac[i + 1],
			    sizeof(l->mac[0]) * (l->n - i));
			return;
		}
}

bool
mac_same(const struct maclist *a, const struct maclist *b)
{
	return a->n == b->n &&
	    memcmp(a->mac, b->mac, sizeof(a->mac[0]) * a->n) == 0;
}

unsigned
aoe_maxnsec(unsigned mtu)
{
	unsigned n;

	if (mtu < PAYLOAD)
		return 0;
	n = (mtu - (unsigned)PAYLOAD) / SECTOR;
	return n < AOE_MAXNSEC ? n : AOE_MAXNSEC;
}

/* Bytes behind the AoE header that a frame on this link can carry. */
static size_t
room(const struct link *l)
{
	size_t frame = (size_t)l->mtu + ETH_HDR;

	return (frame > ETH_FLOOR ? frame : ETH_FLOOR) -
	    sizeof(struct aoe_hdr);
}

/* Sectors that a reply on this link can carry: the exact count, which may
 * be one more than we advertise. */
static unsigned
carries(const struct link *l)
{
	size_t n;

	if (aoe_maxnsec(l->mtu) == 0)
		return 0;
	n = (room(l) - sizeof(struct ata_regs)) / SECTOR;
	return n < AOE_MAXNSEC ? (unsigned)n : AOE_MAXNSEC;
}

static struct aoe_hdr *
put_header(const struct target *t, const struct link *l, uint8_t *reply,
    const uint8_t dst[static 6], unsigned cmd)
{
	struct aoe_hdr *h = (void *)reply;

	memset(h, 0, sizeof(*h));
	memcpy(h->dst, dst, 6);
	memcpy(h->src, l->mac, 6);
	put_be16(h->type, ETH_AOE);
	h->ver_flags = AOE_VER | AOE_R;
	put_be16(h->shelf, t->shelf);
	h->slot = t->slot;
	h->cmd = (uint8_t)cmd;
	return h;
}

/* Zeros up to Ethernet's floor: aoetools wait for ever for a shorter frame,
 * and whatever lay in the buffer is nobody's business. */
static size_t
pad(uint8_t *reply, size_t len)
{
	if (len >= ETH_FLOOR)
		return len;
	memset(reply + len, 0, ETH_FLOOR - len);
	return ETH_FLOOR;
}

/* Answer with narg bytes behind the AoE header. */
static enum verdict
answer(struct call *c, size_t narg)
{
	c->r->len = pad(c->r->reply, sizeof(struct aoe_hdr) + narg);
	return AOE_ANSWER;
}

static void
set_error(struct target *t, uint8_t *reply, int code)
{
	struct aoe_hdr *h = (void *)reply;

	h->ver_flags |= AOE_E;
	h->error = (uint8_t)code;
	stats_aoe_error(&t->count, code);
}

/* Answer with an AoE error; narg bytes of argument go with it. */
static enum verdict
refuse(struct call *c, int code, size_t narg)
{
	set_error(c->t, c->r->reply, code);
	return answer(c, narg);
}

/* The same, with the request's own argument header sent back. */
static enum verdict
refuse_echo(struct call *c, int code, size_t narg)
{
	memcpy(c->out, c->arg, narg);
	return refuse(c, code, narg);
}

/* Do not answer; why is counted. */
static enum verdict
silence(uint64_t *why)
{
	(*why)++;
	return AOE_SILENCE;
}

/*
 * ATA, AoEr11 3.1.
 */
static enum verdict
serve_ata(struct call *c)
{
	const struct target *t = c->t;
	struct ata_regs *regs = (void *)c->out;
	struct ata_call ata;
	bool identify;

	memcpy(regs, c->arg, sizeof(*regs));
	memset(regs->reserved, 0, sizeof(regs->reserved));
	identify = regs->cmd == ATA_IDENTIFY;

	/* To all targets at once only the question who they are makes
	 * sense (WinAoE asks so); a write would land on every one. */
	if (c->all && !identify)
		return silence(&c->t->count.to_all);
	if (t->reserve.n > 0 && !identify &&
	    !mac_has(&t->reserve, c->req->src))
		return refuse(c, AOE_RESERVED, sizeof(*regs));

	ata = (struct ata_call){
		.regs = regs,
		.in = c->arg + sizeof(*regs),
		.nin = c->narg - sizeof(*regs),
		.out = c->out + sizeof(*regs),
		.maxnsec = carries(c->link),
		.offered = aoe_maxnsec(c->link->mtu),
		.op = &c->r->op,
	};
	switch (ata_begin(c->t, &ata)) {
	case ATA_TODISK:
		stats_request(c->t, c->r, c->req->src);
		return AOE_DISK;
	case ATA_BADARG:
		return refuse(c, AOE_BADARG, sizeof(*regs));
	case ATA_SILENT:
		return silence(&c->t->count.no_room);
	case ATA_DONE:
		break;
	}
	return answer(c, sizeof(*regs) + ata.nout);
}

/*
 * Query Config, AoEr11 3.2.
 */
static size_t
put_config(const struct target *t, const struct link *l, unsigned ccmd,
    uint8_t *out)
{
	struct aoe_cfg *cfg = (void *)out;
	size_t len = t->nconfig;

	/* set over a link with larger frames: still be found over this one */
	if (len > room(l) - sizeof(*cfg))
		len = room(l) - sizeof(*cfg);
	put_be16(cfg->bufcnt, t->bufcnt);
	put_be16(cfg->firmware, FIRMWARE);
	cfg->nsec = (uint8_t)aoe_maxnsec(l->mtu);
	cfg->ver_ccmd = (uint8_t)(AOE_VER | ccmd);
	put_be16(cfg->len, (unsigned)len);
	memcpy(out + sizeof(*cfg), t->config, len);
	return sizeof(*cfg) + len;
}

static enum verdict
serve_config(struct call *c)
{
	struct target *t = c->t;
	enum verdict v = AOE_ANSWER;
	const struct aoe_cfg *cfg = (const void *)c->arg;
	const uint8_t *text = c->arg + sizeof(*cfg);
	size_t len = get_be16(cfg->len);
	unsigned ccmd = cfg->ver_ccmd & 0x0f;
	bool fits, same;

	fits = len <= AOE_MAXCFG && len <= c->narg - sizeof(*cfg);
	same = fits && len == t->nconfig && memcmp(text, t->config, len) == 0;

	switch (ccmd) {
	case CFG_READ:			/* whatever else it carries */
		break;
	case CFG_TEST:
		if (!same)
			return silence(&t->count.unmatched);
		break;
	case CFG_PREFIX:
		if (!fits || len > t->nconfig ||
		    memcmp(text, t->config, len) != 0)
			return silence(&t->count.unmatched);
		break;
	case CFG_SET:
	case CFG_FORCE:
		if (!fits)
			return refuse_echo(c, AOE_BADARG, sizeof(*cfg));
		/* a set that comes again must succeed again */
		if (ccmd == CFG_SET && t->nconfig > 0 && !same)
			return refuse(c, AOE_CFGSET,
			    put_config(t, c->link, ccmd, c->out));
		if (same)
			break;
		if (t->keep)
			return refuse_echo(c, AOE_BADARG, sizeof(*cfg));
		memcpy(t->config, text, len);
		t->nconfig = (uint16_t)len;
		v = AOE_CHANGED;
		break;
	default:
		return refuse_echo(c, AOE_BADARG, sizeof(*cfg));
	}
	answer(c, put_config(t, c->link, ccmd, c->out));
	return v;
}

/*
 * MAC Mask List, AoEr11 3.3.
 */
static unsigned
max_masks(const struct link *l)
{
	size_t n = (room(l) - sizeof(struct aoe_mask)) /
	    sizeof(struct aoe_dir);

	return n < MAX_MACS ? (unsigned)n : MAX_MACS;
}

static enum verdict
answer_masks(struct call *c, unsigned mcmd)
{
	const struct maclist *l = &c->t->masks;
	struct aoe_mask *m = (void *)c->out;
	struct aoe_dir *dir = (void *)(m + 1);
	unsigned i, n = l->n;

	if (n > max_masks(c->link))
		n = max_masks(c->link);
	*m = (struct aoe_mask){ .mcmd = (uint8_t)mcmd, .ndir = (uint8_t)n };
	memset(dir, 0, n * sizeof(*dir));
	for (i = 0; i < n; i++)
		memcpy(dir[i].mac, l->mac[i], 6);
	return answer(c, sizeof(*m) + n * sizeof(*dir));
}

static int
edit_mask(struct maclist *l, const struct aoe_dir *d, unsigned max)
{
	if (d->dcmd == DIR_NONE)
		return MERR_NONE;
	if (d->dcmd != DIR_ADD && d->dcmd != DIR_DEL)
		return MERR_DIR;
	if ((d->mac[0] & 1) != 0 || mac_zero(d->mac))
		return MERR_OTHER;
	if (d->dcmd == DIR_DEL)
		mac_del(l, d->mac);
	else if (mac_add(l, d->mac, max) == -1)
		return MERR_FULL;
	return MERR_NONE;
}

static enum verdict
serve_mask(struct call *c)
{
	const struct aoe_mask *m = (const void *)c->arg;
	const struct aoe_dir *dir = (const void *)(m + 1);
	struct maclist l = c->t->masks;
	enum verdict v = AOE_ANSWER;
	int error = MERR_NONE;
	unsigned i;

	if (m->mcmd == MASK_READ)
		return answer_masks(c, MASK_READ);
	if (c->all)
		return silence(&c->t->count.to_all);
	if (m->mcmd != MASK_EDIT ||
	    m->ndir > (c->narg - sizeof(*m)) / sizeof(*dir))
		return refuse_echo(c, AOE_BADARG, sizeof(*m));

	for (i = 0; i < m->ndir; i++) {
		error = edit_mask(&l, &dir[i], max_masks(c->link));
		if (error != MERR_NONE)
			break;
	}
	if (!mac_same(&l, &c->t->masks)) {
		if (c->t->keep)
			return refuse_echo(c, AOE_BADARG, sizeof(*m));
		c->t->masks = l;
		v = AOE_CHANGED;
	}
	if (error == MERR_NONE) {
		answer_masks(c, MASK_EDIT);
		return v;
	}
	/* what came before the bad one is in force */
	*(struct aoe_mask *)(void *)c->out = (struct aoe_mask){
		.mcmd = m->mcmd,
		.merror = (uint8_t)error,
		.ndir = (uint8_t)i,
	};
	answer(c, sizeof(*m));
	return v;
}

/*
 * Reserve/Release, AoEr11 3.4.
 */
static unsigned
max_reserve(const struct link *l)
{
	size_t n = (room(l) - sizeof(struct aoe_rsv)) / 6;

	return n < MAX_MACS ? (unsigned)n : MAX_MACS;
}

static size_t
put_reserve(const struct call *c, unsigned rcmd)
{
	const struct maclist *l = &c->t->reserve;
	struct aoe_rsv *rsv = (void *)c->out;
	unsigned n = l->n;

	if (n > max_reserve(c->link))
		n = max_reserve(c->link);
	rsv->rcmd = (uint8_t)rcmd;
	rsv->nmacs = (uint8_t)n;
	memcpy(rsv + 1, l->mac, 6 * (size_t)n);
	return sizeof(*rsv) + 6 * (size_t)n;
}

static enum verdict
serve_reserve(struct call *c)
{
	struct maclist *l = &c->t->reserve;
	const struct aoe_rsv *rsv = (const void *)c->arg;
	bool same;

	if (rsv->rcmd == RSV_READ)
		return answer(c, put_reserve(c, RSV_READ));
	if (c->all)
		return silence(&c->t->count.to_all);
	if (rsv->rcmd != RSV_SET && rsv->rcmd != RSV_FORCE)
		return refuse_echo(c, AOE_BADARG, sizeof(*rsv));
	if (rsv->rcmd == RSV_SET && l->n > 0 && !mac_has(l, c->req->src))
		return refuse(c, AOE_RESERVED, put_reserve(c, RSV_SET));
	if (rsv->nmacs > (c->narg - sizeof(*rsv)) / 6 ||
	    rsv->nmacs > max_reserve(c->link))
		return refuse_echo(c, AOE_BADARG, sizeof(*rsv));

	same = rsv->nmacs == l->n &&
	    memcmp(l->mac, rsv + 1, 6 * (size_t)l->n) == 0;
	if (!same && c->t->keep)
		return refuse_echo(c, AOE_BADARG, sizeof(*rsv));
	memcpy(l->mac, rsv + 1, 6 * (size_t)rsv->nmacs);
	l->n = rsv->nmacs;
	answer(c, put_reserve(c, rsv->rcmd));
	return same ? AOE_ANSWER : AOE_CHANGED;
}

/*
 * The way in.
 */
static const struct {
	size_t		  narg;		/* bytes of argument header */
	enum verdict	(*serve)(struct call *);
} commands[] = {
	[AOE_ATA]	= { sizeof(struct ata_regs), serve_ata },
	[AOE_CONFIG]	= { sizeof(struct aoe_cfg), serve_config },
	[AOE_MASK]	= { sizeof(struct aoe_mask), serve_mask },
	[AOE_RESERVE]	= { sizeof(struct aoe_rsv), serve_reserve },
};

/* AoE that this host should hear?  The kernel's filter has looked already;
 * it may have been attached late, or be another kernel's. */
static bool
for_host(const struct frame *f)
{
	const struct aoe_hdr *h = (const void *)f->data;

	if (f->len < sizeof(*h) || get_be16(h->type) != ETH_AOE)
		return false;
	if (memcmp(h->dst, f->link->mac, 6) != 0 &&
	    memcmp(h->dst, everyone, 6) != 0)
		return false;
	return (h->src[0] & 1) == 0;
}

/* A request that is addressed to us? */
static bool
for_us(const struct target *t, const struct frame *f)
{
	const struct aoe_hdr *h = (const void *)f->data;
	const uint8_t *mac = f->link->mac;
	unsigned shelf;

	if (!for_host(f))
		return false;
	/* on the loopback interface every address is ours, and zero */
	if (memcmp(h->src, mac, 6) == 0 && !mac_zero(mac))
		return false;
	if ((h->ver_flags & AOE_R) != 0)
		return false;
	shelf = get_be16(h->shelf);
	return (shelf == t->shelf || shelf == AOE_ALLSHELF) &&
	    (h->slot == t->slot || h->slot == AOE_ALLSLOT);
}

bool
aoe_rival(const struct target *t, const struct frame *f)
{
	const struct aoe_hdr *h = (const void *)f->data;

	return for_host(f) && (h->ver_flags & AOE_R) != 0 &&
	    h->cmd == AOE_CONFIG && get_be16(h->shelf) == t->shelf &&
	    h->slot == t->slot;
}

/* for_us said no: which counter tells why? */
static uint64_t *
why_not(struct target *t, const struct frame *f)
{
	const struct aoe_hdr *h = (const void *)f->data;

	if (f->len < sizeof(*h))
		return &t->count.runts;
	if (for_host(f) && (h->ver_flags & AOE_R) != 0)
		return &t->count.responses;
	return &t->count.not_ours;
}

/* The pipeline behind the address: mask, version, command, length. */
static enum verdict
serve(struct call *c)
{
	const struct aoe_hdr *h = c->req;
	struct aoe_hdr *reply;

	if (c->t->masks.n > 0 && !mac_has(&c->t->masks, h->src))
		return silence(&c->t->count.masked);

	reply = put_header(c->t, c->link, c->r->reply, h->src, h->cmd);
	memcpy(reply->tag, h->tag, 4);

	if ((h->ver_flags & 0xf0) != AOE_VER)
		return refuse(c, AOE_BADVER, 0);
	if (h->cmd >= sizeof(commands) / sizeof(commands[0]))
		return refuse(c, AOE_BADCMD, 0);
	if (c->narg < commands[h->cmd].narg)
		return silence(&c->t->count.runts);
	return commands[h->cmd].serve(c);
}

enum verdict
aoe_request(struct target *t, const struct frame *f, struct request *r)
{
	const struct aoe_hdr *h = (const void *)f->data;
	enum verdict v = AOE_SILENCE;
	struct call c;

	t->count.frames++;
	r->link = f->link;
	r->len = 0;
	r->when_ns = f->when_ns;
	r->timed = false;
	if (for_us(t, f)) {
		c = (struct call){
			.t = t,
			.link = f->link,
			.r = r,
			.req = h,
			.arg = f->data + sizeof(*h),
			.narg = f->len - sizeof(*h),
			.out = r->reply + sizeof(*h),
			.all = get_be16(h->shelf) == AOE_ALLSHELF ||
			    h->slot == AOE_ALLSLOT,
		};
		v = serve(&c);
	} else if (aoe_rival(t, f))
		v = AOE_RIVAL;
	else
		silence(why_not(t, f));
	if (v == AOE_SILENCE)
		t->count.silent++;
	return v;
}

void
aoe_finish(struct target *t, struct request *r)
{
	struct ata_regs *regs = (void *)(r->reply + sizeof(struct aoe_hdr));
	size_t n = 0;

	/* No ATA command can be taken any more: the initiator is to keep
	 * asking, as it does when a cable is out. */
	if (disk_gone(r->op.error))
		set_error(t, r->reply, AOE_DEVICE);
	else
		n = ata_end(t, regs, &r->op);
	r->len = pad(r->reply, PAYLOAD + n);
}

/* What the reply was going to say is not so: only its header stays. */
void
aoe_unkept(struct target *t, struct request *r)
{
	set_error(t, r->reply, AOE_DEVICE);
	r->len = pad(r->reply, sizeof(struct aoe_hdr));
}

size_t
aoe_query(const struct target *t, const struct link *l,
    const uint8_t tag[static 4], uint8_t *frame)
{
	struct aoe_hdr *h = put_header(t, l, frame, everyone, AOE_CONFIG);

	h->ver_flags = AOE_VER;
	memcpy(h->tag, tag, 4);
	return pad(frame, sizeof(*h));
}

size_t
aoe_advert(const struct target *t, const struct link *l, const uint8_t *dst,
    uint8_t *reply)
{
	size_t n;

	put_header(t, l, reply, dst != NULL ? dst : everyone, AOE_CONFIG);
	n = put_config(t, l, CFG_READ, reply + sizeof(struct aoe_hdr));
	return pad(reply, sizeof(struct aoe_hdr) + n);
}
