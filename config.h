/* SPDX-License-Identifier: GPL-2.0-only */
/* Version and tunables: each with its unit and the reason for its value. */

#define VERSION		"26"
#define FIRMWARE	0x401a		/* config reply: 0x4000 + release */
#define MODEL		"vblade ATA over Ethernet disk"

/* Messages that a target queues, as config replies tell it; see -b.  Linux
 * uses at most 64 of them per path, Plan 9 128; below 2 Linux sends nothing. */
#define DEF_BUFS	64
#define MIN_BUFS	2
#define MAX_BUFS	65535		/* the field has 16 bits */

/* Frames taken from the network in one turn, and requests in flight. */
#define MAX_BATCH	64
#define MAX_REQUESTS	256

/* Of these so many are kept for what needs no disk.  When the others are all
 * with a store that did nothing for STUCK_S, more requests for it are dropped
 * rather than left to wait in front of the rest. */
#define SPARE_REQUESTS	8
#define STUCK_S		1

/* A write that the page cache takes is done at once.  When that took longer
 * than this, it had to wait for the store: the next SLOW_WRITES go to the
 * engine, which waits beside us. */
#define SLOW_NS		1000000
#define SLOW_EACH_NS	20000		/* and for every write of the batch */
#define SLOW_WRITES	64

/* So it does as well when nothing under way came to its end for so long. */
#define HANG_NS		100000000

/* Several initiators may each use the whole buffer count: the receive ring
 * holds RING_SHARE times as many frames while that fits RING_BYTES. */
#define RING_SHARE	8
#define RING_BYTES	(4 << 20)
#define RING_LIMIT	(256 << 20)	/* and never more than this */
#define RING_RETRY_MS	500		/* when there was no memory for it */

/* Adjoining requests that one call to the kernel serves. */
#define MAX_JOIN	64

/* Sectors that READ VERIFY reads at once: a reply has room for them. */
#define VERIFY_STEP	128

#define MAX_NETIFS	8		/* interfaces that one blade serves */
#define MAX_MACS	255		/* entries of a mask or reserve list */

/* Frames that waited longer are dropped: their senders asked again since. */
#define STALE_S		4

/* An initiator with one request at a time waits for us as long as we for it:
 * if it came back within this time, look out so long before sleeping. */
#define SPIN_NS		40000
#define SPIN_REGRET	16		/* after a vain look, so many sleeps */

/* Bytes of one copy in a state file: the longest text there is fits, and no
 * disk has larger sectors than this is a multiple of. */
#define STATE_COPY	20480

/* With a state file a change from the network is a sync that all wait for, 25
 * ms on a disk that turns: so many at once, as a script makes that sets up a
 * blade and lists hosts one by one, and then so many a second, 10 % of the
 * time at worst.  That there were more is told so often. */
#define KEEP_BURST	32
#define KEEP_PER_S	4
#define KEEP_LOG_S	60

/* Who else has our address answers within so many milliseconds, or did not
 * hear it: ask so often.  Later ones are told of so often. */
#define PROBE_MS	50
#define PROBE_TRIES	3
#define CLASH_LOG_S	60

/* Bytes of the longest line of counters: each has at most 20 digits. */
#define STATS_LINE	4000

/* The same request from the same initiator within so many seconds counts as
 * a repetition: initiators ask again after milliseconds to seconds. */
#define REPEAT_S	2

/* A config query or a change of a link looks at the store's size again, but
 * not sooner than so many milliseconds after the last look. */
#define LOOK_MS		100

#define SEND_PAUSE_MS	20		/* wait for a full transmit queue */
#define SEND_TRIES	8		/* and so often, then lose the reply */

/* Lines a second of one severity, and bytes of a line, with its end: on Linux
 * no more than a pipe takes at once. */
#define LOG_PER_SEC	4
#define LOG_LINE	4096
