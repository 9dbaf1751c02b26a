/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A model of the parts of a FreeBSD kernel and libc that vblade uses.  All of
 * FreeBSD's numbers, structures and rules are spelled out here anew, after its
 * manuals, and shared with nothing under test.
 */

#include <sys/types.h>
#include <sys/uio.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* errno, as FreeBSD numbers them */
enum {
	B_EPERM = 1, B_ENOENT = 2, B_EINTR = 4, B_EIO = 5, B_ENXIO = 6,
	B_EBADF = 9, B_ENOMEM = 12, B_EACCES = 13, B_ENODEV = 19,
	B_EINVAL = 22, B_ENOTTY = 25, B_ENOSPC = 28, B_EAGAIN = 35,
	B_EMSGSIZE = 40, B_EOPNOTSUPP = 45, B_ENETDOWN = 50, B_ENOBUFS = 55,
	B_ENOSYS = 78, B_ENOTCAPABLE = 93, B_ECAPMODE = 94,
};

/* ioctl requests, computed by hand: direction, size, group, number */
#define B_BIOCGBLEN	0x40044266UL
#define B_BIOCSBLEN	0xc0044266UL
#define B_BIOCSETF	0x80104267UL
#define B_BIOCGDLT	0x4004426aUL
#define B_BIOCGETIF	0x4020426bUL
#define B_BIOCSETIF	0x8020426cUL
#define B_BIOCGSTATS	0x4008426fUL
#define B_BIOCIMMEDIATE	0x80044270UL
#define B_BIOCSHDRCMPLT	0x80044275UL
#define B_BIOCSDIRECTION 0x80044277UL
#define B_BIOCLOCK	0x2000427aUL
#define B_BIOCSETWF	0x8010427bUL
#define B_BIOCSTSTAMP	0x80044284UL
#define B_SIOCGIFFLAGS	0xc0206911UL
#define B_SIOCGIFCONF	0xc0106924UL
#define B_SIOCGIFMTU	0xc0206933UL
#define B_SIOCGIFMEDIA	0xc0306938UL
#define B_DIOCGSECTORSIZE 0x40046480UL
#define B_DIOCGMEDIASIZE 0x40086481UL
#define B_DIOCGFLUSH	0x20006487UL
#define B_DIOCGDELETE	0x80106488UL
#define B_DIOCGSTRIPESIZE 0x4008648bUL
#define B_DIOCGATTR	0xc148648eUL

/* rights(4), two words of them; the top bits say which word */
#define B_CAP_READ	0x0200000000000001ULL
#define B_CAP_WRITE	0x0200000000000002ULL
#define B_CAP_SEEK	0x020000000000000cULL
#define B_CAP_PREAD	(B_CAP_SEEK | B_CAP_READ)
#define B_CAP_PWRITE	(B_CAP_SEEK | B_CAP_WRITE)
#define B_CAP_FSYNC	0x0200000000000100ULL
#define B_CAP_FTRUNCATE	0x0200000000000200ULL
#define B_CAP_LOOKUP	0x0200000000000400ULL
#define B_CAP_FCNTL	0x0200000000008000ULL
#define B_CAP_FPATHCONF	0x0200000000020000ULL
#define B_CAP_FSTAT	0x0200000000080000ULL
#define B_CAP_EVENT	0x0400000000000020ULL
#define B_CAP_KQ_EVENT	0x0400000000000040ULL
#define B_CAP_IOCTL	0x0400000000000080ULL
#define B_CAP_KQ_CHANGE	0x0400000000100000ULL

enum kind { K_NONE, K_FILE, K_DISK, K_BPF, K_KQUEUE, K_ROUTE, K_ASK };

enum { M_FDS = 1024, M_IOCTLS = 16, M_IFS = 16 };

struct m_bpf;
struct m_kq;

struct m_obj {
	enum kind	 kind;
	uint64_t	 rights[2];
	bool		 listed;	/* only these ioctls */
	unsigned	 nioctls;
	unsigned long	 ioctls[M_IOCTLS];
	struct m_bpf	*bpf;
	struct m_kq	*kq;
	struct m_disk	*disk;
	unsigned	 messages;	/* route socket */
};

extern struct m_obj m_objs[M_FDS];
extern bool m_capmode;

