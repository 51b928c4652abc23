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
__noinline u32 guard_of_exe(u64 of)
{
	struct task_struct *task = (void *)of;
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
		u32 guard = guard_of_exe((u64)task);

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

__noinline u32 guard_of(u64 of, u32 rule_flags)
{
	struct task_struct *task = (void *)of;
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
	guard = guard_of_exe((u64)task);
	if (guard)
		return guard;
	return guard_of_packages((u64)task);
}

static __always_inline void add(u64 *count)
{
	__sync_fetch_and_add(count, 1);
}

/* What a rule does, the most last: it audits, refuses, sends another signal, kills. */
static __always_inline u32 rank_of(struct kill_rule *rule, struct kill_counts *counts)
{
	if (!(rule->flags & KILL_ENFORCE) || counts->fell_back)
		return 0;
	return rule->flags & KILL_DENY_ONLY ? 1 : rule->signal != SIGKILL ? 2 : 3;
}

/*
 * Counts a rule, if it matched and is in force: returns its bit, and in the upper half `most` or,
 * if that is more, the rule's own: what it does, and below that what is more for a smaller number.
 */
#define CHOSEN_SLOT(most) (KILL_RULES - (u8)(most))

__noinline u64 count_match(u32 mask, u32 slot, u64 now, u32 most)
{
	u64 so_far = (u64)most << 32;
	struct kill_counts *counts;
	struct kill_rule *rule;
	u32 mine;

	if (!(mask >> (slot & 31) & 1))
		return so_far;
	rule = bpf_map_lookup_elem(&kill_rules, &slot);
	counts = bpf_map_lookup_elem(&kill_counts, &slot);
	if (!rule || !counts || (rule->deadline && now >= rule->deadline))
		return so_far;
	add(&counts->matched);
	mine = rank_of(rule, counts) << 8 | (KILL_RULES - slot);
	return (u64)(mine > most ? mine : most) << 32 | 1U << (slot & 31);
}

/* The slot of the rule that acts, the one in force that does the most. KILL_RULES: none is. */
static __always_inline u32 choose(u32 mask, u16 *in_force)
{
	u64 now = bpf_ktime_get_boot_ns();
	u32 most = unknown(0), all = unknown(0);

	if (mask >> KILL_SELF_TEST & 1)
		mask = unknown(1U << KILL_SELF_TEST); /* nobody's rule may spoil the trial */
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < KILL_RULES; i++) {
		u64 n = count_match(mask, i, now, most);

		all |= n;
		most = n >> 32;
	}
	*in_force = all;
	return CHOSEN_SLOT(most);
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

#define HOME 3 /* the process's own root; no pointer, as TOP */

/* The mount that the next step up is in: still `vfsmount`, or where that is mounted. Or the end. */
__noinline u64 mount_of_step(u64 dentry, u64 vfsmount, u64 root, u64 root_mnt)
{
	struct vfsmount *mnt = (void *)vfsmount;

	if (dentry == root && vfsmount == root_mnt)
		return HOME;
	if (!mnt || (u64)BPF_CORE_READ(mnt, mnt_root) != dentry)
		return vfsmount;
	return mount_above(vfsmount);
}

/* Names towards the process's own root: what it calls the file. Returns flags of the event. */
static __noinline u32 tell_path(struct kill_event *e, u64 dentry, u64 mnt)
{
	struct fs_struct *fs = BPF_CORE_READ(current_task(), fs);
	u64 root = (u64)BPF_CORE_READ(fs, root.dentry), root_mnt = (u64)BPF_CORE_READ(fs, root.mnt);
	volatile u32 *len = &e->path_len;

	if (!mnt) /* not told: the first place that has the root's dentry */
		root_mnt = 0;
	root_mnt = unknown(root_mnt);
	mnt = unknown(mnt);
	*len = 0;
#pragma clang loop unroll(disable)
	for (int i = 0; i < PATH_STEPS_TOLD; i++) {
		struct dentry *d = (void *)dentry;
		u64 off = *len, next_mnt;
		s64 n, failed;

		next_mnt = mount_of_step(dentry, mnt, root, root_mnt);
		if (next_mnt == TOP || next_mnt == HOME)
			return next_mnt == TOP ? KILL_PATH_OUTSIDE : 0;
		if (next_mnt != mnt) {
			dentry = mountpoint_of(mnt);
			mnt = next_mnt;
			continue;
		}
		dentry = parent_of(dentry);
		if (!dentry)
			return KILL_PATH_OUTSIDE;
		opaque(off); /* whole: of half a register 5.10 forgets what it found out */
		if (off > KILL_PATH_ROOM - NAME_ROOM)
			break;
		n = bpf_probe_read_kernel_str(e->path + off, NAME_ROOM,
					      BPF_CORE_READ(d, d_name.name));
		failed = n >> 63;
		opaque(failed); /* or the compiler makes a branch of it */
		*len = off + (n & ~failed);
	}
	return KILL_PATH_CUT;
}

/* What was decided: a word, as those of struct kill_op. */
struct kill_verdict {
	union {
		struct {
			u16 matched;  /* and in force, by bit */
			__s16 result; /* 0 or -errno */
			u8 slot, effect, guard, flags;
		};
		u64 word;
	};
};

_Static_assert(KILL_RULES <= 8 * sizeof(((struct kill_verdict *)0)->matched), "a bit each");

__noinline int tell(OP_PARAMETERS, u64 verdict)
{
	struct kill_event *e = bpf_ringbuf_reserve(&kill_ring, sizeof(*e), 0);
	struct task_struct *task = current_task(), *leader;
	struct kill_op words = OP_OF_PARAMETERS, *op = &words;
	struct dentry *d = op->dentry;
	struct kill_verdict v = {.word = verdict};
	u32 slot = v.slot;
	struct kill_rule *rule = bpf_map_lookup_elem(&kill_rules, &slot);
	struct kill_state *s;
	struct inode *inode;

	if (!e) {
		s = the_state();
		if (s)
			add(&s->events_lost);
		return 0;
	}
	if (!rule) {
		bpf_ringbuf_discard(e, 0);
		return 0;
	}
	leader = BPF_CORE_READ(task, group_leader);
	inode = BPF_CORE_READ(d, d_inode);
	e->ts_boot_ns = bpf_ktime_get_boot_ns();
	e->ino = BPF_CORE_READ(inode, i_ino);
	e->dev = BPF_CORE_READ(d, d_sb, s_dev);
	e->start_time_ns = BPF_CORE_READ(leader, start_time);
	e->rule = rule->id;
	e->rule_flags = rule->flags;
	e->matched = v.matched;
	e->flags = (op->flags & (KILL_HAS_OLD | KILL_HAS_NEW)) | v.flags;
	e->way = op->way;
	e->door = op->door;
	e->effect = v.effect;
	e->guard = v.guard;
	e->result = v.result;
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
	e->flags |= tell_path(e, dentry, mnt);
	bpf_ringbuf_submit(e, 0);
	return 0;
}

static __always_inline void strike(struct kill_rule *rule, struct kill_counts *counts,
				   struct kill_verdict *v)
{
	long ret;

	if (rule->flags & KILL_THREAD)
		ret = bpf_send_signal_thread(rule->signal);
	else
		ret = bpf_send_signal(rule->signal);
	v->result = ret;
	v->flags |= KILL_SENT;
	count_signal(counts, ret);
}

/* 1: the change is refused, where that is possible. */
__noinline int act(OP_PARAMETERS, u32 mask)
{
	struct kill_op op = OP_OF_PARAMETERS;
	struct kill_verdict v = {.effect = op.done ? KILL_COMPLETED : KILL_ATTEMPTED};
	struct kill_counts *counts;
	struct kill_rule *rule;
	bool refuse = false;
	u32 slot, guard;

	slot = choose(mask, &v.matched);
	rule = bpf_map_lookup_elem(&kill_rules, &slot);
	counts = bpf_map_lookup_elem(&kill_counts, &slot);
	if (!rule || !counts)
		return 0;
	v.slot = slot;
	guard = guard_of((u64)current_task(), rule->flags);
	v.guard = guard;
	if (rule->flags & KILL_ENFORCE && !counts->fell_back)
		v.flags |= KILL_ENFORCED;
	if (guard) {
		if (guard < KILL_GUARD_COUNT)
			add(&counts->spared[guard]);
		/* Not killed, but not let through: anybody can be pid 1 of a namespace. */
		refuse = guard == KILL_GUARD_CONTAINER && v.flags & KILL_ENFORCED;
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
	refuse = refuse && !op.done;
	if (refuse) {
		v.effect = KILL_PREVENTED;
		add(&counts->refused);
	}
	if (!(rule->flags & KILL_TEST))
		tell(OP_WORDS(&op), v.word);
	return refuse;
}

/* 0, or -EPERM: the change is refused. */
static __always_inline int judge(struct kill_op *op)
{
	u32 mask = match(OP_WORDS(op));

	return mask && act(OP_WORDS(op), mask) ? -EPERM : 0;
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
