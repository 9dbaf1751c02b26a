/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a blade has to be: every reply to the byte, and every sector of the
 * store.  Written from the protocol (AoEr11, ATA8-ACS) with numbers of its
 * own; it shares no line and no constant with the program, so that one does
 * not excuse the other's mistakes.  Simple before fast: it does everything at
 * once, in order of arrival.
 */

enum {
	M_SECTOR = 512,
	M_TOTAL = 104,			/* sectors that the file may have */
	M_FIRST = 4,			/* of them before the window */
	M_FRAME = 9018,
	M_MACS = 255,
	M_TRIMS = 65536,
	M_CHANGE_MS = 250,		/* for one, in the long run */
	M_CHANGES = 32,			/* at once */
};

struct m_list {
	unsigned	n;
	uint8_t		mac[M_MACS][6];
};

/* What is to survive a restart. */
struct m_kept {
	unsigned	nconfig;
	uint8_t		config[1024];
	struct m_list	masks, reserve;
};

struct model {
	/* as it was started */
	bool		readonly, stable, trims, keep;
	unsigned	align;		/* -d: bytes; 0 without */
	uint64_t	length;		/* of the window; 0: to the end */

	/* what initiators have done to it */
	bool		wcache;
	struct m_kept	k;
	uint64_t	nsec;		/* exported, as last looked at */
	uint64_t	have;		/* sectors of the file */
	uint8_t		disk[M_TOTAL * M_SECTOR];
	uint32_t	ver[M_TOTAL];	/* which request wrote it */

	/* with a state file: what all changes made so far have cost is paid
	 * for by then, ns */
	int64_t		paid;

	/* the request that comes next */
	uint32_t	seq;		/* counts them, from 1 */
	bool		full;		/* no room for one to the disk */

	/* what is wrong with the store; sectors of the file */
	uint64_t	bad_first, bad_end;
	int		bad_read, bad_write, bad_trim;	/* errno, or 0 */
	bool		bad_whole;	/* a call there moves nothing */

	unsigned	trim_calls;	/* to the kernel, so far */
	uint32_t	trim_seq[M_TRIMS];	/* whose the last ones were */
	unsigned long	masked, reads, writes, sectors_read, sectors_written;
};

struct m_link {
	uint8_t		mac[6];
	unsigned	mtu;
};

/* What a frame has to bring about. */
struct expect {
	bool		silent;
	bool		changed;	/* what is to survive a restart */
	bool		disk;		/* answered only after an operation */
	bool		identify;	/* data: see m_identified */
	bool		syncs;		/* good only when stable */
	bool		flushes;	/* and so is all that came before */
	bool		writes, trims;	/* changed sectors */
	unsigned	trim_calls;	/* the last of its own */
	unsigned	offered;	/* sectors */
	bool		wcache;
	uint64_t	nsec;
	size_t		len;
	uint8_t		reply[M_FRAME];
	uint8_t		unsynced[60];	/* the reply when the sync failed */
};

static inline unsigned
m_be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static inline uint64_t
m_le(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	while (bytes-- > 0)
		v = v << 8 | p[bytes];
	return v;
}

static inline void
m_put_be16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v / 256);
	p[1] = (uint8_t)(v % 256);
}

/* The longest frame that a link takes. */
static inline size_t
m_frame(const struct m_link *l)
{
	return l->mtu + 14 > 60 ? l->mtu + 14 : 60;
}

static inline unsigned
m_offered(const struct m_link *l)
{
	unsigned n = l->mtu >= 36 ? (l->mtu - 36) / 512 : 0;

	return n > 255 ? 255 : n;
}

static inline unsigned
m_carried(const struct m_link *l)
{
	size_t n = m_offered(l) == 0 ? 0 : (m_frame(l) - 36) / 512;

	return n > 255 ? 255 : (unsigned)n;
}

static inline int
m_find(const struct m_list *l, const uint8_t *mac)
{
	unsigned i;

	for (i = 0; i < l->n; i++)
		if (memcmp(l->mac[i], mac, 6) == 0)
			return (int)i;
	return -1;
}

/* The reply so far ends at byte n: pad it. */
static inline void
m_reply(struct expect *e, size_t n)
{
	e->silent = false;
	e->len = n < 60 ? 60 : n;
	memset(e->reply + n, 0, e->len - n);
}

static inline void
m_error(struct expect *e, int code, size_t n)
{
	e->reply[14] |= 0x04;
	e->reply[15] = (uint8_t)code;
	m_reply(e, n);
}

#include "model-ata.h"
#include "model-lists.h"

/*
 * All of it.
 */
static inline void
m_header(const struct m_link *l, const uint8_t *dst, struct expect *e)
{
	static const uint8_t rest[] = { 0x88, 0xa2, 0x18, 0, 0, 1, 2 };

	memset(e->reply, 0, m_frame(l));
	memcpy(e->reply, dst, 6);
	memcpy(e->reply + 6, l->mac, 6);
	memcpy(e->reply + 12, rest, sizeof(rest));
}

static inline bool
m_for_us(const struct m_link *l, const uint8_t *req, size_t len)
{
	static const uint8_t zero[6], ones[6] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff
	};

	return len >= 24 && m_be16(req + 12) == 0x88a2 &&
	    (memcmp(req, l->mac, 6) == 0 || memcmp(req, ones, 6) == 0) &&
	    req[6] % 2 == 0 && (memcmp(req + 6, l->mac, 6) != 0 ||
	    memcmp(l->mac, zero, 6) == 0) && (req[14] & 0x08) == 0 &&
	    (m_be16(req + 16) == 1 || m_be16(req + 16) == 0xffff) &&
	    (req[18] == 2 || req[18] == 0xff);
}

/* One frame, after all that came before it. */
static inline void
model_serve(struct model *m, const struct m_link *l, const uint8_t *req,
    size_t len, struct expect *e)
{
	static const unsigned need[] = { 36, 32, 28, 26 };
	bool all;

	memset(e, 0, offsetof(struct expect, reply));
	memset(e->unsynced, 0, sizeof(e->unsynced));
	e->silent = true;
	if (!m_for_us(l, req, len))
		return;
	if (m->k.masks.n > 0 && m_find(&m->k.masks, req + 6) == -1) {
		m->masked++;
		return;
	}
	all = m_be16(req + 16) == 0xffff || req[18] == 0xff;
	m_header(l, req + 6, e);
	memcpy(e->reply + 19, req + 19, 5);
	if (req[14] / 16 != 1)
		m_error(e, 5, 24);
	else if (req[19] > 3)
		m_error(e, 1, 24);
	else if (len < need[req[19]])
		return;
	else if (req[19] == 0)
		m_serve_ata(m, l, req, len, all, e);
	else if (req[19] == 1)
		m_serve_config(m, l, req, len, e);
	else if (req[19] == 2)
		m_serve_mask(m, l, req, len, all, e);
	else
		m_serve_reserve(m, l, req, len, all, e);
	e->nsec = m->nsec;
	e->wcache = m->wcache;
	e->offered = m_offered(l);
}
