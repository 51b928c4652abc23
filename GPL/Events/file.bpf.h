/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* File events: what every hook does once it knows which dentry, on which mount, was touched how. */
#pragma once

#include "who.bpf.h"

/* What happened, on the hook's stack. */
struct file_op {
	struct dentry *dentry;
	struct vfsmount *mnt;
	struct dentry *old_parent; /* rename: the directory it was in … */
	const char *old_name;	   /* … and its name there */
	struct vfsmount *old_mnt;
	const char *xattr; /* in the kernel's memory, or (xattr_user) the process's */
	u64 xattr_user;
	struct event_file_info *info; /* taken earlier; NULL: read from the dentry now */
	u64 size; /* of the file, where the dentry's inode has not got it yet (has_size) */
	u32 type, change, source;
	u32 has_modes, old_mode, new_mode, has_size;
};

static __always_inline bool starts_with(const void *kernel_string, const char *with, u32 len)
{
	char buf[8] = {};
	u32 i;

	bpf_probe_read_kernel_str(buf, sizeof(buf), kernel_string);
	for (i = 0; i < len && i < sizeof(buf) - 1; i++) {
		if (buf[i] != with[i])
			return false;
	}
	return true;
}

/* An open that created nothing is still news when it opens a memfd by /proc, or shared memory. */
static __always_inline u32 open_kind(struct dentry *d, struct vfsmount *mnt)
{
	struct dentry *top = NULL;

	if (starts_with(BPF_CORE_READ(mnt, mnt_sb, s_type, name), "tmpfs", 6)) {
		if (starts_with(BPF_CORE_READ(d, d_name.name), "memfd:", 6))
			return EVENT_FILE_MEMFD_OPEN;
		top = BPF_CORE_READ(real_mount(mnt), mnt_mountpoint);
		if (starts_with(BPF_CORE_READ(top, d_name.name), "shm", 4))
			return EVENT_FILE_SHMEM_OPEN;
	}
	return EVENT_COUNT;
}

static __always_inline u64 time_ns(s64 sec, u32 nsec)
{
	return sec * 1000000000ULL + nsec;
}

