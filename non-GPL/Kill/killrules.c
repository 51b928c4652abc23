// SPDX-License-Identifier: BSD-2-Clause
/* Rules in the kill hook's maps. A rule's bit in `active` is set last and taken away first. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "Events/inodekey.h"
#include "HostIsolation/cgroups.h"
#include "HostIsolation/cleanup.h"
#include "HostIsolation/process.h"
#include "Kill/killmounts.h"
#include "Kill/killrules.h"

static int write_at(int fd, __u32 slot, const void *value)
{
	return bpf_map_update_elem(fd, &slot, value, BPF_ANY) < 0 ? -errno : 0;
}

int kill_slot_write(struct kill_store *s, __u32 slot, const struct kill_rule *rule)
{
	struct kill_counts none = {};
	int ret = write_at(s->fd[KILL_MAP_kill_counts], slot, &none);

	return ret < 0 ? ret : write_at(s->fd[KILL_MAP_kill_rules], slot, rule);
}

int kill_value_add(struct kill_store *s, const struct kill_key *key, __u32 bit)
{
	__u32 mask = 0;

	bpf_map_lookup_elem(s->fd[KILL_MAP_kill_match], key, &mask);
	mask |= bit;
	if (bpf_map_update_elem(s->fd[KILL_MAP_kill_match], key, &mask, BPF_ANY) < 0)
		return errno == E2BIG ? -ENOSPC : -errno;
	return 0;
}

int kill_task_add(struct kill_store *s, int pid, __u32 trees, __u32 guard)
{
	int fd = s->fd[KILL_MAP_kill_tasks];
	struct kill_task new = {.start = process_start(pid), .trees = trees, .guard = guard}, old;
	__u32 tgid = pid;

	if (!new.start)
		return -ESRCH;
	if (bpf_map_lookup_elem(fd, &tgid, &old) == 0 && old.start == new.start) {
		new.trees |= old.trees;
		new.guard = guard ?: old.guard;
	}
	return bpf_map_update_elem(fd, &tgid, &new, BPF_ANY) < 0 ? -errno : 0;
}

/* Takes a bit out of all values. Restarts when what it stands on went: the exit hook deletes, too.
 */
static void take_out_values(int fd, __u32 bit)
{
	struct kill_key key, next;
	bool more = bpf_map_get_next_key(fd, NULL, &next) == 0;

	while (more) {
		__u32 mask;

		key = next;
		more = bpf_map_get_next_key(fd, &key, &next) == 0;
		if (bpf_map_lookup_elem(fd, &key, &mask) < 0 || !(mask & bit))
			continue;
		mask &= ~bit;
		if (mask)
			bpf_map_update_elem(fd, &key, &mask, BPF_EXIST);
		else
			bpf_map_delete_elem(fd, &key);
	}
}

static void take_out_tasks(int fd, __u32 bit)
{
	__u32 key, next, seen = 0;
	bool more = bpf_map_get_next_key(fd, NULL, &next) == 0;

	while (more && seen++ < 4 * KILL_TASKS_MAX) {
		struct kill_task t;

		key = next;
		more = bpf_map_get_next_key(fd, &key, &next) == 0;
		if (bpf_map_lookup_elem(fd, &key, &t) < 0 || !(t.trees & bit))
			continue;
		t.trees &= ~bit;
		if (t.trees || t.guard)
			bpf_map_update_elem(fd, &key, &t, BPF_EXIST);
		else
			bpf_map_delete_elem(fd, &key);
	}
}

void kill_slot_clear(struct kill_store *s, __u32 slot)
{
	struct kill_state *st = s->state;
	struct kill_rule none = {};
	__u32 bit = 1U << slot;

	__atomic_and_fetch(&st->active, ~bit, __ATOMIC_SEQ_CST);
	for (int i = 0; i < KILL_DIM_COUNT; i++)
		st->any[i] &= ~bit;
	for (int i = 0; i < 12; i++)
		st->bits[i] &= ~bit;
	for (int i = 0; i < 16; i++)
		st->types[i] &= ~bit;
	st->any_bits &= ~bit;
	st->any_types &= ~bit;
	st->spare_orphans &= ~bit;
	st->born &= ~bit;
	take_out_values(s->fd[KILL_MAP_kill_match], bit);
	take_out_tasks(s->fd[KILL_MAP_kill_tasks], bit);
	kill_slot_write(s, slot, &none);
}

