/* SPDX-License-Identifier: GPL-2.0-only */
/* The model's network: bpf(4), interfaces, netintro(4), route(4). */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "../bpfvm.h"

enum {
	MAX_INSNS = 512,
	WORD = 8,			/* BPF_ALIGNMENT: a long */
	REC_HDR = 26,			/* for Ethernet */
	ETHER = 14,
	MIN_BUF = 32,
};

struct filter {
	bool		set;
	unsigned	n;
	struct vm_insn	insn[MAX_INSNS];
};

struct m_bpf {
	struct m_obj	*obj;
	struct m_if	*on;		/* attached to */
	uint32_t	 blen;
	uint8_t		*store, *hold;
	uint32_t	 nstore, nhold;
	uint32_t	 immediate, hdrcmplt, direction, tstamp;
	unsigned	 writer;	/* filters still to be set */
	bool		 locked;
	struct filter	 in, out;
	uint32_t	 recv, drop;
	struct m_bpf	*next;
};

static struct m_bpf *all;
struct m_if m_ifs[M_IFS];
static uint8_t lie[1 << 16];
static size_t nlie;

static uint32_t
word_align(uint32_t n)
{
	return (n + WORD - 1) / WORD * WORD;
}

static uint16_t
get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t
get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static void
put(uint8_t *p, uint64_t v, size_t n)
{
	memcpy(p, &v, n);		/* little-endian, as the machine */
}

/*
 * Interfaces.
 */
static struct m_if *
if_named(const void *name)
{
	unsigned i;

	for (i = 0; i < M_IFS; i++)
		if (m_ifs[i].there && strncmp(m_ifs[i].name, name, 16) == 0)
			return &m_ifs[i];
	return NULL;
}

struct m_if *
m_if_add(const char *name, unsigned mtu, const uint8_t mac[6])
{
	unsigned i = 0;

	while (m_ifs[i].there)
		i++;
	assert(i < M_IFS);
	m_ifs[i] = (struct m_if){
		.there = true, .index = i + 1, .mtu = mtu, .up = true,
		.running = true, .media = true, .active = true, .dlt = 1,
		.alen = 6, .host_fd = -1,
	};
	snprintf(m_ifs[i].name, sizeof(m_ifs[i].name), "%.15s", name);
	memcpy(m_ifs[i].mac, mac, 6);
	m_if_news();
	return &m_ifs[i];
}

void
m_if_del(struct m_if *ifp)
{
	struct m_bpf *b;

	for (b = all; b != NULL; b = b->next)
		if (b->on == ifp) {
			b->on = NULL;
			m_activate(b->obj);
		}
	ifp->there = false;
	m_if_news();
}

void
m_if_news(void)
{
	unsigned fd;

	for (fd = 0; fd < M_FDS; fd++)
		if (m_objs[fd].kind == K_ROUTE)
			m_objs[fd].messages++;
}

/* struct ifreq: name, then 16 bytes; sockaddr_dl has 54, and two more for the
 * next one to be aligned: longer than its place, so that what follows moves. */
static int
list_ifs(uint8_t *arg)
{
	uint32_t room = get32(arg), n = 0;
	uint8_t *to, one[16 + 56];
	const struct m_if *f;

	memcpy(&to, arg + 8, sizeof(to));
	if ((int32_t)room <= 0)
		return m_fail(B_EINVAL);
	for (f = m_ifs; f < m_ifs + M_IFS; f++) {
		size_t nlen = strlen(f->name);

		if (!f->there)
			continue;
		memset(one, 0, sizeof(one));
		memcpy(one, f->name, nlen);
		one[16] = 56;			/* sdl_len */
		one[17] = 18;			/* AF_LINK */
		put(one + 18, f->index, 2);
		one[20] = f->dlt == 1 ? 6 : 24;	/* IFT_ETHER, IFT_LOOP */
		one[21] = (uint8_t)nlen;
		one[22] = (uint8_t)f->alen;
		memcpy(one + 24, f->name, nlen);
		memcpy(one + 24 + nlen, f->mac, f->alen < 6 ? f->alen : 6);
		if (n + sizeof(one) > room)
			break;
		memcpy(to + n, one, sizeof(one));
		n += sizeof(one);
		/* an IPv4 address: fits its place; an IPv6 one: 28 bytes */
		memset(one + 16, 0, 28);
		one[16] = 16;
		one[17] = 2;
		if (n + 32 > room)
			break;
		memcpy(to + n, one, 32);
		n += 32;
		one[16] = 28;
		one[17] = 28;
		if (n + 44 > room)
			break;
		memcpy(to + n, one, 44);
		n += 44;
	}
	put(arg, n, 4);
	return 0;
}

