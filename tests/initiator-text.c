/* SPDX-License-Identifier: GPL-2.0-only */
/* Bytes, numbers and names: what is read from words, and printed. */

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "initiator.h"

unsigned
get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

void
put16(uint8_t *p, unsigned v)
{
	p[0] = v >> 8;
	p[1] = v;
}

void
put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

uint64_t
getle(const uint8_t *p, int n)
{
	uint64_t v;

	for (v = 0; n > 0; n--)
		v = v << 8 | p[n - 1];
	return v;
}

void
putle(uint8_t *p, int n, uint64_t v)
{
	for (; n > 0; n--, v >>= 8)
		*p++ = v;
}

int64_t
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

uint64_t
number(const char *what, const char *s, uint64_t max)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(s, &end, 0);
	if (!isdigit((unsigned char)*s) || *end != '\0' || errno != 0 ||
	    v > max)
		errx(EX_LOCAL, "%s \"%s\": want a number from 0 to %" PRIu64,
		    what, s, max);
	return v;
}

static int
hexdigit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = tolower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Two digits, or -1. */
int
hexbyte(const char *s)
{
	const int high = hexdigit(s[0]);
	const int low = high == -1 ? -1 : hexdigit(s[1]);

	return low == -1 ? -1 : high << 4 | low;
}

void
parse_mac(const char *s, uint8_t mac[6])
{
	const char *p = s;
	int i, byte;

	for (i = 0; i < 6; i++) {
		if (i > 0 && *p == ':')
			p++;
		if ((byte = hexbyte(p)) < 0)
			break;
		mac[i] = byte;
		p += 2;
	}
	if (i < 6 || *p != '\0')
		errx(EX_LOCAL, "\"%s\" is not a MAC address", s);
}

/* One half of an address: a decimal number up to max, or * for any. */
static unsigned
parse_part(const char *whole, const char **p, unsigned any)
{
	unsigned long v;
	char *end;

	if (**p == '*') {
		++*p;
		return any;
	}
	v = strtoul(*p, &end, 10);
	if (!isdigit((unsigned char)**p) || v > any)
		errx(EX_LOCAL, "\"%s\" is not an address such as e9.0 or e*.*",
		    whole);
	*p = end;
	return v;
}

void
parse_target(const char *s, struct target *t)
{
	const char *p = s + (*s == 'e');

	memset(t, 0, sizeof(*t));
	t->shelf = parse_part(s, &p, ANY_SHELF);
	if (*p++ != '.')
		errx(EX_LOCAL, "\"%s\" is not an address such as e9.0", s);
	t->slot = parse_part(s, &p, ANY_SLOT);
	if (*p != '\0')
		errx(EX_LOCAL, "\"%s\" is not an address such as e9.0", s);
}

int
is_wild(const struct target *t)
{
	return t->shelf == ANY_SHELF || t->slot == ANY_SLOT;
}

void
print_mac(FILE *fp, const uint8_t *m)
{
	fprintf(fp, "%02x:%02x:%02x:%02x:%02x:%02x",
	    m[0], m[1], m[2], m[3], m[4], m[5]);
}

void
print_hex(FILE *fp, const uint8_t *p, size_t n)
{
	while (n-- > 0)
		fprintf(fp, "%02x", *p++);
	putc('\n', fp);
	fflush(fp);
}

/* Text from the wire, on one line and safe for a terminal. */
void
print_text(FILE *fp, const uint8_t *p, size_t n)
{
	for (; n > 0; n--, p++)
		if (isprint(*p) && *p != '\\')
			putc(*p, fp);
		else
			fprintf(fp, "\\x%02x", *p);
}
