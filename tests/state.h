/* SPDX-License-Identifier: GPL-2.0-only */
/* For the unit tests of the state file: a blade that has one, and what it keeps
 * in it. */

#include "faults.h"
#include "unit.h"

static struct blade b;
static struct state s;
static char path[80];

/* A blade e1.2 with a store of its own and a state file of that content. */
static inline void
setup(const void *content, size_t len)
{
	int fd;

	memset(&fault, 0, sizeof(fault));
	blade_file(&b, 4096);
	blade_open(&b);
	snprintf(path, sizeof(path), "%s/state.XXXXXX", scratch);
	fd = mkstemp(path);
	ck_assert(fd != -1 && write(fd, content, len) == (ssize_t)len);
	close(fd);
	fault_clear_log();
}

static inline void
forget(struct target *t)
{
	t->nconfig = 0;
	memset(t->config, 0, sizeof(t->config));
	memset(&t->masks, 0, sizeof(t->masks));
	memset(&t->reserve, 0, sizeof(t->reserve));
}

/* As after a restart. */
static inline void
start(void)
{
	forget(&b.t);
	memset(&s, 0, sizeof(s));
	s.path = path;
	state_open(&s, &b.t);
}

static inline void
stop(void)
{
	close(s.fd);
}

static inline void
look_at_file(uint8_t *to)
{
	int fd = open(path, O_RDONLY);

	ck_assert(fd != -1 && read(fd, to, 2 * STATE_COPY) == 2 * STATE_COPY);
	close(fd);
}

/* A state that a number stands for: 0 is the empty one. */
static inline void
set(struct target *t, unsigned n)
{
	unsigned i;

	forget(t);
	t->nconfig = (uint16_t)(n * 37 % (AOE_MAXCFG + 1));
	for (i = 0; i < t->nconfig; i++)
		t->config[i] = (uint8_t)(n + i * 7);
	t->masks.n = n * 3 % (MAX_MACS + 1);
	t->reserve.n = n * 5 % (MAX_MACS + 1);
	for (i = 0; i < MAX_MACS; i++) {
		put_be16(t->masks.mac[i] + 4, (i < t->masks.n) * (n + i));
		put_be16(t->reserve.mac[i], (i < t->reserve.n) * (n + 2 * i));
	}
}

static inline bool
is(const struct target *t, unsigned n)
{
	static struct target want;

	set(&want, n);
	return t->nconfig == want.nconfig &&
	    memcmp(t->config, want.config, t->nconfig) == 0 &&
	    t->masks.n == want.masks.n && t->reserve.n == want.reserve.n &&
	    memcmp(t->masks.mac, want.masks.mac, 6 * want.masks.n) == 0 &&
	    memcmp(t->reserve.mac, want.reserve.mac, 6 * want.reserve.n) == 0;
}

static inline void
keep(unsigned n)
{
	set(&b.t, n);
	ck_assert_int_eq(state_keep(&s, &b.t), 0);
	ck_assert(is(&b.t, n));
}
