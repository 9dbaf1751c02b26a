/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The model's descriptors: capsicum(4), files, disks, kqueue(2), aio(4).  What
 * is called fbsd_NAME is what NAME is to the program under test.  A descriptor
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

static long
host(long r)
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

static void
made(int fd, enum kind kind)
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

	made(fd, kind);
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
 * Names and descriptors.
 */
static struct m_disk *
disk_at(const char *path)
{
	static struct m_disk loops[4];
	static unsigned nloops;
	struct stat st;
	unsigned i;

	for (i = 0; i < m_world.ndisks; i++)
		if (strcmp(m_world.disks[i].path, path) == 0)
			return &m_world.disks[i];
	/* the host's block devices are character devices here */
	if (stat(path, &st) == -1 || !S_ISBLK(st.st_mode))
		return NULL;
	for (i = 0; i < nloops; i++)
		if (strcmp(loops[i].path, path) == 0)
			return &loops[i];
	assert(nloops < 4);
	loops[nloops] = (struct m_disk){ .path = strdup(path), .sector = 512,
	    .stripe = 4096, .candelete = true };
	return &loops[nloops++];
}

/* O_NONBLOCK 4, O_APPEND 8, O_SYNC 0x80, O_CREAT 0x200, O_TRUNC 0x400, O_EXCL
 * 0x800, O_DIRECT 0x10000, O_DIRECTORY 0x20000, O_CLOEXEC 0x100000, O_NOFOLLOW
 * 0x100 */
static const struct { int bsd, host; } oflags[] = {
	{ 4, O_NONBLOCK }, { 8, O_APPEND }, { 0x80, O_SYNC },
	{ 0x200, O_CREAT }, { 0x400, O_TRUNC }, { 0x800, O_EXCL },
	{ 0x10000, O_DIRECT }, { 0x20000, O_DIRECTORY },
	{ 0x100000, O_CLOEXEC }, { 0x100, O_NOFOLLOW },
};
enum { NOFLAGS = sizeof(oflags) / sizeof(oflags[0]) };

static int
host_flags(int bsd)
{
	int h = bsd & 3;
	unsigned i;

	for (i = 0; i < NOFLAGS; i++)
		if ((bsd & oflags[i].bsd) != 0)
			h |= oflags[i].host;
	return h;
}

static int
open_at(int dir, const char *path, int flags, unsigned mode)
{
	struct m_disk *d = disk_at(path);
	int fd;

	if (m_fault("open", 0))
		return -1;
	if (strcmp(path, "/dev/bpf") == 0) {
		if (m_world.not_root)
			return m_fail(B_EACCES);
		return m_bpf_open();
	}
	fd = (int)host(openat(dir, path, host_flags(flags), mode));
	if (fd == -1)
		return -1;
	made(fd, d != NULL ? K_DISK : K_FILE);
	m_objs[fd].disk = d;
	return fd;
}

int
fbsd_open(const char *path, int flags, ...)
{
	va_list ap;
	unsigned mode = 0;

	if (m_capmode)
		return m_fail(B_ECAPMODE);
	if ((flags & 0x200) != 0) {
		va_start(ap, flags);
		mode = va_arg(ap, unsigned);
		va_end(ap);
	}
	return open_at(AT_FDCWD, path, flags, mode);
}

int
fbsd_openat(int dir, const char *path, int flags, ...)
{
	va_list ap;
	unsigned mode = 0;

	if (dir == -100) {
		if (m_capmode)
			return m_fail(B_ECAPMODE);
	} else if (m_get(dir, B_CAP_LOOKUP) == NULL)
		return -1;
	if ((flags & 0x200) != 0) {
		va_start(ap, flags);
		mode = va_arg(ap, unsigned);
		va_end(ap);
	}
	return open_at(dir, path, flags, mode);
}

