/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world around a blade: a store with a volatile cache, an engine that
 * completes in any order, a state file, a clock.  Every choice that it has it
 * takes from the input, and power may go at any call.  Link with what the
 * Makefile calls WORLD.
 */

#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <time.h>

#include "fuzz.h"
#include "model.h"

#ifndef ENODATA
#define ENODATA	EIO
#endif

enum {
	W_PEND = 300,			/* calls in the engine */
	W_PAGE = 8,			/* sectors */
	W_TEXT = 2 * STATE_COPY,
};

enum state_fault {			/* the next change is not kept: */
	SF_NONE,
	SF_WRITE,			/* the write fails, somewhere */
	SF_SYNC,			/* the sync fails */
	SF_BOTH,			/* and then the write that spoils it */
	SF_KINDS,
};

struct sectors {
	uint8_t		data[M_TOTAL][M_SECTOR];
	uint32_t	ver[M_TOTAL];	/* which request wrote it */
};

/* A call in the engine. */
struct pend {
	struct io	*io;
	bool		 submitted;
	/* by the page cache, beside direct calls: the pages as they were */
	unsigned	 first, n;
	uint8_t		*pages;
	uint32_t	 ver[64];
};

static struct {
	/* choices */
	const uint8_t	*in, *end;
	bool		 live;		/* it is our world, not libFuzzer's */
	bool		 starting;
	unsigned	 fuse;		/* calls until the power goes; 0: no */
	jmp_buf		 power;

	/* the store: what reads see, what outlives a loss of power */
	int		 fd, cached_fd;
	uint64_t	 have;		/* sectors of the file */
	struct sectors	 cache, stable;
	bool		 dirty[M_TOTAL];
	struct sectors	 snap;		/* what the running sync makes stable */
	bool		 in_snap[M_TOTAL];
	bool		 syncs_fail;	/* now and then */
	bool		 sync_failed;	/* one did */
	bool		 sync_told;	/* and that was a turn ago */
	unsigned	 trim_calls;
	bool		 smooth;	/* no call is cut short */

	/* the engine */
	struct pend	 pend[W_PEND];
	unsigned	 npend;
	bool		 hangs;

	/* the state file */
	int		 state_fd;
	enum state_fault state_fault;
	bool		 state_second;	/* SF_BOTH: the first has failed */
	uint8_t		 text[W_TEXT], text_stable[W_TEXT];

	int64_t		 now;		/* ns */
	unsigned long	 calls, syncs;
} w;

static struct model	m;
static char		store_path[48], state_path[48];

/*
 * Choices.  Without input the answer is 0, which every caller takes for the
 * way things go by themselves.  No two in one expression: the order would be
 * the compiler's.
 */
static inline unsigned
pick(unsigned n)
{
	unsigned v;

	if (w.in == w.end)
		return 0;
	v = *w.in++;
	if (n > 256 && w.in < w.end)
		v = v << 8 | *w.in++;
	return v % n;
}

static inline bool
rarely(unsigned n)
{
	return pick(n) == n - 1;
}

static inline bool
over(void)
{
	return w.in == w.end;
}

/* One of our calls: power may go here. */
static void
tick(void)
{
	w.calls++;
	if (w.fuse > 0 && --w.fuse == 0)
		longjmp(w.power, 1);
}

static uint32_t
stamp(const uint8_t *sector)
{
	return (uint32_t)m_le(sector, 4);
}

/* What request seq writes into the i-th of its sectors. */
static inline void
fill(uint8_t *sector, uint32_t seq, unsigned i)
{
	uint64_t v = ((uint64_t)seq << 8 | i) * UINT64_C(0x9e3779b97f4a7c15);
	unsigned k;

	for (k = 0; k < M_SECTOR; k += 8) {
		v = v * UINT64_C(6364136223846793005) + 1442695040888963407U;
		memcpy(sector + k, &v, 8);
	}
	for (k = 0; k < 4; k++)
		sector[k] = (uint8_t)(seq >> 8 * k);
	sector[4] = (uint8_t)i;
}

/*
 * The store.
 */
static void
resize(uint64_t have)
{
	for (; w.have > have; w.have--) {
		const uint64_t s = w.have - 1;

		memset(w.cache.data[s], 0, M_SECTOR);
		memset(w.stable.data[s], 0, M_SECTOR);
		w.cache.ver[s] = w.stable.ver[s] = 0;
		w.dirty[s] = w.in_snap[s] = false;
	}
	w.have = have;
	if (truncate(store_path, (off_t)have * M_SECTOR) == -1)
		err(1, "%s", store_path);
}

