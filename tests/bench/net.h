/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The socket of a load.
 *
 * What the load costs must not hide what the target costs.  On a veth pair
 * the sender's system call runs the receiver's side too, so whatever our
 * socket does with a reply is paid by the target: the socket has a ring, a
 * filter of three instructions that keeps only the headers, and, unless
 * somebody is in ring_sleep, no sleeper to wake.
 */

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/if.h>

#include <err.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "wire.h"

enum {
	SNAP		= 64,		/* bytes of a reply that we look at */
	RING_FRAME	= 256,		/* bytes of a ring slot */
	RING_SLOTS	= 4096,
};

struct net {
	int		 sock;
	uint8_t		*ring;
	unsigned	 at;		/* the slot whose turn it is */
	uint8_t		 mac[6];
};

static inline void
net_filter(int sock)
{
	struct sock_filter code[] = {
		{ 0x30, 0, 0, 14 },		/* version and flags */
		{ 0x45, 0, 1, 0x08 },		/* a response? */
		{ 0x06, 0, 0, SNAP },
		{ 0x06, 0, 0, 0 },
	};
	struct sock_fprog prog = { 4, code };

	if (setsockopt(sock, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
	    sizeof(prog)) < 0)
		err(1, "SO_ATTACH_FILTER");
}

static inline void
net_ring(struct net *n)
{
	struct tpacket_req req = {
		.tp_block_size = 65536,
		.tp_block_nr = RING_SLOTS * RING_FRAME / 65536,
		.tp_frame_size = RING_FRAME,
		.tp_frame_nr = RING_SLOTS,
	};
	int v = TPACKET_V2;

	if (setsockopt(n->sock, SOL_PACKET, PACKET_VERSION, &v,
	    sizeof(v)) < 0)
		err(1, "PACKET_VERSION");
	if (setsockopt(n->sock, SOL_PACKET, PACKET_RX_RING, &req,
	    sizeof(req)) < 0)
		err(1, "PACKET_RX_RING");
	n->ring = mmap(NULL, (size_t)RING_SLOTS * RING_FRAME,
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, n->sock, 0);
	if (n->ring == MAP_FAILED)
		err(1, "the ring");
}

static inline void
net_bind(struct net *n, const char *netif)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(TYPE_AOE),
	};
	struct ifreq ifr;
	int one = 1, room = 8 << 20;

	memset(&ifr, 0, sizeof(ifr));
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", netif);
	if (ioctl(n->sock, SIOCGIFHWADDR, &ifr) < 0)
		err(1, "%s", netif);
	memcpy(n->mac, ifr.ifr_hwaddr.sa_data, 6);
	if (setsockopt(n->sock, SOL_PACKET, PACKET_QDISC_BYPASS, &one,
	    sizeof(one)) < 0)
		warn("PACKET_QDISC_BYPASS");
	if (setsockopt(n->sock, SOL_SOCKET, SO_SNDBUFFORCE, &room,
	    sizeof(room)) < 0)
		warn("SO_SNDBUFFORCE");
	to.sll_ifindex = (int)if_nametoindex(netif);
	if (bind(n->sock, (struct sockaddr *)&to, sizeof(to)) < 0)
		err(1, "%s", netif);
}

static inline void
net_open(struct net *n, const char *netif)
{
	/* Protocol 0: nothing arrives before the filter is there. */
	n->sock = socket(AF_PACKET, SOCK_RAW, 0);
	if (n->sock < 0)
		err(1, "packet socket");
	net_filter(n->sock);
	net_ring(n);
	net_bind(n, netif);
}

static inline struct tpacket2_hdr *
ring_head(struct net *n)
{
	struct tpacket2_hdr *h;

	h = (void *)(n->ring + (size_t)n->at * RING_FRAME);
	if (!(__atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) &
	    TP_STATUS_USER))
		return NULL;
	return h;
}

static inline void
ring_next(struct net *n, struct tpacket2_hdr *h)
{
	__atomic_store_n(&h->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	n->at = (n->at + 1) % RING_SLOTS;
}

static inline void
ring_sleep(const struct net *n, int ms)
{
	struct pollfd p = { .fd = n->sock, .events = POLLIN };

	poll(&p, 1, ms);
}
