/* SPDX-License-Identifier: GPL-2.0-only */
/* The queue: what may run now, what has to wait, what one sync serves. */

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "dat.h"
#include "fns.h"

static void
put(struct op_list *l, struct op *op)
{
	op->next = NULL;
	op->prev = l->last;
	if (l->last != NULL)
		l->last->next = op;
	else
		l->first = op;
	l->last = op;
}

static void
take(struct op_list *l, struct op *op)
{
	if (op->prev != NULL)
		op->prev->next = op->next;
	else
		l->first = op->next;
	if (op->next != NULL)
		op->next->prev = op->prev;
	else
		l->last = op->prev;
}

void
queue_open(struct disk *d, unsigned max)
{
	const char *how = getenv("VBLADE_IO");
	const int fds[] = { d->fd, d->cached_fd };
	struct io *io;
	unsigned i;

	if (how == NULL || strcmp(how, "sync") != 0)
		d->engine = io_open(max + 1, fds, d->direct ? 2 : 1);
	io = calloc(max, sizeof(*io));
	if (io == NULL)
		err(1, "memory");
	for (i = 0; i < max; i++) {
		io[i].next = d->unused;
		d->unused = &io[i];
	}
}

bool
queue_busy(const struct disk *d)
{
	return d->queue.first != NULL || d->syncing.first != NULL;
}

int
queue_pollfd(const struct disk *d)
{
	return d->engine != NULL && queue_busy(d) ? io_pollfd(d->engine) : -1;
}

/*
 * Order.
 */

/* Where the device wants larger pieces than a sector, what is odd goes by
 * the page cache: then two requests meet when their pages do. */
static bool
overlap(const struct disk *d, const struct op *a, const struct op *b)
{
	uint64_t grain = d->direct && d->align > SECTOR ?
	    (d->align > PAGE ? d->align : PAGE) / SECTOR : 1;
	uint64_t a0 = (d->first + a->lba) / grain;
	uint64_t b0 = (d->first + b->lba) / grain;
	uint64_t a1 = (d->first + a->lba + a->nsec + grain - 1) / grain;
	uint64_t b1 = (d->first + b->lba + b->nsec + grain - 1) / grain;

	return a0 < b1 && b0 < a1;
}

static bool
only_reads(const struct op *op)
{
	return op->kind == OP_READ || op->kind == OP_VERIFY;
}

/* An initiator that hears nothing asks again under a new tag, so a write may
 * come twice with another in between: running them in any order but that of
 * their arrival would bring old data back. */
static bool
has_to_wait(const struct disk *d, const struct op *op)
{
	const struct op *e;

	if (d->changes == 0)
		return false;
	for (e = d->queue.first; e != op; e = e->next) {
		if (e->kind == OP_TRIM || op->kind == OP_TRIM)
			return true;	/* its ranges may be anywhere */
		if (e->kind == OP_FLUSH)
			continue;
		if (op->kind == OP_FLUSH) {
			if (e->kind == OP_WRITE)
				return true;
			continue;
		}
		if (only_reads(e) && only_reads(op))
			continue;
		if (overlap(d, e, op))
			return true;
	}
	return false;
}

/*
 * Coming to an end.
 */
static void
complete(struct disk *d, struct op *op)
{
	if (op->error != 0)
		disk_complain(d, op);
	put(&d->ready, op);
}

/* An operation has run; perhaps it now has to wait for a sync. */
static void
has_run(struct disk *d, struct op *op)
{
	take(&d->queue, op);
	d->changes -= !only_reads(op);
	if (op->error == 0 && op->sync && !d->readonly)
		put(&d->unsynced, op);
	else
		complete(d, op);
}

/* Sectors of op that its call moves, or the next one will. */
static uint32_t
piece(const struct op *op)
{
	const uint32_t left = op->nsec - op->done;

	return left < op->step ? left : op->step;
}

/*
 * A call of the engine's failed, or ended early.  The store may take long to
 * tell of a bad sector, so what finds out whose and which it is are calls like
 * this one, beside the loop: of one operation, and of a read by sectors.
 */
static void
find_out(const struct io *io, struct op *op)
{
	const bool first = !op->alone;

	op->alone = true;
	if (io->niov > 1 || (first && io->result < 0))
		return;		/* all of it once more: it may go now */
	if (io->result > 0)
		op->done += (uint32_t)(io->result / SECTOR);
	else if (op->kind != OP_WRITE && piece(op) > 1)
		op->step = 1;
	else
		op->error = (int)-io->result;
}

