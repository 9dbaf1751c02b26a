/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file that the bench exports, and its place in the page cache:
 *
 *	store make FILE MIB		write it, each sector with its number
 *	store sync FILE			until nothing of it is dirty
 *	store drop FILE			and nothing of it is in memory
 *	store warm FILE FIRST SECTORS	read this part, and no more, into memory
 *	store resident FILE		tell how many pages of it are in memory
 */

#define _GNU_SOURCE 1

#include <sys/mman.h>
#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	SECTOR	= 512,
	MIB	= 1 << 20,
	TRIES	= 50,			/* to drop pages, 20 ms each */
};

static uint8_t buf[MIB];

static int
open_store(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

static void
sync_store(int fd, const char *path)
{
	if (fsync(fd) < 0)
		err(1, "%s", path);
}

/* Random bytes, so that nothing below can take them for holes or pack them;
 * the first eight bytes of each sector are its number, little-endian. */
static void
make(const char *path, uint64_t mib)
{
	uint64_t x = 88172645463325252ULL, lba = 0;
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		err(1, "%s", path);
	for (size_t i = 0; i < sizeof(buf); i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		buf[i] = (uint8_t)(x >> 24);
	}
	for (uint64_t m = 0; m < mib; m++) {
		for (size_t i = 0; i < sizeof(buf); i += SECTOR, lba++)
			for (unsigned k = 0; k < 8; k++)
				buf[i + k] = (uint8_t)(lba >> 8 * k);
		if (write(fd, buf, sizeof(buf)) != (ssize_t)sizeof(buf))
			err(1, "%s", path);
	}
	sync_store(fd, path);
	close(fd);
}

static uint64_t
resident(int fd, const char *path)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), pages;
	struct stat st;
	uint64_t n = 0;
	uint8_t *vec;
	void *map;

	if (fstat(fd, &st) < 0)
		err(1, "%s", path);
	pages = ((size_t)st.st_size + page - 1) / page;
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED || (vec = malloc(pages)) == NULL)
		err(1, "%s", path);
	if (mincore(map, (size_t)st.st_size, vec) < 0)
		err(1, "%s", path);
	for (size_t i = 0; i < pages; i++)
		n += vec[i] & 1;
	free(vec);
	munmap(map, (size_t)st.st_size);
	return n;
}

/* Pages that are still on their way to the disk cannot go at once. */
static void
drop(int fd, const char *path)
{
	uint64_t left = 0;

	for (int i = 0; i < TRIES; i++) {
		sync_store(fd, path);
		errno = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		if (errno)
			err(1, "%s", path);
		if ((left = resident(fd, path)) == 0)
			return;
		usleep(20000);
	}
	errx(1, "%s: %" PRIu64 " pages do not leave the page cache", path,
	    left);
}

static void
warm(int fd, const char *path, uint64_t first, uint64_t sectors)
{
	off_t at = (off_t)(first * SECTOR);
	off_t end = at + (off_t)(sectors * SECTOR);
	ssize_t n;

	/* No reading ahead, beyond the end. */
	posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
	while (at < end) {
		n = pread(fd, buf, end - at < MIB ? (size_t)(end - at) : MIB,
		    at);
		if (n <= 0)
			err(1, "%s", path);
		at += n;
	}
}

static uint64_t
number(const char *s)
{
	char *end;
	uint64_t v = strtoull(s, &end, 10);

	if (end == s || *end)
		errx(2, "%s: not a number", s);
	return v;
}

int
main(int argc, char **argv)
{
	const char *verb = argc > 2 ? argv[1] : "";
	const char *path = argc > 2 ? argv[2] : "";

	if (argc == 4 && strcmp(verb, "make") == 0)
		make(path, number(argv[3]));
	else if (argc == 3 && strcmp(verb, "sync") == 0)
		sync_store(open_store(path), path);
	else if (argc == 3 && strcmp(verb, "drop") == 0)
		drop(open_store(path), path);
	else if (argc == 5 && strcmp(verb, "warm") == 0)
		warm(open_store(path), path, number(argv[3]), number(argv[4]));
	else if (argc == 3 && strcmp(verb, "resident") == 0)
		printf("%" PRIu64 "\n", resident(open_store(path), path));
	else
		errx(2, "usage: store make FILE MIB | sync FILE | drop FILE | "
		    "warm FILE FIRST SECTORS | resident FILE");
	return 0;
}
