/* SPDX-License-Identifier: GPL-2.0-only */
/* Commands that move sectors, or any bytes: read, write, stamp, verify, flush,
 * trim, ata, raw, turns, listen. */

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "initiator.h"

enum { MOMENT = 50000 };		/* us; for one answer too many */

/* A range of sectors, as ADDRESS LBA NSEC say, in frames as large as can be. */
struct span {
	struct target t;
	uint64_t lba, left;		/* of the frame, from there on */
	unsigned now;			/* sectors in the frame */
	int status;
};

static void
span_open(struct span *s, char **argv)
{
	s->lba = number("LBA", argv[2], LBA_MAX);
	s->left = number("sectors", argv[3], LBA_MAX);
	s->now = 0;
	s->status = find(argv[1], &s->t);
}

/* Begin the frame for the next part.  0 at the end, or when one failed. */
static int
span_next(struct span *s, struct frame *req, int write)
{
	s->lba += s->now;
	s->left -= s->now;
	if (s->left == 0 || s->status != EX_OKAY)
		return 0;
	s->now = s->left < s->t.sectors ? s->left : s->t.sectors;
	rw_begin(req, &s->t, write, s->lba, s->now);
	return 1;
}

int
cmd_read(int argc, char **argv)
{
	struct span s;
	struct frame req, rep;

	(void)argc;
	span_open(&s, argv);
	while (span_next(&s, &req, 0)) {
		s.status = ata(&s.t, &req, &rep);
		if (s.status == EX_OKAY &&
		    fwrite(rep.b + A_DATA, SECTOR, s.now, stdout) != s.now)
			err(EX_LOCAL, "stdout");
	}
	if (fflush(stdout) == EOF)
		err(EX_LOCAL, "stdout");
	return s.status;
}

int
cmd_write(int argc, char **argv)
{
	struct target t;
	struct frame req, rep;
	uint64_t lba = number("LBA", argv[2], LBA_MAX);
	uint8_t buf[255 * SECTOR];
	size_t n;
	int status;

	(void)argc;
	status = find(argv[1], &t);
	while (status == EX_OKAY &&
	    (n = fread(buf, 1, t.sectors * (size_t)SECTOR, stdin)) > 0) {
		if (n % SECTOR != 0)
			errx(EX_LOCAL, "stdin is not a multiple of 512 bytes");
		n /= SECTOR;
		rw_begin(&req, &t, 1, lba, n);
		memcpy(req.b + A_DATA, buf, n * SECTOR);
		status = ata(&t, &req, &rep);
		lba += n;
	}
	return status;
}

int
cmd_stamp(int argc, char **argv)
{
	struct span s;
	struct frame req, rep;
	uint64_t gen = number("generation", argv[4], UINT32_MAX);
	unsigned i;

	(void)argc;
	span_open(&s, argv);
	while (span_next(&s, &req, 1)) {
		for (i = 0; i < s.now; i++)
			stamp(req.b + A_DATA + i * SECTOR, s.lba + i, gen);
		s.status = ata(&s.t, &req, &rep);
	}
	return s.status;
}

int
cmd_verify(int argc, char **argv)
{
	struct span s;
	struct frame req, rep;
	uint64_t gen = number("generation", argv[4], UINT32_MAX);
	uint64_t bad = 0;
	uint8_t want[SECTOR];
	char text[80];
	unsigned i;

	(void)argc;
	span_open(&s, argv);
	while (span_next(&s, &req, 0)) {
		s.status = ata(&s.t, &req, &rep);
		for (i = 0; i < s.now && s.status == EX_OKAY; i++) {
			stamp(want, s.lba + i, gen);
			if (memcmp(rep.b + A_DATA + i * SECTOR, want,
			    SECTOR) == 0 || bad++ >= 10)
				continue;
			describe(text, sizeof(text),
			    rep.b + A_DATA + i * SECTOR);
			warnx("LBA %" PRIu64 ": %s", s.lba + i, text);
		}
	}
	if (bad > 0)
		warnx("%" PRIu64 " sectors are not of generation %" PRIu64,
		    bad, gen);
	return s.status == EX_OKAY && bad > 0 ? EX_MISMATCH : s.status;
}

