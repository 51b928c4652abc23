/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What processes become and reach for: SETSID, SETUID, SETGID, MEMFD_CREATE, SHMGET, PTRACE,
 * LOAD_MODULE.
 *
 * commit_creds         SETUID, SETGID: every change of credentials that takes effect
 * __<arch>_sys_*       the system calls' own functions, after they succeeded
 * tail/sys_exit/…      the same from the tracepoint; for ids sys_enter notes what they were
 * module_load          LOAD_MODULE
 */
#include "syscall.bpf.h"

#if defined(__TARGET_ARCH_x86)
#define SYS "__x64_sys_"
#else
#define SYS "__arm64_sys_"
#endif

#define begin(type_, event, source)                                                                \
	({                                                                                         \
		struct event *_e = NULL;                                                           \
		if (wanted(current_task())) {                                                      \
			_e = reserve(CLASS_TINY);                                                  \
			if (_e) {                                                                  \
				fill_hdr(&_e->hdr, type_, source, sizeof(*_e), current_task());    \
				__builtin_memset(&_e->hdr.cgroup, 0, sizeof(_e->hdr.cgroup));      \
			} else {                                                                   \
				count_lost(type_);                                                 \
			}                                                                          \
		}                                                                                  \
		_e;                                                                                \
	})

struct ids {
	u32 uid[4], gid[4]; /* real, effective, saved, of the file system */
};

static __always_inline void read_ids(struct ids *i, struct cred *c)
{
	i->uid[0] = BPF_CORE_READ(c, uid.val);
	i->uid[1] = BPF_CORE_READ(c, euid.val);
	i->uid[2] = BPF_CORE_READ(c, suid.val);
	i->uid[3] = BPF_CORE_READ(c, fsuid.val);
	i->gid[0] = BPF_CORE_READ(c, gid.val);
	i->gid[1] = BPF_CORE_READ(c, egid.val);
	i->gid[2] = BPF_CORE_READ(c, sgid.val);
	i->gid[3] = BPF_CORE_READ(c, fsgid.val);
}

static __noinline void emit_ids(u32 type, u32 source, struct ids *now)
{
	struct event_ids *e;

	e = begin(type, event_ids, source);
	if (!e)
		return;
	e->ruid = now->uid[0];
	e->euid = now->uid[1];
	e->rgid = now->gid[0];
	e->egid = now->gid[1];
	emit_submit(e);
}

static __always_inline bool differ(const u32 *a, const u32 *b)
{
	return a[0] != b[0] || a[1] != b[1] || a[2] != b[2] || a[3] != b[3];
}

static __always_inline int on_ids(struct ids *old, struct ids *now, u32 source)
{
	if (asked(EVENT_PROCESS_SETUID) && differ(old->uid, now->uid))
		emit_ids(EVENT_PROCESS_SETUID, source, now);
	if (asked(EVENT_PROCESS_SETGID) && differ(old->gid, now->gid))
		emit_ids(EVENT_PROCESS_SETGID, source, now);
	return 0;
}

static __always_inline int on_commit(struct cred *new, u32 source)
{
	struct task_struct *task = current_task();
	struct ids old, now;

	read_ids(&old, BPF_CORE_READ(task, real_cred));
	read_ids(&now, new);
	return on_ids(&old, &now, source);
}

SEC("fentry/commit_creds")
int BPF_PROG(hook_creds_fentry, struct cred *new)
{
	return on_commit(new, HOOK_creds_fentry);
}

SEC("kprobe/commit_creds")
int BPF_KPROBE(hook_creds_kprobe, struct cred *new)
{
	return on_commit(new, HOOK_creds_kprobe);
}

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, struct ids);
} ids_before SEC(".maps");

SEC("raw_tp/sys_enter")
int hook_creds_enter_tp(struct bpf_raw_tracepoint_args *ctx)
{
	u64 nr = ctx->args[1], id = bpf_get_current_pid_tgid();
	struct task_struct *task;
	struct ids old;

	if (nr >= ROUTE_COUNT || routes[nr].slot != SLOT_creds)
		return 0;
	task = current_task();
	read_ids(&old, BPF_CORE_READ(task, real_cred));
	bpf_map_update_elem(&ids_before, &id, &old, BPF_ANY);
	return 0;
}

SEC("tail/sys_exit/creds")
int hook_creds_tp(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = current_task();
	u64 id = bpf_get_current_pid_tgid();
	struct ids now, old, *saved;

	saved = bpf_map_lookup_elem(&ids_before, &id);
	if (!saved)
		return 0;
	old = *saved;
	bpf_map_delete_elem(&ids_before, &id);
	read_ids(&now, BPF_CORE_READ(task, real_cred));
	return on_ids(&old, &now, HOOK_creds_tp);
}

