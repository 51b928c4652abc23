// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The last way, after the fact, where no function can be hooked: both ends of the system calls.
 *
 *   raw_tp/sys_enter   notes which file is meant and the mode it has
 *   tp_btf/…ctime…     whose change time is set: the file that the kernel itself found (Linux 6.13)
 *   raw_tp/sys_exit    the call succeeded: which file was it, which mode has it now
 *
 * A descriptor is the kernel's own data. A path is the process's text, read at both ends; where the
 * file that was changed is another one, or could not be followed to, the kernel's counts. The mode
 * of a file that nobody had looked up before, or whose path could not be followed, is not known;
 * then what was asked for counts as added.
 */
#include "Kill/killlookup.bpf.h"
#include "Kill/killaclname.bpf.h"
#include "Kill/killroutes.h"
#include "Kill/killseen.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct kill_route kill_routes[2][KILL_CALLS]; /* 1: of 32-bit calls */

struct call {
	struct inode *inode;   /* never followed: its identity is compared */
	struct inode *touched; /* the last one whose change time this call set */
	u64 ino;
	u32 dev, mode;
	u32 born, pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, struct call);
} kill_calls SEC(".maps");

#define X32 0x40000000

static __always_inline bool route_of(u64 nr, struct kill_route *r)
{
	const volatile struct kill_route *of = kill_routes[0];

	r->compat = compat_call(current_task());
#if defined(__TARGET_ARCH_x86)
	nr &= ~X32;
#else
	if (r->compat) /* 32-bit ARM's numbers are not in the table */
		return false;
#endif
	if (nr >= KILL_CALLS)
		return false;
	if (r->compat)
		of = kill_routes[1];
	if (!of[nr].watched)
		return false;
	r->door = of[nr].door;
	r->fd = of[nr].fd;
	r->path = of[nr].path;
	r->dirfd = of[nr].dirfd;
	r->mode = of[nr].mode;
	r->flags = of[nr].flags;
	return true;
}

static __always_inline u64 call_arg(struct kill_route *r, struct pt_regs *regs, u32 n)
{
#if defined(__TARGET_ARCH_x86)
	if (r->compat) {
		switch (n) {
		case 1:
			return (u32)BPF_CORE_READ(regs, bx);
		case 2:
			return (u32)BPF_CORE_READ(regs, cx);
		case 3:
			return (u32)BPF_CORE_READ(regs, dx);
		case 4:
			return (u32)BPF_CORE_READ(regs, si);
		}
		return 0;
	}
#endif
	return sys_arg(regs, n);
}

/* lsetxattr, which alone has no flags argument, is not worth a column: ACLs of links do not exist.
 */
static __always_inline int find_file(struct kill_route *r, struct pt_regs *regs, struct place *out)
{
	u32 flags = r->flags ? call_arg(r, regs, r->flags) : 0;

	if (r->path)
		return find_path(call_arg(r, regs, r->path),
				 r->dirfd ? (s32)call_arg(r, regs, r->dirfd) : AT_FDCWD,
				 flags & AT_SYMLINK_NOFOLLOW || r->door == KILL_DOOR_BORN, out);
	*out = place_of_fd(current_task(), call_arg(r, regs, r->fd));
	return out->dentry ? 0 : -1;
}

SEC("raw_tp/sys_enter")
int kill_syscall_enter(struct bpf_raw_tracepoint_args *ctx)
{
	u64 id = bpf_get_current_pid_tgid();
	struct kill_route r = {};
	struct kill_state *s;
	struct call call = {};
	struct dentry *dentry;
	struct inode *inode;
	struct place p = {};

	if (!route_of(ctx->args[1], &r))
		return 0;
	s = the_state();
	if (!s || !s->active)
		return 0;
	if (r.door == KILL_DOOR_BORN) {
		if (!r.path || !s->born)
			return 0;
		call.born = 1;
	} else if (!find_file(&r, (struct pt_regs *)ctx->args[0], &p)) {
		dentry = p.dentry;
		inode = BPF_CORE_READ(dentry, d_inode);
		call.inode = inode;
		call.ino = BPF_CORE_READ(inode, i_ino);
		call.dev = BPF_CORE_READ(inode, i_sb, s_dev);
		call.mode = BPF_CORE_READ(inode, i_mode);
	}
	if (bpf_map_update_elem(&kill_calls, &id, &call, BPF_ANY))
		add(&s->calls_lost);
	return 0;
}

