/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A blade's whole life, over and over: main.c's loop over the real aoe.c,
 * ata.c, queue.c, disk.c, state.c and clash.c, in a world that is made of
 * choices, beside a model that knows what every answer, the store and the
 * state file have to be.  The input is the choices: what arrives by which
 * link from whom, what completes when and with which outcome, when the
 * process is killed or the power goes.
 *
 *	fuzz_state FILE|DIRECTORY...	run these inputs
 *	fuzz_state -r N [-s SEED]	lives of N frames together
 */

#undef _FORTIFY_SOURCE		/* its inline functions would go around us */

int	vblade_main(int, char **);
#define main	vblade_main
/* NOLINTNEXTLINE(bugprone-suspicious-include): its loop is what runs here */
#include "main.c"
#undef main

#include "world.h"
#include "senders.h"
#include "judge.h"
#include "turns.h"
#include "lives.h"

enum { LIVES = 12 };

static void
make_files(void)
{
	int fd;

	snprintf(dir, sizeof(dir), "/dev/shm/fuzz_state.XXXXXX");
	if (mkdtemp(dir) == NULL) {
		snprintf(dir, sizeof(dir), "/tmp/fuzz_state.XXXXXX");
		if (mkdtemp(dir) == NULL)
			err(1, "%s", dir);
	}
	snprintf(store_path, sizeof(store_path), "%s/store", dir);
	snprintf(state_path, sizeof(state_path), "%s/state", dir);
	fd = open(store_path, O_RDWR | O_CREAT, 0600);
	if (fd == -1)
		err(1, "%s", store_path);
	close(fd);
	atexit(clean_up);
	make_requests(&b);
	requests = b.unused - (MAX_REQUESTS - 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t size)
{
	static sigset_t waiting;
	static unsigned lives;

	if (requests == NULL)
		make_files();
	new_world(in, size);
	w.live = true;
	for (lives = 0; lives < LIVES; lives++) {
		if (setjmp(w.power) == 0) {
			start_blade();
			tell_news(&b);
			serve(&b, &waiting);
			stop();
		} else
			crash();
		if (over())
			break;
	}
	w.live = false;
	answered = count.answers;
	return 0;
}

#ifndef LIBFUZZER

static void
run_random(unsigned long n)
{
	static uint8_t in[16384];
	size_t i, len;

	while (count.frames < n) {
		life_seed = seed;
		len = 256 + random_below(random_below(sizeof(in) - 256) + 1);
		for (i = 0; i < len; i++)
			in[i] = (uint8_t)random_below(256);
		LLVMFuzzerTestOneInput(in, len);
	}
#define SHOW(name)	printf(" " #name " %lu", count.name)
	printf("%lu frames, %lu answered:", count.frames, count.answers);
	SHOW(silent);
	SHOW(errors);
	SHOW(ata);
	SHOW(reads);
	SHOW(writes);
	SHOW(flushes);
	SHOW(trims);
	SHOW(config);
	SHOW(masks);
	SHOW(reserve);
	SHOW(changes);
	SHOW(unkept);
	SHOW(throttled);
	SHOW(adverts);
	SHOW(kills);
	SHOW(cuts);
	SHOW(starts);
	SHOW(stops);
	SHOW(dropped);
	SHOW(resizes);
	printf("\n");
}

#endif
