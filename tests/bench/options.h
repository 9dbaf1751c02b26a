/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line of a load. */

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	MAX_WINDOW	= 1024,
	MAX_SECTORS	= 255,
	CLASSES		= 2,
};

/* Sectors that one class of requests falls on. */
struct area {
	uint64_t	first, n;	/* sectors */
	uint64_t	blocks;		/* whole requests that fit */
	uint64_t	next;		/* sequential, or number of draws */
	bool		once;		/* no block twice until all were used */
};

struct options {
	const char	*netif;
	unsigned	 shelf, slot;
	unsigned	 window;
	unsigned	 sectors;	/* per request */
	unsigned	 writes;	/* per cent */
	unsigned	 second;	/* per cent that go to area[1] */
	bool		 sequential;
	bool		 check;		/* sectors carry their number */
	bool		 sleeps;	/* wait in poll, do not spin */
	int		 cpu;
	long		 pid;		/* the target's, 0: not known */
	uint64_t	 warm_ns, run_ns;
	uint64_t	 count;		/* requests; 0: run_ns decides */
	uint64_t	 rto_ns;	/* 0: as measured */
	uint64_t	 seed;
	struct area	 area[CLASSES];
};

static inline void
usage(void)
{
	fprintf(stderr,
	    "usage: load [-oPqv] [-c cpu] [-g warm_seconds] [-n count | "
	    "-t seconds]\n"
	    "            [-p pid] [-r first:sectors] [-R seed] [-s sectors]\n"
	    "            [-T resend_ms] [-u percent:first:sectors] "
	    "[-w write_percent]\n"
	    "            [-W window] shelf slot netif\n");
	exit(2);
}

static inline uint64_t
number(const char *s, int opt, uint64_t min, uint64_t max)
{
	char *end;
	uint64_t v;

	errno = 0;
	v = strtoull(s, &end, 10);
	if (errno || end == s || *end || *s == '-' || v < min || v > max)
		errx(2, "-%c %s: not a number from %" PRIu64 " to %" PRIu64,
		    opt, s, min, max);
	return v;
}

static inline uint64_t
seconds(const char *s, int opt)
{
	char *end;
	double v = strtod(s, &end);

	if (end == s || *end || v < 0 || v > 86400)
		errx(2, "-%c %s: not a number of seconds", opt, s);
	return (uint64_t)(v * 1e9);
}

static inline void
set_area(struct area *a, const char *s, int opt)
{
	if (sscanf(s, "%" SCNu64 ":%" SCNu64, &a->first, &a->n) != 2 ||
	    a->n == 0)
		errx(2, "-%c %s: not FIRST:SECTORS", opt, s);
}

static inline void
set_second(struct options *o, const char *s)
{
	const char *rest = strchr(s, ':');

	if (sscanf(s, "%u:", &o->second) != 1 || rest == NULL ||
	    o->second > 100)
		errx(2, "-u %s: not PERCENT:FIRST:SECTORS", s);
	set_area(&o->area[1], rest + 1, 'u');
	o->area[1].once = true;
}

static inline void
set_option(struct options *o, int c, const char *arg)
{
	switch (c) {
	case 'P': o->sleeps = true; break;
	case 'q': o->sequential = true; break;
	case 'v': o->check = true; break;
	case 'o': o->area[0].once = true; break;
	case 'c': o->cpu = (int)number(arg, c, 0, 1023); break;
	case 'g': o->warm_ns = seconds(arg, c); break;
	case 'n': o->count = number(arg, c, 1, UINT64_MAX); break;
	case 'p': o->pid = (long)number(arg, c, 1, INT32_MAX); break;
	case 'r': set_area(&o->area[0], arg, c); break;
	case 'R': o->seed = number(arg, c, 0, UINT64_MAX); break;
	case 's': o->sectors = (unsigned)number(arg, c, 1, MAX_SECTORS); break;
	case 't': o->run_ns = seconds(arg, c); break;
	case 'T': o->rto_ns = number(arg, c, 1, 100000) * MS; break;
	case 'u': set_second(o, arg); break;
	case 'w': o->writes = (unsigned)number(arg, c, 0, 100); break;
	case 'W': o->window = (unsigned)number(arg, c, 1, MAX_WINDOW); break;
	default: usage();
	}
}

static inline void
set_options(struct options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "c:g:n:op:Pqr:R:s:t:T:u:vw:W:")) != -1)
		set_option(o, c, optarg);
	if (argc - optind != 3)
		usage();
	o->shelf = (unsigned)number(argv[optind], ' ', 0, 65534);
	o->slot = (unsigned)number(argv[optind + 1], ' ', 0, 254);
	o->netif = argv[optind + 2];
}
