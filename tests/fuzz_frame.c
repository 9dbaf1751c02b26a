/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames of any content into a blade over a real, small file.
 *
 *	fuzz_frame FILE|DIRECTORY...	run these inputs
 *	fuzz_frame -r N [-s SEED]	N frames, made up and mutated, and at
 *					the end a question that has to be
 *					answered
 *
 * With libFuzzer its main runs instead of ours.  An input is a byte of modes
 * and then frames, each with its length in two bytes before it (big-endian);
 * they are a batch: all run before the first is answered.
 */

#include <sys/mman.h>

#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dat.h"
#include "fns.h"
#include "fuzz.h"

enum {				/* the byte of modes */
	READONLY	= 0x01,
	STABLE		= 0x02,
	JUMBO		= 0x04,	/* MTU 9000 */
	TINY		= 0x08,	/* MTU 576; with JUMBO 100 */
	RESERVED	= 0x10,	/* somebody else's */
	MASKED		= 0x20,
	CONFIGURED	= 0x40,
	LOOPBACK	= 0x80,	/* all addresses zero */
};

enum {
	FIRST = 4, NSEC = 56, TAIL = 4,		/* sectors */
	BYTES = (FIRST + NSEC + TAIL) * SECTOR,
	MAX_FRAMES = 8,				/* of a batch */
	MAX_LEN = 9100,
	POISON = 0xa5,
};

static const uint8_t macs[][6] = {		/* ours first */
	{ 0x52, 0x54, 0, 0, 0, 2 }, { 0x52, 0x54, 0, 0, 0, 1 },
	{ 0x52, 0x54, 0, 0, 0, 5 }, { 0x52, 0x54, 0, 0, 0, 6 },
};

/* One frame of a batch, and what is to be expected of it. */
struct exchange {
	struct request	 r;
	enum verdict	 verdict;
	uint8_t		*frame;		/* of exactly that size */
	uint8_t		*copy;		/* as it was when it was sent */
	size_t		 len;
};

static struct target t;
static struct link link_;
static struct exchange x[MAX_FRAMES];
static _Alignas(PAGE) uint8_t replies[MAX_FRAMES][REPLY_BYTES];
static uint8_t *file;				/* the store, mapped */
static uint8_t model[BYTES];			/* as it should be */
static uint8_t pattern[BYTES];			/* as it begins */
static bool keep_state;				/* from input to input */

static const struct exchange *current;

static _Noreturn void
broken(const char *what, int line)
{
	size_t i;

	fprintf(stderr, "fuzz_frame.c:%d: not so: %s\n", line, what);
	if (current != NULL) {
		fprintf(stderr, "request of %zu bytes:", current->len);
		for (i = 0; i < current->len && i < 128; i++)
			fprintf(stderr, " %02x", current->copy[i]);
		fprintf(stderr, "\nreply of %zu bytes:", current->r.len);
		for (i = 0; i < current->r.len && i < 128; i++)
			fprintf(stderr, " %02x", current->r.reply[i]);
		fprintf(stderr, "\n");
	}
	abort();
}

/*
 * The blade.
 */
static void
open_store(void)
{
	/* in memory, where there is such a place: syncs would cost time */
	static char paths[][32] = {
		"/dev/shm/fuzz_frame.XXXXXX", "/tmp/fuzz_frame.XXXXXX",
	};
	char *path = paths[0];
	int fd = mkstemp(path);
	unsigned i;

	for (i = 0; i < BYTES; i++)
		pattern[i] = (uint8_t)(i / SECTOR * 7 + i % SECTOR);
	if (fd == -1)
		fd = mkstemp(path = paths[1]);
	if (fd == -1 || ftruncate(fd, BYTES) == -1)
		err(1, "%s", path);
	file = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (file == MAP_FAILED)
		err(1, "%s", path);
	setenv("VBLADE_IO", "sync", 0);	/* unless told otherwise */
	t.disk.path = path;
	t.disk.first = FIRST;
	t.disk.length = NSEC;
	disk_open(&t.disk, &t.count);
	queue_open(&t.disk, MAX_REQUESTS);
	unlink(path);
}

