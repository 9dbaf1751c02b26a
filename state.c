/* SPDX-License-Identifier: GPL-2.0-only */
/* What survives a restart: config string, mask list, reserve list in a file. */

#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dat.h"
#include "fns.h"

/*
 * The file holds two copies, each of STATE_COPY bytes: the text below, ended
 * by its checksum, and blanks.  A change is written over the older one, so
 * whatever becomes of that the newer one is whole.
 *
 *	vblade state 1
 *	blade e9.0
 *	generation 17
 *	config "printable as it is, other bytes as \x0a"
 *	mask 00:11:22:aa:bb:cc		one line each
 *	reserve 00:11:22:aa:bb:cc
 *	check 0123456789abcdef		FNV-1a of all before this line
 */
enum { LINE = 80 };		/* the blanks come in lines for the eye */

_Static_assert(STATE_COPY > 256 + 4 * AOE_MAXCFG +
    MAX_MACS * (sizeof("mask 00:11:22:33:44:55") +
    sizeof("reserve 00:11:22:33:44:55")), "the longest text fits a copy");

static void
take(struct kept *k, const struct target *t)
{
	k->nconfig = t->nconfig;
	memcpy(k->config, t->config, t->nconfig);
	k->masks = t->masks;
	k->reserve = t->reserve;
}

static void
give(const struct kept *k, struct target *t)
{
	t->nconfig = k->nconfig;
	memcpy(t->config, k->config, k->nconfig);
	t->masks = k->masks;
	t->reserve = k->reserve;
}

static uint64_t
checksum(const char *s, size_t len)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; len > 0; len--)
		h = (h ^ (uint8_t)*s++) * UINT64_C(1099511628211);
	return h;
}

/*
 * Out.
 */
static char *
put_string(char *p, const uint8_t *s, size_t len)
{
	for (; len > 0; len--, s++)
		if (*s < ' ' || *s > '~' || *s == '"' || *s == '\\')
			p += sprintf(p, "\\x%02x", *s);
		else
			*p++ = (char)*s;
	return p;
}

static char *
put_macs(char *p, const char *what, const struct maclist *l)
{
	unsigned i;

	for (i = 0; i < l->n; i++)
		p += sprintf(p, "%s " MAC_FMT "\n", what, MAC_ARGS(l->mac[i]));
	return p;
}

static void
put_copy(char *text, const struct target *t, const struct kept *k,
    uint64_t generation)
{
	char *p = text;

	p += sprintf(p, "vblade state 1\nblade e%u.%u\n"
	    "generation %" PRIu64 "\nconfig \"", t->shelf, t->slot,
	    generation);
	p = put_string(p, k->config, k->nconfig);
	p += sprintf(p, "\"\n");
	p = put_macs(p, "mask", &k->masks);
	p = put_macs(p, "reserve", &k->reserve);
	p += sprintf(p, "check %016" PRIx64 "\n",
	    checksum(text, (size_t)(p - text)));
	for (; p < text + STATE_COPY; p++)
		*p = (p - text) % LINE == LINE - 1 ? '\n' : ' ';
}

static int
write_at(int fd, const char *p, size_t len, off_t off)
{
	ssize_t n;

	while (len > 0) {
		n = pwrite(fd, p, len, off);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == 0)
			errno = ENOSPC;
		if (n <= 0)
			return -1;
		p += n;
		len -= (size_t)n;
		off += n;
	}
	return 0;
}

/*
 * A copy that is not whole may lack as little as its first bytes, and have the
 * number of the next one: if that was to reach the disk in part, of both could
 * come one that is whole, and says what was refused.
 */
static int
clear_copy(struct state *s, int fd, unsigned copy)
{
	memset(s->text, '?', STATE_COPY);
	if (write_at(fd, s->text, STATE_COPY, (off_t)copy * STATE_COPY) == -1)
		return -1;
	return os_flush(fd);
}

