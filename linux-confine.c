/* SPDX-License-Identifier: GPL-2.0-only */
/* Linux, the confinement: give up all that the loop does not need. */

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <asm/unistd.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/if_packet.h>
#include <linux/seccomp.h>

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dat.h"
#include "fns.h"

/*
 * The sanitizers' own code opens files, starts a process and traces us with
 * it: built with them, we leave out what would stop that.  GCC defines a
 * macro, clang has a feature.
 */
#ifndef __has_feature
#define __has_feature(x)	0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
enum { SANITIZED = true };
#else
enum { SANITIZED = false };
#endif

/*
 * Descriptors.
 */
#ifndef __NR_close_range
#define __NR_close_range	436	/* on every machine */
#endif

/* Before Linux 5.9.  The list stays in order while it becomes shorter. */
static int
close_listed(int from)
{
	DIR *list = opendir("/proc/self/fd");
	const struct dirent *e;
	int fd;

	if (list == NULL)
		return -1;
	while ((e = readdir(list)) != NULL) {
		fd = (int)strtol(e->d_name, NULL, 10);	/* ".", "..": 0 */
		if (fd >= from && fd != dirfd(list))
			close(fd);
	}
	return closedir(list);
}

int
os_closefrom(int fd)
{
	if (syscall(__NR_close_range, fd, ~0U, 0) == 0)
		return 0;
	return close_listed(fd);
}

/*
 * Groups and capabilities.
 */

int
os_onegroup(gid_t gid)
{
	(void)gid;		/* it is not among these here */
	if (getgroups(0, NULL) == 0)
		return 0;
	return setgroups(0, NULL);
}

/* Without CAP_SETPCAP it has to stay as it is, and does no harm: with
 * no_new_privs nothing that is executed gains what it allows. */
static void
empty_bounding_set(void)
{
	unsigned long cap;

	for (cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != -1; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == -1)
			break;
}

/* Effective, permitted and inheritable; the ambient ones go with these. */
static void
drop_capabilities(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];

	memset(none, 0, sizeof(none));
	if (syscall(__NR_capset, &head, none) == -1)
		err(1, "dropping capabilities");
}

/*
 * Landlock: a set of rules that names every kind of access that the kernel
 * can control, and allows none.  What is open already stays usable.
 */
#ifndef __NR_landlock_create_ruleset
#define __NR_landlock_create_ruleset	444	/* on every machine */
#define __NR_landlock_restrict_self	446
#endif

/* From the kernel's documentation: older headers lack the newer ones. */
struct landlock {
	uint64_t	fs, net, scoped;
};

enum { LANDLOCK_VERSION = 1 };		/* flag: only tell the version */

static const struct landlock landlock_added[] = {	/* by version */
	{ .fs = 0x1fff },	/* 1: read, write, execute, make, remove */
	{ .fs = 0x2000 },	/* 2: link or rename to another directory */
	{ .fs = 0x4000 },	/* 3: truncate */
	{ .net = 0x3 },		/* 4: TCP bind, connect */
	{ .fs = 0x8000 },	/* 5: ioctl on devices */
	{ .scoped = 0x3 },	/* 6: abstract sockets and signals, outside */
};

static bool
landlock(void)
{
	const long known = sizeof(landlock_added) / sizeof(landlock_added[0]);
	struct landlock deny = { 0, 0, 0 };
	long i, version;
	int error, fd = -1;

	version = syscall(__NR_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_VERSION);
	for (i = 0; i < version && i < known; i++) {
		deny.fs |= landlock_added[i].fs;
		deny.net |= landlock_added[i].net;
		deny.scoped |= landlock_added[i].scoped;
	}
	/* a kernel that knows less takes the larger struct if the rest is 0 */
	if (version > 0)
		fd = (int)syscall(__NR_landlock_create_ruleset, &deny,
		    sizeof(deny), 0);
	if (fd == -1)
		return false;
	error = syscall(__NR_landlock_restrict_self, fd, 0) == -1 ? errno : 0;
	close(fd);
	errno = error;
	return error == 0;
}