/* A file is made after it is touched itself: its folder is. */
static __always_inline int touch(struct inode *inode)
{
	u64 id = bpf_get_current_pid_tgid();
	struct call *call = bpf_map_lookup_elem(&kill_calls, &id);

	if (call && !(call->born && (BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFDIR))
		call->touched = inode;
	return 0;
}

SEC("tp_btf/inode_set_ctime_to_ts")
int BPF_PROG(kill_syscall_ctime, struct inode *inode)
{
	return touch(inode);
}

SEC("tp_btf/ctime_ns_xchg")
int BPF_PROG(kill_syscall_ctime_new, struct inode *inode)
{
	return touch(inode);
}

SEC("tp_btf/ctime_xchg_skip")
int BPF_PROG(kill_syscall_ctime_same, struct inode *inode)
{
	return touch(inode);
}

static __always_inline void noted(struct kill_op *op, struct inode *inode, struct call *call)
{
	if (!call || call->inode != inode || call->ino != BPF_CORE_READ(inode, i_ino) ||
	    call->dev != BPF_CORE_READ(inode, i_sb, s_dev))
		return;
	op->old_mode = call->mode;
	op->flags |= KILL_HAS_OLD;
}

/* Puts the file that the kernel changed in the place of the one found. False: it did not tell. */
static __always_inline bool told_file(struct call *call, struct place *p)
{
	struct inode *touched = call ? call->touched : NULL;
	struct dentry *dentry = p->dentry;

	if (!touched)
		return false;
	if (dentry && BPF_CORE_READ(dentry, d_inode) == touched)
		return true;
	dentry = name_of_inode(touched);
	if (!dentry || BPF_CORE_READ(dentry, d_inode) != touched)
		return false;
	p->dentry = dentry;
	p->mnt = (void *)mount_seen((u64)dentry);
	return true;
}

static __noinline bool sets_acl(const char *name)
{
	char have[sizeof(ACL_NAME) + 8] = {}; /* room to see that it ends */

	return bpf_probe_read_user_str(have, sizeof(have), name) == sizeof(ACL_NAME) &&
	       is_acl_name(have);
}

static __noinline void after(struct kill_route *r, struct pt_regs *regs, s64 ret, struct call *call)
{
	struct kill_op op = {.way = KILL_WAY_SYSCALL, .done = 1};
	struct kill_state *s = the_state();
	struct dentry *dentry;
	struct inode *inode;
	struct place p = {};
	bool told = false;

	if (!s || !s->active || (r->door == KILL_DOOR_BORN && !s->born))
		return;
	op.door = r->door;
	if (r->door == KILL_DOOR_BORN && !r->path) {
		struct file *file = fd_file(current_task(), ret);

		if (!(BPF_CORE_READ(file, f_mode) & FMODE_CREATED))
			return;
		p.dentry = BPF_CORE_READ(file, f_path.dentry);
		p.mnt = BPF_CORE_READ(file, f_path.mnt);
	} else if (ret) {
		return;
	} else {
		find_file(r, regs, &p);
		told = told_file(call, &p);
		if (!p.dentry) {
			add(&s->unresolved);
			return;
		}
	}
	dentry = p.dentry;
	inode = BPF_CORE_READ(dentry, d_inode);
	op_of_file(&op, p.dentry, p.mnt, 0);
	op.new_mode = op.old_mode;
	op.flags = KILL_HAS_NEW;
	op.requested = op.new_mode & S_IALLUGO;
	if (r->door == KILL_DOOR_BORN) {
		op.old_mode = 0;
		op.flags |= KILL_HAS_OLD;
	} else {
		noted(&op, inode, call);
	}
	if (r->mode) {
		op.requested = call_arg(r, regs, r->mode) & S_IALLUGO;
		/* Another thread wrote to the path: this is not the file that was changed. */
		if (!told && (op.new_mode ^ op.requested) & S_IALLUGO & ~S_ISGID) {
			add(&s->unresolved);
			return;
		}
	}
	/* Every other attribute comes this way, too; where nothing was noted, the name must tell.
	 */
	if (r->door == KILL_DOOR_ACL && !(op.flags & KILL_HAS_OLD) &&
	    !sets_acl((void *)call_arg(r, regs, r->flags ? 4 : 2)))
		return;
	judge(&op);
}

SEC("raw_tp/sys_exit")
int kill_syscall_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)ctx->args[0];
	u64 id = bpf_get_current_pid_tgid();
	struct kill_route r = {};
	struct call *call;

	if (!route_of(sys_nr(regs), &r))
		return 0;
	call = bpf_map_lookup_elem(&kill_calls, &id);
	if ((s64)ctx->args[1] >= 0)
		after(&r, regs, ctx->args[1], call);
	if (call)
		bpf_map_delete_elem(&kill_calls, &id);
	return 0;
}
