/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who did it: pids, credentials, namespaces, terminal of a task, as the record wants them. */
#pragma once

#include "path.bpf.h"

static __always_inline u32 signal_pid(struct signal_struct *signal, u32 type)
{
	void *pids = (void *)signal + bpf_core_field_offset(struct signal_struct, pids);
	struct pid *pid = NULL;

	bpf_probe_read_kernel(&pid, sizeof(pid), pids + type * sizeof(void *));
	return BPF_CORE_READ(pid, numbers[0].nr);
}

static __always_inline void fill_pids(struct event_pids *p, struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct signal_struct *signal = BPF_CORE_READ(task, signal);

	p->tid = BPF_CORE_READ(task, pid);
	p->tgid = BPF_CORE_READ(task, tgid);
	p->ppid = BPF_CORE_READ(leader, real_parent, tgid);
	p->pgid = signal_pid(signal, bpf_core_enum_value(enum pid_type, PIDTYPE_PGID));
	p->sid = signal_pid(signal, bpf_core_enum_value(enum pid_type, PIDTYPE_SID));
	p->pad = 0;
	p->start_time_ns = BPF_CORE_READ(leader, start_time);
}

static __always_inline void fill_creds(struct event_creds *c, struct cred *cred)
{
	c->ruid = BPF_CORE_READ(cred, uid.val);
	c->rgid = BPF_CORE_READ(cred, gid.val);
	c->euid = BPF_CORE_READ(cred, euid.val);
	c->egid = BPF_CORE_READ(cred, egid.val);
	c->suid = BPF_CORE_READ(cred, suid.val);
	c->sgid = BPF_CORE_READ(cred, sgid.val);
	/* The bytes: before 6.3 it was two u32, low one first. */
	bpf_core_read(&c->cap_permitted, sizeof(u64), &cred->cap_permitted);
	bpf_core_read(&c->cap_effective, sizeof(u64), &cred->cap_effective);
}

static __always_inline void fill_ns(struct event_ns *n, struct task_struct *task)
{
	struct nsproxy *ns = BPF_CORE_READ(task, nsproxy);
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	u32 level = BPF_CORE_READ(pid, level);
	void *numbers = (void *)pid + bpf_core_field_offset(struct pid, numbers);
	struct upid *own = numbers + (u64)level * bpf_core_type_size(struct upid);

	n->uts = BPF_CORE_READ(ns, uts_ns, ns.inum);
	n->ipc = BPF_CORE_READ(ns, ipc_ns, ns.inum);
	n->mnt = BPF_CORE_READ(ns, mnt_ns, ns.inum);
	n->net = BPF_CORE_READ(ns, net_ns, ns.inum);
	n->cgroup = BPF_CORE_READ(ns, cgroup_ns, ns.inum);
	n->time = 0;
	if (bpf_core_field_exists(ns->time_ns))
		n->time = BPF_CORE_READ(ns, time_ns, ns.inum);
	n->pid = BPF_CORE_READ(own, ns, ns.inum);
	n->pad = 0;
}

static __always_inline void fill_tty(struct event_tty *t, struct tty_struct *tty)
{
	t->major = BPF_CORE_READ(tty, driver, major);
	t->minor = BPF_CORE_READ(tty, driver, minor_start) + BPF_CORE_READ(tty, index);
	t->rows = BPF_CORE_READ(tty, winsize.ws_row);
	t->cols = BPF_CORE_READ(tty, winsize.ws_col);
}

static __always_inline void fill_ctty(struct event_tty *t, struct task_struct *task)
{
	struct tty_struct *tty = BPF_CORE_READ(task, signal, tty);

	__builtin_memset(t, 0, sizeof(*t));
	if (tty)
		fill_tty(t, tty);
}

/* Everything but the cgroup, which is a part and wants `size` set first. */
static __always_inline void fill_hdr(struct event_hdr *e, u32 type, u32 source, u32 fixed,
				     struct task_struct *task)
{
	e->ts_boot_ns = bpf_ktime_get_boot_ns();
	e->type = type;
	e->size = fixed;
	e->source = source;
	e->marks = 0;
	e->pad = 0;
	e->mnt_ns = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
	fill_pids(&e->pids, task);
	fill_creds(&e->creds, BPF_CORE_READ(task, cred));
	BPF_CORE_READ_STR_INTO(&e->comm, task, comm);
}
