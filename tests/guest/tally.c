/*
 * tally: sum up a capture of AoE frames by command, as a table.
 *
 *	tally capture.pcap
 *
 * Reads the classic pcap format as tcpdump writes it on this machine.  Frames
 * may be cut short: 64 bytes of each are enough.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCAP_USEC	0xa1b2c3d4U
#define PCAP_NSEC	0xa1b23c4dU
#define SNAP_MAX	262144
#define NKEYS		1048576		/* power of two; a few bytes each */

#define AOE_HDR		24
#define ATA_HDR		36

struct pcap_rec {
	uint32_t	sec, frac, caplen, len;
};

/* One row of the table: a command, or an ATA command. */
struct row {
	unsigned long	requests, resent, replies, ata_errs, aoe_errs, shorts;
	unsigned	sectors_min, sectors_max, len_min, len_max;
	unsigned	aflags;		/* all that were seen, or-ed */
};

/* The last request for a stretch of sectors: to know one that comes again. */
struct pending {
	uint64_t	key;
	uint32_t	tag;
	int		open;		/* no reply so far */
};

static struct row	ata_rows[256], aoe_rows[256];
static struct pending	pendings[NKEYS];
static unsigned long	adverts, foreign, probes;

static const char *
ata_name(unsigned op)
{
	switch (op) {
	case 0x06: return "DATA SET MANAGEMENT";
	case 0x20: return "READ SECTORS";
	case 0x24: return "READ SECTORS EXT";
	case 0x30: return "WRITE SECTORS";
	case 0x34: return "WRITE SECTORS EXT";
	case 0xe7: return "FLUSH CACHE";
	case 0xea: return "FLUSH CACHE EXT";
	case 0xec: return "IDENTIFY DEVICE";
	case 0xef: return "SET FEATURES";
	default: return "";
	}
}

static const char *
aoe_name(unsigned cmd)
{
	switch (cmd) {
	case 1: return "Query Config";
	case 2: return "MAC Mask List";
	case 3: return "Reserve/Release";
	default: return "unknown command";
	}
}

