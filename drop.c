/* SPDX-License-Identifier: GPL-2.0-only */
/* What any Unix lets a process give up: to be root. */

#include <err.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "dat.h"
#include "fns.h"

/* Where the password file has no nobody, and in kernels: the last one of the
 * 16 bits that there once were. */
enum { NOBODY = 65534 };

void
drop_find(struct account *a, const char *wanted)
{
	const char *name = wanted != NULL ? wanted : "nobody";
	const struct passwd *pw;

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
	} else if (wanted != NULL)
		errx(1, "-u %s: no such user; see getent passwd", wanted);
	snprintf(a->name, sizeof(a->name), "%s", name);
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
	snprintf(a->name, sizeof(a->name), "root");
}
