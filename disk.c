/* SPDX-License-Identifier: GPL-2.0-only */
/* The store: opened, checked, locked; operations on its sectors. */

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

#ifndef ENODATA			/* POSIX leaves it to the system */
#define ENODATA	EIO
#endif

static const char *const kind_names[] = {
	[OP_READ] = "read",
	[OP_WRITE] = "write",
	[OP_VERIFY] = "verify",
	[OP_FLUSH] = "flush",
	[OP_TRIM] = "trim",
};

/*
 * Opening.
 */
static void
check_kind(struct disk *d)
{
	struct stat st;

	if (stat(d->path, &st) == -1)
		err(1, "%s", d->path);
	if (S_ISDIR(st.st_mode))
		errx(1, "%s: is a directory; name a file or a block device",
		    d->path);
	d->device = S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode);
	if (!S_ISREG(st.st_mode) && !d->device)
		errx(1, "%s: neither a regular file nor a block device",
		    d->path);
}

void
disk_lock(int fd, const char *path, short type, const char *advice)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET };

	if (fcntl(fd, F_SETLK, &l) == 0)
		return;
	if (errno != EACCES && errno != EAGAIN)
		err(1, "%s: cannot be locked", path);
	l.l_pid = 0;
	if (fcntl(fd, F_GETLK, &l) == -1 || l.l_pid <= 0)
		errx(1, "%s: in use by another vblade; %s", path, advice);
	errx(1, "%s: in use by process %ld (another vblade?); %s", path,
	    (long)l.l_pid, advice);
}

static int
store_bytes(const struct disk *d, uint64_t *bytes, unsigned *logical,
    unsigned *physical)
{
	struct stat st;

	if (d->device)
		return os_devsize(d->fd, bytes, logical, physical);
	if (fstat(d->fd, &st) == -1)
		return -1;
	*bytes = (uint64_t)st.st_size;
	*logical = SECTOR;
	*physical = (unsigned)st.st_blksize;
	return 0;
}

/* Sectors to export of a store of that many, as far as an LBA reaches; 0 when
 * none is left. */
static uint64_t
window(const struct disk *d, uint64_t total)
{
	uint64_t n = total > d->first ? total - d->first : 0;

	if (n > LBA48_MAX + 1)
		n = LBA48_MAX + 1;
	return d->length > 0 && d->length < n ? d->length : n;
}

/* -o and -l have to lie in a store of that size, and leave something. */
static void
check_window(const struct disk *d, uint64_t bytes)
{
	const uint64_t total = bytes / SECTOR;

	if (total == 0)
		errx(1, "%s: %" PRIu64 " bytes: smaller than a sector of "
		    "%d bytes; make it larger", d->path, bytes, SECTOR);
	if (d->first >= total)
		errx(1, "-o %" PRIu64 ": %s has %" PRIu64 " sectors; "
		    "give a smaller offset", d->first, d->path, total);
	if (d->length > total - d->first)
		errx(1, "-l %" PRIu64 ": %s has %" PRIu64 " sectors after "
		    "offset %" PRIu64 "; give a smaller length", d->length,
		    d->path, total - d->first, d->first);
}

/* Does a direct read of one sector to any sector's address work here?
 * Kernels differ in how they tell, so we ask by doing it. */
static bool
takes_sectors(const struct disk *d)
{
	static uint8_t area[2 * PAGE];
	uint8_t *at = area + PAGE - (uintptr_t)area % PAGE + SECTOR;

	return pread(d->fd, at, SECTOR, (off_t)(d->first * SECTOR)) == SECTOR;
}

