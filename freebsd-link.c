/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * FreeBSD, the links: how an interface is, and which frames pass.
 *
 * An interface that becomes a member of a bridge or lagg is served on, and
 * there is nothing to tell the operator: bpf(4) gets its frames before these.
 */

#include <sys/types.h>
#include <sys/capsicum.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/sockio.h>

#include <net/bpf.h>
#include <net/if.h>
#include <net/if_dl.h>
#include <net/if_media.h>

#include <errno.h>
#include <unistd.h>

#include "dat.h"
#include "fns.h"
#include "freebsd.h"

enum { LIST_BYTES = 128 << 10 };	/* all interfaces, all addresses */

/* Find the interface in the list of all: what asks for one interface's address
 * tells the card's own, not the one it was given. */
static int
find(int fd, struct link *l)
{
	static char list[LIST_BYTES];
	struct ifconf ifc = { .ifc_len = sizeof(list), .ifc_buf = list };
	struct sockaddr_dl dl;
	struct ifreq ifr;
	size_t at, step, len;

	if (ioctl(fd, SIOCGIFCONF, &ifc) == -1)
		return -1;
	len = (size_t)ifc.ifc_len;
	for (at = 0; at + sizeof(ifr) <= len; at += step) {
		memcpy(&ifr, list + at, sizeof(ifr));
		step = _SIZEOF_ADDR_IFREQ(ifr);
		if (ifr.ifr_addr.sa_family != AF_LINK || step > len - at ||
		    strncmp(ifr.ifr_name, l->name, IFNAMSIZ) != 0)
			continue;
		memset(&dl, 0, sizeof(dl));
		memcpy(&dl, list + at + IFNAMSIZ, step - IFNAMSIZ <
		    sizeof(dl) ? step - IFNAMSIZ : sizeof(dl));
		if (dl.sdl_alen != 6 || dl.sdl_nlen > sizeof(dl.sdl_data) - 6) {
			errno = EPROTOTYPE;
			return -1;
		}
		l->index = dl.sdl_index;
		memcpy(l->mac, LLADDR(&dl), 6);
		return 0;
	}
	errno = ENXIO;
	return -1;
}

/* Is there a carrier?  What has no media to ask about is as good as up. */
static bool
carrier(int fd, const struct link *l)
{
	struct ifmediareq ifm;

	memset(&ifm, 0, sizeof(ifm));
	memcpy(ifm.ifm_name, l->name, IFNAMSIZ);
	return ioctl(fd, SIOCGIFMEDIA, &ifm) == -1 ||
	    (ifm.ifm_status & IFM_AVALID) == 0 ||
	    (ifm.ifm_status & IFM_ACTIVE) != 0;
}

/*
 * How large a frame the kernel sends.  Before FreeBSD 14 that is a page, and
 * nothing tells but trying: the write filter refuses a frame of zeros, EPERM,
 * after the size has been found good, so none of these leaves.
 */
static unsigned
sendable(int fd, unsigned mtu)
{
	static uint8_t zeros[ETH_HDR + 65535];
	unsigned good = 0, try = mtu < 65535 ? mtu : 65535, bad = try + 1;

	while (bad - good > 1) {
		if (write(fd, zeros, ETH_HDR + try) == -1 && errno != EPERM) {
			/* a size is refused so; else ask another time */
			if (errno != EMSGSIZE && errno != EIO)
				return mtu;
			bad = try;
		} else
			good = try;
		try = good + (bad - good) / 2;
	}
	return good > 0 ? good : mtu;
}

int
freebsd_look(int ask_fd, int bpf_fd, struct link *l)
{
	struct link now = *l;
	struct ifreq ifr;

	if (find(ask_fd, &now) == -1)
		return -1;
	memset(&ifr, 0, sizeof(ifr));
	memcpy(ifr.ifr_name, l->name, IFNAMSIZ);
	if (ioctl(ask_fd, SIOCGIFMTU, &ifr) == -1)
		return -1;
	now.mtu = (unsigned)ifr.ifr_mtu;
	if (ioctl(ask_fd, SIOCGIFFLAGS, &ifr) == -1)
		return -1;
	now.up = (ifr.ifr_flags & IFF_UP) != 0 &&
	    (ifr.ifr_flags & IFF_DRV_RUNNING) != 0 && carrier(ask_fd, l);
	if (bpf_fd != -1 && now.up)	/* otherwise nothing is sent */
		now.mtu = sendable(bpf_fd, now.mtu);
	links_update(l, &now);
	return 0;
}

int
freebsd_speak(int fd, unsigned shelf, unsigned slot)
{
	struct bpf_insn ops[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS,
		    offsetof(struct aoe_hdr, type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_AOE, 0, 9),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS,
		    offsetof(struct aoe_hdr, shelf)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, shelf, 0, 7),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS,
		    offsetof(struct aoe_hdr, slot)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, slot, 0, 5),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS,
		    offsetof(struct aoe_hdr, ver_flags)),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, AOE_R, 2, 0),
		/* or the question who else has our address */
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS,
		    offsetof(struct aoe_hdr, cmd)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AOE_CONFIG, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0x40000),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct bpf_program prog = {
		.bf_len = sizeof(ops) / sizeof(ops[0]),
		.bf_insns = ops,
	};

	return ioctl(fd, BIOCSETWF, &prog);
}

int
freebsd_hear(int fd, unsigned shelf, unsigned slot)
{
	struct bpf_op shared[BPF_AOE_OPS];
	struct bpf_insn ops[BPF_AOE_OPS];
	struct bpf_program prog = { .bf_len = BPF_AOE_OPS, .bf_insns = ops };
	int i;

	bpf_aoe(shared, shelf, slot);
	for (i = 0; i < BPF_AOE_OPS; i++)
		ops[i] = (struct bpf_insn){ shared[i].code, shared[i].jt,
		    shared[i].jf, shared[i].k };
	return ioctl(fd, BIOCSETF, &prog);
}
