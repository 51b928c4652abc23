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

/*
 * The functions that are neither static nor inline are global: the verifier follows each once, by
 * itself, not once for every way that leads to it. Before 5.12 they take nothing but numbers, five
 * at most: kernel pointers are numbers, and so are the words that a change of mode fits in.
 */

/* One change of a file's mode: four words. */
struct kill_op {
	struct dentry *dentry;
	struct vfsmount *mnt; /* NULL: not told */
	union {
		struct {
			u16 old_mode; /* with the file type; 0 when it is being created */
			u16 type;     /* S_IFMT bits */
			u16 requested, new_mode;
		};
		u64 modes;
	};
	union {
		struct {
			u32 owner;
			u8 flags; /* KILL_HAS_OLD, KILL_HAS_NEW */
			u8 way, door;
			u8 done; /* it has happened already: nobody can refuse it */
		};
		u64 rest;
	};
};

#define OP_PARAMETERS u64 dentry, u64 mnt, u64 modes, u64 rest
#define OP_WORDS(op) (u64)(op)->dentry, (u64)(op)->mnt, (op)->modes, (op)->rest
#define OP_OF_PARAMETERS                                                                           \
	{                                                                                          \
		.dentry = (void *)dentry, .mnt = (void *)mnt, .modes = modes, .rest = rest         \
	}

__u32 nothing; /* writable: nobody may assume its value */

/* Hides a constant: else what comes behind is followed once for each that may be there. */
#define unknown(x) ((x) + *(volatile u32 *)&nothing)

/* The compiler must not know where the value came from. */
#define opaque(x) asm volatile("" : "+r"(x))

__noinline u32 wanted_by(u32 dim, u64 a, u64 b)
{
	struct kill_key key = {.dim = dim, .a = a, .b = b};
	u32 *mask = bpf_map_lookup_elem(&kill_match, &key);

	return mask ? *mask : 0;
}

static __always_inline u32 wanted_inode(u32 dim, struct inode *inode)
{
	return wanted_by(dim, BPF_CORE_READ(inode, i_ino), BPF_CORE_READ(inode, i_sb, s_dev));
}

__noinline u32 wanted_dentry(u64 of)
{
	struct dentry *d = (void *)of;

	return wanted_inode(KILL_DIM_PATH, BPF_CORE_READ(d, d_inode));
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

/* The directory that it is in; 0: it is its file system's root. */
__noinline u64 parent_of(u64 dentry)
{
	struct dentry *d = (void *)dentry, *parent = BPF_CORE_READ(d, d_parent);

	return parent == d ? 0 : (u64)parent;
}

/* In the place of a mount: there is none further up. No pointer is so small. */
#define TOP 1	   /* the last one */
#define NAMELESS 2 /* nobody knows */

/* The mount that a mount is mounted in, or TOP. */
__noinline u64 mount_above(u64 vfsmount)
{
	struct mount *m = mount_of((void *)vfsmount), *up = BPF_CORE_READ(m, mnt_parent);

	if (up == m || !up)
		return TOP;
	return (u64)up + bpf_core_field_offset(struct mount, mnt);
}

__noinline u64 mountpoint_of(u64 vfsmount)
{
	struct mount *m = mount_of((void *)vfsmount);

	return (u64)BPF_CORE_READ(m, mnt_mountpoint);
}

struct climb {
	u64 d, mnt, next_mnt;
	u32 mask, pad;
};

/* The mount that the next step up is in: still `vfsmount`, or where that is mounted. Or the end. */
__noinline u64 mount_of_next(u64 dentry, u64 parent, u64 vfsmount)
{
	if (parent)
		return vfsmount;
	if (nameless((void *)dentry))
		return NAMELESS;
	return vfsmount ? mount_above(vfsmount) : TOP;
}

/* The next place up, in that mount. */
__noinline u64 next_up(u64 parent, u64 vfsmount)
{
	return parent ?: mountpoint_of(vfsmount);
}

/*
 * Up within a file system to its root, whatever part of it is mounted; from there to where it is
 * mounted, and on. 1: that was the last step. Nothing branches but to the end: where the verifier
 * follows a loop, it compares states every hundred instructions, and each branch goes that far.
 */
static __always_inline long climb_up(struct climb *c)
{
	u64 parent = parent_of(c->d);

	c->mask |= wanted_dentry(c->d);
	c->next_mnt = mount_of_next(c->d, parent, c->mnt);
	if (c->next_mnt == TOP || c->next_mnt == NAMELESS)
		return 1;
	c->d = next_up(parent, c->mnt);
	c->mnt = c->next_mnt;
	return 0;
}

#ifdef WITH_BPF_LOOP
static long climb_step(u32 i, void *climb)
{
	return climb_up(climb);
}
#endif

__noinline u32 wanted_above(u64 dentry, u64 vfsmount)
{
	struct climb c = {.d = dentry, .mnt = vfsmount, .next_mnt = unknown(0), .mask = unknown(0)};

#ifdef WITH_BPF_LOOP
	bpf_loop(DEPTH_MAX, climb_step, &c, 0);
#else
#pragma clang loop unroll(disable)
	for (int i = 0; i < DEPTH_MAX; i++)
		if (climb_up(&c))
			break;
#endif
	return c.next_mnt == TOP ? c.mask : ~0U;
}

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

__noinline u32 wanted_comm(u64 of)
{
	struct task_struct *task = (void *)of;
	struct kill_key key = {};
	u32 *mask;

	key.dim = KILL_DIM_COMM; /* not above: that made a constant without a name */
	BPF_CORE_READ_STR_INTO((char(*)[16]) & key.a, task, comm);
	mask = bpf_map_lookup_elem(&kill_match, &key);
	return mask ? *mask : 0;
}

__noinline u32 trees_of(u64 of)
{
	struct kill_task *known = known_task((void *)of);

	return known ? known->trees : 0;
}

static __always_inline u32 wanted_bits(struct kill_state *s, u32 added)
{
	u32 mask = s->any_bits;

#pragma unroll
	for (int i = 0; i < 12; i++)
		mask |= s->bits[i] & -(added >> i & 1);
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
	NARROW(TREE, trees_of((u64)task));
	NARROW(EXE, wanted_inode(KILL_DIM_EXE, BPF_CORE_READ(task, mm, exe_file, f_inode)));
	NARROW(COMM, wanted_comm((u64)task));
	NARROW(CGROUP, wanted_cgroup((u64)task));
	if (mask & s->spare_orphans && BPF_CORE_READ(task, group_leader, real_parent, tgid) == 1)
		mask &= ~s->spare_orphans;
	return mask;
}

/* The rules that match, by bit. */
__noinline u32 match(OP_PARAMETERS)
{
	struct kill_op op = OP_OF_PARAMETERS;
	struct kill_state *s = the_state();
	u32 mask;

	if (!s || !s->active)
		return 0;
	mask = match_rest(s, &op, current_task());
	if (!mask)
		return 0;
	NARROW(PATH, wanted_above(dentry, mnt));
	return mask;
}
