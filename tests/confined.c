/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Preloaded into vblade by 52-confined.t: attempts from inside, when asked,
 * what a confined process must not be able to do.  In the environment,
 *
 *	PROBE	 a file to talk by, mapped before the confinement.  A word
 *		 written to its beginning is attempted before the next reply is
 *		 sent; at ANSWER, the number of the system call appears before
 *		 the attempt, and the errno, or 0, behind it when it returns
 *	PROBE_DIR a directory of the test's, with "file" and "program" in it,
 *		 and nothing else: an attempt that succeeds must do no harm
 *	PROBE_NO words that stand for what this kernel shall not have:
 *		 seccomp landlock speculation uring restrictions close_range,
 *		 nor this host: chroot, a /run to write to
 */
#define _GNU_SOURCE
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <linux/capability.h>
#include <linux/io_uring.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROBE_BYTES = 128, ANSWER = 64 };

long	syscall(long nr, ...);

static char *probe;
static const char *lacks = "";
static long parent;
static char file[4096], program[4096], created[4096];
static long (*real_syscall)(long, ...);
static void *(*real_mmap)(void *, size_t, int, int, int, off_t);
static int (*real_sendmmsg)(int, struct mmsghdr *, unsigned, int);
static int (*real_chroot)(const char *);
static char *(*real_mkdtemp)(char *);

/* vblade's ring, as it was set up */
static int ring_fd = -1;
static struct io_uring_params params;
static uint8_t *ring;
static struct io_uring_sqe *sqes;

static void __attribute__((constructor))
begin(void)
{
	const char *path = getenv("PROBE");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;

	real_syscall = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	real_mmap = (void *(*)(void *, size_t, int, int, int, off_t))
	    dlsym(RTLD_NEXT, "mmap");
	real_sendmmsg = (int (*)(int, struct mmsghdr *, unsigned, int))
	    dlsym(RTLD_NEXT, "sendmmsg");
	real_chroot = (int (*)(const char *))dlsym(RTLD_NEXT, "chroot");
	real_mkdtemp = (char *(*)(char *))dlsym(RTLD_NEXT, "mkdtemp");
	parent = getppid();
	if (getenv("PROBE_DIR") == NULL)
		abort();
	snprintf(file, sizeof(file), "%s/file", getenv("PROBE_DIR"));
	snprintf(program, sizeof(program), "%s/program", getenv("PROBE_DIR"));
	snprintf(created, sizeof(created), "%s/created", getenv("PROBE_DIR"));
	if (getenv("PROBE_NO") != NULL)
		lacks = getenv("PROBE_NO");
	if (fd == -1)
		return;
	probe = real_mmap(NULL, PROBE_BYTES, PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);
	if (probe == MAP_FAILED)
		abort();
	close(fd);
}

static int
refuse(int error)
{
	errno = error;
	return -1;
}

static int
is_lacking(const char *word)
{
	return strstr(lacks, word) != NULL;
}

