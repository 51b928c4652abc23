// SPDX-License-Identifier: BSD-2-Clause
/* Process grants read back from the pinned maps, and taken out of them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/grants.h"

static bool among(__u64 id, const __u64 *ids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (id && ids[i] == id)
			return true;
	return false;
}

/* Deletes the rows of a map for which drop(value) says so; it may change the value instead. */
static void sweep(const struct maps *maps, int map, void *key, void *next, void *value,
		  size_t key_size,
		  bool (*drop)(const struct maps *maps, void *key, void *value, void *arg),
		  void *arg)
{
	int fd = maps->fd[map];
	bool more = bpf_map_get_next_key(fd, NULL, key) == 0;

	while (more) {
		more = bpf_map_get_next_key(fd, key, next) == 0;
		if (bpf_map_lookup_elem(fd, key, value) == 0 && drop(maps, key, value, arg))
			bpf_map_delete_elem(fd, key);
		memcpy(key, next, key_size);
	}
}

static bool stands(const struct maps *maps, __u64 id)
{
	struct grant g;

	return bpf_map_lookup_elem(maps->fd[MAP_grants], &id, &g) == 0;
}

static bool drop_task(const struct maps *maps, void *key, void *value, void *arg)
{
	struct granted_task *task = value;
	bool changed = false, any = false;

	for (int kind = 0; kind < GRANT_TASK_KINDS; kind++) {
		if (task->id[kind] && !stands(maps, task->id[kind])) {
			task->id[kind] = 0;
			changed = true;
		}
		any |= task->id[kind] != 0;
	}
	if (any && changed)
		bpf_map_update_elem(maps->fd[MAP_granted_tasks], key, task, BPF_EXIST);
	return !any;
}

static bool drop_value(const struct maps *maps, void *key, void *value, void *arg)
{
	return !stands(maps, *(__u64 *)value);
}

static bool drop_key(const struct maps *maps, void *key, void *value, void *arg)
{
	return !stands(maps, *(__u64 *)key);
}

struct ending {
	const __u64 *ids;
	size_t count;
	__u64 now;
	size_t left;
};

/* A process's grant without a task's row: the process went while the grant was made. */
static bool drop_grant(const struct maps *maps, void *key, void *value, void *arg)
{
	struct ending *e = arg;
	const struct grant *g = value;
	struct granted_task task;
	bool gone = among(*(__u64 *)key, e->ids, e->count) || g->until <= e->now;

	if (g->kind == GRANT_PID || g->kind == GRANT_TREE)
		gone |= bpf_map_lookup_elem(maps->fd[MAP_granted_tasks], &g->tgid, &task) < 0 ||
			task.start != g->start;
	e->left += !gone;
	return gone;
}

/* The grants themselves first: with them everything else is void. */
static size_t end_and_collect(struct maps *maps, const __u64 *ids, size_t count)
{
	struct ending e = {.ids = ids, .count = count, .now = boot_ns()};
	_cleanup_free_ void *counts =
		calloc(libbpf_num_possible_cpus() + 1, sizeof(struct grant_count));
	__u64 id, next_id, value;
	struct exe_key exe, next_exe;
	struct path_key path, next_path;
	struct granted_task task;
	struct grant_note note;
	struct grant grant;
	__u32 tgid, next_tgid;

	sweep(maps, MAP_grants, &id, &next_id, &grant, sizeof(id), drop_grant, &e);
	if (!e.left)
		policy_set_control(maps, maps->policy->control & ~CONTROL_GRANTS);
	sweep(maps, MAP_granted_tasks, &tgid, &next_tgid, &task, sizeof(tgid), drop_task, NULL);
	sweep(maps, MAP_granted_exes, &exe, &next_exe, &value, sizeof(exe), drop_value, NULL);
	sweep(maps, MAP_granted_paths, &path, &next_path, &value, sizeof(path), drop_value, NULL);
	sweep(maps, MAP_granted_cgroups, &id, &next_id, &value, sizeof(id), drop_value, NULL);
	sweep(maps, MAP_grant_notes, &id, &next_id, &note, sizeof(id), drop_key, NULL);
	if (counts)
		sweep(maps, MAP_grant_counts, &id, &next_id, counts, sizeof(id), drop_key, NULL);
	return e.left;
}