static void
reset(unsigned modes)
{
	static const unsigned mtus[] = { 1500, 9000, 576, 100 };
	unsigned i;

	t.shelf = 1;
	t.slot = 2;
	t.bufcnt = 16;
	snprintf(t.serial, sizeof(t.serial), "1.2-0a1b2c3d");
	t.disk.readonly = (modes & READONLY) != 0;
	t.disk.stable = (modes & STABLE) != 0;
	t.disk.wcache = !t.disk.stable;
	t.disk.trims = t.disk.trim_zeros = !t.disk.readonly;
	t.masks.n = t.reserve.n = 0;
	if ((modes & MASKED) != 0)
		for (i = 1; i < 3; i++)
			mac_add(&t.masks, macs[i], MAX_MACS);
	if ((modes & RESERVED) != 0)
		mac_add(&t.reserve, macs[3], MAX_MACS);
	t.nconfig = 0;
	if ((modes & CONFIGURED) != 0) {
		t.nconfig = 3;
		memcpy(t.config, "abc", 3);
	}
	link_.mtu = mtus[modes / JUMBO % 4];
	memcpy(link_.mac, macs[0], 6);
	if ((modes & LOOPBACK) != 0)
		memset(link_.mac, 0, 6);
	memcpy(model, pattern, BYTES);
	memcpy(file, pattern, BYTES);
}

/*
 * What a reply has to be, whatever was asked.
 */
static bool
is_write(unsigned opcode)
{
	return opcode == ATA_WRITE || opcode == ATA_WRITE_EXT ||
	    opcode == ATA_WRITE_DMA || opcode == ATA_WRITE_DMA_EXT ||
	    opcode == ATA_WRITE_FUA_EXT;
}

static bool
is_read(unsigned opcode)
{
	return opcode == ATA_READ || opcode == ATA_READ_EXT ||
	    opcode == ATA_READ_DMA || opcode == ATA_READ_DMA_EXT;
}

static bool
is_ext(unsigned opcode)
{
	return opcode == ATA_READ_EXT || opcode == ATA_READ_DMA_EXT ||
	    opcode == ATA_WRITE_EXT || opcode == ATA_WRITE_DMA_EXT ||
	    opcode == ATA_WRITE_FUA_EXT;
}

/* The model's bytes of the sectors that a request names. */
static uint8_t *
named(const uint8_t *req, size_t nsec)
{
	uint64_t lba = get_le48(req + 28);

	if (!is_ext(req[27]))
		lba &= 0xfffffff;
	CHECK(lba <= NSEC && nsec <= NSEC - lba);
	return model + (FIRST + lba) * SECTOR;
}

static void
trim_model(const uint8_t *req)
{
	size_t i, nsec;
	uint64_t lba;

	for (i = 36; i < 36 + (size_t)req[26] * SECTOR; i += 8) {
		lba = get_le48(req + i);
		nsec = get_le16(req + i + 6);
		if (nsec == 0)
			continue;
		CHECK(lba <= NSEC && nsec <= NSEC - lba);
		memset(model + (FIRST + lba) * SECTOR, 0, nsec * SECTOR);
	}
}

/* A command that succeeded: here, and nowhere else, the model changes. */
static void
check_success(const struct exchange *e)
{
	const uint8_t *req = e->copy, *rep = e->r.reply;
	const size_t n = (size_t)req[26] * SECTOR;

	if (is_write(req[27]) || req[27] == ATA_DSM) {
		CHECK((req[24] & AFLAG_W) != 0 && n > 0 && e->len >= 36 + n);
		CHECK(!t.disk.readonly);
		CHECK(e->r.len == 60);
		if (req[27] == ATA_DSM)
			trim_model(req);
		else
			memcpy(named(req, req[26]), req + 36, n);
	} else if (is_read(req[27])) {
		CHECK((req[24] & AFLAG_W) == 0 && n > 0);
		CHECK(e->r.len == 36 + n);
		CHECK(memcmp(rep + 36, named(req, req[26]), n) == 0);
	} else if (req[27] == ATA_IDENTIFY) {
		CHECK(e->r.len == 36 + 512);
	} else {
		CHECK(e->r.len == 60);
	}
}

static size_t
check_ata(const struct exchange *e)
{
	const uint8_t *req = e->copy, *rep = e->r.reply;

	CHECK(e->len >= 36);
	CHECK(rep[24] == req[24] && rep[34] == 0 && rep[35] == 0);
	if ((rep[14] & AOE_E) != 0) {
		CHECK(rep[15] == AOE_BADARG || rep[15] == AOE_RESERVED);
		CHECK(memcmp(rep + 24, req + 24, 10) == 0);
		return 36;
	}
	CHECK((rep[27] & 0xa9) == 0 || (rep[27] & 0xa9) == ATA_ERR);
	CHECK((rep[27] & ATA_DRDY) != 0);
	if ((rep[27] & 0xa9) != 0) {
		CHECK(rep[25] == ATA_ABRT || rep[25] == ATA_IDNF);
		CHECK(memcmp(rep + 28, req + 28, 6) == 0);
		return 36;
	}
	CHECK(rep[25] == 0);
	CHECK(memcmp(rep + 28, req + 28, 6) == 0);
	check_success(e);
	return e->r.len > 60 ? e->r.len : 36;
}

