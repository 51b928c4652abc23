/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * File events where functions can be hooked.
 *
 * security_file_open      CREATE of what open(2) or io_uring made, MEMFD_OPEN, SHMEM_OPEN
 * security_path_*         entry of unlink, rmdir, rename, chmod: path and mount, old name and mode
 * vfs_*, *_common         their exit: did it succeed? once each, though overlayfs calls them twice
 * d_delete                the end of rmdir, where vfs_rmdir itself is not to be seen
 */
#include "fileops.bpf.h"

SEC("fentry/security_file_open")
int BPF_PROG(hook_file_open_fentry, struct file *file)
{
	return on_file_open(file, HOOK_file_open_fentry);
}

/* What waits for that hook, if the function was called for the same dentry. The compiler must not
 * put the argument where p->dentry is asked for: a verifier allows less with it. */
static __always_inline struct pending *pended_for(u64 dentry, u32 hook)
{
	struct pending *p = pended(hook);
	u64 waits;

	if (!p)
		return NULL;
	waits = (u64)p->dentry;
	opaque(waits);
	return dentry == waits ? p : NULL;
}

#define MADE(name)                                                                                 \
	SEC("fexit/vfs_" #name)                                                                    \
	int hook_##name##_fexit(u64 *ctx)                                                          \
	{                                                                                          \
		struct pending *p = pended_for(ctx_at(ctx, arg_vfs_##name), HOOK_##name##_fexit);  \
		u32 source = HOOK_##name##_fexit;                                                  \
                                                                                                   \
		if (!p)                                                                            \
			return 0;                                                                  \
		return on_made(p, source == HOOK_mkdir_fexit, ctx_at(ctx, nargs_vfs_##name),       \
			       source);                                                            \
	}

#define MAKE(name)                                                                                 \
	SEC("fentry/security_path_" #name)                                                         \
	int BPF_PROG(hook_##name##_fentry, struct path *dir, struct dentry *dentry)                \
	{                                                                                          \
		pend(dentry, BPF_CORE_READ(dir, mnt), HOOK_##name##_fexit, EVENT_FILE_CREATE);     \
		return 0;                                                                          \
	}                                                                                          \
	MADE(name)

MAKE(mkdir)
MAKE(mknod)
MAKE(symlink)

SEC("fentry/security_path_link")
int BPF_PROG(hook_link_fentry, struct dentry *old, struct path *dir, struct dentry *dentry)
{
	pend(dentry, BPF_CORE_READ(dir, mnt), HOOK_link_fexit, EVENT_FILE_CREATE);
	return 0;
}

MADE(link)

#define REMOVE(name)                                                                               \
	SEC("fentry/security_path_" #name)                                                         \
	int BPF_PROG(hook_##name##_fentry, struct path *dir, struct dentry *dentry)                \
	{                                                                                          \
		return on_remove(dir, dentry, HOOK_##name##_fexit);                                \
	}                                                                                          \
	SEC("fexit/vfs_" #name)                                                                    \
	int hook_##name##_fexit(u64 *ctx)                                                          \
	{                                                                                          \
		struct pending *p = pended_for(ctx_at(ctx, arg_vfs_##name), HOOK_##name##_fexit);  \
                                                                                                   \
		return p ? on_removed(p, ctx_at(ctx, nargs_vfs_##name), HOOK_##name##_fexit) : 0;  \
	}

REMOVE(unlink)
REMOVE(rmdir)

/* Where the compiler put vfs_rmdir into its caller (5.10), nobody sees it return; but this is what
 * it does at the end, when all went well. */
SEC("fentry/d_delete")
int BPF_PROG(hook_rmdir_delete_fentry, struct dentry *dentry)
{
	struct pending *p = pended_for((u64)dentry, HOOK_rmdir_fexit);

	return p ? on_removed(p, 0, HOOK_rmdir_delete_fentry) : 0;
}

SEC("fentry/security_path_rename")
int BPF_PROG(hook_rename_fentry, struct path *old_dir, struct dentry *old_dentry)
{
	return on_rename(old_dir, old_dentry, HOOK_rename_fexit);
}

SEC("fexit/vfs_rename")
int hook_rename_fexit(u64 *ctx)
{
	struct pending *p = pended_for(renamed_dentry(ctx_at(ctx, 0), ctx_at(ctx, arg_vfs_rename)),
				       HOOK_rename_fexit);

	return p ? on_renamed(p, ctx_at(ctx, nargs_vfs_rename), HOOK_rename_fexit) : 0;
}

SEC("fentry/security_path_chmod")
int BPF_PROG(hook_chmod_fentry, struct path *path)
{
	on_chmod(path, HOOK_chmod_fexit);
	return 0;
}

SEC("fexit/chmod_common")
int BPF_PROG(hook_chmod_fexit, struct path *path, u16 mode, int ret)
{
	struct dentry *dentry = BPF_CORE_READ(path, dentry);

	if (ret || !wanted(current_task()))
		return 0;
	return on_chmodded(pended_for((u64)dentry, HOOK_chmod_fexit), dentry,
			   BPF_CORE_READ(path, mnt), HOOK_chmod_fexit);
}

SEC("fexit/chown_common")
int BPF_PROG(hook_chown_fexit, struct path *path, u32 user, u32 group, int ret)
{
	if (ret || !wanted(current_task()))
		return 0;
	return on_chowned(BPF_CORE_READ(path, dentry), BPF_CORE_READ(path, mnt), HOOK_chown_fexit);
}
