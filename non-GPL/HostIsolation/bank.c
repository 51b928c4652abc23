// SPDX-License-Identifier: BSD-2-Clause
/*
 * The allowlist between memory and the pinned maps. A change is compiled into new inner maps, put
 * into the bank that is not in force, and switched on by one store: all or nothing.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "HostIsolation/bank.h"
#include "HostIsolation/nftbackend.h"
#include "HostIsolation/cleanup.h"
#include "HostIsolation/compile.h"

#define BATCH 4096
#define ENOTSUPP_KERNEL 524 /* the kernel's own, which libc does not know */

static int bank_of(const struct maps *maps)
{
	return !!(maps->policy->control & CONTROL_BANK);
}

static void side_path(char *path, size_t size, const struct pins *pins, const char *name, int bank)
{
	snprintf(path, size, "%s/%s_%d", pins->maps, name, bank);
}

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

static int create_filled(enum bpf_map_type type, const char *name, const void *keys,
			 size_t key_size, const void *values, size_t value_size, size_t n)
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

static int store_trie(int outer, __u32 bank, const struct compiled_node *nodes, size_t n, bool ip4)
{
	size_t key_size = ip4 ? sizeof(struct lpm_key4) : sizeof(struct lpm_key6);
	_cleanup_free_ char *keys = calloc(n ? n : 1, key_size);
	_cleanup_free_ struct allow_node *values = calloc(n ? n : 1, sizeof(*values));
	_cleanup_close_ int fd = -1;

	if (!keys || !values)
		return -ENOMEM;
	if (!n) {
		/* every write to such a map waits for an RCU grace period: not for nothing */
		__u32 id;

		if (bpf_map_lookup_elem(outer, &bank, &id) < 0)
			return 0;
		return bpf_map_delete_elem(outer, &bank) < 0 && errno != ENOENT ? -errno : 0;
	}
	for (size_t i = 0; i < n; i++) {
		memcpy(keys + i * key_size, &nodes[i].key, key_size);
		values[i] = nodes[i].node;
	}
	fd = create_filled(BPF_MAP_TYPE_LPM_TRIE, ip4 ? "hostiso_ip4" : "hostiso_ip6", keys,
			   key_size, values, sizeof(*values), n);
	if (fd < 0)
		return fd;
	return bpf_map_update_elem(outer, &bank, &fd, BPF_ANY) < 0 ? -errno : 0;
}

static int store_rules(int outer, __u32 bank, const struct compiled *c)
{
	size_t n = c->block_count;
	_cleanup_free_ __u32 *keys = calloc(n ? n : 1, sizeof(*keys));
	_cleanup_free_ struct rule_block *values = calloc(n ? n : 1, sizeof(*values));
	_cleanup_close_ int fd = -1;

	if (!keys || !values)
		return -ENOMEM;
	if (!n)
		return 0; /* no node refers to one */
	for (size_t i = 0; i < n; i++) {
		keys[i] = c->blocks[i].id;
		values[i] = c->blocks[i].block;
	}
	fd = create_filled(BPF_MAP_TYPE_HASH, "hostiso_rules", keys, sizeof(*keys), values,
			   sizeof(*values), n);
	if (fd < 0)
		return fd;
	return bpf_map_update_elem(outer, &bank, &fd, BPF_ANY) < 0 ? -errno : 0;
}

/* entries and origins: no program reads them, so a pin for each bank will do. */
static int store_side(const struct pins *pins, int bank, const struct allowlist *list)
{
	_cleanup_free_ struct entry_key *keys = calloc(list->count + 1, sizeof(*keys));
	_cleanup_free_ struct entry_value *values = calloc(list->count + 1, sizeof(*values));
	_cleanup_free_ __u32 *ids = calloc(list->origin_count + 1, sizeof(*ids));
	_cleanup_close_ int entries = -1, origins = -1;
	char path[PATH_MAX];

	if (!keys || !values || !ids)
		return -ENOMEM;
	for (size_t i = 0; i < list->count; i++) {
		keys[i] = list->entries[i].key;
		values[i] = list->entries[i].value;
	}
	for (size_t i = 0; i < list->origin_count; i++)
		ids[i] = i;
	entries = create_filled(BPF_MAP_TYPE_HASH, "hostiso_entries", keys, sizeof(*keys), values,
				sizeof(*values), list->count);
	if (entries < 0)
		return entries;
	origins = create_filled(BPF_MAP_TYPE_HASH, "hostiso_origins", ids, sizeof(*ids),
				list->origins, sizeof(struct origin), list->origin_count);
	if (origins < 0)
		return origins;
	side_path(path, sizeof(path), pins, "entries", bank);
	unlink(path);
	if (bpf_obj_pin(entries, path) < 0)
		return -errno;
	side_path(path, sizeof(path), pins, "origins", bank);
	unlink(path);
	return bpf_obj_pin(origins, path) < 0 ? -errno : 0;
}

