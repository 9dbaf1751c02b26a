/* SPDX-License-Identifier: GPL-2.0-only */
/* Time, and what processors did meanwhile. */

#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MS = 1000000 };		/* nanoseconds */
#define SEC	1000000000ULL

/* Processor time: the target's, all threads; everybody's; and ours. */
struct cpu {
	uint64_t	sched_ns, stat_ns;
	uint64_t	all_ns, own_ns;
	bool		known;
};

static inline uint64_t
time_ns(clockid_t which)
{
	struct timespec ts;

	clock_gettime(which, &ts);
	return (uint64_t)ts.tv_sec * SEC + (uint64_t)ts.tv_nsec;
}

static inline uint64_t
clock_ns(void)
{
	return time_ns(CLOCK_MONOTONIC);
}

static inline uint64_t
thread_ns(const char *dir, const char *tid)
{
	char path[400];
	uint64_t ns = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/schedstat", dir, tid);
	if ((f = fopen(path, "r")) == NULL)
		return 0;
	if (fscanf(f, "%" SCNu64, &ns) != 1)
		ns = 0;
	fclose(f);
	return ns;
}

static inline uint64_t
sched_ns(long pid)
{
	char dir[64];
	struct dirent *e;
	uint64_t ns = 0;
	DIR *d;

	snprintf(dir, sizeof(dir), "/proc/%ld/task", pid);
	if ((d = opendir(dir)) == NULL)
		return 0;
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			ns += thread_ns(dir, e->d_name);
	closedir(d);
	return ns;
}

/* utime + stime: fields 14 and 15, after a name that may hold anything. */
static inline bool
stat_ns(long pid, uint64_t *ns)
{
	char path[64], line[1024], *p;
	uint64_t u, s;
	bool ok = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	if ((f = fopen(path, "r")) == NULL)
		return false;
	if (fgets(line, sizeof(line), f) && (p = strrchr(line, ')')) != NULL &&
	    sscanf(p, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u "
	    "%" SCNu64 " %" SCNu64, &u, &s) == 2) {
		*ns = (u + s) * (SEC / (uint64_t)sysconf(_SC_CLK_TCK));
		ok = true;
	}
	fclose(f);
	return ok;
}

/* What all processors did but idle: user, nice, system, irq, softirq, steal
 * of /proc/stat's first line. */
static inline uint64_t
all_ns(void)
{
	uint64_t v[8] = { 0 };
	FILE *f = fopen("/proc/stat", "r");

	if (f == NULL)
		return 0;
	if (fscanf(f, "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
	    " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &v[0], &v[1],
	    &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) != 8)
		memset(v, 0, sizeof(v));
	fclose(f);
	return (v[0] + v[1] + v[2] + v[5] + v[6] + v[7]) *
	    (SEC / (uint64_t)sysconf(_SC_CLK_TCK));
}

static inline void
cpu_now(long pid, struct cpu *c)
{
	memset(c, 0, sizeof(*c));
	c->all_ns = all_ns();
	c->own_ns = time_ns(CLOCK_PROCESS_CPUTIME_ID);
	if (pid == 0)
		return;
	c->known = stat_ns(pid, &c->stat_ns);
	c->sched_ns = sched_ns(pid);
}

/*
 * schedstat counts nanoseconds but forgets threads that ended; stat counts
 * ticks and forgets nothing.  Take the first unless the second objects.
 */
static inline uint64_t
cpu_spent(const struct cpu *a, const struct cpu *b, const char **source)
{
	uint64_t fine = b->sched_ns - a->sched_ns;
	uint64_t coarse = b->stat_ns - a->stat_ns;

	*source = "schedstat";
	if (b->sched_ns > a->sched_ns && coarse < fine + 30 * MS)
		return fine;
	*source = "stat";
	return coarse;
}

/* Processors that others kept busy meanwhile: what disturbed us. */
static inline double
others(const struct cpu *a, const struct cpu *b, uint64_t target, uint64_t ns)
{
	double all = (double)(b->all_ns - a->all_ns);
	double own = (double)(b->own_ns - a->own_ns);
	double rest = (all - own - (double)target) / (double)ns;

	return rest > 0 ? rest : 0;
}
