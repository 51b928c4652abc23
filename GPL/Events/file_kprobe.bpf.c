/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * File events by kprobes, where the kernel takes no trampolines: the same functions as in
 * file.bpf.c and change.bpf.c. A kretprobe sees no arguments, so what the end needs waits since the
 * entry. Writing has none: vfs_write waits for as long as a pipe is full, and a kretprobe has room
 * for few that wait; by system calls none is missed.
 */
#include "fileops.bpf.h"

/*
 * File systems that lie on others (overlayfs, ecryptfs) call the function again for the layer
 * below: what waits ends with the first call.
 */
static __always_inline int enter(struct pending *p, u64 dentry, u32 type)
{
	if (!p || (!p->depth && dentry != (u64)p->dentry))
		return 0;
	p->type = type;
	p->depth++;
	return 0;
}

static __always_inline struct pending *returned(u32 hook)
{
	struct pending *p = pended(hook);

	return p && p->depth && !--p->depth ? p : NULL;
}

/*
 * A kretprobe has room for as many calls as wait at a time: at least ten, and twice the CPUs
 * (Documentation/trace/kprobes.rst, maxactive). One that found none is known by what it left here,
 * when its thread comes again.
 */
static __always_inline void count_missed(void)
{
	u64 id = bpf_get_current_pid_tgid();
	struct pending *p = bpf_map_lookup_elem(&pending, &id);

	if (p && p->depth)
		count_lost(p->type);
}

/* Waits and enters at once, unless the same call above does already. */
static __always_inline struct pending *pend_call(u64 dentry, struct vfsmount *mnt, u32 until,
						 bool below)
{
	struct task_struct *task = current_task();
	struct pending *p = pended(until);

	if (below || layer_below() ||
	    (p && p->cred != BPF_CORE_READ(task, cred) &&
	     BPF_CORE_READ(task, flags) & PF_IO_WORKER)) {
		if (p && p->depth)
			p->depth++;
		return NULL;
	}
	count_missed();
	p = pend((struct dentry *)dentry, mnt, until, EVENT_FILE_MODIFY);
	enter(p, dentry, EVENT_FILE_MODIFY);
	return p;
}

SEC("kprobe/security_file_open")
int BPF_KPROBE(hook_file_open_kprobe, struct file *file)
{
	return on_file_open(file, HOOK_file_open_kprobe);
}

