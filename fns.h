/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every function that one room offers to another, with its contract.
 * Calls go one way: main -> args, main -> aoe -> ata, main -> queue -> disk,
 * and the system's files (linux*.c, freebsd*.c) below main, queue and disk.
 */

struct bpf_op;
struct net;
struct pollfd;
struct timespec;

/* ---- log.c: what the operator is told ---- */

enum log_level {		/* syslog's severities */
	LOG_CRIT = 2,
	LOG_ERR,
	LOG_WARNING,
	LOG_NOTICE,
	LOG_INFO,
	LOG_DEBUG,
};

/*
 * Find out from VBLADE_LOG ("prefix"), or else from JOURNAL_STREAM, whether
 * each line on standard error begins with its severity as <N>, rather than
 * with our name; those of err(3), with <3> and our name.  The first call of
 * all.
 */
void		log_open(void);

/*
 * Tell of one event, in a line of at most LOG_LINE bytes; what follows is cut
 * off, and control characters become "?".  Of each severity LOG_PER_SEC lines
 * a second are told, and of the others their number, before the next one that
 * is.  Never waits: what standard error does not take at once counts as one
 * of those.  errno stays as it is.
 */
void		log_event(enum log_level, const char *fmt, ...)
		    __attribute__((format(printf, 2, 3)));

/* The same for what was asked for: it is not counted against any limit.  How
 * many events of any severity were not told comes before it. */
void		log_answer(const char *fmt, ...)
		    __attribute__((format(printf, 1, 2)));

/* ---- events.c: -v ---- */

/*
 * The request f gets the reply r, and perhaps has changed the target: tell of
 * discovery, and of config string, mask list and reservation when they change
 * or that is refused; of nothing else.
 */
void		events_tell(const struct target *, const struct frame *f,
		    const struct request *r, bool changed);

/* ---- args.c: the command line ---- */

/*
 * Fill in the target's address, mask list and buffer count, its disk's path,
 * window and modes, and the rest into args, which starts as zeros.  Leaves
 * the process with a message when something is wrong with an argument, and
 * after -h and -V.
 */
void		args_parse(struct target *, struct args *, int argc,
		    char **argv);

/* ---- aoe.c: frames; knows no socket and makes no system call ---- */

enum verdict {
	AOE_SILENCE,		/* nothing to send */
	AOE_ANSWER,		/* r->reply holds r->len bytes to send */
	AOE_DISK,		/* r->op is to be run, then aoe_finish */
	AOE_CHANGED,		/* as AOE_ANSWER, but the reply tells of a
				 * change to config string, masks or reserve,
				 * made in *t: send it when that is kept, or
				 * put it right again and call aoe_unkept */
	AOE_RIVAL,		/* nothing to send; aoe_rival says yes */
};

/*
 * Take one frame as it was received, of any length and content, through the
 * checks in the protocol's order: addressing, mask, version, command, length,
 * broadcast, reservation, arguments (AoEr11 2 and 3).  r->reply has room for
 * REPLY_BYTES - REPLY_OFFSET; r->op.data of a write points into the frame.
 */
enum verdict	aoe_request(struct target *, const struct frame *,
		    struct request *r);

/*
 * r->op has been run: put its outcome into the reply.  r->len > 0 after it.
 */
void		aoe_finish(struct target *, struct request *r);

/*
 * The change that r tells of has come to nothing: make an AoE error of its
 * reply.  "Device unavailable", as nothing is wrong with the request.
 */
void		aoe_unkept(struct target *, struct request *r);

/*
 * Is this a config response for our shelf.slot, sent to one of us or to all?
 * Whether it is from an address of our own remains to be asked.
 */
bool		aoe_rival(const struct target *, const struct frame *);

/*
 * Make a config query to whoever else may have our shelf.slot, broadcast on
 * the Ethernet, in frame, which has room for 60 bytes.  Returns 60.
 */
size_t		aoe_query(const struct target *, const struct link *,
		    const uint8_t tag[static 4], uint8_t *frame);

/*
 * Make the unsolicited config response (AoEr11 3.2) that tells a link we are
 * here; dst is the Ethernet destination, NULL: everyone.  reply has as much
 * room as that of aoe_request.  Returns its bytes, at least 60.
 */
