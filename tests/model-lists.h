/* SPDX-License-Identifier: GPL-2.0-only */
/* The model: config string, mask list, reservation. */

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
