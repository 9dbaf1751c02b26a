/* SPDX-License-Identifier: GPL-2.0-only */
/* The model's events: kqueue(2), aio(4). */

#define _GNU_SOURCE
#include <sys/uio.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model.h"

int	*fbsd___error(void);

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

enum { NOTES = 64, JOBS = 1024, BUF_AIO = 16 };	/* vfs.aio.max_buf_aio */

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
	int error = *fbsd___error();

	j->result = j->kind == 'S' ? m_sync(cb->fd, false) :
	    m_move(cb->fd, j->kind == 'W', iov, (int)cb->niov, cb->off, true);
	j->error = j->result == -1 ? *fbsd___error() : 0;
	j->state = DONE;
	*fbsd___error() = error;
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
	/* a disk takes a few pieces; of more there is no safe way to it */
	if (m_world.aio_unsafe || (o->kind == K_DISK && (kind == 'S' ||
	    cb->niov > BUF_AIO)))
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
				*fbsd___error() = jobs[i].error;
			return jobs[i].result;
		}
	return m_fail(B_EINVAL);	/* once and only once */
}

void
m_aio_reset(void)
{
	memset(jobs, 0, sizeof(jobs));
}
