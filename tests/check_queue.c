/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The queue: overlapping operations in the order of their arrival, whatever
 * runs at once; one sync for all that wait for it; the same answers with and
 * without the kernel's engine, with and without -d.
 */

#include "faults.h"
#include "unit.h"

#ifdef __linux__
#include <linux/io_uring.h>
#endif

enum {
	NSEC = 40,		/* exported, from FIRST on */
	FIRST = 3,
	MAX_OPS = 64,		/* of a batch */
	MAX_LEN = 9,		/* sectors of an operation */
};

/* Ways to run. */
static const struct {
	const char *name;
	bool engine, direct;
	unsigned align;
} ways[] = {
	{ "one after another", false, false, 0 },
	{ "engine", true, false, 0 },
	{ "direct", false, true, SECTOR },
	{ "direct, 4 KiB", false, true, PAGE },
	{ "engine, direct", true, true, SECTOR },
	{ "engine, direct, 4 KiB", true, true, PAGE },
};

/* An operation, where its data is and what it should read. */
struct job {
	struct op	 op;
	uint8_t		 frame[MAX_LEN * SECTOR];	/* as received */
	uint8_t		*home;				/* in the reply */
	uint8_t		 want[MAX_LEN * SECTOR];
	bool		 added, done;
};

static struct blade b;
static struct job jobs[MAX_REQUESTS];
static _Alignas(PAGE) uint8_t homes[MAX_REQUESTS][(MAX_LEN * SECTOR + PAGE) /
    PAGE * PAGE];
static uint8_t model[NSEC * SECTOR];
static uint8_t store[(FIRST + NSEC + 5) * SECTOR];

/* Has this kernel an engine?  We ask it ourselves: a blade that does not find
 * it is no reason to leave a test out. */
static bool
have_engine(void)
{
#ifdef __linux__
	struct io_uring_params p = { .flags = 0 };
	int fd = (int)syscall(SYS_io_uring_setup, 1, &p);

	if (fd != -1)
		close(fd);
	return fd != -1;
#else
	return false;
#endif
}

static bool
cannot(int i, const char *why)
{
	fprintf(stderr, "%s is NOT TESTED: %s\n", ways[i].name, why);
	unlink(b.path);
	return false;
}

/* Returns false where this machine cannot run it so, and says it.  instead,
 * if not -1, takes the opened file's place. */
static bool
open_with(int i, int instead)
{
	struct disk *d = &b.t.disk;
	size_t k;
	int fd;

	memset(&fault, 0, sizeof(fault));
	if (ways[i].engine)
		unsetenv("VBLADE_IO");
	else
		setenv("VBLADE_IO", "sync", 1);
	blade_file(&b, sizeof(store));
	for (k = 0; k < sizeof(store); k++)
		store[k] = (uint8_t)(k / SECTOR + k % SECTOR * 3);
	ck_assert(poke(b.fd, store, sizeof(store), 0));
	memcpy(model, store + FIRST * SECTOR, sizeof(model));
	fd = open(b.path, O_RDWR | (ways[i].direct ? O_DIRECT : 0));
	if (fd == -1)
		return cannot(i, "no direct I/O at TMPDIR");
	close(fd);

	d->direct = ways[i].direct;
	d->first = FIRST;
	d->length = NSEC;
	disk_open(d, &b.t.count);
	if (instead != -1)
		ck_assert(dup2(instead, d->fd) != -1);
	queue_open(d, MAX_REQUESTS);
	if (ways[i].engine && !have_engine())
		return cannot(i, "this kernel has no io_uring for us");
	unlink(b.path);
	if (ways[i].direct)
		d->align = ways[i].align;
	ck_assert((d->engine != NULL) == ways[i].engine);
	ck_assert(!queue_busy(d));
	ck_assert_int_eq(queue_pollfd(d), -1);	/* nothing to wait for */
	fault_clear_log();
	return true;
}

static bool
open_way(int i)
{
	return open_with(i, -1);
}

