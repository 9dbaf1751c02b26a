/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A store that fails when it is told to: a file system with two files.
 *
 *	faultfs SECTORS MOUNTPOINT [FUSE OPTION...]
 *
 * "disk" has that many sectors of 512 bytes.  What is written there is durable
 * after an fsync and may be lost before.  "ctl" takes commands, one per write:
 *
 *	read|write|fsync ERRNO [COUNT [FIRST END]]
 *			the next COUNT (0: all) calls that touch the sectors
 *			FIRST up to but not END fail with that error
 *	heal		no more errors
 *	hang FIRST END	calls that touch these sectors wait
 *	go		and go on
 *	slow MS		every read and write takes that long
 *	off		a power cut: from now on nothing is done, and all fails
 *	on [SEED]	power again: of what was not durable each sector is
 *			there or, as it were before, is not
 *
 * Reading "ctl" gives "reads=N writes=N fsyncs=N waiting=N lost=N".
 */

#define FUSE_USE_VERSION 31

#include <err.h>
#include <errno.h>
#include <fuse.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECTOR = 512 };

enum call { READ, WRITE, FSYNC, NCALLS };

static const char *const names[NCALLS] = { "read", "write", "fsync" };

struct fault {
	int		error;		/* errno; 0: none */
	unsigned	left;		/* calls; 0: no end */
	uint64_t	first, end;	/* sectors */
};

static struct {
	pthread_mutex_t	lock;
	pthread_cond_t	go;
	uint64_t	nsec;
	uint8_t		*now, *durable;
	bool		*dirty;		/* per sector: now is not durable */
	bool		off;
	struct fault	fault[NCALLS];
	uint64_t	hang_first, hang_end;
	unsigned	waiting;
	unsigned	slow_ms;
	uint64_t	calls[NCALLS], lost;
} disk = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.go = PTHREAD_COND_INITIALIZER,
};

static bool
touches(uint64_t first, uint64_t end, uint64_t a, uint64_t b)
{
	return first < b && a < end;
}

/* What happens to a call on these sectors: waits, and returns 0 or -errno.
 * Called and returns with the lock held. */
static int
fate(enum call call, uint64_t first, uint64_t end)
{
	struct fault *f = &disk.fault[call];
	int error = f->error;

	disk.calls[call]++;
	disk.waiting++;
	while (!disk.off && touches(first, end, disk.hang_first,
	    disk.hang_end))
		pthread_cond_wait(&disk.go, &disk.lock);
	disk.waiting--;
	if (disk.slow_ms > 0 && call != FSYNC) {
		pthread_mutex_unlock(&disk.lock);
		usleep(disk.slow_ms * 1000);
		pthread_mutex_lock(&disk.lock);
	}
	if (disk.off)
		return -EIO;
	if (error == 0 || !touches(first, end, f->first, f->end))
		return 0;
	if (f->left > 0 && --f->left == 0)
		f->error = 0;
	return -error;
}

static bool
is_disk(const char *path)
{
	return strcmp(path, "/disk") == 0;
}

static bool
is_ctl(const char *path)
{
	return strcmp(path, "/ctl") == 0;
}

/*
 * Commands.
 */
static void
power_off(void)
{
	disk.off = true;
	pthread_cond_broadcast(&disk.go);
}

static void
power_on(unsigned seed)
{
	uint64_t i;

	srandom(seed);
	for (i = 0; i < disk.nsec; i++) {
		if (!disk.dirty[i])
			continue;
		disk.dirty[i] = false;
		if ((random() >> 8 & 1) == 0) {
			memcpy(disk.durable + i * SECTOR,
			    disk.now + i * SECTOR, SECTOR);
		} else {
			memcpy(disk.now + i * SECTOR,
			    disk.durable + i * SECTOR, SECTOR);
			disk.lost++;
		}
	}
	disk.off = false;
}

static int
command(const char *line)
{
	struct fault f = { .end = UINT64_MAX };
	char word[8];
	unsigned seed = 1;
	int i;

	if (sscanf(line, "%7s", word) != 1)
		return -EINVAL;
	for (i = 0; i < NCALLS; i++)
		if (strcmp(word, names[i]) == 0) {
			if (sscanf(line, "%*s %d %u %" SCNu64 " %" SCNu64,
			    &f.error, &f.left, &f.first, &f.end) < 1)
				return -EINVAL;
			disk.fault[i] = f;
			return 0;
		}
	if (strcmp(word, "heal") == 0) {
		memset(disk.fault, 0, sizeof(disk.fault));
	} else if (strcmp(word, "hang") == 0) {
		if (sscanf(line, "%*s %" SCNu64 " %" SCNu64,
		    &disk.hang_first, &disk.hang_end) != 2)
			return -EINVAL;
	} else if (strcmp(word, "go") == 0) {
		disk.hang_first = disk.hang_end = 0;
		pthread_cond_broadcast(&disk.go);
	} else if (strcmp(word, "slow") == 0) {
		if (sscanf(line, "%*s %u", &disk.slow_ms) != 1)
			return -EINVAL;
	} else if (strcmp(word, "off") == 0) {
		power_off();
	} else if (strcmp(word, "on") == 0) {
		sscanf(line, "%*s %u", &seed);
		power_on(seed);
	} else {
		return -EINVAL;
	}
	return 0;
}

/*
 * The file system.
 */
