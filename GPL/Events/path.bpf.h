/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Names from the kernel's own trees (dentries across mounts, cgroup directories) into a record,
 * last component first: that way no length needs to be known beforehand. User space turns it round.
 *
 * How far a record is filled (hdr.size) and what was odd about it (hdr.marks) live in the record,
 * not in a register: the verifier knows nothing of what is in there, so all ways out of a loop look
 * the same to it and it does not multiply the steps of one walk by those of the next.
 */
#pragma once

#include "want.bpf.h"

/*
 * A loop with a bound. bpf_loop() (5.17) is checked once, whatever the bound; older kernels follow
 * every step, and can be asked for fewer. The object is built for both (events.bpf.c).
 */
#ifdef OLD_KERNEL
#define PATH_STEPS 40 /* components and mount crossings */
/*
 * In a loop the verifier of these keeps a state only now and then, and what differs in between is
 * followed twice. Behind a call it may always keep one, so the steps are calls in a row.
 */
#define repeat(count, step, ctx)                                                                   \
	_Pragma("clang loop unroll(full)") for (int _i = 0; _i < (count); _i++)                    \
	{                                                                                          \
		if (step(_i, ctx))                                                                 \
			break;                                                                     \
	}
/* Not known exactly, or the verifier would take all numbers before the call for exact ones. */
#define step_end(over) value(over)

/*
 * A step costs the verifier a hundred instructions, in every class. A small record has room for few
 * names: who needs more steps takes the next class.
 */
#define FEW_PATH_STEPS 12
#define FEW_CGROUP_STEPS 6
#define FEW_STEPS true
#define repeat_in(few, count, step, walk)                                                          \
	_Pragma("clang loop unroll(full)") for (int _i = 0; _i < (count); _i++)                    \
	{                                                                                          \
		if (_i == (few) && *(walk)->cap == CLASS_SMALL) {                                  \
			mark((walk)->e, PART_TRUNCATED);                                           \
			break;                                                                     \
		}                                                                                  \
		if (step(_i, walk))                                                                \
			break;                                                                     \
	}
#else
#define PATH_STEPS 2200
#define FEW_STEPS false
#define repeat(count, step, ctx) bpf_loop(count, step, ctx, 0)
#define repeat_in(few, count, step, walk) repeat(count, step, walk)
#define step_end(over) ((over) ? 1 : 0)
#endif
#define NAME_ROOM 256 /* NAME_MAX and the NUL */

/* Where a walk is; the verifier knows none of it as a pointer. */
struct place {
	struct dentry *dentry, *root, *first;
	struct vfsmount *mnt, *root_mnt;
	const void *name; /* what the last step found, or NULL */
};

struct walk {
	struct place at;
	struct event_hdr *e;
	cap_t *cap;
};

static __always_inline struct mount *real_mount(struct vfsmount *mnt)
{
	return (void *)mnt - bpf_core_field_offset(struct mount, mnt);
}

static __always_inline bool dentry_unhashed(struct dentry *d)
{
	return BPF_CORE_READ(d, d_hash.pprev) == NULL;
}

/*
 * Some hooks are told a dentry and no mount. Any mount of that file system in the process's own
 * namespace gives a name that is right there.
 */
#define MOUNT_STEPS 16

struct mount_search {
	struct mount *at, *found;
	struct mnt_namespace *ns;
};

static __noinline long mount_step(u32 i, struct mount_search *s)
{
	struct mount *m = s->at;
	struct mount___new *new = (void *)m;
	struct list_head *next;
	u32 over = 0;

	if (!m) {
		over = 1;
	} else if (BPF_CORE_READ(m, mnt_ns) == s->ns) {
		s->found = m;
		over = 1;
	} else if (bpf_core_field_exists(new->mnt_next_for_sb)) {
		s->at = BPF_CORE_READ(new, mnt_next_for_sb);
	} else {
		next = BPF_CORE_READ(m, mnt_instance.next);
		s->at = (void *)next - bpf_core_field_offset(struct mount, mnt_instance);
	}
	return step_end(over);
}

static __noinline __attribute__((unused)) struct vfsmount *some_mount(struct dentry *d,
								      struct task_struct *task)
{
	struct super_block *sb = BPF_CORE_READ(d, d_sb);
	struct super_block___new *new = (void *)sb;
	struct mount_search s = {.ns = BPF_CORE_READ(task, nsproxy, mnt_ns)};
	struct mount___new *any = NULL;
	struct list_head *first;

	if (bpf_core_field_exists(any->mnt_next_for_sb)) {
		s.at = BPF_CORE_READ(new, s_mounts);
	} else {
		first = BPF_CORE_READ(sb, s_mounts.next);
		s.at = (void *)first - bpf_core_field_offset(struct mount, mnt_instance);
	}
	repeat(MOUNT_STEPS, mount_step, &s);
	if (!s.found)
		return NULL;
	return (void *)s.found + bpf_core_field_offset(struct mount, mnt);
}

/* The process's own root: a path is what this process calls it. */
static __always_inline void walk_init(struct walk *w, struct task_struct *task)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);

	w->at.root = BPF_CORE_READ(fs, root.dentry);
	w->at.root_mnt = BPF_CORE_READ(fs, root.mnt);
	w->at.first = NULL;
	w->at.name = NULL;
}

static __always_inline void mark(struct event_hdr *e, u32 flag)
{
	*(volatile u32 *)&e->marks |= flag;
}

static __always_inline u32 marks(struct event_hdr *e)
{
	return *(volatile u32 *)&e->marks;
}

