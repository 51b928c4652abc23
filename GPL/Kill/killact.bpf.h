/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What becomes of a match: who is spared, what is sent or refused, what is counted and told. */
#pragma once

#include "Kill/killmatch.bpf.h"

#define ANCESTORS_ASKED 12 /* from a maintainer script's chmod up to dpkg */
#define PATH_STEPS_TOLD 64
#define NAME_ROOM 256 /* NAME_MAX and the NUL */

/*
 * By file and user: anybody can run dpkg with a library of his own, or (PR_SET_MM_EXE_FILE in a
 * user namespace) pass for it, and would be spared.
 */
static __always_inline u32 guard_of_exe(struct task_struct *task)
{
	struct inode *inode = BPF_CORE_READ(task, mm, exe_file, f_inode);
	struct kill_key key = {};
	u32 *guard;

	key.uid = BPF_CORE_READ(task, real_cred, euid.val);
	key.a = BPF_CORE_READ(inode, i_ino);
	key.b = BPF_CORE_READ(inode, i_sb, s_dev);
	guard = bpf_map_lookup_elem(&kill_guards, &key);
	return guard ? *guard : KILL_GUARD_NONE;
}

/* A package manager or another that is listed, or what it runs: maintainer scripts' chmod. */
__noinline u32 guard_of_packages(u64 of)
{
	struct task_struct *task = (void *)of;

#pragma clang loop unroll(disable)
	for (int i = 0; i < ANCESTORS_ASKED; i++) {
		u32 guard = guard_of_exe(task);

		if (guard == KILL_GUARD_PACKAGES || guard == KILL_GUARD_LISTED)
			return guard;
		if (BPF_CORE_READ(task, tgid) <= 1)
			break;
		task = BPF_CORE_READ(task, group_leader, real_parent);
	}
	return KILL_GUARD_NONE;
}

static __always_inline bool init_of_namespace(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, group_leader, thread_pid);
	u32 level = BPF_CORE_READ(pid, level);
	void *numbers = (void *)pid + bpf_core_field_offset(struct pid, numbers);
	struct upid *own = numbers + (u64)level * bpf_core_type_size(struct upid);

	return BPF_CORE_READ(own, nr) == 1;
}

static __always_inline u32 guard_of(struct task_struct *task, u32 rule_flags)
{
	struct kill_task *known;
	u32 guard;

	/* io_uring's workers are kernel threads up to 5.11: refused what they do for others, as
	 * they are, and not signalled, which the kernel sees to. */
	if ((BPF_CORE_READ(task, flags) & (PF_KTHREAD | PF_IO_WORKER)) == PF_KTHREAD)
		return KILL_GUARD_KTHREAD;
	if (BPF_CORE_READ(task, tgid) == 1)
		return KILL_GUARD_INIT;
	if (!(rule_flags & KILL_CONTAINER_INITS) && init_of_namespace(task))
		return KILL_GUARD_CONTAINER;
	if (rule_flags & KILL_TEST)
		return KILL_GUARD_NONE;
	known = known_task(task);
	if (known && known->guard)
		return known->guard;
	guard = guard_of_exe(task);
	if (guard)
		return guard;
	return guard_of_packages((u64)task);
}

static __always_inline void add(u64 *count)
{
	__sync_fetch_and_add(count, 1);
}

/* What a rule does, the most first: it kills, sends another signal, refuses, audits. */
static __always_inline u32 rank_of(struct kill_rule *rule, struct kill_counts *counts)
{
	if (!(rule->flags & KILL_ENFORCE) || counts->fell_back)
		return 0;
	return rule->flags & KILL_DENY_ONLY ? 1 : rule->signal != SIGKILL ? 2 : 3;
}

/*
 * The rule that acts: of those in force the one that does the most. Each that matched is counted.
 * `found` is hidden from the verifier, which else follows each choice to the end.
 */
__u32 nothing; /* writable: nobody may assume its value */