static void
go_direct(struct disk *d, unsigned logical)
{
	int flags = fcntl(d->fd, F_GETFL);
	struct stat st;

	d->cached_fd = open(d->path,
	    (d->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (d->cached_fd == -1)
		err(1, "%s", d->path);
	/* a character device, as FreeBSD's are, has no cache to go past, and
	 * need not know the flag */
	if (flags == -1 || (fcntl(d->fd, F_SETFL, flags | O_DIRECT) == -1 &&
	    (fstat(d->fd, &st) == -1 || !S_ISCHR(st.st_mode))))
		errx(1, "%s: -d: %s; leave -d out, or use a file system that "
		    "has direct I/O", d->path, strerror(errno));
	d->align = SECTOR;
	if (!takes_sectors(d))
		d->align = logical > PAGE ? logical : PAGE;
}

void
disk_open(struct disk *d, struct counters *count)
{
	uint64_t bytes;
	unsigned logical, physical;
	int trim;

	d->count = count;
	d->cached_fd = -1;
	check_kind(d);
	/* should the name become a FIFO's just now, do not wait for it */
	d->fd = open(d->path,
	    (d->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);
	if (d->fd == -1 && (errno == EACCES || errno == EROFS ||
	    errno == EPERM) && !d->readonly)
		errx(1, "%s: %s; export it read-only with -r, or change its "
		    "permissions", d->path, strerror(errno));
	if (d->fd == -1)
		err(1, "%s", d->path);
	fcntl(d->fd, F_SETFL, fcntl(d->fd, F_GETFL) & ~O_NONBLOCK);
	/* one writer, or any number of readers */
	disk_lock(d->fd, d->path, d->readonly ? F_RDLCK : F_WRLCK,
	    "stop that one, or export it with -r from both");
	os_noatime(d->fd);

	if (store_bytes(d, &bytes, &logical, &physical) == -1)
		errx(1, "%s: not a disk (%s); name a file or a block device",
		    d->path, strerror(errno));
	check_window(d, bytes);
	d->nsec = window(d, bytes / SECTOR);
	while (d->phys_shift < 15 &&
	    (uint64_t)SECTOR << (d->phys_shift + 1) <= physical)
		d->phys_shift++;

	if (d->direct)
		go_direct(d, logical);
	d->wcache = !d->stable;
	if (!d->readonly) {
		trim = os_cantrim(d->fd, d->device, bytes);
		d->trims = trim > 0;
		d->trim_zeros = trim == 2;
	}
}

int
disk_resize(struct disk *d)
{
	uint64_t bytes, nsec;
	unsigned logical, physical;

	if (store_bytes(d, &bytes, &logical, &physical) == -1)
		return -1;
	nsec = window(d, bytes / SECTOR);
	if (nsec == d->nsec)
		return 0;
	d->nsec = nsec;
	return 1;
}

int
disk_close(struct disk *d)
{
	int error = 0;

	if (d->sync_failed)
		error = EIO;		/* told when it happened */
	else if (!d->readonly && os_flush(d->fd) == -1)
		error = errno;
	if (d->cached_fd != -1)
		close(d->cached_fd);
	close(d->fd);
	errno = error;
	return error == 0 ? 0 : -1;
}

bool
disk_gone(int error)
{
	return error == ENXIO || error == ENODEV;
}

/*
 * Running.
 */

void
disk_complain(struct disk *d, const struct op *op)
{
	d->count->disk_errors++;
	log_event(LOG_ERR, "%s: %s at sector %" PRIu64 ", %u sectors: %s",
	    d->path, kind_names[op->kind], op->lba + op->done, op->nsec,
	    strerror(op->error));
}

/*
 * Read or write all of it.  Returns how many bytes came before the first
 * failure, which errno then names; the file's end is one (ENODATA).
 */
static size_t
move_bytes(int fd, bool write, uint8_t *data, size_t len, uint64_t off)
{
	size_t n = 0;
	ssize_t r;

	while (n < len) {
		r = write ? pwrite(fd, data + n, len - n, (off_t)(off + n)) :
		    pread(fd, data + n, len - n, (off_t)(off + n));
		if (r == -1 && errno == EINTR)
			continue;
		if (r == 0)
			errno = ENODATA;
		if (r <= 0)
			break;
		n += (size_t)r;
	}
	return n;
}

/* What the device's alignment does not allow goes through the page cache;
 * the kernel keeps both views of the file the same. */
int
disk_fd(const struct disk *d, const void *data, uint64_t off, size_t len,
    bool *odd)
{
	*odd = d->direct && (off | len | (uintptr_t)data) % d->align != 0;
	return *odd ? d->cached_fd : d->fd;
}

/* Returns bytes moved before the first failure. */
static size_t
run_piece(struct disk *d, struct op *op, uint32_t skip, uint32_t nsec)
{
	uint64_t off = (d->first + op->lba + skip) * SECTOR;
	uint8_t *data = op->data + (size_t)skip * SECTOR;
	size_t len = (size_t)nsec * SECTOR;
	bool odd;
	int fd = disk_fd(d, data, off, len, &odd);

	op->sync |= odd && op->kind == OP_WRITE;
	return move_bytes(fd, op->kind == OP_WRITE, data, len, off);
}

static void
run_sectors(struct disk *d, struct op *op)
{
	size_t n = run_piece(d, op, 0, op->nsec);

	op->done = (uint32_t)(n / SECTOR);
	if (op->done == op->nsec)
		return;
	op->error = errno;
	if (op->kind == OP_WRITE)
		return;
	/* one bad sector fails a whole read: find out which it was */
	for (; op->done < op->nsec; op->done++)
		if (run_piece(d, op, op->done, 1) < SECTOR) {
			op->error = errno;
			return;
		}
	op->error = 0;		/* it went this time */
}

static void
run_verify(struct disk *d, struct op *op)
{
	struct op part = { .kind = OP_READ, .data = op->data };
	uint32_t left;

	for (; op->done < op->nsec; op->done += part.nsec) {
		left = op->nsec - op->done;
		part.lba = op->lba + op->done;
		part.nsec = left < VERIFY_STEP ? left : VERIFY_STEP;
		part.done = 0;
		run_sectors(d, &part);
		if (part.error != 0) {
			op->error = part.error;
			op->done += part.done;
			return;
		}
	}
}

static void
run_trim(struct disk *d, struct op *op)
{
	size_t i, n = (size_t)op->nsec * SECTOR;
	uint64_t lba, nsec;

	for (i = 0; i < n; i += 8) {
		lba = get_le48(op->data + i);
		nsec = get_le16(op->data + i + 6);
		if (nsec > 0 && os_trim(d->fd, d->device,
		    (d->first + lba) * SECTOR, nsec * SECTOR) == -1) {
			op->error = errno;
			return;
		}
	}
}

void
disk_do(struct disk *d, struct op *op)
{
	op->error = 0;
	op->done = 0;
	op->sync = op->fua || op->kind == OP_FLUSH;
	switch (op->kind) {
	case OP_READ:
	case OP_WRITE:
		run_sectors(d, op);
		break;
	case OP_VERIFY:
		run_verify(d, op);
		break;
	case OP_TRIM:
		run_trim(d, op);
		break;
	case OP_FLUSH:
		break;
	}
}

/*
 * After a failed sync the kernel may have dropped what it could not write and
 * call the next one a success: so the store is never called clean again,
 * until somebody has looked at it and started us anew.
 */
void
disk_synced(struct disk *d, int error)
{
	d->count->syncs++;
	if (error == 0 || d->sync_failed)
		return;
	d->sync_failed = true;
	log_event(LOG_CRIT,
	    "%s: sync: %s; writes that were answered may be lost: check "
	    "the device, then restart", d->path, strerror(error));
}
