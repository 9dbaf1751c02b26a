/* SPDX-License-Identifier: GPL-2.0-only */
/* The model: ATA commands, and the store. */

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
