// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The last way, after the fact, where no function can be hooked: both ends of the system calls.
 *
 *   raw_tp/sys_enter   notes which file is meant and the mode it has
 *   raw_tp/sys_exit    the call succeeded: which file was it, which mode has it now
 *
 * A descriptor is the kernel's own data. A path is the process's text, read at both ends: a thread
 * that writes to it in between is not followed, and the mode of a file that nobody had looked up
 * before is not known; then what was asked for counts as added.
 */
#include "Kill/killaclname.bpf.h"
#include "Kill/killlookup.bpf.h"
#include "Kill/killroutes.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct kill_route kill_routes[KILL_CALLS];

struct call {
	struct inode *inode; /* never followed: its identity is compared */
	u64 ino;
	u32 dev, mode;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, struct call);
} kill_calls SEC(".maps");

static __always_inline bool route_of(u64 nr, struct kill_route *r)
{
	if (nr >= KILL_CALLS || !kill_routes[nr].watched)
		return false;
	r->door = kill_routes[nr].door;
	r->fd = kill_routes[nr].fd;
	r->path = kill_routes[nr].path;
	r->dirfd = kill_routes[nr].dirfd;
	r->mode = kill_routes[nr].mode;
	r->flags = kill_routes[nr].flags;
	return true;
}

/* lsetxattr, which alone has no flags argument, is not worth a column: ACLs of links do not exist.
 */
static __always_inline int find_file(struct kill_route *r, struct pt_regs *regs, struct place *out)
{
	u32 flags = r->flags ? sys_arg(regs, r->flags) : 0;

	if (r->path)
		return find_path((void *)sys_arg(regs, r->path),
				 r->dirfd ? (s32)sys_arg(regs, r->dirfd) : AT_FDCWD,
				 flags & AT_SYMLINK_NOFOLLOW || r->door == KILL_DOOR_BORN, out);
	*out = place_of_fd(current_task(), sys_arg(regs, r->fd));
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

	if (!route_of(ctx->args[1], &r) || r.door == KILL_DOOR_BORN)
		return 0;
	s = the_state();
	if (!s || !s->active || compat_call(current_task()))
		return 0;
	if (find_file(&r, (struct pt_regs *)ctx->args[0], &p))
		return 0;
	dentry = p.dentry;
	inode = BPF_CORE_READ(dentry, d_inode);
	call.inode = inode;
	call.ino = BPF_CORE_READ(inode, i_ino);
	call.dev = BPF_CORE_READ(inode, i_sb, s_dev);
	call.mode = BPF_CORE_READ(inode, i_mode);
	if (bpf_map_update_elem(&kill_calls, &id, &call, BPF_ANY))
		add(&s->calls_lost);
	return 0;
}

static __always_inline void noted(struct kill_op *op, struct inode *inode, struct call *call)
{
	if (!call || call->inode != inode || call->ino != BPF_CORE_READ(inode, i_ino) ||
	    call->dev != BPF_CORE_READ(inode, i_sb, s_dev))
		return;
	op->old_mode = call->mode;
	op->flags |= KILL_HAS_OLD;
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

	if (!s || !s->active || (r->door == KILL_DOOR_BORN && !s->born))
		return;
	op.door = r->door;
	if (r->door == KILL_DOOR_BORN && !r->path) {
		struct file *file = fd_file(current_task(), ret);

		if (!(BPF_CORE_READ(file, f_mode) & FMODE_CREATED))
			return;
		p.dentry = BPF_CORE_READ(file, f_path.dentry);
		p.mnt = BPF_CORE_READ(file, f_path.mnt);
	} else if (ret || find_file(r, regs, &p)) {
		if (!ret)
			add(&s->unresolved);
		return;
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
		op.requested = sys_arg(regs, r->mode) & S_IALLUGO;
		/* Another thread wrote to the path: this is not the file that was changed. */
		if ((op.new_mode ^ op.requested) & S_IALLUGO & ~S_ISGID) {
			add(&s->unresolved);
			return;
		}
	}
	/* Every other attribute comes this way, too; where nothing was noted, the name must tell.
	 */
	if (r->door == KILL_DOOR_ACL && !(op.flags & KILL_HAS_OLD) &&
	    !sets_acl((void *)sys_arg(regs, r->flags ? 4 : 2)))
		return;
	judge(&op, false);
}

SEC("raw_tp/sys_exit")
int kill_syscall_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)ctx->args[0];
	u64 id = bpf_get_current_pid_tgid();
	struct kill_route r = {};
	struct call *call;

	if (!route_of(sys_nr(regs), &r) || compat_call(current_task()))
		return 0;
	call = bpf_map_lookup_elem(&kill_calls, &id);
	if ((s64)ctx->args[1] >= 0)
		after(&r, regs, ctx->args[1], call);
	if (call)
		bpf_map_delete_elem(&kill_calls, &id);
	return 0;
}