/* Copies one NUL-ended kernel string, or marks the record truncated. */
static __always_inline void add_name(struct event_hdr *e, cap_t *cap, const void *name)
{
	volatile u32 *size = &e->size;
	u64 off = *size;
	long n;

	if (off > *cap - NAME_ROOM) {
		mark(e, PART_CUT);
		return;
	}
	n = bpf_probe_read_kernel_str((void *)e + off, NAME_ROOM, name);
	if (n > 0)
		*size = off + n;
}

/* --path names directories by inode, so bind mounts, chroots and renames do not hide what is below.
 */
static __always_inline void path_filter(struct event_hdr *e, struct dentry *d)
{
	struct inode_key key = {};
	struct inode *inode;

	if (!(filters & FILTER_PATH))
		return;
	inode = BPF_CORE_READ(d, d_inode);
	key.ino = BPF_CORE_READ(inode, i_ino);
	key.dev = BPF_CORE_READ(inode, i_sb, s_dev);
	if (bpf_map_lookup_elem(&filter_path, &key))
		mark(e, PART_MATCHED);
}

static __always_inline int walk_over(struct event_hdr *e, u32 flag)
{
	mark(e, flag | PART_WALKED);
	return 1;
}

/* One step towards the root, and the name that it adds, or NULL. 0: go on; else the walk is over.
 */
seen_once int walk_next(struct event_hdr *e, struct place *at)
{
	struct dentry *d, *parent;
	struct vfsmount *mnt;
	const void *none = NULL;

	if (absent(e) || absent(at))
		return 1;
	d = at->dentry;
	mnt = at->mnt;
	unknown(none); /* as a name is to the verifier */
	at->name = none;
	path_filter(e, d);
	if (d == at->root && mnt == at->root_mnt)
		return walk_over(e, 0);
	if (mnt && d == BPF_CORE_READ(mnt, mnt_root)) {
		struct mount *m = real_mount(mnt), *up = BPF_CORE_READ(m, mnt_parent);

		if (up == m || !up)
			return walk_over(e, PART_UNREACHABLE);
		at->dentry = BPF_CORE_READ(m, mnt_mountpoint);
		at->mnt = (void *)up + bpf_core_field_offset(struct mount, mnt);
		return 0;
	}
	parent = BPF_CORE_READ(d, d_parent);
	at->name = BPF_CORE_READ(d, d_name.name);
	if (!parent || parent == d)
		return walk_over(e, PART_PSEUDO);
	at->dentry = parent;
	return 0;
}

static __noinline long walk_step(u32 i, struct walk *w)
{
	int over = walk_next(w->e, &w->at);

	if (w->at.name)
		add_name(w->e, w->cap, w->at.name);
	return step_end(over);
}

#define PART_MARKS (PART_TRUNCATED | PART_UNREACHABLE | PART_PSEUDO)

/* The marks are this walk's until it ends. Returns those from before. */
static __always_inline u32 walk_begin(struct event_hdr *e, struct event_part *part,
				      struct place *at)
{
	u32 before = marks(e);

	*(volatile u32 *)&e->marks = 0;
	part->off = e->size;
	at->first = at->dentry;
	return before;
}

static __always_inline void walk_end(struct event_hdr *e, struct event_part *part, struct place *at,
				     u32 before)
{
	struct dentry *d = at->first;
	u32 m = marks(e);

	if (!(m & PART_WALKED) || m & PART_CUT)
		m |= PART_TRUNCATED;
	part->len = ((volatile struct event_hdr *)e)->size - part->off;
	part->flags = m & PART_MARKS;
	if (dentry_unhashed(d) && BPF_CORE_READ(d, d_parent) != d)
		part->flags |= PART_DELETED;
	*(volatile u32 *)&e->marks = (m & ~PART_WALKED) | before;
}

static __noinline void add_path(struct event_hdr *e, cap_t *cap, struct event_part *part,
				struct walk *w)
{
	u32 before = walk_begin(e, part, &w->at);

	w->e = e;
	w->cap = cap;
	repeat_in(FEW_PATH_STEPS, PATH_STEPS, walk_step, w);
	walk_end(e, part, &w->at, before);
}

static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *kn)
{
	struct kernfs_node___615 *new = (void *)kn;

	if (bpf_core_field_exists(new->__parent))
		return BPF_CORE_READ(new, __parent);
	return BPF_CORE_READ(kn, parent);
}

#define CGROUP_STEPS 32

struct cgroup_walk {
	struct kernfs_node *kn;
	struct event_hdr *e;
	cap_t *cap;
};

static __always_inline struct kernfs_node *cgroup_of(struct task_struct *task)
{
	if (bpf_core_enum_value_exists(enum cgroup_subsys_id, pids_cgrp_id)) {
		u32 id = bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id);
		void *css = (void *)BPF_CORE_READ(task, cgroups) +
			    bpf_core_field_offset(struct css_set, subsys);
		struct cgroup_subsys_state *one = NULL;

		bpf_probe_read_kernel(&one, sizeof(one), css + id * sizeof(void *));
		return BPF_CORE_READ(one, cgroup, kn);
	}
	return BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
}

static __noinline long cgroup_step(u32 i, struct cgroup_walk *w)
{
	struct kernfs_node *kn = w->kn, *up = kn ? kernfs_parent(kn) : NULL;

	if (up) /* the root has no name */
		add_name(w->e, w->cap, BPF_CORE_READ(kn, name));
	w->kn = up;
	return step_end(!up);
}

static __noinline void add_cgroup(struct event_hdr *e, cap_t *cap, struct task_struct *task)
{
	struct cgroup_walk w = {.kn = cgroup_of(task), .e = e, .cap = cap};
	u32 begin = ((volatile struct event_hdr *)e)->size;

	repeat_in(FEW_CGROUP_STEPS, CGROUP_STEPS, cgroup_step, &w);
	e->cgroup.off = begin;
	e->cgroup.len = ((volatile struct event_hdr *)e)->size - begin;
	e->cgroup.flags = 0;
}