int
fbsd_close(int fd)
{
	struct m_obj *o = m_get(fd, 0);

	if (o == NULL)
		return -1;
	if (o->kind == K_BPF)
		m_bpf_close(o->bpf);
	m_forget(fd);			/* its knotes go with it */
	free(o->kq);
	*o = (struct m_obj){ .kind = K_NONE };
	return (int)host(close(fd));
}

/* struct stat: 224 bytes since FreeBSD 12 */
static int
to_stat(const struct stat *st, bool disk, uint8_t *out)
{
	const uint64_t dev = st->st_dev, ino = st->st_ino, nlink = st->st_nlink;
	const uint16_t mode = (uint16_t)(disk ? (st->st_mode & 07777) |
	    0020000 : st->st_mode);
	const int64_t size = disk ? 0 : st->st_size, blocks = st->st_blocks;
	const int32_t blksize = (int32_t)st->st_blksize;
	const uint32_t uid = st->st_uid, gid = st->st_gid;

	memset(out, 0, 224);
	memcpy(out, &dev, 8);
	memcpy(out + 8, &ino, 8);
	memcpy(out + 16, &nlink, 8);
	memcpy(out + 24, &mode, 2);
	memcpy(out + 28, &uid, 4);
	memcpy(out + 32, &gid, 4);
	memcpy(out + 112, &size, 8);
	memcpy(out + 120, &blocks, 8);
	memcpy(out + 128, &blksize, 4);
	return 0;
}

int
fbsd_stat(const char *path, uint8_t *out)
{
	struct stat st;

	if (m_capmode)
		return m_fail(B_ECAPMODE);
	if (host(stat(path, &st)) == -1)
		return -1;
	return to_stat(&st, disk_at(path) != NULL, out);
}

int
fbsd_fstat(int fd, uint8_t *out)
{
	struct m_obj *o = m_get(fd, B_CAP_FSTAT);
	struct stat st;

	if (o == NULL || m_fault("fstat", 0) || host(fstat(fd, &st)) == -1)
		return -1;
	to_stat(&st, o->kind == K_DISK || o->kind == K_BPF, out);
	if (o->kind == K_KQUEUE)
		out[25] = 0010000 >> 8;		/* a FIFO, it says */
	else if (o->kind == K_ROUTE || o->kind == K_ASK)
		out[25] = 0140000 >> 8;
	return 0;
}

/* struct flock: start, len, pid, type, whence, sysid */
static int
locking(int fd, int cmd, uint8_t *a)
{
	struct flock l = { .l_whence = SEEK_SET };
	int16_t type;

	memcpy(&l.l_start, a, 8);
	memcpy(&l.l_len, a + 8, 8);
	memcpy(&type, a + 20, 2);
	l.l_type = type == 1 ? F_RDLCK : type == 2 ? F_UNLCK : F_WRLCK;
	if (host(fcntl(fd, cmd == 11 ? F_GETLK : F_SETLK, &l)) == -1)
		return -1;
	type = l.l_type == F_RDLCK ? 1 : l.l_type == F_UNLCK ? 2 : 3;
	memcpy(a + 16, &l.l_pid, 4);
	memcpy(a + 20, &type, 2);
	return 0;
}

int
fbsd_fcntl(int fd, int cmd, ...)
{
	struct m_obj *o;
	va_list ap;
	void *arg;
	int h, b = 0;
	unsigned i;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (cmd == 1 || cmd == 2)		/* GETFD, SETFD */
		return m_get(fd, 0) == NULL ? -1 :
		    (int)host(fcntl(fd, cmd == 1 ? F_GETFD : F_SETFD, arg));
	o = m_get(fd, B_CAP_FCNTL);
	if (o == NULL)
		return -1;
	switch (cmd) {
	case 3:					/* GETFL */
		h = (int)host(fcntl(fd, F_GETFL));
		if (h == -1)
			return -1;
		for (i = 0; i < NOFLAGS; i++)
			if (oflags[i].bsd != 0x80 && (h & oflags[i].host) != 0)
				b |= oflags[i].bsd;
		return b | (h & 3);
	case 4:					/* SETFL */
		return (int)host(fcntl(fd, F_SETFL,
		    host_flags((int)(intptr_t)arg)));
	case 11:
	case 12:
		return locking(fd, cmd, arg);
	}
	return m_fail(B_EINVAL);
}

