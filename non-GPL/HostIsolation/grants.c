// SPDX-License-Identifier: BSD-2-Clause
/* Process grants: put into the pinned maps in an order that is right at every moment. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/grants.h"
#include "HostIsolation/socktag.h"

/* Of children that are born while we look; the fork hook takes the rest. */
#define SETTLE_ROUNDS 8

/* A grant being made. */
struct making {
	const struct maps *maps;
	const struct grant_target *t;
	struct grant_made *made;
	struct error *err;
	unsigned int fresh; /* tasks that this round found */
	bool again;	    /* it was granted before: look at the sockets once more */
};

static int put(const struct maps *maps, int map, const void *key, const void *value)
{
	return bpf_map_update_elem(maps->fd[map], key, value, BPF_ANY) < 0 ? -errno : 0;
}

/* The task's row, with this grant; its other grants stay. 1 when it had it already. */
static int put_task(struct making *m, int pid)
{
	struct granted_task task = {};
	__u32 tgid = pid;
	__u64 start = process_start(pid);

	if (!start)
		return 1; /* gone */
	bpf_map_lookup_elem(m->maps->fd[MAP_granted_tasks], &tgid, &task);
	if (task.start != start)
		task = (struct granted_task){.start = start};
	if (task.id[m->t->kind] == m->made->id)
		return 1;
	task.id[m->t->kind] = m->made->id;
	return put(m->maps, MAP_granted_tasks, &tgid, &task);
}

/* It exited before its row came: the hook that takes rows away has been already. */
static void drop_dead(const struct maps *maps, int pid, __u64 start)
{
	__u32 tgid = pid;

	if (process_start(pid) != start)
		bpf_map_delete_elem(maps->fd[MAP_granted_tasks], &tgid);
}

/* The task first, then its sockets: what it opens meanwhile is marked by the hooks. */
static int take_task(int pid, void *arg)
{
	struct making *m = arg;
	__u64 start = process_start(pid);
	int ret = put_task(m, pid);

	if (ret == 1 && !m->again)
		return 0;
	if (ret < 0)
		return fail(m->err, ret, "cannot grant process %d: %s", pid,
			    ret == -E2BIG ? "too many granted processes" : strerror(-ret));
	m->fresh += ret == 0;
	m->made->tasks++;
	ret = socktag_process(m->maps, pid, m->t->kind, m->made->id, &m->made->sockets, m->err);
	drop_dead(m->maps, pid, start);
	return ret;
}

static int take_exe(int pid, void *arg)
{
	struct making *m = arg;
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	if (stat(path, &st) < 0 || st.st_ino != m->t->exe_ino || st.st_dev != m->t->exe_dev)
		return 0;
	return take_task(pid, m);
}

/* A task in a cgroup needs no row: the hooks ask for its cgroup. */
static int take_member(int pid, void *arg)
{
	struct making *m = arg;

	m->made->tasks++;
	return socktag_process(m->maps, pid, GRANT_CGROUP, m->made->id, &m->made->sockets, m->err);
}

static int each_of_tree(struct making *m)
{
	return process_each_of_tree(m->t->process.pid, take_task, m);
}

static int each_exe(struct making *m)
{
	return procinfo_each(take_exe, m);
}

static int settle(struct making *m, int (*each)(struct making *m))
{
	int ret = 0;

	for (int round = 0; round < SETTLE_ROUNDS && ret == 0; round++) {
		m->fresh = 0;
		ret = each(m);
		m->again = false;
		if (!m->fresh)
			break;
	}
	return ret;
}

static int put_cgroup(struct making *m, int root)
{
	struct path_key key = {};
	int ret;

	memcpy(key.path, m->t->cgroup.path, sizeof(key.path));
	ret = put(m->maps, MAP_granted_cgroups, &m->t->cgroup.id, &m->made->id);
	if (ret == 0)
		ret = put(m->maps, MAP_granted_paths, &key, &m->made->id);
	if (ret < 0)
		return fail(m->err, ret, "cannot grant cgroup %s: %s", key.path, strerror(-ret));
	return cgroup_each_process(root, key.path, take_member, m);
}

