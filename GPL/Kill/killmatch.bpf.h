/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which rules match a change of mode: one dimension after the other takes bits away, the cheap ones
 * first. Directories are told by inode, so no bind mount, chroot, link or rename hides what is
 * below them.
 */
#pragma once

#include "Kill/killmaps.bpf.h"

#define DEPTH_MAX 512 /* directories and mounts above a file; deeper counts as below everything */
#define CGROUP_DEPTH 16

/* One change of a file's mode, on the hook's stack. */
struct kill_op {
	struct dentry *dentry;
	struct vfsmount *mnt; /* NULL: not told */
	u32 old_mode;	      /* with the file type; 0 when it is being created */
	u32 type;	      /* S_IFMT bits */
	u32 requested, new_mode;
	u32 flags; /* KILL_HAS_OLD, KILL_HAS_NEW */
	u32 way, door;
	u32 done; /* it has happened already */
	u32 owner;
	u32 matched;
};

static __always_inline u32 wanted_by(u32 dim, u64 a, u64 b)
{
	struct kill_key key = {.dim = dim, .a = a, .b = b};
	u32 *mask = bpf_map_lookup_elem(&kill_match, &key);

	return mask ? *mask : 0;
}

static __always_inline u32 wanted_inode(u32 dim, struct inode *inode)
{
	return wanted_by(dim, BPF_CORE_READ(inode, i_ino), BPF_CORE_READ(inode, i_sb, s_dev));
}

static __always_inline struct mount *mount_of(struct vfsmount *mnt)
{
	return (void *)mnt - bpf_core_field_offset(struct mount, mnt);
}

/* Opened by handle, with no name in the cache: nobody knows what it is below. */
static __always_inline bool nameless(struct dentry *d)
{
	struct dentry___kill *flagged = (void *)d;
	enum dentry_flags { DCACHE_DISCONNECTED = 0x20 };
	u32 disconnected = DCACHE_DISCONNECTED;

	if (bpf_core_enum_value_exists(enum dentry_flags, DCACHE_DISCONNECTED))
		disconnected = bpf_core_enum_value(enum dentry_flags, DCACHE_DISCONNECTED);
	return BPF_CORE_READ(flagged, d_flags) & disconnected;
}

/*
 * Up within a file system to its root, whatever part of it is mounted; from there to where it is
 * mounted, and on. (Not static, as others here: the verifier follows such a function once, not once
 * for every way to it.)
 */
#ifdef WITH_BPF_LOOP
struct climb {
	struct dentry *d;
	struct vfsmount *mnt;
	u32 mask, at_top;
};

static long climb_step(u32 i, void *climb)
{
	struct climb *c = climb;
	struct dentry *d = c->d, *parent = BPF_CORE_READ(d, d_parent);

	c->mask |= wanted_inode(KILL_DIM_PATH, BPF_CORE_READ(d, d_inode));
	if (parent == d || !parent) {
		struct mount *m = mount_of(c->mnt),
			     *up = c->mnt ? BPF_CORE_READ(m, mnt_parent) : NULL;

		if (nameless(d))
			c->mask = ~0U;
		c->at_top = nameless(d) || up == m || !up;
		parent = BPF_CORE_READ(m, mnt_mountpoint);
		c->mnt = (void *)up + bpf_core_field_offset(struct mount, mnt);
	}
	c->d = parent;
	return c->at_top & 1; /* so that the verifier sees that it is no more */
}

__noinline u32 wanted_above(u64 dentry, u64 vfsmount)
{
	struct climb c = {.d = (void *)dentry, .mnt = (void *)vfsmount};

	bpf_loop(DEPTH_MAX, climb_step, &c, 0);
	return c.at_top ? c.mask : ~0U;
}
#else
__noinline u32 wanted_above(u64 dentry, u64 vfsmount)
{
	struct dentry *d = (void *)dentry;
	struct vfsmount *mnt = (void *)vfsmount;
	u32 mask = 0;

#pragma clang loop unroll(disable)
	for (int i = 0; i < DEPTH_MAX; i++) {
		struct dentry *parent = BPF_CORE_READ(d, d_parent);

		mask |= wanted_inode(KILL_DIM_PATH, BPF_CORE_READ(d, d_inode));
		if (parent == d || !parent) {
			struct mount *m = mount_of(mnt), *up;

			if (nameless(d))
				return ~0U;
			if (!mnt)
				return mask;
			up = BPF_CORE_READ(m, mnt_parent);
			if (up == m || !up)
				return mask;
			parent = BPF_CORE_READ(m, mnt_mountpoint);
			mnt = (void *)up + bpf_core_field_offset(struct mount, mnt);
		}
		d = parent;
	}
	return ~0U;
}
#endif

