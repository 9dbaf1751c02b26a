/*
 * sabotage: make a target break its promises, to show that the scenarios see
 * it.  Preloaded into the target:
 *
 *	SABOTAGE=none		change nothing
 *	SABOTAGE=drop:N		each Nth write is answered and not done
 *	SABOTAGE=swap:N		each Nth write has its first sectors exchanged
 *	SABOTAGE=early		a write is answered while it waits in memory,
 *				and is done when QUEUE others have come after it
 *
 * All memory is static and the system calls are made directly, so that it works
 * in a process that has confined itself.
 */

#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTOR		512
#define QUEUE		64
#define WRITE_MAX	65536
#define BOUNCE_MAX	(4 << 20)

enum mode { NONE, DROP, SWAP, EARLY };

struct waiting {
	int		fd;
	off_t		off;
	size_t		len;
};

static enum mode	mode;
static unsigned long	each, nwrites;
static struct waiting	queue[QUEUE];
static unsigned		qhead, qlen;
static alignas(4096) uint8_t	qdata[QUEUE][WRITE_MAX];
static alignas(4096) uint8_t	bounce[BOUNCE_MAX];

static ssize_t
real_writev(int fd, const struct iovec *iov, int n, off_t off, int flags)
{
	return syscall(SYS_pwritev2, fd, iov, n, off, 0L, flags);
}

static ssize_t
real_readv(int fd, const struct iovec *iov, int n, off_t off, int flags)
{
	return syscall(SYS_preadv2, fd, iov, n, off, 0L, flags);
}

static ssize_t
real_write(int fd, void *buf, size_t len, off_t off, int flags)
{
	struct iovec iov = { buf, len };

	return real_writev(fd, &iov, 1, off, flags);
}

__attribute__((constructor))
static void
choose(void)
{
	const char *s = getenv("SABOTAGE");

	if (s == NULL)
		return;
	if (strncmp(s, "drop:", 5) == 0)
		mode = DROP;
	else if (strncmp(s, "swap:", 5) == 0)
		mode = SWAP;
	else if (strcmp(s, "early") == 0)
		mode = EARLY;
	if (mode == DROP || mode == SWAP)
		each = strtoul(s + 5, NULL, 10);
	if (each == 0)
		each = 1;
}

/* Leave alone all but whole sectors of the exported file. */
static int
is_disk(int fd, size_t len)
{
	struct stat st;

	return len > 0 && len % SECTOR == 0 && fstat(fd, &st) == 0 &&
	    (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode));
}

static size_t
iov_len(const struct iovec *iov, int n)
{
	size_t len = 0;
	int i;

	for (i = 0; i < n; i++)
		len += iov[i].iov_len;
	return len;
}

static void
gather(uint8_t *to, const struct iovec *iov, int n)
{
	int i;

	for (i = 0; i < n; to += iov[i++].iov_len)
		memcpy(to, iov[i].iov_base, iov[i].iov_len);
}

static void
do_oldest(void)
{
	struct waiting *w = &queue[qhead];

	(void)!real_write(w->fd, qdata[qhead], w->len, w->off, 0);
	qhead = (qhead + 1) % QUEUE;
	qlen--;
}

__attribute__((destructor))
static void
do_all(void)
{
	while (qlen > 0)
		do_oldest();
}

/* Copy what of w lies in [off, off + len) over the reader's memory. */
static void
overlay(const struct iovec *iov, int n, off_t off, const struct waiting *w,
    const uint8_t *data)
{
	off_t from, to, end;
	int i;

	for (i = 0; i < n; off += (off_t)iov[i++].iov_len) {
		end = off + (off_t)iov[i].iov_len;
		from = off > w->off ? off : w->off;
		to = w->off + (off_t)w->len;
		if (to > end)
			to = end;
		if (from < to)
			memcpy((uint8_t *)iov[i].iov_base + (from - off),
			    data + (from - w->off), (size_t)(to - from));
	}
}

static ssize_t
broken_writev(int fd, const struct iovec *iov, int n, off_t off, int flags)
{
	size_t len = iov_len(iov, n);
	uint8_t keep[SECTOR];
	unsigned at;

	if (mode == NONE || !is_disk(fd, len))
		return real_writev(fd, iov, n, off, flags);
	if (mode == EARLY) {
		if (len > WRITE_MAX) {
			do_all();
			return real_writev(fd, iov, n, off, flags);
		}
		if (qlen == QUEUE)
			do_oldest();
		at = (qhead + qlen++) % QUEUE;
		queue[at] = (struct waiting){ fd, off, len };
		gather(qdata[at], iov, n);
		return (ssize_t)len;
	}
	if (len < 2 * SECTOR || len > sizeof(bounce) || ++nwrites % each != 0)
		return real_writev(fd, iov, n, off, flags);
	if (mode == DROP)
		return (ssize_t)len;
	gather(bounce, iov, n);
	memcpy(keep, bounce, SECTOR);
	memcpy(bounce, bounce + SECTOR, SECTOR);
	memcpy(bounce + SECTOR, keep, SECTOR);
	return real_write(fd, bounce, len, off, flags);
}

static ssize_t
broken_readv(int fd, const struct iovec *iov, int n, off_t off, int flags)
{
	ssize_t len = real_readv(fd, iov, n, off, flags);
	unsigned i, at;

	for (i = 0; i < qlen; i++) {
		at = (qhead + i) % QUEUE;
		if (queue[at].fd == fd)
			overlay(iov, n, off, &queue[at], qdata[at]);
	}
	return len;
}

/* The names that a target may call these by. */

ssize_t
pwrite64(int fd, const void *buf, size_t len, off_t off)
{
	struct iovec iov = { (void *)(uintptr_t)buf, len };

	return broken_writev(fd, &iov, 1, off, 0);
}

ssize_t
pread64(int fd, void *buf, size_t len, off_t off)
{
	struct iovec iov = { buf, len };

	return broken_readv(fd, &iov, 1, off, 0);
}

ssize_t
pwritev64v2(int fd, const struct iovec *iov, int n, off_t off, int flags)
{
	return broken_writev(fd, iov, n, off, flags);
}

ssize_t
preadv64v2(int fd, const struct iovec *iov, int n, off_t off, int flags)
{
	return broken_readv(fd, iov, n, off, flags);
}

ssize_t
pwritev64(int fd, const struct iovec *iov, int n, off_t off)
{
	return broken_writev(fd, iov, n, off, 0);
}

ssize_t
preadv64(int fd, const struct iovec *iov, int n, off_t off)
{
	return broken_readv(fd, iov, n, off, 0);
}

ssize_t pwrite(int, const void *, size_t, off_t)
    __attribute__((alias("pwrite64")));
ssize_t pread(int, void *, size_t, off_t) __attribute__((alias("pread64")));
ssize_t pwritev(int, const struct iovec *, int, off_t)
    __attribute__((alias("pwritev64")));
ssize_t preadv(int, const struct iovec *, int, off_t)
    __attribute__((alias("preadv64")));
ssize_t pwritev2(int, const struct iovec *, int, off_t, int)
    __attribute__((alias("pwritev64v2")));
ssize_t preadv2(int, const struct iovec *, int, off_t, int)
    __attribute__((alias("preadv64v2")));
