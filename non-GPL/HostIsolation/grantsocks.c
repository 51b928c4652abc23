// SPDX-License-Identifier: BSD-2-Clause
/* Inodes of the sockets that granted processes have open. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/grants.h"
#include "HostIsolation/grantsocks.h"

static int by_number(const void *a, const void *b)
{
	const __u64 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int take_inode(__u64 inode, void *arg)
{
	struct granted_socks *s = arg;

	if (s->count == s->capacity) {
		size_t room = s->capacity ? s->capacity * 2 : 256;
		__u64 *more = realloc(s->inodes, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		s->inodes = more;
		s->capacity = room;
	}
	s->inodes[s->count++] = inode;
	return 0;
}

static int take_process(int pid, void *arg)
{
	int ret = procinfo_sockets(pid, take_inode, arg);

	return ret == -ESRCH ? 0 : ret;
}

static bool in_force(const struct maps *maps, __u64 id)
{
	struct grant g;

	return id && bpf_map_lookup_elem(maps->fd[MAP_grants], &id, &g) == 0 && g.until > boot_ns();
}

/* The tasks that have a row: by pid, tree and file. */
static int take_tasks(const struct maps *maps, struct granted_socks *out)
{
	__u32 tgid, *prev = NULL;
	int ret = 0;

	while (ret == 0 && bpf_map_get_next_key(maps->fd[MAP_granted_tasks], prev, &tgid) == 0) {
		struct granted_task task;
		bool any = false;

		prev = &tgid;
		if (bpf_map_lookup_elem(maps->fd[MAP_granted_tasks], &tgid, &task) < 0)
			continue;
		for (int kind = 0; kind < GRANT_TASK_KINDS; kind++)
			any |= in_force(maps, task.id[kind]);
		if (any && process_start(tgid) == task.start)
			ret = take_process(tgid, out);
	}
	return ret;
}

static int take_cgroups(const struct maps *maps, struct granted_socks *out)
{
	_cleanup_close_ int root = -1;
	struct grant_vec all = {};
	int ret = grants_read(maps, &all, NULL);

	for (size_t i = 0; i < all.count && ret == 0; i++) {
		if (all.rows[i].grant.kind != GRANT_CGROUP || !in_force(maps, all.rows[i].id))
			continue;
		if (root < 0)
			root = cgroup_root_open(NULL);
		ret = root < 0
			      ? root
			      : cgroup_each_process(root, all.rows[i].note.what, take_process, out);
	}
	grant_vec_free(&all);
	return ret;
}

int granted_socks_read(const struct maps *maps, struct granted_socks *out, struct error *err)
{
	struct granted_socks s = {};
	int ret = 0;

	if (maps->policy->control & CONTROL_GRANTS) {
		ret = take_tasks(maps, &s);
		if (ret == 0)
			ret = take_cgroups(maps, &s);
	}
	if (ret < 0) {
		granted_socks_free(&s);
		return fail(err, ret, "cannot find the sockets of granted processes: %s",
			    strerror(-ret));
	}
	if (s.count)
		qsort(s.inodes, s.count, sizeof(*s.inodes), by_number);
	*out = s;
	return 0;
}

void granted_socks_free(struct granted_socks *s)
{
	free(s->inodes);
	*s = (struct granted_socks){};
}

bool granted_socks_have(const struct granted_socks *s, __u64 inode)
{
	return inode && s->count &&
	       bsearch(&inode, s->inodes, s->count, sizeof(*s->inodes), by_number);
}