/* Adds what the programs counted in a bank to the entries' values. `list` is the sorted list it was
 * compiled from. */
static int add_hits(const struct maps *maps, __u32 bank, struct allowlist *list)
{
	_cleanup_close_ int ip4 = -1, ip6 = -1, rules = -1;
	const int outer[] = {maps->fd[MAP_allow_ip4], maps->fd[MAP_allow_ip6], maps->fd[MAP_rules]};
	int *inner[] = {&ip4, &ip6, &rules};
	struct compiled c = {};
	int ret = compile_allowlist(list, &c, NULL);

	if (ret < 0)
		return ret;
	for (int i = 0; i < 3; i++) {
		__u32 id;

		if (bpf_map_lookup_elem(outer[i], &bank, &id) == 0)
			*inner[i] = bpf_map_get_fd_by_id(id);
	}
	for (size_t i = 0; i < c.ip4_count + c.ip6_count; i++) {
		bool v4 = i < c.ip4_count;
		struct compiled_node *n = v4 ? &c.ip4[i] : &c.ip6[i - c.ip4_count];
		struct allow_node node;

		if (n->owner == NO_ENTRY || bpf_map_lookup_elem(v4 ? ip4 : ip6, &n->key, &node) < 0)
			continue;
		list->entries[n->owner].value.packets += node.packets;
		list->entries[n->owner].value.bytes += node.bytes;
	}
	for (size_t i = 0; i < c.block_count; i++) {
		struct rule_block b;

		if (bpf_map_lookup_elem(rules, &c.blocks[i].id, &b) < 0)
			continue;
		for (__u32 r = 0; r < b.count && r < RULES_PER_BLOCK; r++) {
			struct entry_value *v = &list->entries[c.blocks[i].owner[r]].value;

			v->packets += b.rule[r].packets;
			v->bytes += b.rule[r].bytes;
		}
	}
	compiled_free(&c);
	return 0;
}

static int load_origins(int fd, struct allowlist *out)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info), id;
	int ret = 0;

	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return -errno;
	for (__u32 i = 0; i < info.max_entries && ret == 0; i++) {
		struct origin o;

		if (bpf_map_lookup_elem(fd, &i, &o) < 0)
			break;
		ret = allowlist_add_origin(out, &o, &id);
	}
	return ret;
}

static int load_entries(int fd, struct allowlist *out)
{
	_cleanup_free_ struct entry_key *keys = calloc(BATCH, sizeof(*keys));
	_cleanup_free_ struct entry_value *values = calloc(BATCH, sizeof(*values));
	__u32 batch, *in = NULL;
	bool last = false;

	if (!keys || !values)
		return -ENOMEM;
	while (!last) {
		__u32 count = BATCH;

		if (bpf_map_lookup_batch(fd, in, &batch, keys, values, &count, NULL) < 0) {
			if (errno != ENOENT)
				return -errno;
			last = true;
		}
		in = &batch;
		for (__u32 i = 0; i < count; i++) {
			int ret = allowlist_add(out, &keys[i], values[i].until, values[i].origin);

			if (ret < 0)
				return ret;
			out->entries[out->count - 1].value = values[i];
		}
	}
	return 0;
}

/* The entries as they were stored, without the hits since. */
static int load_stored(const struct pins *pins, int bank, struct allowlist *out)
{
	_cleanup_close_ int entries = -1, origins = -1;
	char path[PATH_MAX];
	int ret;

	side_path(path, sizeof(path), pins, "entries", bank);
	entries = bpf_obj_get(path);
	if (entries < 0)
		return errno == ENOENT ? 0 : -errno;
	side_path(path, sizeof(path), pins, "origins", bank);
	origins = bpf_obj_get(path);
	if (origins < 0)
		return -errno;
	ret = load_origins(origins, out);
	if (ret == 0)
		ret = load_entries(entries, out);
	if (ret == 0)
		allowlist_sort(out);
	return ret;
}