static int put_inode(struct kill_store *s, __u32 dim, const char *path, __u32 bit,
		     struct error *err)
{
	struct kill_key key = {.dim = dim};
	struct inode_key inode;
	int ret = inode_key_of(path, &inode);

	if (ret < 0)
		return fail(err, ret, "'%.200s': %s", path, strerror(-ret));
	key.a = inode.ino;
	key.b = inode.dev;
	return kill_value_add(s, &key, bit);
}

struct put_root {
	struct kill_store *s;
	__u32 bit;
};

static int put_root(const struct inode_key *root, void *arg)
{
	struct kill_key key = {.dim = KILL_DIM_PATH, .a = root->ino, .b = root->dev};
	struct put_root *put = arg;

	return kill_value_add(put->s, &key, put->bit);
}

/* With what is mounted below it, or another mount of the same file system would hide that. */
static int put_path(struct kill_store *s, const char *path, __u32 bit, struct error *err)
{
	struct put_root put = {s, bit};
	int ret = put_inode(s, KILL_DIM_PATH, path, bit, err);

	return ret < 0 ? ret : kill_mounts_below(path, put_root, &put);
}

/* The whole tree: every file, for what other namespaces mount has no way up to our "/". */
static bool everything(const struct kill_value *v)
{
	char real[PATH_MAX];

	return v->dim == KILL_DIM_PATH && realpath(v->text, real) && !strcmp(real, "/");
}

static int put_cgroup(struct kill_store *s, const char *path, __u32 bit, struct error *err)
{
	_cleanup_close_ int root = cgroup_root_open(err);
	struct kill_key key = {.dim = KILL_DIM_CGROUP};
	struct cgroup_ref ref;
	int ret = root < 0 ? root : cgroup_find(root, path, &ref, err);

	if (ret < 0)
		return ret;
	key.a = ref.id;
	return kill_value_add(s, &key, bit);
}

struct seed {
	struct kill_store *s;
	__u32 bit;
};

static int seed_task(int pid, void *arg)
{
	struct seed *seed = arg;
	int ret = kill_task_add(seed->s, pid, seed->bit, KILL_GUARD_NONE);

	return ret == -ESRCH ? 0 : ret;
}

/* Twice: who was begun while we looked is found the second time, or by the hook. */
static int put_tree(struct kill_store *s, int pid, __u32 bit, struct error *err)
{
	struct seed seed = {s, bit};
	int ret = kill_task_add(s, pid, bit, KILL_GUARD_NONE);

	if (ret == -ESRCH)
		return fail(err, ret, "--tree %d: there is no such process", pid);
	for (int i = 0; i < 2 && ret == 0; i++)
		ret = process_each_of_tree(pid, seed_task, &seed);
	return ret;
}

static int put_value(struct kill_store *s, const struct kill_value *v, __u32 bit, struct error *err)
{
	struct kill_key key = {.dim = v->dim, .a = v->number};

	switch (v->dim) {
	case KILL_DIM_PATH:
		return put_path(s, v->text, bit, err);
	case KILL_DIM_EXE:
		return put_inode(s, v->dim, v->text, bit, err);
	case KILL_DIM_CGROUP:
		return put_cgroup(s, v->text, bit, err);
	case KILL_DIM_TREE:
		return put_tree(s, v->number, bit, err);
	case KILL_DIM_COMM:
		memcpy(&key.a, v->text, strnlen(v->text, 15));
	}
	return kill_value_add(s, &key, bit);
}

static int free_slot(struct kill_store *s, struct error *err)
{
	__u64 now = boot_ns();

	for (__u32 slot = 0; slot < KILL_SELF_TEST; slot++) {
		struct kill_rule rule;

		if (bpf_map_lookup_elem(s->fd[KILL_MAP_kill_rules], &slot, &rule) < 0)
			return fail(err, -errno, "cannot read the rules: %s", strerror(errno));
		if (!rule.id || (rule.deadline && now >= rule.deadline)) {
			kill_slot_clear(s, slot);
			return slot;
		}
	}
	return fail(err, -ENOSPC, "there are %d rules already; remove one: hostiso kill list",
		    KILL_SELF_TEST);
}