/*
 * Bytes.  A disk takes whole sectors only.
 */
static bool
fits(const struct m_obj *o, int64_t off, size_t len)
{
	return o->kind != K_DISK || ((uint64_t)off % o->disk->sector == 0 &&
	    len % o->disk->sector == 0);
}

static ssize_t
move(int fd, bool out, const struct iovec *iov, int n, int64_t off,
    bool vector)
{
	struct m_obj *o = m_get(fd, out ? B_CAP_PWRITE : B_CAP_PREAD);
	size_t len = 0;
	int i;

	for (i = 0; i < n; i++)
		len += iov[i].iov_len;
	if (o == NULL || m_fault(out ? "write" : "read", 0))
		return -1;
	if (!fits(o, off, len))
		return m_fail(B_EINVAL);
	if (!vector)
		return host(out ? pwrite(fd, iov->iov_base, len, off) :
		    pread(fd, iov->iov_base, len, off));
	return host(out ? pwritev(fd, iov, n, off) : preadv(fd, iov, n, off));
}

ssize_t
fbsd_pread(int fd, void *p, size_t len, int64_t off)
{
	return move(fd, false, &(struct iovec){ p, len }, 1, off, false);
}

ssize_t
fbsd_pwrite(int fd, const void *p, size_t len, int64_t off)
{
	return move(fd, true, &(struct iovec){ (void *)(uintptr_t)p, len }, 1,
	    off, false);
}

ssize_t
fbsd_preadv(int fd, const struct iovec *iov, int n, int64_t off)
{
	return move(fd, false, iov, n, off, true);
}

ssize_t
fbsd_pwritev(int fd, const struct iovec *iov, int n, int64_t off)
{
	return move(fd, true, iov, n, off, true);
}

ssize_t
fbsd_read(int fd, void *p, size_t len)
{
	struct m_obj *o = m_get(fd, B_CAP_READ);

	if (o == NULL || m_fault("bpf read", 0))
		return -1;
	return o->kind == K_BPF ? m_bpf_read(o->bpf, p, len) :
	    host(read(fd, p, len));
}

ssize_t
fbsd_write(int fd, const void *p, size_t len)
{
	struct m_obj *o = m_get(fd, B_CAP_WRITE);

	if (o == NULL || m_fault("bpf write", 0))
		return -1;
	return o->kind == K_BPF ? m_bpf_write(o->bpf, p, len) :
	    host(write(fd, p, len));
}

static int
sync_fd(int fd, bool data)
{
	struct m_obj *o = m_get(fd, B_CAP_FSYNC);

	if (o == NULL)
		return -1;
	if (o->kind == K_DISK)		/* which the drive does not hear of */
		return 0;
	return (int)host(data ? fdatasync(fd) : fsync(fd));
}

int
fbsd_fdatasync(int fd)
{
	return m_fault("fdatasync", 0) ? -1 : sync_fd(fd, true);
}

int
fbsd_fsync(int fd)
{
	return m_fault("fsync", 0) ? -1 : sync_fd(fd, false);
}

int64_t
fbsd_lseek(int fd, int64_t off, int whence)
{
	return m_get(fd, B_CAP_SEEK) == NULL ? -1 :
	    host(lseek(fd, off, whence));
}

static int
at(int dir)		/* AT_FDCWD -100 */
{
	if (dir != -100)
		return m_get(dir, B_CAP_LOOKUP) == NULL ? -1 : dir;
	return m_capmode ? m_fail(B_ECAPMODE) : AT_FDCWD;
}

int
fbsd_renameat(int from, const char *a, int to, const char *b)
{
	if ((from = at(from)) == -1 || (to = at(to)) == -1)
		return -1;
	return (int)host(renameat(from, a, to, b));
}

