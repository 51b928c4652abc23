/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * File events where functions can be hooked.
 *
 * security_file_open      CREATE of what open(2) or io_uring made, MEMFD_OPEN, SHMEM_OPEN
 * security_path_*         entry of unlink, rmdir, rename, chmod: path and mount, old name and mode
 * vfs_*, *_common         their exit: did it succeed? once each, though overlayfs calls them twice
 * d_delete                the end of rmdir, where vfs_rmdir itself is not to be seen
 */
#include "pending.bpf.h"

const volatile __u32 vfs_mkdir_dentry;

static __always_inline int on_file_open(struct file *file, u32 source)
{
	struct file_op op = {.type = EVENT_FILE_CREATE, .source = source};

	op.dentry = BPF_CORE_READ(file, f_path.dentry);
	op.mnt = BPF_CORE_READ(file, f_path.mnt);
	if (!(BPF_CORE_READ(file, f_mode) & FMODE_CREATED)) {
		op.type = open_kind(op.dentry, op.mnt);
		if (op.type == EVENT_COUNT)
			return 0;
	}
	if (!asked(op.type) || !wanted(current_task()))
		return 0;
	return emit_file(&op);
}

SEC("fentry/security_file_open")
int BPF_PROG(hook_file_open_fentry, struct file *file)
{
	return on_file_open(file, HOOK_file_open_fentry);
}

SEC("kprobe/security_file_open")
int BPF_KPROBE(hook_file_open_kprobe, struct file *file)
{
	return on_file_open(file, HOOK_file_open_kprobe);
}

/* What is made without being opened. Since 6.15 vfs_mkdir returns the dentry, or an error in it. */
static __always_inline int on_made(u64 *ctx, u32 nargs, u32 arg, u32 source)
{
	struct file_op op = {.type = EVENT_FILE_CREATE, .source = source};
	struct pending *p = pended();
	s64 ret = ctx_at(ctx, nargs);

	if (!p || ctx_at(ctx, arg) != (u64)p->dentry)
		return 0;
	op.dentry = p->dentry;
	op.mnt = p->mnt;
	if (!(s32)ret || (vfs_mkdir_dentry && source == HOOK_mkdir_fexit && (u64)ret < -4095UL))
		emit_file(&op);
	unpend();
	return 0;
}

