/* SPDX-License-Identifier: GPL-2.0-only */
/* The link: frames out, and any AoE frame in. */

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netpacket/packet.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "initiator.h"

struct lnk	lnk = { .fd = -1 };
volatile sig_atomic_t	stopping;

void
link_open(void)
{
	struct sockaddr_ll sll = { .sll_family = AF_PACKET };
	struct packet_mreq mr = { .mr_type = PACKET_MR_PROMISC };
	struct ifreq ifr = { .ifr_ifindex = 0 };
	int room = 8 << 20;

	if (opt.ifname == NULL)
		opt.ifname = "eth0";
	if (strlen(opt.ifname) >= sizeof(ifr.ifr_name))
		errx(EX_LOCAL, "%s: interface name too long", opt.ifname);
	memcpy(ifr.ifr_name, opt.ifname, strlen(opt.ifname) + 1);
	lnk.fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (lnk.fd == -1)
		err(EX_LOCAL, "packet socket");
	if (ioctl(lnk.fd, SIOCGIFMTU, &ifr) == -1)
		err(EX_LOCAL, "%s", opt.ifname);
	lnk.mtu = ifr.ifr_mtu;
	if (ioctl(lnk.fd, SIOCGIFHWADDR, &ifr) == -1)
		err(EX_LOCAL, "%s: address", opt.ifname);
	memcpy(lnk.mac, ifr.ifr_hwaddr.sa_data, 6);
	if (ioctl(lnk.fd, SIOCGIFINDEX, &ifr) == -1)
		err(EX_LOCAL, "%s: index", opt.ifname);

	/* A burst of jumbo replies must not be lost on this side. */
	if (setsockopt(lnk.fd, SOL_SOCKET, SO_RCVBUFFORCE, &room,
	    sizeof(room)) == -1)
		(void)setsockopt(lnk.fd, SOL_SOCKET, SO_RCVBUF, &room,
		    sizeof(room));
	sll.sll_protocol = htons(AOE_TYPE);
	sll.sll_ifindex = ifr.ifr_ifindex;
	if (bind(lnk.fd, (struct sockaddr *)&sll, sizeof(sll)) == -1)
		err(EX_LOCAL, "%s: bind", opt.ifname);
	if (opt.have_src) {
		/* Answers to a borrowed address have to come in as well. */
		memcpy(lnk.mac, opt.src, 6);
		mr.mr_ifindex = ifr.ifr_ifindex;
		if (setsockopt(lnk.fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &mr,
		    sizeof(mr)) == -1)
			err(EX_LOCAL, "%s: promiscuous mode", opt.ifname);
	}
}

/*
 * A frame passes a veth by way of the processor that sends it, and two
 * processors keep no order between them.  Order is what all the checks build
 * upon, so one has to do.
 */
void
stay(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET(cpu < 0 ? 0 : cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) == -1)
		warn("cannot stay on one processor");
}

void
link_send(const struct frame *f)
{
	if (opt.verbose) {
		fputs("> ", stderr);
		print_hex(stderr, f->b, f->len);
	}
	/* A full queue or a link that is down is a lost frame: we resend. */
	if (send(lnk.fd, f->b, f->len, 0) == -1 && errno != ENOBUFS &&
	    errno != ENETDOWN && errno != EINTR)
		err(EX_LOCAL, "%s: send of %zu bytes", opt.ifname, f->len);
}

/* Wait until deadline for any AoE frame: 1, or 0 when time is up. */
int
link_recv(struct frame *f, int64_t deadline)
{
	struct pollfd pfd = { .fd = lnk.fd, .events = POLLIN };
	struct sockaddr_ll from = { 0 };
	socklen_t fromlen;
	int64_t left;
	ssize_t n;

	while (!stopping) {
		fromlen = sizeof(from);
		n = recvfrom(lnk.fd, f->b, sizeof(f->b), MSG_DONTWAIT,
		    (struct sockaddr *)&from, &fromlen);
		if (n >= H_ARG && from.sll_pkttype != PACKET_OUTGOING) {
			f->len = n;
			if (opt.verbose) {
				fputs("< ", stderr);
				print_hex(stderr, f->b, f->len);
			}
			return 1;
		}
		if (n >= 0)
			continue;
		if (errno == ENETDOWN || errno == EINTR)
			continue;
		if (errno != EAGAIN)
			err(EX_LOCAL, "%s: receive", opt.ifname);
		left = deadline - now_us();
		if (left <= 0)
			return 0;
		if (poll(&pfd, 1, left / 1000 + 1) == -1 && errno != EINTR)
			err(EX_LOCAL, "poll");
	}
	return 0;
}

/*
 * Bit 31 is set as in all userland tools, so that the Linux driver leaves the
 * answers alone; the process id keeps two initiators on one interface apart.
 */
uint32_t
tag_base(void)
{
	return 0x80000000U | (uint32_t)(getpid() & 0x7fff) << 16;
}

uint32_t
next_tag(void)
{
	static uint16_t serial;

	return tag_base() | ++serial;
}

static void
filter(struct sock_filter *ops, unsigned short n)
{
	struct sock_fprog prog = { n, ops };

	if (setsockopt(lnk.fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
	    sizeof(prog)) == -1)
		err(EX_LOCAL, "socket filter");
}

/*
 * Only frames with tag 0, told apart in the kernel: among the answers to a
 * load on this interface an advert would drown.
 */
void
only_unasked(void)
{
	struct sock_filter ops[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, H_TAG),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, FRAME_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0)
	};

	filter(ops, sizeof(ops) / sizeof(ops[0]));
}

/* Two loads on one interface need not hear each other's answers. */
void
only_ours(void)
{
	struct sock_filter ops[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, H_DST),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, get32(lnk.mac), 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, H_DST + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, get16(lnk.mac + 4), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, FRAME_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0)
	};

	filter(ops, sizeof(ops) / sizeof(ops[0]));
}
