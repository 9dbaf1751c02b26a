/* SPDX-License-Identifier: GPL-2.0-only */
/* The model's process: users, signals, waiting, time, messages. */

#define _GNU_SOURCE
#include <sys/mman.h>

#include <assert.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "model.h"

int *fbsd___error(void);
bool m_kq_readable(int fd);

FILE *fbsd___stderrp, *fbsd___stdoutp;
unsigned long fbsd___stack_chk_guard[8] = { 0x5bd1e995 };

__attribute__((constructor)) static void
start(void)
{
	fbsd___stderrp = stderr;
	fbsd___stdoutp = stdout;
	m_reset();
}

void
fbsd___stack_chk_fail(void)
{
	fprintf(stderr, "stack smashed\n");
	abort();
}

/*
 * Messages.
 */
const char *
fbsd_strerror(int e)
{
	switch (e) {
	case B_ENXIO:
		return "Device not configured";
	case 19:
		return "Operation not supported by device";
	case B_EAGAIN:
		return "Resource temporarily unavailable";
	case B_EMSGSIZE:
		return "Message too long";
	case 41:
		return "Protocol wrong type for socket";
	case B_EOPNOTSUPP:
		return "Operation not supported";
	case B_ENETDOWN:
		return "Network is down";
	case B_ENOBUFS:
		return "No buffer space available";
	case B_ENOSYS:
		return "Function not implemented";
	case B_ENOTCAPABLE:
		return "Capabilities insufficient";
	case B_ECAPMODE:
		return "Not permitted in capability mode";
	}
	assert(e < 35 && e != 11);
	return strerror(e);
}

static void
say(const char *fmt, va_list ap, int error)
{
	char text[2048];

	vsnprintf(text, sizeof(text), fmt, ap);
	if (error != 0)
		warnx("%s: %s", text, fbsd_strerror(error));
	else
		warnx("%s", text);
}

#define SAY(error) do {							\
	va_list ap;							\
	va_start(ap, fmt);						\
	say(fmt, ap, error);						\
	va_end(ap);							\
} while (0)

void
fbsd_warn(const char *fmt, ...)
{
	SAY(*fbsd___error());
}

void
fbsd_warnx(const char *fmt, ...)
{
	SAY(0);
}

void
fbsd_err(int status, const char *fmt, ...)
{
	SAY(*fbsd___error());
	exit(status);
}

void
fbsd_errx(int status, const char *fmt, ...)
{
	SAY(0);
	exit(status);
}

void
fbsd_vwarnx(const char *fmt, va_list ap)
{
	say(fmt, ap, 0);
}

/*
 * Users.  struct passwd of FreeBSD's.
 */
struct account {
	char	*name, *password;
	uint32_t uid, gid;
	int64_t	 change;
	char	*class, *gecos, *dir, *shell;
	int64_t	 expire;
	int32_t	 fields;
};

static struct account accounts[] = {
	{ .name = (char *)"root" },
	{ .name = (char *)"nobody", .uid = 65534, .gid = 65534 },
	{ .name = (char *)"blade", .uid = 1001, .gid = 1002 },
};
enum { NACCOUNTS = sizeof(accounts) / sizeof(accounts[0]) };

struct account *
fbsd_getpwnam(const char *name)
{
	unsigned i;

	if (!m_capmode && !m_fault("getpwnam", 0))
		for (i = 0; i < NACCOUNTS; i++)
			if (strcmp(accounts[i].name, name) == 0)
				return &accounts[i];
	return NULL;
}

struct account *
fbsd_getpwuid(unsigned uid)
{
	unsigned i;

	for (i = 0; i < NACCOUNTS; i++)
		if (!m_capmode && accounts[i].uid == uid)
			return &accounts[i];
	return NULL;
}

unsigned
fbsd_geteuid(void)
{
	return (unsigned)m_world.uid;
}

int
fbsd_setgroups(int n, const unsigned *g)
{
	if (m_world.uid != 0 || m_fault("setgroups", 0))
		return m_fail(B_EPERM);
	assert(n == 1);		/* the first is the effective one here */
	m_world.gid = (int)g[0];
	return 0;
}

int
fbsd_setresgid(unsigned r, unsigned e, unsigned s)
{
	if (m_world.uid != 0)
		return m_fail(B_EPERM);
	assert(r == e && e == s);
	m_world.gid = (int)e;
	return 0;
}

int
fbsd_setresuid(unsigned r, unsigned e, unsigned s)
{
	if (m_world.uid != 0 || m_fault("setresuid", 0))
		return m_fail(B_EPERM);
	assert(r == e && e == s);
	m_world.uid = (int)e;
	return 0;
}

