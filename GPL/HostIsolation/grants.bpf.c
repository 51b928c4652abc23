// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The hooks of the process grants. They are attached machine-wide, on the root of cgroup v2, while
 * there are grants: they mark sockets and follow processes, and refuse nothing, ever.
 *
 *   mark_create                a granted task made the socket
 *   mark_bind*, _connect*      it bound or connected one, wherever it had it from
 *   mark_send*                 it sent on an unconnected UDP socket
 *   task_fork                  children: --tree, and the file that they run
 *   task_exec                  another file is run now
 *   task_exit                  the last thread went: its grant ends
 *   cgroup_made, cgroup_gone   a granted path has another cgroup now
 */
#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "HostIsolation/exefile.bpf.h"
#include "HostIsolation/grantmaps.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define SOCK_STREAM 1
#define SOCK_DGRAM 2

/* Only the fields we read; libbpf finds where this kernel has them. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct mm_struct {
	struct file *exe_file;
};

struct signal_struct {
	struct {
		int counter;
	} live;
};

struct task_struct {
	int pid;
	int tgid;
	__u64 start_boottime;
	struct task_struct *group_leader;
	struct mm_struct *mm;
	struct signal_struct *signal;
};

struct cgroup_root {
	int hierarchy_id;
};

struct kernfs_node {
	__u64 id;
};

struct cgroup {
	struct cgroup_root *root;
	struct kernfs_node *kn;
};
#pragma clang attribute pop

static __always_inline __u64 start_of(struct task_struct *task)
{
	return task->start_boottime / TASK_TICK_NS;
}

static __always_inline int alive(__u64 id)
{
	return id && bpf_map_lookup_elem(&grants, &id) != NULL;
}

/* ---- sockets ---- */

/* The grant of the nearest granted ancestor; a cgroup that was granted lies at most so deep. */
static __always_inline __u64 grant_of_cgroup(void)
{
	__u64 found = 0;

	for (int level = 0; level <= CGROUP_LEVELS_MAX; level++) {
		__u64 cgroup = bpf_get_current_ancestor_cgroup_id(level), *id;

		if (!cgroup)
			break;
		id = bpf_map_lookup_elem(&granted_cgroups, &cgroup);
		if (id)
			found = *id;
	}
	return found;
}

/* The row of the process that runs, and not of an earlier one with its pid whose exit no hook saw.
 */
static __always_inline struct granted_task *row_of_current(void)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct granted_task *row = bpf_map_lookup_elem(&granted_tasks, &tgid);
	struct task_struct *task = (void *)bpf_get_current_task();

	if (!row || BPF_CORE_READ(task, group_leader, start_boottime) / TASK_TICK_NS != row->start)
		return NULL;
	return row;
}

static __always_inline int grants_of_current(struct sock_grants *out)
{
	struct granted_task *task = row_of_current();

	out->id[GRANT_PID] = task ? task->id[GRANT_PID] : 0;
	out->id[GRANT_TREE] = task ? task->id[GRANT_TREE] : 0;
	out->id[GRANT_EXE] = task ? task->id[GRANT_EXE] : 0;
	out->id[GRANT_CGROUP] = grant_of_cgroup();
	return out->id[GRANT_PID] || out->id[GRANT_TREE] || out->id[GRANT_EXE] ||
	       out->id[GRANT_CGROUP];
}

/* Raw sockets could send what they like in the name of others: only TCP (MPTCP too) and UDP. */
static __always_inline int may_mark(__u32 type, __u32 protocol)
{
	return (type == SOCK_STREAM && (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP)) ||
	       (type == SOCK_DGRAM && protocol == IPPROTO_UDP);
}

#define MARK(sk)                                                                                   \
	do {                                                                                       \
		struct sock_grants _ids, *_kept;                                                   \
                                                                                                   \
		if (!grants_of_current(&_ids))                                                     \
			break;                                                                     \
		_kept = bpf_sk_storage_get(&sock_grants, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);   \
		if (!_kept) {                                                                      \
			grant_lost(GRANT_LOST_SOCKET);                                             \
			break;                                                                     \
		}                                                                                  \
		for (int _k = 0; _k < GRANT_KINDS; _k++)                                           \
			if (_ids.id[_k])                                                           \
				_kept->id[_k] = _ids.id[_k];                                       \
	} while (0)

SEC("cgroup/sock_create")
int mark_create(struct bpf_sock *ctx)
{
	if (may_mark(ctx->type, ctx->protocol))
		MARK(ctx);
	return 1;
}

