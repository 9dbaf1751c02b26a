/* SPDX-License-Identifier: GPL-2.0-only */
/* Wire layouts, the specification's constants, and the state of a blade. */

#include <sys/types.h>
#include <sys/uio.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "config.h"

/*
 * Layouts are made of bytes only: no padding, no alignment, no byte order in
 * a type.  AoE is big-endian, the LBA and everything of ATA little-endian.
 */
struct aoe_hdr {		/* AoEr11 2 */
	uint8_t	dst[6], src[6];
	uint8_t	type[2];
	uint8_t	ver_flags;
	uint8_t	error;
	uint8_t	shelf[2];	/* "major" */
	uint8_t	slot;		/* "minor" */
	uint8_t	cmd;
	uint8_t	tag[4];		/* the initiator's, returned untouched */
};

struct ata_regs {		/* AoEr11 3.1, the ATA registers */
	uint8_t	aflags;
	uint8_t	feature;	/* in a reply: error */
	uint8_t	count;
	uint8_t	cmd;		/* in a reply: status */
	uint8_t	lba[6];
	uint8_t	reserved[2];
};

struct aoe_cfg {		/* AoEr11 3.2, then the config string */
	uint8_t	bufcnt[2];
	uint8_t	firmware[2];
	uint8_t	nsec;
	uint8_t	ver_ccmd;
	uint8_t	len[2];
};

struct aoe_mask {		/* AoEr11 3.3, then the directives */
	uint8_t	reserved;
	uint8_t	mcmd;
	uint8_t	merror;
	uint8_t	ndir;
};

struct aoe_dir {
	uint8_t	reserved;
	uint8_t	dcmd;
	uint8_t	mac[6];
};

struct aoe_rsv {		/* AoEr11 3.4, then the addresses */
	uint8_t	rcmd;
	uint8_t	nmacs;
};

_Static_assert(sizeof(struct aoe_hdr) == 24, "AoE header is 24 bytes");
_Static_assert(sizeof(struct ata_regs) == 12, "ATA argument is 12 bytes");
_Static_assert(sizeof(struct aoe_cfg) == 8, "config argument is 8 bytes");
_Static_assert(sizeof(struct aoe_mask) == 4, "mask argument is 4 bytes");
_Static_assert(sizeof(struct aoe_dir) == 8, "mask directive is 8 bytes");
_Static_assert(sizeof(struct aoe_rsv) == 2, "reserve argument is 2 bytes");

enum {
	SECTOR		= 512,	/* bytes, always, whatever the store has */
	ETH_HDR		= 14,	/* Ethernet header: not counted by an MTU */
	ETH_FLOOR	= 60,	/* shortest frame, without its checksum */

	ETH_AOE		= 0x88a2,

	AOE_VER		= 0x10,	/* version 1, in the high nibble */
	AOE_R		= 0x08,	/* a response */
	AOE_E		= 0x04,	/* an error; the error byte holds */

	AOE_ALLSHELF	= 0xffff,
	AOE_ALLSLOT	= 0xff,

	AOE_ATA		= 0,	/* commands */
	AOE_CONFIG	= 1,
	AOE_MASK	= 2,
	AOE_RESERVE	= 3,

	AOE_BADCMD	= 1,	/* error codes, AoEr11 2.1 */
	AOE_BADARG	= 2,
	AOE_DEVICE	= 3,
	AOE_CFGSET	= 4,
	AOE_BADVER	= 5,
	AOE_RESERVED	= 6,

	AOE_MAXCFG	= 1024,	/* bytes of config string */
	AOE_MAXNSEC	= 255,	/* sectors per command: the field has 8 bits */

	AFLAG_E		= 0x40,	/* 48-bit command */
	AFLAG_W		= 0x01,	/* data flows to the device */

	CFG_READ	= 0,
	CFG_TEST	= 1,
	CFG_PREFIX	= 2,
	CFG_SET		= 3,
	CFG_FORCE	= 4,

	MASK_READ	= 0,
	MASK_EDIT	= 1,
	DIR_NONE	= 0,
	DIR_ADD		= 1,
	DIR_DEL		= 2,
	MERR_NONE	= 0,
	MERR_OTHER	= 1,
	MERR_DIR	= 2,
	MERR_FULL	= 3,

	RSV_READ	= 0,
	RSV_SET		= 1,
	RSV_FORCE	= 2,
};

enum {				/* ATA8-ACS, by the standard's names */
	ATA_ERR		= 0x01,	/* status */
	ATA_DF		= 0x20,
	ATA_DRDY	= 0x40,

	ATA_ABRT	= 0x04,	/* error */
	ATA_IDNF	= 0x10,
	ATA_UNC		= 0x40,