int
fbsd_setrlimit(int which, const int64_t limit[2])
{
	assert(which == 4 && limit[1] == limit[0]);	/* RLIMIT_CORE */
	m_world.core = limit[1];
	return 0;
}

int
fbsd_procctl(int type, int64_t id, int cmd, int *arg)
{
	/* P_PID 0, PROC_TRACE_CTL 7, PROC_TRACE_CTL_DISABLE 2 */
	if (m_fault("procctl", 0))
		return -1;
	if (type != 0 || id != getpid() || cmd != 7 || *arg != 2)
		return m_fail(B_EINVAL);
	m_world.traceable = false;
	return 0;
}

void
fbsd_setproctitle(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(m_world.title, sizeof(m_world.title), fmt, ap);
	va_end(ap);
}

void
fbsd_setprogname(const char *name)
{
	program_invocation_short_name = (char *)(uintptr_t)name;
}

int
fbsd_getdtablesize(void)
{
	return M_FDS;
}

int
fbsd_sysctl(const int *mib, unsigned n, void *old, size_t *oldlen,
    const void *new, size_t newlen)
{
	int fd, count = 0;

	(void)newlen;
	/* CTL_KERN 1, KERN_PROC 14, KERN_PROC_NFDS 43 */
	if (m_capmode || m_fault("sysctl", 0))
		return m_fail(B_EPERM);
	if (n != 4 || mib[0] != 1 || mib[1] != 14 || mib[2] != 43 ||
	    new != NULL || *oldlen != sizeof(count))
		return m_fail(B_ENOENT);
	for (fd = 0; fd < M_FDS; fd++)
		count += m_get(fd, 0) != NULL;
	memcpy(old, &count, sizeof(count));
	return 0;
}

int
fbsd_sysctlbyname(const char *name, void *old, size_t *oldlen,
    const void *new, size_t newlen)
{
	size_t len;

	(void)newlen;
	if (m_capmode || strcmp(name, "kern.hostuuid") != 0 || new != NULL ||
	    m_world.hostuuid == NULL)
		return m_fail(B_ENOENT);
	len = strlen(m_world.hostuuid) + 1;
	if (len > *oldlen)
		return m_fail(B_ENOMEM);
	memcpy(old, m_world.hostuuid, len);
	*oldlen = len;
	return 0;
}

int
fbsd_gethostname(char *s, size_t len)
{
	snprintf(s, len, "beastie");
	return 0;
}

const char *
fbsd_fdevname(int fd)
{
	return m_objs[fd].kind == K_DISK ? "model0" : NULL;
}

/*
 * Time.  CLOCK_REALTIME 0, CLOCK_MONOTONIC 4.
 */
