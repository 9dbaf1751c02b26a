/* SPDX-License-Identifier: GPL-2.0-only */
/* FreeBSD, the disk: devices, and many operations in flight by aio(4). */

#include <sys/types.h>
#include <sys/capsicum.h>
#include <sys/disk.h>
#include <sys/event.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <aio.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dat.h"
#include "fns.h"
#include "freebsd.h"

/*
 * Devices.  A disk is a character device here: nothing is cached between it
 * and us, and it takes whole sectors of its own only.
 */
int
os_devsize(int fd, uint64_t *bytes, unsigned *logical, unsigned *physical)
{
	off_t size, stripe = 0;
	u_int sector;

	if (ioctl(fd, DIOCGMEDIASIZE, &size) == -1 ||
	    ioctl(fd, DIOCGSECTORSIZE, &sector) == -1)
		return -1;
	if (sector != SECTOR)
		errx(1, "/dev/%s: its sectors have %u bytes, and AoE needs %d; "
		    "put a file system on it and export a file",
		    fdevname(fd), sector, SECTOR);
	/* not every provider has one */
	if (ioctl(fd, DIOCGSTRIPESIZE, &stripe) == -1 || stripe < SECTOR)
		stripe = SECTOR;
	*bytes = (uint64_t)size;
	*logical = sector;
	*physical = stripe > 1 << 30 ? 1 << 30 : (unsigned)stripe;
	return 0;
}

/* A file system is mounted with noatime or without; a descriptor has none. */
void
os_noatime(int fd)
{
	(void)fd;
}

static bool
is_device(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode);
}

/* On a device there is nothing to be written by fdatasync, and the drive's own
 * cache is not told; a drive that has none to flush says EOPNOTSUPP. */
int
os_flush(int fd)
{
	int r;

	if (is_device(fd))
		return ioctl(fd, DIOCGFLUSH) == 0 || errno == EOPNOTSUPP ||
		    errno == ENOTTY ? 0 : -1;
	while ((r = fdatasync(fd)) == -1 && errno == EINTR)
		;
	return r;
}

static int
punch(int fd, uint64_t off, uint64_t len)
{
#ifdef SPACECTL_DEALLOC		/* FreeBSD 14 */
	struct spacectl_range r = {
		.r_offset = (off_t)off,
		.r_len = (off_t)len,
	};

	/* it may do a part and tell what is left */
	while (r.r_len > 0)
		if (fspacectl(fd, SPACECTL_DEALLOC, &r, 0, &r) == -1 &&
		    errno != EINTR)
			return -1;
	return 0;
#else
	(void)fd;
	(void)off;
	(void)len;
	errno = EOPNOTSUPP;
	return -1;
#endif
}

/* Where a file system has no holes, the kernel writes zeros instead: that takes
 * as long as it takes, and gives nothing back. */
static bool
has_holes(int fd)
{
#ifdef _PC_DEALLOC_PRESENT	/* FreeBSD 14 */
	return fpathconf(fd, _PC_DEALLOC_PRESENT) == 1;
#else
	(void)fd;
	return false;
#endif
}

int
os_trim(int fd, bool device, uint64_t off, uint64_t len)
{
	off_t range[2] = { (off_t)off, (off_t)len };

	/* A device may refuse odd pieces: nothing is lost by keeping them,
	 * since zeros are promised for files only. */
	if (device)
		return ioctl(fd, DIOCGDELETE, range) == 0 || errno == EINVAL ||
		    errno == EOPNOTSUPP ? 0 : -1;
	return punch(fd, off, len);
}

int
os_cantrim(int fd, bool device, uint64_t size)
{
	struct diocgattr_arg a = {
		.name = "GEOM::candelete",
		.len = sizeof(a.value.i),
	};

	/* behind the end of a file there is nothing to be lost */
	if (!device)
		return has_holes(fd) &&
		    punch(fd, (size + PAGE) / PAGE * PAGE, PAGE) == 0 ? 2 : 0;
	return ioctl(fd, DIOCGATTR, &a) == 0 && a.value.i != 0;
}

/*
 * Many operations in flight.  Each call has its control block, and the kqueue
 * says which have come to their end.
 */