/* Write one copy and make it durable. */
static int
write_copy(struct state *s, int fd, const struct target *t,
    const struct kept *k, unsigned copy, uint64_t generation)
{
	if (s->litter && clear_copy(s, fd, copy) == -1)
		return -1;
	s->litter = false;
	put_copy(s->text, t, k, generation);
	if (write_at(fd, s->text, STATE_COPY, (off_t)copy * STATE_COPY) == -1)
		return -1;
	return os_flush(fd);
}

/*
 * In.  *p moves on behind what was found.
 */
static bool
word(const char **p, const char *want)
{
	size_t len = strlen(want);

	if (strncmp(*p, want, len) != 0)
		return false;
	*p += len;
	return true;
}

/* So many digits of that base at least and at most; letters are small. */
static bool
digits(const char **p, unsigned base, int min, int max, uint64_t *v)
{
	static const char all[] = "0123456789abcdef";
	const char *d;
	int n;

	*v = 0;
	for (n = 0; n < max && **p != '\0'; n++, (*p)++) {
		d = strchr(all, **p);
		if (d == NULL || d >= all + base)
			break;
		*v = *v * base + (uint64_t)(d - all);
	}
	return n >= min;
}

static bool
get_string(const char **p, struct kept *k)
{
	uint64_t byte;

	for (k->nconfig = 0; **p != '"'; k->nconfig++) {
		if (**p == '\0' || k->nconfig == AOE_MAXCFG)
			return false;
		byte = (uint8_t)*(*p)++;
		if (byte == '\\' && !(word(p, "x") &&
		    digits(p, 16, 2, 2, &byte)))
			return false;
		k->config[k->nconfig] = (uint8_t)byte;
	}
	return word(p, "\"\n");
}

static bool
get_macs(const char **p, const char *what, struct maclist *l)
{
	uint64_t byte;
	unsigned i;

	for (l->n = 0; word(p, what); l->n++) {
		if (l->n == MAX_MACS)
			return false;
		for (i = 0; i < 6; i++) {
			if (!digits(p, 16, 2, 2, &byte) ||
			    !word(p, i < 5 ? ":" : "\n"))
				return false;
			l->mac[l->n][i] = (uint8_t)byte;
		}
	}
	return true;
}

/* What one copy says. */
struct found {
	unsigned	copy;		/* which */
	uint64_t	shelf, slot;
	uint64_t	generation;
	struct kept	kept;
};

/* Is the text, which a NUL ends, a whole copy? */
static bool
get_copy(const char *text, struct found *f)
{
	const char *p = text;
	uint64_t sum, want;

	if (!word(&p, "vblade state 1\nblade e") ||
	    !digits(&p, 10, 1, 5, &f->shelf) || !word(&p, ".") ||
	    !digits(&p, 10, 1, 3, &f->slot) || !word(&p, "\ngeneration ") ||
	    !digits(&p, 10, 1, 19, &f->generation) ||
	    !word(&p, "\nconfig \"") || !get_string(&p, &f->kept) ||
	    !get_macs(&p, "mask ", &f->kept.masks) ||
	    !get_macs(&p, "reserve ", &f->kept.reserve))
		return false;
	sum = checksum(text, (size_t)(p - text));
	return word(&p, "check ") && digits(&p, 16, 16, 16, &want) &&
	    word(&p, "\n") && sum == want;
}