static __always_inline struct kernfs_node *kernfs_up(struct kernfs_node *kn)
{
	struct kernfs_node___615 *new = (void *)kn;

	if (bpf_core_field_exists(new->__parent))
		return BPF_CORE_READ(new, __parent);
	return BPF_CORE_READ(kn, parent);
}

__noinline u32 wanted_cgroup(u64 of)
{
	struct task_struct *task = (void *)of;
	struct kernfs_node *kn = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
	u32 mask = 0;

#pragma clang loop unroll(disable)
	for (int i = 0; i < CGROUP_DEPTH && kn; i++) {
		struct kernfs_node___kill *node = (void *)kn;

		mask |= wanted_by(KILL_DIM_CGROUP, BPF_CORE_READ(node, id), 0);
		kn = kernfs_up(kn);
	}
	return mask;
}

static __always_inline u32 wanted_comm(struct task_struct *task)
{
	struct kill_key key = {};
	u32 *mask;

	key.dim = KILL_DIM_COMM; /* not above: that made a constant without a name */
	BPF_CORE_READ_STR_INTO((char(*)[16]) & key.a, task, comm);
	mask = bpf_map_lookup_elem(&kill_match, &key);
	return mask ? *mask : 0;
}

static __always_inline u32 wanted_bits(struct kill_state *s, u32 added)
{
	u32 mask = s->any_bits;

#pragma unroll
	for (int i = 0; i < 12; i++) {
		if (added & 1 << i)
			mask |= s->bits[i];
	}
	return mask;
}

/* Asks a dimension only when a rule that is left cares. */
#define NARROW(dimension, found)                                                                   \
	do {                                                                                       \
		u32 _any = s->any[KILL_DIM_##dimension];                                           \
                                                                                                   \
		if (mask & ~_any)                                                                  \
			mask &= _any | (found);                                                    \
		if (!mask)                                                                         \
			return 0;                                                                  \
	} while (0)

/* All but the path, which costs the most. */
static __always_inline u32 match_rest(struct kill_state *s, struct kill_op *op,
				      struct task_struct *task)
{
	u32 old = op->flags & KILL_HAS_OLD ? op->old_mode & S_IALLUGO : 0, mask = s->active;
	struct kill_task *known;

	if (op->door == KILL_DOOR_BORN)
		mask &= s->born;
	if (!mask || (op->flags & KILL_HAS_OLD && old == (op->requested & S_IALLUGO)))
		return 0; /* changes nothing: chmod -R does that all the time */
	mask &= s->any_types | s->types[(op->type >> 12) & 15];
	mask &= wanted_bits(s, op->requested & ~old & S_IALLUGO);
	if (!mask)
		return 0;
	NARROW(OWNER, wanted_by(KILL_DIM_OWNER, op->owner, 0));
	NARROW(UID, wanted_by(KILL_DIM_UID, BPF_CORE_READ(task, real_cred, uid.val), 0));
	NARROW(TREE, (known = known_task(task)) ? known->trees : 0);
	NARROW(EXE, wanted_inode(KILL_DIM_EXE, BPF_CORE_READ(task, mm, exe_file, f_inode)));
	NARROW(COMM, wanted_comm(task));
	NARROW(CGROUP, wanted_cgroup((u64)task));
	if (mask & s->spare_orphans && BPF_CORE_READ(task, group_leader, real_parent, tgid) == 1)
		mask &= ~s->spare_orphans;
	return mask;
}

static __always_inline u32 match(struct kill_state *s, struct kill_op *op, struct task_struct *task)
{
	u32 mask = match_rest(s, op, task);

	if (!mask)
		return 0;
	NARROW(PATH, wanted_above((u64)op->dentry, (u64)op->mnt));
	return mask;
}
