/* SPDX-License-Identifier: GPL-2.0-only */
/* FreeBSD, the network: frames in and out by /dev/bpf. */

#include <sys/types.h>
#include <sys/capsicum.h>
#include <sys/event.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/sockio.h>

#include <net/bpf.h>
#include <net/if.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "dat.h"
#include "fns.h"
#include "freebsd.h"

/*
 * An interface and the descriptor that hears and speaks on it.  When the
 * interface goes, the kernel detaches the descriptor, and a locked one can be
 * attached to nothing else.  So there is a spare: with buffer and filters set
 * but no interface yet, and in capability mode unable to change anything but
 * the interface.  Once the first has lost its own it serves for good.
 */
struct port {
	int		 fd;		/* -1: none left */
	int		 spare;		/* -1: it is fd now */
	bool		 attached;
	bool		 told;		/* the operator knows why it is not */
	unsigned	 dropped;	/* the kernel's count, as last read */
	int		 tries;		/* to send in vain, since it sent */
	uint8_t		*buf;		/* one batch, as read() gives it */
	size_t		 len, next;	/* bytes in it, and handed out */
};

struct net {
	int		 kq;		/* readable when a port is */
	int		 news_fd;	/* route socket: links changed */
	int		 ask_fd;	/* any socket, to ask about links */
	unsigned	 shelf, slot;
	u_int		 blen;		/* bytes of a buffer, as was granted */
	bool		 taken;		/* frames are out, until net_release */
	int64_t		 looked_ns;	/* at the links */
	struct port	 ports[MAX_NETIFS];	/* by the links' index */
	struct link	 links[MAX_NETIFS];
	int		 nlinks;
};

enum {
	BPF_BYTES = 512 << 10,	/* net.bpf.maxbufsize, unless it was changed */
	RECORD_HDR = offsetof(struct bpf_hdr, bh_hdrlen) + sizeof(u_short),
	NAME_BYTES = sizeof(((struct link *)0)->name),
	LOOK_S = 1,	/* frames come in: look at the links so often */
};

#define LISTER	"ifconfig -l"	/* what shows an operator the interfaces */

_Static_assert(NAME_BYTES == IFNAMSIZ, "names of interfaces fit");

/*
 * Opening and attaching.
 */
/* A descriptor with everything set but the interface: no frame comes to it
 * past the filter. */
static int
open_bpf(struct net *n)
{
	u_int blen = BPF_BYTES, yes = 1, in = BPF_D_IN;
	u_int stamp = BPF_T_MICROTIME_MONOTONIC;
	int fd = open("/dev/bpf", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd == -1 && (errno == EACCES || errno == EPERM))
		errx(1, "/dev/bpf: %s; run as root, or let devfs.rules(5) give "
		    "you the device", strerror(errno));
	if (fd == -1)
		err(1, "/dev/bpf");
	/* the kernel lowers it to what it grants, and takes it from nobody
	 * who has an interface already */
	if (ioctl(fd, BIOCSBLEN, &blen) == -1 ||
	    ioctl(fd, BIOCGBLEN, &n->blen) == -1)
		err(1, "/dev/bpf: buffer");
	if (ioctl(fd, BIOCIMMEDIATE, &yes) == -1 ||
	    ioctl(fd, BIOCSHDRCMPLT, &yes) == -1 ||
	    ioctl(fd, BIOCSDIRECTION, &in) == -1 ||
	    ioctl(fd, BIOCSTSTAMP, &stamp) == -1)
		err(1, "/dev/bpf: mode");
	if (freebsd_hear(fd, n->shelf, n->slot) == -1 ||
	    freebsd_speak(fd, n->shelf, n->slot) == -1)
		err(1, "/dev/bpf: filter");
	return fd;
}

static int
attach(struct net *n, int i)
{
	struct port *p = &n->ports[i];
	struct kevent ev;
	struct ifreq ifr;
	u_int dlt;

	memset(&ifr, 0, sizeof(ifr));
	memcpy(ifr.ifr_name, n->links[i].name, IFNAMSIZ);
	if (ioctl(p->fd, BIOCSETIF, &ifr) == -1 ||
	    ioctl(p->fd, BIOCGDLT, &dlt) == -1)
		return -1;
	if (dlt != DLT_EN10MB) {
		errno = EPROTOTYPE;
		return -1;
	}
	EV_SET(&ev, p->fd, EVFILT_READ, EV_ADD, 0, 0, p);
	if (kevent(n->kq, &ev, 1, NULL, 0, NULL) == -1)
		return -1;
	p->attached = true;
	p->told = false;
	return 0;
}

