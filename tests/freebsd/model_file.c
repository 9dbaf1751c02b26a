/* SPDX-License-Identifier: GPL-2.0-only */
/* The model's files: names, bytes, locks.  A disk takes whole sectors only. */

#define _GNU_SOURCE
#include <sys/stat.h>
#include <sys/uio.h>

#include <assert.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model.h"

int	*fbsd___error(void);

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
	    .stripe = 4096, .candelete = true, .takes_flags = true };
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
	fd = (int)m_host(openat(dir, path, host_flags(flags), mode));
	if (fd == -1)
		return -1;
	m_made(fd, d != NULL ? K_DISK : K_FILE);
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
	return (int)m_host(close(fd));
}

/* Nothing here is a terminal: so much for what is done to one. */
char *
fbsd_ttyname(int fd)
{
	(void)fd;
	m_fail(B_ENOTTY);
	return NULL;
}

int
fbsd_dup2(int from, int to)
{
	(void)from;
	(void)to;
	return m_fail(B_EBADF);
}

/* All but what the host around the model waits for. */
void
fbsd_closefrom(int fd)
{
	int i;

	for (; fd < M_FDS; fd++) {
		for (i = 0; i < m_world.nfds && m_world.fds[i] != fd; i++)
			;
		if (i == m_world.nfds)
			fbsd_close(fd);
	}
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
	if (m_host(stat(path, &st)) == -1)
		return -1;
	return to_stat(&st, disk_at(path) != NULL, out);
}

