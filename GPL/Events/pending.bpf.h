/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Between the entry and the exit of a function an operation waits in `pending`, keyed by thread.
 * And where those functions have their arguments on this kernel.
 */
#pragma once

#include "file.bpf.h"

struct pending {
	struct dentry *dentry;
	struct vfsmount *mnt;
	struct dentry *parent;
	const char *xattr;
	struct cred *cred; /* with which it began */
	u32 until;	   /* the hook that will see it end */
	u32 mode;
	u32 depth; /* kprobes: how many calls of the function are under way */
	u32 type;  /* kprobes: the event that is due at its end */
	struct event_file_info info;
	char name[NAME_ROOM];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, struct pending);
} pending __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct pending);
} pending_zero __weak SEC(".maps");

/* Argument counts as this kernel's BTF has them, and which one is the dentry; 0: no such function
 * or argument. Set before load. */
#define FN(name, arg) const volatile __u32 nargs_##name __weak, arg_##name __weak;
#include "functions.def"
#undef FN

/* Read as memory, since the number of the argument is not the same in all kernels: the verifier
 * allows a load from the context only at an offset that the compiler knew. */
static __always_inline u64 ctx_at(u64 *ctx, u32 i)
{
	u64 v = 0;

	bpf_probe_read_kernel(&v, sizeof(v), (void *)ctx + i * sizeof(u64));
	return v;
}

/* The same of the function that a kprobe stands at; the first five, for the same reason. */
static __always_inline u64 reg_at(struct pt_regs *ctx, u32 i)
{
	switch (i) {
	case 0:
		return PT_REGS_PARM1_CORE(ctx);
	case 1:
		return PT_REGS_PARM2_CORE(ctx);
	case 2:
		return PT_REGS_PARM3_CORE(ctx);
	case 3:
		return PT_REGS_PARM4_CORE(ctx);
	case 4:
		return PT_REGS_PARM5_CORE(ctx);
	}
	return 0;
}

/*
 * Entry: remembers the operation, with what will be gone at the exit, which `until` is to see. A
 * thread's place stays when the operation has ended: to make one costs more than all the rest. One
 * that finds no place is lost, as an event of that type.
 */
static __always_inline struct pending *pend(struct dentry *dentry, struct vfsmount *mnt, u32 until,
					    u32 type)
{
	struct task_struct *task = current_task();
	u64 id = bpf_get_current_pid_tgid();
	struct pending *p, *none;
	u32 zero = 0;

	if (!wanted(task))
		return NULL;
	p = bpf_map_lookup_elem(&pending, &id);
	if (!p) {
		none = bpf_map_lookup_elem(&pending_zero, &zero);
		if (none && !bpf_map_update_elem(&pending, &id, none, BPF_ANY))
			p = bpf_map_lookup_elem(&pending, &id);
		if (!p) {
			count_lost(type);
			return NULL;
		}
	}
	p->dentry = dentry;
	p->mnt = mnt;
	p->cred = BPF_CORE_READ(task, cred);
	p->until = until;
	p->depth = 0;
	return p;
}

/* The operation of this thread that ends with that hook. */
static __always_inline struct pending *pended(u32 hook)
{
	u64 id = bpf_get_current_pid_tgid();
	struct pending *p = bpf_map_lookup_elem(&pending, &id);

	return p && p->until == hook ? p : NULL;
}

static __always_inline void unpend(struct pending *p)
{
	p->until = HOOK_NONE;
	p->depth = 0;
}
