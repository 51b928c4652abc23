/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The same events where no function can be hooked: one raw tracepoint at the end of every system
 * call, and behind it one program a kind of call.
 *
 * sys_exit           looks the call up in `routes`; most are not there, and it is over
 * tail/sys_exit/…    the event: a file by its descriptor (kernel's own data), or a path as the
 *                    process wrote it, read after the call, when the page is surely there
 */
#include "syscall.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* With calls_by_perf it is no raw tracepoint, nor is what is behind it: syscall.bpf.h. */
SEC("raw_tp/sys_exit")
int hook_sys_exit(struct bpf_raw_tracepoint_args *ctx)
{
	u32 nr = sys_number(ctx), slot;
	struct task_struct *task;

	if (nr >= ROUTE_COUNT)
		return 0;
	slot = routes[nr].slot;
	if (!slot)
		return 0;
	task = current_task();
	if (compat_call(task) || !wanted(task))
		return 0;
	bpf_tail_call(ctx, &slots, slot);
	return 0;
}

#define TEXT_MAX 4096

/* One path argument: the text, and where a relative one begins. */
static __always_inline void add_text(struct event_hdr *e, u64 cap, struct event_part *part,
				     struct event_part *base, const char *text, s32 dirfd)
{
	struct task_struct *task = current_task();
	u64 off = ((volatile struct event_hdr *)e)->size, room = TEXT_MAX;
	struct file *dir;
	struct walk w;
	char first = 0;
	long n;

	if (cap < 2 * TEXT_MAX)
		room = NAME_ROOM;
	part->off = off;
	part->flags = PART_TEXT;
	part->len = 0;
	__builtin_memset(base, 0, sizeof(*base));
	if (off > cap - room) {
		mark(e, PART_TRUNCATED);
		return;
	}
	n = bpf_probe_read_user_str((void *)e + off, room, text);
	if (n > 0) {
		part->len = n;
		((volatile struct event_hdr *)e)->size = off + n;
		bpf_probe_read_user(&first, 1, text);
	}
	if (n == (s64)room) {
		part->flags |= PART_TRUNCATED;
		mark(e, PART_TRUNCATED);
	}
	if (first == '/')
		return;
	walk_init(&w, task);
	if (dirfd == -100) { /* AT_FDCWD */
		w.dentry = BPF_CORE_READ(task, fs, pwd.dentry);
		w.mnt = BPF_CORE_READ(task, fs, pwd.mnt);
	} else {
		dir = fd_file(task, dirfd);
		w.dentry = BPF_CORE_READ(dir, f_path.dentry);
		w.mnt = BPF_CORE_READ(dir, f_path.mnt);
	}
	add_path(e, cap, base, &w);
}

struct text_op {
	u32 type, change, source, pad;
	const char *path, *old_path, *xattr;
	s32 dirfd, old_dirfd;
};

static __noinline void build_text(struct event_file *e, u64 cap, struct text_op *op)
{
	fill_hdr(&e->hdr, op->type, op->source, sizeof(*e), current_task());
	e->change = op->change;
	e->flags = 0;
	e->old_mode = e->new_mode = 0;
	__builtin_memset(&e->info, 0, sizeof(e->info));
	__builtin_memset(&e->old_path, 0, 3 * sizeof(e->old_path));
	add_text(&e->hdr, cap, &e->path, &e->base, op->path, op->dirfd);
	if (op->old_path)
		add_text(&e->hdr, cap, &e->old_path, &e->old_base, op->old_path, op->old_dirfd);
	add_xattr(&e->hdr, cap, &e->xattr, op->xattr, 1);
	add_cgroup(&e->hdr, cap, current_task());
}

static __noinline int emit_text(struct text_op *op)
{
	struct event_hdr *e;
	u64 cap;
	int class;

	unknown(op->path);
	unknown(op->old_path);
	unknown(op->xattr);
	unknown(op->dirfd);
	unknown(op->old_dirfd);
	unknown(op->source);
	unknown(op->change);
	unknown(op->type);
#pragma clang loop unroll(disable)
	for (class = 0; class < 2; class ++) {
		if (!class) {
			e = bpf_ringbuf_reserve(&ring, CLASS_SMALL, 0);
			cap = CLASS_SMALL;
		} else {
			e = bpf_ringbuf_reserve(&ring, CLASS_LARGE, 0);
			cap = CLASS_LARGE;
		}
		if (!e) {
			count_lost(op->type);
			return 0;
		}
		build_text((struct event_file *)e, cap, op);
		if (!(marks(e) & (PART_TRUNCATED | PART_CUT)) || class == 1) {
			emit_submit(e);
			return 0;
		}
		emit_discard(e);
	}
	return 0;
}

/* The call named a path, or (fchmod, ftruncate) a descriptor. */
static __always_inline int emit_call(struct sys *s, u32 type, u32 change, u32 source)
{
	struct text_op op = {.type = type, .change = change, .source = source};
	struct file_op by_fd = {.type = type, .change = change, .source = source};
	struct file *file;

	if (s->route.xattr)
		op.xattr = by_fd.xattr = (void *)sys_arg(s->regs, s->route.xattr);
	by_fd.xattr_user = 1;
	if (s->route.path) {
		op.path = (void *)sys_arg(s->regs, s->route.path);
		op.dirfd = s->route.dirfd ? sys_arg(s->regs, s->route.dirfd) : -100;
		if (s->route.path2) {
			op.old_path = op.path;
			op.old_dirfd = op.dirfd;
			op.path = (void *)sys_arg(s->regs, s->route.path2);
			op.dirfd = s->route.dirfd2 ? sys_arg(s->regs, s->route.dirfd2) : -100;
		}
		return emit_text(&op);
	}
	file = fd_file(current_task(), sys_arg(s->regs, s->route.fd));
	if (!file)
		return 0;
	if (change == CHANGE_CONTENT && (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFREG)
		return 0;
	by_fd.dentry = BPF_CORE_READ(file, f_path.dentry);
	by_fd.mnt = BPF_CORE_READ(file, f_path.mnt);
	return emit_file(&by_fd);
}

SEC("tail/sys_exit/open")
int hook_open_tp(struct bpf_raw_tracepoint_args *ctx)
{
	struct file_op op = {.type = EVENT_FILE_CREATE, .source = HOOK_open_tp};
	s64 fd = sys_ret(ctx);
	struct file *file;

	if (fd < 0)
		return 0;
	file = fd_file(current_task(), fd);
	if (!file)
		return 0;
	op.dentry = BPF_CORE_READ(file, f_path.dentry);
	op.mnt = BPF_CORE_READ(file, f_path.mnt);
	if (!(BPF_CORE_READ(file, f_mode) & FMODE_CREATED)) {
		op.type = open_kind(op.dentry, op.mnt);
		if (op.type == EVENT_COUNT)
			return 0;
	}
	if (!asked(op.type))
		return 0;
	return emit_file(&op);
}

/* A write to a terminal goes on to the program for those, if there is one. */
static __always_inline void not_a_file(struct bpf_raw_tracepoint_args *ctx, struct sys *s)
{
	struct file *file = fd_file(current_task(), sys_arg(s->regs, s->route.fd));

	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFREG)
		bpf_tail_call(ctx, &slots, SLOT_tty);
}

#define CALL(name, ok, type, change)                                                               \
	SEC("tail/sys_exit/" #name)                                                                \
	int hook_##name##_tp(struct bpf_raw_tracepoint_args *ctx)                                  \
	{                                                                                          \
		struct sys s;                                                                      \
                                                                                                   \
		sys_read(&s, ctx);                                                                 \
		if (!(ok))                                                                         \
			return 0;                                                                  \
		return emit_call(&s, type, change, HOOK_##name##_tp);                              \
	}

CALL(node, s.ret == 0, EVENT_FILE_CREATE, 0)
CALL(unlink, s.ret == 0, EVENT_FILE_DELETE, 0)
CALL(rmdir, s.ret == 0, EVENT_FILE_DELETE, 0)
CALL(rename, s.ret == 0, EVENT_FILE_RENAME, 0)
CALL(chmod, s.ret == 0, EVENT_FILE_MODIFY, CHANGE_PERMISSIONS)
CALL(chown, s.ret == 0, EVENT_FILE_MODIFY, CHANGE_OWNER)
CALL(xattr, s.ret == 0, EVENT_FILE_MODIFY, CHANGE_XATTRS)
CALL(write, s.ret > 0 && (not_a_file(ctx, &s), true), EVENT_FILE_MODIFY, CHANGE_CONTENT)
CALL(truncate, s.ret == 0, EVENT_FILE_MODIFY, CHANGE_CONTENT)