/* Returns bytes read, fewer only at the end of the file; or -1. */
static ssize_t
read_at(int fd, char *p, size_t len, off_t off)
{
	size_t got = 0;
	ssize_t n = 1;

	while (got < len && n != 0) {
		n = pread(fd, p + got, len - got, off + (off_t)got);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

/* Find the newest whole copy.  Returns how many are whole. */
static int
read_copies(int fd, const char *path, struct found *newest)
{
	static char text[STATE_COPY + 1];
	static struct found f;
	ssize_t n;
	int whole = 0;

	for (f.copy = 0; f.copy < 2; f.copy++) {
		n = read_at(fd, text, STATE_COPY, (off_t)f.copy * STATE_COPY);
		if (n == -1)
			err(1, "%s", path);
		text[n] = '\0';
		if (!get_copy(text, &f))
			continue;
		if (whole++ > 0 && f.generation < newest->generation)
			continue;
		*newest = f;
	}
	return whole;
}

/*
 * Opening.
 */

/* That of path, which begins with a slash. */
static void
sync_directory(const char *path)
{
	size_t len = (size_t)(strrchr(path, '/') - path);
	char *dir = strndup(path, len > 0 ? len : 1);
	int fd;

	if (dir == NULL)
		err(1, "memory");
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* some file systems have nothing to sync there, and say EINVAL */
	if (fd == -1 || (fsync(fd) == -1 && errno != EINVAL))
		err(1, "%s: sync", dir);
	close(fd);
	free(dir);
}

static void
lock(int fd, const char *path)
{
	disk_lock(fd, path, F_WRLCK, "give each blade a state file of its "
	    "own");
}

static void
check_kind(int fd, const char *path, const struct target *t)
{
	struct stat st, store;

	if (fstat(fd, &st) == -1)
		err(1, "%s", path);
	if (!S_ISREG(st.st_mode))
		errx(1, "%s: not a regular file; name one for -c, or none "
		    "yet", path);
	if (fstat(t->disk.fd, &store) == 0 && st.st_dev == store.st_dev &&
	    st.st_ino == store.st_ino)
		errx(1, "%s: is the store itself; name another file for -c",
		    path);
}

/* The file of that name, locked.  Another vblade may be creating it right
 * now, and put another in its place: then once more. */
static void
open_locked(struct state *s, const struct target *t)
{
	struct stat ours, there;

	for (;;) {
		s->fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (s->fd == -1)
			errx(1, "%s: %s; name a file for -c that can be "
			    "written, or created", s->path, strerror(errno));
		check_kind(s->fd, s->path, t);
		lock(s->fd, s->path);
		if (fstat(s->fd, &ours) == 0 && stat(s->path, &there) == 0 &&
		    ours.st_dev == there.st_dev && ours.st_ino == there.st_ino)
			return;
		close(s->fd);
	}
}

/* Remove what a start that was cut off has left: no more than create writes,
 * and not changed since.  Whatever else has the name is somebody's. */
static void
clear_away(const char *path, const struct target *t)
{
	static struct found f;
	struct stat st;
	int fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd == -1 && errno == ENOENT)
		return;
	if (fd == -1)
		err(1, "%s", path);
	check_kind(fd, path, t);
	lock(fd, path);
	if (fstat(fd, &st) == -1)
		err(1, "%s", path);
	if (st.st_size > (off_t)2 * STATE_COPY ||
	    (read_copies(fd, path, &f) > 0 && f.generation > 2))
		errx(1, "%s: in the way; move it, or name another file for -c",
		    path);
	if (unlink(path) == -1)
		err(1, "%s", path);
	close(fd);
}

/*
 * Put a new file with two copies in the empty one's place: whenever a crash
 * comes, it leaves either, and never part of one.  A link stays one.
 */
static void
create(struct state *s, const struct target *t)
{
	char *path, *real = realpath(s->path, NULL);
	int fd, error;

	if (real == NULL)
		err(1, "%s", s->path);
	if (asprintf(&path, "%s.new", real) == -1)
		err(1, "memory");
	clear_away(path, t);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1)
		errx(1, "%s: %s; name a file for -c in a directory that can "
		    "be written", path, strerror(errno));
	lock(fd, path);
	for (s->generation = 1; s->generation <= 2; s->generation++)
		if (write_copy(s, fd, t, &s->now,
		    (unsigned)s->generation - 1, s->generation) == -1) {
			error = errno;
			unlink(path);
			errno = error;
			err(1, "%s", path);
		}
	if (rename(path, real) == -1)
		err(1, "%s", path);
	sync_directory(real);
	s->generation = 2;
	s->copy = 1;
	close(s->fd);
	s->fd = fd;
	free(path);
	free(real);
}