static ssize_t
fails(int error)
{
	errno = error;
	return -1;
}

/* How many of len bytes at off can be moved; -1 with errno for none. */
static ssize_t
can_move(bool write, size_t len, uint64_t off)
{
	const int error = write ? m.bad_write : m.bad_read;
	const uint64_t bad = m.bad_first * M_SECTOR;
	const uint64_t end = w.have * M_SECTOR;

	CHECK(off % M_SECTOR == 0 || !write);
	CHECK(off < sizeof(w.cache.data));
	CHECK(len <= sizeof(w.cache.data) - off);
	if (error != 0 && off < m.bad_end * M_SECTOR && off + len > bad) {
		if (m.bad_whole || off >= bad)
			return fails(error);
		len = (size_t)(bad - off);
	}
	if (!write && off + len > end)
		len = off < end ? (size_t)(end - off) : 0;
	return (ssize_t)len;
}

/* Move them.  A sector is written when its last byte is. */
static void
copy(bool write, const struct iovec *iov, int niov, size_t len, uint64_t off)
{
	uint8_t *at = &w.cache.data[0][0] + off;
	size_t n, left = len;
	uint64_t s;
	int i;

	for (i = 0; i < niov && left > 0; i++, left -= n, at += n) {
		n = iov[i].iov_len < left ? iov[i].iov_len : left;
		if (write)
			memcpy(at, iov[i].iov_base, n);
		else
			memcpy(iov[i].iov_base, at, n);
	}
	if (!write)
		return;
	for (s = off / M_SECTOR; s < (off + len) / M_SECTOR; s++) {
		w.cache.ver[s] = stamp(w.cache.data[s]);
		w.dirty[s] = true;
	}
}

static size_t
total(const struct iovec *iov, int niov)
{
	size_t len = 0;

	while (niov-- > 0)
		len += iov[niov].iov_len;
	return len;
}

/* One call, from the program or from the engine. */
static ssize_t
store_call(bool write, const struct iovec *iov, int niov, uint64_t off)
{
	ssize_t n = can_move(write, total(iov, niov), off);

	if (n <= 0)
		return n;
	if (write)
		CHECK(!m.readonly);
	/* less than was asked for; whole sectors, for one that is torn is
	 * nobody's, and the model knows none */
	if (!w.smooth && n > M_SECTOR && rarely(32))
		n = (ssize_t)(1 + pick((unsigned)(n / M_SECTOR) - 1)) *
		    M_SECTOR;
	copy(write, iov, niov, (size_t)n, off);
	if (write && (off + (size_t)n) / M_SECTOR > w.have)
		resize((off + (size_t)n) / M_SECTOR);
	return n;
}

static void
sync_begin(void)
{
	unsigned s;

	w.snap = w.cache;
	memcpy(w.in_snap, w.dirty, sizeof(w.dirty));
	for (s = 0; s < M_TOTAL; s++)
		w.dirty[s] = false;
}

/* One that fails loses what it had: the next one says that all is well. */
static int
sync_end(void)
{
	const bool fail = w.syncs_fail && rarely(8);
	unsigned s;

	w.syncs++;
	for (s = 0; s < M_TOTAL; s++)
		if (w.in_snap[s] && !fail) {
			memcpy(w.stable.data[s], w.snap.data[s], M_SECTOR);
			w.stable.ver[s] = w.snap.ver[s];
		}
	memset(w.in_snap, 0, sizeof(w.in_snap));
	w.sync_failed |= fail;
	return fail ? EIO : 0;
}

/*
 * The state file.  Its bytes are in a file, for the program opens and reads
 * it; we keep in mind which of them have been made stable.
 */
static ssize_t
state_write(int fd, const void *buf, size_t len, off_t off)
{
	bool fail = !w.starting && (w.state_fault == SF_WRITE ||
	    w.state_second);
	size_t n = len;

	w.calls++;
	if (w.fuse > 0 && rarely(8))
		w.fuse = 1 + pick(2);	/* here, or before the sync */
	if (w.fuse == 1)
		n = pick((unsigned)len + 1);
	else if (fail)
		n = pick(2) == 0 ? 0 : pick((unsigned)len);
	if (lseek(fd, off, SEEK_SET) == -1 || write(fd, buf, n) != (ssize_t)n)
		err(1, "the state file");
	CHECK(off + (off_t)len <= W_TEXT);
	memcpy(w.text + off, buf, n);
	if (w.fuse > 0 && --w.fuse == 0)
		longjmp(w.power, 1);
	if (!fail)
		return (ssize_t)len;
	if (n > 0)		/* the next call says why no more */
		return (ssize_t)n;
	w.state_fault = SF_NONE;
	w.state_second = false;
	return fails(pick(2) == 0 ? ENOSPC : EIO);
}

