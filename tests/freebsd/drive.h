/* SPDX-License-Identifier: GPL-2.0-only */
/* For the unit tests over the model: a network to be driven. */

#include <sys/wait.h>

#include "model.h"

int	*fbsd___error(void);
int	fbsd_ioctl(int, unsigned long, ...);
int	fbsd_open(const char *, int, ...);
int	fbsd_close(int);
int	fbsd_ppoll(struct pollfd *, unsigned, const struct timespec *,
	    const uint32_t *);
ssize_t	fbsd_read(int, void *, size_t);
ssize_t	fbsd_write(int, const void *, size_t);
ssize_t	fbsd_pread(int, void *, size_t, int64_t);
ssize_t	fbsd_pwrite(int, const void *, size_t, int64_t);
int	fbsd_fcntl(int, int, ...);

static struct counters count;

/* What went out. */
static struct {
	unsigned	 n;
	struct m_if	*on[16];
	size_t		 len[16];
	uint8_t		 pkt[16][2048];
} wire;

static inline void
on_wire(struct m_if *f, const uint8_t *pkt, size_t len)
{
	ck_assert_uint_lt(wire.n, 16);
	ck_assert_uint_le(len, 2048);
	wire.on[wire.n] = f;
	wire.len[wire.n] = len;
	memcpy(wire.pkt[wire.n++], pkt, len);
}

static inline void
wired(struct m_if *f)
{
	f->send = on_wire;
}

static inline void
interfaces(void)
{
	wired(m_if_add("em0", 1500, (uint8_t[6]){ 2, 0xae, 0, 0, 0, 1 }));
	wired(m_if_add("em1", 1500, (uint8_t[6]){ 2, 0xae, 0, 0, 0, 2 }));
}

static inline struct net *
up(const char *netif, unsigned *bufcnt)
{
	interfaces();
	return net_open(netif, 1, 2, bufcnt);
}

/* Descriptors of the model's that are open. */
static inline unsigned
descriptors(void)
{
	unsigned fd, n = 0;

	for (fd = 0; fd < M_FDS; fd++)
		n += m_objs[fd].kind > K_DISK;
	return n;
}

/* Would poll tell of frames (0) or of links (1)? */
static inline bool
ready(struct net *n, int which)
{
	static const struct timespec now;
	static const uint32_t none[4];
	struct pollfd fds[2];

	ck_assert_int_eq(net_pollfds(n, fds), 2);
	ck_assert_int_ge(fbsd_ppoll(fds, 2, &now, none), 0);
	return fds[which].revents != 0;
}

/* A request of 60 bytes to everybody's MAC; with flags 8, a response. */
static inline uint8_t *
request(uint8_t *p, unsigned shelf, unsigned slot, unsigned flags)
{
	memset(p, 0, 60);
	memset(p, 0xff, 6);
	memset(p + 6, 0x33, 6);
	p[12] = 0x88;
	p[13] = 0xa2;
	p[14] = (uint8_t)(0x10 | flags);
	p[16] = (uint8_t)(shelf >> 8);
	p[17] = (uint8_t)shelf;
	p[18] = (uint8_t)slot;
	return p;
}

static inline void
in(unsigned i, const uint8_t *pkt)
{
	m_if_frame(&m_ifs[i], pkt, 60, false, 0);
}

static inline void
send_one(struct net *n, int i, uint8_t *pkt, size_t len)
{
	struct link *l;
	struct frame f = { .data = pkt, .len = len };

	net_links(n, &l);
	f.link = &l[i];
	net_send(n, &f, 1, &count);
}

/* What f says when it leaves the process, which it has to, with status 1. */
static inline void
leaves(void (*f)(const void *), const void *arg, const char *why)
{
	char said[2048] = "";
	int status, to[2];
	size_t n = 0;
	ssize_t r;
	pid_t pid;

	ck_assert_int_eq(pipe(to), 0);
	pid = fork();
	if (pid == 0) {
		dup2(to[1], STDERR_FILENO);
		close(to[0]);
		f(arg);
		exit(0);
	}
	close(to[1]);
	while ((r = read(to[0], said + n, sizeof(said) - 1 - n)) > 0)
		n += (size_t)r;
	close(to[0]);
	waitpid(pid, &status, 0);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 1,
	    "status 0x%x, said: %s", (unsigned)status, said);
	ck_assert_msg(strstr(said, why) != NULL, "said: %s", said);
	ck_assert_msg(strchr(said, '\n') == said + n - 1, "said: %s", said);
}
