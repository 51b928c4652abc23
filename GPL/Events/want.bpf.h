/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The filters: asked before anything is reserved. What no option asked for is constant zero in
 * rodata, and the verifier cuts it out.
 */
#pragma once

#include "emit.bpf.h"

const volatile __u32 filters __weak;	  /* FILTER_* */
const volatile __u32 asked_events __weak; /* 1 << enum event_type */
const volatile __u32 self_tgid __weak;	  /* hostiso: its own writes would feed it for ever */

#define FILTER_MAP(name, key_type, count)                                                          \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_HASH);                                                   \
		__uint(max_entries, count);                                                        \
		__type(key, key_type);                                                             \
		__type(value, u32);                                                                \
	} name __weak SEC(".maps")

FILTER_MAP(filter_pid, u32, 1024);
FILTER_MAP(filter_uid, u32, 1024);
FILTER_MAP(filter_comm, struct comm_key, 1024);
FILTER_MAP(filter_exe, struct inode_key, 1024);
FILTER_MAP(filter_path, struct inode_key, 1024);
FILTER_MAP(filter_tree, u32, 65536);

static __always_inline struct task_struct *current_task(void)
{
	return (struct task_struct *)bpf_get_current_task();
}

static __always_inline bool asked(u32 type)
{
	return asked_events & (1u << type);
}

static __always_inline bool kernel_thread(struct task_struct *task)
{
	return BPF_CORE_READ(task, flags) & PF_KTHREAD;
}

static __always_inline bool exe_listed(struct task_struct *task)
{
	struct inode *inode = BPF_CORE_READ(task, mm, exe_file, f_inode);
	struct inode_key key = {};

	key.ino = BPF_CORE_READ(inode, i_ino);
	key.dev = BPF_CORE_READ(inode, i_sb, s_dev);
	return bpf_map_lookup_elem(&filter_exe, &key);
}

/* Every kind of filter that was given must agree; values of one kind are alternatives. */
static __always_inline bool wanted(struct task_struct *task)
{
	u32 tgid = BPF_CORE_READ(task, tgid);

	if (tgid == self_tgid)
		return false;
	if (filters & FILTER_PID && !bpf_map_lookup_elem(&filter_pid, &tgid))
		return false;
	if (filters & FILTER_TREE && !bpf_map_lookup_elem(&filter_tree, &tgid))
		return false;
	if (filters & FILTER_UID) {
		u32 uid = BPF_CORE_READ(task, cred, uid.val);

		if (!bpf_map_lookup_elem(&filter_uid, &uid))
			return false;
	}
	if (filters & FILTER_COMM) {
		struct comm_key key = {};

		/* io_uring's workers are threads of the process, by another name. */
		if (BPF_CORE_READ(task, flags) & PF_IO_WORKER)
			BPF_CORE_READ_STR_INTO(&key.comm, task, group_leader, comm);
		else
			BPF_CORE_READ_STR_INTO(&key.comm, task, comm);
		if (!bpf_map_lookup_elem(&filter_comm, &key))
			return false;
	}
	if (filters & FILTER_EXE && !exe_listed(task))
		return false;
	return true;
}