/* An operation with its data where aoe.c would have it. */
static struct job *
make_job(unsigned i, enum op_kind kind, uint64_t lba, uint32_t nsec)
{
	struct job *j = &jobs[i];

	j->home = homes[i];
	j->added = j->done = false;
	j->op = (struct op){
		.kind = kind,
		.lba = lba,
		.nsec = nsec,
		.home = j->home,
		.data = kind == OP_READ || kind == OP_VERIFY ? j->home :
		    kind == OP_WRITE || kind == OP_TRIM ? j->frame : NULL,
	};
	memset(j->home, POISON, sizeof(homes[i]));
	return j;
}

/* In order of arrival: what a read has to give, what a write changes. */
static void
add_job(struct job *j)
{
	const struct op *op = &j->op;
	uint8_t *at = model + op->lba * SECTOR;
	size_t len = op->nsec * SECTOR;

	if (op->kind == OP_READ)
		memcpy(j->want, at, len);
	if (op->kind == OP_WRITE)
		memcpy(at, j->frame, len);
	if (op->kind == OP_TRIM)
		memset(model + get_le48(j->frame) * SECTOR, 0,
		    get_le16(j->frame + 6) * (size_t)SECTOR);
	j->added = true;
	queue_add(&b.t.disk, &j->op);
}

static void
end_job(struct op *op)
{
	struct job *j = (void *)op;

	ck_assert_msg(j->added && !j->done, "done twice, or never begun");
	j->done = true;
	ck_assert_int_eq(op->error, 0);
	if (op->kind == OP_READ)
		same("a read", j->home, op->nsec * SECTOR, j->want,
		    op->nsec * SECTOR);
}

static void
end_jobs(unsigned n)
{
	struct op *done[MAX_REQUESTS];
	int i, k = run_queue(&b.t.disk, done, MAX_REQUESTS);
	unsigned left = 0;

	for (i = 0; i < k; i++)
		end_job(done[i]);
	for (i = 0; i < (int)n; i++)
		left += !jobs[i].done;
	ck_assert_msg(left == 0, "%u of %u operations did not end", left, n);
}

static void
check_store(void)
{
	static uint8_t now[sizeof(store)];

	memcpy(store + FIRST * SECTOR, model, sizeof(model));
	ck_assert(peek(b.fd, now, sizeof(now), 0));
	same("the file", now, sizeof(now), store, sizeof(store));
}

/*
 * Order (5, hazards 1 and 2): many overlapping operations, added and run in
 * many rhythms, against a model that runs them one after another.
 */
static void
any_job(unsigned i)
{
	static const enum op_kind kinds[] = {
		OP_READ, OP_READ, OP_READ, OP_READ, OP_WRITE, OP_WRITE,
		OP_WRITE, OP_WRITE, OP_VERIFY, OP_FLUSH, OP_TRIM, OP_WRITE,
	};
	static enum op_kind kind;
	static uint64_t end;
	uint32_t nsec = 1 + any(MAX_LEN);
	uint64_t lba = end;
	struct job *j;

	/* half of them in streams: the same again, adjoining */
	if (any(2) == 0 || end + nsec > NSEC) {
		kind = kinds[any(NELEM(kinds))];
		lba = any(NSEC - nsec + 1);
	}
	end = lba + nsec;
	j = make_job(i, kind, lba, nsec);
	j->op.fua = any(8) == 0;
	if (kind == OP_WRITE)
		memset(j->frame, (int)any(256), nsec * SECTOR);
	if (kind == OP_TRIM) {
		j->op.lba = 0;
		j->op.nsec = 1;
		memset(j->frame, 0, SECTOR);
		put_le48(j->frame, lba);
		put_le16(j->frame + 6, nsec);
	}
	if (kind == OP_FLUSH)
		j->op.lba = j->op.nsec = 0;
	add_job(j);
}

/* The slots of received frames go back to the kernel, which fills them. */
static void
refill_frames(unsigned from, unsigned to)
{
	for (; from < to; from++)
		memset(jobs[from].frame, POISON, sizeof(jobs[from].frame));
}