static int put_exe(struct making *m)
{
	int ret = put(m->maps, MAP_granted_exes, &m->t->exe, &m->made->id);

	if (ret < 0)
		return fail(m->err, ret, "cannot grant %s: %s", m->t->what, strerror(-ret));
	return settle(m, each_exe);
}

/* Everything but the row that puts it in force. */
static int put_members(struct making *m, int root)
{
	switch (m->t->kind) {
	case GRANT_PID:
		return take_task(m->t->process.pid, m);
	case GRANT_TREE:
		return settle(m, each_of_tree);
	case GRANT_EXE:
		return put_exe(m);
	case GRANT_CGROUP:
		return put_cgroup(m, root);
	case GRANT_KINDS:
		break;
	}
	return -EINVAL;
}

static bool same_target(const struct grant *g, const struct grant_target *t,
			const struct grant_note *note)
{
	if (g->kind != (__u32)t->kind)
		return false;
	switch (t->kind) {
	case GRANT_EXE:
		return !memcmp(&g->exe, &t->exe, sizeof(g->exe));
	case GRANT_CGROUP:
		return !strcmp(note->what, t->cgroup.path);
	default:
		return g->tgid == (__u32)t->process.pid && g->start == t->process.start;
	}
}

static __u64 find(const struct maps *maps, const struct grant_target *t)
{
	struct grant_vec all = {};
	__u64 id = 0;

	if (grants_read(maps, &all, NULL) < 0)
		return 0;
	for (size_t i = 0; i < all.count; i++)
		if (same_target(&all.rows[i].grant, t, &all.rows[i].note))
			id = all.rows[i].id;
	grant_vec_free(&all);
	return id;
}

static int commit(const struct maps *maps, const struct grant_target *t, __u64 id, __u64 until,
		  const struct origin *origin)
{
	struct grant g = {.until = until, .kind = t->kind, .exe = t->exe};
	struct grant_note note = {.origin = *origin, .exe_dev = t->exe_dev, .exe_ino = t->exe_ino};
	int cpus = libbpf_num_possible_cpus(), ret;
	_cleanup_free_ struct grant_count *zero = calloc(cpus > 0 ? cpus : 1, sizeof(*zero));

	if (cpus < 0 || !zero)
		return cpus < 0 ? cpus : -ENOMEM;
	if (t->kind == GRANT_PID || t->kind == GRANT_TREE) {
		g.tgid = t->process.pid;
		g.start = t->process.start;
	} else if (t->kind == GRANT_CGROUP) {
		g.cgroup = t->cgroup.id;
	}
	snprintf(note.what, sizeof(note.what), "%s", t->what);
	ret = put(maps, MAP_grant_notes, &id, &note);
	if (ret == 0 && bpf_map_update_elem(maps->fd[MAP_grant_counts], &id, zero, BPF_NOEXIST) < 0)
		ret = errno == EEXIST ? 0 : -errno;
	return ret ? ret : put(maps, MAP_grants, &id, &g);
}

int grant_make(struct maps *maps, int root, const struct grant_target *t, __u64 until,
	       const struct origin *origin, struct grant_made *made, struct error *err)
{
	struct making m = {.maps = maps, .t = t, .made = made, .err = err};
	int ret;

	memset(made, 0, sizeof(*made));
	made->id = find(maps, t);
	m.again = made->was = made->id;
	if (!made->was)
		made->id = boot_ns(); /* under the lock, so nobody has the same */
	ret = put_members(&m, root);
	if (ret == 0) {
		ret = commit(maps, t, made->id, until, origin);
		if (ret < 0)
			fail(err, ret, "cannot grant %s: %s", t->what,
			     ret == -E2BIG ? "there are 1024 grants already" : strerror(-ret));
	}
	/* the exit hook may have been before the row was there */
	if (ret == 0 && (t->kind == GRANT_PID || t->kind == GRANT_TREE) &&
	    !process_lives(&t->process))
		ret = fail(err, -ESRCH, "process %d has exited", t->process.pid);
	if (ret < 0 && !made->was)
		grant_end(maps, &made->id, 1);
	if (ret == 0)
		policy_set_control(maps, maps->policy->control | CONTROL_GRANTS);
	return ret;
}
