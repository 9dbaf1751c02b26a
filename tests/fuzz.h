/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the fuzzers share: how they say that something is wrong, random
 * numbers, and a main for when libFuzzer brings none:
 *
 *	fuzz_NAME FILE|DIRECTORY...	run these inputs
 *	fuzz_NAME -r N [-s SEED]	N frames, made up
 */

#include <dirent.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define CHECK(what)	do {						\
	if (!(what))							\
		broken(#what, __LINE__);				\
} while (0)

/* Provided by each fuzzer; does not return. */
static _Noreturn void	broken(const char *what, int line);

#ifndef LIBFUZZER

static unsigned long answered;		/* frames, by the fuzzer's count */
static uint64_t seed = 1;

static void	run_random(unsigned long frames);

static unsigned
random_below(unsigned n)
{
	seed = seed * 6364136223846793005U + 1442695040888963407U;
	return (unsigned)(seed >> 33) % n;
}

static void
run_file(const char *path)
{
	static uint8_t in[1 << 20];
	FILE *fp = fopen(path, "rb");
	size_t n;

	if (fp == NULL)
		err(1, "%s", path);
	n = fread(in, 1, sizeof(in), fp);
	if (ferror(fp))
		err(1, "%s", path);
	fclose(fp);
	LLVMFuzzerTestOneInput(in, n);
}

/* Returns how many. */
static int
run_path(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	char name[4096];
	int n = 0;

	if (dir == NULL) {
		run_file(path);
		return 1;
	}
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		run_file(name);
		n++;
	}
	closedir(dir);
	return n;
}

int
main(int argc, char **argv)
{
	unsigned long n = 0;
	int c, inputs = 0;

	while ((c = getopt(argc, argv, "r:s:")) != -1)
		switch (c) {
		case 'r':
			n = strtoul(optarg, NULL, 0);
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		default:
			fprintf(stderr, "usage: %s [-r frames] [-s seed] "
			    "[input...]\n", argv[0]);
			return 1;
		}
	for (; optind < argc; optind++)
		inputs += run_path(argv[optind]);
	if (inputs > 0)
		printf("%d inputs, %lu frames answered\n", inputs, answered);
	if (n > 0)
		run_random(n);
	return 0;
}

#else
static unsigned long answered;
#endif
