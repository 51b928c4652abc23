/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Processes: tracepoints that are the same on every kernel.
 *
 * sched_process_fork   FORK of a process; threads are left out
 * sched_process_exec   EXEC, after the point of no return: new credentials, arguments in place
 * sched_process_exit   EXIT of a process: when its last thread goes
 */
#include "file.bpf.h"

const volatile __u32 exit_has_group_dead; /* the tracepoint's second argument, since 6.13 */

SEC("tp_btf/sched_process_fork")
int BPF_PROG(hook_fork_tp, struct task_struct *parent, struct task_struct *child)
{
	struct event_fork *e;
	struct walk w;

	if (BPF_CORE_READ(child, pid) != BPF_CORE_READ(child, tgid) || kernel_thread(child) ||
	    !wanted(parent))
		return 0;
	e = reserve(CLASS_MIDDLE);
	if (!e) {
		count_lost(EVENT_PROCESS_FORK);
		return 0;
	}
	fill_hdr(&e->hdr, EVENT_PROCESS_FORK, HOOK_fork_tp, sizeof(*e), child);
	fill_pids(&e->hdr.pids, parent);
	fill_pids(&e->child, child);
	fill_ctty(&e->ctty, child);
	fill_ns(&e->ns, child);
	walk_init(&w, child);
	w.at.dentry = BPF_CORE_READ(child, fs, pwd.dentry);
	w.at.mnt = BPF_CORE_READ(child, fs, pwd.mnt);
	add_path(&e->hdr, &class_middle, &e->cwd, &w);
	add_cgroup(&e->hdr, &class_middle, child);
	emit_submit(e);
	return 0;
}

/* One range of the process's memory, cut to `most`; at a fixed place, so no sum can overflow. */
static __always_inline void add_user(struct event_hdr *e, struct event_part *part, u64 off,
				     u64 most, u64 start, u64 end)
{
	u64 len = end - start;

	part->off = off;
	part->flags = PART_TEXT;
	part->len = 0;
	if (end <= start)
		return;
	if (len > most) {
		part->flags |= PART_TRUNCATED;
		mark(e, PART_TRUNCATED);
		len = most;
	}
	opaque(len);
	if (len > most)
		return;
	if (!bpf_probe_read_user((void *)e + off, len, (void *)start))
		part->len = len;
}

static __noinline void build_exec(struct event_exec *e, cap_t *cap, struct linux_binprm *bprm)
{
	struct task_struct *task = current_task();
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	struct file *file = BPF_CORE_READ(bprm, file);
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	u32 mode = BPF_CORE_READ(inode, i_mode);
	u64 off;
	struct walk w;
	long n;

	fill_hdr(&e->hdr, EVENT_PROCESS_EXEC, HOOK_exec_tp, sizeof(*e) + *cap / 4 + *cap / 2, task);
	fill_ctty(&e->ctty, task);
	fill_ns(&e->ns, task);
	e->nlink = BPF_CORE_READ(inode, i_nlink);
	e->flags = 0;
	if (mode & S_ISUID)
		e->flags |= EXEC_SETUID;
	if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		e->flags |= EXEC_SETGID;
	if (starts_with(BPF_CORE_READ(file, f_path.dentry, d_name.name), "memfd:", 6) && !e->nlink)
		e->flags |= EXEC_MEMFD;
	add_user(&e->hdr, &e->argv, sizeof(*e), *cap / 4, BPF_CORE_READ(mm, arg_start),
		 BPF_CORE_READ(mm, arg_end));
	add_user(&e->hdr, &e->env, sizeof(*e) + *cap / 4, *cap / 2, BPF_CORE_READ(mm, env_start),
		 BPF_CORE_READ(mm, env_end));
	walk_init(&w, task);
	w.at.dentry = BPF_CORE_READ(task, fs, pwd.dentry);
	w.at.mnt = BPF_CORE_READ(task, fs, pwd.mnt);
	add_path(&e->hdr, cap, &e->cwd, &w);
	add_cgroup(&e->hdr, cap, task);

	off = ((volatile struct event_hdr *)&e->hdr)->size;
	e->filename.off = off;
	e->filename.flags = PART_TEXT;
	e->filename.len = 0;
	if (off > *cap - SYMLINK_MAX) {
		mark(&e->hdr, PART_TRUNCATED);
		return;
	}
	n = bpf_probe_read_kernel_str((void *)e + off, SYMLINK_MAX, BPF_CORE_READ(bprm, filename));
	if (n > 0) {
		e->filename.len = n;
		((volatile struct event_hdr *)&e->hdr)->size = off + n;
	}
}

