/* SPDX-License-Identifier: GPL-2.0-only */
/* Linux, the network: frames in by a receive ring, out in batches. */

#include <sys/mman.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <linux/if_packet.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dat.h"
#include "fns.h"
#include "linux.h"

/*
 * The kernel writes each frame into the next slot of a ring that we share:
 * no system call brings it here, and the number of frames that can wait is
 * exactly the number of slots, whatever the sysctls say about buffers.
 */
struct ring {
	uint8_t		*map;
	size_t		 bytes;
	unsigned	 block;		/* bytes of a block of slots */
	unsigned	 per_block;	/* slots in it */
	unsigned	 slot;		/* bytes */
	unsigned	 nslots;
	unsigned	 next;		/* the slot that fills next */
	unsigned	 taken;		/* slots handed out before it */
};

struct net {
	int		 fd;		/* packet socket, hears all links */
	int		 out[MAX_NETIFS];	/* one each to send by, deaf */
	int		 tries[MAX_NETIFS];	/* in vain, since it sent */
	int		 news_fd;	/* netlink: links changed */
	unsigned	 shelf, slot;
	unsigned	 bufcnt;
	struct ring	 ring;
	struct link	 links[MAX_NETIFS];
	int		 owner[MAX_NETIFS];	/* see linux_heed */
	int		 nlinks;
	int64_t		 empty_ns;	/* when nothing waited, since boot */
	int64_t		 set_ns;	/* wall clock minus that, then */
	int64_t		 tried_ns;	/* to get a ring, by monotonic_ns */
};

/* The ring puts an Ethernet header where the network header, which follows,
 * is aligned; with this much before it the payload lies on a sector. */
enum {
	MAC_OFFSET = TPACKET_ALIGN(TPACKET2_HDRLEN + 16) - ETH_HDR,
	RESERVE = SECTOR - (MAC_OFFSET + PAYLOAD) % SECTOR,
	HEADROOM = MAC_OFFSET + RESERVE,
	VLAN_TAG = 4,
};

#define LISTER	"ip link"	/* what shows an operator the interfaces */

/*
 * The ring.
 */
static void
ring_close(struct net *n)
{
	struct tpacket_req none;

	memset(&none, 0, sizeof(none));
	if (n->ring.map != NULL)
		munmap(n->ring.map, n->ring.bytes);
	n->ring.map = NULL;
	/* the kernel may have one that could not be mapped */
	setsockopt(n->fd, SOL_PACKET, PACKET_RX_RING, &none, sizeof(none));
}

/* What the largest frame of any link needs, bytes. */
static unsigned
slot_bytes(const struct net *n)
{
	return HEADROOM + ETH_HDR + VLAN_TAG + links_mtu(n->links, n->nlinks);
}

static int
ring_try(struct net *n, unsigned nslots)
{
	const unsigned page = (unsigned)sysconf(_SC_PAGESIZE);
	struct ring *r = &n->ring;
	struct tpacket_req req;
	unsigned want;

	r->slot = (slot_bytes(n) + SECTOR - 1) / SECTOR * SECTOR;
	want = r->slot < 16 * page ? 16 * page : r->slot;
	r->block = (want + page - 1) / page * page;
	r->per_block = r->block / r->slot;
	req = (struct tpacket_req){
		.tp_block_size = r->block,
		.tp_block_nr = (nslots + r->per_block - 1) / r->per_block,
		.tp_frame_size = r->slot,
	};
	req.tp_frame_nr = req.tp_block_nr * r->per_block;
	if (setsockopt(n->fd, SOL_PACKET, PACKET_RX_RING, &req,
	    sizeof(req)) == -1)
		return -1;
	r->nslots = req.tp_frame_nr;
	r->bytes = (size_t)r->block * req.tp_block_nr;
	r->next = r->taken = 0;
	r->map = mmap(NULL, r->bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
	    n->fd, 0);
	if (r->map == MAP_FAILED) {
		r->map = NULL;
		return -1;
	}
	return 0;
}