/* Returns how many bytes of the reply mean something; the rest is pad. */
static size_t
check_argument(const struct exchange *e)
{
	const uint8_t *rep = e->r.reply;

	if ((rep[14] & AOE_E) != 0 &&
	    (rep[15] == AOE_BADVER || rep[15] == AOE_BADCMD))
		return 24;
	switch (rep[19]) {
	case AOE_ATA:
		return check_ata(e);
	case AOE_CONFIG:
		CHECK(e->len >= 32);
		if ((rep[14] & AOE_E) != 0 && rep[15] == AOE_BADARG)
			return 32;
		CHECK(get_be16(rep + 24) == 16 && get_be16(rep + 26) ==
		    FIRMWARE);
		return 32 + (size_t)get_be16(rep + 30);
	case AOE_MASK:
		CHECK(e->len >= 28);
		if ((rep[14] & AOE_E) != 0 || rep[26] != 0)
			return 28;
		return 28 + 8 * (size_t)rep[27];
	case AOE_RESERVE:
		CHECK(e->len >= 26);
		if ((rep[14] & AOE_E) != 0 && rep[15] == AOE_BADARG)
			return 26;
		return 26 + 6 * (size_t)rep[25];
	}
	broken("an unknown command without its error", __LINE__);
}

static void
check_reply(const struct exchange *e)
{
	const uint8_t *req = e->copy, *rep = e->r.reply;
	const size_t most = (size_t)link_.mtu + ETH_HDR;
	size_t i;

	CHECK(e->len >= 24 && (req[14] & AOE_R) == 0);
	CHECK(e->r.len >= ETH_FLOOR);
	CHECK(e->r.len <= (most > ETH_FLOOR ? most : ETH_FLOOR));
	CHECK(e->r.link == &link_);
	CHECK(memcmp(rep, req + 6, 6) == 0);		/* to who asked */
	CHECK(memcmp(rep + 6, link_.mac, 6) == 0);
	CHECK(get_be16(rep + 12) == ETH_AOE);
	CHECK((rep[14] & ~AOE_E) == (AOE_VER | AOE_R));
	CHECK(((rep[14] & AOE_E) != 0) == (rep[15] != 0));
	CHECK(rep[15] <= AOE_RESERVED && rep[15] != AOE_DEVICE);
	CHECK(get_be16(rep + 16) == 1 && rep[18] == 2);
	CHECK(memcmp(rep + 19, req + 19, 5) == 0);	/* command, tag */
	i = check_argument(e);
	CHECK(i <= e->r.len);
	CHECK(e->r.len == (i < ETH_FLOOR ? ETH_FLOOR : i));
	for (; i < ETH_FLOOR; i++)
		CHECK(rep[i] == 0);
	answered++;
}

/*
 * A batch.
 */
static void
receive(struct exchange *e, const uint8_t *frame, size_t len)
{
	struct frame f = { NULL, len, &link_, 0 };
	const unsigned k = (unsigned)(e - x);

	/* twice in memory of its own, so that a sanitizer sees both ends */
	e->len = len;
	e->copy = malloc(len > 0 ? len : 1);
	f.data = e->frame = malloc(len > 0 ? len : 1);
	if (e->copy == NULL || e->frame == NULL)
		err(1, "memory");
	memcpy(e->copy, frame, len);
	memcpy(e->frame, frame, len);
	e->r.reply = replies[k] + REPLY_OFFSET;
	memset(e->r.reply, POISON, link_.mtu + 64);
	current = e;
	e->verdict = aoe_request(&t, &f, &e->r);
	CHECK(memcmp(e->frame, e->copy, len) == 0);
	if (e->verdict == AOE_SILENCE || e->verdict == AOE_RIVAL)
		CHECK(e->r.len == 0);
	if (e->verdict == AOE_DISK)
		queue_add(&t.disk, &e->r.op);
}