/*
 * Where there is no Landlock: a root directory that is empty, and stays so,
 * because it has been removed and nothing can be made in it.  No directory is
 * open that would lead out of it, nor, later, the capability to leave.  0, or
 * an errno.
 */
static int
empty_root(void)
{
	char run[] = "/run/vblade.XXXXXX", tmp[] = "/tmp/vblade.XXXXXX";
	const char *dir = mkdtemp(run);
	int error;

	if (dir == NULL)
		dir = mkdtemp(tmp);
	if (dir == NULL)
		return errno;
	error = chdir(dir) == -1 ? errno : 0;
	if (rmdir(dir) == -1 && error == 0)
		error = errno;
	if (error == 0 && chroot(".") == -1)
		error = errno;
	return error;
}

/* No file can be reached any more.  Returns by what. */
static const char *
leave_files(void)
{
	char why[64];
	int error;

	if (landlock())
		return ", landlock";
	(void)snprintf(why, sizeof(why), "%s", strerror(errno));
	error = geteuid() == 0 ? empty_root() : EPERM;
	if (error == 0)
		return ", chroot";
	log_event(LOG_WARNING, "no landlock: %s; no chroot: %s; it takes Linux "
	    "5.13 and lsm=landlock, or root and a /run to write to", why,
	    strerror(error));
	return "";
}

/*
 * Seccomp: the calls that the loop makes, and the end for any other.
 */

/* The machines whose calls we know.  Arguments are compared where a
 * little-endian one has the low word. */
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
enum { MACHINE = 0 };
#elif defined(__x86_64__) && defined(__LP64__)
enum { MACHINE = AUDIT_ARCH_X86_64 };
#elif defined(__aarch64__) && defined(__LP64__)
enum { MACHINE = AUDIT_ARCH_AARCH64 };
#elif defined(__arm__) && defined(__ARM_EABI__)
enum { MACHINE = AUDIT_ARCH_ARM };
#elif defined(__riscv) && __riscv_xlen == 64
enum { MACHINE = AUDIT_ARCH_RISCV64 };
#else
enum { MACHINE = 0 };
#endif

/* A call, and what some of its arguments have to be. */
struct rule {
	unsigned	nr;
	unsigned	nargs;
	struct {
		unsigned	i;		/* which, from 0 */
		uint32_t	is;
	} arg[2];
};

