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

/*
 * A descriptor that becomes readable when an interface changes, and soon tells
 * how these nlinks are.  Leaves the process with a message when there is none.
 */
int	linux_news(const struct link *, int nlinks);

/*
 * Hear all that it tells: owner[i] is the index of the interface that the i-th
 * of nlinks is a part of, 0: none.  When that changes the operator is told what
 * it means, and an advert is due when it ends; fd is any socket, to ask for
 * names.  Returns false when the kernel had to drop some: linux_ask then, when
 * the links' index is right.
 */
bool	linux_heed(int news_fd, int fd, struct link *, int *owner, int nlinks);

/* Let it tell how these are now. */
void	linux_ask(int news_fd, const struct link *, int nlinks);
