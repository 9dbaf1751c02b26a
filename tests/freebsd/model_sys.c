/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The model's descriptors: capsicum(4), ioctls of disks, sockets.  What is
 * called fbsd_NAME is what NAME is to the program under test.  A descriptor
 * that the model did not make is an ordinary file of the host's.
 */

#define _GNU_SOURCE
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "model.h"

int	fbsd_close(int);

struct m_obj m_objs[M_FDS];
bool m_capmode;
struct m_world m_world;

static int the_errno;

int *
fbsd___error(void)
{
	return &the_errno;
}

int
m_fail(int error)
{
	the_errno = error;
	return -1;
}

int
m_bsd_errno(int e)
{
	static const struct { int host, bsd; } map[] = {
		{ EAGAIN, 35 }, { EDEADLK, 11 }, { EOPNOTSUPP, 45 },
		{ EMSGSIZE, 40 }, { ENOBUFS, 55 }, { ENETDOWN, 50 },
		{ ENOSYS, 78 }, { ENAMETOOLONG, 63 }, { ELOOP, 62 },
		{ ESTALE, 70 }, { EOVERFLOW, 84 }, { EDQUOT, 69 },
		{ ETIMEDOUT, 60 }, { ENOTEMPTY, 66 },
	};
	unsigned i;

	for (i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (map[i].host == e)
			return map[i].bsd;
	return e;
}

long
m_host(long r)
{
	if (r == -1)
		the_errno = m_bsd_errno(errno);
	return r;
}

/*
 * Faults.
 */
static struct {
	char		call[24];
	unsigned long	arg;
	unsigned	skip;
	int		error;
} armed;

void
m_arm(const char *call, unsigned long arg, unsigned skip, int error)
{
	snprintf(armed.call, sizeof(armed.call), "%s", call);
	armed.arg = arg;
	armed.skip = skip;
	armed.error = error;
}

bool
m_armed(void)
{
	return armed.error != 0;
}

bool
m_fault(const char *call, unsigned long arg)
{
	if (armed.error == 0 || strcmp(armed.call, call) != 0 ||
	    (armed.arg != 0 && armed.arg != arg))
		return false;
	if (armed.skip-- > 0)
		return false;
	the_errno = armed.error;
	armed.error = 0;
	return true;
}

/*
 * Descriptors and their rights.
 */
static const uint64_t everything[2] = {
	0x03ffffffffffffffULL, 0x05ffffffffffffffULL,
};

static bool
allowed(const uint64_t have[2], uint64_t want)
{
	int word = (want >> 58 & 1) != 0;
	uint64_t bits = want & 0x01ffffffffffffffULL;

	return (have[word] & bits) == bits;
}

struct m_obj *
m_get(int fd, uint64_t rights)
{
	struct m_obj *o;

	if (fd < 0 || fd >= M_FDS || fcntl(fd, F_GETFD) == -1) {
		m_fail(B_EBADF);
		return NULL;
	}
	o = &m_objs[fd];
	if (o->rights[0] == 0) {	/* not seen before */
		o->kind = K_FILE;
		memcpy(o->rights, everything, sizeof(everything));
	}
	if (rights != 0 && !allowed(o->rights, rights)) {
		m_fail(B_ENOTCAPABLE);
		return NULL;
	}
	return o;
}

void
m_made(int fd, enum kind kind)
{
	assert(fd < M_FDS);
	m_objs[fd] = (struct m_obj){ .kind = kind };
	memcpy(m_objs[fd].rights, everything, sizeof(everything));
}

/* A number of the host's stands for it, so that numbers do not collide. */
int
m_new(enum kind kind)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	m_made(fd, kind);
	return fd;
}

/* cap_rights_t: two words; arguments end with 0 */
void *
fbsd___cap_rights_init(int version, uint64_t *r, ...)
{
	va_list ap;
	uint64_t v;

	assert(version == 0);
	r[0] = 1ULL << 57;
	r[1] = 1ULL << 58;
	va_start(ap, r);
	while ((v = va_arg(ap, uint64_t)) != 0)
		r[(v >> 58 & 1) != 0] |= v;
	va_end(ap);
	return r;
}

void *
fbsd___cap_rights_set(uint64_t *r, ...)
{
	va_list ap;
	uint64_t v;

	va_start(ap, r);
	while ((v = va_arg(ap, uint64_t)) != 0)
		r[(v >> 58 & 1) != 0] |= v;
	va_end(ap);
	return r;
}