/* Did it say nothing of the store that a plain call would not say better, and
 * at once?  The end of a file, or a mood of the kernel's. */
static bool
told_nothing(const struct io *io)
{
	return io->result == -EAGAIN || io->result == -EINTR ||
	    io->result == -ECANCELED ||
	    (io->result >= 0 && io->result < SECTOR);
}

static void
end_io(struct disk *d, struct io *io, bool here)
{
	struct op *op, *mate;

	for (op = io->first; op != NULL; op = mate) {
		mate = op->mate;
		if (io->result == (ssize_t)io->len)
			op->done += piece(op);
		else if (here || told_nothing(io))
			disk_do(d, op);
		else
			find_out(io, op);
		op->running = op->stream = false;
		if (op->error != 0 || op->done == op->nsec)
			has_run(d, op);
	}
	io->next = d->unused;
	d->unused = io;
}

static void
end_sync(struct disk *d, int error)
{
	struct op *op;

	disk_synced(d, error);
	while ((op = d->syncing.first) != NULL) {
		take(&d->syncing, op);
		if (d->sync_failed) {
			op->error = error != 0 ? error : EIO;
			op->done = 0;	/* of which nobody knows */
		}
		complete(d, op);
	}
}

/* Returns whether anything came to its end. */
static bool
collect(struct disk *d)
{
	struct io *io;
	bool any = false;

	if (d->engine == NULL)
		return false;
	while ((io = io_next(d->engine)) != NULL) {
		any = true;
		d->idle_ns = 0;
		if (io == &d->sync_io) {
			end_sync(d, io->result < 0 ? (int)-io->result : 0);
			continue;
		}
		d->streams -= io->stream;
		end_io(d, io, false);
	}
	return any;
}

/*
 * Starting.
 */

/* Move data out of the received frame: its slot goes back to the kernel. */
static void
keep_data(struct op *op)
{
	if ((op->kind != OP_WRITE && op->kind != OP_TRIM) ||
	    op->data == op->home)
		return;
	memcpy(op->home, op->data, (size_t)op->nsec * SECTOR);
	op->data = op->home;
}

/* A list of one piece costs the kernel more than the piece alone. */
static ssize_t
call(const struct io *io)
{
	off_t off = (off_t)io->off;

	if (io->niov == 1)
		return io->kind == IO_WRITE ?
		    pwrite(io->fd, io->iov[0].iov_base, io->len, off) :
		    pread(io->fd, io->iov[0].iov_base, io->len, off);
	return io->kind == IO_WRITE ?
	    pwritev(io->fd, io->iov, io->niov, off) :
	    preadv(io->fd, io->iov, io->niov, off);
}

/*
 * Without an engine everything is done here and now; with one, still what
 * the page cache takes: writes, unless they are direct.
 */
static bool
done_here(struct disk *d, struct io *io)
{
	if (d->engine != NULL && (d->direct || io->kind == IO_READ))
		return false;
	if (d->engine != NULL && d->slow > 0) {
		d->slow--;
		return false;
	}
	io->result = call(io);
	d->written++;
	return true;
}

/* No more operations join this one. */
static void
dispatch(struct disk *d)
{
	struct io *io = d->forming;

	if (io == NULL)
		return;
	d->forming = NULL;
	if (done_here(d, io)) {
		end_io(d, io, true);
		return;
	}
	d->streams += io->stream;
	io_add(d->engine, io);
}

static enum io_kind
io_kind(const struct op *op)
{
	return op->kind == OP_WRITE ? IO_WRITE : IO_READ;
}

static uint64_t
offset(const struct disk *d, const struct op *op)
{
	return (d->first + op->lba + op->done) * SECTOR;
}

static bool
follows(const struct io *io, enum io_kind kind, uint64_t off)
{
	return io->kind == kind && io->off + io->len == off;
}

static bool
joins(const struct op *op, const struct io *io, int fd, uint64_t off)
{
	return io != NULL && !op->alone && !io->first->alone &&
	    follows(io, io_kind(op), off) && io->fd == fd &&
	    io->niov < MAX_JOIN;
}

