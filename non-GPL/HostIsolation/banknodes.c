// SPDX-License-Identifier: BSD-2-Clause
/* A bank's nodes in the kernel: which map has which (layout.h), the sieve before them, their hits.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "HostIsolation/banknodes.h"
#include "HostIsolation/cleanup.h"
#include "HostIsolation/prefix.h"

#define BATCH 4096
#define ENOTSUPP_KERNEL 524 /* the kernel's own, which libc does not know */

/* Puts n elements into a map: in batches where the kernel has them for this type, else one by one.
 */
static int put_all(int fd, const void *keys, size_t key_size, const void *values, size_t value_size,
		   size_t n)
{
	const char *k = keys, *v = values;
	size_t done = 0;

	while (done < n) {
		__u32 count = n - done < BATCH ? n - done : BATCH;

		if (bpf_map_update_batch(fd, k + done * key_size, v + done * value_size, &count,
					 NULL) < 0) {
			if (errno != ENOTSUPP_KERNEL && errno != EOPNOTSUPP && errno != EINVAL)
				return -errno;
			break;
		}
		done += count;
	}
	for (; done < n; done++)
		if (bpf_map_update_elem(fd, k + done * key_size, v + done * value_size, BPF_ANY) <
		    0)
			return -errno;
	return 0;
}

int bank_map_filled(enum bpf_map_type type, const char *name, const void *keys, size_t key_size,
		    const void *values, size_t value_size, size_t n)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	_cleanup_close_ int fd = -1;
	int ret;

	fd = bpf_map_create(type, name, key_size, value_size, n ? n : 1, &opts);
	if (fd < 0)
		return -errno;
	ret = put_all(fd, keys, key_size, values, value_size, n);
	return ret < 0 ? ret : TAKE_FD(fd);
}

int bank_map_inner(int outer, __u32 bank)
{
	__u32 id;

	return bpf_map_lookup_elem(outer, &bank, &id) < 0 ? -1 : bpf_map_get_fd_by_id(id);
}

/* Where the nodes of one family lie. */
struct places {
	int host, trie; /* enum map_index */
	__u32 whole;	/* the length of a whole address */
	bool apart;	/* single addresses are in the hash map */
};

static struct places places_of(bool ip4, const struct compiled_node *nodes, size_t count)
{
	struct places p = {MAP_allow_host6, MAP_allow_ip6, PREFIX_MAX6, false};
	size_t hosts = 0;

	if (ip4)
		p = (struct places){MAP_allow_host4, MAP_allow_ip4, PREFIX_MAX4, false};
	for (size_t i = 0; i < count; i++)
		hosts += nodes[i].key.prefixlen == p.whole;
	p.apart = hosts > HOSTS_IN_TRIE;
	return p;
}

static int place_of(const struct places *p, const struct compiled_node *n)
{
	return p->apart && n->key.prefixlen == p->whole ? p->host : p->trie;
}

static const struct {
	enum bpf_map_type type;
	const char *name;
	size_t skip; /* where in a lpm_key6 the map's key begins */
	size_t key_size;
} node_maps[MAP_COUNT] = {
	[MAP_allow_host4] = {BPF_MAP_TYPE_HASH, "hostiso_host4", offsetof(struct lpm_key6, addr),
			     sizeof(__be32)},
	[MAP_allow_host6] = {BPF_MAP_TYPE_HASH, "hostiso_host6", offsetof(struct lpm_key6, addr),
			     sizeof(struct host_key6)},
	[MAP_allow_ip4] = {BPF_MAP_TYPE_LPM_TRIE, "hostiso_ip4", 0, sizeof(struct lpm_key4)},
	[MAP_allow_ip6] = {BPF_MAP_TYPE_LPM_TRIE, "hostiso_ip6", 0, sizeof(struct lpm_key6)},
};

/* Those of the nodes that belong into this map. */
static int store_map(const struct maps *maps, __u32 bank, const struct places *p, int map,
		     const struct compiled_node *nodes, size_t count)
{
	size_t key_size = node_maps[map].key_size, n = 0;
	_cleanup_free_ char *keys = calloc(count ? count : 1, key_size);
	_cleanup_free_ struct allow_node *values = calloc(count ? count : 1, sizeof(*values));
	_cleanup_close_ int fd = -1;

	if (!keys || !values)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (place_of(p, &nodes[i]) != map)
			continue;
		memcpy(keys + n * key_size, (char *)&nodes[i].key + node_maps[map].skip, key_size);
		values[n++] = nodes[i].node;
	}
	if (!n) {
		/* every write to such a map waits for an RCU grace period: not for nothing */
		__u32 id;

		if (bpf_map_lookup_elem(maps->fd[map], &bank, &id) < 0)
			return 0;
		return bpf_map_delete_elem(maps->fd[map], &bank) < 0 && errno != ENOENT ? -errno
											: 0;
	}
	fd = bank_map_filled(node_maps[map].type, node_maps[map].name, keys, key_size, values,
			     sizeof(*values), n);
	if (fd < 0)
		return fd;
	return bpf_map_update_elem(maps->fd[map], &bank, &fd, BPF_ANY) < 0 ? -errno : 0;
}

/* Programs may still run on the policy page, but none looks into the sieve of this bank. */
static void store_sieve(struct sieve *sieve, bool ip4, bool apart,
			const struct compiled_node *nodes, size_t count)
{
	memset(sieve, 0, sizeof(*sieve));
	sieve->apart = apart;
	for (size_t i = 0; i < count; i++) {
		__u32 words[4], bit;

		if (nodes[i].key.prefixlen < (ip4 ? PREFIX_MAX4 : PREFIX_MAX6)) {
			memset(sieve->bits, 0xff, sizeof(sieve->bits));
			return;
		}
		memcpy(words, nodes[i].key.addr, sizeof(words));
		bit = ip4 ? sieve_bit4(words[0]) : sieve_bit6(words);
		sieve->bits[bit / 64] |= 1ULL << bit % 64;
	}
}

int bank_store_nodes(const struct maps *maps, __u32 bank, bool ip4,
		     const struct compiled_node *nodes, size_t count)
{
	struct places p = places_of(ip4, nodes, count);
	int ret = store_map(maps, bank, &p, p.host, nodes, count);

	if (ret == 0)
		ret = store_map(maps, bank, &p, p.trie, nodes, count);
	if (ret == 0)
		store_sieve(&maps->policy->sieve[bank][!ip4], ip4, p.apart, nodes, count);
	return ret;
}

void bank_add_hits(const struct maps *maps, __u32 bank, bool ip4, const struct compiled_node *nodes,
		   size_t count, struct allowlist *list)
{
	struct places p = places_of(ip4, nodes, count);
	_cleanup_close_ int host = bank_map_inner(maps->fd[p.host], bank);
	_cleanup_close_ int trie = bank_map_inner(maps->fd[p.trie], bank);

	for (size_t i = 0; i < count; i++) {
		const struct compiled_node *n = &nodes[i];
		int map = place_of(&p, n);
		struct allow_node node;

		if (n->owner == NO_ENTRY ||
		    bpf_map_lookup_elem(map == p.host ? host : trie,
					(const char *)&n->key + node_maps[map].skip, &node) < 0)
			continue;
		list->entries[n->owner].value.packets += node.packets;
		list->entries[n->owner].value.bytes += node.bytes;
	}
}