/* As many slots as serve several initiators, or at least what is promised,
 * or what the kernel has memory for.  Returns slots, or 0. */
static unsigned
ring_open(struct net *n)
{
	size_t slot = slot_bytes(n);
	size_t most = RING_BYTES / slot;
	unsigned want = n->bufcnt;

	if (most > (size_t)n->bufcnt * RING_SHARE)
		most = (size_t)n->bufcnt * RING_SHARE;
	if (most > want)
		want = (unsigned)most;
	if (want > RING_LIMIT / slot)
		want = (unsigned)(RING_LIMIT / slot);
	for (; want >= MIN_BUFS; want /= 2) {
		if (ring_try(n, want) == 0)
			return n->ring.nslots;
		ring_close(n);
	}
	return 0;
}

static struct tpacket2_hdr *
ring_slot(const struct ring *r, unsigned i)
{
	return (void *)(r->map + (size_t)(i / r->per_block) * r->block +
	    (size_t)(i % r->per_block) * r->slot);
}

/*
 * The socket is bound to the protocol but to no interface: so it hears
 * nothing of an interface's death, and one that comes back under the same
 * name needs but a new filter.
 */
static void
open_socket(struct net *n)
{
	const int version = TPACKET_V2, reserve = RESERVE;

	n->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (n->fd == -1 && errno == EPERM)
		errx(1, "packet socket: %s; run as root or grant CAP_NET_RAW",
		    strerror(errno));
	if (n->fd == -1)
		err(1, "packet socket");
	if (setsockopt(n->fd, SOL_PACKET, PACKET_VERSION, &version,
	    sizeof(version)) == -1 ||
	    setsockopt(n->fd, SOL_PACKET, PACKET_RESERVE, &reserve,
	    sizeof(reserve)) == -1)
		err(1, "packet socket: receive ring");
}

/* Replies leave by a socket that is bound to the interface, so that the kernel
 * need not look it up for each, and to no protocol: it hears nothing. */
static int
bind_out(const struct net *n, int i)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_ifindex = n->links[i].index,
	};

	return bind(n->out[i], (void *)&at, sizeof(at));
}

static void
open_out(struct net *n, int i)
{
	const int on = 1, bytes = RING_BYTES;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	n->out[i] = fd;
	if (fd == -1 || bind_out(n, i) == -1)
		err(1, "%s: packet socket", n->links[i].name);
	/* Straight to the driver; net_send copes with a full queue.  Not
	 * having it, or a larger buffer, only costs time. */
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes,
	    sizeof(bytes)) == -1)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

static int
hear(const struct net *n)
{
	return linux_hear(n->fd, n->links, n->nlinks, n->shelf, n->slot);
}

struct net *
net_open(const char *netif, unsigned shelf, unsigned slot, unsigned *bufcnt)
{
	struct sockaddr_ll any = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_AOE),
	};
	struct net *n = calloc(1, sizeof(*n));
	struct link *l;
	unsigned slots;
	int i;

	if (n == NULL)
		err(1, "memory");
	n->shelf = shelf;
	n->slot = slot;
	n->bufcnt = *bufcnt;
	n->nlinks = links_parse(n->links, netif, LISTER);
	open_socket(n);
	for (l = n->links; l < n->links + n->nlinks; l++)
		links_begin(l, linux_look(n->fd, l) == -1 ? errno : 0, LISTER);
	slots = ring_open(n);
	if (slots == 0)
		errx(1, "receive ring of %u frames: %s; give a smaller -b",
		    *bufcnt, strerror(errno));
	if (slots < *bufcnt)
		*bufcnt = n->bufcnt = slots;
	/* No protocol yet, so no frame has come in past the filter. */
	if (hear(n) == -1)
		err(1, "packet filter");
	if (bind(n->fd, (void *)&any, sizeof(any)) == -1)
		err(1, "packet socket: bind");
	for (i = 0; i < n->nlinks; i++)
		open_out(n, i);
	n->news_fd = linux_news(n->links, n->nlinks);
	/* what changed while we opened */
	net_refresh(n);
	return n;
}