	ATA_DSM		= 0x06,	/* DATA SET MANAGEMENT */
	ATA_READ	= 0x20,
	ATA_READ_EXT	= 0x24,
	ATA_READ_DMA_EXT = 0x25,
	ATA_WRITE	= 0x30,
	ATA_WRITE_EXT	= 0x34,
	ATA_WRITE_DMA_EXT = 0x35,
	ATA_WRITE_FUA_EXT = 0x3d,
	ATA_VERIFY	= 0x40,
	ATA_VERIFY_EXT	= 0x42,
	ATA_READ_DMA	= 0xc8,
	ATA_WRITE_DMA	= 0xca,
	ATA_STANDBY_NOW	= 0xe0,	ATA_STANDBY_NOW_OLD	= 0x94,
	ATA_IDLE_NOW	= 0xe1,	ATA_IDLE_NOW_OLD	= 0x95,
	ATA_STANDBY	= 0xe2,	ATA_STANDBY_OLD		= 0x96,
	ATA_IDLE	= 0xe3,	ATA_IDLE_OLD		= 0x97,
	ATA_CHECK_POWER	= 0xe5,	ATA_CHECK_POWER_OLD	= 0x98,
	ATA_SLEEP	= 0xe6,	ATA_SLEEP_OLD		= 0x99,
	ATA_FLUSH	= 0xe7,
	ATA_FLUSH_EXT	= 0xea,
	ATA_IDENTIFY	= 0xec,
	ATA_SETFEAT	= 0xef,

	FEAT_WCACHE_ON	= 0x02,	/* SET FEATURES */
	FEAT_XFERMODE	= 0x03,
	FEAT_AHEAD_OFF	= 0x55,
	FEAT_KEEP	= 0x66,
	FEAT_WCACHE_OFF	= 0x82,
	FEAT_AHEAD_ON	= 0xaa,
	FEAT_REVERT	= 0xcc,

	DSM_TRIM	= 0x01,
};

#define LBA28_MAX	0x0fffffffULL	/* largest size that words 60-61 hold */
#define LBA48_MAX	0xffffffffffffULL

/* Where the payload of an ATA frame lies, and where a reply begins so that its
 * payload lies on a page: O_DIRECT reads go straight into the reply. */
#define PAYLOAD		(sizeof(struct aoe_hdr) + sizeof(struct ata_regs))
#define PAGE		4096
#define REPLY_OFFSET	(PAGE - PAYLOAD)
#define REPLY_BYTES	(PAGE + (AOE_MAXNSEC * SECTOR + PAGE - 1) / PAGE * PAGE)

static inline uint16_t
get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline void
put_be16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline uint64_t
get_le48(const uint8_t *p)
{
	return (uint64_t)p[5] << 40 | (uint64_t)p[4] << 32 |
	    (uint64_t)p[3] << 24 | (uint64_t)p[2] << 16 |
	    (uint64_t)p[1] << 8 | p[0];
}

static inline uint16_t
get_le16(const uint8_t *p)
{
	return (uint16_t)(p[1] << 8 | p[0]);
}

static inline void
put_le16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static inline void
put_le48(uint8_t *p, uint64_t v)
{
	put_le16(p, (unsigned)(v & 0xffff));
	put_le16(p + 2, (unsigned)(v >> 16 & 0xffff));
	put_le16(p + 4, (unsigned)(v >> 32 & 0xffff));
}

#define NS	INT64_C(1000000000)	/* nanoseconds of a second */
#define MS	INT64_C(1000000)	/* and of a millisecond */

static inline int64_t
clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NS + ts.tv_nsec;
}

/* Time that nobody sets. */
static inline int64_t
monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* What happened, since the start; SIGUSR1 prints it.  The name printed is
 * the field's. */
#define COUNTERS(X)							\
	X(frames)	/* received, meant for us or not */		\
	X(answered)	/* frames handed to the network */		\
	X(silent)	/* requests that the protocol leaves unanswered */ \
	X(masked)	/* of these: senders outside the mask list */	\
	X(not_ours)	/* other addresses, Ethernet types, our own */	\
	X(responses)	/* not asking */				\
	X(runts)	/* shorter than their headers */		\
	X(to_all)	/* for one target, but sent to all */		\
	X(unmatched)	/* asked for another config string */		\
	X(no_room)	/* no sector fits the link */			\
	X(busy)		/* the store hangs, and all buffers are with it */ \
	X(truncated)	/* frames larger than a receive slot */		\
	X(stale)	/* frames that waited longer than STALE_S */	\
	X(ring_lost)	/* frames that found no receive slot */		\
	X(send_lost)	/* replies that the network refused */		\
	X(reads)	/* ATA commands done */				\
	X(writes)							\
	X(flushes)							\
	X(trims)							\
	X(sectors_read)							\
	X(sectors_written)						\
	X(repeats)	/* what the same initiator just asked for */	\
	X(ata_errors)	/* ATA commands answered with ERR */		\
	X(ata_abrt)	/* of these: refused */				\
	X(ata_idnf)	/* beyond the end */				\
	X(ata_unc)	/* cannot be read */				\
	X(ata_df)	/* cannot be written */				\
	X(aoe_errors)	/* frames answered with E */			\
	X(aoe_badcmd)	/* of these, by their code */			\
	X(aoe_badarg)							\
	X(aoe_device)							\
	X(aoe_cfgset)							\
	X(aoe_badver)							\
	X(aoe_reserved)							\
	X(disk_errors)	/* failures of the store */			\
	X(syncs)	/* times that the store was made stable */	\
	X(adverts)	/* times that we announced ourselves */		\
	X(changes)	/* of config, masks, reserve, from the wire */	\
	X(unkept)	/* refused: the state file failed */		\
	X(throttled)	/* refused: too many of late for the file */	\
	X(clashes)	/* responses of another target for our address */