/* A descriptor's object, once these rights have been found good; NULL with
 * the error set. */
struct m_obj *m_get(int fd, uint64_t rights);
int	m_fail(int error);
int	m_bsd_errno(int linux_errno);
int	m_new(enum kind);
void	m_made(int fd, enum kind);
long	m_host(long result);	/* of a call of the host's, errno and all */
ssize_t	m_move(int fd, bool out, const struct iovec *, int, int64_t off,
	    bool vector);
int	m_sync(int fd, bool data);
void	m_aio_reset(void);
bool	m_fault(const char *call, unsigned long arg);
void	m_activate(struct m_obj *);	/* its knotes may be ready now */
void	m_forget(int fd);		/* it has none any more */
int64_t	m_now(int clock);		/* ns: 0 wall, 1 monotonic */

int	m_bpf_open(void);
void	m_bpf_close(struct m_bpf *);
int	m_bpf_ioctl(struct m_bpf *, unsigned long, void *);
ssize_t	m_bpf_read(struct m_bpf *, void *, size_t);
ssize_t	m_bpf_write(struct m_bpf *, const void *, size_t);
bool	m_bpf_ready(const struct m_bpf *);
int	m_if_ioctl(unsigned long, void *);
void	m_copy_filters(void);

/*
 * For the tests: the world around the kernel.
 */
struct m_if {
	char		name[16];
	bool		there;
	unsigned	index;		/* the lowest that is free */
	unsigned	mtu;
	uint8_t		mac[6];
	bool		up, running, media, active;
	unsigned	dlt;		/* 1: Ethernet */
	unsigned	alen;		/* bytes of address */
	void		(*send)(struct m_if *, const uint8_t *, size_t);
	int		host_fd, host_index;
};

struct m_disk {
	const char	*path;		/* a file that stands for it */
	unsigned	sector;
	int64_t		stripe;		/* -1: it has none */
	bool		candelete;
	bool		takes_flags;	/* fcntl F_SETFL; GEOM does not */
	int		flush_error;
	unsigned	flushes, deletes;
	int64_t		delete_off, delete_len;
};

extern struct m_if m_ifs[M_IFS];
extern struct m_world {
	uint32_t	maxbufsize;	/* net.bpf.maxbufsize */
	unsigned	page;		/* largest frame; 0: any */
	bool		writers;	/* net.bpf.optimize_writers */
	bool		tx_full;	/* ENOBUFS */
	bool		no_capsicum;
	bool		not_root;
	const char	*hostuuid;
	int64_t		ahead;		/* ns: so much later is it */
	unsigned	aio_max;	/* calls in flight */
	bool		aio_unsafe;	/* EOPNOTSUPP */
	bool		aio_backwards;	/* last in, first done */
	struct m_disk	*disks;
	unsigned	ndisks;
	size_t		pipe_room;	/* stderr's, if it is a pipe */
	bool		pipe;
	bool		no_holes;	/* as UFS */
	bool		detach_wakes;	/* bpf is readable without interface */
	void		(*pump)(void);	/* the outside, before each look */
	void		(*late)(void);	/* once, before the next read of bpf */
	int		(*idle)(const int64_t *ns, const void *mask);
	int		fds[32], nfds;	/* of the host, to wait for */
	char		title[128];
	unsigned	seen_n;
	unsigned long	seen[64];	/* every ioctl that was asked for */
	int		uid, gid;
	bool		traceable;
	int64_t		core;		/* most bytes */
	unsigned	in_flight, aio_calls;
} m_world;

struct m_if *m_if_add(const char *name, unsigned mtu, const uint8_t mac[6]);
void	m_if_del(struct m_if *);
void	m_if_news(void);		/* a message on every route socket */
/* A frame comes in, or goes out (bpf sees both).  ns: when;
 * 0 and below: so long ago, by the clock that the descriptor asks for. */
void	m_if_frame(struct m_if *, const uint8_t *, size_t, bool out,
	    int64_t ns);
/* What the next read returns, in place of what is there. */
void	m_lie(const void *, size_t);
void	m_route_overflow(void);

/* The skip-th such call from now on fails once with error; arg 0: any. */
void	m_arm(const char *call, unsigned long arg, unsigned skip, int error);
bool	m_armed(void);			/* not yet gone off */
void	m_reset(void);