int
m_if_ioctl(unsigned long req, void *argp)
{
	uint8_t *arg = argp;
	const struct m_if *f;

	if (req == B_SIOCGIFCONF)
		return list_ifs(arg);
	if (req != B_SIOCGIFFLAGS && req != B_SIOCGIFMTU &&
	    req != B_SIOCGIFMEDIA)
		return m_fail(B_ENOTTY);
	f = if_named(arg);
	if (f == NULL)
		return m_fail(B_ENXIO);
	switch (req) {
	case B_SIOCGIFFLAGS:		/* IFF_UP 1, IFF_DRV_RUNNING 0x40 */
		put(arg + 16, (f->up ? 1U : 0) | (f->running ? 0x40U : 0), 2);
		break;
	case B_SIOCGIFMTU:
		put(arg + 16, f->mtu, 4);
		break;
	default:			/* ifm_status: AVALID 1, ACTIVE 2 */
		if (!f->media)
			return m_fail(B_EINVAL);
		put(arg + 24, 1U | (f->active ? 2U : 0), 4);
	}
	return 0;
}

/*
 * Frames in.
 */
static void
rotate(struct m_bpf *b)
{
	uint8_t *p = b->hold;

	b->hold = b->store;
	b->nhold = b->nstore;
	b->store = p;
	b->nstore = 0;
}

bool
m_bpf_ready(const struct m_bpf *b)
{
	if (nlie > 0)
		return true;
	/* who loses the interface is woken; but is there anything to read? */
	return (b->on == NULL && m_world.detach_wakes) || b->nhold > 0 ||
	    (b->immediate != 0 && b->nstore > 0);
}

/* catchpacket: into the store, which becomes the hold when it is full. */
static void
catch(struct m_bpf *b, const uint8_t *pkt, uint32_t len, uint32_t snap,
    int64_t ns)
{
	uint32_t at = word_align(b->nstore);
	uint32_t total = REC_HDR + (snap < len ? snap : len);

	if (total > b->blen)
		total = b->blen;
	if (at + total > b->blen) {
		if (b->nhold > 0) {
			b->drop++;
			return;
		}
		rotate(b);
		at = 0;
	}
	memset(b->store + b->nstore, 0xa5, at - b->nstore);
	put(b->store + at, (uint64_t)(ns / 1000000000), 8);
	put(b->store + at + 8, (uint64_t)(ns % 1000000000 / 1000), 8);
	put(b->store + at + 16, total - REC_HDR, 4);
	put(b->store + at + 20, len, 4);
	put(b->store + at + 24, REC_HDR, 2);
	memcpy(b->store + at + REC_HDR, pkt, total - REC_HDR);
	b->nstore = at + total;
	m_activate(b->obj);
}

void
m_if_frame(struct m_if *f, const uint8_t *pkt, size_t len, bool out,
    int64_t ns)
{
	struct m_bpf *b;
	uint32_t snap;
	bool bad = false;

	for (b = all; b != NULL; b = b->next) {
		if (b->on != f || b->writer > 0)
			continue;
		/* BPF_D_IN 0, BPF_D_INOUT 1, BPF_D_OUT 2 */
		if (out ? b->direction == 0 : b->direction == 2)
			continue;
		b->recv++;
		snap = b->in.set ? vm_run(b->in.insn, b->in.n, pkt, len,
		    &bad) : UINT32_MAX;
		assert(!bad);
		if (snap != 0)
			/* BPF_T_MONOTONIC is 0x200 */
			catch(b, pkt, (uint32_t)len, snap, ns > 0 ? ns :
			    m_now((b->tstamp & 0x200) != 0) + ns);
	}
}

void
m_lie(const void *data, size_t len)
{
	assert(len <= sizeof(lie));
	memcpy(lie, data, len);
	nlie = len;
	for (struct m_bpf *b = all; b != NULL; b = b->next)
		m_activate(b->obj);
}

ssize_t
m_bpf_read(struct m_bpf *b, void *buf, size_t len)
{
	void (*late)(void) = m_world.late;
	uint32_t n;

	m_world.late = NULL;
	if (late != NULL)
		late();
	if (len != b->blen)
		return m_fail(B_EINVAL);
	if (nlie > 0) {
		n = (uint32_t)nlie;
		memcpy(buf, lie, n);
		nlie = 0;
		return n;
	}
	if (b->nhold == 0) {
		if (b->on == NULL)
			return m_fail(B_ENXIO);
		if (b->nstore == 0)
			return m_fail(B_EAGAIN);
		rotate(b);
	}
	n = b->nhold;
	memcpy(buf, b->hold, n);
	b->nhold = 0;
	return n;
}

/*
 * Frames out: one write, one frame.
 */
ssize_t
m_bpf_write(struct m_bpf *b, const void *buf, size_t len)
{
	static uint8_t pkt[1 << 17];
	bool bad = false;

	if (b->on == NULL)
		return m_fail(B_ENXIO);
	if (!b->on->up)
		return m_fail(B_ENETDOWN);
	if (len == 0)
		return 0;
	if (len < ETHER || len - ETHER > b->on->mtu)
		return m_fail(B_EMSGSIZE);
	if (m_world.page > 0 && len > m_world.page)
		return m_fail(B_EIO);
	if (b->out.set && vm_run(b->out.insn, b->out.n, buf, len, &bad) == 0)
		return m_fail(B_EPERM);
	assert(!bad);
	if (m_world.tx_full)
		return m_fail(B_ENOBUFS);
	memcpy(pkt, buf, len);
	if (b->hdrcmplt == 0)
		memcpy(pkt + 6, b->on->mac, 6);
	m_if_frame(b->on, pkt, len, true, 0);
	if (b->on->send != NULL)
		b->on->send(b->on, pkt, len);
	return (ssize_t)len;
}