static void
any_batch(void)
{
	unsigned i, from = 0, n = 1 + any(MAX_OPS);
	struct op *op;

	for (i = 0; i < n; i++) {
		any_job(i);
		if (any(6) != 0)
			continue;
		queue_run(&b.t.disk);
		refill_frames(from, i + 1);
		from = i + 1;
		while (any(3) != 0 && (op = queue_done(&b.t.disk)) != NULL)
			end_job(op);
	}
	queue_run(&b.t.disk);
	refill_frames(from, n);
	end_jobs(n);
}

START_TEST(order)
{
	const unsigned n = ways[_i].direct ? 40 : 400;
	unsigned i;

	if (!open_way(_i))
		return;
	for (i = 0; i < n; i++) {
		any_seed = i;
		any_batch();
		ck_assert(!queue_busy(&b.t.disk));
		ck_assert_ptr_null(queue_done(&b.t.disk));
		if (i % 8 == 0)
			check_store();
	}
	check_store();
	ck_assert_uint_eq(b.t.count.disk_errors, 0);
}
END_TEST

/* Write A and write B to one sector, and reads between, in one batch. */
START_TEST(same_sector)
{
	unsigned i;

	if (!open_way(_i))
		return;
	for (i = 0; i < MAX_OPS; i++) {
		make_job(i, i % 2 == 0 ? OP_WRITE : OP_READ, 7, 1);
		memset(jobs[i].frame, (int)i, SECTOR);
		add_job(&jobs[i]);
	}
	end_jobs(MAX_OPS);
	check_store();
}
END_TEST

/* As many as there are requests, adjoining: more than one call serves. */
START_TEST(many)
{
	unsigned i;

	if (!open_way(_i))
		return;
	for (i = 0; i < MAX_REQUESTS; i++) {
		make_job(i, OP_WRITE, i % NSEC, 1);
		memset(jobs[i].frame, (int)i, SECTOR);
		add_job(&jobs[i]);
	}
	end_jobs(MAX_REQUESTS);
	for (i = 0; i < MAX_REQUESTS; i++)
		add_job(make_job(i, OP_READ, i % NSEC, 1));
	end_jobs(MAX_REQUESTS);
	check_store();
}
END_TEST

/*
 * 3.4: one sync serves a batch, and nothing that waits for it is done
 * before.
 */
START_TEST(one_sync)
{
	struct disk *d = &b.t.disk;
	struct op *op;
	unsigned i, n = 0;

	if (!open_way(_i))
		return;
	for (i = 0; i < 16; i++) {
		make_job(i, OP_WRITE, 2 * i, 1);
		jobs[i].op.fua = true;
		memset(jobs[i].frame, 0x77, SECTOR);
		add_job(&jobs[i]);
	}
	add_job(make_job(16, OP_FLUSH, 0, 0));
	while (n < 17) {
		queue_run(d);
		while ((op = queue_done(d)) != NULL) {
			ck_assert_uint_ge(d->count->syncs, 1);
			end_job(op);
			n++;
		}
	}
	if (!ways[_i].direct)
		ck_assert_uint_eq(d->count->syncs, 1);
	ck_assert_uint_le(d->count->syncs, 17);
	if (d->engine != NULL)
		return;
	ck_assert_uint_eq(fault_count('S'), 1);
	ck_assert_int_eq(fault.log[fault.nlog - 1], 'S');
}
END_TEST

/* A sync that began before a write says nothing of that write. */
START_TEST(later_sync)
{
	struct disk *d = &b.t.disk;
	unsigned i;

	if (!open_way(_i))
		return;
	for (i = 0; i < 2; i++) {
		make_job(i, OP_WRITE, i, 1);
		jobs[i].op.fua = true;
		memset(jobs[i].frame, 0x78, SECTOR);
		add_job(&jobs[i]);
		queue_run(d);
	}
	end_jobs(2);
	ck_assert_uint_eq(d->count->syncs, 2);
}
END_TEST