int
fbsd_rename(const char *a, const char *b)
{
	return fbsd_renameat(-100, a, -100, b);
}

int
fbsd_unlinkat(int dir, const char *name, int flags)
{
	if ((dir = at(dir)) == -1)
		return -1;
	return (int)host(unlinkat(dir, name, (flags & 0x800) != 0 ?
	    AT_REMOVEDIR : 0));
}

int
fbsd_unlink(const char *name)
{
	return fbsd_unlinkat(-100, name, 0);
}

int
fbsd_mkdir(const char *name, unsigned mode)
{
	return m_capmode ? m_fail(B_ECAPMODE) : (int)host(mkdir(name, mode));
}

int
fbsd_ftruncate(int fd, int64_t len)
{
	return m_get(fd, B_CAP_FTRUNCATE) == NULL ? -1 :
	    (int)host(ftruncate(fd, len));
}

/* struct spacectl_range: offset, length.  It may do a part. */
int
fbsd_fspacectl(int fd, int cmd, const int64_t *in, int flags, int64_t *left)
{
	struct m_obj *o = m_get(fd, B_CAP_PWRITE);
	int64_t off = in[0], len = in[1], part;
	struct stat st;

	if (o == NULL || m_fault("fspacectl", 0))
		return -1;
	if (cmd != 1 || flags != 0 || off < 0 || len <= 0)
		return m_fail(B_EINVAL);
	if (o->kind == K_DISK)
		return m_fail(B_ENODEV);
	part = len > 65536 ? 65536 : len;
	if (host(fstat(fd, &st)) == -1 || host(fallocate(fd,
	    FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, part)) == -1)
		return -1;
	left[0] = off + part;
	left[1] = off + part >= st.st_size ? 0 : len - part;
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
		return (int)host(fdatasync(fd));
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
		return (int)host(S_ISBLK(st.st_mode) ?
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
		int fd = (int)host(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC,
		    0));

		if (fd != -1)
			made(fd, K_ASK);
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
	return (int)host(connect(fd, (void *)&un, sizeof(un)));
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
	return host(sendmsg(fd, &h, MSG_NOSIGNAL | MSG_DONTWAIT));
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

/*
 * kqueue(2) and aio(4).  struct kevent: 64 bytes since FreeBSD 12.
 */
struct event {
	uint64_t	ident;
	int16_t		filter;		/* READ -1, AIO -3, USER -11 */
	uint16_t	flags;
	uint32_t	fflags;
	int64_t		data;
	uint64_t	udata;
	uint64_t	ext[4];
};
_Static_assert(sizeof(struct event) == 64, "struct kevent");

/* struct aiocb, of which this much is the caller's */
struct control {
	int32_t		fd;
	int32_t		pad0;
	int64_t		off;
	uint64_t	iov;		/* readv and writev: aio_buf */
	uint64_t	niov;		/* and aio_nbytes */
	int32_t		spare[2];
	uint64_t	spare2;
	int32_t		opcode, prio;
	int64_t		status, error;
	uint64_t	kernel;
	int32_t		notify;		/* SIGEV_KEVENT 3 */
	int32_t		kq;
	uint64_t	value;
	uint64_t	rest[8];
};
_Static_assert(offsetof(struct control, notify) == 80, "struct aiocb");
_Static_assert(sizeof(struct control) == 160, "struct aiocb");

enum { NOTES = 64, JOBS = 1024 };

struct note {
	bool		used, queued;
	struct event	ev;
};

struct m_kq {
	struct note	notes[NOTES];
};

static struct job {
	enum { FREE, UNDER_WAY, DONE } state;
	char		 kind;		/* R, W or S */
	struct control	*cb;
	int		 kq;
	int64_t		 result;
	int		 error;
} jobs[JOBS];

int
fbsd_kqueue(void)
{
	int fd;

	if (m_fault("kqueue", 0))
		return -1;
	fd = m_new(K_KQUEUE);
	m_objs[fd].kq = calloc(1, sizeof(struct m_kq));
	return fd;
}

/* Something happened to a descriptor: its knotes are looked at when next the
 * kqueue is, and until then the kqueue is readable. */
void
m_activate(struct m_obj *o)
{
	uint64_t fd = (uint64_t)(o - m_objs);
	unsigned i, k;

	for (i = 0; i < M_FDS; i++) {
		if (m_objs[i].kind != K_KQUEUE)
			continue;
		for (k = 0; k < NOTES; k++) {
			struct note *n = &m_objs[i].kq->notes[k];

			if (!n->used || n->ev.filter != -1 ||
			    n->ev.ident != fd)
				continue;
			if (o->kind == K_BPF && m_bpf_ready(o->bpf))
				n->queued = true;
		}
	}
}

void
m_forget(int fd)
{
	unsigned i, k;

	for (i = 0; i < M_FDS; i++)
		for (k = 0; m_objs[i].kind == K_KQUEUE && k < NOTES; k++)
			if (m_objs[i].kq->notes[k].ev.filter == -1 &&
			    m_objs[i].kq->notes[k].ev.ident == (uint64_t)fd)
				m_objs[i].kq->notes[k].used = false;
}

static int
change(struct m_kq *q, const struct event *c)
{
	struct note *n, *free_note = NULL, *it = NULL;

	if (c->filter == -1 && m_get((int)c->ident, B_CAP_EVENT) == NULL)
		return -1;
	for (n = q->notes; n < q->notes + NOTES; n++) {
		if (n->used && n->ev.filter == c->filter &&
		    n->ev.ident == c->ident)
			it = n;
		if (!n->used)
			free_note = n;
	}
	if (it == NULL && (c->flags & 1) == 0)		/* EV_ADD */
		return m_fail(B_ENOENT);
	if ((c->flags & 2) != 0) {			/* EV_DELETE */
		it->used = false;
		return 0;
	}
	if (it == NULL) {
		assert(free_note != NULL);
		it = free_note;
		*it = (struct note){ .used = true, .ev = *c };
	}
	if (c->filter == -1) {
		it->ev.udata = c->udata;
		m_activate(&m_objs[c->ident]);
	} else if (c->filter == -11) {
		if ((c->fflags & 0x01000000) != 0)	/* NOTE_TRIGGER */
			it->queued = true;
	} else
		return m_fail(B_EINVAL);
	return 0;
}

static void
run_job(struct job *j)
{
	struct control *cb = j->cb;
	struct iovec *iov = (struct iovec *)(uintptr_t)cb->iov;
	int error = the_errno;

	j->result = j->kind == 'S' ? sync_fd(cb->fd, false) :
	    move(cb->fd, j->kind == 'W', iov, (int)cb->niov, cb->off, true);
	j->error = j->result == -1 ? the_errno : 0;
	j->state = DONE;
	the_errno = error;
}

/* What is under way comes to its end when somebody looks. */
static void
run_jobs(int kq)
{
	unsigned i;

	for (i = 0; i < JOBS; i++) {
		struct job *j = &jobs[m_world.aio_backwards ? JOBS - 1 - i :
		    i];

		if (j->state == UNDER_WAY && j->kq == kq)
			run_job(j);
	}
}

static bool
still(const struct note *n)
{
	return n->ev.filter == -1 ? m_objs[n->ev.ident].kind == K_BPF &&
	    m_bpf_ready(m_objs[n->ev.ident].bpf) : true;
}

static int
scan(int fd, struct m_kq *q, struct event *out, int max)
{
	struct note *n;
	unsigned i;
	int got = 0;

	run_jobs(fd);
	for (n = q->notes; n < q->notes + NOTES && got < max; n++) {
		if (!n->used || !n->queued)
			continue;
		if (!still(n)) {
			n->queued = false;
			continue;
		}
		out[got++] = n->ev;
		if ((n->ev.flags & 0x20) != 0)		/* EV_CLEAR */
			n->queued = false;
	}
	for (i = 0; i < JOBS && got < max; i++) {
		struct job *j = &jobs[m_world.aio_backwards ? JOBS - 1 - i :
		    i];

		if (j->state == DONE && j->kq == fd)
			out[got++] = (struct event){
				.ident = (uintptr_t)j->cb, .filter = -3,
				.udata = j->cb->value,
			};
	}
	return got;
}

int
fbsd_kevent(int fd, const struct event *in, int nin, struct event *out,
    int nout, const struct timespec *ts)
{
	struct m_obj *o = m_get(fd, nin > 0 ? B_CAP_KQ_CHANGE :
	    B_CAP_KQ_EVENT);
	int i;

	if (o == NULL || m_fault("kevent", (unsigned long)nin))
		return -1;
	assert(o->kind == K_KQUEUE);
	if (m_world.pump != NULL)
		m_world.pump();
	for (i = 0; i < nin; i++)
		if (change(o->kq, &in[i]) == -1)
			return -1;
	if (nout == 0)
		return 0;
	assert(ts != NULL && ts->tv_sec == 0 && ts->tv_nsec == 0);
	return scan(fd, o->kq, out, nout);
}

/* Would poll(2) call it readable? */
bool
m_kq_readable(int fd)
{
	struct m_kq *q = m_objs[fd].kq;
	unsigned i;

	for (i = 0; i < NOTES; i++)
		if (q->notes[i].used && q->notes[i].queued)
			return true;
	for (i = 0; i < JOBS; i++)
		if (jobs[i].state != FREE && jobs[i].kq == fd)
			return true;
	return false;
}

static int
begin(char kind, struct control *cb)
{
	uint64_t right = kind == 'R' ? B_CAP_PREAD : kind == 'W' ?
	    B_CAP_PWRITE : B_CAP_FSYNC;
	struct m_obj *o = m_get(cb->fd, right);
	unsigned i, busy = 0;
	struct job *j = NULL;

	if (o == NULL || m_fault("aio", (unsigned long)kind))
		return -1;
	if (cb->notify != 3 || m_get(cb->kq, 0) == NULL ||
	    m_objs[cb->kq].kind != K_KQUEUE)
		return m_fail(B_EINVAL);
	for (i = 0; i < JOBS; i++) {
		if (jobs[i].state == FREE) {
			j = &jobs[i];
			continue;
		}
		busy++;
		assert(jobs[i].cb != cb);	/* it is the kernel's */
	}
	if (busy >= m_world.aio_max)
		return m_fail(B_EAGAIN);
	if (m_world.aio_unsafe && kind != 'S')
		return m_fail(B_EOPNOTSUPP);
	*j = (struct job){ UNDER_WAY, kind, cb, cb->kq, 0, 0 };
	m_world.aio_calls++;
	return 0;
}

int
fbsd_aio_readv(struct control *cb)
{
	return begin('R', cb);
}

int
fbsd_aio_writev(struct control *cb)
{
	return begin('W', cb);
}

int
fbsd_aio_fsync(int op, struct control *cb)
{
	/* O_SYNC 0x80, O_DSYNC 0x1000000 */
	return op == 0x80 || op == 0x1000000 ? begin('S', cb) :
	    m_fail(B_EINVAL);
}

ssize_t
fbsd_aio_return(struct control *cb)
{
	unsigned i;

	for (i = 0; i < JOBS; i++)
		if (jobs[i].state == DONE && jobs[i].cb == cb) {
			jobs[i].state = FREE;
			if (jobs[i].result == -1)
				the_errno = jobs[i].error;
			return jobs[i].result;
		}
	return m_fail(B_EINVAL);	/* once and only once */
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
	memset(jobs, 0, sizeof(jobs));
	m_capmode = false;
	armed.error = 0;
	overflow = false;
	m_world = (struct m_world){ .maxbufsize = 524288, .aio_max = 256,
	    .traceable = true, .hostuuid =
	    "7a1f0c52-0e5b-11ee-9c3a-525400123456" };
}
