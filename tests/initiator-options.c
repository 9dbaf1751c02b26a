/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line of a load. */

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "initiator-load.h"

static void
parse_range(const char *what, char *s, uint64_t *first, uint64_t *n)
{
	char *comma = strchr(s, ',');

	if (comma == NULL)
		errx(EX_LOCAL, "%s wants FIRST,SECTORS", what);
	*comma = '\0';
	*first = number(what, s, UINT64_MAX);
	*n = number(what, comma + 1, 1 << 28);
}

/* Us first, then those who write at the same time. */
static void
parse_writers(char *s)
{
	char *id;

	ld.strict = 1;
	ld.nwriters = W_SELF;
	for (id = strtok(s, ","); id != NULL; id = strtok(NULL, ",")) {
		if (ld.nwriters == WRITERS)
			errx(EX_LOCAL, "-y takes %d writers", WRITERS - W_SELF);
		ld.writer[ld.nwriters] = number("-y", id, UINT32_MAX);
		if (ld.writer[ld.nwriters++] == 0)
			errx(EX_LOCAL, "-y: 0 is not a writer");
	}
	if (ld.nwriters == W_SELF)
		errx(EX_LOCAL, "-y wants WRITER[,WRITER...]");
}

/* Without -y, no two loads may pass for one another. */
static void
new_writer(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ld.writer[W_SELF] = mix((uint64_t)ts.tv_sec << 32 ^
	    (uint64_t)ts.tv_nsec << 8 ^ (uint64_t)getpid()) >> 32 | 1U << 31;
	ld.nwriters = W_SELF + 1;
}

void
load_options(int argc, char **argv)
{
	int64_t seconds = 10;
	int ch;

	ld.seed = (uint64_t)time(NULL) ^ (uint64_t)getpid() << 32;
	new_writer();
	optind = 1;
	while ((ch = getopt(argc, argv, "+OfF:G:m:N:o:r:R:s:T:w:y:Y:")) != -1)
		switch (ch) {
		case 'O':
			ld.overlap = 1;
			break;
		case 'f':
			ld.follow = 1;
			break;
		case 'F':
			ld.flushes = number("-F", optarg, 100);
			break;
		case 'G':
			ld.giveup = 1000 * number("-G", optarg, 1 << 30);
			break;
		case 'm':
			ld.maxsec = number("-m", optarg, 255);
			break;
		case 'N':
			ld.limit = number("-N", optarg, UINT64_MAX);
			break;
		case 'o':
			ld.journal = fopen(optarg, "w");
			if (ld.journal == NULL)
				err(EX_LOCAL, "%s", optarg);
			break;
		case 'r':
			ld.reads = number("-r", optarg, 100);
			break;
		case 'R':
			parse_range("-R", optarg, &ld.first, &ld.range);
			break;
		case 's':
			ld.seed = number("-s", optarg, UINT64_MAX);
			break;
		case 'T':
			seconds = number("-T", optarg, 1 << 30);
			break;
		case 'w':
			ld.window = number("-w", optarg, WINDOW_MAX);
			break;
		case 'y':
			parse_writers(optarg);
			break;
		case 'Y':
			parse_range("-Y", optarg, &ld.shared, &ld.nshared);
			break;
		default:
			exit(EX_LOCAL);
		}
	if (argc - optind != 1 || ld.window < 1)
		errx(EX_LOCAL, "load wants one address and a window >= 1");
	ld.rng = ld.seed;
	ld.end = seconds * 1000000;
}