/* A flush that is done has seen all writes before it to the file. */
START_TEST(flush_waits)
{
	struct disk *d = &b.t.disk;
	struct pollfd pfd = { .fd = -1, .events = POLLIN };
	uint8_t sector[SECTOR];
	struct op *op;
	unsigned i;

	if (!open_way(_i))
		return;
	for (i = 0; i < 8; i++) {
		make_job(i, OP_WRITE, 4 * i, 3);
		memset(jobs[i].frame, 0xc0, 3 * SECTOR);
		add_job(&jobs[i]);
	}
	add_job(make_job(8, OP_FLUSH, 0, 0));
	while (!jobs[8].done) {
		queue_run(d);
		while (!jobs[8].done && (op = queue_done(d)) != NULL)
			end_job(op);
		pfd.fd = queue_pollfd(d);
		if (!jobs[8].done)
			ck_assert(poll(&pfd, 1, 5000) == 1);
	}
	for (i = 0; i < 8; i++) {
		ck_assert(peek(b.fd, sector, SECTOR,
		    (FIRST + 4 * i + 2) * SECTOR));
		ck_assert_uint_eq(sector[0], 0xc0);
		ck_assert_uint_eq(sector[SECTOR - 1], 0xc0);
	}
	end_jobs(9);
}
END_TEST

/*
 * 8: write A, write B to one sector with the first delayed in the store,
 * which is a full pipe here; and a flush, that has to wait for both.
 */
enum { ENGINE_DIRECT = 4 };

static void
pipe_holds(int fd, size_t n, int fill)
{
	static uint8_t got[PAGE], want[PAGE];

	ck_assert(n <= PAGE && read(fd, got, n) == (ssize_t)n);
	memset(want, fill, n);
	same("in the pipe", got, n, want, n);
}

START_TEST(delayed)
{
	static uint8_t page[PAGE];
	struct disk *d = &b.t.disk;
	struct pollfd pfd = { .events = POLLIN };
	struct op *done[4];
	unsigned i;
	int p[2];

	ck_assert(pipe(p) == 0);
	ck_assert_int_eq(fcntl(p[1], F_SETPIPE_SZ, PAGE), PAGE);
	ck_assert(write(p[1], page, PAGE) == PAGE);
	if (!open_with(ENGINE_DIRECT, p[1]))
		return;
	for (i = 0; i < 2; i++) {
		make_job(i, OP_WRITE, 7, 1);
		memset(jobs[i].frame, i == 0 ? 'A' : 'B', SECTOR);
		add_job(&jobs[i]);
	}
	add_job(make_job(2, OP_FLUSH, 0, 0));
	for (i = 0; i < 3; i++) {
		queue_run(d);
		ck_assert_ptr_null(queue_done(d));
		ck_assert(queue_busy(d));
		pfd.fd = queue_pollfd(d);
		ck_assert_int_ne(pfd.fd, -1);
		ck_assert_int_eq(poll(&pfd, 1, 20), 0);
	}
	refill_frames(0, 2);

	pipe_holds(p[0], PAGE, 0);
	ck_assert_int_eq(run_queue(d, done, 4), 3);
	pipe_holds(p[0], SECTOR, 'A');
	pipe_holds(p[0], SECTOR, 'B');
	for (i = 0; i < 3; i++)
		ck_assert_ptr_eq(done[i], &jobs[i].op);
}
END_TEST

/*
 * Failures: each operation's own, though calls are shared.
 */
static void
expect(unsigned i, int error)
{
	ck_assert_msg(jobs[i].op.error == error, "operation %u: %s, not %s",
	    i, strerror(jobs[i].op.error), strerror(error));
}

