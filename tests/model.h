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
	M_CHANGE_MS = 250,		/* one every so often, in the long run */
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

/*
 * ATA.
 */
static inline bool
m_one_of(unsigned opcode, const char *hex)
{
	char text[4];

	snprintf(text, sizeof(text), "%02x ", opcode);
	return strstr(hex, text) != NULL;
}

static inline void
m_status(uint8_t *reply, unsigned status, unsigned error)
{
	reply[25] = (uint8_t)error;
	reply[27] = (uint8_t)status;
}

static inline void
m_ata(struct expect *e, unsigned status, unsigned error)
{
	m_status(e->reply, status, error);
	if (status == 0x40)
		e->reply[26] = 0;
	m_reply(e, 36);
}

/* In a 28-bit command bits 31:28 are the device register, and what follows
 * is not ours to change. */
static inline void
m_lba(uint8_t *reply, bool ext, uint64_t lba)
{
	unsigned i;

	for (i = 0; i < (ext ? 6 : 3); i++)
		reply[28 + i] = (uint8_t)(lba >> 8 * i);
	if (!ext)
		reply[31] = (uint8_t)((reply[31] & 0xf0) | (lba >> 24 & 0xf));
}

/* The operation comes to nothing at sector lba, with left of its sectors. */
static inline void
m_fault(struct expect *e, int error, bool read, bool ext, uint64_t lba,
    unsigned left)
{
	if (error == ENXIO || error == ENODEV) {
		m_error(e, 3, 36);
		return;
	}
	m_lba(e->reply, ext, lba);
	e->reply[26] = (uint8_t)left;
	m_ata(e, read ? 0x41 : 0x61, read ? 0x40 : 0x04);
}

static inline bool
m_is_bad(const struct model *m, uint64_t s)
{
	return s >= m->bad_first && s < m->bad_end;
}

/* Why a sector of the file cannot be read, or 0. */
static inline int
m_unreadable(const struct model *m, uint64_t s)
{
	if (m->bad_read != 0 && m_is_bad(m, s))
		return m->bad_read;
	return s >= m->have ? ENODATA : 0;
}

static inline void
m_read(struct model *m, struct expect *e, bool data, bool ext, uint64_t lba,
    unsigned n)
{
	const uint64_t at = M_FIRST + lba;
	unsigned i;
	int error;

	for (i = 0; i < n; i++) {
		error = m_unreadable(m, at + i);
		if (error != 0) {
			m_fault(e, error, true, ext, lba + i, n - i);
			return;
		}
	}
	m_ata(e, 0x40, 0);
	if (!data)
		return;
	m->reads++;
	m->sectors_read += n;
	memcpy(e->reply + 36, m->disk + at * M_SECTOR, (size_t)n * M_SECTOR);
	m_reply(e, 36 + (size_t)n * M_SECTOR);
}

static inline void
m_write(struct model *m, struct expect *e, const uint8_t *req, bool ext,
    uint64_t lba, unsigned n)
{
	const uint64_t at = M_FIRST + lba;
	unsigned i, good = 0;
	bool hit = false;

	for (i = 0; i < n; i++) {
		hit |= m->bad_write != 0 && m_is_bad(m, at + i);
		good += !hit;
	}
	if (hit && m->bad_whole)
		good = 0;
	memcpy(m->disk + at * M_SECTOR, req + 36, (size_t)good * M_SECTOR);
	for (i = 0; i < good; i++)
		m->ver[at + i] = m->seq;
	if (good > 0 && at + good > m->have)
		m->have = at + good;
	if (hit) {
		m_fault(e, m->bad_write, false, ext, lba + good, n - good);
		e->syncs = false;
		return;
	}
	e->writes = true;
	m->writes++;
	m->sectors_written += n;
	m_ata(e, 0x40, 0);
}

