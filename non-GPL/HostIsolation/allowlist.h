/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The allowlist in memory: a set of entries, sorted by (family, addr, prefixlen, rest) so that a
 * prefix comes right before everything it covers. Pure: the maps are bank.c's business.
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
	bool sorted; /* and without duplicates */
};

void allowlist_free(struct allowlist *list);

/* Appends, with no hits; `key` as entry_parse() writes it. When a key is there more than once,
 * allowlist_sort() merges: the newest wins `until` (also when that is sooner) and `origin`, hits
 * are added. -ENOMEM. */
int allowlist_add(struct allowlist *list, const struct entry_key *key, __u64 until, __u32 origin);
int allowlist_add_origin(struct allowlist *list, const struct origin *origin, __u32 *index);
/* Sorts and merges duplicates; stable, so the newest is known. O(n log n), nothing when sorted. */
void allowlist_sort(struct allowlist *list);
/* Sorted list only (it is sorted first when it is not). NULL when not there. */
struct allow_entry *allowlist_find(struct allowlist *list, const struct entry_key *key);
/* Removes the exact key; -ENOENT. O(n): for many keys there is the next one. */
int allowlist_remove(struct allowlist *list, const struct entry_key *key);
/* Removes all of these keys and returns how many entries went. O((n + count) log n). */
size_t allowlist_remove_keys(struct allowlist *list, const struct entry_key *keys, size_t count);
/* Drops entries whose deadline is not after `now`, and origins nobody refers to (renumbering).
 * Returns how many entries went. */
size_t allowlist_expire(struct allowlist *list, __u64 now);
size_t allowlist_count(const struct allowlist *list, int family);

/*
 * Would this TCP connection pass, both ways and from its first SYN on? begun_by: DIR_IN when the
 * peer connected to us. peer/local ports in host order; addr in layout.h's form. The same answer as
 * the filter gives to such a connection. (To one that is established the filter also gives what a
 * rule of the other direction admits; but it could not be opened again, so that counts as no.)
 */
bool allowlist_admits_tcp(const struct allowlist *list, int family, const __u8 peer[16],
			  __u16 peer_port, __u16 local_port, int begun_by, __u64 now);
/* The same for any protocol with ports (UDP: as if the flow were known). */
bool allowlist_admits(const struct allowlist *list, int family, const __u8 peer[16], int proto,
		      __u16 peer_port, __u16 local_port, int begun_by, __u64 now);
