/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * initiator: the other end of the wire.  A small ATA-over-Ethernet initiator
 * for tests, demonstrations and curious people.
 *
 * It shares no line with vblade, on purpose: it is a second reading of the
 * protocol, so that a mistake in one is not excused by the other.  For the
 * same reason it is strict: whatever it receives must be what the protocol
 * asks for to the byte, padding included, or it exits 6.
 */

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "initiator.h"

struct opt	opt = { .timeout = 500, .tries = 3 };

static const struct command {
	const char *name;
	int	min, max;	/* arguments */
	int	(*run)(int, char **);
	const char *args, *help;
} commands[] = {
	{ "discover", 0, 1, cmd_discover, "[ADDR]",
	    "who is there" },
	{ "identify", 1, 2, cmd_identify, "[--words] ADDR",
	    "what the disk says of itself" },
	{ "read", 3, 3, cmd_read, "ADDR LBA NSEC",
	    "sectors to stdout" },
	{ "write", 2, 2, cmd_write, "ADDR LBA",
	    "sectors from stdin" },
	{ "stamp", 4, 4, cmd_stamp, "ADDR LBA NSEC GEN",
	    "write sectors that know their place" },
	{ "verify", 4, 4, cmd_verify, "ADDR LBA NSEC GEN",
	    "read and check them; GEN 0 is zeros" },
	{ "flush", 1, 1, cmd_flush, "ADDR",
	    "all writes to stable storage" },
	{ "trim", 3, 510, cmd_trim, "ADDR LBA NSEC ...",
	    "sectors that nobody needs" },
	{ "config", 2, 3, cmd_config,
	    "read|test|prefix|set|force ADDR [STRING|-]",
	    "the config string" },
	{ "mask", 2, 257, cmd_mask,
	    "read|add|del|edit ADDR [[+|-]MAC ...]",
	    "who may talk" },
	{ "reserve", 2, 257, cmd_reserve, "read|set|force ADDR [MAC ...]",
	    "who may use the disk" },
	{ "ata", 2, 32, cmd_ata, "ADDR OPCODE [feature= count= lba= flags= "
	    "data=FILE out=FILE]", "any ATA command; registers out" },
	{ "raw", 1, 255, cmd_raw, "HEX ... | -",
	    "frames in hex, one per argument or line; answers in hex, until\n"
	    "    each may have had one" },
	{ "turns", 1, 1, cmd_turns, "IFNAME",
	    "frames in hex from stdin, by -i and IFNAME in turn" },
	{ "listen", 0, 1, cmd_listen, "[MAX]",
	    "print AoE frames in hex until the timeout" },
	{ "adverts", 0, 1, cmd_listen, "[MAX]",
	    "print those that nobody asked for: tag 0" },
	{ "load", 1, 64, cmd_load, "[-fO] [-F flush%] [-G giveup_ms] "
	    "[-m maxsec]\n\t[-N requests] [-o journal] [-r read%] "
	    "[-R first,sectors]\n\t[-s seed] [-T seconds] [-w window] "
	    "[-y writer[,other...]]\n\t[-Y first,sectors] ADDR",
	    "random traffic, every byte checked; with -y and -Y beside\n"
	    "    others, with -f after a target that moves" },
	{ "check", 2, 3, cmd_check, "FILE JOURNAL [OFFSET]",
	    "does a load's journal agree with the backing file" },
	{ NULL, 0, 0, NULL, NULL, NULL }
};

static void
usage(FILE *fp)
{
	const struct command *c;

	fputs("usage: initiator [-2Lv] [-a mac] [-c sectors] [-i ifname] "
	    "[-n tries]\n\t[-S mac] [-t timeout_ms] command ...\n"
	    "  -2 28-bit commands  -L lax: forgive faults  -v show frames\n"
	    "  -a target's address  -S our address  -c sectors a command\n",
	    fp);
	for (c = commands; c->name != NULL; c++)
		fprintf(fp, "%s %s\n    %s\n", c->name, c->args, c->help);
	fputs("exit: 0 fine, 1 local error, 2 no answer, 3 AoE error, "
	    "4 ATA error,\n    5 data differs, 6 protocol fault\n", fp);
}

static void
options(int argc, char **argv)
{
	int ch;

	opt.ifname = getenv("AOE_IF");
	while ((ch = getopt(argc, argv, "+2La:c:hi:n:S:t:v")) != -1)
		switch (ch) {
		case '2':
			opt.narrow = 1;
			break;
		case 'L':
			opt.lax = 1;
			break;
		case 'a':
			parse_mac(optarg, opt.dst);
			opt.have_dst = 1;
			break;
		case 'c':
			opt.count = number("-c", optarg, 127);
			break;
		case 'h':
			usage(stdout);
			exit(EX_OKAY);
		case 'i':
			opt.ifname = optarg;
			break;
		case 'n':
			opt.tries = number("-n", optarg, 1000);
			break;
		case 'S':
			parse_mac(optarg, opt.src);
			opt.have_src = 1;
			break;
		case 't':
			opt.timeout = number("-t", optarg, 1 << 30);
			break;
		case 'v':
			opt.verbose = 1;
			break;
		default:
			usage(stderr);
			exit(EX_LOCAL);
		}
}

int
main(int argc, char **argv)
{
	const struct command *c;
	int status;

	options(argc, argv);
	argc -= optind;
	argv += optind;
	if (argc < 1) {
		usage(stderr);
		return EX_LOCAL;
	}
	for (c = commands; c->name != NULL; c++)
		if (strcmp(c->name, argv[0]) == 0)
			break;
	if (c->name == NULL)
		errx(EX_LOCAL, "no command \"%s\"; -h lists them", argv[0]);
	if (argc - 1 < c->min || argc - 1 > c->max)
		errx(EX_LOCAL, "usage: %s %s", c->name, c->args);
	status = c->run(argc, argv);
	return nfaults > 0 ? EX_FAULT : status;
}