#define CALL(name)		{ __NR_##name, 0, { { 0, 0 } } }
#define CALL_1(name, i, is)	{ __NR_##name, 1, { { i, is } } }
#define CALL_2(name, i, is, j, js)					\
	{ __NR_##name, 2, { { i, is }, { j, js } } }

/* What is left of some machines and libcs needs a reason: tests/53-calls.t sees
 * all others being called, by glibc on the machine that it runs on. */
static const struct rule rules[] = {
	/* each batch, most frequent first */
	CALL(io_uring_enter),
	CALL(sendmmsg),
	CALL(ppoll),
	CALL(pwritev),
	CALL(preadv),
	CALL(clock_gettime),	/* rare: the vdso has not got it */
	CALL(sendmsg),		/* notify, links; for musl's sendmmsg, too */
#ifdef __NR_ppoll_time64
	CALL(ppoll_time64),
	CALL(clock_gettime64),
#endif

	/* one operation on the store, size, sync */
	CALL(pwrite64),
	CALL(pread64),
	CALL(fdatasync),
	CALL(fallocate),			/* TRIM on a file */
	CALL_1(ioctl, 1, BLKDISCARD),		/* and on a device */
	CALL_1(ioctl, 1, BLKGETSIZE64),
	CALL_1(ioctl, 1, BLKSSZGET),
	CALL_1(ioctl, 1, BLKPBSZGET),
	/* fstat has many names; by a path some look at other files, too,
	 * which tells no more than their size and dates */
	CALL(fstat),		/* rare: musl, older glibc */
#ifdef __NR_newfstatat
	CALL_1(newfstatat, 3, AT_EMPTY_PATH),
#endif
#ifdef __NR_fstat64
	CALL(fstat64),
	CALL_1(fstatat64, 3, AT_EMPTY_PATH),
	CALL_1(statx, 2, AT_EMPTY_PATH),
#endif

	/* transmit queue full: wait a little */
#ifdef __NR_poll
	CALL(poll),
#endif
	CALL(nanosleep),	/* rare: musl, older glibc */
	CALL(clock_nanosleep),
#ifdef __NR_clock_nanosleep_time64
	CALL(clock_nanosleep_time64),
#endif
	CALL(restart_syscall),	/* rare: these, after SIGSTOP and SIGCONT */

	/* links: what happened, how they are now */
	CALL(recvfrom),
#ifdef __NR_recv
	CALL(recv),
#endif
	CALL_1(ioctl, 1, SIOCGIFNAME),		/* and sendmsg, above */
	CALL_1(ioctl, 1, SIOCGIFINDEX),
	CALL_1(ioctl, 1, SIOCGIFHWADDR),
	CALL_1(ioctl, 1, SIOCGIFMTU),
	CALL_1(ioctl, 1, SIOCGIFFLAGS),
	/* an interface came back, frames grew: filter, sender, new ring */
	CALL_2(setsockopt, 1, SOL_SOCKET, 2, SO_ATTACH_FILTER),
	CALL_1(bind, 2, sizeof(struct sockaddr_ll)),
	CALL_2(setsockopt, 1, SOL_PACKET, 2, PACKET_RX_RING),
	CALL(munmap),
#ifdef __NR_mmap2
	CALL_1(mmap2, 2, PROT_READ | PROT_WRITE),
#else
	CALL_1(mmap, 2, PROT_READ | PROT_WRITE),
#endif

	/* signals, counters, complaints */
	CALL(rt_sigreturn),
#ifdef __NR_sigreturn
	CALL(sigreturn),
#endif
	CALL_2(getsockopt, 1, SOL_PACKET, 2, PACKET_STATISTICS),
	CALL_1(write, 0, STDERR_FILENO),
	CALL_1(writev, 0, STDERR_FILENO), /* rare: the stack protector; musl */
	CALL_1(write, 0, STDOUT_FILENO),	/* the start-up line */
	CALL_1(writev, 0, STDOUT_FILENO),	/* rare: musl's stdio */
	CALL_1(ioctl, 1, TCGETS),	/* rare: stdio, to a device */
	CALL_1(ioctl, 1, TIOCGWINSZ),	/* rare: the same by musl */
	CALL(brk),	/* rare: stdio's buffers; free */

	/* the end */
	CALL(close),
	CALL(exit_group),
	CALL(getpid),		/* the start-up line, and with these: */
	CALL(gettid),		/* rare: abort, see make_filter; it is ours */
	CALL(rt_sigprocmask),	/* rare: abort, or the stack protector's */
	CALL(rt_sigaction),	/* rare: abort */
};

enum {
	NRULES = sizeof(rules) / sizeof(rules[0]),
	NABORTS = 2,
	MAX_FILTER = 3 + (NRULES + NABORTS) * 7 + 1,
};

#define LOAD(k)		(struct sock_filter)				\
			BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(k))
#define IF(k, yes, no)	(struct sock_filter)	/* skip so many */	\
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, yes, no)
#define RETURN(k)	(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, k)

/* Returns the number of instructions. */
static unsigned short
allow(struct sock_filter *f, const struct rule *r)
{
	unsigned short n = 0;
	unsigned a;

	f[n++] = LOAD(offsetof(struct seccomp_data, nr));
	f[n++] = IF(r->nr, 0, (uint8_t)(2 * r->nargs + 1));
	for (a = 0; a < r->nargs; a++) {
		f[n++] = LOAD(offsetof(struct seccomp_data, args) +
		    r->arg[a].i * sizeof(uint64_t));
		f[n++] = IF(r->arg[a].is, 0,
		    (uint8_t)(2 * (r->nargs - a) - 1));
	}
	f[n++] = RETURN(SECCOMP_RET_ALLOW);
	return n;
}

