/* SPDX-License-Identifier: GPL-2.0-only */
/* Linux, the links: how an interface is, when it changes, and which frames
 * pass. */

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>

#include <err.h>
#include <errno.h>

#include "dat.h"
#include "fns.h"
#include "linux.h"

int
linux_look(int fd, struct link *l)
{
	struct ifreq ifr;
	struct link now = *l;

	memset(&ifr, 0, sizeof(ifr));
	memcpy(ifr.ifr_name, l->name, sizeof(l->name));
	if (ioctl(fd, SIOCGIFINDEX, &ifr) == -1)
		return -1;
	now.index = ifr.ifr_ifindex;
	if (ioctl(fd, SIOCGIFHWADDR, &ifr) == -1)
		return -1;
	if (ifr.ifr_hwaddr.sa_family != ARPHRD_ETHER &&
	    ifr.ifr_hwaddr.sa_family != ARPHRD_LOOPBACK) {
		errno = EPROTOTYPE;
		return -1;
	}
	memcpy(now.mac, ifr.ifr_hwaddr.sa_data, 6);
	if (ioctl(fd, SIOCGIFMTU, &ifr) == -1)
		return -1;
	now.mtu = (unsigned)ifr.ifr_mtu;
	if (ioctl(fd, SIOCGIFFLAGS, &ifr) == -1)
		return -1;
	now.up = (ifr.ifr_flags & IFF_UP) != 0 &&
	    (ifr.ifr_flags & IFF_RUNNING) != 0;
	links_update(l, &now);
	return 0;
}

/* Besides what bpf_aoe keeps out: frames of other interfaces, frames for other
 * hosts (of an interface that is promiscuous, or tagged), and our own. */
int
linux_hear(int fd, const struct link *l, int nlinks, unsigned shelf,
    unsigned slot)
{
	struct bpf_op shared[BPF_AOE_OPS];
	struct sock_filter prog[BPF_AOE_OPS + MAX_NETIFS + 5];
	struct sock_fprog fprog = { .filter = prog };
	int i, k = BPF_AOE_OPS - 1;
	unsigned left;

	bpf_aoe(shared, shelf, slot);
	for (i = 0; i < k; i++)
		prog[i] = (struct sock_filter){ shared[i].code, shared[i].jt,
		    shared[i].jf, shared[i].k };

	prog[k++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	    (unsigned)(SKF_AD_OFF + SKF_AD_IFINDEX));
	for (i = 0; i < nlinks; i++) {
		left = (unsigned)(nlinks - i);
		prog[k++] = (struct sock_filter)BPF_JUMP(
		    BPF_JMP | BPF_JEQ | BPF_K,
		    (unsigned)l[i].index,
		    (uint8_t)left, 0);
	}
	prog[k++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	/* PACKET_HOST, _BROADCAST, _MULTICAST (a broadcast on the loopback
	 * interface counts as that); the rest is for others, or our own */
	prog[k++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	    (unsigned)(SKF_AD_OFF + SKF_AD_PKTTYPE));
	prog[k++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K,
	    PACKET_MULTICAST, 0, 1);
	prog[k++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	prog[k++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
	    shared[BPF_AOE_OPS - 1].k);
	fprog.len = (unsigned short)k;
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &fprog,
	    sizeof(fprog));
}

/*
 * What the kernel tells of links.  Its news rings a bell, and we look how each
 * is.  Only the interface that it is a part of is taken from the news: to look
 * at that we would have to wait for whoever is changing a link.
 */
int
linux_news(const struct link *l, int nlinks)
{
	struct sockaddr_nl nl = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK,
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    NETLINK_ROUTE);

	if (fd == -1 || bind(fd, (void *)&nl, sizeof(nl)) == -1)
		err(1, "netlink socket");
	linux_ask(fd, l, nlinks);
	return fd;
}

void
linux_ask(int news_fd, const struct link *l, int nlinks)
{
	struct {
		struct nlmsghdr		head;
		struct ifinfomsg	which;
	} ask;
	struct iovec iov = { &ask, sizeof(ask) };
	const struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	for (; nlinks > 0; nlinks--, l++) {
		if (l->index == 0)
			continue;
		memset(&ask, 0, sizeof(ask));
		ask.head.nlmsg_len = sizeof(ask);
		ask.head.nlmsg_type = RTM_GETLINK;
		ask.head.nlmsg_flags = NLM_F_REQUEST;
		ask.which.ifi_index = l->index;
		/* who does not answer leaves us where we are */
		(void)sendmsg(news_fd, &msg, 0);
	}
}

