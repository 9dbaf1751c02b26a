/* SPDX-License-Identifier: GPL-2.0-only */
/* FreeBSD, the process: give up all that the loop does not need; who we are. */

#include <sys/types.h>
#include <sys/capsicum.h>
#include <sys/disk.h>
#include <sys/procctl.h>
#include <sys/stat.h>
#include <sys/sysctl.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "dat.h"
#include "fns.h"
#include "freebsd.h"

void
freebsd_limit(int fd, const cap_rights_t *rights, const unsigned long *ioctls,
    size_t nioctls)
{
	if (cap_rights_limit(fd, rights) == -1 ||
	    (nioctls > 0 && cap_ioctls_limit(fd, ioctls, nioctls) == -1)) {
		if (errno != ENOSYS)
			err(1, "limiting descriptor %d", fd);
	}
}

int
os_closefrom(int fd)
{
	closefrom(fd);
	return 0;
}

int
os_onegroup(gid_t gid)
{
	return setgroups(1, &gid);
}

static void
limit_stdio(void)
{
	static const unsigned long tty[] = { TIOCGETA, TIOCGWINSZ };
	cap_rights_t r;
	int fd;

	cap_rights_init(&r);
	if (fcntl(STDIN_FILENO, F_GETFD) != -1)
		freebsd_limit(STDIN_FILENO, &r, NULL, 0);
	cap_rights_init(&r, CAP_WRITE, CAP_EVENT, CAP_FSTAT, CAP_IOCTL);
	for (fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			freebsd_limit(fd, &r, tty,
			    sizeof(tty) / sizeof(tty[0]));
}

/* The store and a state file may be read, written and made stable, and the
 * service manager's socket be sent to.  What else is open is for nothing. */
static void
limit_store(int fd)
{
	static const unsigned long disk[] = {
		DIOCGMEDIASIZE, DIOCGSECTORSIZE, DIOCGSTRIPESIZE, DIOCGFLUSH,
		DIOCGDELETE
	};
	int flags = fcntl(fd, F_GETFL);
	struct stat st;
	cap_rights_t r;

	cap_rights_init(&r);
	if (fstat(fd, &st) == -1)
		memset(&st, 0, sizeof(st));
	if (S_ISREG(st.st_mode) || S_ISCHR(st.st_mode)) {
		cap_rights_set(&r, CAP_FSTAT, CAP_FSYNC, CAP_PREAD);
		if ((flags & O_ACCMODE) != O_RDONLY)
			cap_rights_set(&r, CAP_PWRITE);
	}
	if (S_ISSOCK(st.st_mode))
		cap_rights_set(&r, CAP_SEND);
	if (!S_ISCHR(st.st_mode)) {
		freebsd_limit(fd, &r, NULL, 0);
		return;
	}
	cap_rights_set(&r, CAP_IOCTL);
	freebsd_limit(fd, &r, disk, sizeof(disk) / sizeof(disk[0]));
}

/* All descriptors that nobody has limited yet. */
static void
limit_rest(void)
{
	int mib[] = { CTL_KERN, KERN_PROC, KERN_PROC_NFDS, 0 };
	int fd, left = 0, end = getdtablesize();
	size_t len = sizeof(left);
	cap_rights_t r;

	/* the table may have room for a million; stop at the last of ours */
	if (sysctl(mib, sizeof(mib) / sizeof(mib[0]), &left, &len, NULL,
	    0) == -1)
		left = end;
	for (fd = 0; fd < end && left > 0; fd++) {
		if (fcntl(fd, F_GETFD) == -1)
			continue;
		left--;
		/* which one has lost if it has been limited at all */
		if (fd > STDERR_FILENO && cap_rights_get(fd, &r) == 0 &&
		    cap_rights_is_set(&r, CAP_FCHOWN))
			limit_store(fd);
	}
}

const char *
os_confine(const char *user)
{
	static char did[64];
	int never = PROC_TRACE_CTL_DISABLE;
	struct account a;

	drop_find(&a, user);
	drop_become(&a, "root");
	/* neither looked into by others of the same user, nor dumped */
	if (procctl(P_PID, getpid(), PROC_TRACE_CTL, &never) == -1)
		log_event(LOG_WARNING, "not traceable: %s", strerror(errno));
	limit_stdio();
	limit_rest();
	if (cap_enter() == -1) {
		log_event(LOG_WARNING,
		    "no capsicum: %s; it takes options CAPABILITY_MODE and "
		    "CAPABILITIES in the kernel", strerror(errno));
		(void)snprintf(did, sizeof(did), "%.32s", a.name);
		return did;
	}
	(void)snprintf(did, sizeof(did), "%.32s, capsicum", a.name);
	return did;
}

void
os_hostid(char *id, size_t size)
{
	size_t len = size - 1;

	memset(id, 0, size);
	/* from /etc/hostid; all zeros where rc(8) has not set it */
	if (sysctlbyname("kern.hostuuid", id, &len, NULL, 0) == -1 ||
	    strspn(id, "0-") == strlen(id))
		gethostname(id, size - 1);
}

/* Nobody could find it: there need be no /proc. */
int
os_board(void)
{
	return -1;
}

int
os_siginfo(void)
{
	return SIGINFO;
}

void
os_name(const char *name)
{
	setprogname(name);
}