/* Waits at the security_path_* function, enters at vfs_*, ends at the return from there. */
#define AT_ENTRY(name, dentry, type)                                                               \
	SEC("kprobe/vfs_" #name)                                                                   \
	int BPF_KPROBE(hook_##name##_enter_kprobe)                                                 \
	{                                                                                          \
		return enter(pended(HOOK_##name##_kretprobe), dentry, type);                       \
	}

#define MADE_RET(name)                                                                             \
	AT_ENTRY(name, reg_at(ctx, arg_vfs_##name), EVENT_FILE_CREATE)                             \
	SEC("kretprobe/vfs_" #name)                                                                \
	int BPF_KRETPROBE(hook_##name##_kretprobe, s64 ret)                                        \
	{                                                                                          \
		struct pending *p = returned(HOOK_##name##_kretprobe);                             \
		u32 source = HOOK_##name##_kretprobe;                                              \
                                                                                                   \
		return p ? on_made(p, source == HOOK_mkdir_kretprobe, ret, source) : 0;            \
	}

#define MAKE_KPROBE(name)                                                                          \
	SEC("kprobe/security_path_" #name)                                                         \
	int BPF_KPROBE(hook_##name##_kprobe, struct path *dir, struct dentry *dentry)              \
	{                                                                                          \
		count_missed();                                                                    \
		pend(dentry, BPF_CORE_READ(dir, mnt), HOOK_##name##_kretprobe, EVENT_FILE_CREATE); \
		return 0;                                                                          \
	}                                                                                          \
	MADE_RET(name)

MAKE_KPROBE(mkdir)
MAKE_KPROBE(mknod)
MAKE_KPROBE(symlink)

SEC("kprobe/security_path_link")
int BPF_KPROBE(hook_link_kprobe, struct dentry *old, struct path *dir, struct dentry *dentry)
{
	count_missed();
	pend(dentry, BPF_CORE_READ(dir, mnt), HOOK_link_kretprobe, EVENT_FILE_CREATE);
	return 0;
}

MADE_RET(link)

#define REMOVE_KPROBE(name)                                                                        \
	SEC("kprobe/security_path_" #name)                                                         \
	int BPF_KPROBE(hook_##name##_kprobe, struct path *dir, struct dentry *dentry)              \
	{                                                                                          \
		count_missed();                                                                    \
		return on_remove(dir, dentry, HOOK_##name##_kretprobe);                            \
	}                                                                                          \
	AT_ENTRY(name, reg_at(ctx, arg_vfs_##name), EVENT_FILE_DELETE)                             \
	SEC("kretprobe/vfs_" #name)                                                                \
	int BPF_KRETPROBE(hook_##name##_kretprobe, int ret)                                        \
	{                                                                                          \
		struct pending *p = returned(HOOK_##name##_kretprobe);                             \
                                                                                                   \
		return p ? on_removed(p, ret, HOOK_##name##_kretprobe) : 0;                        \
	}

REMOVE_KPROBE(unlink)
REMOVE_KPROBE(rmdir)

/* As in file.bpf.c: where vfs_rmdir is not to be seen. */
SEC("kprobe/d_delete")
int BPF_KPROBE(hook_rmdir_delete_kprobe, struct dentry *dentry)
{
	struct pending *p = pended(HOOK_rmdir_kretprobe);

	return p && p->dentry == dentry ? on_removed(p, 0, HOOK_rmdir_delete_kprobe) : 0;
}

SEC("kprobe/security_path_rename")
int BPF_KPROBE(hook_rename_kprobe, struct path *old_dir, struct dentry *old_dentry)
{
	count_missed();
	return on_rename(old_dir, old_dentry, HOOK_rename_kretprobe);
}

AT_ENTRY(rename, renamed_dentry(reg_at(ctx, 0), reg_at(ctx, arg_vfs_rename)), EVENT_FILE_RENAME)

SEC("kretprobe/vfs_rename")
int BPF_KRETPROBE(hook_rename_kretprobe, int ret)
{
	struct pending *p = returned(HOOK_rename_kretprobe);

	return p ? on_renamed(p, ret, HOOK_rename_kretprobe) : 0;
}

SEC("kprobe/security_path_chmod")
int BPF_KPROBE(hook_chmod_kprobe, struct path *path)
{
	u64 dentry = (u64)BPF_CORE_READ(path, dentry);

	count_missed();
	return enter(on_chmod(path, HOOK_chmod_kretprobe), dentry, EVENT_FILE_MODIFY);
}

SEC("kretprobe/chmod_common")
int BPF_KRETPROBE(hook_chmod_kretprobe, int ret)
{
	struct pending *p = returned(HOOK_chmod_kretprobe);

	if (p && !ret)
		return on_chmodded(p, p->dentry, p->mnt, HOOK_chmod_kretprobe);
	if (p)
		unpend(p);
	return 0;
}

SEC("kprobe/security_path_chown")
int BPF_KPROBE(hook_chown_kprobe, struct path *path)
{
	pend_call((u64)BPF_CORE_READ(path, dentry), BPF_CORE_READ(path, mnt), HOOK_chown_kretprobe,
		  false);
	return 0;
}

SEC("kretprobe/chown_common")
int BPF_KRETPROBE(hook_chown_kretprobe, int ret)
{
	struct pending *p = returned(HOOK_chown_kretprobe);

	if (!p)
		return 0;
	if (!ret)
		on_chowned(p->dentry, p->mnt, HOOK_chown_kretprobe);
	unpend(p);
	return 0;
}

SEC("kprobe/do_truncate")
int BPF_KPROBE(hook_truncate_kprobe)
{
	struct file *file = (struct file *)reg_at(ctx, filp_do_truncate);

	pend_call(reg_at(ctx, arg_do_truncate), file_mount(file), HOOK_truncate_kretprobe, false);
	return 0;
}

SEC("kretprobe/do_truncate")
int BPF_KRETPROBE(hook_truncate_kretprobe, int ret)
{
	struct pending *p = returned(HOOK_truncate_kretprobe);

	if (!p)
		return 0;
	if (!ret)
		on_truncated(p->dentry, p->mnt, HOOK_truncate_kretprobe);
	unpend(p);
	return 0;
}

SEC("kprobe/vfs_fallocate")
int BPF_KPROBE(hook_fallocate_kprobe, struct file *file)
{
	if (regular(file))
		pend_call((u64)BPF_CORE_READ(file, f_path.dentry), file_mount(file),
			  HOOK_fallocate_kretprobe, told_above(file));
	return 0;
}

SEC("kretprobe/vfs_fallocate")
int BPF_KRETPROBE(hook_fallocate_kretprobe, int ret)
{
	struct pending *p = returned(HOOK_fallocate_kretprobe);

	if (!p)
		return 0;
	if (!ret)
		on_truncated(p->dentry, p->mnt, HOOK_fallocate_kretprobe);
	unpend(p);
	return 0;
}

/* The name comes right behind the dentry, and lives as long as the call. */
#define XATTR_KPROBE(hook, function)                                                               \
	SEC("kprobe/" #function)                                                                   \
	int BPF_KPROBE(hook_##hook##_kprobe)                                                       \
	{                                                                                          \
		struct pending *p = pend_call(reg_at(ctx, arg_##function), NULL,                   \
					      HOOK_##hook##_kretprobe, false);                     \
                                                                                                   \
		if (p)                                                                             \
			p->xattr = (const char *)reg_at(ctx, arg_##function + 1);                  \
		return 0;                                                                          \
	}                                                                                          \
	SEC("kretprobe/" #function)                                                                \
	int BPF_KRETPROBE(hook_##hook##_kretprobe, int ret)                                        \
	{                                                                                          \
		struct pending *p = returned(HOOK_##hook##_kretprobe);                             \
                                                                                                   \
		if (!p)                                                                            \
			return 0;                                                                  \
		if (!ret)                                                                          \
			on_xattr((u64)p->dentry, (u64)p->xattr, HOOK_##hook##_kretprobe);          \
		unpend(p);                                                                         \
		return 0;                                                                          \
	}

XATTR_KPROBE(setxattr, vfs_setxattr)
XATTR_KPROBE(removexattr, vfs_removexattr)
XATTR_KPROBE(set_acl, vfs_set_acl)
XATTR_KPROBE(remove_acl, vfs_remove_acl)