int
net_links(struct net *n, struct link **links)
{
	*links = n->links;
	return n->nlinks;
}

int
net_pollfds(struct net *n, struct pollfd *fds)
{
	fds[0] = (struct pollfd){ .fd = n->fd, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = n->news_fd, .events = POLLIN };
	return 2;
}

static void
renew_ring(struct net *n)
{
	const bool had = n->ring.map != NULL;

	ring_close(n);
	if (ring_open(n) == 0 && had)
		log_event(LOG_ERR, "receive ring: %s; trying again",
		    strerror(errno));
	else if (n->ring.map != NULL && !had)
		log_event(LOG_NOTICE, "receive ring: there is memory again");
	n->tried_ns = monotonic_ns();
}

void
net_refresh(struct net *n)
{
	struct link *l;
	bool heard, moved = false;
	int i, index;

	heard = linux_heed(n->news_fd, n->fd, n->links, n->owner, n->nlinks);
	for (i = 0; i < n->nlinks; i++) {
		l = &n->links[i];
		index = l->index;
		if (linux_look(n->fd, l) == -1) {
			l->index = 0;
			l->up = false;
		}
		moved = moved || l->index != index;
		/* the same number does not mean that it is the same one */
		if (l->index != 0 && bind_out(n, i) == -1)
			log_event(LOG_ERR, "%s: packet socket: %s", l->name,
			    strerror(errno));
	}
	if (!heard)
		linux_ask(n->news_fd, n->links, n->nlinks);
	if (moved && hear(n) == -1)
		log_event(LOG_ERR, "packet filter: %s", strerror(errno));
	/* larger frames now; what waits in the ring is asked again */
	if (n->ring.map == NULL || slot_bytes(n) > n->ring.slot)
		renew_ring(n);
}

/*
 * Frames.
 */
static struct link *
link_of(struct net *n, int index)
{
	int i;

	for (i = 0; i < n->nlinks; i++)
		if (n->links[i].index == index && index != 0)
			return &n->links[i];
	return NULL;
}

static bool
filled(const struct ring *r, unsigned i)
{
	return (__atomic_load_n(&ring_slot(r, i)->tp_status,
	    __ATOMIC_ACQUIRE) & TP_STATUS_USER) != 0;
}

bool
net_waits(const struct net *n)
{
	return n->ring.map != NULL && filled(&n->ring, n->ring.next);
}

/*
 * After a stall (SIGSTOP, a hung device, a suspended machine) frames wait whose
 * senders have long asked again, or given the disk to another host: they are
 * dropped.  Returns the wall clock's time before which a frame is too old.
 * The kernel stamps with the wall clock, which may be set; no frame can have
 * waited for longer than since nothing waited, and that is told without it.
 */
static int64_t
too_old(struct net *n)
{
	int64_t now = clock_ns(CLOCK_BOOTTIME);
	int64_t wall = clock_ns(CLOCK_REALTIME);
	int64_t set = wall - now - n->set_ns;
	int64_t waited = now - n->empty_ns;

	if (!net_waits(n)) {
		n->empty_ns = now;
		n->set_ns = wall - now;
	}
	if (waited <= STALE_S * NS)
		return INT64_MIN;
	if (set > NS || set < -NS) {
		n->set_ns = wall - now;
		return INT64_MAX;	/* no stamp can be trusted */
	}
	return wall - STALE_S * NS;
}

/* There was no memory for a ring.  What comes in meanwhile lies in the socket's
 * own queue, and wakes us: it is lost, and tells when to try again. */
static void
without_ring(struct net *n, struct counters *count)
{
	uint8_t byte;
	int i;

	for (i = 0; i < MAX_BATCH && recv(n->fd, &byte, 1, 0) != -1; i++)
		count->ring_lost++;
	if (i > 0 && monotonic_ns() - n->tried_ns >= RING_RETRY_MS * MS)
		renew_ring(n);
}