static int
state_sync(void)
{
	tick();
	if (!w.starting && w.state_fault == SF_SYNC) {
		w.state_fault = SF_NONE;
		return (int)fails(EIO);
	}
	if (!w.starting && w.state_fault == SF_BOTH && !w.state_second) {
		w.state_second = true;
		return (int)fails(EIO);
	}
	memcpy(w.text_stable, w.text, W_TEXT);
	return 0;
}

/*
 * What the program calls.
 */
static bool
of_store(int fd)
{
	return fd == w.fd || fd == w.cached_fd;
}

static ssize_t
interrupted(void)
{
	tick();
	if (rarely(64))		/* it takes the store some time */
		w.now += 1000000 * (int64_t)(1 + pick(50));
	return !w.smooth && rarely(32) ? fails(EINTR) : 0;
}

ssize_t
pread(int fd, void *buf, size_t len, off_t off)
{
	const struct iovec iov = { buf, len };

	if (of_store(fd))
		return interrupted() == -1 ? -1 :
		    store_call(false, &iov, 1, (uint64_t)off);
	return lseek(fd, off, SEEK_SET) == -1 ? -1 : read(fd, buf, len);
}

ssize_t
pwrite(int fd, const void *buf, size_t len, off_t off)
{
	const struct iovec iov = { (void *)(uintptr_t)buf, len };

	if (!of_store(fd))
		return state_write(fd, buf, len, off);
	return interrupted() == -1 ? -1 :
	    store_call(true, &iov, 1, (uint64_t)off);
}

ssize_t
preadv(int fd, const struct iovec *iov, int niov, off_t off)
{
	CHECK(of_store(fd));
	return interrupted() == -1 ? -1 :
	    store_call(false, iov, niov, (uint64_t)off);
}

ssize_t
pwritev(int fd, const struct iovec *iov, int niov, off_t off)
{
	CHECK(of_store(fd));
	return interrupted() == -1 ? -1 :
	    store_call(true, iov, niov, (uint64_t)off);
}

int
clock_gettime(clockid_t which, struct timespec *ts)
{
	if (!w.live)
		return (int)syscall(SYS_clock_gettime, which, ts);
	w.now += 5000;
	ts->tv_sec = w.now / 1000000000;
	ts->tv_nsec = w.now % 1000000000;
	return 0;
}

#define WRAP(type, name)	type __wrap_##name; type __wrap_##name

WRAP(int, os_flush(int fd))
{
	int error;

	if (!of_store(fd))
		return state_sync();
	tick();
	sync_begin();
	error = sync_end();
	return error == 0 ? 0 : (int)fails(error);
}

WRAP(int, os_cantrim(int fd, bool device, uint64_t size))
{
	(void)fd;
	CHECK(w.starting && !device && size == w.have * M_SECTOR);
	return 2;
}

WRAP(int, os_trim(int fd, bool device, uint64_t off, uint64_t len))
{
	const uint64_t first = off / M_SECTOR, end = (off + len) / M_SECTOR;
	uint64_t s;

	CHECK(fd == w.fd && !device && !m.readonly);
	CHECK(off % M_SECTOR == 0 && len % M_SECTOR == 0 && end <= M_TOTAL);
	CHECK(w.trim_calls < m.trim_calls);
	tick();
	w.trim_calls++;
	if (m.bad_trim != 0)
		return (int)fails(m.bad_trim);
	for (s = first; s < end; s++) {
		memset(w.cache.data[s], 0, M_SECTOR);
		w.cache.ver[s] = m.trim_seq[(w.trim_calls - 1) % M_TRIMS];
		w.dirty[s] = true;
	}
	return 0;
}

WRAP(int64_t, net_clock(void))
{
	return w.now;
}

/*
 * The engine.
 */
WRAP(struct io_engine *, io_open(unsigned max, const int *fds, unsigned nfds))
{
	static int engine;

	CHECK(max <= W_PEND && nfds >= 1 && fds[0] == w.fd);
	return (void *)&engine;
}

WRAP(int, io_pollfd(const struct io_engine *e))
{
	(void)e;
	return 1000;
}

/* By the page cache, which writes whole pages: what else is in them had
 * better not change meanwhile. */
