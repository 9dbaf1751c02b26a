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

int
linux_news(void)
{
	struct sockaddr_nl nl = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK,
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    NETLINK_ROUTE);

	if (fd == -1 || bind(fd, (void *)&nl, sizeof(nl)) == -1)
		err(1, "netlink socket");
	return fd;
}