size_t		aoe_advert(const struct target *, const struct link *,
		    const uint8_t *dst, uint8_t *reply);

/* Sectors per command that an interface's MTU (bytes) allows, 0 to 255, as
 * the Linux driver counts them; 0 means that no sector fits. */
unsigned	aoe_maxnsec(unsigned mtu);

/* The list operations are shared with -m and -c.  mac_add answers -1 when all
 * max places (at most MAX_MACS) are taken, else 0; a MAC that is there already
 * counts as added.  The same list has the same addresses in the same order. */
bool		mac_has(const struct maclist *, const uint8_t mac[static 6]);
int		mac_add(struct maclist *, const uint8_t mac[static 6],
		    unsigned max);
void		mac_del(struct maclist *, const uint8_t mac[static 6]);
bool		mac_same(const struct maclist *, const struct maclist *);

/* ---- ata.c: ATA commands; knows no frame and makes no system call ---- */

enum ata_next {
	ATA_DONE,		/* regs and out hold the answer */
	ATA_TODISK,		/* run op, then ata_end */
	ATA_BADARG,		/* the arguments contradict each other */
	ATA_SILENT,		/* no sector fits the link */
};

/* What an ATA command arrives with, and where its answer goes. */
struct ata_call {
	struct ata_regs	*regs;		/* in: the command; out: the outcome */
	const uint8_t	*in;		/* data from the initiator */
	size_t		 nin;		/* bytes that really arrived */
	uint8_t		*out;		/* room for maxnsec sectors */
	size_t		 nout;		/* bytes put there */
	unsigned	 maxnsec;	/* sectors that a reply can carry */
	unsigned	 offered;	/* and that we advertise */
	struct op	*op;
};

/*
 * Check one command (ATA8-ACS, by its opcode; AoEr11 3.1 for the flags) and
 * answer it, or turn it into an operation whose range, size and direction
 * are right.  Nothing is done to the store.
 */
enum ata_next	ata_begin(struct target *, struct ata_call *);

/*
 * Turn the outcome of op into registers.  Returns how many bytes of read data
 * go with the reply: 512 per sector on success, 0 on failure.
 */
size_t		ata_end(struct target *, struct ata_regs *, const struct op *);

/* Fill in the 512 bytes of IDENTIFY DEVICE; offered as above. */
void		ata_identify(const struct target *, unsigned offered,
		    uint8_t out[static SECTOR]);

/* ---- disk.c: operations on the store ---- */

/*
 * Open, check and lock the file or device at d->path, as d->readonly,
 * d->direct, d->stable, d->first and d->length ask; leaves the process with
 * a message when it cannot be exported.
 */
void		disk_open(struct disk *, struct counters *);

/*
 * Lock all of fd against other processes, until the last descriptor that we
 * have of that file is closed: any.  type is F_WRLCK or F_RDLCK.  Leaves the
 * process with a message that names path, who has it where that can be told,
 * and the advice.
 */
void		disk_lock(int fd, const char *path, short type,
		    const char *advice);

/* Look at the store's size again.  Returns 1 when the number of exported
 * sectors changed, 0 when not, -1 with errno when it cannot be told. */
int		disk_resize(struct disk *);

/*
 * Run one operation to its end, here and now: op->error, op->done, and
 * op->sync if it is done only when the store has been made stable.
 */
void		disk_do(struct disk *, struct op *);

/*
 * The descriptor to use for len bytes at off, from or to data: with -d not
 * every piece can go directly.  *odd tells that this one cannot, and that a
 * write of it wants a sync.
 */
int		disk_fd(const struct disk *, const void *data, uint64_t off,
		    size_t len, bool *odd);

/* Count op->error and tell the operator, but not of every one in a flood. */
void		disk_complain(struct disk *, const struct op *);

/* A sync came to this end (0 or an errno): count it, tell of the first that
 * failed, and from then on d->sync_failed. */
void		disk_synced(struct disk *, int error);

/* Does this errno (or 0) say that the store will not come back by itself? */
bool		disk_gone(int error);

/* Make everything stable and close.  Returns 0, or -1 with errno; -1 always
 * after a sync that failed. */
int		disk_close(struct disk *);

/* ---- queue.c: which operation runs when ---- */

