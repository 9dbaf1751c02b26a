/* SPDX-License-Identifier: GPL-2.0-only */
/* FreeBSD's disk and confinement over the model. */

#include <err.h>

#include "../unit.h"
#include "drive.h"

enum { STORE = 1 << 20 };

static char path[64];

/* A file of random bytes; also as a disk, when asked. */
static void
store(struct m_disk *d)
{
	static uint8_t data[STORE];
	const char *dir = getenv("TMPDIR");
	unsigned i, seed = 7;
	int fd;

	snprintf(path, sizeof(path), "%.40s/vblade.XXXXXX",
	    dir != NULL ? dir : "/tmp");
	fd = mkstemp(path);
	for (i = 0; i < STORE; i++)
		data[i] = (uint8_t)rand_r(&seed);
	ck_assert_int_eq(write(fd, data, STORE), STORE);
	close(fd);
	if (d != NULL) {
		*d = (struct m_disk){ .path = path, .sector = 512,
		    .stripe = 4096, .candelete = true };
		m_world.disks = d;
		m_world.ndisks = 1;
	}
}

static void
unstore(void)
{
	if (path[0] != '\0')
		unlink(path);
}

static int
device(struct m_disk *d)
{
	int fd;

	store(d);
	fd = fbsd_open(path, 2);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static void
say_nothing(void)
{
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
}

/*
 * Devices.
 */
START_TEST(size)
{
	struct m_disk d;
	uint64_t bytes = 0;
	unsigned logical, physical;
	int fd = device(&d);

	ck_assert_int_eq(os_devsize(fd, &bytes, &logical, &physical), 0);
	ck_assert_uint_eq(bytes, STORE);
	ck_assert_uint_eq(logical, 512);
	ck_assert_uint_eq(physical, 4096);
	d.stripe = -1;
	ck_assert_int_eq(os_devsize(fd, &bytes, &logical, &physical), 0);
	ck_assert_uint_eq(physical, 512);
	d.stripe = INT64_MAX;
	ck_assert_int_eq(os_devsize(fd, &bytes, &logical, &physical), 0);
	ck_assert_uint_eq(physical, 1 << 30);
	m_arm("ioctl", B_DIOCGMEDIASIZE, 0, B_ENXIO);
	ck_assert_int_eq(os_devsize(fd, &bytes, &logical, &physical), -1);
	m_arm("ioctl", B_DIOCGSECTORSIZE, 0, B_ENOTTY);
	ck_assert_int_eq(os_devsize(fd, &bytes, &logical, &physical), -1);
}
END_TEST

static void
open_disk(const void *arg)
{
	static struct disk d;
	struct counters c;

	(void)arg;
	d.path = path;
	disk_open(&d, &c);
}

START_TEST(large_sectors)
{
	struct m_disk d;

	store(&d);
	d.sector = 4096;
	leaves(open_disk, NULL, "/dev/model0: its sectors have 4096 bytes, "
	    "and AoE needs 512");
	d.sector = 512;
	m_arm("ioctl", B_DIOCGMEDIASIZE, 0, B_ENOTTY);
	leaves(open_disk, NULL, "not a disk (Inappropriate ioctl for device)");
}
END_TEST

/* -d, whether a disk takes flags or not: there is no cache to go past. */
START_TEST(direct)
{
	static struct m_disk d;
	static struct disk disk;
	struct counters c = { 0 };

	store(&d);
	d.takes_flags = _i == 1;
	disk.path = path;
	disk.direct = true;
	disk_open(&disk, &c);
	ck_assert_uint_eq(disk.nsec, STORE / 512);
	ck_assert_uint_eq(disk.align, 512);
	ck_assert_int_eq(disk_close(&disk), 0);
}
END_TEST

static void
open_direct(const void *arg)
{
	static struct disk d;
	struct counters c;

	(void)arg;
	d.path = path;
	d.direct = true;
	m_arm("fcntl", 4, 1, B_EINVAL);
	disk_open(&d, &c);
}

START_TEST(direct_file)
{
	store(NULL);
	leaves(open_direct, NULL, ": -d: Invalid argument; leave -d out");
}
END_TEST

START_TEST(flush)
{
	struct m_disk d;
	int fd = device(&d), file;

	ck_assert_int_eq(os_flush(fd), 0);
	ck_assert_uint_eq(d.flushes, 1);
	d.flush_error = B_EOPNOTSUPP;	/* it has no cache */
	ck_assert_int_eq(os_flush(fd), 0);
	d.flush_error = B_EIO;
	ck_assert_int_eq(os_flush(fd), -1);
	ck_assert_int_eq(*fbsd___error(), B_EIO);
	m_arm("ioctl", B_DIOCGFLUSH, 0, B_ENOTTY);
	ck_assert_int_eq(os_flush(fd), 0);
	m_world.ndisks = 0;
	file = fbsd_open(path, 2);
	m_arm("fdatasync", 0, 0, B_EINTR);
	ck_assert_int_eq(os_flush(file), 0);
	ck_assert(!m_armed());
	m_arm("fdatasync", 0, 0, B_EIO);
	ck_assert_int_eq(os_flush(file), -1);
	ck_assert_uint_eq(d.flushes, 3);
}
END_TEST

static bool
zeros(int fd, int64_t from, int64_t to)
{
	static uint8_t buf[STORE], none[STORE];

	ck_assert_int_eq(fbsd_pread(fd, buf, (size_t)(to - from), from),
	    to - from);
	return memcmp(buf, none, (size_t)(to - from)) == 0;
}

START_TEST(trim_device)
{
	struct m_disk d;
	int fd = device(&d);

	ck_assert_int_eq(os_cantrim(fd, true, STORE), 1);
	ck_assert_int_eq(os_trim(fd, true, 8192, 65536), 0);
	ck_assert_uint_eq(d.deletes, 1);
	ck_assert_int_eq(d.delete_off, 8192);
	ck_assert_int_eq(d.delete_len, 65536);
	ck_assert(zeros(fd, 8192, 8192 + 65536));
	ck_assert_int_eq(os_trim(fd, true, 100, 65536), 0);	/* EINVAL */
	ck_assert_uint_eq(d.deletes, 1);
	m_arm("ioctl", B_DIOCGDELETE, 0, B_EIO);
	ck_assert_int_eq(os_trim(fd, true, 8192, 65536), -1);
	d.candelete = false;
	ck_assert_int_eq(os_cantrim(fd, true, STORE), 0);
	ck_assert_int_eq(os_trim(fd, true, 8192, 65536), 0);
	m_arm("ioctl", B_DIOCGATTR, 0, B_ENOTTY);
	ck_assert_int_eq(os_cantrim(fd, true, STORE), 0);
}
END_TEST

START_TEST(trim_file)
{
	int fd;

	store(NULL);
	fd = fbsd_open(path, 2);
	ck_assert_int_eq(os_cantrim(fd, false, STORE), 2);
	/* more than the kernel does at a time */
	m_arm("fspacectl", 0, 1, B_EINTR);
	ck_assert_int_eq(os_trim(fd, false, 4096, 300000), 0);
	ck_assert(!m_armed());
	ck_assert(zeros(fd, 4096, 304096));
	ck_assert(!zeros(fd, 4064, 4096) && !zeros(fd, 304096, 304128));
	m_arm("fspacectl", 0, 0, B_ENOSPC);
	ck_assert_int_eq(os_trim(fd, false, 4096, 4096), -1);
	m_arm("fspacectl", 0, 0, B_EOPNOTSUPP);
	ck_assert_int_eq(os_cantrim(fd, false, STORE), 0);
	m_world.no_holes = true;
	ck_assert_int_eq(os_cantrim(fd, false, STORE), 0);
	os_noatime(fd);
	ck_assert_int_eq(os_siginfo(), 29);
	os_name("<3>vblade");
	ck_assert_str_eq(program_invocation_short_name, "<3>vblade");
}
END_TEST

static const char *
hostid_with(const char *uuid)
{
	static char id[256];

	m_world.hostuuid = uuid;
	memset(id, 'x', sizeof(id));
	os_hostid(id, sizeof(id));
	return id;
}

/* The host's own, or else its name. */
START_TEST(hostid)
{
	static const char uuid[] = "7a1f0c52-0e5b-11ee-9c3a-525400123457";
	char name[256], shorter[8];

	ck_assert_str_eq(hostid_with(uuid), uuid);
	snprintf(name, sizeof(name), "%s", hostid_with(NULL));
	ck_assert_str_ne(name, "");
	ck_assert_str_ne(name, uuid);
	ck_assert_str_eq(hostid_with("00000000-0000-0000-0000-000000000000"),
	    name);
	memset(shorter, 'x', sizeof(shorter));
	os_hostid(shorter, sizeof(shorter) - 1);
	ck_assert_uint_le(strlen(shorter), sizeof(shorter) - 2);
	ck_assert_int_eq(shorter[7], 'x');
}
END_TEST

/*
 * Many operations in flight.
 */
static uint8_t bufs[16][4096];

static struct io
make_io(enum io_kind kind, int fd, unsigned i)
{
	struct io io = { .kind = kind, .fd = fd, .off = 8192 * i,
	    .len = 4096, .niov = 2 };

	io.iov[0] = (struct iovec){ bufs[i], 1024 };
	io.iov[1] = (struct iovec){ bufs[i] + 1024, 3072 };
	return io;
}

static bool
wakes(struct io_engine *e)
{
	static const struct timespec now;
	static const uint32_t none[4];
	struct pollfd fds = { .fd = io_pollfd(e), .events = POLLIN };

	return fbsd_ppoll(&fds, 1, &now, none) == 1;
}

enum { USUAL, BACKWARDS, TOO_MANY, UNSAFE, DISK, NWAYS };

/* All of 16 come to their end, once, with the data; by whatever way. */
START_TEST(engine)
{
	static struct io_engine *e;
	static struct io io[17];
	struct m_disk d;
	int fd = device(&d);
	struct io *done;
	uint8_t want[4096];
	unsigned i, seen = 0, n = 0;

	if (_i != DISK) {
		m_world.ndisks = 0;
		fd = fbsd_open(path, 2);
	}
	m_world.aio_backwards = _i == BACKWARDS;
	m_world.aio_unsafe = _i == UNSAFE;
	m_world.aio_max = _i == TOO_MANY ? 3 : 256;
	e = io_open(17, &fd, 1);
	ck_assert_ptr_nonnull(e);
	ck_assert(!wakes(e));
	for (i = 0; i < 16; i++) {
		io[i] = make_io(i % 2 == 0 ? IO_READ : IO_WRITE, fd, i);
		if (i % 2 == 1)
			memset(bufs[i], (int)i, 4096);
		io_add(e, &io[i]);
	}
	io[16] = (struct io){ .kind = IO_SYNC, .fd = fd };
	io_add(e, &io[16]);
	io_submit(e);
	while (n < 17) {
		ck_assert(wakes(e));
		while ((done = io_next(e)) != NULL) {
			i = (unsigned)(done - io);
			ck_assert_uint_lt(i, 17);
			ck_assert((seen & 1U << i) == 0);
			seen |= 1U << i;
			ck_assert_int_eq(done->result, i == 16 ? 0 : 4096);
			n++;
		}
	}
	while (io_next(e) != NULL || wakes(e))
		ck_assert_uint_lt(n++, 20);
	for (i = 0; i < 16; i++) {
		ck_assert_int_eq(fbsd_pread(fd, want, 4096, 8192 * (int)i),
		    4096);
		ck_assert_mem_eq(want, bufs[i], 4096);
		ck_assert(i % 2 == 0 || want[17] == i);
	}
	ck_assert_uint_eq(m_world.aio_calls, _i == USUAL || _i == BACKWARDS ?
	    17 : _i == TOO_MANY ? 3 : _i == UNSAFE ? 0 : 16);
	ck_assert_uint_eq(d.flushes, _i == DISK);
	/* again: control blocks are free once more */
	for (i = 0; i < 40; i++) {
		io[0] = make_io(IO_READ, fd, 0);
		io_add(e, &io[0]);
		while ((done = io_next(e)) == NULL)
			;
		ck_assert_int_eq(done->result, 4096);
	}
}
END_TEST

/* What is joined may be more than a disk takes in one go. */
START_TEST(engine_pieces)
{
	static struct io_engine *e;
	static struct io io;
	struct m_disk d;
	int fd = device(&d);
	struct io *done;
	unsigned i, n;
	uint8_t want[4096];

	e = io_open(2, &fd, 1);
	for (n = 16; n <= MAX_JOIN; n += 16) {
		io = (struct io){ .kind = IO_READ, .fd = fd,
		    .off = 512 * n, .len = 512 * n, .niov = (int)n };
		for (i = 0; i < n; i++)
			io.iov[i] = (struct iovec){ bufs[0] + 512 * i, 512 };
		io_add(e, &io);
		while ((done = io_next(e)) == NULL)
			;
		ck_assert_int_eq(done->result, 512 * (int)n);
		ck_assert_int_eq(fbsd_pread(fd, want, 4096, 512 * (int)n),
		    4096);
		ck_assert_mem_eq(want, bufs[0], 4096);
	}
	ck_assert_uint_eq(m_world.aio_calls, 1);
}
END_TEST

START_TEST(engine_errors)
{
	static struct io_engine *e;
	struct io io, *done;
	int fd;

	store(NULL);
	fd = fbsd_open(path, 0);	/* for reading */
	e = io_open(2, &fd, 1);
	io = make_io(IO_WRITE, fd, 1);
	io_add(e, &io);
	while ((done = io_next(e)) == NULL)
		;
	ck_assert_int_eq(done->result, -B_EBADF);
	io = make_io(IO_READ, fd, 1);
	m_arm("read", 0, 0, B_EIO);
	io_add(e, &io);
	while ((done = io_next(e)) == NULL)
		;
	ck_assert_int_eq(done->result, -B_EIO);
	m_world.aio_max = 0;
	io = make_io(IO_READ, fd, 1);
	m_arm("read", 0, 0, B_EINTR);
	io_add(e, &io);
	ck_assert_int_eq(io_next(e)->result, 4096);
	io = make_io(IO_SYNC, fd, 1);
	m_arm("fdatasync", 0, 0, B_EIO);
	io_add(e, &io);
	ck_assert_int_eq(io_next(e)->result, -B_EIO);
	io = make_io(IO_READ, fd, 1);
	io.off = 2 * STORE;		/* behind the end */
	io_add(e, &io);
	ck_assert_int_eq(io_next(e)->result, 0);
}
END_TEST

START_TEST(no_engine)
{
	int fd = 0;

	m_arm("kqueue", 0, 0, B_ENOMEM);
	ck_assert_ptr_null(io_open(4, &fd, 1));
	m_arm("kevent", 0, 0, B_ENOMEM);
	ck_assert_ptr_null(io_open(4, &fd, 1));
}
END_TEST

/*
 * Confinement.
 */
START_TEST(confined)
{
	struct m_disk d;
	unsigned bufcnt = 64;
	uint8_t st[224], buf[512];
	static struct io_engine *e;
	static struct net *n;
	int fd = device(&d), ro = fbsd_open(path, 0), other = m_new(K_ASK);
	int64_t bytes = 0;

	n = up("em0", &bufcnt);
	e = io_open(4, &fd, 1);
	ck_assert_str_eq(os_confine(_i == 0 ? NULL : "blade"), _i == 0 ?
	    "nobody, capsicum" : "blade, capsicum");
	ck_assert_int_eq(m_world.uid, _i == 0 ? 65534 : 1001);
	ck_assert_int_eq(m_world.gid, _i == 0 ? 65534 : 1002);
	ck_assert(!m_world.traceable);

	/* nothing new */
	ck_assert_int_eq(fbsd_open(path, 0), -1);
	ck_assert_int_eq(*fbsd___error(), B_ECAPMODE);
	/* the store: read, written, asked; not made longer, or unmade */
	ck_assert_int_eq(fbsd_pread(fd, buf, 512, 0), 512);
	ck_assert_int_eq(fbsd_pwrite(fd, buf, 512, 0), 512);
	ck_assert_int_eq(fbsd_ioctl(fd, B_DIOCGMEDIASIZE, &bytes), 0);
	ck_assert_int_eq(os_flush(fd), 0);
	ck_assert_int_eq(os_trim(fd, true, 0, 4096), 0);
	ck_assert_int_eq(fbsd_ioctl(fd, B_DIOCGATTR, st), -1);
	ck_assert_int_eq(*fbsd___error(), B_ENOTCAPABLE);
	ck_assert_int_eq(fbsd_fcntl(fd, 4, 0), -1);
	ck_assert_ptr_null(m_get(fd, B_CAP_FTRUNCATE));
	/* one opened for reading */
	ck_assert_int_eq(fbsd_pread(ro, buf, 512, 0), 512);
	ck_assert_int_eq(fbsd_pwrite(ro, buf, 512, 0), -1);
	ck_assert_int_eq(*fbsd___error(), B_ENOTCAPABLE);
	/* what somebody left open, and the keyboard */
	ck_assert_int_eq(fbsd_ioctl(other, B_SIOCGIFMTU, st), -1);
	ck_assert_int_eq(*fbsd___error(), B_ENOTCAPABLE);
	ck_assert_int_eq(fbsd_read(0, buf, 1), -1);
	ck_assert_int_eq(*fbsd___error(), B_ENOTCAPABLE);
	ck_assert_int_eq(fbsd_write(2, "", 0), 0);
	/* and what the loop needs works on */
	ck_assert(!ready(n, 0) && !ready(n, 1) && !wakes(e));
	net_refresh(n);
}
END_TEST

static void
inherited(const void *arg)
{
	int fd = m_new(K_ASK);

	if (arg != NULL)
		m_arm(arg, 0, 0, B_ENOENT);
	drop_inherited();
	errx(1, "%d, core %d, in %zd", fbsd_close(fd), (int)m_world.core,
	    fbsd_read(STDIN_FILENO, &fd, 1));
}

START_TEST(from_before)
{
	leaves(inherited, NULL, "-1, core 0, in 0");
	leaves(inherited, "open", "/dev/null: No such file or directory");
}
END_TEST

static void
as_ghost(const void *arg)
{
	os_confine(arg);
}

static void
as_blade_without_root(const void *arg)
{
	m_world.uid = 7;
	os_confine(arg);
}

static void
half_root(const void *arg)
{
	m_arm("setresuid", 0, 0, B_EPERM);
	os_confine(arg);
}

static void
no_limits(const void *arg)
{
	m_arm(arg, 0, 0, B_EINVAL);
	os_confine(NULL);
}

START_TEST(users)
{
	leaves(as_ghost, "ghost", "-u ghost: no such user; see getent passwd");
	leaves(as_blade_without_root, "blade",
	    "-u blade: Operation not permitted; start as root");
	leaves(half_root, "blade", "-u blade: Operation not permitted");
	leaves(no_limits, "cap_rights_limit", "limiting descriptor 0: Invalid");
	leaves(no_limits, "cap_ioctls_limit", "limiting descriptor 1: Invalid");
	say_nothing();
	m_world.uid = 1001;
	ck_assert_str_eq(os_confine(_i == 0 ? NULL : "blade"),
	    "blade, capsicum");
}
END_TEST

START_TEST(less)
{
	say_nothing();
	switch (_i) {
	case 0:
		m_world.no_capsicum = true;
		ck_assert_str_eq(os_confine(NULL), "nobody");
		ck_assert_int_eq(m_world.uid, 65534);
		break;
	case 1:
		m_arm("setgroups", 0, 0, B_EPERM);
		ck_assert_str_eq(os_confine(NULL), "root, capsicum");
		break;
	case 2:
		m_arm("procctl", 0, 0, B_EPERM);
		ck_assert_str_eq(os_confine(NULL), "nobody, capsicum");
		break;
	case 3:
		m_arm("getpwnam", 0, 0, B_EIO);
		ck_assert_str_eq(os_confine(NULL), "nobody, capsicum");
		ck_assert_int_eq(m_world.gid, 65534);
		break;
	case 4:
		m_arm("sysctl", 0, 0, B_EPERM);
		ck_assert_str_eq(os_confine(NULL), "nobody, capsicum");
		break;
	case 5:
		m_world.uid = 4242;
		ck_assert_str_eq(os_confine(NULL),
		    "a user without a name, capsicum");
		break;
	case 6:
		m_new(K_ASK);
		m_arm("fstat", 0, 0, B_EIO);
		ck_assert_str_eq(os_confine(NULL), "nobody, capsicum");
		break;
	}
}
END_TEST

/* Who reads what we say may have stopped: a pipe polls as writable when 512
 * bytes fit, and we wait for no more. */
START_TEST(stopped_reader)
{
	static const char then[] = "x\nvblade: 2 more messages like the last "
	    "ones not shown\nvblade: three\nvblade: xxx";
	static char text[1000], said[4096];
	FILE *f = tmpfile();
	size_t len;

	ck_assert_ptr_nonnull(f);
	dup2(fileno(f), STDERR_FILENO);
	memset(text, 'x', sizeof(text) - 1);
	m_world.pipe = true;
	m_world.pipe_room = 700;
	log_event(LOG_ERR, "%s", text);
	log_event(LOG_ERR, "two");
	m_world.pipe_room = 65536;
	log_event(LOG_ERR, "three");
	log_event(LOG_WARNING, "%s", text);
	rewind(f);
	len = fread(said, 1, sizeof(said), f);
	ck_assert_uint_eq(len, 511 + sizeof(then) - 1 - 3 + 1000);
	ck_assert_mem_eq(said, "vblade: xxx", 11);
	ck_assert_mem_eq(said + 511, then, sizeof(then) - 1);
	fclose(f);
}
END_TEST

/*
 * Each call that the start makes fails once.
 */
static const struct {
	const char	*call;
	unsigned long	arg;
	unsigned	skip;
	const char	*why;		/* NULL: it goes on */
} starts[] = {
	{ "ioctl", B_BIOCSBLEN, 0, "/dev/bpf: buffer: " },
	{ "ioctl", B_BIOCGBLEN, 0, "/dev/bpf: buffer: " },
	{ "ioctl", B_BIOCIMMEDIATE, 0, "/dev/bpf: mode: " },
	{ "ioctl", B_BIOCSHDRCMPLT, 0, "/dev/bpf: mode: " },
	{ "ioctl", B_BIOCSDIRECTION, 0, "/dev/bpf: mode: " },
	{ "ioctl", B_BIOCSTSTAMP, 0, "/dev/bpf: mode: " },
	{ "ioctl", B_BIOCSETF, 0, "/dev/bpf: filter: " },
	{ "ioctl", B_BIOCSETF, 3, "/dev/bpf: filter: " },
	{ "ioctl", B_BIOCSETWF, 1, "/dev/bpf: filter: " },
	{ "ioctl", B_BIOCSETIF, 0, "em0: " },
	{ "ioctl", B_BIOCGDLT, 0, "em0: " },
	{ "ioctl", B_BIOCLOCK, 0, "/dev/bpf: lock: " },
	{ "ioctl", B_SIOCGIFCONF, 0, "em0: " },
	{ "ioctl", B_SIOCGIFMTU, 0, "em0: " },
	{ "ioctl", B_SIOCGIFFLAGS, 0, "em0: " },
	{ "ioctl", B_SIOCGIFMEDIA, 0, NULL },
	{ "ioctl", B_DIOCGMEDIASIZE, 0, "not a disk" },
	{ "ioctl", B_DIOCGSECTORSIZE, 0, "not a disk" },
	{ "ioctl", B_DIOCGSTRIPESIZE, 0, NULL },
	{ "ioctl", B_DIOCGATTR, 0, NULL },
	{ "kqueue", 0, 0, "kqueue: " },
	{ "kevent", 0, 0, "em0: " },
	{ "socket", 1, 0, "socket: " },
	{ "socket", 17, 0, "socket: " },
	{ "open", 0, 1, "/dev/bpf: " },
	{ "cap_rights_limit", 0, 0, "limiting descriptor " },
	{ "cap_ioctls_limit", 0, 0, "limiting descriptor " },
};

static const unsigned long later[] = {	/* and these while it runs */
	B_BIOCGETIF, B_BIOCGSTATS, B_DIOCGFLUSH, B_DIOCGDELETE,
	0x402c7413,			/* TIOCGETA, by stdio */
};

static void
start_all(const void *arg)
{
	static struct disk d;
	struct counters c;
	unsigned bufcnt = 64;

	if (arg != NULL) {
		unsigned i = *(const unsigned *)arg;

		m_arm(starts[i].call, starts[i].arg, starts[i].skip, B_EIO);
	}
	d.path = path;
	disk_open(&d, &c);
	net_open("em0", 1, 2, &bufcnt);
	if (arg == NULL)
		return;
	ck_assert(!m_armed());
	os_confine(NULL);
}

START_TEST(failing_start)
{
	static struct m_disk d;
	unsigned i = (unsigned)_i;

	store(&d);
	interfaces();
	if (starts[_i].why != NULL)
		leaves(start_all, &i, starts[_i].why);
	else
		start_all(&i);
}
END_TEST

/* No ioctl that is ever asked for is missing above. */
START_TEST(all_of_them)
{
	static struct m_disk d;
	struct counters c = { 0 };
	unsigned bufcnt = 64, i, k;
	struct net *n;
	int fd;

	store(&d);
	interfaces();
	start_all(NULL);
	fd = fbsd_open(path, 2);
	n = net_open("em1", 1, 2, &bufcnt);
	os_confine(NULL);
	os_flush(fd);
	os_trim(fd, true, 0, 512);
	net_refresh(n);
	net_stats(n, &c);
	m_if_del(&m_ifs[1]);
	net_refresh(n);
	m_if_add("em1", 1500, m_ifs[0].mac);
	net_refresh(n);
	ck_assert_uint_ge(m_world.seen_n, 20);
	for (i = 0; i < m_world.seen_n; i++) {
		for (k = 0; k < NELEM(starts); k++)
			if (starts[k].arg == m_world.seen[i])
				break;
		if (k < NELEM(starts))
			continue;
		for (k = 0; k < NELEM(later); k++)
			if (later[k] == m_world.seen[i])
				break;
		ck_assert_msg(k < NELEM(later), "ioctl 0x%lx never fails",
		    m_world.seen[i]);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("freebsd system");
	TCase *tc;

	tc = add_case(s, "devices");
	tcase_add_checked_fixture(tc, NULL, unstore);
	tcase_add_test(tc, size);
	tcase_add_test(tc, large_sectors);
	tcase_add_loop_test(tc, direct, 0, 2);
	tcase_add_test(tc, direct_file);
	tcase_add_test(tc, flush);
	tcase_add_test(tc, trim_device);
	tcase_add_test(tc, trim_file);
	tcase_add_test(tc, hostid);
	tc = add_case(s, "in flight");
	tcase_add_checked_fixture(tc, NULL, unstore);
	tcase_add_loop_test(tc, engine, 0, NWAYS);
	tcase_add_test(tc, engine_pieces);
	tcase_add_test(tc, engine_errors);
	tcase_add_test(tc, no_engine);
	tc = add_case(s, "confinement");
	tcase_add_checked_fixture(tc, NULL, unstore);
	tcase_add_loop_test(tc, confined, 0, 2);
	tcase_add_test(tc, from_before);
	tcase_add_loop_test(tc, users, 0, 2);
	tcase_add_loop_test(tc, less, 0, 7);
	tcase_add_test(tc, stopped_reader);
	tc = add_case(s, "start");
	tcase_add_checked_fixture(tc, NULL, unstore);
	tcase_add_loop_test(tc, failing_start, 0, NELEM(starts));
	tcase_add_test(tc, all_of_them);
	return run_suite(s);
}
