/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Initiators, good and bad: frames made of choices.  Mostly right ones, and
 * mostly about the same few sectors, so that they get far and into each
 * other's way.  Uses the choices of world.h and looks at the model, to be
 * understood by the blade often enough.
 */

enum {
	S_LEN = 9200,
	S_LINKS = 3,
	S_AGAIN = 8,
};

struct sent {
	unsigned	link;
	uint32_t	tag;
	size_t		len;
	uint8_t		f[S_LEN];
};

static struct m_link	ml[S_LINKS];
static unsigned		nlinks;

static struct {
	struct sent	last[S_AGAIN];	/* to be sent again */
	unsigned	n;
	uint64_t	end;		/* of the last range */
	uint32_t	seq;
} s;

static void
s_mac(uint8_t *mac)
{
	const struct m_list *l = NULL;
	unsigned i;

	if (m.k.masks.n > 0 && !rarely(4))
		l = &m.k.masks;
	else if (m.k.reserve.n > 0 && !rarely(4))
		l = &m.k.reserve;
	if (l != NULL) {
		memcpy(mac, l->mac[pick(l->n)], 6);
		return;
	}
	memcpy(mac, (const uint8_t [6]){ 0x52, 0x54, 0, 0, 1, 0 }, 6);
	mac[5] = (uint8_t)pick(6);
	if (rarely(32)) {
		i = pick(6);
		mac[i] = (uint8_t)pick(256);
	}
}

static void
s_header(struct sent *x, unsigned cmd)
{
	uint8_t *f = x->f;
	const unsigned odd = pick(32);

	memcpy(f, ml[x->link].mac, 6);
	if (odd == 1 || odd == 2)
		memset(f, 0xff, 6);
	s_mac(f + 6);
	m_put_be16(f + 12, 0x88a2);
	f[14] = 0x10;
	f[15] = 0;
	m_put_be16(f + 16, odd == 3 || odd == 4 ? 0xffff : 1);
	f[18] = odd == 4 || odd == 5 ? 0xff : 2;
	f[19] = (uint8_t)cmd;
}

/* The request's bytes and tag are its own, whatever became of it. */
static void
s_finish(struct sent *x, bool new_tag)
{
	size_t i;

	s.seq++;
	if (new_tag)
		x->tag = s.seq;
	if (x->len >= 24) {
		m_put_be16(x->f + 20, x->tag >> 16);
		m_put_be16(x->f + 22, x->tag & 0xffff);
	}
	if (x->len < 36 || x->f[19] != 0 ||
	    !m_one_of(x->f[27], "30 34 35 3d ca "))
		return;
	for (i = 0; 36 + (i + 1) * M_SECTOR <= x->len; i++)
		fill(x->f + 36 + i * M_SECTOR, s.seq, (unsigned)i);
}

static uint64_t
s_lba(unsigned n)
{
	uint64_t far;

	switch (pick(8)) {
	case 0:
	case 1:
	case 2:
		return pick(8);
	case 3:
	case 4:
		return s.end;
	case 5:
		return pick(M_TOTAL);
	case 6:
		return m.nsec - n + (rarely(4) ? 1 : 0);
	}
	far = pick(256);
	return far << 8 * pick(6);
}

static unsigned
s_nsec(const struct sent *x)
{
	const unsigned most = m_carried(&ml[x->link]);

	switch (pick(8)) {
	case 6:
		return 1 + pick(most + 1);
	case 7:
		return pick(4) == 0 ? pick(256) : most;
	}
	return 1 + pick(most > 4 ? 4 : 2);
}

static void
s_trim(struct sent *x)
{
	uint8_t *f = x->f;
	unsigned i, k, n;

	f[25] = 1;
	if (f[26] > 4)
		f[26] = 4;
	x->len = 36 + f[26] * (size_t)M_SECTOR;
	memset(f + 36, 0, x->len - 36);
	for (n = pick(4); n > 0; n--) {
		i = 36 + 8 * pick(f[26] > 0 ? 64 : 1);
		k = rarely(16) ? pick(256) : 1 + pick(12);
		f[i] = (uint8_t)s_lba(k);
		f[i + 6] = (uint8_t)k;
	}
}

static void
s_ata(struct sent *x)
{
	static const uint8_t ops[] = {
		0x24, 0x34, 0x25, 0x35, 0x34, 0x24, 0x34, 0x3d, 0x20, 0x30,
		0xc8, 0xca, 0x40, 0x42, 0xe7, 0xea, 0xec, 0xef, 0xe5, 0x06,
		0x34, 0x24, 0x34, 0xea, 0x24, 0x34, 0x3d, 0xe0, 0x94, 0x95,
		0xe1, 0x96,
	};
	static const uint8_t features[] = { 0x82, 0x02, 0x03, 0x00, 0xaa };
	uint8_t *f = x->f;
	unsigned n, i;
	uint64_t lba;

	s_header(x, 0);
	memset(f + 24, 0, 12);
	f[27] = rarely(64) ? (uint8_t)pick(256) : ops[pick(sizeof(ops))];
	n = s_nsec(x);
	lba = s_lba(n);
	s.end = lba + n;
	f[26] = (uint8_t)n;
	for (i = 0; i < 6; i++)
		f[28 + i] = (uint8_t)(lba >> 8 * i);
	if (m_one_of(f[27], "24 25 34 35 3d 42 ea "))
		f[24] = 0x40;
	else
		f[31] |= (uint8_t)(pick(2) * 0xe0);
	if (f[27] == 0xef)
		f[25] = features[pick(sizeof(features))];
	x->len = 36;
	if (!m_one_of(f[27], "30 34 35 3d ca 06 "))
		return;
	f[24] |= 0x01;
	if (f[27] == 0x06) {
		s_trim(x);
		return;
	}
	x->len = 36 + n * (size_t)M_SECTOR;
	if (x->len > m_frame(&ml[x->link]))
		x->len = m_frame(&ml[x->link]);
}