struct call {
	struct aiocb	 cb;
	struct io	*io;
	struct call	*next;
};

struct io_engine {
	int		 kq;
	struct call	*unused;
	struct io	*here, **last;	/* done without the kernel's aio */
};

/* The ident of an event that says nothing but: look at what is done here. */
enum { LOOK = 1 };

struct io_engine *
io_open(unsigned max, const int *fds, unsigned nfds)
{
	struct io_engine *e = calloc(1, sizeof(*e));
	struct call *c = calloc(max, sizeof(*c));
	struct kevent ev;
	cap_rights_t r;
	unsigned i;

	(void)fds;
	(void)nfds;
	if (e == NULL || c == NULL)
		goto fail;
	e->kq = kqueue();
	if (e->kq == -1)
		goto fail;
	EV_SET(&ev, LOOK, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0, NULL);
	if (kevent(e->kq, &ev, 1, NULL, 0, NULL) == -1) {
		close(e->kq);
		goto fail;
	}
	for (i = 0; i < max; i++) {
		c[i].next = e->unused;
		e->unused = &c[i];
	}
	e->last = &e->here;
	cap_rights_init(&r, CAP_KQUEUE, CAP_EVENT);
	freebsd_limit(e->kq, &r, NULL, 0);
	return e;
fail:
	free(c);
	free(e);
	return NULL;
}

int
io_pollfd(const struct io_engine *e)
{
	return e->kq;
}

/* One call, now. */
static ssize_t
run_here(const struct io *io)
{
	ssize_t r;

	do
		switch (io->kind) {
		case IO_READ:
			r = preadv(io->fd, io->iov, io->niov, (off_t)io->off);
			break;
		case IO_WRITE:
			r = pwritev(io->fd, io->iov, io->niov, (off_t)io->off);
			break;
		default:
			r = os_flush(io->fd);
		}
	while (r == -1 && errno == EINTR);
	return r == -1 ? -errno : r;
}

/* Returns 0 when the kernel has it. */
static int
start(const struct io_engine *e, struct call *c)
{
	struct io *io = c->io;

	memset(&c->cb, 0, sizeof(c->cb));
	c->cb.aio_fildes = io->fd;
	c->cb.aio_sigevent.sigev_notify = SIGEV_KEVENT;
	c->cb.aio_sigevent.sigev_notify_kqueue = e->kq;
	c->cb.aio_sigevent.sigev_value.sival_ptr = c;
	if (io->kind == IO_SYNC)
		return is_device(io->fd) ? -1 : aio_fsync(O_SYNC, &c->cb);
	c->cb.aio_offset = (off_t)io->off;
	c->cb.aio_iov = io->iov;
	c->cb.aio_iovcnt = (size_t)io->niov;
	return io->kind == IO_WRITE ? aio_writev(&c->cb) : aio_readv(&c->cb);
}

/*
 * What the kernel does not take, it may take the other way: too many in flight
 * (the sysctls vfs.aio.*), a file system that it calls unsafe for this, the
 * cache of a device.
 */
void
io_add(struct io_engine *e, struct io *io)
{
	struct call *c = e->unused;
	struct kevent ev;

	if (c != NULL) {
		c->io = io;
		if (start(e, c) == 0) {
			e->unused = c->next;
			return;
		}
	}
	io->result = run_here(io);
	io->next = NULL;
	*e->last = io;
	e->last = &io->next;
	EV_SET(&ev, LOOK, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
	kevent(e->kq, &ev, 1, NULL, 0, NULL);
}

void
io_submit(struct io_engine *e)
{
	(void)e;		/* io_add has */
}

struct io *
io_next(struct io_engine *e)
{
	static const struct timespec now;
	struct kevent ev;
	struct call *c;
	struct io *io = e->here;

	if (io != NULL) {
		e->here = io->next;
		if (e->here == NULL)
			e->last = &e->here;
		return io;
	}
	do
		if (kevent(e->kq, NULL, 0, &ev, 1, &now) <= 0)
			return NULL;
	while (ev.filter != EVFILT_AIO);
	c = ev.udata;
	io = c->io;
	io->result = aio_return(&c->cb);
	if (io->result == -1)
		io->result = -errno;
	c->next = e->unused;
	e->unused = c;
	return io;
}
