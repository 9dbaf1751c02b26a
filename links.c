/* SPDX-License-Identifier: GPL-2.0-only */
/* The interfaces of a blade: what no system does in a way of its own. */

#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "dat.h"
#include "fns.h"

int
links_parse(struct link links[static MAX_NETIFS], const char *netif,
    const char *lister)
{
	const char *list = netif;
	size_t len;
	int i, n = 0;

	for (;; netif += len + 1) {
		len = strcspn(netif, ",");
		if (len == 0)
			errx(1, "%s: not the name of an interface; see %s",
			    list, lister);
		if (len >= sizeof(links[n].name))
			errx(1, "%.*s: not the name of an interface; see %s",
			    (int)len, netif, lister);
		if (n == MAX_NETIFS)
			errx(1, "%s: more than %d interfaces; start another "
			    "vblade for the rest", netif, MAX_NETIFS);
		memcpy(links[n].name, netif, len);
		for (i = 0; i < n; i++)
			if (strcmp(links[i].name, links[n].name) == 0)
				errx(1, "%s: named twice; name it once",
				    links[n].name);
		n++;
		if (netif[len] == '\0')
			return n;
	}
}

void
links_begin(struct link *l, int error, const char *lister)
{
	if (error == EPROTOTYPE)
		errx(1, "%s: not an Ethernet interface; AoE needs one (tap, "
		    "not tun)", l->name);
	if (error != 0)
		errx(1, "%s: %s; %s lists the interfaces", l->name,
		    strerror(error), lister);
	if (aoe_maxnsec(l->mtu) == 0)
		errx(1, "%s: MTU %u carries no sector; raise it to %zu or more",
		    l->name, l->mtu, PAYLOAD + SECTOR);
	l->news = true;
}

void
links_update(struct link *l, const struct link *now)
{
	const bool news = l->news || now->index != l->index ||
	    now->mtu != l->mtu || (now->up && !l->up) ||
	    memcmp(now->mac, l->mac, sizeof(l->mac)) != 0;

	*l = *now;
	l->news = news;
}

unsigned
links_mtu(const struct link *l, int n)
{
	unsigned mtu = 0;

	for (; n > 0; n--, l++)
		if (l->mtu > mtu)
			mtu = l->mtu;
	return mtu;
}

size_t
links_hear(int fd, void *buf, size_t size, bool *lost)
{
	ssize_t r;

	do {
		r = recv(fd, buf, size, 0);
		if (r == -1 && errno == ENOBUFS)
			*lost = true;
	} while (r == -1 && (errno == EINTR || errno == ENOBUFS));
	return r > 0 ? (size_t)r : 0;
}

bool
links_again(int fd, int *tries)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };

	if (errno == EINTR)
		return true;
	if (errno != EAGAIN && errno != ENOBUFS && errno != ENOMEM)
		return false;
	if (*tries == SEND_TRIES)
		return false;
	++*tries;
	/* a driver's queue has no poll: give it time */
	if (errno == EAGAIN && fd != -1)
		poll(&pfd, 1, SEND_PAUSE_MS);
	else
		usleep(100U << *tries);
	return true;
}
