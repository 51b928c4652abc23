/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The allowlist in memory: a set of entries, sorted by (family, addr, prefixlen, rest) so that a
 * prefix comes right before everything it covers. Pure: the maps are maps.c's business.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include "HostIsolation/layout.h"
#include "HostIsolation/error.h"

struct allow_entry {
	struct entry_key key;
	struct entry_value value;
};

/* `origins` is indexed by entry_value.origin. */
struct allowlist {
	struct allow_entry *entries;
	size_t count, capacity;
	struct origin *origins;
	size_t origin_count, origin_capacity;
	bool sorted;
};

void allowlist_free(struct allowlist *list);

/* Appends; a key that is there already twice is merged by allowlist_sort(): the later one wins
 * `until` (a permanent one is not shortened unless the newer says so: newest wins) and `origin`,
 * hits are added. -ENOMEM. */
int allowlist_add(struct allowlist *list, const struct entry_key *key, __u64 until, __u32 origin);
int allowlist_add_origin(struct allowlist *list, const struct origin *origin, __u32 *index);
/* Sorts and merges duplicates; stable, so the newest is known. O(n log n). */
void allowlist_sort(struct allowlist *list);
/* Sorted list only. NULL when not there. */
struct allow_entry *allowlist_find(struct allowlist *list, const struct entry_key *key);
/* Removes the exact key; -ENOENT. */
int allowlist_remove(struct allowlist *list, const struct entry_key *key);
/* Drops entries whose deadline lies before `now`, and origins nobody refers to (renumbering).
 * Returns how many entries went. */
size_t allowlist_expire(struct allowlist *list, __u64 now);
size_t allowlist_count(const struct allowlist *list, int family);

/* Would both directions of this TCP connection pass? begun_by: DIR_IN when the peer connected to
 * us. peer/local ports in host order; addr in layout.h's form. The same answer as the filter gives.
 */
bool allowlist_admits_tcp(struct allowlist *list, int family, const __u8 peer[16], __u16 peer_port,
			  __u16 local_port, int begun_by, __u64 now);
