/* SPDX-License-Identifier: GPL-2.0-only */
/* What Linux's files share with each other. */

/*
 * Look at one interface as it is now, by any socket.  Returns -1 with errno
 * when it is not there (ENODEV), or cannot carry AoE (EPROTOTYPE).
 */
int	linux_look(int fd, struct link *);

/*
 * Let only requests to shelf.slot in, and only on these nlinks interfaces; what
 * went in before stays.  Again whenever the index of one has changed.  Returns
 * -1 with errno.
 */
int	linux_hear(int fd, const struct link *, int nlinks, unsigned shelf,
	    unsigned slot);

/* A descriptor that becomes readable when an interface changes.  Leaves the
 * process with a message when there is none. */
int	linux_news(void);