/* Join what is forming, or be the first of the next. */
static void
start_sectors(struct disk *d, struct op *op)
{
	enum io_kind kind = io_kind(op);
	uint64_t off = offset(d, op);
	size_t len = (size_t)piece(op) * SECTOR;
	struct io *io = d->forming;
	uint8_t *data;
	bool odd;
	int fd;

	if (d->direct || d->slow > 0)
		keep_data(op);
	data = op->data;
	if (op->kind != OP_VERIFY)
		data += (size_t)op->done * SECTOR;
	fd = disk_fd(d, data, off, len, &odd);
	if (!joins(op, io, fd, off)) {
		dispatch(d);
		io = d->forming = d->unused;
		d->unused = io->next;
		io->kind = kind;
		io->fd = fd;
		io->off = off;
		io->len = 0;
		io->niov = 0;
		io->stream = op->stream;
		io->last = &io->first;
	}
	op->sync |= odd && op->kind == OP_WRITE;
	op->running = true;
	op->mate = NULL;
	*io->last = op;
	io->last = &op->mate;
	io->iov[io->niov++] = (struct iovec){ data, len };
	io->len += len;
}

/*
 * In a stream of adjoining requests two calls under way keep the device busy;
 * what comes meanwhile gathers and goes as one.  Those two may be of another
 * stream, and hang: who waits for what it adjoins waits for its own.
 */
static bool
better_wait(const struct disk *d, const struct op *op)
{
	const struct op *before = op->prev;

	return op->stream && d->streams >= 2 && before != NULL &&
	    before->lba + before->nsec == op->lba &&
	    (d->forming == NULL || !follows(d->forming, io_kind(op),
	    offset(d, op)));
}

static void
start(struct disk *d, struct op *op)
{
	if (op->kind == OP_READ || op->kind == OP_WRITE ||
	    (op->kind == OP_VERIFY && d->engine != NULL)) {
		start_sectors(d, op);
		return;
	}
	disk_do(d, op);
	has_run(d, op);
}

static void
start_sync(struct disk *d)
{
	if (d->unsynced.first == NULL || d->syncing.first != NULL)
		return;
	d->syncing = d->unsynced;
	d->unsynced = (struct op_list){ NULL, NULL };
	if (d->engine == NULL) {
		end_sync(d, os_flush(d->fd) == -1 ? errno : 0);
		return;
	}
	d->sync_io = (struct io){ .kind = IO_SYNC, .fd = d->fd };
	io_add(d->engine, &d->sync_io);
}

void
queue_add(struct disk *d, struct op *op)
{
	op->error = 0;
	op->done = 0;
	op->sync = op->fua;
	op->running = false;
	op->alone = op->kind == OP_VERIFY;
	op->step = op->alone ? VERIFY_STEP : op->nsec;
	op->stream = d->last_kind == op->kind && d->last_end == op->lba &&
	    (op->kind == OP_READ || op->kind == OP_WRITE);
	d->last_kind = op->kind;
	d->last_end = op->lba + op->nsec;
	d->changes += !only_reads(op);
	put(&d->queue, op);
}

static void
start_all(struct disk *d)
{
	struct op *op, *next;

	for (op = d->queue.first; op != NULL; op = next) {
		next = op->next;
		if (op->running || better_wait(d, op))
			continue;
		if (has_to_wait(d, op)) {
			/* perhaps only for what is forming */
			dispatch(d);
			if (has_to_wait(d, op))
				continue;
		}
		start(d, op);
	}
	dispatch(d);
	start_sync(d);
	if (d->engine != NULL)
		io_submit(d->engine);
}

/* The page cache took longer for these writes than copying takes: it is full,
 * or has to read what they leave of a page.  Do not wait with it again. */
static void
mind_the_time(struct disk *d, int64_t ns)
{
	if (ns > SLOW_NS + (int64_t)d->written * SLOW_EACH_NS)
		d->slow = SLOW_WRITES;
}

/* The store has long brought nothing of what is under way: a write that it has
 * to be waited for would hold up all the rest. */
static bool
hangs(const struct disk *d, int64_t now)
{
	return d->idle_ns != 0 && now - d->idle_ns > HANG_NS;
}

void
queue_run(struct disk *d)
{
	int64_t start = 0;
	struct op *op;

	d->written = 0;
	if (d->engine != NULL && d->changes > 0)
		start = monotonic_ns();
	if (start != 0 && hangs(d, start))
		d->slow = SLOW_WRITES;	/* anew: it may end within a turn */
	do
		start_all(d);
	while (collect(d));	/* then others may start */
	if (start != 0 && d->written > 0)
		mind_the_time(d, monotonic_ns() - start);
	for (op = d->queue.first; op != NULL; op = op->next)
		keep_data(op);
	if (d->engine != NULL && d->idle_ns == 0 && queue_busy(d))
		d->idle_ns = monotonic_ns();
}

struct op *
queue_done(struct disk *d)
{
	struct op *op = d->ready.first;

	if (op != NULL)
		take(&d->ready, op);
	return op;
}