struct counters {
#define X(name)	uint64_t name;
	COUNTERS(X)
#undef X
};

/* How many of each size: bucket i holds what is at most 2^i and more than the
 * half of it, the last one also all that is larger. */
enum {
	BATCH_BUCKETS	= 7,		/* frames; MAX_BATCH is 2^6 */
	TIME_BUCKETS	= 24,		/* microseconds; 2^23 are 8.4 s */
	SEEN		= 4096,
};

/* The request that an initiator sent last, of those with the same hash. */
struct seen {
	uint32_t	key;
	uint32_t	when;		/* of its arrival, 2^20 ns */
};

enum timed { TIMED_READ, TIMED_WRITE, TIMED_OTHER, NTIMED };

/* What is counted by size, and what only counting needs. */
struct stats {
	uint64_t	batch[BATCH_BUCKETS];	/* frames taken at once */
	struct {		/* from a frame's arrival to its reply */
		uint64_t	us[TIME_BUCKETS];
		uint64_t	ns;	/* all of them */
	} time[NTIMED];
	unsigned	queued;		/* requests under way */
	unsigned	queued_max;
	struct seen	seen[SEEN];
};

/* An interface as it is now; the shim keeps it true. */
struct link {
	char		name[16];
	int		index;		/* the kernel's; 0: not there now */
	unsigned	mtu;		/* bytes, Ethernet header not counted */
	uint8_t		mac[6];
	bool		up;		/* administratively, and carrier */
	bool		news;		/* changed: an advert is due */
};

/* Whom to become. */
struct account {
	const char	*wanted;	/* by -u; NULL: nobody for root */
	bool		 stay;		/* we are that one */
	uid_t		 uid;
	gid_t		 gid;
	char		 name[33];	/* what is longer is cut off */
};

/* A frame on its way in or out. */
struct frame {
	uint8_t		*data;		/* from the Ethernet header on */
	size_t		 len;		/* bytes */
	struct link	*link;
	int64_t		 when_ns;	/* in: arrival, by net_clock */
};

enum op_kind { OP_READ, OP_WRITE, OP_VERIFY, OP_FLUSH, OP_TRIM };

/*
 * One operation on the exported sectors.  ata.c makes it after every check
 * of range and size, disk.c runs it.
 */
struct op {
	enum op_kind	 kind;
	uint64_t	 lba;		/* first sector, of the export */
	uint32_t	 nsec;		/* OP_TRIM: 512-byte blocks of ranges */
	uint8_t		*data;		/* from or to here; OP_VERIFY: all
					 * its steps, one over the other */
	uint8_t		*home;		/* room on a page, outlives the frame */
	bool		 fua;		/* stable storage before it is done */

	int		 error;		/* done: 0 or an errno */
	uint32_t	 done;		/* sectors so far; before the error */

	/* the queue's own */
	bool		 sync;		/* done only after a sync */
	bool		 running;
	bool		 stream;	/* adjoins the one that came before */
	bool		 alone;		/* joins no other in a call, */
	uint32_t	 step;		/* of at most so many sectors */
	struct op	*next, *prev;	/* on one of the queue's lists */
	struct op	*mate;		/* adjoining, run in one go */
};

struct op_list {
	struct op	*first, *last;
};

enum io_kind { IO_READ, IO_WRITE, IO_SYNC };

/* One call to the kernel that serves one operation or several adjoining
 * ones; see io_add. */
struct io {
	enum io_kind	 kind;
	int		 fd;
	uint64_t	 off;		/* bytes, in the store */
	size_t		 len;		/* bytes, all pieces */
	struct iovec	 iov[MAX_JOIN];
	int		 niov;
	ssize_t		 result;	/* bytes moved, or minus an errno */
	struct op	*first, **last;	/* whom it serves */
	bool		 stream;	/* as the first of them */
	struct io	*next;
};

