/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An AoE responder that does everything but touch the file: requests come in
 * through a ring, replies go out in batches, and what a read returns is
 * whatever lies in the buffer.  No target on a packet socket can spend less,
 * so this is the floor that the others are compared with.  Not a disk: what
 * is written is gone.
 *
 * It takes the arguments of vblade, so that the bench can start it like one.
 */

#define _GNU_SOURCE 1

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/if.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wire.h"

enum {
	PAGE		= 4096,

	BATCH		= 64,		/* replies per system call */
	RING_BYTES	= 4 << 20,
	BLOCK		= 65536,
};

struct responder {
	int		 sock;
	unsigned	 shelf, slot;
	unsigned	 mtu, maxnsec, bufcnt;
	uint8_t		 mac[6];
	uint64_t	 nsec;		/* sectors that we claim */
	uint8_t		*ring;
	unsigned	 frame_size, nframes, at;
	uint8_t		*reply[BATCH];
	struct mmsghdr	 msg[BATCH];
	struct iovec	 iov[BATCH];
};

/* ---- replies ---- */

static size_t
config(const struct responder *r, const uint8_t *f, uint8_t *out)
{
	memset(out + 24, 0, FLOOR - 24);
	put_be16(out + 24, r->bufcnt);
	out[28] = (uint8_t)r->maxnsec;
	out[29] = (uint8_t)(0x10 | (f[29] & 0x0f));
	return FLOOR;
}

static size_t
identify(const struct responder *r, uint8_t *out)
{
	uint8_t *id = out + HDR;

	memset(id, 0, SECTOR);
	id[49 * 2 + 1] = 0x02;			/* LBA */
	id[83 * 2 + 1] = id[86 * 2 + 1] = 0x44;	/* LBA48 */
	for (int i = 0; i < 6; i++)
		id[100 * 2 + i] = (uint8_t)(r->nsec >> 8 * i);
	return HDR + SECTOR;
}

static size_t
ata(const struct responder *r, const uint8_t *f, size_t len, uint8_t *out)
{
	unsigned cmd = f[27], n = f[26];
	uint64_t lba = 0;

	for (int i = 5; i >= 0; i--)
		lba = lba << 8 | f[28 + i];
	memcpy(out + 24, f + 24, HDR - 24);
	memset(out + HDR, 0, FLOOR - HDR);
	out[25] = out[26] = 0;
	out[27] = 0x40;
	if (cmd == 0xec)
		return identify(r, out);
	if (n == 0 || n > r->maxnsec || lba >= r->nsec || n > r->nsec - lba) {
		out[25] = 0x10;			/* IDNF */
		out[27] = 0x41;
		return FLOOR;
	}
	if (cmd == 0x24)
		return HDR + n * SECTOR;
	if (cmd == 0x34 && len >= HDR + n * SECTOR)
		return FLOOR;
	out[25] = 0x04;				/* ABRT */
	out[27] = 0x41;
	return FLOOR;
}

/* One request; the bytes of its reply, or 0. */
static size_t
answer(const struct responder *r, const uint8_t *f, size_t len, uint8_t *out)
{
	unsigned shelf;

	if (len < HDR)
		return 0;
	shelf = (unsigned)(f[16] << 8 | f[17]);
	if ((shelf != r->shelf && shelf != 0xffff) ||
	    (f[18] != r->slot && f[18] != 0xff) || f[14] & 0x08)
		return 0;
	memcpy(out, f + 6, 6);
	memcpy(out + 6, r->mac, 6);
	put_be16(out + 12, TYPE_AOE);
	out[14] = 0x18;
	out[15] = 0;
	put_be16(out + 16, r->shelf);
	out[18] = (uint8_t)r->slot;
	memcpy(out + 19, f + 19, 5);
	if (f[19] == 0)
		return ata(r, f, len, out);
	return f[19] == 1 ? config(r, f, out) : 0;
}

/* ---- the loop ---- */

/* Answer what waits, up to a batch.  Returns the number of replies, or -1
 * when nothing waited. */
static int
gather(struct responder *r)
{
	struct tpacket2_hdr *h;
	int n = 0, seen = 0;
	size_t len;

	while (n < BATCH) {
		h = (void *)(r->ring + (size_t)r->at * r->frame_size);
		if (!(__atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) &
		    TP_STATUS_USER))
			break;
		len = answer(r, (uint8_t *)h + h->tp_mac, h->tp_snaplen,
		    r->reply[n]);
		__atomic_store_n(&h->tp_status, TP_STATUS_KERNEL,
		    __ATOMIC_RELEASE);
		r->at = (r->at + 1) % r->nframes;
		seen++;
		if (len > 0)
			r->iov[n++].iov_len = len;
	}
	return seen ? n : -1;
}

static void
deliver(struct responder *r, int n)
{
	int at = 0, k;

	while (at < n) {
		k = sendmmsg(r->sock, r->msg + at, (unsigned)(n - at), 0);
		if (k > 0)
			at += k;
		else if (errno == ENOBUFS)
			at++;			/* it will be asked again */
		else if (errno != EINTR && errno != EAGAIN)
			err(1, "send");
	}
}

