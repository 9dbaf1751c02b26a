/* SPDX-License-Identifier: GPL-2.0-only */
/* What the operator is told: one line for each event, and never so many or so
 * slowly that serving suffers. */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dat.h"
#include "fns.h"

static struct {
	bool	 prefix;		/* <N> in place of our name */
	bool	 torn;			/* the last line is not whole */
	struct {
		int64_t	 second;	/* that this is the budget of */
		unsigned lines;		/* told in it */
		unsigned hidden;	/* and not told since the last one */
	} level[LOG_DEBUG + 1];
} told;

/* Is standard error the very stream that JOURNAL_STREAM names, sd-daemon(3)?
 * Not after "2>file" in between. */
static bool
to_journal(void)
{
	const char *s = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;
	char *end;

	if (s == NULL)
		return false;
	dev = strtoull(s, &end, 10);
	if (end == s || *end != ':')
		return false;
	s = end + 1;
	ino = strtoull(s, &end, 10);
	return end != s && *end == '\0' && fstat(STDERR_FILENO, &st) == 0 &&
	    (unsigned long long)st.st_dev == dev &&
	    (unsigned long long)st.st_ino == ino;
}

/*
 * A terminal that nobody reads polls as writable while it has room for a part
 * of a line, and holds up who writes a whole one.  Open it once more, so as
 * not to wait: that is for the descriptor, which we share with the shell.
 */
static void
open_terminal(void)
{
	const char *name = ttyname(STDERR_FILENO);
	int fd;

	if (name == NULL)
		return;
	fd = open(name, O_WRONLY | O_NONBLOCK | O_NOCTTY);
	if (fd == -1)
		return;
	dup2(fd, STDERR_FILENO);
	close(fd);
}

void
log_open(void)
{
	const char *how = getenv("VBLADE_LOG");

	open_terminal();
	memset(&told, 0, sizeof(told));
	told.prefix = how != NULL ? strcmp(how, "prefix") == 0 : to_journal();
	if (told.prefix)
		os_name("<3>vblade");	/* LOG_ERR */
}

/*
 * Whoever reads our words may have stopped, and we do not stop with them: a
 * pipe that polls as writable takes PIPE_BUF bytes without waiting, which are
 * 4096 on Linux and 512 on FreeBSD.  Returns how many were put.
 */
static size_t
put_bytes(const char *s, size_t n)
{
	struct pollfd fd = { .fd = STDERR_FILENO, .events = POLLOUT };
	size_t len, done;
	ssize_t r;

	for (done = 0; done < n; done += (size_t)r) {
		len = n - done < PIPE_BUF ? n - done : PIPE_BUF;
		if (poll(&fd, 1, 0) != 1 || (fd.revents & POLLOUT) == 0)
			break;
		r = write(STDERR_FILENO, s + done, len);
		if (r <= 0)
			break;
	}
	return done;
}

static bool __attribute__((format(printf, 2, 0)))
put_line(enum log_level level, const char *fmt, va_list ap)
{
	char line[LOG_LINE];
	size_t i, head, done, n = sizeof(line) - 1;
	int len;

	head = (size_t)(told.prefix ?
	    snprintf(line, sizeof(line), "<%d>", (int)level) :
	    snprintf(line, sizeof(line), "vblade: "));
	len = vsnprintf(line + head, sizeof(line) - head, fmt, ap);
	if (len < 0)
		return false;
	if ((size_t)len < n - head)
		n = head + (size_t)len;
	for (i = head; i < n; i++)	/* a file name may hold anything */
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[n++] = '\n';
	if (told.torn && put_bytes("\n", 1) == 0)
		return false;
	done = put_bytes(line, n);
	told.torn = done > 0 && done < n;
	return done == n;
}

static bool __attribute__((format(printf, 2, 3)))
put_text(enum log_level level, const char *fmt, ...)
{
	va_list ap;
	bool done;

	va_start(ap, fmt);
	done = put_line(level, fmt, ap);
	va_end(ap);
	return done;
}

/* Tell how many events of this severity were not told. */
static void
tell_hidden(enum log_level level)
{
	if (told.level[level].hidden > 0 && put_text(level,
	    "%u more messages like the last ones not shown",
	    told.level[level].hidden))
		told.level[level].hidden = 0;
}

void
log_event(enum log_level level, const char *fmt, ...)
{
	const int keep = errno;
	const int64_t second = monotonic_ns() / NS;
	va_list ap;

	if (second != told.level[level].second) {
		told.level[level].second = second;
		told.level[level].lines = 0;
	}
	if (told.level[level].lines >= LOG_PER_SEC) {
		told.level[level].hidden++;
		errno = keep;
		return;
	}
	tell_hidden(level);
	told.level[level].lines++;
	va_start(ap, fmt);
	if (!put_line(level, fmt, ap))
		told.level[level].hidden++;
	va_end(ap);
	errno = keep;
}

void
log_answer(const char *fmt, ...)
{
	enum log_level level;
	va_list ap;

	for (level = LOG_CRIT; level <= LOG_DEBUG; level++)
		tell_hidden(level);
	va_start(ap, fmt);
	put_line(LOG_INFO, fmt, ap);
	va_end(ap);
}