static void
take_pages(struct pend *p)
{
	const uint64_t end = (p->io->off + p->io->len) / M_SECTOR;

	if (p->io->kind != IO_WRITE || p->io->fd == w.fd)
		return;
	p->first = (unsigned)(p->io->off / M_SECTOR / W_PAGE * W_PAGE);
	p->n = (unsigned)((end + W_PAGE - 1) / W_PAGE * W_PAGE) - p->first;
	CHECK(p->n <= 64 && p->first + p->n <= M_TOTAL);
	p->pages = malloc((size_t)p->n * M_SECTOR);
	if (p->pages == NULL)
		err(1, "memory");
	memcpy(p->pages, w.cache.data[p->first], (size_t)p->n * M_SECTOR);
	memcpy(p->ver, w.cache.ver + p->first, p->n * sizeof(*p->ver));
}

static void
put_pages(struct pend *p)
{
	unsigned i;

	if (p->pages == NULL)
		return;
	memcpy(w.cache.data[p->first], p->pages, (size_t)p->n * M_SECTOR);
	memcpy(w.cache.ver + p->first, p->ver, p->n * sizeof(*p->ver));
	for (i = 0; i < p->n; i++)
		w.dirty[p->first + i] = true;
}

WRAP(void, io_add(struct io_engine *e, struct io *io))
{
	struct pend *p = &w.pend[w.npend++];

	(void)e;
	CHECK(w.npend <= W_PEND);
	CHECK(of_store(io->fd));
	*p = (struct pend){ .io = io };
	if (io->kind == IO_SYNC)
		return;
	CHECK(io->niov >= 1 && io->niov <= MAX_JOIN);
	CHECK(io->len == total(io->iov, io->niov));
}

/* A sync covers at least what was written when it began, and at worst. */
WRAP(void, io_submit(struct io_engine *e))
{
	unsigned i;

	(void)e;
	tick();
	for (i = 0; i < w.npend; i++) {
		if (w.pend[i].submitted)
			continue;
		w.pend[i].submitted = true;
		if (w.pend[i].io->kind == IO_SYNC)
			sync_begin();
		else
			take_pages(&w.pend[i]);
	}
}

static ssize_t
run_pend(struct pend *p)
{
	struct io *io = p->io;
	int error;

	if (io->kind == IO_SYNC) {
		error = sync_end();
		return -error;
	}
	if (!w.smooth && rarely(32))
		return pick(2) == 0 ? -EAGAIN : -EINTR;
	put_pages(p);
	return store_call(io->kind == IO_WRITE, io->iov, io->niov, io->off);
}

WRAP(struct io *, io_next(struct io_engine *e))
{
	struct pend p;
	unsigned i;
	ssize_t n;

	(void)e;
	if (w.npend == 0 || w.hangs || rarely(3))
		return NULL;
	i = pick(w.npend);
	if (!w.pend[i].submitted)
		return NULL;
	tick();
	p = w.pend[i];
	memmove(&w.pend[i], &w.pend[i + 1],
	    (--w.npend - i) * sizeof(*w.pend));
	n = run_pend(&p);
	p.io->result = n == -1 ? -errno : n;
	free(p.pages);
	return p.io;
}

/*
 * Power goes, or the process is killed.  Of what is in the engine each call
 * may have happened, or a part of it; what is in the cache stays there, or
 * with the power each sector is as it was or as it was going to be.
 */
static void
end_engine(void)
{
	unsigned i;

	for (i = 0; i < w.npend; i++) {
		if (w.pend[i].submitted && pick(2) == 1 &&
		    w.pend[i].io->kind == IO_WRITE)
			run_pend(&w.pend[i]);
		free(w.pend[i].pages);
	}
	w.npend = 0;
}

static void
lose_power(void)
{
	unsigned s;

	for (s = 0; s < M_TOTAL; s++) {
		if (w.dirty[s] && pick(2) == 1) {
			w.stable.ver[s] = w.cache.ver[s];
			memcpy(w.stable.data[s], w.cache.data[s], M_SECTOR);
		} else if (w.in_snap[s] && pick(2) == 1) {
			w.stable.ver[s] = w.snap.ver[s];
			memcpy(w.stable.data[s], w.snap.data[s], M_SECTOR);
		}
	}
	w.cache = w.stable;
	for (s = 0; s < W_TEXT; s += M_SECTOR)
		if (memcmp(w.text + s, w.text_stable + s, M_SECTOR) != 0 &&
		    pick(2) == 0)
			memcpy(w.text + s, w.text_stable + s, M_SECTOR);
}
