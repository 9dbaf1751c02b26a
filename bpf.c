/* SPDX-License-Identifier: GPL-2.0-only */
/* The one receive filter, in the classic BPF that Linux and the BSDs share. */

#include "dat.h"
#include "fns.h"

enum {				/* classic BPF, as bpf(4) numbers it */
	LDH	= 0x28,		/* A = big-endian 16 bits at k */
	LDB	= 0x30,		/* A = the byte at k */
	JEQ	= 0x15,		/* A == k ? jt : jf */
	JSET	= 0x45,		/* A & k ? jt : jf */
	RET	= 0x06,		/* accept k bytes; 0 rejects */
};

/*
 * A load beyond the frame's end rejects it.  On a link with many blades each
 * frame passes every blade's filter, so what sets blades apart comes first.
 */
void
bpf_aoe(struct bpf_op prog[static BPF_AOE_OPS], unsigned shelf, unsigned slot)
{
	const struct bpf_op ops[BPF_AOE_OPS] = {
		/* the shelf is ours, or all */
		{ LDH, 0, 0, offsetof(struct aoe_hdr, shelf) },
		{ JEQ, 1, 0, shelf },
		{ JEQ, 0, 13, AOE_ALLSHELF },
		/* the slot is ours, or all */
		{ LDB, 0, 0, offsetof(struct aoe_hdr, slot) },
		{ JEQ, 1, 0, slot },
		{ JEQ, 0, 10, AOE_ALLSLOT },
		/* it asks; responses belong to initiators ... */
		{ LDB, 0, 0, offsetof(struct aoe_hdr, ver_flags) },
		{ JSET, 0, 6, AOE_R },
		/* ... but for those by which another target shows that it
		 * has our address */
		{ LDB, 0, 0, offsetof(struct aoe_hdr, cmd) },
		{ JEQ, 0, 6, AOE_CONFIG },
		{ LDH, 0, 0, offsetof(struct aoe_hdr, shelf) },
		{ JEQ, 0, 4, shelf },
		{ LDB, 0, 0, offsetof(struct aoe_hdr, slot) },
		{ JEQ, 0, 2, slot },
		/* it is AoE at all */
		{ LDH, 0, 0, offsetof(struct aoe_hdr, type) },
		{ JEQ, 1, 0, ETH_AOE },
		{ RET, 0, 0, 0 },
		{ RET, 0, 0, 0x40000 },
	};

	memcpy(prog, ops, sizeof(ops));
}
