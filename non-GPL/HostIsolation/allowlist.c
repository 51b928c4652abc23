// SPDX-License-Identifier: BSD-2-Clause
/* The allowlist in memory: a sorted set of entries, and who added them. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include "HostIsolation/allowlist.h"
#include "HostIsolation/prefix.h"

#define FIRST_CAPACITY 64

void allowlist_free(struct allowlist *list)
{
	free(list->entries);
	free(list->origins);
	memset(list, 0, sizeof(*list));
}

/* Room for one more; *items is untouched on failure. */
static int grow(void **items, size_t *capacity, size_t count, size_t size)
{
	size_t more = *capacity ? *capacity * 2 : FIRST_CAPACITY;
	void *p;

	if (count < *capacity)
		return 0;
	p = reallocarray(*items, more, size);
	if (!p)
		return -ENOMEM;
	*items = p;
	*capacity = more;
	return 0;
}

#define COMPARE(a, b)                                                                              \
	do {                                                                                       \
		if ((a) != (b))                                                                    \
			return (a) < (b) ? -1 : 1;                                                 \
	} while (0)

static int compare_keys(const struct entry_key *a, const struct entry_key *b)
{
	int ret;

	COMPARE(a->family, b->family);
	ret = memcmp(a->addr, b->addr, sizeof(a->addr));
	if (ret)
		return ret;
	COMPARE(a->prefixlen, b->prefixlen);
	COMPARE(b->dir, a->dir); /* address-only ones first */
	COMPARE(a->proto, b->proto);
	COMPARE(a->port_lo, b->port_lo);
	COMPARE(a->port_hi, b->port_hi);
	return 0;
}

int allowlist_add(struct allowlist *list, const struct entry_key *key, __u64 until, __u32 origin)
{
	int ret =
		grow((void **)&list->entries, &list->capacity, list->count, sizeof(*list->entries));
	struct allow_entry *last;

	if (ret < 0)
		return ret;
	last = &list->entries[list->count];
	list->sorted = !list->count || (list->sorted && compare_keys(&last[-1].key, key) < 0);
	*last = (struct allow_entry){.key = *key, .value = {.until = until, .origin = origin}};
	list->count++;
	return 0;
}

int allowlist_add_origin(struct allowlist *list, const struct origin *origin, __u32 *index)
{
	int ret = grow((void **)&list->origins, &list->origin_capacity, list->origin_count,
		       sizeof(*list->origins));

	if (ret < 0)
		return ret;
	list->origins[list->origin_count] = *origin;
	*index = list->origin_count++;
	return 0;
}

/* qsort() keeps no order among equals: `pad` holds each one's place meanwhile. */
static int compare_entries(const void *a, const void *b)
{
	const struct allow_entry *x = a, *y = b;
	int ret = compare_keys(&x->key, &y->key);

	if (ret)
		return ret;
	return x->value.pad < y->value.pad ? -1 : x->value.pad > y->value.pad;
}

static void merge_duplicates(struct allowlist *list)
{
	struct allow_entry *to = list->entries, *from = list->entries;
	struct allow_entry *end = list->entries + list->count;

	for (; from < end; from++) {
		from->value.pad = 0;
		if (to > list->entries && !compare_keys(&to[-1].key, &from->key)) {
			from->value.packets += to[-1].value.packets;
			from->value.bytes += to[-1].value.bytes;
			to[-1] = *from;
		} else {
			*to++ = *from;
		}
	}
	list->count = to - list->entries;
}

void allowlist_sort(struct allowlist *list)
{
	if (!list->sorted && list->count) {
		for (size_t i = 0; i < list->count; i++)
			list->entries[i].value.pad = i;
		qsort(list->entries, list->count, sizeof(*list->entries), compare_entries);
		merge_duplicates(list);
	}
	list->sorted = true;
}

static int compare_to_key(const void *key, const void *entry)
{
	return compare_keys(key, &((const struct allow_entry *)entry)->key);
}