static unsigned short
make_filter(struct sock_filter f[static MAX_FILTER])
{
	const unsigned self = (unsigned)getpid();
	const struct rule aborts[NABORTS] = {	/* us, and nobody else */
		CALL_2(tgkill, 0, self, 2, SIGABRT),	/* rare: abort */
		CALL_2(tkill, 0, self, 1, SIGABRT),	/* rare: musl's */
	};
	unsigned short n = 0;
	unsigned i;

	/* in another of the machine's modes the numbers mean other calls */
	f[n++] = LOAD(offsetof(struct seccomp_data, arch));
	f[n++] = IF(MACHINE, 1, 0);
	f[n++] = RETURN(SECCOMP_RET_TRAP);
	for (i = 0; i < NRULES; i++)
		n += allow(f + n, &rules[i]);
	for (i = 0; i < NABORTS; i++)
		n += allow(f + n, &aborts[i]);
	f[n++] = RETURN(SECCOMP_RET_TRAP);
	return n;
}

/* Name the call that was refused: whoever reads it can tell us, or find out
 * what was attempted.  Only what a signal handler may do. */
static void
on_refusal(int sig, siginfo_t *info, void *context)
{
	static const char before[] = "vblade: system call ";
	static const char after[] = " is not one that vblade makes: stopped "
	    "by seccomp; please report it\n";
	char text[sizeof(before) + 10 + sizeof(after)];
	unsigned nr = (unsigned)info->si_syscall, unit = 1;
	size_t n = sizeof(before) - 1;

	(void)sig;
	(void)context;
	memcpy(text, before, n);
	while (nr / unit > 9)
		unit *= 10;
	for (; unit > 0; unit /= 10)
		text[n++] = (char)('0' + nr / unit % 10);
	memcpy(text + n, after, sizeof(after) - 1);
	n += sizeof(after) - 1;
	/* there is nowhere to tell that it could not be told */
	if (write(STDERR_FILENO, text, n) == -1)
		_exit(2);
	_exit(2);
}

static bool
seccomp(void)
{
	const struct sigaction sa = {
		.sa_sigaction = on_refusal,
		.sa_flags = SA_SIGINFO,
	};
	struct sock_filter filter[MAX_FILTER];
	struct sock_fprog prog = { .filter = filter };

	if (MACHINE == 0) {
		log_event(LOG_WARNING,
		    "no seccomp: this machine's system calls are not known");
		return false;
	}
	prog.len = make_filter(filter);
	sigaction(SIGSYS, &sa, NULL);
	/* Unless told not to (Linux 4.17), some kernels make the processor
	 * slower for us, as for one that runs the code of strangers. */
	if (syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER,
	    SECCOMP_FILTER_FLAG_SPEC_ALLOW, &prog) == 0)
		return true;
	if (errno == EINVAL && syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER,
	    0, &prog) == 0)
		return true;
	log_event(LOG_WARNING,
	    "no seccomp: %s; it takes CONFIG_SECCOMP_FILTER",
	    strerror(errno));
	return false;
}

const char *
os_confine(const char *user)
{
	static char did[96];
	const char *files = "";
	struct account a;

	drop_find(&a, user);
	/* Landlock wants it; who becomes another user may have it */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		log_event(LOG_WARNING, "no_new_privs: %s", strerror(errno));
	/* the last moment for a chroot */
	if (!SANITIZED)
		files = leave_files();
	empty_bounding_set();
	drop_become(&a, "root with CAP_SETUID and CAP_SETGID");
	drop_capabilities();
	/* changing the user has reset it */
	if (prctl(PR_SET_DUMPABLE, SANITIZED, 0, 0, 0) == -1)
		log_event(LOG_WARNING, "not dumpable: %s", strerror(errno));
	if (SANITIZED) {
		(void)snprintf(did, sizeof(did), "%.32s, for sanitizers no "
		    "landlock, no seccomp", a.name);
		return did;
	}
	(void)snprintf(did, sizeof(did), "%.32s%s", a.name, files);
	if (seccomp())
		strncat(did, ", seccomp", sizeof(did) - strlen(did) - 1);
	return did;
}
