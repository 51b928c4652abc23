/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is done with files, for hooks on functions of whatever kind: file.bpf.c and change.bpf.c
 * have trampolines, file_kprobe.bpf.c has kprobes.
 */
#pragma once

#include "pending.bpf.h"

const volatile __u32 vfs_mkdir_dentry;

/* overlayfs calls the functions a second time below, in the name of who mounted it: the first is
 * the process's own. */
static __always_inline bool layer_below(void)
{
	struct task_struct *task = current_task();

	return !(BPF_CORE_READ(task, flags) & PF_IO_WORKER) &&
	       BPF_CORE_READ(task, cred) != BPF_CORE_READ(task, real_cred);
}

static __always_inline struct vfsmount *file_mount(struct file *file)
{
	return file ? BPF_CORE_READ(file, f_path.mnt) : NULL;
}

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

/* What is made without being opened. Since 6.15 vfs_mkdir returns the dentry, or an error in it. */
static __always_inline int on_made(struct pending *p, bool mkdir, s64 ret, u32 source)
{
	struct file_op op = {.type = EVENT_FILE_CREATE, .source = source};

	op.dentry = p->dentry;
	op.mnt = p->mnt;
	if (!(s32)ret || (vfs_mkdir_dentry && mkdir && (u64)ret < -4095UL))
		emit_file(&op);
	unpend(p);
	return 0;
}

static __always_inline int on_remove(struct path *dir, struct dentry *dentry, u32 until)
{
	struct pending *p;

	if (!asked(EVENT_FILE_DELETE))
		return 0;
	p = pend(dentry, BPF_CORE_READ(dir, mnt), until, EVENT_FILE_DELETE);
	if (p)
		fill_file_info(&p->info, BPF_CORE_READ(dentry, d_inode));
	return 0;
}

static __always_inline int on_removed(struct pending *p, int ret, u32 source)
{
	struct file_op op = {.type = EVENT_FILE_DELETE, .source = source};

	op.dentry = p->dentry;
	op.mnt = p->mnt;
	op.info = &p->info;
	if (!ret)
		emit_file(&op);
	unpend(p);
	return 0;
}

static __always_inline int on_rename(struct path *dir, struct dentry *dentry, u32 until)
{
	struct pending *p = pend(dentry, BPF_CORE_READ(dir, mnt), until, EVENT_FILE_RENAME);

	if (!p)
		return 0;
	p->parent = BPF_CORE_READ(dir, dentry);
	bpf_probe_read_kernel_str(p->name, sizeof(p->name), BPF_CORE_READ(dentry, d_name.name));
	return 0;
}

/* Before 5.12 (or a stable kernel that took it over) vfs_rename has the dentries as arguments; then
 * they are in a struct renamedata, the only one. */
static __always_inline u64 renamed_dentry(u64 first, u64 dentry)
{
	struct renamedata *rd = (void *)first;

	return nargs_vfs_rename == 1 ? (u64)BPF_CORE_READ(rd, old_dentry) : dentry;
}

/* By now the dentry carries the new name in the new place. */
static __always_inline int on_renamed(struct pending *p, int ret, u32 source)
{
	struct file_op op = {.type = EVENT_FILE_RENAME, .source = source};

	op.dentry = p->dentry;
	op.mnt = p->mnt;
	op.old_mnt = p->mnt;
	op.old_parent = p->parent;
	op.old_name = p->name;
	if (!ret)
		emit_renamed(&op);
	unpend(p);
	return 0;
}

static __always_inline struct pending *on_chmod(struct path *path, u32 until)
{
	struct dentry *dentry = BPF_CORE_READ(path, dentry);
	/* To a trampoline's end the arguments are enough: all that is lost is the mode before. */
	u32 lost = until == HOOK_chmod_fexit ? EVENT_COUNT : EVENT_FILE_MODIFY;
	struct pending *p = pend(dentry, BPF_CORE_READ(path, mnt), until, lost);

	if (p)
		p->mode = BPF_CORE_READ(dentry, d_inode, i_mode);
	return p;
}