/* Make room for max operations under way; in flight at once, if the kernel can
 * do that and VBLADE_IO=sync is not in the environment.  Leaves the process
 * with a message when there is no memory. */
void		queue_open(struct disk *, unsigned max);

/* Hand over an operation: kind, lba, nsec, data, home and fua, home with room
 * for its data.  It runs in some later queue_run, after all that came before
 * it and share a sector with it. */
void		queue_add(struct disk *, struct op *);

/*
 * Get on with what was handed over.  Data of a write may lie in a received
 * frame until this returns.  A FLUSH waits for the writes before it; it, and
 * every write that has to be stable, is done only when a sync that began
 * later says so; one sync serves all that wait for it.
 */
void		queue_run(struct disk *);

/* The next operation that is done, with op->error and op->done, or NULL. */
struct op	*queue_done(struct disk *);

/* Is anything under way? */
bool		queue_busy(const struct disk *);

/* Readable when queue_run has something to do again; -1: nothing to wait
 * for.  Ask anew before each wait. */
int		queue_pollfd(const struct disk *);

/* ---- bpf.c: the receive filter ---- */

struct bpf_op {			/* one classic BPF instruction */
	uint16_t	code;
	uint8_t		jt, jf;
	uint32_t	k;
};

enum { BPF_AOE_OPS = 18 };

/*
 * Fill in the program that accepts AoE requests for shelf.slot or for all,
 * config responses for exactly shelf.slot, and nothing else.  Every acceptance
 * jumps to the last instruction, which returns more than any frame's length: a
 * kernel with more to check puts its own instructions in that one's place.
 */
void		bpf_aoe(struct bpf_op prog[static BPF_AOE_OPS],
		    unsigned shelf, unsigned slot);

/* ---- notify.c: what the service manager is told ---- */

/*
 * Connect to NOTIFY_SOCKET (sd_notify(3): a path, or @ and a name) and take
 * WATCHDOG_USEC (microseconds) and WATCHDOG_PID from the environment; before
 * os_confine.  Without them, or with a warning when they are of no use, the
 * functions below do nothing.  None of them blocks, and what does not arrive
 * is not sent again, but for READY when the manager had no room.
 */
void		notify_open(struct notify *);

/* We serve; so we do again, after notify_reloading.  With a few counters. */
void		notify_ready(struct notify *, const struct target *);
void		notify_reloading(const struct notify *);

/* Only the counters; and that we are about to end. */
void		notify_status(const struct notify *, const struct target *);
void		notify_stopping(const struct notify *);

/* Is it time to tell that the loop turns (never, without a watchdog), or once
 * more that we serve?  Then do, with the counters. */
bool		notify_due(const struct notify *);
void		notify_alive(struct notify *, const struct target *);

/* How long the loop may sleep until then: fills in ts and returns it, or NULL
 * for as long as it likes. */
struct timespec	*notify_timeout(const struct notify *, struct timespec *ts);

/* ---- stats.c: counting, and telling it ---- */

/* So many frames came in at once, at least one; as many requests are under
 * way now. */
void		stats_batch(struct stats *, unsigned frames, unsigned queued);

/* r->op came in a frame from src, and is to be run: is it a repetition?  Its
 * time will be taken. */
void		stats_request(struct target *, struct request *r,
		    const uint8_t src[static 6]);

/* The reply to r has left; now by net_clock. */
void		stats_reply(struct stats *, const struct request *r,
		    int64_t now_ns);

/* An error is answered: of AoE with that code, of ATA with these registers. */
void		stats_aoe_error(struct counters *, int code);
void		stats_ata_error(struct counters *, const struct ata_regs *);

/*
 * Write everything as name=value words, separated by spaces, into the max
 * bytes of line.  STATS_LINE bytes hold any.  Returns the length.
 */
size_t		stats_print(const struct target *, char *line, size_t max);

/* ---- state.c: what survives a restart, -c ---- */

/*
 * Open and lock the state file st->path for the blade *t, which has its
 * address, its disk open, and the mask list of -m.  What the file keeps goes
 * into *t; where -m gave a mask list, that goes into the file.  A file that
 * is not there, or empty, is created.  When this returns, all that it gave is
 * on stable storage.  Leaves the process with a message when the file cannot
 * be used, is another blade's, or has no whole copy left.
 * Without a path nothing is done, here or later.
 */