static inline void
m_sectors(struct model *m, const struct m_link *l, const uint8_t *req,
    size_t len, struct expect *e)
{
	const unsigned op = req[27];
	const bool ext = m_one_of(op, "24 25 34 35 3d 42 ");
	const bool write = m_one_of(op, "30 34 35 3d ca ");
	const bool verify = m_one_of(op, "40 42 ");
	uint64_t lba = m_le(req + 28, 6);
	unsigned n = req[26];

	if (!ext && (req[24] & 0x40) != 0 && lba >= 1ULL << 32) {
		m_ata(e, 0x41, 0x04);
		return;
	}
	if (!ext)
		lba %= 1ULL << 28;
	if (verify && n == 0)
		n = ext ? 65536 : 256;
	if (n == 0 || (!verify && !write && n > m_carried(l)) ||
	    (write && len < 36 + (size_t)n * 512 && n > m_carried(l))) {
		m_ata(e, 0x41, 0x04);
		return;
	}
	if (write && len < 36 + (size_t)n * 512) {
		m_error(e, 2, 36);
		return;
	}
	if (write && m->readonly) {
		m_ata(e, 0x41, 0x04);
		return;
	}
	if (lba + n > m->nsec || (!ext && lba + n > 1ULL << 28)) {
		m_ata(e, 0x41, 0x10);
		return;
	}
	if (m->full)
		return;
	e->disk = true;
	if (!write) {
		m_read(m, e, !verify, ext, lba, n);
		return;
	}
	memcpy(e->unsynced, e->reply, 36);
	e->unsynced[26] = (uint8_t)n;
	m_lba(e->unsynced, ext, lba);
	m_status(e->unsynced, 0x61, 0x04);
	/* what -d cannot take directly is in nobody's cache when answered */
	e->syncs = op == 0x3d || !m->wcache || (m->align > 0 &&
	    ((M_FIRST + lba) * 512 % m->align != 0 ||
	    (size_t)n * 512 % m->align != 0));
	m_write(m, e, req, ext, lba, n);
}

static inline void
m_flush(struct model *m, struct expect *e, bool ext)
{
	if (m->full)
		return;
	memcpy(e->unsynced, e->reply, 36);
	m_lba(e->unsynced, ext, 0);
	m_status(e->unsynced, 0x61, 0x04);
	e->disk = true;
	e->syncs = e->flushes = !m->readonly;
	m_ata(e, 0x40, 0);
}

static inline void
m_trim(struct model *m, const struct m_link *l, const uint8_t *req,
    size_t len, struct expect *e)
{
	const size_t n = (size_t)req[26] * 512;
	uint64_t lba, nsec;
	size_t i;

	if (req[25] != 1 || n == 0 || !m->trims ||
	    (len < 36 + n && req[26] > m_carried(l))) {
		m_ata(e, 0x41, 0x04);
		return;
	}
	if (len < 36 + n) {
		m_error(e, 2, 36);
		return;
	}
	for (i = 36; i < 36 + n; i += 8) {
		nsec = m_le(req + i + 6, 2);
		if (nsec > 0 && m_le(req + i, 6) + nsec > m->nsec) {
			m_ata(e, 0x41, 0x10);
			return;
		}
	}
	m_flush(m, e, true);
	if (!e->disk)
		return;
	e->flushes = false;
	e->syncs = !m->wcache;
	for (i = 36; i < 36 + n; i += 8) {
		lba = m_le(req + i, 6);
		nsec = m_le(req + i + 6, 2);
		if (nsec == 0)
			continue;
		e->trims = true;
		m->trim_seq[m->trim_calls++ % M_TRIMS] = m->seq;
		e->trim_calls = m->trim_calls;
		if (m->bad_trim != 0) {
			memcpy(e->reply, e->unsynced, 36);
			e->reply[26] = req[26];
			if (m->bad_trim == ENXIO || m->bad_trim == ENODEV)
				memcpy(e->reply + 24, req + 24, 10);
			m_fault(e, m->bad_trim, false, true, 0, req[26]);
			e->syncs = e->trims = false;
			return;
		}
		memset(m->disk + (M_FIRST + lba) * 512, 0, nsec * 512);
		for (; nsec > 0; nsec--)
			m->ver[M_FIRST + lba + nsec - 1] = m->seq;
	}
}

static inline void
m_feature(struct model *m, const uint8_t *req, struct expect *e)
{
	if (req[25] == 0x82) {
		m->wcache = false;
		m_flush(m, e, false);
	} else if (req[25] == 0x02 && !m->stable) {
		m->wcache = true;
		m_ata(e, 0x40, 0);
	} else if (m_one_of(req[25], "03 55 66 aa cc ")) {
		m_ata(e, 0x40, 0);
	} else {
		m_ata(e, 0x41, 0x04);
	}
}