static void
run_batch(void)
{
	struct pollfd pfd = { .events = POLLIN };
	struct op *op;

	do {
		queue_run(&t.disk);
		while ((op = queue_done(&t.disk)) != NULL) {
			CHECK(op->error == 0);
			aoe_finish(&t, (struct request *)(void *)((char *)op -
			    offsetof(struct request, op)));
		}
		pfd.fd = queue_pollfd(&t.disk);
		if (pfd.fd != -1)
			poll(&pfd, 1, 5000);
	} while (queue_busy(&t.disk));
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t size)
{
	size_t len;
	int i, n = 0;

	if (file == NULL)
		open_store();
	if (size < 1)
		return 0;
	if (!keep_state)
		reset(in[0]);
	for (in++, size--; size >= 2 && n < MAX_FRAMES; n++) {
		len = get_be16(in);
		in += 2;
		size -= 2;
		if (len > size)
			len = size;
		receive(&x[n], in, len);
		in += len;
		size -= len;
	}
	current = NULL;
	run_batch();
	for (i = 0; i < n; i++) {
		current = &x[i];
		if (x[i].verdict == AOE_RIVAL)
			CHECK(x[i].len >= 24 && x[i].copy[19] == AOE_CONFIG &&
			    (x[i].copy[14] & AOE_R) != 0);
		else if (x[i].verdict != AOE_SILENCE)
			check_reply(&x[i]);
		free(x[i].frame);
		free(x[i].copy);
	}
	current = NULL;
	CHECK(memcmp(file, model, BYTES) == 0);
	CHECK(t.nconfig <= AOE_MAXCFG);
	CHECK(t.masks.n <= MAX_MACS && t.reserve.n <= MAX_MACS);
	return 0;
}

#ifndef LIBFUZZER

/*
 * Making frames up: mostly right ones, so that they get far.
 */
static void
make_header(uint8_t *f, unsigned cmd)
{
	static const uint8_t everyone[6] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff
	};

	memcpy(f, random_below(8) == 0 ? everyone : link_.mac, 6);
	memcpy(f + 6, macs[1 + random_below(3)], 6);
	put_be16(f + 12, ETH_AOE);
	f[14] = AOE_VER;
	f[15] = 0;
	put_be16(f + 16, random_below(16) == 0 ? AOE_ALLSHELF : 1);
	f[18] = random_below(16) == 0 ? AOE_ALLSLOT : 2;
	f[19] = (uint8_t)cmd;
	put_be16(f + 20, random_below(65536));
	put_be16(f + 22, random_below(65536));
}

static size_t
make_trim(uint8_t *f)
{
	size_t i, n = (size_t)f[26] * SECTOR;

	memset(f + 36, 0, n);
	for (i = 0; i < n && random_below(4) != 0; i += 8) {
		put_le48(f + 36 + i, random_below(NSEC));
		put_le16(f + 36 + i + 6, random_below(8));
	}
	f[25] = DSM_TRIM;
	return 36 + n;
}

static size_t
make_ata(uint8_t *f)
{
	static const uint8_t opcodes[] = {
		ATA_READ, ATA_READ_EXT, ATA_READ_DMA, ATA_READ_DMA_EXT,
		ATA_WRITE, ATA_WRITE_EXT, ATA_WRITE_DMA, ATA_WRITE_DMA_EXT,
		ATA_WRITE_FUA_EXT, ATA_WRITE_EXT, ATA_READ_EXT, ATA_VERIFY,
		ATA_VERIFY_EXT, ATA_FLUSH, ATA_FLUSH_EXT, ATA_IDENTIFY,
		ATA_SETFEAT, ATA_CHECK_POWER, ATA_DSM, ATA_STANDBY_NOW,
	};
	static const uint8_t features[] = {
		FEAT_WCACHE_ON, FEAT_WCACHE_OFF, FEAT_XFERMODE, 0,
	};

	memset(f + 24, 0, 12);
	f[27] = random_below(32) == 0 ? (uint8_t)random_below(256) :
	    opcodes[random_below(sizeof(opcodes))];
	f[26] = (uint8_t)(1 + random_below(link_.mtu / SECTOR + 1));
	f[28] = (uint8_t)random_below(NSEC + 2);
	f[24] = is_ext(f[27]) ? AFLAG_E : 0;
	if (f[27] == ATA_SETFEAT)
		f[25] = features[random_below(sizeof(features))];
	if (!is_write(f[27]) && f[27] != ATA_DSM)
		return 36;
	f[24] |= AFLAG_W;
	if (f[27] == ATA_DSM)
		return make_trim(f);
	memset(f + 36, (int)random_below(256), (size_t)f[26] * SECTOR);
	return 36 + (size_t)f[26] * SECTOR;
}