/* vblade makes its newer calls by this: be an older kernel. */
long
syscall(long nr, ...)
{
	long a[6], r;
	va_list ap;
	int i;

	va_start(ap, nr);
	for (i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if ((nr == SYS_seccomp && is_lacking("seccomp")) ||
	    (nr == SYS_landlock_create_ruleset && is_lacking("landlock")) ||
	    (nr == SYS_close_range && is_lacking("close_range")) ||
	    (nr == SYS_io_uring_setup && is_lacking("uring")))
		return refuse(ENOSYS);
	if ((nr == SYS_seccomp && a[1] != 0 && is_lacking("speculation")) ||
	    (nr == SYS_io_uring_setup && is_lacking("restrictions") &&
	    (((struct io_uring_params *)a[1])->flags &
	    IORING_SETUP_R_DISABLED) != 0))
		return refuse(EINVAL);
	r = real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (nr == SYS_io_uring_setup && r != -1) {
		ring_fd = (int)r;
		params = *(struct io_uring_params *)a[1];
	}
	return r;
}

void *
mmap(void *at, size_t bytes, int prot, int flags, int fd, off_t off)
{
	void *p = real_mmap(at, bytes, prot, flags, fd, off);

	if (fd != -1 && fd == ring_fd) {
		if (off == (off_t)IORING_OFF_SQES)
			sqes = p;
		else
			ring = p;
	}
	return p;
}

/* The name that calls with 64-bit offsets have in glibc. */
void *
mmap64(void *at, size_t bytes, int prot, int flags, int fd, off_t off)
{
	return mmap(at, bytes, prot, flags, fd, off);
}

/* And be root with less than all capabilities, or on a host that is read-only
 * but for /tmp. */
int
chroot(const char *dir)
{
	return is_lacking("chroot") ? refuse(EPERM) : real_chroot(dir);
}

char *
mkdtemp(char *name)
{
	if (is_lacking("run") && strncmp(name, "/run/", 5) == 0) {
		errno = EROFS;
		return NULL;
	}
	return real_mkdtemp(name);
}

/* Have the ring do one operation, and nothing else: it is idle. */
static int
by_ring(const struct io_uring_sqe *sqe)
{
	unsigned *tail = (void *)(ring + params.sq_off.tail);
	unsigned *head = (void *)(ring + params.cq_off.head);
	unsigned *end = (void *)(ring + params.cq_off.tail);
	struct io_uring_cqe *cqes = (void *)(ring + params.cq_off.cqes);
	int result;

	if (ring == NULL || sqes == NULL)
		return refuse(ENOTSUP);
	sqes[*tail & (params.sq_entries - 1)] = *sqe;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	real_syscall(SYS_io_uring_enter, ring_fd, 1, 1,
	    IORING_ENTER_GETEVENTS, NULL, 0);
	if (*head == __atomic_load_n(end, __ATOMIC_ACQUIRE))
		return refuse(ETIMEDOUT);
	result = cqes[*head & (params.cq_entries - 1)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return result < 0 ? refuse(-result) : 0;
}

static long
capset_all(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct all[2];

	memset(all, 0xff, sizeof(all));
	return real_syscall(SYS_capset, &head, all);
}

static long
attempt(const char *what, int socket_fd)
{
	static char *argv[] = { program, NULL };
	static char text[16] = "x";
	const struct io_uring_sqe ring_open = {
		.opcode = IORING_OP_OPENAT,
		.fd = AT_FDCWD,
		.addr = (uintptr_t)file,
		.flags = 0,
	}, ring_write = {
		.opcode = IORING_OP_WRITE,
		.fd = STDERR_FILENO,
		.addr = (uintptr_t)text,
		.len = 1,
	};
	const struct {
		const char	*what;
		long		 nr, a[6];
	} calls[] = {
		{ "open", SYS_openat, { AT_FDCWD, (long)file, O_RDONLY } },
		{ "create", SYS_openat, { AT_FDCWD, (long)created,
		    O_CREAT | O_WRONLY, 0600 } },
		{ "unlink", SYS_unlinkat, { AT_FDCWD, (long)file, 0 } },
		{ "here", SYS_openat, { AT_FDCWD, (long)"here",
		    O_CREAT | O_WRONLY, 0600 } },
		{ "mkdir", SYS_mkdirat, { AT_FDCWD, (long)"here", 0700 } },
		{ "up", SYS_openat, { AT_FDCWD, (long)"../../../proc/self/fd",
		    O_RDONLY } },
		{ "exec", SYS_execve, { (long)program, (long)argv, 0 } },
		{ "socket", SYS_socket, { AF_INET, SOCK_STREAM, 0 } },
		{ "packet", SYS_socket, { AF_PACKET, SOCK_RAW, 0 } },
		{ "setuid", SYS_setuid, { 0 } },
		{ "setgid", SYS_setgid, { 0 } },
		{ "setgroups", SYS_setgroups, { 0, 0 } },
		{ "chroot", SYS_chroot, { (long)"/" } },
		{ "ptrace", SYS_ptrace, { PTRACE_SEIZE, parent, 0, 0 } },
		{ "kill", SYS_kill, { parent, 0 } },
		{ "tgkill", SYS_tgkill, { parent, parent, SIGABRT } },
		{ "uring", SYS_io_uring_setup, { 1, (long)&params } },
		{ "register", SYS_io_uring_register, { ring_fd,
		    IORING_UNREGISTER_FILES, 0, 0 } },
		{ "clone", SYS_clone, { SIGCHLD, 0, 0, 0, 0 } },
		{ "code", SYS_mmap, { 0, 4096, PROT_READ | PROT_WRITE |
		    PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 } },
		{ "mprotect", SYS_mprotect, { (long)probe & ~4095L, 4096,
		    PROT_READ | PROT_EXEC } },
		{ "ioctl", SYS_ioctl, { 0, FIONREAD, (long)text } },
		{ "setsockopt", SYS_setsockopt, { socket_fd, SOL_SOCKET,
		    SO_RCVBUF, (long)&params, 4 } },
		{ "bind", SYS_bind, { socket_fd, (long)file, 2 } },
		{ "write", SYS_write, { socket_fd, (long)text, 1 } },
	};
	size_t i;
	long r;

	if (strcmp(what, "ring-open") == 0)
		return by_ring(&ring_open);
	if (strcmp(what, "ring-write") == 0)
		return by_ring(&ring_write);
	if (strcmp(what, "abort") == 0)
		abort();
	if (strcmp(what, "capset") == 0) {
		sprintf(probe + ANSWER, "%d ", (int)SYS_capset);
		return capset_all();
	}
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (strcmp(what, calls[i].what) != 0)
			continue;
		sprintf(probe + ANSWER, "%ld ", calls[i].nr);
		r = real_syscall(calls[i].nr, calls[i].a[0],
		    calls[i].a[1], calls[i].a[2], calls[i].a[3],
		    calls[i].a[4], calls[i].a[5]);
		if (calls[i].nr == SYS_clone && r == 0)
			_exit(0);
		return r;
	}
	return refuse(EDOM);	/* no such word: a test that is wrong */
}

int
sendmmsg(int fd, struct mmsghdr *msg, unsigned n, int flags)
{
	char *answer;
	int error;

	if (probe != NULL && probe[0] != '\0') {
		probe[ANSWER] = '\0';
		error = attempt(probe, fd) == -1 ? errno : 0;
		answer = probe + ANSWER;
		sprintf(answer + strlen(answer), "%d", error);
		__atomic_thread_fence(__ATOMIC_RELEASE);
		memset(probe, 0, ANSWER);	/* the sign that it is there */
	}
	return real_sendmmsg(fd, msg, n, flags);
}