static int
fs_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	(void)fi;
	memset(st, 0, sizeof(*st));
	if (strcmp(path, "/") == 0) {
		st->st_mode = S_IFDIR | 0755;
		st->st_nlink = 2;
		return 0;
	}
	if (!is_disk(path) && !is_ctl(path))
		return -ENOENT;
	st->st_mode = S_IFREG | 0644;
	st->st_nlink = 1;
	st->st_blksize = 4096;
	if (is_disk(path))
		st->st_size = (off_t)(disk.nsec * SECTOR);
	return 0;
}

static int
fs_readdir(const char *path, void *buf, fuse_fill_dir_t fill, off_t off,
    struct fuse_file_info *fi, enum fuse_readdir_flags flags)
{
	(void)path;
	(void)off;
	(void)fi;
	(void)flags;
	fill(buf, "disk", NULL, 0, 0);
	fill(buf, "ctl", NULL, 0, 0);
	return 0;
}

static int
fs_open(const char *path, struct fuse_file_info *fi)
{
	if (!is_disk(path) && !is_ctl(path))
		return -ENOENT;
	fi->direct_io = 1;	/* the kernel keeps nothing of it */
	return 0;
}

static int
fs_truncate(const char *path, off_t size, struct fuse_file_info *fi)
{
	(void)size;
	(void)fi;
	return is_ctl(path) ? 0 : -EPERM;
}

static int
fs_read(const char *path, char *buf, size_t len, off_t off,
    struct fuse_file_info *fi)
{
	uint64_t at = (uint64_t)off, bytes = disk.nsec * SECTOR;
	char text[160];
	int r;

	(void)fi;
	pthread_mutex_lock(&disk.lock);
	if (is_ctl(path)) {
		r = snprintf(text, sizeof(text), "reads=%" PRIu64 " writes=%"
		    PRIu64 " fsyncs=%" PRIu64 " waiting=%u lost=%" PRIu64 "\n",
		    disk.calls[READ], disk.calls[WRITE], disk.calls[FSYNC],
		    disk.waiting, disk.lost);
		r = at >= (uint64_t)r ? 0 : r - (int)at;
		r = (size_t)r > len ? (int)len : r;
		memcpy(buf, text + at, (size_t)r);
	} else if (at >= bytes) {
		r = 0;
	} else {
		if (len > bytes - at)
			len = bytes - at;
		r = fate(READ, at / SECTOR, (at + len + SECTOR - 1) / SECTOR);
		if (r == 0) {
			memcpy(buf, disk.now + at, len);
			r = (int)len;
		}
	}
	pthread_mutex_unlock(&disk.lock);
	return r;
}

static int
fs_write(const char *path, const char *buf, size_t len, off_t off,
    struct fuse_file_info *fi)
{
	uint64_t at = (uint64_t)off, i, first, end;
	char line[80] = "";
	int r;

	(void)fi;
	pthread_mutex_lock(&disk.lock);
	if (is_ctl(path)) {
		memcpy(line, buf, len < sizeof(line) ? len : sizeof(line) - 1);
		r = command(line);
	} else if (at >= disk.nsec * SECTOR || len > disk.nsec * SECTOR - at) {
		r = -ENOSPC;
	} else {
		first = at / SECTOR;
		end = (at + len + SECTOR - 1) / SECTOR;
		r = fate(WRITE, first, end);
		if (r == 0) {
			memcpy(disk.now + at, buf, len);
			for (i = first; i < end; i++)
				disk.dirty[i] = true;
		}
	}
	pthread_mutex_unlock(&disk.lock);
	return r < 0 ? r : (int)len;
}

static int
fs_fsync(const char *path, int datasync, struct fuse_file_info *fi)
{
	uint64_t i;
	int r;

	(void)datasync;
	(void)fi;
	if (is_ctl(path))
		return 0;
	pthread_mutex_lock(&disk.lock);
	r = fate(FSYNC, 0, disk.nsec);
	for (i = 0; r == 0 && i < disk.nsec; i++)
		if (disk.dirty[i]) {
			memcpy(disk.durable + i * SECTOR,
			    disk.now + i * SECTOR, SECTOR);
			disk.dirty[i] = false;
		}
	pthread_mutex_unlock(&disk.lock);
	return r;
}

/* As many at once as a disk's queue would take. */
static void *
fs_init(struct fuse_conn_info *conn, struct fuse_config *config)
{
	(void)config;
	conn->max_background = 4096;
	conn->congestion_threshold = 4096;
	return NULL;
}

static const struct fuse_operations operations = {
	.init = fs_init,
	.getattr = fs_getattr,
	.readdir = fs_readdir,
	.open = fs_open,
	.truncate = fs_truncate,
	.read = fs_read,
	.write = fs_write,
	.fsync = fs_fsync,
};

int
main(int argc, char **argv)
{
	if (argc < 3)
		errx(1, "usage: faultfs sectors mountpoint [fuse option ...]");
	disk.nsec = strtoull(argv[1], NULL, 10);
	disk.now = calloc(disk.nsec, SECTOR);
	disk.durable = calloc(disk.nsec, SECTOR);
	disk.dirty = calloc(disk.nsec, sizeof(*disk.dirty));
	if (disk.nsec == 0 || disk.now == NULL || disk.durable == NULL ||
	    disk.dirty == NULL)
		errx(1, "%s sectors: memory", argv[1]);
	argv[1] = argv[0];
	return fuse_main(argc - 1, argv + 1, &operations, NULL);
}