static size_t
make_config(uint8_t *f)
{
	const unsigned n = random_below(4) == 0 ? random_below(1030) :
	    random_below(4);

	memset(f + 24, 0, 8);
	f[29] = (uint8_t)random_below(6);
	put_be16(f + 30, n);
	memset(f + 32, 'a', n);
	return 32 + n;
}

static size_t
make_mask(uint8_t *f)
{
	const unsigned n = random_below(16) == 0 ? random_below(256) :
	    random_below(4);
	unsigned i;

	memset(f + 24, 0, 4 + 8 * n);
	f[25] = (uint8_t)random_below(2);
	f[27] = (uint8_t)n;
	for (i = 0; i < n; i++) {
		/* our mutations must not shut everybody out for long */
		f[28 + 8 * i + 1] = (uint8_t)(random_below(3) == 0 ? 1 : 2);
		memcpy(f + 28 + 8 * i + 2, macs[1 + random_below(3)], 6);
		if (random_below(16) == 0)
			f[28 + 8 * i + 2 + random_below(6)] =
			    (uint8_t)random_below(256);
	}
	return 28 + 8 * (size_t)n;
}

static size_t
make_reserve(uint8_t *f)
{
	const unsigned n = random_below(3);
	unsigned i;

	f[24] = (uint8_t)random_below(3);
	f[25] = (uint8_t)n;
	for (i = 0; i < n; i++)
		memcpy(f + 26 + 6 * i, macs[1 + random_below(3)], 6);
	return 26 + 6 * (size_t)n;
}

/* Change some bytes, mostly of the headers, or the length. */
static size_t
mutate(uint8_t *f, size_t len)
{
	unsigned i, at;

	for (i = random_below(4); i > 0; i--) {
		at = random_below(random_below(4) == 0 ? (unsigned)len : 40);
		if (at < len)
			f[at] = (uint8_t)(random_below(2) == 0 ?
			    random_below(256) :
			    f[at] ^ 1U << random_below(8));
	}
	if (random_below(4) == 0)
		len = random_below((unsigned)len + 1);
	else if (random_below(8) == 0 && len + 64 < MAX_LEN)
		len += random_below(64);
	return len;
}

static size_t
make_frame(uint8_t *f)
{
	const unsigned what = random_below(16);
	size_t len;

	if (random_below(64) == 0) {
		for (len = 0; len < 64; len++)
			f[len] = (uint8_t)random_below(256);
		return random_below(65);
	}
	make_header(f, what < 4 ? what : AOE_ATA);
	if (what == AOE_CONFIG)
		len = make_config(f);
	else if (what == AOE_MASK)
		len = make_mask(f);
	else if (what == AOE_RESERVE)
		len = make_reserve(f);
	else
		len = make_ata(f);
	return random_below(3) == 0 ? mutate(f, len) : len;
}

static void
random_batch(unsigned nframes)
{
	static uint8_t in[1 + MAX_FRAMES * (2 + MAX_LEN + 64)];
	size_t len, n = 1;

	in[0] = (uint8_t)random_below(256);
	keep_state = file != NULL && random_below(16) != 0;
	if (!keep_state) {
		/* a short one, only to set the modes */
		LLVMFuzzerTestOneInput(in, 1);
		keep_state = true;
	}
	for (; nframes > 0; nframes--) {
		len = make_frame(in + n + 2);
		put_be16(in + n, (unsigned)len);
		n += 2 + len;
	}
	LLVMFuzzerTestOneInput(in, n);
}

/* Whoever is listed, or anybody, is told who we are. */
static void
still_answers(void)
{
	uint8_t in[1 + 2 + 32] = { 0, 0, 32 };
	const unsigned long before = answered;

	make_header(in + 3, AOE_CONFIG);
	memcpy(in + 3 + 6, t.masks.n > 0 ? t.masks.mac[0] : macs[1], 6);
	if ((in[3 + 6] & 1) != 0)
		errx(1, "a multicast address is in the mask list");
	LLVMFuzzerTestOneInput(in, sizeof(in));
	if (answered != before + 1)
		errx(1, "a config query is not answered any more");
}

static void
run_random(unsigned long n)
{
	unsigned long left, batch;

	for (left = n; left > 0; left -= batch) {
		batch = 1 + random_below(MAX_FRAMES);
		if (batch > left)
			batch = left;
		random_batch((unsigned)batch);
	}
	still_answers();
	printf("%lu frames, %lu answered\n", n, answered);
}

#endif
