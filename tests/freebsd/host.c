/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The model of a FreeBSD kernel, between the program and real interfaces: it
 * takes frames from the host's packet sockets, so that real initiators on a
 * cable can talk to the FreeBSD program.  The interfaces are those of the
 * network namespace, as they come and go.
 */

#define _GNU_SOURCE
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <assert.h>
#include <err.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "model.h"

int	vblade_main(int, char **);

static int news = -1;

static void
transmit(struct m_if *f, const uint8_t *pkt, size_t len)
{
	/* a card's queue loses what it cannot send */
	(void)!send(f->host_fd, pkt, len, 0);
}

static void
packet_socket(struct m_if *f)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = f->host_index,
	};
	const int on = 1, bytes = 4 << 20;

	f->host_fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	if (f->host_fd == -1 || bind(f->host_fd, (void *)&at, sizeof(at)) == -1)
		err(1, "model: packet socket");
	setsockopt(f->host_fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes,
	    sizeof(bytes));
	setsockopt(f->host_fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	f->send = transmit;
}

static struct m_if *
known(int index)
{
	unsigned i;

	for (i = 0; i < M_IFS; i++)
		if (m_ifs[i].there && m_ifs[i].host_index == index)
			return &m_ifs[i];
	return NULL;
}

/* An interface that has gone takes the socket off, and another one under its
 * number does not put it back. */
static int
still_bound(const struct m_if *f)
{
	struct sockaddr_ll at = { .sll_ifindex = -1 };
	socklen_t len = sizeof(at);

	return getsockname(f->host_fd, (void *)&at, &len) == 0 &&
	    at.sll_ifindex == f->host_index;
}

/* The host's interfaces as they are now. */
static void
survey(void)
{
	struct if_nameindex *list = if_nameindex(), *p;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r;
	struct m_if *f;
	unsigned i;

	for (i = 0; i < M_IFS; i++) {
		if (!m_ifs[i].there)
			continue;
		for (p = list; p->if_index != 0; p++)
			if ((int)p->if_index == m_ifs[i].host_index &&
			    strcmp(p->if_name, m_ifs[i].name) == 0)
				break;
		if (p->if_index == 0 || !still_bound(&m_ifs[i])) {
			close(m_ifs[i].host_fd);
			m_if_del(&m_ifs[i]);
		}
	}
	for (p = list; p->if_index != 0; p++) {
		memset(&r, 0, sizeof(r));
		memcpy(r.ifr_name, p->if_name, strlen(p->if_name));
		f = known((int)p->if_index);
		if (f == NULL) {
			f = m_if_add(p->if_name, 0, (uint8_t[6]){ 0 });
			f->host_index = (int)p->if_index;
			packet_socket(f);
		}
		if (ioctl(fd, SIOCGIFMTU, &r) == -1)
			continue;
		f->mtu = (unsigned)r.ifr_mtu;
		if (ioctl(fd, SIOCGIFHWADDR, &r) == -1)
			continue;
		memcpy(f->mac, r.ifr_hwaddr.sa_data, 6);
		/* the loopback of this host carries Ethernet frames, too */
		f->dlt = r.ifr_hwaddr.sa_family == ARPHRD_ETHER ||
		    r.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK ? 1 : 0;
		f->alen = f->dlt == 1 ? 6 : 0;
		if (ioctl(fd, SIOCGIFFLAGS, &r) == -1)
			continue;
		f->up = (r.ifr_flags & IFF_UP) != 0;
		f->running = f->up;
		f->active = (r.ifr_flags & IFF_RUNNING) != 0;
	}
	close(fd);
	if_freenameindex(list);
	m_world.fds[0] = news;
	m_world.nfds = 1;
	for (i = 0; i < M_IFS; i++)
		if (m_ifs[i].there)
			m_world.fds[m_world.nfds++] = m_ifs[i].host_fd;
	m_if_news();
}

/* Stamped when it came, by the clock that bpf uses. */
static int64_t
stamp(struct msghdr *m)
{
	struct cmsghdr *c;
	struct timespec ts;

	for (c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == SOL_SOCKET &&
		    c->cmsg_type == SCM_TIMESTAMPNS) {
			memcpy(&ts, CMSG_DATA(c), sizeof(ts));
			return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec -
			    m_now(0) + m_now(1);
		}
	return m_now(1);
}

static void
take(struct m_if *f)
{
	static uint8_t pkt[1 << 17];
	struct sockaddr_ll from;
	char control[128];
	struct iovec iov = { pkt, sizeof(pkt) };
	struct msghdr m;
	ssize_t n;
	int i;

	/* so many that the buffers of bpf(4) have time to be read */
	for (i = 0; i < 256; i++) {
		m = (struct msghdr){
			.msg_name = &from, .msg_namelen = sizeof(from),
			.msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		n = recvmsg(f->host_fd, &m, 0);
		if (n == -1)
			break;
		m_if_frame(f, pkt, (size_t)n, from.sll_pkttype ==
		    PACKET_OUTGOING, stamp(&m));
	}
}

static void
pump(void)
{
	char buf[8192];
	bool any = false;
	unsigned i;

	while (recv(news, buf, sizeof(buf), 0) > 0 || errno == ENOBUFS) {
		any = true;
		errno = 0;
	}
	if (any)
		survey();
	for (i = 0; i < M_IFS; i++)
		if (m_ifs[i].there)
			take(&m_ifs[i]);
}

int
main(int argc, char **argv)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK,
	    .nl_groups = RTMGRP_LINK };

	news = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    NETLINK_ROUTE);
	if (news == -1 || bind(news, (void *)&nl, sizeof(nl)) == -1)
		err(1, "model: netlink");
	if (getenv("MODEL_PAGE") != NULL)
		m_world.page = 4096;
	m_world.uid = (int)geteuid();
	m_world.not_root = geteuid() != 0;
	m_world.pump = pump;
	survey();
	return vblade_main(argc, argv);
}