int
fbsd_fstat(int fd, uint8_t *out)
{
	struct m_obj *o = m_get(fd, B_CAP_FSTAT);
	struct stat st;

	if (o == NULL || m_fault("fstat", 0) || m_host(fstat(fd, &st)) == -1)
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
	if (m_host(fcntl(fd, cmd == 11 ? F_GETLK : F_SETLK, &l)) == -1)
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
	struct stat st;
	va_list ap;
	void *arg;
	int h, b = 0;
	unsigned i;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (cmd == 1 || cmd == 2)		/* GETFD, SETFD */
		return m_get(fd, 0) == NULL ? -1 :
		    (int)m_host(fcntl(fd, cmd == 1 ? F_GETFD : F_SETFD, arg));
	o = m_get(fd, B_CAP_FCNTL);
	if (o == NULL)
		return -1;
	switch (cmd) {
	case 3:					/* GETFL */
		h = (int)m_host(fcntl(fd, F_GETFL));
		if (h == -1)
			return -1;
		for (i = 0; i < NOFLAGS; i++)
			if (oflags[i].bsd != 0x80 && (h & oflags[i].host) != 0)
				b |= oflags[i].bsd;
		return b | (h & 3);
	case 4:					/* SETFL, by ioctl FIONBIO */
		if (m_fault("fcntl", 4))
			return -1;
		if (o->kind == K_DISK && !o->disk->takes_flags)
			return m_fail(B_ENOTTY);
		h = host_flags((int)(intptr_t)arg);
		/* a file that stands for a disk need not take it */
		if (o->kind == K_DISK && fstat(fd, &st) == 0 &&
		    S_ISREG(st.st_mode))
			h &= ~O_DIRECT;
		return (int)m_host(fcntl(fd, F_SETFL, h));
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
fits(const struct m_obj *o, int64_t off, const struct iovec *iov, int n)
{
	uint64_t odd = (uint64_t)off;
	int i;

	if (o->kind != K_DISK)
		return true;
	for (i = 0; i < n; i++)		/* each piece goes to the drive alone */
		odd |= iov[i].iov_len;
	return odd % o->disk->sector == 0;
}

ssize_t
m_move(int fd, bool out, const struct iovec *iov, int n, int64_t off,
    bool vector)
{
	struct m_obj *o = m_get(fd, out ? B_CAP_PWRITE : B_CAP_PREAD);
	size_t len = 0;
	int i;

	for (i = 0; i < n; i++)
		len += iov[i].iov_len;
	if (o == NULL || m_fault(out ? "write" : "read", 0))
		return -1;
	if (!fits(o, off, iov, n))
		return m_fail(B_EINVAL);
	if (!vector)
		return m_host(out ? pwrite(fd, iov->iov_base, len, off) :
		    pread(fd, iov->iov_base, len, off));
	return m_host(out ? pwritev(fd, iov, n, off) : preadv(fd, iov, n, off));
}

ssize_t
fbsd_pread(int fd, void *p, size_t len, int64_t off)
{
	return m_move(fd, false, &(struct iovec){ p, len }, 1, off, false);
}

ssize_t
fbsd_pwrite(int fd, const void *p, size_t len, int64_t off)
{
	return m_move(fd, true, &(struct iovec){ (void *)(uintptr_t)p, len }, 1,
	    off, false);
}

ssize_t
fbsd_preadv(int fd, const struct iovec *iov, int n, int64_t off)
{
	return m_move(fd, false, iov, n, off, true);
}

ssize_t
fbsd_pwritev(int fd, const struct iovec *iov, int n, int64_t off)
{
	return m_move(fd, true, iov, n, off, true);
}

ssize_t
fbsd_read(int fd, void *p, size_t len)
{
	struct m_obj *o = m_get(fd, B_CAP_READ);

	if (o == NULL || m_fault("bpf read", 0))
		return -1;
	return o->kind == K_BPF ? m_bpf_read(o->bpf, p, len) :
	    m_host(read(fd, p, len));
}

ssize_t
fbsd_write(int fd, const void *p, size_t len)
{
	struct m_obj *o = m_get(fd, B_CAP_WRITE);

	if (o == NULL || m_fault("bpf write", 0))
		return -1;
	if (fd == STDERR_FILENO && m_world.pipe) {
		assert(len <= m_world.pipe_room);	/* it would wait */
		m_world.pipe_room -= len;
	}
	return o->kind == K_BPF ? m_bpf_write(o->bpf, p, len) :
	    m_host(write(fd, p, len));
}

int
m_sync(int fd, bool data)
{
	struct m_obj *o = m_get(fd, B_CAP_FSYNC);

	if (o == NULL)
		return -1;
	if (o->kind == K_DISK)		/* which the drive does not hear of */
		return 0;
	return (int)m_host(data ? fdatasync(fd) : fsync(fd));
}

int
fbsd_fdatasync(int fd)
{
	return m_fault("fdatasync", 0) ? -1 : m_sync(fd, true);
}

int
fbsd_fsync(int fd)
{
	return m_fault("fsync", 0) ? -1 : m_sync(fd, false);
}

int64_t
fbsd_lseek(int fd, int64_t off, int whence)
{
	return m_get(fd, B_CAP_SEEK) == NULL ? -1 :
	    m_host(lseek(fd, off, whence));
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
	return (int)m_host(renameat(from, a, to, b));
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
	return (int)m_host(unlinkat(dir, name, (flags & 0x800) != 0 ?
	    AT_REMOVEDIR : 0));
}

int
fbsd_unlink(const char *name)
{
	return fbsd_unlinkat(-100, name, 0);
}

char *
fbsd_realpath(const char *name, char *to)
{
	char *real = m_capmode ? NULL : realpath(name, to);

	if (m_capmode)
		m_fail(B_ECAPMODE);
	else if (real == NULL)
		m_host(-1);
	return real;
}

int
fbsd_mkdir(const char *name, unsigned mode)
{
	return m_capmode ? m_fail(B_ECAPMODE) : (int)m_host(mkdir(name, mode));
}

int
fbsd_ftruncate(int fd, int64_t len)
{
	return m_get(fd, B_CAP_FTRUNCATE) == NULL ? -1 :
	    (int)m_host(ftruncate(fd, len));
}

long
fbsd_fpathconf(int fd, int name)
{
	if (m_get(fd, B_CAP_FPATHCONF) == NULL)
		return -1;
	/* _PC_DEALLOC_PRESENT 65 */
	return name == 65 ? !m_world.no_holes : m_fail(B_EINVAL);
}

/* struct spacectl_range: offset, length.  It may do a part.  Where there are no
 * holes it writes zeros. */
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
	if (m_host(fstat(fd, &st)) == -1 || m_host(fallocate(fd,
	    FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, part)) == -1)
		return -1;
	left[0] = off + part;
	left[1] = off + part >= st.st_size ? 0 : len - part;
	return 0;
}