#define MARK_ON(name, section)                                                                     \
	SEC(section)                                                                               \
	int name(struct bpf_sock_addr *ctx)                                                        \
	{                                                                                          \
		struct bpf_sock *sk = ctx->sk;                                                     \
                                                                                                   \
		if (sk && may_mark(ctx->type, ctx->protocol))                                      \
			MARK(sk);                                                                  \
		return 1;                                                                          \
	}

MARK_ON(mark_bind4, "cgroup/bind4")
MARK_ON(mark_bind6, "cgroup/bind6")
MARK_ON(mark_connect4, "cgroup/connect4")
MARK_ON(mark_connect6, "cgroup/connect6")
MARK_ON(mark_send4, "cgroup/sendmsg4")
MARK_ON(mark_send6, "cgroup/sendmsg6")

/* ---- processes ---- */

SEC("tp_btf/sched_process_fork")
int BPF_PROG(task_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 parent_tgid = parent->tgid, tgid = child->tgid;
	struct granted_task new = {}, *of_parent;

	if (tgid != (__u32)child->pid) /* a thread */
		return 0;
	of_parent = bpf_map_lookup_elem(&granted_tasks, &parent_tgid);
	if (of_parent && of_parent->start == start_of(parent->group_leader)) {
		if (alive(of_parent->id[GRANT_TREE]))
			new.id[GRANT_TREE] = of_parent->id[GRANT_TREE];
		if (alive(of_parent->id[GRANT_EXE]))
			new.id[GRANT_EXE] = of_parent->id[GRANT_EXE];
	}
	if (!new.id[GRANT_TREE] && !new.id[GRANT_EXE]) {
		bpf_map_delete_elem(&granted_tasks, &tgid);
		return 0;
	}
	new.start = start_of(child);
	if (bpf_map_update_elem(&granted_tasks, &tgid, &new, BPF_ANY))
		grant_lost(GRANT_LOST_TASK);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(task_exec, struct task_struct *task)
{
	struct exe_key key = exe_key_of(task->mm->exe_file);
	__u64 *id = bpf_map_lookup_elem(&granted_exes, &key);
	struct granted_task new = {}, *old;
	__u32 tgid = task->tgid;

	old = bpf_map_lookup_elem(&granted_tasks, &tgid);
	if (old && old->start == start_of(task->group_leader)) {
		old->id[GRANT_EXE] = id ? *id : 0;
		return 0;
	}
	if (!id)
		return 0;
	new.start = start_of(task->group_leader);
	new.id[GRANT_EXE] = *id;
	if (bpf_map_update_elem(&granted_tasks, &tgid, &new, BPF_ANY))
		grant_lost(GRANT_LOST_TASK);
	return 0;
}

static __always_inline void end_grant_of(__u64 id, __u32 tgid)
{
	struct grant *grant = bpf_map_lookup_elem(&grants, &id);

	if (!grant || grant->tgid != tgid)
		return; /* a child's exit ends no tree */
	bpf_map_delete_elem(&grants, &id);
	bpf_map_delete_elem(&grant_counts, &id);
}

/* The count of live threads is taken down before the tracepoint, on all kernels: the last one
 * finds none. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(task_exit, struct task_struct *task)
{
	__u32 tgid = task->tgid;
	struct granted_task *gone;

	if (task->signal->live.counter > 0)
		return 0;
	gone = bpf_map_lookup_elem(&granted_tasks, &tgid);
	if (!gone)
		return 0;
	end_grant_of(gone->id[GRANT_PID], tgid);
	end_grant_of(gone->id[GRANT_TREE], tgid);
	bpf_map_delete_elem(&granted_tasks, &tgid);
	return 0;
}

/* ---- cgroups ---- */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct path_key);
} path_room SEC(".maps");

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(cgroup_made, struct cgroup *cgroup, const char *path)
{
	__u32 zero = 0;
	struct path_key *key = bpf_map_lookup_elem(&path_room, &zero);
	__u64 id = cgroup->kn->id, *grant;

	if (!key || cgroup->root->hierarchy_id)
		return 0; /* cgroup v1 */
	__builtin_memset(key, 0, sizeof(*key));
	if (bpf_probe_read_kernel_str(key->path, sizeof(key->path), path) <= 0)
		return 0;
	grant = bpf_map_lookup_elem(&granted_paths, key);
	if (grant && bpf_map_update_elem(&granted_cgroups, &id, grant, BPF_ANY))
		grant_lost(GRANT_LOST_TASK);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(cgroup_gone, struct cgroup *cgroup)
{
	__u64 id = cgroup->kn->id;

	if (!cgroup->root->hierarchy_id)
		bpf_map_delete_elem(&granted_cgroups, &id);
	return 0;
}
