/* SPDX-License-Identifier: GPL-2.0-only */
/* What any Unix lets a process give up: what it was started with, and to be
 * root. */

#include <sys/resource.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "dat.h"
#include "fns.h"

/* Where the password file has no nobody, and in kernels: the last one of the
 * 16 bits that there once were. */
enum { NOBODY = 65534 };

/*
 * The store must not become descriptor 2 where that was closed, or messages
 * would go into it.  Descriptors above could be anything, such as a directory
 * to climb up from.
 */
void
drop_inherited(void)
{
	static const struct rlimit none;
	int fd;

	close(STDIN_FILENO);
	do {
		if ((fd = open("/dev/null", O_RDWR)) == -1)
			err(1, "/dev/null");
	} while (fd <= STDERR_FILENO);
	if (os_closefrom(STDERR_FILENO + 1) == -1)
		log_event(LOG_WARNING, "descriptors from who started us stay "
		    "open: %s; Linux 5.9 closes them, or /proc",
		    strerror(errno));
	/* a core would hold sectors, and be somebody else's to read */
	setrlimit(RLIMIT_CORE, &none);
}

void
drop_find(struct account *a, const char *wanted)
{
	const char *name = wanted != NULL ? wanted : "nobody";
	const struct passwd *pw;

	errno = 0;
	*a = (struct account){ .wanted = wanted, .uid = NOBODY,
	    .gid = NOBODY };
	if (wanted == NULL && geteuid() != 0) {
		pw = getpwuid(geteuid());
		name = pw != NULL ? pw->pw_name : "a user without a name";
		a->stay = true;
	} else if ((pw = getpwnam(name)) != NULL) {
		a->uid = pw->pw_uid;
		a->gid = pw->pw_gid;
		a->stay = geteuid() != 0 && geteuid() == a->uid;
	} else if (wanted != NULL) {
		/* nobody was asked; other errors can mean "not there" */
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
		    errno == EIO)
			err(1, "-u %s", wanted);
		errx(1, "-u %s: no such user; see getent passwd", wanted);
	}
	(void)snprintf(a->name, sizeof(a->name), "%s", name);
}

static int
become(uid_t uid, gid_t gid)
{
	if (os_onegroup(gid) == -1 || setresgid(gid, gid, gid) == -1)
		return -1;
	return setresuid(uid, uid, uid);
}

void
drop_become(struct account *a, const char *as)
{
	if (a->stay || become(a->uid, a->gid) == 0)
		return;
	if (a->wanted != NULL)
		errx(1, "-u %s: %s; start as %s", a->wanted, strerror(errno),
		    as);
	log_event(LOG_WARNING, "still root: becoming nobody: %s; start as "
	    "another user, or as %s", strerror(errno), as);
	(void)snprintf(a->name, sizeof(a->name), "root");
}