void		state_open(struct state *, struct target *);

/*
 * Make config string, mask list and reserve list of *t durable.  Returns 0
 * when they are, in the file, on stable storage.  Returns -1 when not, or when
 * there were too many changes of late, KEEP_BURST at once and KEEP_PER_S after
 * that: then *t has again what it had before the change, and the operator was
 * told.
 */
int		state_keep(struct state *, struct target *);

/* ---- clash.c: another target under our address ---- */

/*
 * Ask the links that are up, and wait PROBE_MS for an answer, PROBE_TRIES
 * times; leaves the process with a message when there is one.  Requests that
 * come in meanwhile are lost.  With no link up it does not wait.
 */
void		clash_look(struct target *, struct net *);

/* Ask one link; what answers comes in as AOE_RIVAL. */
void		clash_ask(struct target *, struct net *, struct link *);

/* aoe_request said AOE_RIVAL: count it and tell the operator, now and then,
 * unless it is our own. */
void		clash_tell(struct target *, struct net *,
		    const struct frame *);

/* ---- links.c: interfaces, what every system's files do with them ---- */

/*
 * Take apart the comma-separated list netif: its names go into links, which
 * start as zeros.  Returns how many, at least 1.  Leaves the process with a
 * message when one cannot be a name, or there are too many; lister is the
 * command that shows an operator the interfaces.
 */
int		links_parse(struct link links[static MAX_NETIFS],
		    const char *netif, const char *lister);

/*
 * The first look at a link ended with error, an errno or 0: leaves the process
 * with a message when it cannot be served (EPROTOTYPE: no Ethernet), or its MTU
 * is too small.  An advert is due on it.
 */
void		links_begin(struct link *, int error, const char *lister);

/* The link is like now; an advert is due (news) if the other end should know:
 * another interface, address or MTU, or up again. */
void		links_update(struct link *, const struct link *now);

/* The largest MTU of n links, bytes. */
unsigned	links_mtu(const struct link *, int n);

/* The next message of what fd, which does not block, tells of links: into buf,
 * at most size bytes.  Returns how many, 0: no more.  When the kernel had to
 * drop some, *lost becomes true: look, then, rather than believe. */
size_t		links_hear(int fd, void *buf, size_t size, bool *lost);

/*
 * The network refused a frame, errno tells why: is it worth another try?  Waits
 * when the queue was full, until fd is writable or, with -1, a moment, 0.2 to
 * 25 ms; SEND_TRIES times, by *tries, which is the link's and 0 whenever that
 * took a frame: one whose queue stays full holds up the others only once.
 */
bool		links_again(int fd, int *tries);

/* ---- drop.c: giving up what we were started with, and to be root ---- */

/*
 * Standard input and whichever of output and error is closed become /dev/null,
 * all other descriptors are closed, and there will be no core.  Before anything
 * is opened.  Leaves the process with a message when there is no /dev/null.
 */
void		drop_inherited(void);

/*
 * Find the user that is wanted; NULL: nobody in root's place, and whom we are
 * in any other's.  Reads files.  Leaves the process with a message when there
 * is no such user.
 */
void		drop_find(struct account *, const char *wanted);

/*
 * Become that user, in no other group than its own.  as tells the operator
 * whom it takes to do so.  Leaves the process with a message when it is not
 * granted and was asked for; otherwise warns, and a->name is root.
 */
void		drop_become(struct account *, const char *as);

/* ---- each OS file provides exactly these ---- */

/*
 * Open every interface of the comma-separated list netif for AoE requests to
 * shelf.slot.  *bufcnt is the number of frames that should be able to wait;
 * lowered to what was granted.  Leaves the process with a message when the
 * privilege or an interface is missing, or one is no Ethernet.
 */
struct net	*net_open(const char *netif, unsigned shelf, unsigned slot,
		    unsigned *bufcnt);

/* The interfaces; the array stays where it is.  Returns how many, 1 to
 * MAX_NETIFS. */
int		net_links(struct net *, struct link **);

/*
 * Descriptors to poll: fds[0] tells of frames, fds[1] of changes to links.
 * Returns 2.
 */
