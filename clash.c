/* SPDX-License-Identifier: GPL-2.0-only */
/* Another target under our address: looked for at the start, told of later. */

#include <err.h>
#include <poll.h>
#include <unistd.h>

#include "dat.h"
#include "fns.h"

/* Ours and nobody else's, so that an answer to it is no answer to another's
 * question; with the top bit set a Linux initiator takes no notice. */
static void
make_tag(uint8_t tag[static 4])
{
	const unsigned pid = (unsigned)getpid();

	put_be16(tag, 0x8000 | (pid >> 16 & 0x7fff));
	put_be16(tag + 2, pid & 0xffff);
}

void
clash_ask(struct target *t, struct net *net, struct link *l)
{
	uint8_t frame[ETH_FLOOR], tag[4];
	struct frame f = { .data = frame, .link = l };

	make_tag(tag);
	f.len = aoe_query(t, l, tag, frame);
	net_send(net, &f, 1, &t->count);
}

/* Is the response from an address of this blade?  Its links may be on one
 * Ethernet and hear each other. */
static bool
from_us(struct net *net, const struct frame *f)
{
	const struct aoe_hdr *h = (const void *)f->data;
	struct link *l;
	int i, n = net_links(net, &l);

	for (i = 0; i < n; i++)
		if (memcmp(h->src, l[i].mac, 6) == 0)
			return true;
	return false;
}

/* The same before we have answered anything: on the loopback interface,
 * where all have one address, what answers our question is another. */
static bool
answers_us(struct net *net, const struct frame *f)
{
	const struct aoe_hdr *h = (const void *)f->data;
	uint8_t tag[4];

	if (!mac_zero(f->link->mac))
		return !from_us(net, f);
	make_tag(tag);
	return memcmp(h->tag, tag, 4) == 0;
}

static _Noreturn void
refuse(const struct target *t, const struct frame *f)
{
	const struct aoe_hdr *h = (const void *)f->data;

	errx(1, "e%u.%u: in use by another target, " MAC_FMT " on %s; stop "
	    "that one, give another shelf or slot, or -a if both serve one "
	    "store",
	    t->shelf, t->slot, MAC_ARGS(h->src), f->link->name);
}

static void
listen_until(struct target *t, struct net *net, int64_t end_ns)
{
	struct frame f[MAX_BATCH];
	struct pollfd fds[2];
	int64_t left_ns;
	int i, n;

	while ((left_ns = end_ns - monotonic_ns()) > 0) {
		net_pollfds(net, fds);
		poll(fds, 1, (int)((left_ns + MS - 1) / MS));
		n = net_recv(net, f, MAX_BATCH, &t->count);
		for (i = 0; i < n; i++)
			if (aoe_rival(t, &f[i]) && answers_us(net, &f[i]))
				refuse(t, &f[i]);
		net_release(net);
	}
}

void
clash_look(struct target *t, struct net *net)
{
	struct link *l;
	int i, n = net_links(net, &l), try;
	bool asked;

	for (try = 0; try < PROBE_TRIES; try++) {
		asked = false;
		for (i = 0; i < n; i++)
			if (l[i].up) {
				clash_ask(t, net, &l[i]);
				asked = true;
			}
		if (!asked)
			return;
		listen_until(t, net, monotonic_ns() + PROBE_MS * MS);
	}
}

void
clash_tell(struct target *t, struct net *net, const struct frame *f)
{
	const struct aoe_hdr *h = (const void *)f->data;
	int64_t now;

	if (t->shared || from_us(net, f))
		return;
	t->count.clashes++;
	now = monotonic_ns();
	if (t->clash_ns != 0 && now - t->clash_ns < CLASH_LOG_S * NS)
		return;
	t->clash_ns = now;
	log_event(LOG_WARNING, "e%u.%u: another target has this address, too, "
	    MAC_FMT " on %s; initiators mix them up: stop one", t->shelf,
	    t->slot, MAC_ARGS(h->src), f->link->name);
}