int
cmd_flush(int argc, char **argv)
{
	struct target t;
	struct frame req, rep;
	int status;

	(void)argc;
	status = find(argv[1], &t);
	if (status != EX_OKAY)
		return status;
	ata_begin(&req, &t, opt.narrow ? ATA_FLUSH : ATA_FLUSH_EXT, 0, 0, 0);
	if (!opt.narrow)
		req.b[A_FLAGS] = AF_E;
	return ata(&t, &req, &rep);
}

int
cmd_trim(int argc, char **argv)
{
	struct target t;
	struct frame req, rep;
	int i, n = (argc - 2) / 2, status;
	unsigned blocks = (n + 63) / 64;

	if (argc % 2 != 0 || n < 1)
		errx(EX_LOCAL, "trim ADDRESS LBA NSEC [LBA NSEC ...]");
	status = find(argv[1], &t);
	if (status != EX_OKAY)
		return status;
	ata_begin(&req, &t, ATA_DSM, 0, blocks, blocks * (size_t)SECTOR);
	req.b[A_FLAGS] |= AF_E;
	req.b[A_FEAT] = 1;
	for (i = 0; i < n; i++) {
		putle(req.b + A_DATA + 8 * i, 6, number("LBA",
		    argv[2 + 2 * i], LBA_MAX));
		putle(req.b + A_DATA + 8 * i + 6, 2, number("sectors",
		    argv[3 + 2 * i], 0xffff));
	}
	return ata(&t, &req, &rep);
}

/* The value of key=value, or NULL if arg has another key. */
static const char *
value_of(const char *arg, const char *key)
{
	size_t n = strlen(key);

	return strncmp(arg, key, n) == 0 && arg[n] == '=' ? arg + n + 1 : NULL;
}

/* Append a file's bytes (- for stdin) to the frame and set W. */
static void
append_file(struct frame *f, const char *name)
{
	FILE *fp = strcmp(name, "-") == 0 ? stdin : fopen(name, "r");

	if (fp == NULL)
		err(EX_LOCAL, "%s", name);
	f->b[A_FLAGS] |= AF_W;
	f->len += fread(f->b + f->len, 1, sizeof(f->b) - f->len, fp);
	if (fp != stdin)
		fclose(fp);
}

int
cmd_ata(int argc, char **argv)
{
	struct target t;
	struct frame req, rep;
	const char *v, *out = NULL;
	char *end;
	size_t ndata;
	FILE *fp;
	int i, status;
	unsigned long op = strtoul(argv[2], &end, 16);

	if (end == argv[2] || *end != '\0' || op > 0xff)
		errx(EX_LOCAL, "opcode \"%s\": want 00 to ff", argv[2]);
	status = find(argv[1], &t);
	if (status != EX_OKAY)
		return status;
	ata_begin(&req, &t, op, 0, 0, 0);
	for (i = 3; i < argc; i++)
		if ((v = value_of(argv[i], "feature")) != NULL)
			req.b[A_FEAT] = number("feature", v, 255);
		else if ((v = value_of(argv[i], "count")) != NULL)
			req.b[A_COUNT] = number("count", v, 255);
		else if ((v = value_of(argv[i], "lba")) != NULL)
			putle(req.b + A_LBA, 6, number("lba", v, LBA_MAX));
		else if ((v = value_of(argv[i], "data")) != NULL)
			append_file(&req, v);
		else if ((v = value_of(argv[i], "flags")) != NULL)
			req.b[A_FLAGS] = number("flags", v, 255);
		else if ((v = value_of(argv[i], "out")) != NULL)
			out = v;
		else
			errx(EX_LOCAL, "ata: \"%s\" is not feature=, count=, "
			    "lba=, data=FILE, flags= or out=FILE", argv[i]);
	status = exchange(&req, &rep);
	if (status != EX_OKAY)
		return explain(status, &t, &rep);
	ndata = meaning(&req, &rep) - A_DATA;
	if (rep.len < A_DATA + ndata)
		ndata = rep.len < A_DATA ? 0 : rep.len - A_DATA;
	printf("status=%02x error=%02x count=%02x lba=%" PRIu64 " data=%zu\n",
	    rep.b[A_CMD], rep.b[A_FEAT], rep.b[A_COUNT],
	    getle(rep.b + A_LBA, 6), ndata);
	if (out != NULL) {
		fp = fopen(out, "w");
		if (fp == NULL || fwrite(rep.b + A_DATA, 1, ndata, fp) !=
		    ndata || fclose(fp) == EOF)
			err(EX_LOCAL, "%s", out);
	}
	return ata_failed(rep.b[A_CMD]) ? EX_ATA : EX_OKAY;
}

