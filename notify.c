/* SPDX-License-Identifier: GPL-2.0-only */
/* How we are, told to the service manager that started us: the datagrams of
 * sd_notify(3), without its library. */

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "dat.h"
#include "fns.h"

#define US	INT64_C(1000)		/* nanoseconds of a microsecond */
#define LATER	(100 * MS)		/* the manager has no room: try again */

/* A path, or with an @ in front a name outside the file system. */
static int
dial(const char *to)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t len = strlen(to);
	int fd;

	if ((to[0] != '/' && to[0] != '@') || len < 2 ||
	    len >= sizeof(un.sun_path)) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	memcpy(un.sun_path, to, len);
	if (to[0] == '@')
		un.sun_path[0] = '\0';
	else
		len++;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd != -1 && connect(fd, (void *)&un,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A number from the environment, 0 where there is none. */
static int64_t
environ_number(const char *name)
{
	const char *s = getenv(name);
	char *end;
	long long v;

	if (s == NULL)
		return 0;
	errno = 0;
	v = strtoll(s, &end, 10);
	if (errno != 0 || *s == '\0' || *end != '\0' || v <= 0 ||
	    v > INT64_MAX / US) {
		log_event(LOG_WARNING,
		    "%s=%s: not a number above 0; no watchdog", name, s);
		return 0;
	}
	return v;
}

void
notify_open(struct notify *n)
{
	const char *to = getenv("NOTIFY_SOCKET");

	*n = (struct notify){ .fd = -1 };
	if (to == NULL || *to == '\0')
		return;
	if ((n->fd = dial(to)) == -1) {
		log_event(LOG_WARNING, "NOTIFY_SOCKET=%s: the service manager "
		    "is not told: %s", to, strerror(errno));
		return;
	}
	if (getenv("WATCHDOG_PID") == NULL ||
	    environ_number("WATCHDOG_PID") == getpid())
		n->every_ns = environ_number("WATCHDOG_USEC") * US / 2;
}

/* sendmsg, because the loop makes that call anyway; connected already,
 * because Landlock asks for no more than that. */
static int
tell(const struct notify *n, const char *text, int len)
{
	struct iovec iov = { (void *)(uintptr_t)text, (size_t)len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	return sendmsg(n->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) == -1 ? -1 : 0;
}

static int
tell_state(const struct notify *n, const struct target *t, const char *state)
{
	const struct counters *c = &t->count;
	char text[512];
	int len;

	len = snprintf(text, sizeof(text), "%sSTATUS=e%u.%u, %" PRIu64
	    " sectors; %" PRIu64 " reads, %" PRIu64 " writes, %" PRIu64
	    " flushes, %" PRIu64 " trims; %" PRIu64 " ATA errors, %" PRIu64
	    " disk errors, %" PRIu64 " frames lost\n", state, t->shelf,
	    t->slot, t->disk.nsec, c->reads, c->writes, c->flushes, c->trims,
	    c->ata_errors, c->disk_errors, c->ring_lost + c->send_lost);
	return tell(n, text, len);
}

void
notify_ready(struct notify *n, const struct target *t)
{
	if (n->fd == -1)
		return;
	/* a start that is not heard of is taken to have failed */
	n->unheard = tell_state(n, t, "READY=1\n") == -1 && errno == EAGAIN;
	/* after a reload the watchdog has not been told for a while */
	if (n->unheard)
		n->next_ns = monotonic_ns() + LATER;
	else if (n->next_ns == 0)
		n->next_ns = monotonic_ns() + n->every_ns;
}

void
notify_status(const struct notify *n, const struct target *t)
{
	if (n->fd != -1)
		tell_state(n, t, "");
}

void
notify_reloading(const struct notify *n)
{
	char text[64];
	int len;

	if (n->fd == -1)
		return;
	len = snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%"
	    PRId64 "\n", monotonic_ns() / US);
	tell(n, text, len);
}

void
notify_stopping(const struct notify *n)
{
	static const char text[] = "STOPPING=1\nSTATUS=Finishing what has "
	    "been begun\n";

	if (n->fd != -1)
		tell(n, text, sizeof(text) - 1);
}

bool
notify_due(const struct notify *n)
{
	return (n->every_ns > 0 || n->unheard) &&
	    monotonic_ns() >= n->next_ns;
}

void
notify_alive(struct notify *n, const struct target *t)
{
	int64_t wait = n->every_ns;

	if (n->unheard) {
		notify_ready(n, t);
		return;
	}
	if (tell_state(n, t, "WATCHDOG=1\n") == -1 && wait > LATER)
		wait = LATER;
	n->next_ns = monotonic_ns() + wait;
}

struct timespec *
notify_timeout(const struct notify *n, struct timespec *ts)
{
	int64_t left;

	if (n->every_ns == 0 && !n->unheard)
		return NULL;
	left = n->next_ns - monotonic_ns();
	if (left < 0)
		left = 0;
	ts->tv_sec = (time_t)(left / NS);
	ts->tv_nsec = (long)(left % NS);
	return ts;
}