static void
s_config(struct sent *x)
{
	uint8_t *f = x->f;
	unsigned i, n = pick(4) == 3 ? pick(1030) : pick(6);

	s_header(x, 1);
	memset(f + 24, 0, 8);
	f[29] = (uint8_t)pick(6);
	if (rarely(16))
		f[29] |= 0x10;
	for (i = 0; i < n; i++)
		f[32 + i] = (uint8_t)"ab\"\\\n\x7f\xff"[i % 8 == 0 ? pick(8) :
		    i % 2];
	/* what it has, or nearly */
	if (pick(2) == 1) {
		n = m.k.nconfig;
		memcpy(f + 32, m.k.config, n);
		if (n > 0 && rarely(3))
			n -= 1 + pick(n < 4 ? n : 4);
		else if (rarely(4))
			f[32 + n++] = (uint8_t)pick(256);
		if (n > 0 && rarely(3))
			f[32 + pick(n)] ^= 1;
	}
	m_put_be16(f + 30, n);
	/* another target has our address, or we hear our other link */
	if (rarely(16)) {
		f[14] |= 0x08;
		if (pick(2) == 1)
			memcpy(f + 6, ml[pick(nlinks)].mac, 6);
	}
	x->len = 32 + n;
}

static void
s_mask(struct sent *x)
{
	uint8_t *f = x->f;
	unsigned i, n = rarely(16) ? 250 + pick(6) : pick(5);
	const unsigned which = pick(256);

	s_header(x, 2);
	f[24] = f[26] = 0;
	f[25] = (uint8_t)(rarely(16) ? pick(4) : pick(4) != 0);
	f[27] = (uint8_t)n;
	for (i = 0; i < n; i++) {
		uint8_t *d = f + 28 + 8 * i;

		d[0] = 0;
		d[1] = (uint8_t)(n < 200 ? pick(3) : 1 + (which & 1));
		if (rarely(32))
			d[1] = 3;
		if (n < 200)
			s_mac(d + 2);
		else {
			memset(d + 2, 0, 6);
			d[3] = (uint8_t)which;
			d[7] = (uint8_t)(i + 1);
		}
	}
	x->len = 28 + 8 * n;
}

static void
s_reserve(struct sent *x)
{
	uint8_t *f = x->f;
	unsigned i, n = rarely(32) ? pick(256) : pick(4);

	s_header(x, 3);
	f[24] = (uint8_t)(rarely(16) ? pick(256) : pick(3));
	f[25] = (uint8_t)n;
	for (i = 0; i < n; i++) {
		if (n < 8) {
			s_mac(f + 26 + 6 * i);
			continue;
		}
		memset(f + 26 + 6 * i, 2, 6);
		f[26 + 6 * i] = (uint8_t)i;
	}
	/* most initiators want it for themselves */
	if (n > 0 && pick(2) == 1)
		memcpy(f + 26, f + 6, 6);
	x->len = 26 + 6 * n;
}

static void
s_mutate(struct sent *x)
{
	unsigned i, at;

	for (i = pick(4); i > 0; i--) {
		at = pick(40);
		x->f[at] = pick(2) == 1 ? (uint8_t)pick(256) :
		    (uint8_t)(x->f[at] ^ 1U << pick(8));
	}
	switch (pick(8)) {
	case 5:
		x->len = pick((unsigned)x->len + 1);
		break;
	case 6:
		x->len += pick(64);
		break;
	case 7:
		x->len = pick(64);
		break;
	}
	if (x->len > S_LEN)
		x->len = S_LEN;
}

/* The next frame; on a link that is up. */
static void
s_make(struct sent *x, unsigned link, bool quick)
{
	const unsigned what = quick ? 0 : pick(32);

	if ((quick || what >= 28) && s.n > 0) {
		*x = s.last[pick(s.n < S_AGAIN ? s.n : S_AGAIN)];
		if (x->link == link) {
			s_finish(x, !rarely(4));
			return;
		}
	}
	x->link = link;
	memset(x->f, 0, 64);
	if (what >= 1 && what <= 3)
		s_config(x);
	else if (what >= 4 && what <= 5)
		s_mask(x);
	else if (what >= 6 && what <= 7)
		s_reserve(x);
	else
		s_ata(x);
	if (rarely(16))
		s_mutate(x);
	s_finish(x, true);
	s.last[s.n++ % S_AGAIN] = *x;
}