START_TEST(bad_sector)
{
	struct op *done[16];
	unsigned i;

	if (!open_way(_i))
		return;
	fault.bad_first = (FIRST + 5) * SECTOR;
	fault.bad_end = fault.bad_first + SECTOR;
	fault.bad_read = fault.bad_write = EIO;
	fault.whole = true;
	for (i = 0; i < 5; i++)
		add_job(make_job(i, OP_READ, 2 * i, 2));
	ck_assert_int_eq(run_queue(&b.t.disk, done, 16), 5);
	for (i = 0; i < 5; i++) {
		expect(i, i == 2 ? EIO : 0);
		if (i != 2)
			same("beside it", jobs[i].home, 2 * SECTOR,
			    jobs[i].want, 2 * SECTOR);
	}
	ck_assert_uint_eq(jobs[2].op.done, 1);

	for (i = 0; i < 5; i++) {
		make_job(i, OP_WRITE, 2 * i, 2);
		memset(jobs[i].frame, 0x79, 2 * SECTOR);
		if (i == 2)	/* leaves the file as it is */
			memcpy(jobs[i].frame, model + 4 * SECTOR, 2 * SECTOR);
		add_job(&jobs[i]);
	}
	ck_assert_int_eq(run_queue(&b.t.disk, done, 16), 5);
	for (i = 0; i < 5; i++)
		expect(i, i == 2 ? EIO : 0);
	check_store();
}
END_TEST

/* A file cut short is a failure that the kernel finds by itself, in the
 * engine, too. */
START_TEST(cut_short)
{
	struct op *done[16];
	unsigned i;

	if (!open_way(_i))
		return;
	ck_assert(ftruncate(b.fd, (FIRST + 5) * SECTOR) == 0);
	for (i = 0; i < 5; i++)
		add_job(make_job(i, OP_READ, 2 * i, 2));
	ck_assert_int_eq(run_queue(&b.t.disk, done, 16), 5);
	for (i = 0; i < 5; i++) {
		expect(i, i < 2 ? 0 : ENODATA);
		if (i < 2)
			same("before it", jobs[i].home, 2 * SECTOR,
			    jobs[i].want, 2 * SECTOR);
	}
	ck_assert_uint_eq(jobs[2].op.done, 1);
	ck_assert_uint_eq(jobs[3].op.done, 0);
}
END_TEST

static void
fua_writes(unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		make_job(i, OP_WRITE, 2 * i, 1);
		jobs[i].op.fua = true;
		memset(jobs[i].frame, 0x7a, SECTOR);
		add_job(&jobs[i]);
	}
}

/* /dev/null takes all writes and cannot be synced: so with the engine, too,
 * the sync fails for good reason.  Then it goes, and the store's good name
 * is not back. */
START_TEST(sync_fails)
{
	struct op *done[16];
	unsigned i;

	if (!open_with(_i, open("/dev/null", O_RDWR)))
		return;
	fault.sync_error = EINVAL;
	fua_writes(3);
	ck_assert_int_eq(run_queue(&b.t.disk, done, 16), 3);
	for (i = 0; i < 3; i++)
		expect(i, EINVAL);
	ck_assert_ptr_nonnull(strstr(fault.said, "sync: Invalid argument"));

	fault.sync_error = 0;
	fua_writes(2);
	add_job(make_job(2, OP_FLUSH, 0, 0));
	add_job(make_job(3, OP_WRITE, 9, 1));
	ck_assert_int_eq(run_queue(&b.t.disk, done, 16), 4);
	for (i = 0; i < 3; i++)
		ck_assert_int_ne(jobs[i].op.error, 0);
	expect(3, 0);
}
END_TEST

int
main(void)
{
	const int n = NELEM(ways), cached = 2;
	Suite *s = suite_create("queue");
	TCase *tc;

	tc = add_case(s, "order");
	tcase_add_loop_test(tc, order, 0, n);
	tcase_add_loop_test(tc, same_sector, 0, n);
	tcase_add_loop_test(tc, many, 0, n);
	tcase_add_test(tc, delayed);
	tc = add_case(s, "stable storage");
	tcase_add_loop_test(tc, one_sync, 0, n);
	tcase_add_loop_test(tc, later_sync, 0, cached);
	tcase_add_loop_test(tc, flush_waits, 0, n);
	tcase_add_loop_test(tc, sync_fails, 0, cached);
	tc = add_case(s, "failures");
	tcase_add_loop_test(tc, bad_sector, 0, 1);
	tcase_add_loop_test(tc, cut_short, 0, n);
	return run_suite(s);
}
