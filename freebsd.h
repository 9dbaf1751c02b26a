/* SPDX-License-Identifier: GPL-2.0-only */
/* What FreeBSD's files share with each other. */

/*
 * Look at one interface as it is now, by any socket and, unless it is -1, the
 * descriptor that is attached to it: the MTU is what can really be sent.
 * Returns -1 with errno when it is not there (ENXIO), or cannot carry AoE
 * (EPROTOTYPE).
 */
int	freebsd_look(int ask_fd, int bpf_fd, struct link *);

/* Let only requests to shelf.slot in, and only its answers out.  Return -1 with
 * errno. */
int	freebsd_hear(int bpf_fd, unsigned shelf, unsigned slot);
int	freebsd_speak(int bpf_fd, unsigned shelf, unsigned slot);

/*
 * From now on fd is good for these rights, and these ioctls if there are any.
 * Leaves the process with a message when that fails; without Capsicum in the
 * kernel it does nothing.
 */
void	freebsd_limit(int fd, const cap_rights_t *, const unsigned long *ioctls,
	    size_t nioctls);
