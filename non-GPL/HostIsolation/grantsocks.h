/* SPDX-License-Identifier: BSD-2-Clause */
/* The sockets that granted processes hold: what must live on when connections are reset. */
#pragma once

#include <stdbool.h>
#include "HostIsolation/maps.h"

struct granted_socks {
	__u64 *inodes; /* sorted */
	size_t count, capacity;
};

/* -errno with a line. Without grants: none, at no cost. */
int granted_socks_read(const struct maps *maps, struct granted_socks *out, struct error *err);
void granted_socks_free(struct granted_socks *s);
bool granted_socks_have(const struct granted_socks *s, __u64 inode);