/* p: what waited since the entry; NULL: the mode from before is not known. */
static __always_inline int on_chmodded(struct pending *p, struct dentry *dentry,
				       struct vfsmount *mnt, u32 source)
{
	struct file_op op = {.type = EVENT_FILE_MODIFY,
			     .change = CHANGE_PERMISSIONS,
			     .source = source,
			     .dentry = dentry,
			     .mnt = mnt};

	if (p) {
		op.has_modes = FILE_HAS_MODES;
		op.old_mode = p->mode;
		op.new_mode = BPF_CORE_READ(dentry, d_inode, i_mode);
		unpend(p);
	}
	return emit_file(&op);
}

static __always_inline int on_chowned(struct dentry *dentry, struct vfsmount *mnt, u32 source)
{
	struct file_op op = {.type = EVENT_FILE_MODIFY,
			     .change = CHANGE_OWNER,
			     .source = source,
			     .dentry = dentry,
			     .mnt = mnt};

	return emit_file(&op);
}

/*
 * overlayfs changes a file through another one, in the layer below and on a mount in no namespace.
 * Up to 6.6 that one bears the process's path, with an inode that does not belong to it; since then
 * the path lies behind it. *user is the path that the process knows, in either case.
 */
static __always_inline bool file_below(struct file *file, struct path *user)
{
	struct backing_file *b = (void *)file;
	struct vfsmount *mnt;
	struct dentry *dentry;

	user->dentry = BPF_CORE_READ(file, f_path.dentry);
	user->mnt = BPF_CORE_READ(file, f_path.mnt);
	if (BPF_CORE_READ(file, f_inode) != BPF_CORE_READ(user->dentry, d_inode))
		return true;
	if (!bpf_core_field_exists(b->user_path) ||
	    !(BPF_CORE_READ(file, f_mode) & FMODE_BACKING) ||
	    (s64)BPF_CORE_READ(real_mount(user->mnt), mnt_ns) != MNT_NS_INTERNAL)
		return false;
	/* The flag may mean something else: then what lies behind is no path. */
	dentry = BPF_CORE_READ(b, user_path.dentry);
	mnt = BPF_CORE_READ(b, user_path.mnt);
	if (!dentry || BPF_CORE_READ(dentry, d_sb) != BPF_CORE_READ(mnt, mnt_sb))
		return false;
	user->dentry = dentry;
	user->mnt = mnt;
	return true;
}

/* Is it the layer's part of a change that the process's own file is told of? */
static __always_inline bool told_above(struct file *file)
{
	struct path user;

	return file_below(file, &user);
}

static __always_inline bool regular(struct file *file)
{
	return (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) == S_IFREG;
}

static __always_inline int on_content(struct file *file, u32 source)
{
	struct file_op op = {.type = EVENT_FILE_MODIFY, .source = source};

	struct path user;

	if (!regular(file) || !wanted(current_task()))
		return 0;
	if (file_below(file, &user)) {
		op.size = BPF_CORE_READ(file, f_inode, i_size);
		op.has_size = 1;
	}
	op.dentry = user.dentry;
	op.mnt = user.mnt;
	return emit_file(&op);
}

/* do_truncate(idmap, dentry, length, time_attrs, filp); 5.10 has no first argument. filp is NULL
 * for truncate(2) by path. */
#define filp_do_truncate (nargs_do_truncate - 1)

static __always_inline int on_truncated(struct dentry *dentry, struct vfsmount *mnt, u32 source)
{
	struct file_op op = {.type = EVENT_FILE_MODIFY, .source = source, .dentry = dentry};

	op.mnt = mnt ?: some_mount(dentry, current_task());
	return emit_file(&op);
}

static __always_inline int on_xattr(u64 dentry, u64 name, u32 source)
{
	struct file_op op = {.type = EVENT_FILE_MODIFY,
			     .change = CHANGE_XATTRS,
			     .source = source,
			     .dentry = (struct dentry *)dentry,
			     .xattr = (const char *)name};

	op.mnt = some_mount(op.dentry, current_task());
	return emit_file(&op);
}