static __always_inline u32 choose(u32 mask, u32 *in_force)
{
	u64 now = bpf_ktime_get_boot_ns();
	u32 found = KILL_RULES, rank = 0;

	if (mask >> KILL_SELF_TEST & 1)
		mask = 1U << KILL_SELF_TEST; /* nobody's rule may spoil the trial */
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < KILL_RULES; i++) {
		struct kill_counts *counts;
		struct kill_rule *rule;
		u32 key = i;

		if (!(mask >> i & 1))
			continue;
		rule = bpf_map_lookup_elem(&kill_rules, &key);
		counts = bpf_map_lookup_elem(&kill_counts, &key);
		if (!rule || !counts || (rule->deadline && now >= rule->deadline))
			continue;
		add(&counts->matched);
		*in_force |= 1U << i;
		key = rank_of(rule, counts);
		if (found == KILL_RULES || key > rank) {
			found = i + *(volatile u32 *)&nothing;
			rank = key + *(volatile u32 *)&nothing;
		}
	}
	return found;
}

/* Never more than asked, but for a race when a second begins. */
static __always_inline bool one_too_many(struct kill_counts *c, u32 max)
{
	u64 now = bpf_ktime_get_boot_ns(), second = now / 1000000000;

	if (!max)
		return false;
	if (c->second != second) {
		c->second = second;
		c->in_second = 0;
	}
	add(&c->in_second);
	if (*(volatile u64 *)&c->in_second <= max)
		return false;
	c->fell_back = now;
	return true;
}

static __always_inline void count_signal(struct kill_counts *c, long ret)
{
	if (!ret)
		add(&c->signalled);
	else if (ret == -EPERM)
		add(&c->failed_eperm);
	else if (ret == -EBUSY)
		add(&c->failed_ebusy);
	else
		add(&c->failed_other);
}

/* Names towards the process's own root: what it calls the file. */
static __noinline void tell_path(struct kill_event *e, struct dentry *d, struct vfsmount *mnt)
{
	struct fs_struct *fs = BPF_CORE_READ(current_task(), fs);
	struct dentry *root = BPF_CORE_READ(fs, root.dentry);
	struct vfsmount *root_mnt = BPF_CORE_READ(fs, root.mnt);
	volatile u32 *len = &e->path_len;

	*len = 0;
#pragma clang loop unroll(disable)
	for (int i = 0; i < PATH_STEPS_TOLD; i++) {
		struct dentry *parent = BPF_CORE_READ(d, d_parent);
		u64 off = *len;
		long n;

		if (d == root && (mnt == root_mnt || !mnt))
			return;
		if (mnt && d == BPF_CORE_READ(mnt, mnt_root)) {
			struct mount *m = mount_of(mnt), *up = BPF_CORE_READ(m, mnt_parent);

			if (up == m || !up) {
				*(volatile u32 *)&e->flags |= KILL_PATH_OUTSIDE;
				return;
			}
			d = BPF_CORE_READ(m, mnt_mountpoint);
			mnt = (void *)up + bpf_core_field_offset(struct mount, mnt);
			continue;
		}
		if (parent == d || !parent) {
			*(volatile u32 *)&e->flags |= KILL_PATH_OUTSIDE;
			return;
		}
		if (off > KILL_PATH_ROOM - NAME_ROOM)
			break;
		n = bpf_probe_read_kernel_str(e->path + off, NAME_ROOM,
					      BPF_CORE_READ(d, d_name.name));
		if (n > 0)
			*len = off + n;
		d = parent;
	}
	*(volatile u32 *)&e->flags |= KILL_PATH_CUT;
}

struct kill_verdict {
	u32 slot, effect, guard, flags;
	long result;
};

