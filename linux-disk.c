/* SPDX-License-Identifier: GPL-2.0-only */
/* Linux, the disk: devices, and many operations in flight by io_uring. */

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/io_uring.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dat.h"
#include "fns.h"

/*
 * Devices.
 */
int
os_devsize(int fd, uint64_t *bytes, unsigned *logical, unsigned *physical)
{
	int lb = SECTOR;
	unsigned pb = SECTOR;

	if (ioctl(fd, BLKGETSIZE64, bytes) == -1)
		return -1;
	ioctl(fd, BLKSSZGET, &lb);
	ioctl(fd, BLKPBSZGET, &pb);
	*logical = (unsigned)lb;
	*physical = pb;
	return 0;
}

void
os_noatime(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	/* only the file's owner may; for the rest reads cost a little more */
	if (flags != -1)
		fcntl(fd, F_SETFL, flags | O_NOATIME);
}

int
os_flush(int fd)
{
	int r;

	while ((r = fdatasync(fd)) == -1 && errno == EINTR)
		;
	return r;
}

int
os_trim(int fd, bool device, uint64_t off, uint64_t len)
{
	uint64_t range[2] = { off, len };

	/* A device may refuse odd pieces: nothing is lost by keeping them,
	 * since zeros are promised for files only. */
	if (device)
		return ioctl(fd, BLKDISCARD, range) == 0 || errno == EINVAL ||
		    errno == EOPNOTSUPP ? 0 : -1;
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	    (off_t)off, (off_t)len);
}

int
os_cantrim(int fd, bool device, uint64_t size)
{
	char text[80];		/* a path, then what the file says */
	bool can;
	struct stat st;
	FILE *fp = NULL;
	int i;

	/* a hole behind the end of the file changes nothing */
	if (!device)
		return os_trim(fd, false, (size + PAGE) / PAGE * PAGE,
		    PAGE) == 0 ? 2 : 0;
	if (fstat(fd, &st) == -1)
		return 0;
	/* the queue is the disk's; a partition's disk is its parent */
	for (i = 0; i < 2 && fp == NULL; i++) {
		(void)snprintf(text, sizeof(text),
		    "/sys/dev/block/%u:%u/%squeue/discard_max_bytes",
		    major(st.st_rdev), minor(st.st_rdev), i == 0 ? "" : "../");
		fp = fopen(text, "re");
	}
	if (fp == NULL)
		return 0;
	can = fgets(text, sizeof(text), fp) != NULL &&
	    strtoull(text, NULL, 10) > 0;
	(void)fclose(fp);
	return can ? 1 : 0;
}

/*
 * Many operations in flight, by io_uring without a library.
 */

/* Completions are worked off when we are in the kernel anyway, instead of
 * by an interrupt (Linux 5.19).  Deferring them further (DEFER_TASKRUN) would
 * make the descriptor deaf to poll. */
#ifndef IORING_SETUP_COOP_TASKRUN
#define IORING_SETUP_COOP_TASKRUN	(1U << 8)
#endif

struct io_engine {
	int			 fd;
	unsigned		*sq_head, *sq_tail;
	unsigned		 sq_mask, sq_size;
	unsigned		 added;		/* not yet submitted */
	unsigned		*cq_head, *cq_tail;
	unsigned		 cq_mask;
	struct io_uring_sqe	*sqes;
	struct io_uring_cqe	*cqes;
	int			 fds[2];	/* registered, in this order */
};

static int
enter(struct io_engine *e, unsigned submit, unsigned flags)
{
	long r;

	do
		r = syscall(SYS_io_uring_enter, e->fd, submit, 0, flags,
		    NULL, 0);
	while (r == -1 && errno == EINTR);
	return (int)r;
}

static void *
map(int fd, size_t bytes, off_t what)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_POPULATE, fd, what);
}

static int
map_rings(struct io_engine *e, const struct io_uring_params *p)
{
	size_t sq = p->sq_off.array + p->sq_entries * sizeof(unsigned);
	size_t cq = p->cq_off.cqes + p->cq_entries * sizeof(*e->cqes);
	uint8_t *ring;
	unsigned i, *array;

	/* one mapping holds both rings (Linux 5.4) */
	ring = map(e->fd, sq > cq ? sq : cq, IORING_OFF_SQ_RING);
	e->sqes = map(e->fd, p->sq_entries * sizeof(*e->sqes),
	    IORING_OFF_SQES);
	if (ring == MAP_FAILED || (void *)e->sqes == MAP_FAILED)
		return -1;
	e->sq_head = (void *)(ring + p->sq_off.head);
	e->sq_tail = (void *)(ring + p->sq_off.tail);
	e->sq_mask = p->sq_entries - 1;
	e->sq_size = p->sq_entries;
	e->cq_head = (void *)(ring + p->cq_off.head);
	e->cq_tail = (void *)(ring + p->cq_off.tail);
	e->cq_mask = p->cq_entries - 1;
	e->cqes = (void *)(ring + p->cq_off.cqes);
	array = (void *)(ring + p->sq_off.array);
	for (i = 0; i < p->sq_entries; i++)
		array[i] = i;
	return 0;
}

