/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line. */

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "dat.h"
#include "fns.h"

#define USAGE	"usage: vblade [-a] [-b bufcnt] [-c file] [-d] [-k] [-s] " \
	"[-r] [-m mac[,mac...]] [-o offset] [-l length] [-u user] [-v] " \
	"shelf slot netif filename"

static void
help(void)
{
	printf(USAGE "\n\n"
	    "Export a file or block device by ATA over Ethernet.\n\n"
	    "  -a         another target may have this address, too\n"
	    "  -b bufcnt  requests that an initiator may have waiting (%d)\n"
	    "  -c file    keep config string, mask and reservation here\n"
	    "  -d         direct I/O, past the page cache\n"
	    "  -k         refuse initiators that would change those three\n"
	    "  -s         answer a write when it is on stable storage\n"
	    "  -r         read-only\n"
	    "  -m mac,... answer only these initiators\n"
	    "  -o offset  first sector to export (0)\n"
	    "  -l length  sectors to export (the rest)\n"
	    "  -u user    whom root becomes (nobody)\n"
	    "  -v         tell of discovery, mask and reservation changes, "
	    "too\n"
	    "  -h, -V     this text; the version\n\n"
	    "shelf is 0 to %d, slot 0 to %d; sectors have %d bytes.\n",
	    DEF_BUFS, AOE_ALLSHELF - 1, AOE_ALLSLOT - 1, SECTOR);
}

static uint64_t
number(const char *what, const char *s, uint64_t min, uint64_t max)
{
	unsigned long long v = 0;
	char *end = NULL;

	errno = 0;
	if (*s >= '0' && *s <= '9')
		v = strtoull(s, &end, 10);
	if (end == NULL || *end != '\0' || errno != 0 || v < min || v > max)
		errx(1, "%s %s: give a whole number from %" PRIu64
		    " to %" PRIu64, what, s, min, max);
	return v;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Read one address of len characters: twelve digits, with a colon between
 * all pairs or between none. */
static int
parse_mac(const char *s, size_t len, uint8_t mac[static 6])
{
	size_t i, step = len == 17 ? 3 : 2;
	int high, low;

	if (len != 12 && len != 17)
		return -1;
	for (i = 0; i < 6; i++, s += step) {
		high = hex(s[0]);
		low = hex(s[1]);
		if (high == -1 || low == -1 ||
		    (step == 3 && i < 5 && s[2] != ':'))
			return -1;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

static void
add_masks(struct maclist *l, const char *s)
{
	uint8_t mac[6];
	size_t len;

	for (;; s += len + 1) {
		len = strcspn(s, ",");
		if (parse_mac(s, len, mac) == -1)
			errx(1, "-m %.*s: not an address; give it as "
			    "00:11:22:aa:bb:cc or 001122aabbcc", (int)len, s);
		if ((mac[0] & 1) != 0)
			errx(1, "-m %.*s: a multicast address sends nothing; "
			    "give the initiator's own", (int)len, s);
		if (mac_add(l, mac, MAX_MACS) == -1)
			errx(1, "-m: more than %d addresses; give fewer",
			    MAX_MACS);
		if (s[len] == '\0')
			break;
	}
}

/* Options, up to what is none. */
static void
options(struct target *t, struct args *a, int argc, char **argv)
{
	static const struct option words[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	struct disk *d = &t->disk;
	int at, c;

	while (at = optind, (c = getopt_long(argc, argv,
	    "+:ab:c:dkl:m:o:rsu:vhV", words, NULL)) != -1)
		switch (c) {
		case 'a':
			t->shared = true;
			break;
		case 'b':
			t->bufcnt = (uint16_t)number("-b", optarg, MIN_BUFS,
			    MAX_BUFS);
			break;
		case 'c':
			a->state = optarg;
			break;
		case 'd':
			d->direct = true;
			break;
		case 'k':
			t->keep = true;
			break;
		case 'l':
			d->length = number("-l", optarg, 1,
			    INT64_MAX / SECTOR);
			break;
		case 'm':
			add_masks(&t->masks, optarg);
			break;
		case 'o':
			d->first = number("-o", optarg, 0,
			    INT64_MAX / SECTOR);
			break;
		case 'r':
			d->readonly = true;
			break;
		case 's':
			d->stable = true;
			break;
		case 'u':
			a->user = optarg;
			break;
		case 'v':
			a->verbose = true;
			break;
		case 'h':
			help();
			exit(0);
		case 'V':
			printf("vblade %s\n", VERSION);
			exit(0);
		default:
			errx(1, "%s: %s; " USAGE, argv[at], c == ':' ?
			    "needs a value" : "no such option");
		}
}

void
args_parse(struct target *t, struct args *a, int argc, char **argv)
{
	char **arg;
	int n;

	t->bufcnt = DEF_BUFS;
	options(t, a, argc, argv);
	arg = argv + optind;
	n = argc - optind;
	if (n > 4) {		/* vblade 25 takes options there, too */
		optind += 4;
		options(t, a, argc, argv);
		n = 4 + argc - optind;
	}
	if (n != 4)
		errx(1, "%d arguments instead of 4; " USAGE, n);
	t->shelf = (uint16_t)number("shelf", arg[0], 0, AOE_ALLSHELF - 1);
	t->slot = (uint8_t)number("slot", arg[1], 0, AOE_ALLSLOT - 1);
	if (t->shelf == 4095)
		log_event(LOG_WARNING,
		    "shelf 4095: the Linux initiator refuses it");
	a->netif = arg[2];
	t->disk.path = arg[3];
}