#define INODE_TIME(out, inode, which)                                                              \
	do {                                                                                       \
		struct inode___510 *i510 = (void *)inode;                                          \
		struct inode___66 *i66 = (void *)inode;                                            \
		if (bpf_core_field_exists(inode->i_##which##_sec))                                 \
			out = time_ns(BPF_CORE_READ(inode, i_##which##_sec),                       \
				      BPF_CORE_READ(inode, i_##which##_nsec));                     \
		else if (bpf_core_field_exists(i66->__i_##which))                                  \
			out = time_ns(BPF_CORE_READ(i66, __i_##which.tv_sec),                      \
				      BPF_CORE_READ(i66, __i_##which.tv_nsec));                    \
		else                                                                               \
			out = time_ns(BPF_CORE_READ(i510, i_##which.tv_sec),                       \
				      BPF_CORE_READ(i510, i_##which.tv_nsec));                     \
	} while (0)

static __always_inline void fill_file_info(struct event_file_info *f, struct inode *inode)
{
	f->inode = BPF_CORE_READ(inode, i_ino);
	f->size = BPF_CORE_READ(inode, i_size);
	f->mode = BPF_CORE_READ(inode, i_mode);
	f->uid = BPF_CORE_READ(inode, i_uid.val);
	f->gid = BPF_CORE_READ(inode, i_gid.val);
	f->nlink = BPF_CORE_READ(inode, i_nlink);
	INODE_TIME(f->atime, inode, atime);
	INODE_TIME(f->mtime, inode, mtime);
	INODE_TIME(f->ctime, inode, ctime);
}

static __always_inline void add_symlink(struct event_hdr *e, cap_t *cap, struct event_part *part,
					struct inode *inode)
{
	u64 off = ((volatile struct event_hdr *)e)->size;
	char *target = BPF_CORE_READ(inode, i_link);
	long n;

	part->off = off;
	part->len = 0;
	part->flags = PART_TEXT;
	if (!target)
		return;
	if (off > *cap - SYMLINK_MAX) {
		mark(e, PART_TRUNCATED);
		return;
	}
	n = bpf_probe_read_kernel_str((void *)e + off, SYMLINK_MAX, target);
	if (n <= 0)
		return;
	part->len = n;
	((volatile struct event_hdr *)e)->size = off + n;
}

static __always_inline void add_xattr(struct event_hdr *e, cap_t *cap, struct event_part *part,
				      const char *name, u64 user)
{
	u64 off = ((volatile struct event_hdr *)e)->size;
	long n;

	part->off = off;
	part->len = 0;
	part->flags = PART_TEXT;
	if (!name)
		return;
	if (off > *cap - NAME_ROOM) {
		mark(e, PART_CUT);
		return;
	}
	if (user)
		n = bpf_probe_read_user_str((void *)e + off, NAME_ROOM, name);
	else
		n = bpf_probe_read_kernel_str((void *)e + off, NAME_ROOM, name);
	if (n <= 0)
		return;
	part->len = n;
	((volatile struct event_hdr *)e)->size = off + n;
}

/* All that has its place in the struct. */
seen_once int fill_file(struct event_file *e, struct file_op *op)
{
	struct dentry *dentry;

	if (absent(e) || absent(op))
		return 0;
	dentry = op->dentry;
	fill_hdr(&e->hdr, op->type, op->source, sizeof(*e), current_task());
	e->change = op->change;
	e->flags = op->has_modes;
	e->old_mode = op->old_mode;
	e->new_mode = op->new_mode;
	__builtin_memset(&e->base, 0, sizeof(e->base));
	__builtin_memset(&e->old_path, 0, 2 * sizeof(e->old_path));
	if (op->info)
		bpf_probe_read_kernel(&e->info, sizeof(e->info), op->info);
	else
		fill_file_info(&e->info, BPF_CORE_READ(dentry, d_inode));
	if (value(op->has_size))
		e->info.size = op->size;
	return 0;
}

/* Where it was renamed from. */
static __always_inline void add_old_path(struct event_file *e, cap_t *cap, struct file_op *op,
					 struct walk *w)
{
	u32 begin = ((volatile struct event_file *)e)->hdr.size;

	add_name(&e->hdr, cap, op->old_name);
	w->at.dentry = op->old_parent;
	w->at.mnt = op->old_mnt;
	add_path(&e->hdr, cap, &e->old_path, w);
	e->old_path.len += e->old_path.off - begin;
	e->old_path.off = begin;
}

/* Builds the record; what its marks say decides what becomes of it. */
static __always_inline void build(struct event_file *e, cap_t *cap, struct file_op *op,
				  bool renamed)
{
	struct dentry *dentry = op->dentry;
	struct walk w;

	fill_file(e, op);
	walk_init(&w, current_task());
	w.at.dentry = dentry;
	w.at.mnt = op->mnt;
	add_path(&e->hdr, cap, &e->path, &w);
	if (value(op->type) == EVENT_FILE_DELETE)
		e->path.flags &= ~PART_DELETED; /* which is the news itself */
	if (renamed)
		add_old_path(e, cap, op, &w);
	add_symlink(&e->hdr, cap, &e->symlink, BPF_CORE_READ(dentry, d_inode));
	add_xattr(&e->hdr, cap, &e->xattr, value(op->xattr), value(op->xattr_user));
	add_cgroup(&e->hdr, cap, current_task());
}

static __noinline void build_file(struct event_file *e, cap_t *cap, struct file_op *op)
{
	build(e, cap, op, false);
}

/* Only rename's programs pay for the second path. */
static __noinline void build_renamed(struct event_file *e, cap_t *cap, struct file_op *op)
{
	build(e, cap, op, true);
}

/* true: it did not fit into a record of that class, and there is a larger one. */
static __always_inline bool file_too_large(int class, struct file_op *op, bool renamed)
{
	struct event_file *e;
	cap_t *cap;
	bool again;

	switch (class) {
	case 0:
		e = reserve(CLASS_SMALL);
		cap = &class_small;
		break;
	case 1:
		e = reserve(CLASS_MIDDLE);
		cap = &class_middle;
		break;
	default:
		e = reserve(CLASS_LARGE);
		cap = &class_large;
	}
	if (!e) {
		count_lost(op->type);
		return false;
	}
	if (renamed)
		build_renamed(e, cap, op);
	else
		build_file(e, cap, op);
	again = marks(&e->hdr) & (PART_TRUNCATED | PART_CUT) && class < CLASSES - 1;
	if (filters & FILTER_PATH && !(marks(&e->hdr) & PART_MATCHED)) {
		emit_discard(e);
		return FEW_STEPS && again; /* it may not have come to that directory */
	}
	if (!again) {
		emit_submit(e);
		return false;
	}
	emit_discard(e);
	return true;
}

static __always_inline void alike(struct file_op *op)
{
	unknown_pointer(op->mnt);
	unknown(op->xattr);
	unknown(op->xattr_user);
	unknown(op->size);
	unknown(op->has_size);
	unknown(op->type);
	unknown(op->change);
	unknown(op->source);
	unknown(op->has_modes);
	unknown(op->old_mode);
	unknown(op->new_mode);
}

static __noinline __attribute__((unused)) int emit_file(struct file_op *op)
{
	alike(op);
	try_classes(CLASSES, file_too_large, op, false);
	return 0;
}

static __noinline __attribute__((unused)) int emit_renamed(struct file_op *op)
{
	alike(op);
	try_classes(CLASSES, file_too_large, op, true);
	return 0;
}