/* A request from its frame to its reply. */
struct request {
	struct op	 op;
	struct link	*link;		/* it came in, so it goes out */
	uint8_t		*reply;		/* reply + PAYLOAD is on a page */
	size_t		 len;		/* bytes of reply; 0: silence */
	int64_t		 when_ns;	/* its arrival; see struct frame */
	bool		 timed;		/* op was run: how long did it take? */
	struct request	*next;
};

/* The store: a file or block device, and the window that is exported. */
struct disk {
	const char	*path;
	int		 fd;
	int		 cached_fd;	/* -d: not direct, for odd pieces */
	uint64_t	 first;		/* sectors before the window, -o */
	uint64_t	 length;	/* sectors, by -l; 0: the rest */
	uint64_t	 nsec;		/* sectors exported now */
	bool		 device;	/* a block device */
	bool		 readonly;	/* -r */
	bool		 direct;	/* -d */
	bool		 stable;	/* -s */
	bool		 wcache;	/* answers may come before stability */
	bool		 trims;		/* TRIM works here */
	bool		 trim_zeros;	/* and then surely reads as zeros */
	unsigned	 align;		/* -d: of offset, length, address */
	unsigned	 phys_shift;	/* log2 sectors per physical sector */

	struct io_engine *engine;	/* NULL: one after another */
	struct op_list	 queue;		/* to run and running, as they came */
	struct op_list	 unsynced;	/* run, the next sync is theirs */
	struct op_list	 syncing;	/* run, their sync is under way */
	struct op_list	 ready;		/* done, not yet taken */
	struct io	*forming;	/* the next of the queue may join */
	unsigned	 streams;	/* running in the engine */
	unsigned	 slow;		/* writes yet to go to the engine */
	unsigned	 written;	/* writes done here in this turn */
	int64_t		 idle_ns;	/* since then the engine brought
					 * nothing of what it has; 0: it did */
	unsigned	 changes;	/* on the queue, other than reads */
	enum op_kind	 last_kind;	/* of what came last, and where */
	uint64_t	 last_end;	/* it ended */
	struct io	*unused;
	struct io	 sync_io;
	bool		 sync_failed;	/* never reported clean again */
	struct counters	*count;
};

/* An Ethernet address, for printf. */
#define MAC_FMT		"%02x:%02x:%02x:%02x:%02x:%02x"
#define MAC_ARGS(m)	(m)[0], (m)[1], (m)[2], (m)[3], (m)[4], (m)[5]

/* The loopback interface's address, and nobody's. */
static inline bool
mac_zero(const uint8_t *mac)
{
	static const uint8_t zero[6];

	return memcmp(mac, zero, sizeof(zero)) == 0;
}

struct maclist {
	unsigned	n;
	uint8_t		mac[MAX_MACS][6];
};

/* What the command line says besides what goes into the target. */
struct args {
	const char	*netif;
	const char	*user;		/* -u, or NULL */
	const char	*state;		/* -c, or NULL */
	bool		 verbose;	/* -v */
};

/* The service manager; see notify.c. */
struct notify {
	int		 fd;		/* connected, or -1: nobody to tell */
	int64_t		 every_ns;	/* half its patience, 0: endless */
	int64_t		 next_ns;	/* by monotonic_ns */
	bool		 unheard;	/* that we serve: again, then */
};

struct target {
	uint16_t	shelf;
	uint8_t		slot;
	uint16_t	bufcnt;		/* advertised */
	char		serial[20 + 1];
	struct disk	disk;
	uint16_t	nconfig;
	uint8_t		config[AOE_MAXCFG];
	struct maclist	masks;		/* empty: everyone may talk */
	struct maclist	reserve;	/* empty: everyone may do ATA */
	bool		keep;		/* -k: none of these is changed */
	bool		shared;		/* -a: others have our address, too */
	int64_t		clash_ns;	/* last told of another; 0: never */
	struct counters	count;
	struct stats	stats;
};

/* What a state file keeps of a target. */
struct kept {
	uint16_t	nconfig;
	uint8_t		config[AOE_MAXCFG];
	struct maclist	masks;
	struct maclist	reserve;
};

/* The state file: two copies, written in turn, so that one is always whole. */
struct state {
	const char	*path;		/* NULL: none */
	int		 fd;
	unsigned	 copy;		/* the one in force, 0 or 1 */
	uint64_t	 generation;	/* of it; counts the changes */
	struct kept	 now;		/* what it says */
	bool		 litter;	/* the other one is not whole */
	int64_t		 paid_ns;	/* when the changes made are paid for */
	int64_t		 told_ns;	/* that there were too many; 0: never */
	char		 text[STATE_COPY];	/* to read and write it */
};
