/* SPDX-License-Identifier: BSD-2-Clause */
/* Established and listening TCP sockets of several network namespaces, to look things up in. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include "HostIsolation/sockdiag.h"

#define SOCK_INDEX_NETNS_MAX 1024 /* past this, what lives in further ones is not found */

struct sock_index {
	struct sock_vec socks;
	struct sock_index_netns {
		__u64 inode;
		size_t first, end; /* in socks */
	} netns[SOCK_INDEX_NETNS_MAX];
	size_t netns_count;
	__u64 own_netns;
	bool all;  /* every namespace of /proc was read */
	int error; /* the first namespace that could not be read: -errno, and in words: */
	struct error why;
};

/* Zero it, then free it at the end. */
void sock_index_free(struct sock_index *x);

/* Reads the namespace of a process, or those of all processes, unless that was done already.
 * Indexes into socks stay valid, pointers do not. Failures go to x->error. */
void sock_index_load_pid(struct sock_index *x, int pid);
void sock_index_load_all(struct sock_index *x);

#define NO_SOCKET ((size_t)-1)

/* The established socket with these ends (ports in host order), or NO_SOCKET. */
size_t sock_index_find(const struct sock_index *x, int family, const __u8 peer[16], __u16 peer_port,
		       const __u8 local[16], __u16 local_port);

/* For a conversation of a host with itself: its other socket; else NO_SOCKET. */
size_t sock_index_far_end(const struct sock_index *x, size_t at);

/* Somebody listens on its local port, so the peer began it. */
bool sock_index_is_inbound(const struct sock_index *x, size_t at);

__u64 sock_index_netns_of(const struct sock_index *x, size_t at);