/* Everything but `active`. */
static void set_masks(struct kill_state *st, const struct kill_request *r, __u32 bit)
{
	bool asks[KILL_DIM_COUNT] = {};

	for (size_t i = 0; i < r->value_count; i++)
		asks[r->values[i].dim] = true;
	for (size_t i = 0; i < r->value_count; i++)
		if (everything(&r->values[i]))
			asks[KILL_DIM_PATH] = false;
	for (int i = 0; i < KILL_DIM_COUNT; i++)
		if (!asks[i])
			st->any[i] |= bit;
	for (int i = 0; i < 12; i++)
		if (r->bits >> i & 1)
			st->bits[i] |= bit;
	for (int i = 0; i < 16; i++)
		if (r->types >> i & 1)
			st->types[i] |= bit;
	if (!r->bits)
		st->any_bits |= bit;
	if (r->any)
		st->spare_orphans |= bit;
	if (r->born)
		st->born |= bit;
}

int kill_rule_add(struct kill_store *s, const struct kill_request *r, __u32 *slot,
		  struct error *err)
{
	struct kill_rule rule = {.flags = r->flags, .signal = r->signal, .max_kills = r->max_kills};
	struct origin who;
	int ret = free_slot(s, err);
	__u32 bit;

	if (ret < 0)
		return ret;
	*slot = ret;
	bit = 1U << *slot;
	origin_now(&who, NULL);
	rule.deadline = r->for_ns ? boot_ns() + r->for_ns : 0;
	rule.armed_at = time(NULL);
	snprintf(rule.user, sizeof(rule.user), "%s", who.user);
	snprintf(rule.text, sizeof(rule.text), "%s", r->text);
	rule.id = s->state->next_id++;
	ret = kill_slot_write(s, *slot, &rule);
	for (size_t i = 0; i < r->value_count && ret == 0; i++)
		if (!everything(&r->values[i]))
			ret = put_value(s, &r->values[i], bit, err);
	if (ret < 0) {
		kill_slot_clear(s, *slot);
		if (ret == -ENOSPC)
			return fail(err, ret,
				    "all rules together name more than %d files, users, programs "
				    "and mounts below their paths; remove one: hostiso kill list",
				    KILL_VALUES_MAX);
		return err->text[0] ? ret
				    : fail(err, ret, "cannot write the rule: %s", strerror(-ret));
	}
	set_masks(s->state, r, bit);
	__atomic_or_fetch(&s->state->active, bit, __ATOMIC_SEQ_CST);
	return 0;
}

struct search {
	__u32 id, slot;
	unsigned int count;
	bool found;
};

static void look(__u32 slot, const struct kill_rule *rule, const struct kill_counts *counts,
		 void *arg)
{
	struct search *search = arg;

	search->count++;
	if (rule->id == search->id) {
		search->slot = slot;
		search->found = true;
	}
}

int kill_rule_remove(struct kill_store *s, __u32 id, struct error *err)
{
	struct search search = {.id = id};

	kill_rules_each(s, look, &search);
	if (!search.found)
		return fail(err, -ENOENT, "there is no rule %u; see: hostiso kill list", id);
	kill_slot_clear(s, search.slot);
	return 0;
}

unsigned int kill_rules_count(const struct kill_store *s)
{
	struct search search = {};

	kill_rules_each(s, look, &search);
	return search.count;
}

void kill_rules_each(const struct kill_store *s,
		     void (*each)(__u32 slot, const struct kill_rule *rule,
				  const struct kill_counts *counts, void *arg),
		     void *arg)
{
	for (__u32 slot = 0; slot < KILL_SELF_TEST; slot++) {
		struct kill_counts counts;
		struct kill_rule rule;

		if (bpf_map_lookup_elem(s->fd[KILL_MAP_kill_rules], &slot, &rule) < 0 ||
		    bpf_map_lookup_elem(s->fd[KILL_MAP_kill_counts], &slot, &counts) < 0 ||
		    !rule.id)
			continue;
		each(slot, &rule, &counts, arg);
	}
}