/* Take over what the file says; -m has the last word on the mask list. */
static void
load(struct state *s, const struct target *t)
{
	static struct found f;
	int whole = read_copies(s->fd, s->path, &f);
	bool other;

	if (whole == 0)
		errx(1, "%s: damaged, or not a state file: neither copy in it "
		    "is whole; move it away to start without", s->path);
	if (f.shelf != t->shelf || f.slot != t->slot)
		errx(1, "%s: is the state of e%u.%u, not of e%u.%u; give each "
		    "blade a state file of its own", s->path,
		    (unsigned)f.shelf, (unsigned)f.slot, t->shelf, t->slot);
	s->now = f.kept;
	s->copy = f.copy;
	s->generation = f.generation;
	s->litter = whole == 1;
	if (whole == 1)
		log_event(LOG_WARNING,
		    "%s: one of two copies is not whole, as a crash leaves "
		    "it; going on from the other, generation %" PRIu64,
		    s->path, s->generation);
	other = t->masks.n > 0 && !mac_same(&t->masks, &s->now.masks);
	if (other) {
		log_event(LOG_WARNING,
		    "%s: -m replaces the mask list that was kept", s->path);
		s->now.masks = t->masks;
	}
	if (whole == 2 && !other) {
		/* whoever wrote it may have been killed before its sync */
		if (os_flush(s->fd) == -1)
			err(1, "%s: sync", s->path);
		return;
	}
	if (write_copy(s, s->fd, t, &s->now, !s->copy,
	    s->generation + 1) == -1)
		err(1, "%s", s->path);
	s->copy = !s->copy;
	s->generation++;
}

void
state_open(struct state *s, struct target *t)
{
	struct stat st;

	if (s->path == NULL)
		return;
	open_locked(s, t);
	if (fstat(s->fd, &st) == -1)
		err(1, "%s", s->path);
	if (st.st_size == 0) {
		take(&s->now, t);
		create(s, t);
	} else
		load(s, t);
	give(&s->now, t);
}

/*
 * Keeping.
 */

/* The copy may be whole on the disk though we were told that it failed.  It
 * must never be believed: make it a copy of nothing. */
static int
spoil(const struct state *s, unsigned copy)
{
	if (write_at(s->fd, "?", 1, (off_t)copy * STATE_COPY) == -1)
		return -1;
	return os_flush(s->fd);
}

static void
complain(const struct state *s, int error, bool spoiled)
{
	log_event(LOG_ERR, "%s: %s; a change from the network was refused%s",
	    s->path, strerror(error), spoiled ? "" :
	    ", and may yet be there after a restart");
}

/*
 * A change that the disk has to keep costs more than any other request, and
 * everybody may ask for it: each is paid for by a while without, in advance
 * up to a limit.  One that fails costs no less.
 */
static bool
afford(struct state *s)
{
	const int64_t each = NS / KEEP_PER_S, now = monotonic_ns();

	if (s->paid_ns < now)
		s->paid_ns = now;
	if (s->paid_ns - now <= (KEEP_BURST - 1) * each) {
		s->paid_ns += each;
		return true;
	}
	if (s->told_ns == 0 || now - s->told_ns >= KEEP_LOG_S * NS) {
		s->told_ns = now;
		log_event(LOG_WARNING, "%s: more changes from the network "
		    "than %u a second: some are refused; -k refuses all",
		    s->path, KEEP_PER_S);
	}
	return false;
}

int
state_keep(struct state *s, struct target *t)
{
	static struct kept k;
	const unsigned copy = !s->copy;
	int error;

	if (s->path == NULL) {
		t->count.changes++;
		return 0;
	}
	if (!afford(s)) {
		give(&s->now, t);
		t->count.throttled++;
		return -1;
	}
	take(&k, t);
	if (write_copy(s, s->fd, t, &k, copy, s->generation + 1) == 0) {
		s->now = k;
		s->copy = copy;
		s->generation++;
		t->count.changes++;
		return 0;
	}
	error = errno;
	s->litter = true;
	complain(s, error, spoil(s, copy) == 0);
	give(&s->now, t);
	t->count.unkept++;
	return -1;
}