int64_t
m_now(int monotonic)
{
	struct timespec ts;

	clock_gettime(monotonic ? CLOCK_MONOTONIC : CLOCK_REALTIME, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec + m_world.ahead;
}

int
fbsd_clock_gettime(int clock, struct timespec *ts)
{
	int64_t now = m_now(clock);

	if (clock != 0 && clock != 4)
		return m_fail(B_EINVAL);
	ts->tv_sec = now / 1000000000;
	ts->tv_nsec = now % 1000000000;
	return 0;
}

int
fbsd_nanosleep(const struct timespec *ts, struct timespec *left)
{
	return nanosleep(ts, left);
}

int64_t
fbsd_time(int64_t *t)
{
	return time(t);
}

int
fbsd_usleep(unsigned us)
{
	return usleep(us);
}

void *
fbsd_mmap(void *at, size_t len, int prot, int flags, int fd, int64_t off)
{
	/* MAP_PRIVATE 2, MAP_ANON 0x1000 */
	assert(flags == 0x1002 && fd == -1 && off == 0);
	return mmap(at, len, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/*
 * Signals.  A set is 128 bits, the signal n is bit n - 1.
 */
static const struct { int bsd, host; } sigs[] = {
	{ 1, SIGHUP }, { 2, SIGINT }, { 3, SIGQUIT }, { 13, SIGPIPE },
	{ 14, SIGALRM }, { 15, SIGTERM }, { 18, SIGTSTP }, { 19, SIGCONT },
	{ 20, SIGCHLD }, { 23, SIGIO }, { 25, SIGXFSZ }, { 28, SIGWINCH },
	{ 29, SIGPWR }, { 30, SIGUSR1 }, { 31, SIGUSR2 },
};
enum { NSIGS = sizeof(sigs) / sizeof(sigs[0]) };

static void (*handlers[32])(int);

static int
host_sig(int bsd)
{
	unsigned i;

	for (i = 0; i < NSIGS; i++)
		if (sigs[i].bsd == bsd)
			return sigs[i].host;
	assert(!"a signal that the model knows");
	return 0;
}

static void
trampoline(int sig)
{
	unsigned i;

	for (i = 0; i < NSIGS; i++)
		if (sigs[i].host == sig)
			handlers[sigs[i].bsd](sigs[i].bsd);
}

static void
host_set(const uint32_t *b, sigset_t *h)
{
	unsigned i;

	sigemptyset(h);
	for (i = 0; i < NSIGS; i++)
		if ((b[0] >> (sigs[i].bsd - 1) & 1) != 0)
			sigaddset(h, sigs[i].host);
}

struct action {			/* 32 bytes */
	void		(*handler)(int);
	int32_t		flags;
	uint32_t	mask[4];
};

int
fbsd_sigaction(int sig, const struct action *a, struct action *old)
{
	struct sigaction sa = { .sa_handler = trampoline };

	assert(old == NULL && a->flags == 0);
	handlers[sig] = a->handler;
	return sigaction(host_sig(sig), &sa, NULL);
}

void *
fbsd_signal(int sig, void (*f)(int))
{
	/* SIG_IGN 1, as with the host */
	return (void *)(uintptr_t)signal(host_sig(sig), f);
}

int
fbsd_sigemptyset(uint32_t *s)
{
	memset(s, 0, 16);
	return 0;
}

int
fbsd_sigaddset(uint32_t *s, int sig)
{
	s[(sig - 1) / 32] |= 1U << (sig - 1) % 32;
	return 0;
}

int
fbsd_sigdelset(uint32_t *s, int sig)
{
	s[(sig - 1) / 32] &= ~(1U << (sig - 1) % 32);
	return 0;
}

int
fbsd_sigprocmask(int how, const uint32_t *set, uint32_t *old)
{
	sigset_t h, was;
	unsigned i;

	assert(how == 1);		/* SIG_BLOCK */
	host_set(set, &h);
	if (sigprocmask(SIG_BLOCK, &h, &was) == -1)
		return -1;
	memset(old, 0, 16);
	for (i = 0; i < NSIGS; i++)
		if (sigismember(&was, sigs[i].host))
			fbsd_sigaddset(old, sigs[i].bsd);
	return 0;
}

/*
 * Waiting.  The events of poll(2) have the host's numbers.
 */
static int
look(struct pollfd *fds, unsigned n)
{
	int ready = 0;
	unsigned i;

	for (i = 0; i < n; i++) {
		struct m_obj *o;
		bool is = false;

		fds[i].revents = 0;
		if (fds[i].fd < 0)
			continue;
		o = m_get(fds[i].fd, B_CAP_EVENT);
		if (o == NULL) {
			fds[i].revents = POLLNVAL;
			ready++;
			continue;
		}
		if (fds[i].fd == STDERR_FILENO && m_world.pipe) {
			if (m_world.pipe_room >= 512) {	/* PIPE_BUF */
				fds[i].revents = POLLOUT;
				ready++;
			}
			continue;
		}
		if (fds[i].fd <= STDERR_FILENO) {
			/* whatever the host has there */
			ready += poll(&fds[i], 1, 0) > 0;
			continue;
		}
		if (o->kind == K_KQUEUE)
			is = m_kq_readable(fds[i].fd);
		else if (o->kind == K_ROUTE)
			is = o->messages > 0;
		else
			assert(!"a descriptor that can be waited for");
		if (is && (fds[i].events & POLLIN) != 0) {
			fds[i].revents = POLLIN;
			ready++;
		}
	}
	return ready;
}

static int
wait_for(struct pollfd *fds, unsigned n, const struct timespec *ts,
    const sigset_t *set)
{
	struct pollfd out[32];
	int i, r, ready;

	for (;;) {
		if (m_world.pump != NULL)
			m_world.pump();
		ready = look(fds, n);
		for (i = 0; i < m_world.nfds; i++)
			out[i] = (struct pollfd){ m_world.fds[i], POLLIN, 0 };
		r = ppoll(out, (nfds_t)m_world.nfds, ready > 0 ?
		    &(struct timespec){ 0, 0 } : ts, set);
		if (r == -1)
			return m_fail(m_bsd_errno(errno));
		if (ready > 0 || r == 0)
			return ready;
	}
}

int
fbsd_ppoll(struct pollfd *fds, unsigned n, const struct timespec *ts,
    const uint32_t *mask)
{
	sigset_t set;

	host_set(mask, &set);
	return wait_for(fds, n, ts, &set);
}

int
fbsd_poll(struct pollfd *fds, unsigned n, int ms)
{
	const struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	return wait_for(fds, n, ms < 0 ? NULL : &ts, NULL);
}