/* ---- commands: raw, turns, listen ---- */

/* Hex digits to a frame; spaces, colons, dots and bars are for the eye. */
static void
parse_hex(const char *s, struct frame *f)
{
	int byte;

	f->len = 0;
	for (; *s != '\0'; s += 2) {
		while (*s != '\0' && strchr(" \t\n:.|", *s) != NULL)
			s++;
		if (*s == '\0')
			break;
		if ((byte = hexbyte(s)) < 0)
			errx(EX_LOCAL, "not hex at \"%.8s\"", s);
		if (f->len == sizeof(f->b))
			errx(EX_LOCAL, "frame too long");
		f->b[f->len++] = byte;
	}
}

/* Nobody asked for it, and it comes when it likes. */
static int
is_advert(const struct frame *f)
{
	return memcmp(f->b + H_DST, broadcast, 6) == 0 &&
	    get32(f->b + H_TAG) == 0 && f->b[H_CMD] == CMD_CONFIG;
}

/* Print every answer until the timeout, or until each of the frames sent may
 * have had its own and no more come for a moment; the checking is left to the
 * user. */
static int
print_answers(int sent)
{
	int64_t deadline = now_us() + opt.timeout * INT64_C(1000);
	struct frame rep;
	int n = 0;

	while (link_recv(&rep, deadline)) {
		if (!(rep.b[H_VER] & FLAG_R) || is_advert(&rep))
			continue;
		print_hex(stdout, rep.b, rep.len);
		if (++n == sent && deadline > now_us() + MOMENT)
			deadline = now_us() + MOMENT;
	}
	return n;
}

int
cmd_raw(int argc, char **argv)
{
	struct frame f;
	char *line = NULL;
	size_t size = 0;
	int i, sent = 0;

	link_open();
	if (strcmp(argv[1], "-") == 0) {
		while (getline(&line, &size, stdin) != -1) {
			parse_hex(line, &f);
			if (f.len == 0)
				continue;
			link_send(&f);
			sent++;
		}
		free(line);
	}
	for (i = 1; i < argc && strcmp(argv[1], "-") != 0; i++) {
		parse_hex(argv[i], &f);
		link_send(&f);
		sent++;
	}
	return print_answers(sent) > 0 ? EX_OKAY : EX_SILENT;
}

/* Frames by two interfaces in turn, to arrive in that order. */
int
cmd_turns(int argc, char **argv)
{
	struct lnk both[2];
	struct frame f;
	char *line = NULL;
	size_t size = 0;
	int n;

	(void)argc;
	stay();
	link_open();
	both[0] = lnk;
	opt.ifname = argv[1];
	link_open();
	both[1] = lnk;
	for (n = 0; getline(&line, &size, stdin) != -1; n++) {
		parse_hex(line, &f);
		lnk = both[n % 2];
		link_send(&f);
	}
	free(line);
	return EX_OKAY;
}

/* The frames that arrive, in hex; "listening" on stderr once it is so. */
int
cmd_listen(int argc, char **argv)
{
	int max = argc > 1 ? (int)number("frames", argv[1], 1 << 30) : 0;
	int64_t deadline;
	struct frame f;
	int n;

	link_open();
	if (strcmp(argv[0], "adverts") == 0)
		only_unasked();
	deadline = now_us() + opt.timeout * INT64_C(1000);
	fputs("listening\n", stderr);
	for (n = 0; (max == 0 || n < max) && link_recv(&f, deadline); n++)
		print_hex(stdout, f.b, f.len);
	return n > 0 ? EX_OKAY : EX_SILENT;
}
