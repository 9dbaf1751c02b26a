/* SPDX-License-Identifier: GPL-2.0-only */
/* Commands that ask for less than sectors: discover, identify, config, mask,
 * reserve. */

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "initiator.h"

static void
print_config(const struct frame *rep)
{
	const uint8_t *b = rep->b;
	size_t n = get16(b + C_LEN);

	if (n > rep->len - C_STR)
		n = rep->len - C_STR;
	printf("e%u.%u ", get16(b + H_SHELF), b[H_SLOT]);
	print_mac(stdout, b + H_SRC);
	printf(" buffers=%u sectors=%u firmware=%04x config=",
	    get16(b + C_BUFS), b[C_SECT], get16(b + C_FW));
	print_text(stdout, b + C_STR, n);
	putchar('\n');
	fflush(stdout);
}

/* Everybody who answers; with an exact address the first one is enough. */
int
cmd_discover(int argc, char **argv)
{
	struct target t;
	struct frame req, rep;
	int64_t deadline;
	int answers = 0;
	int i;

	parse_target(argc > 1 ? argv[1] : "e*.*", &t);
	memcpy(t.mac, opt.have_dst ? opt.dst : broadcast, 6);
	link_open();
	for (i = 0; i < opt.tries && answers == 0 && !stopping; i++) {
		frame_begin(&req, &t, CMD_CONFIG, C_STR);
		put32(req.b + H_TAG, next_tag());
		link_send(&req);
		deadline = now_us() + opt.timeout * INT64_C(1000);
		while (link_recv(&rep, deadline)) {
			if (!is_answer(&req, &rep))
				continue;
			check_reply(&req, &rep);
			if (rep.len < C_STR)
				continue;
			answers++;
			print_config(&rep);
			if (!is_wild(&t))
				break;
		}
	}
	return answers ? EX_OKAY : explain(EX_SILENT, &t, NULL);
}

static unsigned
word(const uint8_t *id, int i)
{
	return getle(id + 2 * i, 2);
}

/* ATA strings have their characters swapped in pairs and end in spaces. */
static void
print_id_text(const char *name, const uint8_t *id, int first, int last)
{
	uint8_t s[40];
	int i, n = 2 * (last - first + 1);

	for (i = 0; i < n; i++)
		s[i] = id[2 * first + (i ^ 1)];
	while (n > 0 && s[n - 1] == ' ')
		n--;
	printf("%s=", name);
	print_text(stdout, s, n);
	putchar('\n');
}

static void
print_features(const uint8_t *id)
{
	static const struct {
		int word, bit;
		const char *name;
	} feature[] = {
		{ 49, 8, "dma" }, { 49, 9, "lba" }, { 82, 0, "smart" },
		{ 82, 3, "power-management" }, { 82, 5, "write-cache" },
		{ 82, 6, "look-ahead" }, { 82, 10, "hpa" },
		{ 83, 10, "lba48" }, { 83, 12, "flush" },
		{ 83, 13, "flush-ext" }, { 84, 6, "fua" }, { 84, 8, "wwn" },
		{ 85, 5, "write-cache-on" }, { 169, 0, "trim" },
		{ 69, 14, "trim-deterministic" }, { 69, 5, "trim-zeroes" }
	};
	size_t i;

	printf("features=");
	for (i = 0; i < sizeof(feature) / sizeof(feature[0]); i++)
		if (word(id, feature[i].word) & 1U << feature[i].bit)
			printf("%s ", feature[i].name);
	putchar('\n');
	for (i = 82; i <= 87; i++)
		printf("word%zu=%04x\n", i, word(id, i));
}

static void
print_words(const uint8_t *id)
{
	int i;

	for (i = 0; i < 256; i++) {
		if (i % 8 == 0)
			printf("%3d:", i);
		printf(" %04x%s", word(id, i), i % 8 == 7 ? "\n" : "");
	}
}

int
cmd_identify(int argc, char **argv)
{
	struct target t;
	struct frame req, rep;
	const uint8_t *id = rep.b + A_DATA;
	int words = argc > 2 && strcmp(argv[1], "--words") == 0;
	int i, status;
	uint8_t sum;

	status = find(argv[argc - 1], &t);
	if (status != EX_OKAY)
		return status;
	ata_begin(&req, &t, ATA_IDENTIFY, 0, 1, 0);
	req.b[A_LBA + 3] = 0xa0;
	status = ata(&t, &req, &rep);
	if (status != EX_OKAY)
		return status;

	print_id_text("model", id, 27, 46);
	print_id_text("serial", id, 10, 19);
	print_id_text("firmware", id, 23, 26);
	printf("sectors28=%" PRIu64 "\n", getle(id + 120, 4));
	printf("sectors48=%" PRIu64 "\n", getle(id + 200, 8));
	print_features(id);
	for (sum = 0, i = 0; i < SECTOR; i++)
		sum += id[i];
	if (id[510] != 0xa5)
		puts("checksum=none");
	else
		puts(sum == 0 ? "checksum=ok" : "checksum=bad");
	if (id[510] == 0xa5 && sum != 0)
		fault(&rep, "IDENTIFY checksum is off by %u", sum);
	if (words)
		print_words(id);
	return EX_OKAY;
}