static int load(const struct maps *maps, const struct pins *pins, bool hits, struct allowlist *out,
		struct error *err)
{
	struct allowlist list = {};
	int bank, ret;

	if (maps->nft_backend)
		return nft_backend_copy(maps, out, err);
	bank = bank_of(maps);
	ret = load_stored(pins, bank, &list);
	if (ret == 0 && hits)
		ret = add_hits(maps, bank, &list);
	if (ret < 0) {
		allowlist_free(&list);
		return fail(err, ret, "cannot read the allowlist from %s: %s", pins->maps,
			    strerror(-ret));
	}
	*out = list;
	return 0;
}

int bank_load(const struct maps *maps, const struct pins *pins, struct allowlist *out,
	      struct error *err)
{
	return load(maps, pins, true, out, err);
}

int bank_load_without_hits(const struct maps *maps, const struct pins *pins, struct allowlist *out,
			   struct error *err)
{
	return load(maps, pins, false, out, err);
}

static int check_limit(const struct maps *maps, const struct allowlist *list, struct error *err)
{
	const int families[] = {AF_INET, AF_INET6};

	for (int i = 0; i < 2; i++) {
		size_t n = allowlist_count(list, families[i]);

		if (n > maps->policy->limit)
			return fail(
				err, -E2BIG,
				"%zu IPv%d entries are over the limit of %llu; nothing was changed (isolate --limit N sets another)",
				n, i ? 6 : 4, maps->policy->limit);
	}
	return 0;
}

static int fill_bank(struct maps *maps, const struct pins *pins, int bank,
		     const struct allowlist *list, struct error *err)
{
	struct compiled c = {};
	int ret = compile_allowlist(list, &c, err);

	if (ret < 0)
		return ret;
	ret = store_side(pins, bank, list);
	if (ret == 0)
		ret = store_rules(maps->fd[MAP_rules], bank, &c);
	if (ret == 0)
		ret = store_trie(maps->fd[MAP_allow_ip4], bank, c.ip4, c.ip4_count, true);
	if (ret == 0)
		ret = store_trie(maps->fd[MAP_allow_ip6], bank, c.ip6, c.ip6_count, false);
	compiled_free(&c);
	return ret < 0 ? fail(err, ret, "cannot write the allowlist: %s; nothing was changed",
			      strerror(-ret))
		       : 0;
}

/* What the old bank counted until the last program left it moves into the new one's entries. */
static void carry_hits(struct maps *maps, const struct pins *pins, int from, struct allowlist *old,
		       int to)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];

	side_path(path, sizeof(path), pins, "entries", to);
	fd = bpf_obj_get(path);
	if (fd < 0 || add_hits(maps, from, old) < 0)
		return;
	for (size_t i = 0; i < old->count; i++) {
		struct allow_entry *e = &old->entries[i];
		struct entry_value v;

		if (!e->value.packets)
			continue; /* most of a long list: not a lookup for each */
		if (bpf_map_lookup_elem(fd, &e->key, &v) < 0 || v.packets == e->value.packets)
			continue;
		v.packets = e->value.packets;
		v.bytes = e->value.bytes;
		bpf_map_update_elem(fd, &e->key, &v, BPF_EXIST);
	}
}

/* Fragments whose first one passed under the old list: what is denied ends at once. */
static void forget_fragments(const struct maps *maps)
{
	struct fragment_key key;

	while (bpf_map_get_next_key(maps->fd[MAP_fragments], NULL, &key) == 0)
		if (bpf_map_delete_elem(maps->fd[MAP_fragments], &key) < 0)
			return;
}

int bank_store(struct maps *maps, const struct pins *pins, struct allowlist *list,
	       struct error *err)
{
	struct allowlist old = {};
	int from, to, ret;

	if (maps->nft_backend)
		return nft_backend_store(maps, list, NULL, 0, err);
	from = bank_of(maps);
	to = !from;

	allowlist_sort(list);
	ret = check_limit(maps, list, err);
	if (ret == 0)
		ret = fill_bank(maps, pins, to, list, err);
	if (ret < 0)
		return ret;
	load_stored(pins, from, &old);
	policy_set_control(maps, maps->policy->control ^ CONTROL_BANK);
	if (maps->policy->control & (CONTROL_ENFORCE | CONTROL_AUDIT))
		policy_settle(); /* while it is off, no program looks at a bank */
	forget_fragments(maps);
	carry_hits(maps, pins, from, &old, to);
	allowlist_free(&old);
	return 0;
}