int
net_recv(struct net *n, struct frame *f, int max, struct counters *count)
{
	struct ring *r = &n->ring;
	struct tpacket2_hdr *h;
	const struct sockaddr_ll *from;
	int64_t oldest;
	int got = 0;

	if (r->map == NULL) {
		without_ring(n, count);
		return 0;
	}
	oldest = too_old(n);
	while (got < max && r->taken < r->nslots && filled(r, r->next)) {
		h = ring_slot(r, r->next);
		if (++r->next == r->nslots)
			r->next = 0;
		r->taken++;
		from = (const void *)((uint8_t *)h +
		    TPACKET_ALIGN(sizeof(*h)));
		f[got] = (struct frame){
			.data = (uint8_t *)h + h->tp_mac,
			.len = h->tp_snaplen,
			.link = link_of(n, from->sll_ifindex),
			.when_ns = h->tp_sec * NS + h->tp_nsec,
		};
		if (h->tp_snaplen < h->tp_len)
			count->truncated++;
		else if (f[got].when_ns < oldest)
			count->stale++;
		else if (f[got].link != NULL)
			got++;
	}
	return got;
}

int64_t
net_clock(void)
{
	return clock_ns(CLOCK_REALTIME);
}

void
net_release(struct net *n)
{
	struct ring *r = &n->ring;
	unsigned i;

	for (; r->taken > 0; r->taken--) {
		i = (r->next + r->nslots - r->taken) % r->nslots;
		__atomic_store_n(&ring_slot(r, i)->tp_status,
		    TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	}
}

static void
send_by(int fd, int *tries, struct mmsghdr *msg, int nmsgs,
    struct counters *count)
{
	int i, k;

	for (i = 0; i < nmsgs; i += k) {
		k = sendmmsg(fd, msg + i, (unsigned)(nmsgs - i), MSG_DONTWAIT);
		if (k > 0) {
			count->answered += (uint64_t)k;
			*tries = 0;
			continue;
		}
		k = 0;
		if (links_again(fd, tries))
			continue;
		/* the link's trouble, not ours: the initiator asks again */
		count->send_lost++;
		k = 1;
	}
}

void
net_send(struct net *n, const struct frame *f, int nframes,
    struct counters *count)
{
	struct mmsghdr msg[MAX_BATCH];
	struct iovec iov[MAX_BATCH];
	int i, k, out;

	for (i = 0; i < nframes; i++) {
		iov[i] = (struct iovec){ f[i].data, f[i].len };
		msg[i] = (struct mmsghdr){ .msg_hdr = {
			.msg_iov = &iov[i],
			.msg_iovlen = 1,
		} };
	}
	for (i = 0; i < nframes; i += k) {
		for (k = 1; i + k < nframes && f[i + k].link == f[i].link; k++)
			;
		out = (int)(f[i].link - n->links);
		send_by(n->out[out], &n->tries[out], msg + i, k, count);
	}
}

void
net_stats(struct net *n, struct counters *count)
{
	struct tpacket_stats st;
	socklen_t len = sizeof(st);

	/* the kernel counts from the last time it was asked */
	if (getsockopt(n->fd, SOL_PACKET, PACKET_STATISTICS, &st, &len) == 0)
		count->ring_lost += st.tp_drops;
}

void
net_close(struct net *n)
{
	int i;

	ring_close(n);
	for (i = 0; i < n->nlinks; i++)
		close(n->out[i]);
	close(n->fd);
	close(n->news_fd);
	free(n);
}

void
os_hostid(char *id, size_t size)
{
	FILE *fp = fopen("/etc/machine-id", "re");

	memset(id, 0, size);
	if (fp != NULL) {
		if (fgets(id, (int)size, fp) == NULL)
			id[0] = '\0';
		(void)fclose(fp);
	}
	id[strcspn(id, "\n")] = '\0';
	if (id[0] == '\0')
		gethostname(id, size - 1);
}

int
os_board(void)
{
	return memfd_create("vblade", MFD_CLOEXEC);
}

int
os_siginfo(void)
{
	return 0;
}

void
os_name(const char *name)
{
	program_invocation_short_name = (char *)(uintptr_t)name;
}