bool
fbsd___cap_rights_is_set(const uint64_t *r, ...)
{
	bool all = true;
	va_list ap;
	uint64_t v;

	va_start(ap, r);
	while ((v = va_arg(ap, uint64_t)) != 0)
		all = all && allowed(r, v);
	va_end(ap);
	return all;
}

int
fbsd___cap_rights_get(int version, int fd, uint64_t *r)
{
	struct m_obj *o = m_get(fd, 0);

	assert(version == 0);
	if (m_world.no_capsicum)
		return m_fail(B_ENOSYS);
	if (o == NULL)
		return -1;
	memcpy(r, o->rights, sizeof(o->rights));
	return 0;
}

int
fbsd_cap_rights_limit(int fd, const uint64_t *r)
{
	struct m_obj *o = m_get(fd, 0);

	if (m_world.no_capsicum)
		return m_fail(B_ENOSYS);
	if (m_fault("cap_rights_limit", 0) || o == NULL)
		return -1;
	if (!allowed(o->rights, r[0]) || !allowed(o->rights, r[1]))
		return m_fail(B_ENOTCAPABLE);
	memcpy(o->rights, r, sizeof(o->rights));
	return 0;
}

static bool
listed(const struct m_obj *o, unsigned long req)
{
	unsigned i;

	for (i = 0; i < o->nioctls; i++)
		if (o->ioctls[i] == req)
			return true;
	return !o->listed;
}

int
fbsd_cap_ioctls_limit(int fd, const unsigned long *cmds, size_t n)
{
	struct m_obj *o = m_get(fd, 0);
	size_t i;

	if (m_world.no_capsicum)
		return m_fail(B_ENOSYS);
	if (m_fault("cap_ioctls_limit", 0) || o == NULL)
		return -1;
	assert(n <= M_IOCTLS);
	for (i = 0; i < n; i++)
		if (!listed(o, cmds[i]))
			return m_fail(B_ENOTCAPABLE);
	o->listed = true;
	o->nioctls = (unsigned)n;
	memcpy(o->ioctls, cmds, n * sizeof(*cmds));
	return 0;
}

int
fbsd_cap_enter(void)
{
	if (m_world.no_capsicum)
		return m_fail(B_ENOSYS);
	if (m_fault("cap_enter", 0))
		return -1;
	m_capmode = true;
	return 0;
}

/*
 * ioctl.
 */
static int
disk_ioctl(int fd, struct m_disk *d, unsigned long req, uint8_t *arg)
{
	struct stat st;
	int64_t range[2], size;
	uint64_t dev[2];

	fstat(fd, &st);
	size = st.st_size;
	if (S_ISBLK(st.st_mode) && ioctl(fd, BLKGETSIZE64, &size) == -1)
		return m_fail(B_ENXIO);
	switch (req) {
	case B_DIOCGMEDIASIZE:
		memcpy(arg, &size, 8);
		return 0;
	case B_DIOCGSECTORSIZE:
		memcpy(arg, &d->sector, 4);
		return 0;
	case B_DIOCGSTRIPESIZE:
		if (d->stripe < 0)
			return m_fail(B_ENOTTY);
		memcpy(arg, &d->stripe, 8);
		return 0;
	case B_DIOCGFLUSH:
		d->flushes++;
		if (d->flush_error != 0)
			return m_fail(d->flush_error);
		return (int)m_host(fdatasync(fd));
	case B_DIOCGDELETE:
		memcpy(range, arg, 16);
		if (range[0] % d->sector != 0 || range[1] % d->sector != 0 ||
		    range[1] <= 0 || range[0] < 0 || range[0] > size)
			return m_fail(B_EINVAL);
		if (!d->candelete)
			return m_fail(B_EOPNOTSUPP);
		d->deletes++;
		d->delete_off = range[0];
		d->delete_len = range[1];
		memcpy(dev, range, 16);
		return (int)m_host(S_ISBLK(st.st_mode) ?
		    ioctl(fd, BLKDISCARD, dev) : fallocate(fd,
		    FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, range[0],
		    range[1]));
	case B_DIOCGATTR:
		if (strcmp((char *)arg, "GEOM::candelete") != 0 ||
		    arg[64] != 4)
			return m_fail(B_ENOTTY);
		memset(arg + 72, 0, 4);
		arg[72] = d->candelete;
		return 0;
	}
	return m_fail(B_ENOTTY);
}