static inline void
m_serve_ata(struct model *m, const struct m_link *l, const uint8_t *req,
    size_t len, bool all, struct expect *e)
{
	const unsigned op = req[27];
	const bool in = m_one_of(op, "20 24 25 c8 ");
	const bool out = m_one_of(op, "30 34 35 3d ca 06 ");

	memcpy(e->reply + 24, req + 24, 10);
	memset(e->reply + 34, 0, 2);
	if (all && op != 0xec)
		return;
	if (m->k.reserve.n > 0 && op != 0xec &&
	    m_find(&m->k.reserve, req + 6) == -1) {
		m_error(e, 6, 36);
		return;
	}
	if ((in || out || op == 0xec) && m_carried(l) == 0)
		return;
	if ((in && (req[24] & 1) != 0) || (out && (req[24] & 1) == 0)) {
		m_error(e, 2, 36);
	} else if (op == 0x06) {
		m_trim(m, l, req, len, e);
	} else if (in || out || m_one_of(op, "40 42 ")) {
		m_sectors(m, l, req, len, e);
	} else if (m_one_of(op, "e7 ea e0 94 e2 96 ")) {
		m_flush(m, e, op == 0xea);
	} else if (op == 0xec) {
		e->identify = true;
		m_ata(e, 0x40, 0);
		e->len = 36 + 512;
	} else if (op == 0xef) {
		m_feature(m, req, e);
	} else if (m_one_of(op, "e1 95 e3 97 e6 99 e5 98 ")) {
		m_ata(e, 0x40, 0);
		if (m_one_of(op, "e5 98 "))
			e->reply[26] = 0xff;
	} else {
		m_ata(e, 0x41, 0x04);
	}
}

static inline unsigned
m_word(const uint8_t *id, unsigned word)
{
	return (unsigned)m_le(id + 2 * (size_t)word, 2);
}

/* What IDENTIFY DEVICE says of the state of things. */
static inline bool
m_identified(const struct model *m, const struct expect *e, const uint8_t *id)
{
	unsigned i, sum = 0;

	for (i = 0; i < 512; i++)
		sum += id[i];
	return sum % 256 == 0 && id[510] == 0xa5 &&
	    m_le(id + 120, 4) == e->nsec && m_le(id + 200, 8) == e->nsec &&
	    (m_word(id, 49) & 0x0200) != 0 &&
	    (m_word(id, 83) & 0xfc00) == 0x7400 &&
	    (m_word(id, 86) & 0x3400) == 0x3400 &&
	    (m_word(id, 82) & 0x20) / 0x20 == !m->stable &&
	    (m_word(id, 85) & 0x20) / 0x20 == e->wcache &&
	    m_word(id, 169) == m->trims &&
	    m_word(id, 105) == (m->trims ? e->offered : 0);
}

/*
 * Config, masks, reservation.
 */
static inline void
m_config(const struct model *m, const struct m_link *l, unsigned ccmd,
    struct expect *e)
{
	const size_t most = m_frame(l) - 32;
	const size_t n = m->k.nconfig < most ? m->k.nconfig : most;

	m_put_be16(e->reply + 24, 16);
	m_put_be16(e->reply + 26, 0x401a);
	e->reply[28] = (uint8_t)m_offered(l);
	e->reply[29] = (uint8_t)(0x10 + ccmd);
	m_put_be16(e->reply + 30, (unsigned)n);
	memcpy(e->reply + 32, m->k.config, n);
	m_reply(e, 32 + n);
}

static inline void
m_serve_config(struct model *m, const struct m_link *l, const uint8_t *req,
    size_t len, struct expect *e)
{
	const unsigned ccmd = req[29] % 16, n = m_be16(req + 30);
	const bool sane = n <= 1024 && 32 + (size_t)n <= len;
	const bool same = sane && n == m->k.nconfig &&
	    memcmp(req + 32, m->k.config, n) == 0;
	bool quiet = false;

	if (ccmd == 1)
		quiet = !same;
	if (ccmd == 2)
		quiet = !sane || n > m->k.nconfig ||
		    memcmp(req + 32, m->k.config, n) != 0;
	if (quiet)
		return;
	if (ccmd > 4 || (ccmd >= 3 && !sane)) {
		memcpy(e->reply + 24, req + 24, 8);
		m_error(e, 2, 32);
		return;
	}
	if (ccmd == 3 && m->k.nconfig > 0 && !same) {
		m_config(m, l, ccmd, e);
		e->reply[14] |= 0x04;
		e->reply[15] = 4;
		return;
	}
	if (ccmd >= 3 && !same && m->keep) {
		memcpy(e->reply + 24, req + 24, 8);
		m_error(e, 2, 32);
		return;
	}
	if (ccmd >= 3) {
		e->changed = !same;
		memcpy(m->k.config, req + 32, n);
		m->k.nconfig = n;
	}
	m_config(m, l, ccmd, e);
}

