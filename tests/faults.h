/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A store with faults.  The functions below stand in for libc's, so that the
 * real disk.c and queue.c run above them.  Include this before all else.
 */

#undef _FORTIFY_SOURCE		/* its inline functions would go around us */

#include <sys/syscall.h>
#include <sys/uio.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
	/* what is wrong: a call that moves bytes from bad_first up to but
	 * not including bad_end stops there, or moves nothing (whole) */
	int64_t		bad_first, bad_end;
	int		bad_read, bad_write;	/* errno: 0 where nothing is */
	bool		whole;
	int		heals_after;	/* failures, then it goes; 0: never */
	int		interrupts;	/* calls to fail with EINTR first */
	size_t		dribble;	/* bytes of a call at most; 0: any */
	int		sync_error, trim_error;

	/* what happened */
	char		log[4096];	/* R, W, S and T as they came */
	size_t		nlog;
	int		last_fd;
	char		said[4096];	/* to the operator */
} fault;

static inline void
fault_log(int what, int fd)
{
	if (fault.nlog < sizeof(fault.log) - 1)
		fault.log[fault.nlog++] = (char)what;
	fault.last_fd = fd;
}

static inline unsigned
fault_count(char what)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < fault.nlog; i++)
		n += fault.log[i] == what;
	return n;
}

static inline void
fault_clear_log(void)
{
	memset(fault.log, 0, sizeof(fault.log));
	fault.nlog = 0;
}

static inline ssize_t
fail_with(int error)
{
	errno = error;
	return -1;
}

/* How many bytes of len at off can be moved; -1 with errno for none. */
static inline ssize_t
fault_limit(int error, int64_t off, size_t len)
{
	if (fault.interrupts > 0) {
		fault.interrupts--;
		return fail_with(EINTR);
	}
	if (fault.dribble > 0 && len > fault.dribble)
		len = fault.dribble;
	if (error == 0 || off >= fault.bad_end ||
	    off + (int64_t)len <= fault.bad_first)
		return (ssize_t)len;
	if (fault.heals_after > 0 && --fault.heals_after == 0)
		fault.bad_read = fault.bad_write = 0;
	if (fault.whole || off >= fault.bad_first)
		return fail_with(error);
	return (ssize_t)(fault.bad_first - off);
}

static inline ssize_t
fault_move(bool write, int fd, const struct iovec *iov, int niov, off_t off)
{
	struct iovec part[1024];
	size_t len = 0, left;
	ssize_t n;
	int i;

	fault_log(write ? 'W' : 'R', fd);
	for (i = 0; i < niov; i++)
		len += iov[i].iov_len;
	n = fault_limit(write ? fault.bad_write : fault.bad_read, off, len);
	if (n == -1 || lseek(fd, off, SEEK_SET) == -1)
		return -1;
	for (i = 0, left = (size_t)n; left > 0; i++) {
		part[i] = iov[i];
		if (part[i].iov_len > left)
			part[i].iov_len = left;
		left -= part[i].iov_len;
	}
	return write ? writev(fd, part, i) : readv(fd, part, i);
}

ssize_t
pread(int fd, void *buf, size_t len, off_t off)
{
	const struct iovec iov = { buf, len };

	return fault_move(false, fd, &iov, 1, off);
}

ssize_t
pwrite(int fd, const void *buf, size_t len, off_t off)
{
	const struct iovec iov = { (void *)(uintptr_t)buf, len };

	return fault_move(true, fd, &iov, 1, off);
}

ssize_t
preadv(int fd, const struct iovec *iov, int niov, off_t off)
{
	return fault_move(false, fd, iov, niov, off);
}

ssize_t
pwritev(int fd, const struct iovec *iov, int niov, off_t off)
{
	return fault_move(true, fd, iov, niov, off);
}

int
fdatasync(int fd)
{
	if (fault.interrupts > 0) {
		fault.interrupts--;
		return (int)fail_with(EINTR);
	}
	fault_log('S', fd);
	return fault.sync_error != 0 ? (int)fail_with(fault.sync_error) : 0;
}

/* Only what the operator is told: the rest of the test has stdio. */
ssize_t
write(int fd, const void *buf, size_t len)
{
	size_t n = strlen(fault.said);

	if (fd != STDERR_FILENO)
		return syscall(SYS_write, fd, buf, len);
	snprintf(fault.said + n, sizeof(fault.said) - n, "%.*s", (int)len,
	    (const char *)buf);
	return (ssize_t)len;
}

#ifdef __linux__
int
fallocate(int fd, int mode, off_t off, off_t len)
{
	fault_log('T', fd);
	if (fault.trim_error != 0)
		return (int)fail_with(fault.trim_error);
	return (int)syscall(SYS_fallocate, fd, mode, off, len);
}
#endif

/* Into the file and out of it, past all faults. */
static inline bool
peek(int fd, void *buf, size_t len, uint64_t off)
{
	return lseek(fd, (off_t)off, SEEK_SET) == (off_t)off &&
	    read(fd, buf, len) == (ssize_t)len;
}

static inline bool
poke(int fd, const void *buf, size_t len, uint64_t off)
{
	return lseek(fd, (off_t)off, SEEK_SET) == (off_t)off &&
	    write(fd, buf, len) == (ssize_t)len;
}
