/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the initiator's files share.  Nothing of vblade's is among it: see
 * initiator.c.
 */
#ifndef INITIATOR_H
#define INITIATOR_H

#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>

enum {				/* exit status */
	EX_OKAY = 0,
	EX_LOCAL = 1,		/* usage, or an error on this side */
	EX_SILENT = 2,		/* no answer */
	EX_AOE = 3,		/* answered with an AoE (or mask list) error */
	EX_ATA = 4,		/* answered with an ATA error */
	EX_MISMATCH = 5,	/* data is not what it should be */
	EX_FAULT = 6		/* an answer that breaks the protocol */
};

enum {				/* offsets in a frame */
	H_DST = 0, H_SRC = 6, H_TYPE = 12, H_VER = 14, H_ERR = 15,
	H_SHELF = 16, H_SLOT = 18, H_CMD = 19, H_TAG = 20, H_ARG = 24,
	A_FLAGS = 24, A_FEAT = 25, A_COUNT = 26, A_CMD = 27, A_LBA = 28,
	A_RES = 34, A_DATA = 36,
	C_BUFS = 24, C_FW = 26, C_SECT = 28, C_CMD = 29, C_LEN = 30, C_STR = 32,
	M_CMD = 25, M_ERR = 26, M_N = 27, M_DIR = 28,
	R_CMD = 24, R_N = 25, R_MAC = 26
};

enum {
	AOE_TYPE = 0x88a2,
	FLAG_R = 0x08, FLAG_E = 0x04,
	CMD_ATA = 0, CMD_CONFIG = 1, CMD_MASK = 2, CMD_RESERVE = 3,
	AF_E = 0x40, AF_W = 0x01,
	ANY_SHELF = 0xffff, ANY_SLOT = 0xff,
	SECTOR = 512,
	CONFIG_MAX = 1024,
	FRAME_MIN = 60,
	FRAME_MAX = 65536 + 18,	/* lo's MTU, Ethernet header, VLAN tag */
	WINDOW_MAX = 256
};

enum {				/* the ATA opcodes that this program knows */
	ATA_DSM = 0x06, ATA_READ = 0x20, ATA_READ_EXT = 0x24,
	ATA_READ_DMA_EXT = 0x25, ATA_WRITE = 0x30, ATA_WRITE_EXT = 0x34,
	ATA_READ_DMA = 0xc8, ATA_CHECK_POWER = 0xe5, ATA_CHECK_POWER_OLD = 0x98,
	ATA_FLUSH = 0xe7, ATA_FLUSH_EXT = 0xea, ATA_IDENTIFY = 0xec
};

#define LBA_MAX	UINT64_C(0xffffffffffff)	/* 48 bits */

struct frame {
	size_t	len;
	uint8_t	b[FRAME_MAX];
};

struct target {
	unsigned shelf, slot;
	uint8_t	mac[6];
	unsigned buffers;	/* as its config reply says; 0 until asked */
	unsigned sectors;	/* most sectors per command */
};

extern struct opt {		/* the command line */
	const char *ifname;
	uint8_t	dst[6];		/* -a */
	uint8_t	src[6];		/* -S */
	int	have_dst, have_src;
	int	timeout;	/* ms */
	int	tries;
	unsigned count;		/* -c: sectors per command, 0: the target's */
	int	narrow;		/* -2: 28-bit commands */
	int	lax;
	int	verbose;
} opt;

extern struct lnk {		/* the link */
	int	fd;
	uint8_t	mac[6];		/* the source address of what we send */
	unsigned mtu;
} lnk;

extern unsigned nfaults;
extern volatile sig_atomic_t stopping;
extern const uint8_t broadcast[6];

/* initiator-text.c; get and put: big-endian, getle and putle: n bytes */
unsigned	get16(const uint8_t *);
uint32_t	get32(const uint8_t *);
void		put16(uint8_t *, unsigned);
void		put32(uint8_t *, uint32_t);
uint64_t	getle(const uint8_t *, int n);
void		putle(uint8_t *, int n, uint64_t);
int64_t		now_us(void);
uint64_t	number(const char *what, const char *, uint64_t max);
int		hexbyte(const char *);
void		parse_mac(const char *, uint8_t mac[6]);
void		parse_target(const char *, struct target *);
int		is_wild(const struct target *);
void		print_mac(FILE *, const uint8_t *);
void		print_hex(FILE *, const uint8_t *, size_t);
void		print_text(FILE *, const uint8_t *, size_t);

/* initiator-link.c */
void		link_open(void);
void		link_send(const struct frame *);
int		link_recv(struct frame *, int64_t deadline);
void		stay(void);	/* on one processor */
uint32_t	tag_base(void);
uint32_t	next_tag(void);
void		only_unasked(void);
void		only_ours(void);

/* initiator-answer.c; an int is an exit status */
void		fault(const struct frame *, const char *, ...)
		    __attribute__((format(printf, 2, 3)));
void		frame_begin(struct frame *, const struct target *,
		    unsigned cmd, size_t len);
int		ata_failed(uint8_t status);
size_t		meaning(const struct frame *req, const struct frame *rep);
void		check_reply(const struct frame *req, const struct frame *rep);
int		is_answer(const struct frame *req, const struct frame *rep);
int		exchange(struct frame *req, struct frame *rep);
int		explain(int status, const struct target *,
		    const struct frame *rep);
int		find(const char *address, struct target *);
void		ata_begin(struct frame *, const struct target *, unsigned op,
		    uint64_t lba, unsigned count, size_t ndata);
void		rw_begin(struct frame *, const struct target *, int write,
		    uint64_t lba, unsigned count);
int		explain_ata(const struct target *, const struct frame *rep);
int		ata(const struct target *, struct frame *req,
		    struct frame *rep);

/* initiator-stamp.c */
enum { STAMP_NONE, STAMP_ZERO, STAMP_GOOD };

uint64_t	mix(uint64_t);
void		stamp(uint8_t *sector, uint64_t lba, uint64_t gen);
int		read_stamp(const uint8_t *sector, uint64_t *lba,
		    uint64_t *gen);
void		describe(char *, size_t, const uint8_t *sector);

/* the commands */
int		cmd_discover(int, char **), cmd_identify(int, char **);
int		cmd_config(int, char **), cmd_mask(int, char **);
int		cmd_reserve(int, char **), cmd_read(int, char **);
int		cmd_write(int, char **), cmd_stamp(int, char **);
int		cmd_verify(int, char **), cmd_flush(int, char **);
int		cmd_trim(int, char **), cmd_ata(int, char **);
int		cmd_raw(int, char **), cmd_turns(int, char **);
int		cmd_listen(int, char **);
int		cmd_load(int, char **), cmd_check(int, char **);

#endif