/* One directive; returns the MError. */
static inline unsigned
m_direct(struct m_list *l, const uint8_t *d, unsigned most)
{
	static const uint8_t zero[6];
	struct m_list old;
	unsigned i;

	if (d[1] == 0)
		return 0;
	if (d[1] > 2)
		return 2;
	if (d[2] % 2 == 1 || memcmp(d + 2, zero, 6) == 0)
		return 1;
	if (d[1] == 1 && m_find(l, d + 2) == -1) {
		if (l->n >= most)
			return 3;
		memcpy(l->mac[l->n++], d + 2, 6);
	}
	if (d[1] == 2 && m_find(l, d + 2) != -1) {
		old = *l;
		for (i = l->n = 0; i < old.n; i++)
			if (memcmp(old.mac[i], d + 2, 6) != 0)
				memcpy(l->mac[l->n++], old.mac[i], 6);
	}
	return 0;
}

static inline bool
m_same(const struct m_list *a, const struct m_list *b)
{
	return a->n == b->n && memcmp(a->mac, b->mac, 6 * (size_t)a->n) == 0;
}

static inline void
m_serve_mask(struct model *m, const struct m_link *l, const uint8_t *req,
    size_t len, bool all, struct expect *e)
{
	const size_t room = (m_frame(l) - 28) / 8;
	const unsigned most = room < M_MACS ? (unsigned)room : M_MACS;
	const struct m_list before = m->k.masks;
	unsigned i, error = 0;

	if (req[25] != 0 && all)
		return;
	if (req[25] > 1 ||
	    (req[25] == 1 && 28 + 8 * (size_t)req[27] > len)) {
		memcpy(e->reply + 24, req + 24, 4);
		m_error(e, 2, 28);
		return;
	}
	e->reply[25] = req[25];
	for (i = 0; req[25] == 1 && i < req[27]; i++) {
		error = m_direct(&m->k.masks, req + 28 + 8 * (size_t)i, most);
		if (error != 0)
			break;
	}
	e->changed = !m_same(&before, &m->k.masks);
	if (e->changed && m->keep) {
		m->k.masks = before;
		e->changed = false;
		memcpy(e->reply + 24, req + 24, 4);
		m_error(e, 2, 28);
		return;
	}
	if (error != 0) {
		e->reply[26] = (uint8_t)error;
		e->reply[27] = (uint8_t)i;
		m_reply(e, 28);
		return;
	}
	for (i = 0; i < m->k.masks.n && i < most; i++)
		memcpy(e->reply + 28 + 8 * (size_t)i + 2, m->k.masks.mac[i], 6);
	e->reply[27] = (uint8_t)i;
	m_reply(e, 28 + 8 * (size_t)i);
}

static inline void
m_serve_reserve(struct model *m, const struct m_link *l, const uint8_t *req,
    size_t len, bool all, struct expect *e)
{
	const size_t room = (m_frame(l) - 26) / 6;
	const unsigned most = room < M_MACS ? (unsigned)room : M_MACS;
	const unsigned rcmd = req[24], n = req[25];
	bool foreign = false, same;

	if (rcmd != 0 && all)
		return;
	if (rcmd == 1)
		foreign = m->k.reserve.n > 0 &&
		    m_find(&m->k.reserve, req + 6) == -1;
	if (!foreign && (rcmd > 2 || (rcmd > 0 && (n > most ||
	    26 + 6 * (size_t)n > len)))) {
		memcpy(e->reply + 24, req + 24, 2);
		m_error(e, 2, 26);
		return;
	}
	same = rcmd == 0 || foreign || (n == m->k.reserve.n &&
	    memcmp(m->k.reserve.mac, req + 26, 6 * (size_t)n) == 0);
	if (!same && m->keep) {
		memcpy(e->reply + 24, req + 24, 2);
		m_error(e, 2, 26);
		return;
	}
	e->changed = !same;
	if (!same) {
		m->k.reserve.n = n;
		memcpy(m->k.reserve.mac, req + 26, 6 * (size_t)n);
	}
	e->reply[24] = (uint8_t)rcmd;
	e->reply[25] = (uint8_t)(m->k.reserve.n < most ? m->k.reserve.n : most);
	memcpy(e->reply + 26, m->k.reserve.mac, 6 * (size_t)e->reply[25]);
	if (foreign)
		m_error(e, 6, 26 + 6 * (size_t)e->reply[25]);
	else
		m_reply(e, 26 + 6 * (size_t)e->reply[25]);
}

/* May one more change be kept, now? */
static inline bool
m_affords(struct model *m, int64_t now)
{
	const int64_t each = M_CHANGE_MS * INT64_C(1000000);

	if (m->paid < now)
		m->paid = now;
	if (m->paid > now + each * (M_CHANGES - 1))
		return false;
	m->paid += each;
	return true;
}

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
