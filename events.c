/* SPDX-License-Identifier: GPL-2.0-only */
/* -v: what initiators do besides reading and writing. */

#include <stdio.h>

#include "dat.h"
#include "fns.h"

enum { SHOWN = 8 };		/* addresses of a list, then dots */

static const char *
addresses(const struct maclist *l, char *text, size_t max)
{
	size_t n = 0;
	unsigned i;

	(void)snprintf(text, max, " nobody");
	for (i = 0; i < l->n && i < SHOWN; i++)
		n += (size_t)snprintf(text + n, max - n, " " MAC_FMT,
		    MAC_ARGS(l->mac[i]));
	if (l->n > SHOWN)
		(void)snprintf(text + n, max - n, " ...");
	return text;
}

static const char *const things[] = {
	[AOE_CONFIG]	= "config string",
	[AOE_MASK]	= "mask list",
	[AOE_RESERVE]	= "reservation",
};

static void
tell_change(const struct target *t, const struct link *l,
    const struct aoe_hdr *h)
{
	char text[SHOWN * 18 + 8];

	if (h->cmd == AOE_CONFIG)
		log_event(LOG_INFO, MAC_FMT " on %s: config string of %u "
		    "bytes set", MAC_ARGS(h->src), l->name, t->nconfig);
	else
		log_event(LOG_INFO, MAC_FMT " on %s: %s, %u now:%s",
		    MAC_ARGS(h->src), l->name, things[h->cmd],
		    h->cmd == AOE_MASK ? t->masks.n : t->reserve.n,
		    addresses(h->cmd == AOE_MASK ? &t->masks : &t->reserve,
		    text, sizeof(text)));
}

void
events_tell(const struct target *t, const struct frame *f,
    const struct request *r, bool changed)
{
	const struct aoe_hdr *h = (const void *)f->data;
	const struct aoe_hdr *reply = (const void *)r->reply;

	if (h->cmd == AOE_ATA || h->cmd > AOE_RESERVE)
		return;
	if ((reply->ver_flags & AOE_E) != 0)
		log_event(LOG_INFO, MAC_FMT " on %s: %s refused, AoE error "
		    "%u", MAC_ARGS(h->src), f->link->name, things[h->cmd],
		    reply->error);
	else if (changed)
		tell_change(t, f->link, h);
	else if (h->cmd == AOE_CONFIG)
		log_event(LOG_DEBUG, MAC_FMT " on %s: discovery",
		    MAC_ARGS(h->src), f->link->name);
}
