/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An interpreter of classic BPF, after bpf(4): what the tests run the filters
 * with.  It shares nothing with the code that makes them.
 */
#ifndef BPFVM_H
#define BPFVM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm_insn {
	uint16_t	code;
	uint8_t		jt, jf;
	uint32_t	k;
};

/* Bytes of a packet of len bytes that the program accepts; 0: rejected.  What
 * the filters of ours have no use for is refused: *bad is set. */
static inline uint32_t
vm_run(const struct vm_insn *prog, size_t n, const uint8_t *pkt, size_t len,
    bool *bad)
{
	uint32_t a = 0;
	size_t pc;

	for (pc = 0; pc < n; pc++) {
		const struct vm_insn *i = &prog[pc];
		size_t size = 0;

		switch (i->code) {
		case 0x20:	/* ld  [k] */
			size += 2;
			/* FALLTHROUGH */
		case 0x28:	/* ldh [k] */
			size += 1;
			/* FALLTHROUGH */
		case 0x30:	/* ldb [k] */
			size += 1;
			if (i->k > len || size > len - i->k)
				return 0;
			for (a = 0; size > 0; size--)
				a = a << 8 | pkt[i->k + (i->code == 0x20 ? 4U :
				    i->code == 0x28 ? 2U : 1U) - size];
			break;
		case 0x05:	/* jmp k */
			pc += i->k;
			break;
		case 0x15:	/* jeq */
			pc += a == i->k ? i->jt : i->jf;
			break;
		case 0x25:	/* jgt */
			pc += a > i->k ? i->jt : i->jf;
			break;
		case 0x35:	/* jge */
			pc += a >= i->k ? i->jt : i->jf;
			break;
		case 0x45:	/* jset */
			pc += (a & i->k) != 0 ? i->jt : i->jf;
			break;
		case 0x54:	/* and k */
			a &= i->k;
			break;
		case 0x06:	/* ret k */
			return i->k;
		default:
			*bad = true;
			return 0;
		}
	}
	*bad = true;		/* ran off its end */
	return 0;
}

#endif
