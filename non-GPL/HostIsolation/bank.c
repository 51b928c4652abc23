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
#include "HostIsolation/banknodes.h"
#include "HostIsolation/nftbackend.h"
#include "HostIsolation/cleanup.h"
#include "HostIsolation/compile.h"

#define BATCH 4096

static int bank_of(const struct maps *maps)
{
	return !!(maps->policy->control & CONTROL_BANK);
}

static void side_path(char *path, size_t size, const struct pins *pins, const char *name, int bank)
{
	snprintf(path, size, "%s/%s_%d", pins->maps, name, bank);
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
	fd = bank_map_filled(BPF_MAP_TYPE_HASH, "hostiso_rules", keys, sizeof(*keys), values,
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
	entries = bank_map_filled(BPF_MAP_TYPE_HASH, "hostiso_entries", keys, sizeof(*keys), values,
				  sizeof(*values), list->count);
	if (entries < 0)
		return entries;
	origins = bank_map_filled(BPF_MAP_TYPE_HASH, "hostiso_origins", ids, sizeof(*ids),
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
	_cleanup_close_ int rules = bank_map_inner(maps->fd[MAP_rules], bank);
	_cleanup_(compiled_free) struct compiled c = {};
	int ret = compile_allowlist(list, &c, NULL);

	if (ret < 0)
		return ret;
	bank_add_hits(maps, bank, true, c.ip4, c.ip4_count, list);
	bank_add_hits(maps, bank, false, c.ip6, c.ip6_count, list);
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
		ret = bank_store_nodes(maps, bank, true, c.ip4, c.ip4_count);
	if (ret == 0)
		ret = bank_store_nodes(maps, bank, false, c.ip6, c.ip6_count);
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