/* What one message says of an interface. */
struct news {
	const char	*name;		/* NULL: nothing that concerns us */
	int		 owner;		/* index; 0: none */
	const char	*kind;		/* of owner, "bridge"; "": not told */
};

/* A string, if it is one. */
static const char *
text(const struct rtattr *a)
{
	const char *s = RTA_DATA(a);

	return RTA_PAYLOAD(a) > 0 && s[RTA_PAYLOAD(a) - 1] == '\0' ? s : "";
}

static const char *
kind_of(const struct rtattr *info)
{
	const struct rtattr *a = RTA_DATA(info);
	int left = (int)RTA_PAYLOAD(info);

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_INFO_SLAVE_KIND)
			return text(a);
	return "";
}

static struct news
read_news(struct nlmsghdr *h)
{
	const struct ifinfomsg *which = NLMSG_DATA(h);
	struct news news = { NULL, 0, "" };
	const struct rtattr *a;
	int left;

	if (h->nlmsg_type != RTM_NEWLINK && h->nlmsg_type != RTM_DELLINK)
		return news;
	/* of AF_BRIDGE are those that tell of ports, not of interfaces */
	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*which)) ||
	    which->ifi_family != AF_UNSPEC)
		return news;
	left = (int)IFLA_PAYLOAD(h);
	for (a = IFLA_RTA(which); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_WIRELESS)	/* and of no owner */
			return (struct news){ NULL, 0, "" };
		else if (a->rta_type == IFLA_IFNAME)
			news.name = text(a);
		else if (a->rta_type == IFLA_MASTER &&
		    RTA_PAYLOAD(a) == sizeof(news.owner))
			memcpy(&news.owner, RTA_DATA(a), sizeof(news.owner));
		else if (a->rta_type == IFLA_LINKINFO)
			news.kind = kind_of(a);
	if (strcmp(news.kind, "vrf") == 0)
		news.owner = 0;		/* is for IP alone */
	return news;
}

/* A bridge and its like take frames before any protocol gets them. */
static void
tell_owner(int fd, const struct link *l, const struct news *news)
{
	struct ifreq ifr = { .ifr_ifindex = news->owner };

	if (news->owner == 0)
		log_event(LOG_NOTICE, "%s: no longer part of another interface;"
		    " what comes in there is served again", l->name);
	else if (ioctl(fd, SIOCGIFNAME, &ifr) == -1)
		return;			/* gone, and there will be news */
	else if (strcmp(news->kind, "bridge") == 0 ||
	    strcmp(news->kind, "bond") == 0 || strcmp(news->kind, "team") == 0)
		log_event(LOG_WARNING, "%s: part of the %s %.*s, which takes "
		    "what comes in there; name %.*s instead", l->name,
		    news->kind, IFNAMSIZ, ifr.ifr_name, IFNAMSIZ, ifr.ifr_name);
	else
		log_event(LOG_WARNING, "%s: part of %.*s (%s), which may take "
		    "what comes in there; name an interface above it if "
		    "nothing is served", l->name, IFNAMSIZ, ifr.ifr_name,
		    news->kind);
}

bool
linux_heed(int news_fd, int fd, struct link *l, int *owner, int nlinks)
{
	union {
		struct nlmsghdr	head;
		char		bytes[16384];
	} buf;
	struct nlmsghdr *h;
	struct news news;
	bool lost = false;
	unsigned left;
	int i;

	while ((left = (unsigned)links_hear(news_fd, &buf, sizeof(buf),
	    &lost)) > 0)
		for (h = &buf.head; NLMSG_OK(h, left);
		    h = NLMSG_NEXT(h, left)) {
			news = read_news(h);
			for (i = 0; i < nlinks && news.name != NULL; i++) {
				if (strcmp(news.name, l[i].name) != 0 ||
				    news.owner == owner[i])
					continue;
				owner[i] = news.owner;
				l[i].news = l[i].news || news.owner == 0;
				tell_owner(fd, &l[i], &news);
			}
		}
	return !lost;
}