int		net_pollfds(struct net *, struct pollfd *fds);

/*
 * Take frames that wait, at most max, without blocking.  Their bytes stay
 * where they are until net_release.  What has waited for longer than STALE_S,
 * or did not fit, is dropped and counted.  Returns how many; never an error: a
 * link that fails is a link without frames.
 */
int		net_recv(struct net *, struct frame *, int max,
		    struct counters *);
void		net_release(struct net *);

/* Now, in nanoseconds, by the clock that stamps frames; it may be set. */
int64_t		net_clock(void);

/* Does a frame wait?  No system call: fit to be asked in a tight loop. */
bool		net_waits(const struct net *);

/*
 * Send the frames, at most MAX_BATCH, each out of its link.  Waits a moment
 * where a queue is full (links_again).  Frames that the network refuses for
 * good, or for too long, are counted and lost; the initiator asks again.
 */
void		net_send(struct net *, const struct frame *, int nframes,
		    struct counters *);

/*
 * Links may have changed: look at them again and set link->news.  One that is
 * not there has index 0 and is not up; one that comes back is served again.
 * When a link becomes part of another interface (bridge, bond) that takes its
 * frames, so that we hear none, the operator is told, and when that ends.
 */
void		net_refresh(struct net *);

/* Bring the counters that the kernel keeps up to date. */
void		net_stats(struct net *, struct counters *);

void		net_close(struct net *);

/* Size and sector sizes of a block device, all in bytes.  0, or -1 with errno.
 * Where a device takes nothing but whole sectors of its own, and these are not
 * of 512 bytes, it leaves the process with a message. */
int		os_devsize(int fd, uint64_t *bytes, unsigned *logical,
		    unsigned *physical);

/* Reading need not be remembered in the file's times, if that can be had. */
void		os_noatime(int fd);

/* All that was written to fd is on stable storage.  0, or -1 with errno. */
int		os_flush(int fd);

/*
 * Give back the storage behind a range, bytes.  0, or -1 with errno; a device
 * may keep odd pieces.  os_cantrim tells of a store of size bytes whether that
 * works (1), works and leaves zeros for sure (2), or does not (0): a file is
 * asked by a hole behind its end.
 */
int		os_trim(int fd, bool device, uint64_t off, uint64_t len);
int		os_cantrim(int fd, bool device, uint64_t size);

/*
 * Many calls in flight at once, at most max, on the nfds descriptors fds (one
 * or two).  io_open returns NULL with errno where the kernel has nothing of the
 * kind.  io_add hands over a call (kind, fd, off, len, iov and niov; of a sync
 * only kind and fd), whose struct and buffers must stay;
 * io_submit makes sure the kernel has them all; io_next returns one that came
 * to its end, with io->result (bytes, 0 of a sync, or -errno), or NULL.
 * io_pollfd is readable while io_next has something to return.
 */
struct io_engine;
struct io_engine *io_open(unsigned max, const int *fds, unsigned nfds);
int		io_pollfd(const struct io_engine *);
void		io_add(struct io_engine *, struct io *);
void		io_submit(struct io_engine *);
struct io	*io_next(struct io_engine *);

/* Put a name that stays with this host, of at most size - 1 bytes, into id; or
 * else the one it has now.  It is for the serial. */
void		os_hostid(char *id, size_t size);

/*
 * Give up all that the loop does not need: nothing can be opened, executed or
 * become privileged after it.  user is whom to become; NULL: nobody in root's
 * place.  Returns what took effect, for the start-up line, and warns of what
 * the system does not have; leaves the process with a message when it cannot
 * become the user that was asked for.
 */
const char	*os_confine(const char *user);

/* Close fd and all descriptors above it.  0, or -1 with errno. */
int		os_closefrom(int fd);

/* Be in the group gid and in no other.  0, or -1 with errno. */
int		os_onegroup(gid_t gid);

/*
 * A file without a name, for what we write to be found by whoever may look
 * into our descriptors; or -1.
 */
int		os_board(void);

/* The signal that asks for counters besides SIGUSR1, or 0. */
int		os_siginfo(void);

/* Have err(3) and errx(3) begin with name, which stays where it is. */
void		os_name(const char *name);