static __noinline void tell(struct kill_op *op, struct kill_rule *rule, struct kill_verdict *v)
{
	struct kill_event *e = bpf_ringbuf_reserve(&kill_ring, sizeof(*e), 0);
	struct task_struct *task = current_task(), *leader;
	struct dentry *dentry = op->dentry;
	struct kill_state *s = the_state();
	struct inode *inode;

	if (!e) {
		if (s)
			add(&s->events_lost);
		return;
	}
	leader = BPF_CORE_READ(task, group_leader);
	inode = BPF_CORE_READ(dentry, d_inode);
	e->ts_boot_ns = bpf_ktime_get_boot_ns();
	e->ino = BPF_CORE_READ(inode, i_ino);
	e->dev = BPF_CORE_READ(dentry, d_sb, s_dev);
	e->start_time_ns = BPF_CORE_READ(leader, start_time);
	e->rule = rule->id;
	e->rule_flags = rule->flags;
	e->matched = op->matched;
	e->flags = (op->flags & (KILL_HAS_OLD | KILL_HAS_NEW)) | v->flags;
	e->way = op->way;
	e->door = op->door;
	e->effect = v->effect;
	e->guard = v->guard;
	e->result = v->result;
	e->signal = rule->signal;
	e->old_mode = op->old_mode;
	e->requested = op->requested;
	e->new_mode = op->new_mode;
	e->owner = op->owner;
	e->tid = BPF_CORE_READ(task, pid);
	e->tgid = BPF_CORE_READ(task, tgid);
	e->ppid = BPF_CORE_READ(leader, real_parent, tgid);
	e->uid = BPF_CORE_READ(task, real_cred, uid.val);
	BPF_CORE_READ_STR_INTO(&e->comm, task, comm);
	tell_path(e, op->dentry, op->mnt);
	bpf_ringbuf_submit(e, 0);
}

static __always_inline void strike(struct kill_rule *rule, struct kill_counts *counts,
				   struct kill_verdict *v)
{
	if (rule->flags & KILL_THREAD)
		v->result = bpf_send_signal_thread(rule->signal);
	else
		v->result = bpf_send_signal(rule->signal);
	v->flags |= KILL_SENT;
	count_signal(counts, v->result);
}

/* 0, or -EPERM where `can_refuse`: the change is refused. */
static __always_inline int act(struct kill_op *op, u32 mask, bool can_refuse)
{
	struct kill_verdict v = {.effect = op->done ? KILL_COMPLETED : KILL_ATTEMPTED};
	struct kill_counts *counts;
	struct kill_rule *rule;
	bool refuse = false;

	op->matched = 0;
	v.slot = choose(mask, &op->matched);
	rule = bpf_map_lookup_elem(&kill_rules, &v.slot);
	counts = bpf_map_lookup_elem(&kill_counts, &v.slot);
	if (!rule || !counts)
		return 0;
	v.guard = guard_of(current_task(), rule->flags);
	if (rule->flags & KILL_ENFORCE && !counts->fell_back)
		v.flags |= KILL_ENFORCED;
	if (v.guard) {
		if (v.guard < KILL_GUARD_COUNT)
			add(&counts->spared[v.guard]);
		/* Not killed, but not let through: anybody can be pid 1 of a namespace. */
		refuse = v.guard == KILL_GUARD_CONTAINER && v.flags & KILL_ENFORCED;
	} else if (!(v.flags & KILL_ENFORCED)) {
		add(&counts->audited);
	} else if (!(rule->flags & KILL_DENY_ONLY) && one_too_many(counts, rule->max_kills)) {
		v.flags |= KILL_FELL_BACK;
		add(&counts->audited);
	} else {
		if (!(rule->flags & KILL_DENY_ONLY))
			strike(rule, counts, &v);
		refuse = true;
	}
	refuse = refuse && can_refuse;
	if (refuse) {
		v.effect = KILL_PREVENTED;
		add(&counts->refused);
	}
	if (!(rule->flags & KILL_TEST))
		tell(op, rule, &v);
	return refuse ? -EPERM : 0;
}

static __always_inline int judge(struct kill_op *op, bool can_refuse)
{
	struct kill_state *s = the_state();
	u32 mask;

	if (!s || !s->active)
		return 0;
	mask = match(s, op, current_task());
	return mask ? act(op, mask, can_refuse) : 0;
}

/* A file that is there already, about to get another mode or just given it. */
static __always_inline void op_of_file(struct kill_op *op, struct dentry *dentry,
				       struct vfsmount *mnt, u32 requested)
{
	struct inode *inode = BPF_CORE_READ(dentry, d_inode);

	op->dentry = dentry;
	op->mnt = mnt;
	op->old_mode = BPF_CORE_READ(inode, i_mode);
	op->type = op->old_mode & S_IFMT;
	op->owner = BPF_CORE_READ(inode, i_uid.val);
	op->requested = requested & S_IALLUGO;
	op->flags = KILL_HAS_OLD;
}