int
fbsd_ioctl(int fd, unsigned long req, ...)
{
	struct m_obj *o = m_get(fd, B_CAP_IOCTL);
	va_list ap;
	void *arg;
	unsigned i;

	va_start(ap, req);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (o == NULL)
		return -1;
	if (!listed(o, req))
		return m_fail(B_ENOTCAPABLE);
	for (i = 0; i < m_world.seen_n && m_world.seen[i] != req; i++)
		;
	if (i == m_world.seen_n && i < 64)
		m_world.seen[m_world.seen_n++] = req;
	if (m_fault("ioctl", req))
		return -1;
	switch (o->kind) {
	case K_BPF:
		return m_bpf_ioctl(o->bpf, req, arg);
	case K_ASK:
	case K_ROUTE:
		return m_if_ioctl(req, arg);
	case K_DISK:
		return disk_ioctl(fd, o->disk, req, arg);
	default:
		return m_fail(B_ENOTTY);
	}
}

/*
 * Sockets.
 */
int
fbsd_socket(int family, int type, int protocol)
{
	if (m_capmode)
		return m_fail(B_ECAPMODE);
	if (m_fault("socket", (unsigned long)family))
		return -1;
	/* SOCK_CLOEXEC 0x10000000, SOCK_NONBLOCK 0x20000000 */
	assert(protocol == 0 && (type & 0x10000000) != 0);
	if (family == 17 && (type & 0xff) == 3) {	/* PF_ROUTE, RAW */
		assert((type & 0x20000000) != 0);
		return m_new(K_ROUTE);
	}
	if (family == 1 && (type & 0xff) == 2) {	/* LOCAL, DGRAM */
		int fd = (int)m_host(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC,
		    0));

		if (fd != -1)
			m_made(fd, K_ASK);
		return fd;
	}
	return m_fail(B_EINVAL);
}

/* struct sockaddr_un: its length, family 1, path; none but in the file system
 * has a name */
int
fbsd_connect(int fd, const uint8_t *sa, unsigned len)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	if (m_capmode)
		return m_fail(B_ECAPMODE);
	if (m_get(fd, 0) == NULL)
		return -1;
	if (sa[1] != 1 || len < 3 || len > 106 || sa[2] == '\0')
		return m_fail(B_ENOENT);
	memcpy(un.sun_path, sa + 2, len - 2);
	return (int)m_host(connect(fd, (void *)&un, sizeof(un)));
}

/* struct msghdr: name, its length, vector, pieces (an int), control, its
 * length, flags */
ssize_t
fbsd_sendmsg(int fd, const uint8_t *m, int flags)
{
	struct msghdr h = { 0 };
	uint64_t name, iov;
	int32_t n;

	memcpy(&name, m, 8);
	memcpy(&iov, m + 16, 8);
	memcpy(&n, m + 24, 4);
	/* MSG_DONTWAIT 0x80, MSG_NOSIGNAL 0x20000 */
	assert(name == 0 && (flags & ~0x20080) == 0);
	if (m_get(fd, B_CAP_WRITE) == NULL)
		return -1;
	h.msg_iov = (struct iovec *)(uintptr_t)iov;
	h.msg_iovlen = (size_t)n;
	return m_host(sendmsg(fd, &h, MSG_NOSIGNAL | MSG_DONTWAIT));
}

static bool overflow;

void
m_route_overflow(void)
{
	overflow = true;
	m_if_news();
}

ssize_t
fbsd_recv(int fd, void *p, size_t len, int flags)
{
	struct m_obj *o = m_get(fd, B_CAP_READ);

	if (o == NULL || m_fault("recv", 0))
		return -1;
	assert(o->kind == K_ROUTE && flags == 0);
	if (overflow) {
		overflow = false;
		return m_fail(B_ENOBUFS);
	}
	if (o->messages == 0)
		return m_fail(B_EAGAIN);
	o->messages--;
	len = len < 168 ? len : 168;		/* struct if_msghdr */
	memset(p, 0x5a, len);
	return (ssize_t)len;
}

void
m_reset(void)
{
	int fd;

	for (fd = 3; fd < M_FDS; fd++)
		if (m_objs[fd].kind > K_FILE || m_objs[fd].rights[0] != 0)
			fbsd_close(fd);
	for (fd = 0; fd < M_IFS; fd++)
		m_ifs[fd] = (struct m_if){ .host_fd = -1 };
	memset(m_objs, 0, sizeof(m_objs));
	m_aio_reset();
	m_capmode = false;
	armed.error = 0;
	overflow = false;
	m_world = (struct m_world){ .maxbufsize = 524288, .aio_max = 256,
	    .traceable = true, .core = INT64_MAX, .hostuuid =
	    "7a1f0c52-0e5b-11ee-9c3a-525400123456" };
}