/*
 * Settings.
 */
int
m_bpf_open(void)
{
	struct m_bpf *b;
	int fd;

	fd = m_new(K_BPF);
	b = calloc(1, sizeof(*b));
	b->blen = 4096;
	b->direction = 1;
	b->obj = &m_objs[fd];
	b->next = all;
	all = b;
	m_objs[fd].bpf = b;
	return fd;
}

void
m_bpf_close(struct m_bpf *b)
{
	struct m_bpf **p;

	for (p = &all; *p != b; p = &(*p)->next)
		;
	*p = b->next;
	free(b->store);
	free(b->hold);
	free(b);
}

static void
reset(struct m_bpf *b)
{
	b->nstore = b->nhold = 0;
	b->recv = b->drop = 0;
}

static int
set_filter(struct filter *f, const uint8_t *arg)
{
	const uint8_t *insns;
	unsigned i, n = get32(arg);

	memcpy(&insns, arg + 8, sizeof(insns));
	if (n == 0 || n > MAX_INSNS || insns == NULL)
		return m_fail(B_EINVAL);
	for (i = 0; i < n; i++, insns += 8)
		f->insn[i] = (struct vm_insn){ get16(insns), insns[2],
		    insns[3], get32(insns + 4) };
	/* bpf_validate: jumps stay inside, and a return is last */
	for (i = 0; i < n; i++)
		if ((f->insn[i].code & 7) == 5 && (f->insn[i].code == 5 ?
		    f->insn[i].k >= n - i - 1 :
		    f->insn[i].jt + i + 1 >= n || f->insn[i].jf + i + 1 >= n))
			return m_fail(B_EINVAL);
	if ((f->insn[n - 1].code & 7) != 6)
		return m_fail(B_EINVAL);
	f->n = n;
	f->set = true;
	return 0;
}

static int
attach(struct m_bpf *b, const uint8_t *arg)
{
	struct m_if *f = if_named(arg);

	if (f == NULL)
		return m_fail(B_ENXIO);
	if (b->store == NULL) {
		b->store = malloc(b->blen);
		b->hold = malloc(b->blen);
	}
	b->on = f;
	if (m_world.writers)
		b->writer = 2;
	reset(b);
	return 0;
}

/* What a locked descriptor still answers. */
static bool
harmless(unsigned long req)
{
	return req == B_BIOCGBLEN || req == B_BIOCGDLT ||
	    req == B_BIOCGETIF || req == B_BIOCGSTATS ||
	    req == B_BIOCLOCK || req == B_BIOCIMMEDIATE ||
	    req == B_BIOCSTSTAMP;
}

int
m_bpf_ioctl(struct m_bpf *b, unsigned long req, void *argp)
{
	uint8_t *arg = argp;

	if (b->locked && !harmless(req))
		return m_fail(B_EPERM);
	switch (req) {
	case B_BIOCSBLEN:
		if (b->on != NULL)
			return m_fail(B_EINVAL);
		b->blen = get32(arg);
		if (b->blen > m_world.maxbufsize)
			b->blen = m_world.maxbufsize;
		if (b->blen < MIN_BUF)
			b->blen = MIN_BUF;
		put(arg, b->blen, 4);
		return 0;
	case B_BIOCGBLEN:
		put(arg, b->blen, 4);
		return 0;
	case B_BIOCIMMEDIATE:
		b->immediate = get32(arg);
		return 0;
	case B_BIOCSHDRCMPLT:
		b->hdrcmplt = get32(arg);
		return 0;
	case B_BIOCSDIRECTION:
		if (get32(arg) > 2)
			return m_fail(B_EINVAL);
		b->direction = get32(arg);
		return 0;
	case B_BIOCSTSTAMP:
		if ((get32(arg) & ~0x303U) != 0)
			return m_fail(B_EINVAL);
		b->tstamp = get32(arg);
		assert((b->tstamp & 3) == 0);	/* others: another header */
		return 0;
	case B_BIOCSETF:
		reset(b);
		if (b->on != NULL && b->writer > 0)
			b->writer--;
		return set_filter(&b->in, arg);
	case B_BIOCSETWF:
		return set_filter(&b->out, arg);
	case B_BIOCSETIF:
		return attach(b, arg);
	case B_BIOCGETIF:
		if (b->on == NULL)
			return m_fail(B_EINVAL);
		memcpy(arg, b->on->name, 16);
		return 0;
	case B_BIOCGDLT:
		if (b->on == NULL)
			return m_fail(B_EINVAL);
		put(arg, b->on->dlt, 4);
		return 0;
	case B_BIOCGSTATS:
		put(arg, b->recv, 4);
		put(arg + 4, b->drop, 4);
		return 0;
	case B_BIOCLOCK:
		b->locked = true;
		return 0;
	}
	return m_fail(B_ENOTTY);
}