static int
look(struct net *n, int i)
{
	return freebsd_look(n->ask_fd, n->ports[i].attached ? n->ports[i].fd :
	    -1, &n->links[i]);
}

/* The interface has gone, or has another name now. */
static void
lose(struct net *n, int i)
{
	struct port *p = &n->ports[i];
	struct kevent ev;

	/* with nothing attached it may be readable for ever */
	EV_SET(&ev, p->fd, EVFILT_READ, EV_DELETE, 0, 0, NULL);
	kevent(n->kq, &ev, 1, NULL, 0, NULL);
	if (p->spare != -1) {
		close(p->fd);
		p->fd = p->spare;
		p->spare = -1;
		p->dropped = 0;
	}
	p->attached = false;
	n->links[i].up = false;
	n->links[i].index = 0;
}

/* An interface that came back has the same index as often as not; but the
 * descriptor knows whether it has lost the one it had. */
static bool
holds(const struct port *p, const struct link *l)
{
	struct ifreq ifr;

	return ioctl(p->fd, BIOCGETIF, &ifr) == 0 &&
	    strncmp(ifr.ifr_name, l->name, IFNAMSIZ) == 0;
}

static void
check_link(struct net *n, int i)
{
	struct port *p = &n->ports[i];
	struct link *l = &n->links[i];

	if (p->attached && !holds(p, l))
		lose(n, i);
	if (look(n, i) == 0) {
		/* once more for the MTU that can be sent */
		if (p->attached || (attach(n, i) == 0 && look(n, i) == 0))
			return;
		/* while it comes into being bpf does not know it yet */
		if (l->up && !p->told) {
			log_event(LOG_ERR, "%s: /dev/bpf: %s", l->name,
			    strerror(errno));
			p->told = true;
		}
	}
	l->index = 0;
	l->up = false;
}

static void
check_links(struct net *n)
{
	int i;

	n->looked_ns = monotonic_ns();
	for (i = 0; i < n->nlinks; i++)
		check_link(n, i);
}

static void
open_port(struct net *n, int i)
{
	struct port *p = &n->ports[i];
	struct link *l = &n->links[i];
	unsigned k;

	p->fd = open_bpf(n);
	p->spare = open_bpf(n);
	p->buf = malloc(n->blen);
	if (p->buf == NULL)
		err(1, "memory");
	links_begin(l, attach(n, i) == -1 || look(n, i) == -1 ? errno : 0,
	    LISTER);
	/* under net.bpf.optimize_writers the kernel takes whom it saw set
	 * no filter since for a mere writer, and the first for a formality */
	for (k = 0; k < 2; k++)
		if (freebsd_hear(p->fd, n->shelf, n->slot) == -1)
			err(1, "/dev/bpf: filter");
	if (ioctl(p->fd, BIOCLOCK) == -1)
		err(1, "/dev/bpf: lock");
}

/* What each descriptor is for, and no more. */
static void
limit_all(const struct net *n)
{
	static const unsigned long locked[] = { BIOCGETIF, BIOCGSTATS };
	static const unsigned long spare[] = {
		BIOCSETIF, BIOCGETIF, BIOCGDLT, BIOCGSTATS
	};
	static const unsigned long ask[] = {
		SIOCGIFCONF, SIOCGIFMTU, SIOCGIFFLAGS, SIOCGIFMEDIA
	};
	cap_rights_t r;
	int i;

	cap_rights_init(&r, CAP_READ, CAP_WRITE, CAP_EVENT, CAP_IOCTL);
	for (i = 0; i < n->nlinks; i++) {
		freebsd_limit(n->ports[i].fd, &r, locked,
		    sizeof(locked) / sizeof(locked[0]));
		freebsd_limit(n->ports[i].spare, &r, spare,
		    sizeof(spare) / sizeof(spare[0]));
	}
	cap_rights_init(&r, CAP_IOCTL);
	freebsd_limit(n->ask_fd, &r, ask, sizeof(ask) / sizeof(ask[0]));
	cap_rights_init(&r, CAP_READ, CAP_EVENT);
	freebsd_limit(n->news_fd, &r, NULL, 0);
	cap_rights_init(&r, CAP_KQUEUE, CAP_EVENT);
	freebsd_limit(n->kq, &r, NULL, 0);
}