#define MADE(name)                                                                                 \
	SEC("fentry/security_path_" #name)                                                         \
	int BPF_PROG(hook_##name##_fentry, struct path *dir, struct dentry *dentry)                \
	{                                                                                          \
		pend(dentry, BPF_CORE_READ(dir, mnt));                                             \
		return 0;                                                                          \
	}                                                                                          \
	SEC("fexit/vfs_" #name)                                                                    \
	int hook_##name##_fexit(u64 *ctx)                                                          \
	{                                                                                          \
		return on_made(ctx, nargs_vfs_##name, arg_vfs_##name, HOOK_##name##_fexit);        \
	}

MADE(mkdir)
MADE(mknod)
MADE(symlink)

SEC("fentry/security_path_link")
int BPF_PROG(hook_link_fentry, struct dentry *old, struct path *dir, struct dentry *dentry)
{
	pend(dentry, BPF_CORE_READ(dir, mnt));
	return 0;
}

SEC("fexit/vfs_link")
int hook_link_fexit(u64 *ctx)
{
	return on_made(ctx, nargs_vfs_link, arg_vfs_link, HOOK_link_fexit);
}

static __always_inline void on_remove(struct path *dir, struct dentry *dentry)
{
	struct pending *p;

	if (!asked(EVENT_FILE_DELETE))
		return;
	p = pend(dentry, BPF_CORE_READ(dir, mnt));
	if (!p)
		return;
	p->removing = 1;
	fill_file_info(&p->info, BPF_CORE_READ(dentry, d_inode));
}

static __always_inline int on_removed(u64 dentry, int ret, u32 source)
{
	struct file_op op = {.type = EVENT_FILE_DELETE, .source = source};
	struct pending *p = pended();

	if (!p || !p->removing || dentry != (u64)p->dentry)
		return 0;
	op.dentry = p->dentry;
	op.mnt = p->mnt;
	op.info = &p->info;
	if (!ret)
		emit_file(&op);
	unpend();
	return 0;
}

SEC("fentry/security_path_unlink")
int BPF_PROG(hook_unlink_fentry, struct path *dir, struct dentry *dentry)
{
	on_remove(dir, dentry);
	return 0;
}

SEC("fexit/vfs_unlink")
int hook_unlink_fexit(u64 *ctx)
{
	return on_removed(ctx_at(ctx, arg_vfs_unlink), ctx_at(ctx, nargs_vfs_unlink),
			  HOOK_unlink_fexit);
}

SEC("fentry/security_path_rmdir")
int BPF_PROG(hook_rmdir_fentry, struct path *dir, struct dentry *dentry)
{
	on_remove(dir, dentry);
	return 0;
}

SEC("fexit/vfs_rmdir")
int hook_rmdir_fexit(u64 *ctx)
{
	return on_removed(ctx_at(ctx, arg_vfs_rmdir), ctx_at(ctx, nargs_vfs_rmdir),
			  HOOK_rmdir_fexit);
}

/* Where the compiler put vfs_rmdir into its caller (5.10), nobody sees it return; but this is what
 * it does at the end, when all went well. */
SEC("fentry/d_delete")
int BPF_PROG(hook_rmdir_delete_fentry, struct dentry *dentry)
{
	return on_removed((u64)dentry, 0, HOOK_rmdir_delete_fentry);
}

SEC("fentry/security_path_rename")
int BPF_PROG(hook_rename_fentry, struct path *old_dir, struct dentry *old_dentry)
{
	struct pending *p = pend(old_dentry, BPF_CORE_READ(old_dir, mnt));

	if (!p)
		return 0;
	p->parent = BPF_CORE_READ(old_dir, dentry);
	bpf_probe_read_kernel_str(p->name, sizeof(p->name), BPF_CORE_READ(old_dentry, d_name.name));
	return 0;
}

/* Before 5.12 (or a stable kernel that took it over) the dentries are arguments; then they are in
 * a struct renamedata, the only one. */
SEC("fexit/vfs_rename")
int hook_rename_fexit(u64 *ctx)
{
	struct file_op op = {.type = EVENT_FILE_RENAME, .source = HOOK_rename_fexit};
	struct pending *p = pended();

	if (!p)
		return 0;
	if (nargs_vfs_rename == 1) {
		struct renamedata *rd = (void *)ctx_at(ctx, 0);

		if (BPF_CORE_READ(rd, old_dentry) != p->dentry)
			return 0;
	} else if (ctx_at(ctx, arg_vfs_rename) != (u64)p->dentry) {
		return 0;
	}
	/* By now old_dentry carries the new name in the new place. */
	op.dentry = p->dentry;
	op.mnt = p->mnt;
	op.old_mnt = p->mnt;
	op.old_parent = p->parent;
	op.old_name = p->name;
	if (!(int)ctx_at(ctx, nargs_vfs_rename))
		emit_file(&op);
	unpend();
	return 0;
}

SEC("fentry/security_path_chmod")
int BPF_PROG(hook_chmod_fentry, struct path *path)
{
	struct dentry *dentry = BPF_CORE_READ(path, dentry);
	struct pending *p = pend(dentry, NULL);

	if (p)
		p->mode = BPF_CORE_READ(dentry, d_inode, i_mode);
	return 0;
}

static __always_inline int on_attr(struct path *path, u32 change, u32 source)
{
	struct file_op op = {.type = EVENT_FILE_MODIFY, .change = change, .source = source};
	struct dentry *dentry = BPF_CORE_READ(path, dentry);
	struct pending *p;

	op.dentry = dentry;
	op.mnt = BPF_CORE_READ(path, mnt);
	if (change == CHANGE_PERMISSIONS) {
		p = pended();
		if (p && p->dentry == op.dentry) {
			op.has_modes = FILE_HAS_MODES;
			op.old_mode = p->mode;
			op.new_mode = BPF_CORE_READ(dentry, d_inode, i_mode);
			unpend();
		}
	}
	return emit_file(&op);
}

SEC("fexit/chmod_common")
int BPF_PROG(hook_chmod_fexit, struct path *path, u16 mode, int ret)
{
	if (ret || !wanted(current_task()))
		return 0;
	return on_attr(path, CHANGE_PERMISSIONS, HOOK_chmod_fexit);
}

SEC("fexit/chown_common")
int BPF_PROG(hook_chown_fexit, struct path *path, u32 user, u32 group, int ret)
{
	if (ret || !wanted(current_task()))
		return 0;
	return on_attr(path, CHANGE_OWNER, HOOK_chown_fexit);
}