static unsigned
be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static uint64_t
le48(const uint8_t *p)
{
	uint64_t v = 0;
	int i;

	for (i = 5; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

/* Never 0, which marks an empty place. */
static uint64_t
request_key(const uint8_t *f, unsigned op)
{
	uint64_t key = le48(f + 28);

	key = key * 0x9e3779b97f4a7c15U + f[26];
	key = key * 0x9e3779b97f4a7c15U + op;
	key = key * 0x9e3779b97f4a7c15U + be16(f + 16) * 256 + f[18];
	return key | 1;
}

static struct pending *
find_pending(uint64_t key)
{
	size_t i = (key >> 40) & (NKEYS - 1), n;

	for (n = 0; n < NKEYS; n++, i = (i + 1) & (NKEYS - 1))
		if (pendings[i].key == key || pendings[i].key == 0)
			return &pendings[i];
	return NULL;
}

static void
note_request(struct row *row, unsigned len)
{
	if (row->requests++ == 0 || len < row->len_min)
		row->len_min = len;
	if (len > row->len_max)
		row->len_max = len;
}

/*
 * The reply does not name the ATA command, only the tag; so the requests' tags
 * are kept by their low bits.  Tags of one guest differ for a long while.
 */
static struct {
	uint32_t	tag;
	uint8_t		op, used;
	struct pending	*pending;
} tags[65536];

static void
ata_request(const uint8_t *f, unsigned len)
{
	unsigned op = f[27], slot;
	struct row *row = &ata_rows[op];
	struct pending *p = find_pending(request_key(f, op));
	uint32_t tag = be32(f + 20);

	if (row->requests == 0 || f[26] < row->sectors_min)
		row->sectors_min = f[26];
	if (f[26] > row->sectors_max)
		row->sectors_max = f[26];
	row->aflags |= f[24];
	if ((op == 0x20 || op == 0x24) && len > 60)
		probes++;
	note_request(row, len);
	if (p != NULL) {
		if (p->key != 0 && p->open)
			row->resent++;
		p->key = request_key(f, op);
		p->tag = tag;
		p->open = 1;
	}
	slot = (tag * 2654435761U) >> 16;
	tags[slot].tag = tag;
	tags[slot].op = (uint8_t)op;
	tags[slot].used = 1;
	tags[slot].pending = p;
}

static void
ata_reply(const uint8_t *f, unsigned len)
{
	uint32_t tag = be32(f + 20);
	unsigned slot = (tag * 2654435761U) >> 16;
	struct row *row;

	if (!tags[slot].used || tags[slot].tag != tag) {
		foreign++;
		return;
	}
	row = &ata_rows[tags[slot].op];
	row->replies++;
	if (f[14] & 4)
		row->aoe_errs++;
	else if (f[27] & 0xa9)
		row->ata_errs++;
	if (len < 60)
		row->shorts++;
	if (tags[slot].pending != NULL)
		tags[slot].pending->open = 0;
}

static void
other_frame(const uint8_t *f, unsigned len, int reply)
{
	static const uint8_t all[6] = { 255, 255, 255, 255, 255, 255 };
	struct row *row = &aoe_rows[f[19]];

	if (!reply) {
		note_request(row, len);
		return;
	}
	if (memcmp(f, all, 6) == 0)
		adverts++;
	else
		row->replies++;
	if (f[14] & 4)
		row->aoe_errs++;
	if (len < 60)
		row->shorts++;
}

static void
frame(const uint8_t *f, unsigned caplen, unsigned len)
{
	int reply;

	if (caplen < AOE_HDR || be16(f + 12) != 0x88a2)
		return;
	reply = (f[14] & 8) != 0;
	if (f[19] != 0)
		other_frame(f, len, reply);
	else if (caplen < ATA_HDR)
		return;
	else if (reply)
		ata_reply(f, len);
	else
		ata_request(f, len);
}

static void
print_row(const char *name, unsigned code, const struct row *r, int ata)
{
	char what[40], sectors[16] = "", flags[8] = "", len[24];

	if (r->requests == 0)
		return;
	if (ata) {
		snprintf(what, sizeof(what), "%s %02X", name, code);
		snprintf(sectors, sizeof(sectors), "%u-%u", r->sectors_min,
		    r->sectors_max);
		snprintf(flags, sizeof(flags), "%s%s%s%s",
		    r->aflags & 0x40 ? "E" : "", r->aflags & 0x10 ? "D" : "",
		    r->aflags & 2 ? "A" : "", r->aflags & 1 ? "W" : "");
	} else
		snprintf(what, sizeof(what), "%s", name);
	snprintf(len, sizeof(len), r->len_min == r->len_max ? "%u" : "%u-%u",
	    r->len_min, r->len_max);
	printf("| %-20s | %8lu | %6lu | %7s | %5s | %9s | %8lu | %4lu | %4lu "
	    "| %5lu |\n", what, r->requests, r->resent, sectors, flags, len,
	    r->replies, r->ata_errs, r->aoe_errs, r->shorts);
}

int
main(int argc, char **argv)
{
	static uint8_t buf[SNAP_MAX];
	uint32_t head[6];
	struct pcap_rec rec;
	FILE *fp;
	unsigned i;

	if (argc != 2) {
		fprintf(stderr, "usage: tally capture.pcap\n");
		return 2;
	}
	if ((fp = fopen(argv[1], "rb")) == NULL ||
	    fread(head, sizeof(head), 1, fp) != 1) {
		perror(argv[1]);
		return 1;
	}
	if (head[0] != PCAP_USEC && head[0] != PCAP_NSEC) {
		fprintf(stderr, "tally: %s: not a pcap file\n", argv[1]);
		return 1;
	}
	/* A last record that is cut short is where the capture was ended. */
	while (fread(&rec, sizeof(rec), 1, fp) == 1 &&
	    rec.caplen <= sizeof(buf) && fread(buf, rec.caplen, 1, fp) == 1)
		frame(buf, rec.caplen, rec.len);
	fclose(fp);

	printf("| %-20s | %8s | %6s | %7s | %5s | %9s | %8s | %4s | %4s | %5s "
	    "|\n", "request", "sent", "resent", "sectors", "flags", "bytes",
	    "replies", "ERR", "E", "short");
	printf("|---|---|---|---|---|---|---|---|---|---|\n");
	for (i = 1; i < 256; i++)
		print_row(aoe_name(i), i, &aoe_rows[i], 0);
	for (i = 0; i < 256; i++)
		print_row(ata_name(i), i, &ata_rows[i], 1);
	if (probes != 0)
		printf("and %lu of the reads carried data: probes of a path\n",
		    probes);
	if (adverts != 0)
		printf("and %lu adverts from targets\n", adverts);
	if (foreign != 0)
		printf("and %lu replies to no request that was captured\n",
		    foreign);
	return 0;
}