/*
 * What a ring does for us passes no seccomp filter.  So it starts disabled,
 * and is confined for good before it runs: these operations, on the registered
 * descriptors, and no more registering.
 */
static int
confine_ring(int fd)
{
	static const uint8_t ops[] = {
		IORING_OP_READ, IORING_OP_READV, IORING_OP_WRITE,
		IORING_OP_WRITEV, IORING_OP_FSYNC,
	};
	struct io_uring_restriction r[sizeof(ops) + 1];
	unsigned i;

	memset(r, 0, sizeof(r));
	for (i = 0; i < sizeof(ops); i++) {
		r[i].opcode = IORING_RESTRICTION_SQE_OP;
		r[i].sqe_op = ops[i];
	}
	r[i].opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED;
	r[i].sqe_flags = IOSQE_FIXED_FILE;
	if (syscall(SYS_io_uring_register, fd, IORING_REGISTER_RESTRICTIONS,
	    r, sizeof(ops) + 1) == -1)
		return -1;
	return (int)syscall(SYS_io_uring_register, fd,
	    IORING_REGISTER_ENABLE_RINGS, NULL, 0);
}

/* A kernel that cannot confine a ring (before Linux 5.10) gives us none. */
struct io_engine *
io_open(unsigned max, const int *fds, unsigned nfds)
{
	const unsigned flags = IORING_SETUP_R_DISABLED;
	struct io_engine *e = calloc(1, sizeof(*e));
	struct io_uring_params p = {
		.flags = flags | IORING_SETUP_COOP_TASKRUN,
	};

	if (e == NULL)
		return NULL;
	e->fd = (int)syscall(SYS_io_uring_setup, max, &p);
	if (e->fd == -1 && errno == EINVAL) {
		p = (struct io_uring_params){ .flags = flags };
		e->fd = (int)syscall(SYS_io_uring_setup, max, &p);
	}
	if (e->fd != -1 && (p.features & IORING_FEAT_SINGLE_MMAP) != 0 &&
	    map_rings(e, &p) == 0 && syscall(SYS_io_uring_register, e->fd,
	    IORING_REGISTER_FILES, fds, nfds) == 0 &&
	    confine_ring(e->fd) == 0) {
		memcpy(e->fds, fds, nfds * sizeof(*fds));
		return e;
	}
	if (e->fd != -1)
		close(e->fd);
	else
		errno = ENOSYS;
	free(e);
	return NULL;
}

int
io_pollfd(const struct io_engine *e)
{
	return e->fd;
}

void
io_submit(struct io_engine *e)
{
	int n;

	while (e->added > 0) {
		n = enter(e, e->added, 0);
		if (n > 0)
			e->added -= (unsigned)n;
		else if (n == -1 && errno != EAGAIN && errno != EBUSY)
			abort();	/* a mistake of ours */
		else
			enter(e, 0, IORING_ENTER_GETEVENTS);
	}
}

static int
registered(const struct io_engine *e, int fd)
{
	return fd == e->fds[0] ? 0 : 1;
}

void
io_add(struct io_engine *e, struct io *io)
{
	unsigned tail = *e->sq_tail;
	struct io_uring_sqe *sqe;

	if (tail - __atomic_load_n(e->sq_head, __ATOMIC_ACQUIRE) ==
	    e->sq_size)
		io_submit(e);
	sqe = &e->sqes[tail & e->sq_mask];
	memset(sqe, 0, sizeof(*sqe));
	sqe->fd = registered(e, io->fd);
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->user_data = (uintptr_t)io;
	if (io->kind == IO_SYNC) {
		sqe->opcode = IORING_OP_FSYNC;
		sqe->fsync_flags = IORING_FSYNC_DATASYNC;
	} else if (io->niov == 1) {
		sqe->opcode = io->kind == IO_WRITE ? IORING_OP_WRITE :
		    IORING_OP_READ;
		sqe->addr = (uintptr_t)io->iov[0].iov_base;
		sqe->len = (unsigned)io->len;
		sqe->off = io->off;
	} else {
		sqe->opcode = io->kind == IO_WRITE ? IORING_OP_WRITEV :
		    IORING_OP_READV;
		sqe->addr = (uintptr_t)io->iov;
		sqe->len = (unsigned)io->niov;
		sqe->off = io->off;
	}
	__atomic_store_n(e->sq_tail, tail + 1, __ATOMIC_RELEASE);
	e->added++;
}

struct io *
io_next(struct io_engine *e)
{
	unsigned head = *e->cq_head;
	struct io_uring_cqe *cqe;
	struct io *io;

	if (head == __atomic_load_n(e->cq_tail, __ATOMIC_ACQUIRE))
		return NULL;
	cqe = &e->cqes[head & e->cq_mask];
	io = (struct io *)(uintptr_t)cqe->user_data;
	io->result = cqe->res;
	__atomic_store_n(e->cq_head, head + 1, __ATOMIC_RELEASE);
	/* Not begun: no thread could be had for it, at the limit of processes
	 * of our user or group.  That is not the store's failure. */
	if (io->kind == IO_SYNC && io->result == -ECANCELED)
		io->result = os_flush(io->fd) == -1 ? -errno : 0;
	return io;
}