/* All of stdin, up to max bytes. */
static size_t
slurp(uint8_t *p, size_t max)
{
	size_t n = fread(p, 1, max, stdin);

	if (ferror(stdin))
		err(EX_LOCAL, "stdin");
	if (n == max && getchar() != EOF)
		errx(EX_LOCAL, "more than %zu bytes on stdin", max);
	return n;
}

static int
choice(const char *word1, const char *const *names, const char *what)
{
	int i;

	for (i = 0; names[i] != NULL; i++)
		if (strcmp(word1, names[i]) == 0)
			return i;
	errx(EX_LOCAL, "%s: no sub-command \"%s\"", what, word1);
}

int
cmd_config(int argc, char **argv)
{
	static const char *const names[] = {
		"read", "test", "prefix", "set", "force", NULL
	};
	struct target t;
	struct frame req, rep;
	int ccmd = choice(argv[1], names, "config"), status;
	size_t n = 0;

	if ((argc == 4) != (ccmd != 0))
		errx(EX_LOCAL, "config read ADDRESS | "
		    "config test|prefix|set|force ADDRESS STRING|-");
	status = find(argv[2], &t);
	if (status != EX_OKAY)
		return status;
	frame_begin(&req, &t, CMD_CONFIG, C_STR + CONFIG_MAX + 1);
	if (ccmd != 0 && strcmp(argv[3], "-") == 0) {
		n = slurp(req.b + C_STR, CONFIG_MAX + 1);
	} else if (ccmd != 0) {
		n = strnlen(argv[3], CONFIG_MAX + 1);
		memcpy(req.b + C_STR, argv[3], n);
	}
	req.len = C_STR + n;
	req.b[C_CMD] = ccmd;
	put16(req.b + C_LEN, n);
	status = exchange(&req, &rep);
	if (status == EX_SILENT)
		return explain(status, &t, NULL);
	n = get16(rep.b + C_LEN);
	if (rep.len >= C_STR + n && (status == EX_OKAY || rep.b[H_ERR] == 4)) {
		fwrite(rep.b + C_STR, 1, n, stdout);
		putchar('\n');
	}
	return explain(status, &t, &rep);
}

/* mask edit takes +MAC, -MAC and =MAC (directive 0); add and del are sugar. */
static void
put_directive(uint8_t *p, int sub, const char *s)
{
	static const char sign[] = "=+-";

	p[1] = sub - 1;
	if (sub == 1) {
		if (*s == '\0' || strchr(sign, *s) == NULL)
			errx(EX_LOCAL, "mask edit: \"%s\" is not +MAC or -MAC",
			    s);
		p[1] = strchr(sign, *s++) - sign;
	}
	parse_mac(s, p + 2);
}

int
cmd_mask(int argc, char **argv)
{
	static const char *const names[] = {
		"read", "edit", "add", "del", NULL
	};
	struct target t;
	struct frame req, rep;
	int sub = choice(argv[1], names, "mask");
	int i, n = argc - 3, status;

	if (n > 255 || (sub == 0 && n > 0))
		errx(EX_LOCAL, "mask %s: too many addresses", names[sub]);
	status = find(argv[2], &t);
	if (status != EX_OKAY)
		return status;
	frame_begin(&req, &t, CMD_MASK, M_DIR + 8 * (size_t)n);
	req.b[M_CMD] = sub != 0;
	req.b[M_N] = n;
	for (i = 0; i < n; i++)
		put_directive(req.b + M_DIR + 8 * i, sub, argv[i + 3]);
	status = exchange(&req, &rep);
	if (status != EX_OKAY)
		return explain(status, &t, &rep);
	if (rep.b[M_ERR] != 0) {
		warnx("e%u.%u: mask error %u at directive %u", t.shelf, t.slot,
		    rep.b[M_ERR], rep.b[M_N]);
		return EX_AOE;
	}
	for (i = 0; i < rep.b[M_N] && M_DIR + 8U * (i + 1) <= rep.len; i++) {
		print_mac(stdout, rep.b + M_DIR + 8 * i + 2);
		putchar('\n');
	}
	return EX_OKAY;
}

int
cmd_reserve(int argc, char **argv)
{
	static const char *const names[] = { "read", "set", "force", NULL };
	struct target t;
	struct frame req, rep;
	int sub = choice(argv[1], names, "reserve");
	int i, n = argc - 3, status;

	if (n > 255)
		errx(EX_LOCAL, "reserve: too many addresses");
	status = find(argv[2], &t);
	if (status != EX_OKAY)
		return status;
	frame_begin(&req, &t, CMD_RESERVE, R_MAC + 6 * (size_t)n);
	req.b[R_CMD] = sub;
	req.b[R_N] = n;
	for (i = 0; i < n; i++)
		parse_mac(argv[i + 3], req.b + R_MAC + 6 * i);
	status = exchange(&req, &rep);
	if (status == EX_SILENT)
		return explain(status, &t, NULL);
	n = status == EX_OKAY || rep.b[H_ERR] == 6 ? rep.b[R_N] : 0;
	for (i = 0; i < n && R_MAC + 6U * (i + 1) <= rep.len; i++) {
		print_mac(stdout, rep.b + R_MAC + 6 * i);
		putchar('\n');
	}
	return explain(status, &t, &rep);
}
