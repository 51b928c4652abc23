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
	u64 mode;
	u64 removing;
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

/* Entry: remembers the operation, with what will be gone at the exit. */
static __always_inline struct pending *pend(struct dentry *dentry, struct vfsmount *mnt)
{
	u64 id = bpf_get_current_pid_tgid();
	struct pending *p;
	u32 zero = 0;

	if (!wanted(current_task()))
		return NULL;
	p = bpf_map_lookup_elem(&pending_zero, &zero);
	if (!p || bpf_map_update_elem(&pending, &id, p, BPF_ANY))
		return NULL;
	p = bpf_map_lookup_elem(&pending, &id);
	if (!p)
		return NULL;
	p->dentry = dentry;
	p->mnt = mnt;
	return p;
}

static __always_inline struct pending *pended(void)
{
	u64 id = bpf_get_current_pid_tgid();

	return bpf_map_lookup_elem(&pending, &id);
}

static __always_inline void unpend(void)
{
	u64 id = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&pending, &id);
}