/* Frames that can wait on a link, in the two buffers that the kernel fills in
 * turn. */
static unsigned
capacity(const struct net *n)
{
	size_t bytes = BPF_WORDALIGN(RECORD_HDR + ETH_HDR +
	    (size_t)links_mtu(n->links, n->nlinks));

	return (unsigned)(n->blen / bytes * 2);
}

struct net *
net_open(const char *netif, unsigned shelf, unsigned slot, unsigned *bufcnt)
{
	struct net *n = calloc(1, sizeof(*n));
	int i;

	if (n == NULL)
		err(1, "memory");
	n->shelf = shelf;
	n->slot = slot;
	n->nlinks = links_parse(n->links, netif, LISTER);
	n->kq = kqueue();
	if (n->kq == -1)
		err(1, "kqueue");
	n->ask_fd = socket(AF_LOCAL, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	n->news_fd = socket(PF_ROUTE, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (n->ask_fd == -1 || n->news_fd == -1)
		err(1, "socket");
	for (i = 0; i < n->nlinks; i++)
		open_port(n, i);
	if (capacity(n) < MIN_BUFS)
		errx(1, "/dev/bpf: a buffer of %u bytes is too small; raise "
		    "the sysctl net.bpf.maxbufsize", n->blen);
	if (*bufcnt > capacity(n))
		*bufcnt = capacity(n);
	limit_all(n);
	setproctitle("e%u.%u %s", shelf, slot, netif);
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
	fds[0] = (struct pollfd){ .fd = n->kq, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = n->news_fd, .events = POLLIN };
	return 2;
}

void
net_refresh(struct net *n)
{
	char message[2048];
	bool lost = false;	/* no matter: all is looked at below */

	while (links_hear(n->news_fd, message, sizeof(message), &lost) > 0)
		;
	check_links(n);
}

/*
 * Frames.
 */

/* One record of a batch. */
struct record {
	int64_t	ns;		/* when it came, since boot */
	size_t	data, len;	/* the frame: where in the batch, bytes */
	size_t	next;		/* where the next record begins */
	bool	whole;		/* all of it is here */
};

/* Read the record at p->next.  Returns -1 when it cannot be one. */
static int
read_record(const struct port *p, struct record *r)
{
	size_t left = p->len - p->next;
	struct bpf_hdr h;

	if (left < RECORD_HDR)
		return -1;
	memcpy(&h, p->buf + p->next, RECORD_HDR);
	if (h.bh_hdrlen < RECORD_HDR || h.bh_hdrlen > left ||
	    h.bh_caplen > left - h.bh_hdrlen || h.bh_caplen > h.bh_datalen)
		return -1;
	if (h.bh_tstamp.tv_sec < 0 || h.bh_tstamp.tv_sec > INT32_MAX ||
	    h.bh_tstamp.tv_usec < 0 || h.bh_tstamp.tv_usec >= 1000000)
		return -1;
	r->ns = h.bh_tstamp.tv_sec * NS + h.bh_tstamp.tv_usec * 1000;
	r->data = p->next + h.bh_hdrlen;
	r->len = h.bh_caplen;
	r->whole = h.bh_caplen == h.bh_datalen;
	/* each begins on a word, so there is padding; not after the last */
	r->next = p->next + BPF_WORDALIGN(h.bh_hdrlen + (size_t)h.bh_caplen);
	if (r->next > p->len)
		r->next = p->len;
	return 0;
}

/* Take a batch from the kernel.  One whose lengths do not fit each other is
 * thrown away whole: who knows where its frames begin? */
static void
fill(struct net *n, struct port *p, struct counters *count)
{
	struct record r;
	ssize_t got;

	do	/* the kernel insists on just this size */
		got = read(p->fd, p->buf, n->blen);
	while (got == -1 && errno == EINTR);
	p->len = p->next = 0;
	if (got == -1 && errno == ENXIO)
		check_link(n, (int)(p - n->ports));
	if (got <= 0 || (size_t)got > n->blen)
		return;
	for (p->len = (size_t)got; p->next < p->len; p->next = r.next)
		if (read_record(p, &r) == -1) {
			p->len = 0;
			count->ring_lost++;
			break;
		}
	p->next = 0;
}

bool
net_waits(const struct net *n)
{
	const struct port *p;

	for (p = n->ports; p < n->ports + n->nlinks; p++)
		if (p->next < p->len)
			return true;
	return false;
}

/*
 * Read every port that has something and nothing left of the last time.
 * Asking the kqueue also makes it forget what has been read.  After it was
 * asked, a frame may come in on a port that had none, and another one on a port
 * before that is read: with several links it is asked until it knows of no
 * port more, so that what is read is all that came in before it.
 */
static bool
fill_all(struct net *n, struct counters *count)
{
	static const struct timespec now;
	struct kevent ev[MAX_NETIFS];
	struct port *p;
	bool more = !n->taken;
	int i, k;

	while (more) {
		k = kevent(n->kq, NULL, 0, ev, MAX_NETIFS, &now);
		more = false;
		for (i = 0; i < k; i++) {
			p = ev[i].udata;
			if (p->next != p->len)
				continue;
			fill(n, p, count);
			more = more || (n->nlinks > 1 && p->len > 0);
		}
	}
	return net_waits(n);
}

/* The port whose first record came first: what is asked on several links
 * happens in the order of arrival. */
static struct port *
earliest(struct net *n, struct record *r)
{
	struct port *p, *first = NULL;
	struct record each;

	for (p = n->ports; p < n->ports + n->nlinks; p++)
		if (p->next < p->len && read_record(p, &each) == 0 &&
		    (first == NULL || each.ns < r->ns)) {
			first = p;
			*r = each;
		}
	return first;
}

int
net_recv(struct net *n, struct frame *f, int max, struct counters *count)
{
	const int64_t now = monotonic_ns(), oldest = now - STALE_S * NS;
	struct port *p;
	struct record r;
	int got = 0;

	while (got == 0 && max > 0 && fill_all(n, count)) {
		/* the kernel tells nobody of another address */
		if (now - n->looked_ns >= LOOK_S * NS)
			check_links(n);
		while (got < max && (p = earliest(n, &r)) != NULL) {
			p->next = r.next;
			f[got] = (struct frame){
				.data = p->buf + r.data,
				.len = r.len,
				.link = &n->links[p - n->ports],
				.when_ns = r.ns,
			};
			if (!r.whole)
				count->truncated++;
			else if (r.ns < oldest)
				count->stale++;
			else
				got++;
			/* what came next there may be with the kernel yet */
			if (p->next == p->len && n->nlinks > 1)
				break;
		}
	}
	n->taken = n->taken || got > 0;
	return got;
}

int64_t
net_clock(void)
{
	return monotonic_ns();
}

void
net_release(struct net *n)
{
	n->taken = false;
}

void
net_send(struct net *n, const struct frame *f, int nframes,
    struct counters *count)
{
	int i, k;

	for (i = 0; i < nframes; i++) {
		k = (int)(f[i].link - n->links);
		if (write(n->ports[k].fd, f[i].data, f[i].len) != -1) {
			count->answered++;
			n->ports[k].tries = 0;
			continue;
		}
		if (links_again(-1, &n->ports[k].tries)) {
			i--;
			continue;
		}
		/* the link's trouble, not ours: the initiator asks again */
		count->send_lost++;
		if (errno == ENXIO)
			check_link(n, k);
	}
}

void
net_stats(struct net *n, struct counters *count)
{
	struct bpf_stat st;
	struct port *p;

	/* the kernel counts from when the interface was attached */
	for (p = n->ports; p < n->ports + n->nlinks; p++) {
		if (ioctl(p->fd, BIOCGSTATS, &st) == -1)
			continue;
		count->ring_lost += st.bs_drop >= p->dropped ?
		    st.bs_drop - p->dropped : st.bs_drop;
		p->dropped = st.bs_drop;
	}
}

void
net_close(struct net *n)
{
	struct port *p;

	for (p = n->ports; p < n->ports + n->nlinks; p++) {
		close(p->fd);
		if (p->spare != -1)
			close(p->spare);
		free(p->buf);
	}
	close(n->kq);
	close(n->ask_fd);
	close(n->news_fd);
	free(n);
}