static __always_inline int on_setsid(struct pt_regs *regs, s64 ret, u32 source)
{
	struct event_ids *e;

	if (ret < 0)
		return 0;
	e = begin(EVENT_PROCESS_SETSID, event_ids, source);
	if (!e)
		return 0;
	e->ruid = e->euid = e->rgid = e->egid = 0;
	emit_submit(e);
	return 0;
}

static __always_inline int on_memfd(struct pt_regs *regs, s64 ret, u32 source)
{
	struct event_memfd *e;
	long n;

	if (ret < 0)
		return 0;
	e = begin(EVENT_PROCESS_MEMFD_CREATE, event_memfd, source);
	if (!e)
		return 0;
	e->flags = sys_arg(regs, 2);
	e->pad = 0;
	e->name.off = sizeof(*e);
	e->name.flags = PART_TEXT;
	e->name.len = 0;
	n = bpf_probe_read_user_str((void *)e + sizeof(*e), NAME_ROOM, (void *)sys_arg(regs, 1));
	if (n > 0) {
		e->name.len = n;
		e->hdr.size = sizeof(*e) + n;
	}
	emit_submit(e);
	return 0;
}

static __always_inline int on_shmget(struct pt_regs *regs, s64 ret, u32 source)
{
	struct event_shmget *e;

	if (ret < 0)
		return 0;
	e = begin(EVENT_PROCESS_SHMGET, event_shmget, source);
	if (!e)
		return 0;
	e->key = (s64)(s32)sys_arg(regs, 1);
	e->size = sys_arg(regs, 2);
	e->flags = (s32)sys_arg(regs, 3);
	emit_submit(e);
	return 0;
}

/* Requests that take hold of another process or write into it; looking on is not news. */
static __always_inline bool ptrace_matters(s64 request)
{
	switch (request) {
	case 4 ... 6: /* POKETEXT, POKEDATA, POKEUSR */
	case 13:      /* SETREGS */
	case 15:      /* SETFPREGS */
	case 16:      /* ATTACH */
	case 0x4205:  /* SETREGSET */
	case 0x4206:  /* SEIZE */
		return true;
	}
	return false;
}

static __always_inline int on_ptrace(struct pt_regs *regs, s64 ret, u32 source)
{
	s64 request = sys_arg(regs, 1);
	struct event_ptrace *e;

	if (ret < 0 || !ptrace_matters(request))
		return 0;
	e = begin(EVENT_PROCESS_PTRACE, event_ptrace, source);
	if (!e)
		return 0;
	e->request = request;
	e->child = sys_arg(regs, 2);
	e->pad = 0;
	emit_submit(e);
	return 0;
}

#define BOTH(call, name)                                                                           \
	SEC("fexit/" SYS #call)                                                                    \
	int hook_##name##_fexit(u64 *ctx)                                                          \
	{                                                                                          \
		return on_##name((struct pt_regs *)ctx[0], ctx[1], HOOK_##name##_fexit);           \
	}                                                                                          \
	SEC("tail/sys_exit/" #name)                                                                \
	int hook_##name##_tp(struct bpf_raw_tracepoint_args *ctx)                                  \
	{                                                                                          \
		return on_##name(sys_regs(ctx), sys_ret(ctx), HOOK_##name##_tp);                   \
	}

/* The system call's own function has no arguments, and no place in BTF. */
SEC("fexit/ksys_setsid")
int BPF_PROG(hook_setsid_fexit, int ret)
{
	return on_setsid(NULL, ret, HOOK_setsid_fexit);
}

SEC("tail/sys_exit/setsid")
int hook_setsid_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return on_setsid(NULL, sys_ret(ctx), HOOK_setsid_tp);
}

BOTH(memfd_create, memfd)
BOTH(shmget, shmget)
BOTH(ptrace, ptrace)

static __always_inline void add_string(struct event_hdr *e, struct event_part *part, u64 at,
				       const void *text)
{
	long n = text ? bpf_probe_read_kernel_str((void *)e + at, 64, text) : 0;

	part->off = at;
	part->len = n > 0 ? n : 0;
	part->flags = PART_TEXT;
}

SEC("tp_btf/module_load")
int BPF_PROG(hook_module_tp, struct module *mod)
{
	struct event_module *e;

	e = begin(EVENT_PROCESS_LOAD_MODULE, event_module, HOOK_module_tp);
	if (!e)
		return 0;
	add_string(&e->hdr, &e->name, sizeof(*e),
		   (void *)mod + bpf_core_field_offset(struct module, name));
	add_string(&e->hdr, &e->version, sizeof(*e) + 64, BPF_CORE_READ(mod, version));
	add_string(&e->hdr, &e->srcversion, sizeof(*e) + 128, BPF_CORE_READ(mod, srcversion));
	e->hdr.size = sizeof(*e) + 192;
	emit_submit(e);
	return 0;
}