struct allow_entry *allowlist_find(struct allowlist *list, const struct entry_key *key)
{
	allowlist_sort(list);
	if (!list->count)
		return NULL;
	return bsearch(key, list->entries, list->count, sizeof(*list->entries), compare_to_key);
}

int allowlist_remove(struct allowlist *list, const struct entry_key *key)
{
	return allowlist_remove_keys(list, key, 1) ? 0 : -ENOENT;
}

/* Drops the entries that `gone` names; returns how many. Keeps the order. */
static size_t drop(struct allowlist *list, bool (*gone)(const struct entry_value *v, __u64 arg),
		   __u64 arg)
{
	size_t kept = 0, before = list->count;

	for (size_t i = 0; i < before; i++)
		if (!gone(&list->entries[i].value, arg))
			list->entries[kept++] = list->entries[i];
	list->count = kept;
	return before - kept;
}

static bool is_marked(const struct entry_value *v, __u64 arg)
{
	return v->pad;
}

size_t allowlist_remove_keys(struct allowlist *list, const struct entry_key *keys, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct allow_entry *e = allowlist_find(list, &keys[i]);

		if (e)
			e->value.pad = 1; /* marked: taken out below, all at once */
	}
	return drop(list, is_marked, 0);
}

static bool is_expired(const struct entry_value *v, __u64 now)
{
	return v->until <= now && v->until != FOREVER;
}

/* Keeps the origins that an entry refers to. Their new numbers lie in `pad` of the old ones. */
static void drop_origins(struct allowlist *list)
{
	__u32 kept = 0;

	for (size_t i = 0; i < list->origin_count; i++)
		list->origins[i].pad = 0;
	for (size_t i = 0; i < list->count; i++)
		if (list->entries[i].value.origin < list->origin_count)
			list->origins[list->entries[i].value.origin].pad = 1;
	for (size_t i = 0; i < list->origin_count; i++)
		list->origins[i].pad = list->origins[i].pad ? ++kept : 0;
	for (size_t i = 0; i < list->count; i++) {
		__u32 *origin = &list->entries[i].value.origin;

		if (*origin < list->origin_count)
			*origin = list->origins[*origin].pad - 1;
	}
	kept = 0;
	for (size_t i = 0; i < list->origin_count; i++) {
		if (!list->origins[i].pad)
			continue;
		list->origins[kept] = list->origins[i];
		list->origins[kept++].pad = 0;
	}
	list->origin_count = kept;
}

size_t allowlist_expire(struct allowlist *list, __u64 now)
{
	size_t gone = drop(list, is_expired, now);

	drop_origins(list);
	return gone;
}

size_t allowlist_count(const struct allowlist *list, int family)
{
	size_t n = 0;

	for (size_t i = 0; i < list->count; i++)
		n += list->entries[i].key.family == family;
	return n;
}

static bool admits(const struct entry_key *key, int proto, __u16 peer_port, __u16 local_port,
		   int begun_by)
{
	__u16 port = begun_by == DIR_OUT ? peer_port : local_port;

	if (key->dir == ENTRY_DIR_BOTH)
		return true;
	return key->dir == begun_by && (key->proto == RULE_PROTO_ANY || key->proto == proto) &&
	       port >= key->port_lo && port <= key->port_hi;
}

bool allowlist_admits(const struct allowlist *list, int family, const __u8 peer[16], int proto,
		      __u16 peer_port, __u16 local_port, int begun_by, __u64 now)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct allow_entry *e = &list->entries[i];

		if (e->key.family == family && prefix_equal(e->key.addr, peer, e->key.prefixlen) &&
		    !is_expired(&e->value, now) &&
		    admits(&e->key, proto, peer_port, local_port, begun_by))
			return true;
	}
	return false;
}

bool allowlist_admits_tcp(const struct allowlist *list, int family, const __u8 peer[16],
			  __u16 peer_port, __u16 local_port, int begun_by, __u64 now)
{
	return allowlist_admits(list, family, peer, IPPROTO_TCP, peer_port, local_port, begun_by,
				now);
}