/* As file_too_large(). */
static __always_inline bool exec_too_large(int class, struct linux_binprm *bprm)
{
	struct event_exec *e;
	cap_t *cap;

	switch (class) {
	case 0:
		e = reserve(CLASS_MIDDLE);
		cap = &class_middle;
		break;
	case 1:
		e = reserve(CLASS_LARGE);
		cap = &class_large;
		break;
	default:
		e = reserve(CLASS_HUGE);
		cap = &class_huge;
	}
	if (!e) {
		count_lost(EVENT_PROCESS_EXEC);
		return false;
	}
	build_exec(e, cap, bprm);
	if (!(marks(&e->hdr) & (PART_TRUNCATED | PART_CUT)) || class == 2) {
		emit_submit(e);
		return false;
	}
	emit_discard(e);
	return true;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(hook_exec_tp, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct linux_binprm *p = bprm;

	if (kernel_thread(task) || !wanted(task))
		return 0;
	try_classes(3, exec_too_large, p);
	return 0;
}

/*
 * Without the argument, signal->live says whether threads are left; two that go at the same time
 * can both see none, so the first to enter the process here speaks for it.
 */
struct exited_key {
	u64 start;
	u32 tgid, pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct exited_key);
	__type(value, u32);
} exited SEC(".maps");

static __always_inline bool last_thread(u64 *ctx, struct task_struct *task)
{
	struct exited_key key = {};
	u32 one = 1;

	if (exit_has_group_dead)
		return (bool)ctx[1];
	if (BPF_CORE_READ(task, signal, live.counter))
		return false;
	key.start = BPF_CORE_READ(task, group_leader, start_time);
	key.tgid = BPF_CORE_READ(task, tgid);
	return !bpf_map_update_elem(&exited, &key, &one, BPF_NOEXIST);
}

SEC("tp_btf/sched_process_exit")
int hook_exit_tp(u64 *ctx)
{
	struct task_struct *task = current_task();
	struct event_exit *e;

	if (!last_thread(ctx, task) || kernel_thread(task) || !wanted(task))
		return 0;
	e = reserve(CLASS_MIDDLE);
	if (!e) {
		count_lost(EVENT_PROCESS_EXIT);
		return 0;
	}
	fill_hdr(&e->hdr, EVENT_PROCESS_EXIT, HOOK_exit_tp, sizeof(*e), task);
	fill_ctty(&e->ctty, task);
	fill_ns(&e->ns, task);
	e->code = BPF_CORE_READ(task, exit_code);
	e->pad = 0;
	add_cgroup(&e->hdr, &class_middle, task);
	emit_submit(e);
	return 0;
}

/* --tree: children are in it before they run. Attached only when asked for. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(hook_tree_fork, struct task_struct *parent, struct task_struct *child)
{
	u32 of = BPF_CORE_READ(parent, tgid), tgid = BPF_CORE_READ(child, tgid), one = 1;

	if (of != tgid && bpf_map_lookup_elem(&filter_tree, &of))
		bpf_map_update_elem(&filter_tree, &tgid, &one, BPF_ANY);
	return 0;
}

SEC("tp_btf/sched_process_free")
int BPF_PROG(hook_tree_free, struct task_struct *task)
{
	u32 pid = BPF_CORE_READ(task, pid);

	if (pid == (u32)BPF_CORE_READ(task, tgid))
		bpf_map_delete_elem(&filter_tree, &pid);
	return 0;
}