void grant_end(struct maps *maps, const __u64 *ids, size_t count)
{
	/* at once, before any reading */
	for (size_t i = 0; i < count; i++)
		bpf_map_delete_elem(maps->fd[MAP_grants], &ids[i]);
	end_and_collect(maps, ids, count);
}

size_t grants_collect(struct maps *maps)
{
	return end_and_collect(maps, NULL, 0);
}

static int add_counts(const struct maps *maps, struct grant_row *row)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ struct grant_count *all = cpus > 0 ? calloc(cpus, sizeof(*all)) : NULL;
	__u64 packets = 0, bytes = 0;

	if (!all)
		return cpus < 0 ? cpus : -ENOMEM;
	if (bpf_map_lookup_elem(maps->fd[MAP_grant_counts], &row->id, all) < 0)
		return 0;
	for (int i = 0; i < cpus; i++) {
		packets += all[i].packets;
		bytes += all[i].bytes;
		if (all[i].seen >= row->count.seen)
			row->count = all[i];
	}
	row->count.packets = packets;
	row->count.bytes = bytes;
	return 0;
}

static int by_id(const void *a, const void *b)
{
	const struct grant_row *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

int grants_read(const struct maps *maps, struct grant_vec *out, struct error *err)
{
	struct grant_vec v = {.rows = calloc(GRANTS_MAX, sizeof(struct grant_row))};
	__u64 id = 0, *prev = NULL;
	int ret = v.rows ? 0 : -ENOMEM;

	while (ret == 0 && v.count < GRANTS_MAX &&
	       bpf_map_get_next_key(maps->fd[MAP_grants], prev, &id) == 0) {
		struct grant_row *row = &v.rows[v.count];

		prev = &id;
		memset(row, 0, sizeof(*row));
		row->id = id;
		if (bpf_map_lookup_elem(maps->fd[MAP_grants], &id, &row->grant) < 0)
			continue; /* ended meanwhile */
		bpf_map_lookup_elem(maps->fd[MAP_grant_notes], &id, &row->note);
		ret = add_counts(maps, row);
		v.count++;
	}
	if (ret < 0) {
		grant_vec_free(&v);
		return fail(err, ret, "cannot read the grants: %s", strerror(-ret));
	}
	qsort(v.rows, v.count, sizeof(*v.rows), by_id);
	*out = v;
	return 0;
}

void grant_vec_free(struct grant_vec *v)
{
	free(v->rows);
	*v = (struct grant_vec){};
}

int grant_losses_read(const struct maps *maps, __u64 out[GRANT_LOST_COUNT])
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ __u64 *values = cpus > 0 ? calloc(cpus, sizeof(*values)) : NULL;

	if (!values)
		return cpus < 0 ? cpus : -ENOMEM;
	for (__u32 i = 0; i < GRANT_LOST_COUNT; i++) {
		out[i] = 0;
		if (bpf_map_lookup_elem(maps->fd[MAP_grant_losses], &i, values) < 0)
			return -errno;
		for (int c = 0; c < cpus; c++)
			out[i] += values[c];
	}
	return 0;
}

void grant_format(const struct grant_row *row, char *buf, size_t size)
{
	static const char *const words[GRANT_KINDS] = {[GRANT_PID] = "pid",
						       [GRANT_TREE] = "tree",
						       [GRANT_EXE] = "exe",
						       [GRANT_CGROUP] = "cgroup"};

	if (row->grant.kind == GRANT_PID || row->grant.kind == GRANT_TREE)
		snprintf(buf, size, "%s:%u", words[row->grant.kind], row->grant.tgid);
	else
		snprintf(buf, size, "%s:%s",
			 row->grant.kind < GRANT_KINDS ? words[row->grant.kind] : "?",
			 row->note.what);
}