static void
serve(struct responder *r)
{
	struct pollfd p = { .fd = r->sock, .events = POLLIN };
	int n;

	for (;;) {
		if ((n = gather(r)) >= 0)
			deliver(r, n);
		else
			poll(&p, 1, -1);
	}
}

/* ---- set-up ---- */

static void
filter(const struct responder *r)
{
	struct sock_filter code[] = {
		{ 0x28, 0, 0, 16 },		/* shelf */
		{ 0x15, 1, 0, r->shelf },
		{ 0x15, 0, 6, 0xffff },
		{ 0x30, 0, 0, 18 },		/* slot */
		{ 0x15, 1, 0, r->slot },
		{ 0x15, 0, 3, 0xff },
		{ 0x30, 0, 0, 14 },		/* version and flags */
		{ 0x45, 1, 0, 0x08 },		/* a response? */
		{ 0x06, 0, 0, 0x40000 },
		{ 0x06, 0, 0, 0 },
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	if (setsockopt(r->sock, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
	    sizeof(prog)) < 0)
		err(1, "SO_ATTACH_FILTER");
}

static void
ring(struct responder *r)
{
	struct tpacket_req req;
	int v = TPACKET_V2;

	/* A power of two, with the ring's own header. */
	for (r->frame_size = 2048; r->frame_size < r->mtu + 14 + 128; )
		r->frame_size *= 2;
	r->nframes = RING_BYTES / r->frame_size;
	req.tp_block_size = r->frame_size > BLOCK ? r->frame_size : BLOCK;
	req.tp_block_nr = RING_BYTES / req.tp_block_size;
	req.tp_frame_size = r->frame_size;
	req.tp_frame_nr = r->nframes;
	if (setsockopt(r->sock, SOL_PACKET, PACKET_VERSION, &v,
	    sizeof(v)) < 0 ||
	    setsockopt(r->sock, SOL_PACKET, PACKET_RX_RING, &req,
	    sizeof(req)) < 0)
		err(1, "PACKET_RX_RING");
	r->ring = mmap(NULL, RING_BYTES, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_POPULATE, r->sock, 0);
	if (r->ring == MAP_FAILED)
		err(1, "the ring");
}

static void
interface(struct responder *r, const char *netif)
{
	struct ifreq ifr;

	memset(&ifr, 0, sizeof(ifr));
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", netif);
	if (ioctl(r->sock, SIOCGIFHWADDR, &ifr) < 0)
		err(1, "%s", netif);
	memcpy(r->mac, ifr.ifr_hwaddr.sa_data, 6);
	if (ioctl(r->sock, SIOCGIFMTU, &ifr) < 0)
		err(1, "%s", netif);
	r->mtu = (unsigned)ifr.ifr_mtu;
	r->maxnsec = (r->mtu - 36) / SECTOR;
	if (r->maxnsec > 255)
		r->maxnsec = 255;
}

static void
replies(struct responder *r)
{
	size_t room = (HDR + r->maxnsec * SECTOR + PAGE - 1) / PAGE * PAGE;
	uint8_t *mem = mmap(NULL, room * BATCH, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (mem == MAP_FAILED)
		err(1, "buffers");
	for (int i = 0; i < BATCH; i++) {
		r->reply[i] = r->iov[i].iov_base = mem + (size_t)i * room;
		r->msg[i].msg_hdr.msg_iov = &r->iov[i];
		r->msg[i].msg_hdr.msg_iovlen = 1;
	}
}

static void
open_net(struct responder *r, const char *netif)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(TYPE_AOE),
		.sll_ifindex = (int)if_nametoindex(netif),
	};
	int one = 1, room = 8 << 20;

	r->sock = socket(AF_PACKET, SOCK_RAW, 0);
	if (r->sock < 0)
		err(1, "packet socket");
	interface(r, netif);
	filter(r);
	ring(r);
	replies(r);
	if (setsockopt(r->sock, SOL_PACKET, PACKET_QDISC_BYPASS, &one,
	    sizeof(one)) < 0 ||
	    setsockopt(r->sock, SOL_SOCKET, SO_SNDBUFFORCE, &room,
	    sizeof(room)) < 0)
		warn("%s", netif);
	if (bind(r->sock, (struct sockaddr *)&to, sizeof(to)) < 0)
		err(1, "%s", netif);
}

int
main(int argc, char **argv)
{
	static struct responder r = { .bufcnt = BATCH };
	struct stat st;
	int c;

	while ((c = getopt(argc, argv, "b:dsrm:o:l:")) != -1)
		if (c == '?')
			return 2;
	if (argc - optind != 4)
		errx(2, "usage: nofile [-b bufcnt] [-dsr] shelf slot netif "
		    "filename");
	r.shelf = (unsigned)atoi(argv[optind]);
	r.slot = (unsigned)atoi(argv[optind + 1]);
	if (stat(argv[optind + 3], &st) < 0)
		err(1, "%s", argv[optind + 3]);
	r.nsec = (uint64_t)st.st_size / SECTOR;
	open_net(&r, argv[optind + 2]);
	printf("pid %ld: e%u.%u, %llu sectors, no file behind them\n",
	    (long)getpid(), r.shelf, r.slot, (unsigned long long)r.nsec);
	fflush(stdout);
	serve(&r);
}
