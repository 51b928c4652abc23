/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The same events where no function can be hooked: one raw tracepoint at the end of every system
 * call, and behind it one program a kind of call.
 *
 * sys_exit           looks the call up in `routes`; most are not there, and it is over
 * tail/sys_exit/…    did it succeed? then
 * tail/sys_exit/fd   the event: a file by its descriptor (kernel's own data), or
 * tail/sys_exit/text a path as the process wrote it, read after the call, when the page is surely
 *                    there
 */
#include "syscall.bpf.h"

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

static __always_inline bool has(const struct event_part *part, u16 flag)
{
	return ((const volatile struct event_part *)part)->flags & flag;
}

/* One path argument as the process wrote it. That it is relative is a mark of its own: kept in the
 * record, where the verifier does not follow it. */
static __always_inline void add_text(struct event_hdr *e, cap_t *cap, struct event_part *part,
				     const char *text)
{
	u64 off = ((volatile struct event_hdr *)e)->size, room = TEXT_MAX;
	char first = 0;
	long n;

	if (*cap < 2 * TEXT_MAX)
		room = NAME_ROOM;
	part->off = off;
	part->flags = PART_TEXT;
	part->len = 0;
	if (off > *cap - room) {
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
	if (first != '/')
		part->flags |= PART_RELATIVE;
}

/* Where a relative one begins. */
static __always_inline void add_base(struct event_hdr *e, cap_t *cap, struct event_part *base,
				     s32 dirfd)
{
	struct task_struct *task = current_task();
	struct file *dir;
	struct walk w;

	walk_init(&w, task);
	if (dirfd == -100) { /* AT_FDCWD */
		w.at.dentry = BPF_CORE_READ(task, fs, pwd.dentry);
		w.at.mnt = BPF_CORE_READ(task, fs, pwd.mnt);
	} else {
		dir = fd_file(task, dirfd);
		w.at.dentry = BPF_CORE_READ(dir, f_path.dentry);
		w.at.mnt = BPF_CORE_READ(dir, f_path.mnt);
	}
	add_path(e, cap, base, &w);
}

struct text_op {
	u32 type, change, source, pad;
	const char *path, *old_path, *xattr;
	s32 dirfd, old_dirfd;
};

/* Two relative paths mostly begin in the same directory, which is walked once then. */
static __always_inline void add_texts(struct event_file *e, cap_t *cap, struct text_op *op)
{
	s32 dirfd = op->dirfd;

	add_text(&e->hdr, cap, &e->path, op->path);
	if (op->old_path)
		add_text(&e->hdr, cap, &e->old_path, op->old_path);
	if (!has(&e->path, PART_RELATIVE))
		dirfd = op->old_dirfd;
	if (has(&e->path, PART_RELATIVE) || has(&e->old_path, PART_RELATIVE))
		add_base(&e->hdr, cap, &e->base, dirfd);
	if (!has(&e->old_path, PART_RELATIVE))
		return;
	if (dirfd == op->old_dirfd) {
		e->old_path.flags |= PART_SAME_BASE;
		return;
	}
	add_base(&e->hdr, cap, &e->old_base, op->old_dirfd);
}

static __noinline void build_text(struct event_file *e, cap_t *cap, struct text_op *op)
{
	fill_hdr(&e->hdr, op->type, op->source, sizeof(*e), current_task());
	e->change = op->change;
	e->flags = 0;
	e->old_mode = e->new_mode = 0;
	__builtin_memset(&e->info, 0, sizeof(e->info));
	__builtin_memset(&e->base, 0, sizeof(e->base));
	__builtin_memset(&e->old_path, 0, 3 * sizeof(e->old_path));
	add_texts(e, cap, op);
	add_xattr(&e->hdr, cap, &e->xattr, op->xattr, 1);
	add_cgroup(&e->hdr, cap, current_task());
}

/* As file_too_large(). */
static __always_inline bool text_too_large(int class, struct text_op *op)
{
	struct event_file *e;
	cap_t *cap;

	if (!class) {
		e = reserve(CLASS_SMALL);
		cap = &class_small;
	} else {
		e = reserve(CLASS_LARGE);
		cap = &class_large;
	}
	if (!e) {
		count_lost(op->type);
		return false;
	}
	build_text(e, cap, op);
	if (!(marks(&e->hdr) & (PART_TRUNCATED | PART_CUT)) || class == 1) {
		emit_submit(e);
		return false;
	}
	emit_discard(e);
	return true;
}

static __noinline int emit_text(struct text_op *op)
{
	unknown(op->path);
	unknown(op->old_path);
	unknown(op->xattr);
	unknown(op->dirfd);
	unknown(op->old_dirfd);
	unknown(op->source);
	unknown(op->change);
	unknown(op->type);
	try_classes(2, text_too_large, op);
	return 0;
}

/* What a call of that slot is told as. */
static const struct call_kind {
	u32 type, change, source;
} call_kinds[SLOT_COUNT] = {
	[SLOT_node] = {EVENT_FILE_CREATE, 0, HOOK_node_tp},
	[SLOT_unlink] = {EVENT_FILE_DELETE, 0, HOOK_unlink_tp},
	[SLOT_rmdir] = {EVENT_FILE_DELETE, 0, HOOK_rmdir_tp},
	[SLOT_rename] = {EVENT_FILE_RENAME, 0, HOOK_rename_tp},
	[SLOT_chmod] = {EVENT_FILE_MODIFY, CHANGE_PERMISSIONS, HOOK_chmod_tp},
	[SLOT_chown] = {EVENT_FILE_MODIFY, CHANGE_OWNER, HOOK_chown_tp},
	[SLOT_xattr] = {EVENT_FILE_MODIFY, CHANGE_XATTRS, HOOK_xattr_tp},
	[SLOT_write] = {EVENT_FILE_MODIFY, CHANGE_CONTENT, HOOK_write_tp},
	[SLOT_truncate] = {EVENT_FILE_MODIFY, CHANGE_CONTENT, HOOK_truncate_tp},
};

/* The call, and what it is told as; false: it is none of these. */
static __always_inline bool sys_known(struct sys *s, void *ctx, struct call_kind *kind)
{
	u32 slot;

	sys_read(s, ctx);
	slot = s->route.slot;
	opaque(slot);
	if (slot >= SLOT_COUNT)
		return false;
	*kind = call_kinds[slot];
	return true;
}

SEC("tail/sys_exit/text")
int hook_text_tp(void *ctx)
{
	struct call_kind kind;
	struct text_op op = {};
	struct sys s;

	if (!sys_known(&s, ctx, &kind))
		return 0;
	op.type = kind.type;
	op.change = kind.change;
	op.source = kind.source;
	if (s.route.xattr)
		op.xattr = (void *)sys_arg(s.regs, s.route.xattr);
	op.path = (void *)sys_arg(s.regs, s.route.path);
	op.dirfd = s.route.dirfd ? sys_arg(s.regs, s.route.dirfd) : -100;
	if (s.route.path2) {
		op.old_path = op.path;
		op.old_dirfd = op.dirfd;
		op.path = (void *)sys_arg(s.regs, s.route.path2);
		op.dirfd = s.route.dirfd2 ? sys_arg(s.regs, s.route.dirfd2) : -100;
	}
	return emit_text(&op);
}

SEC("tail/sys_exit/fd")
int hook_fd_tp(void *ctx)
{
	struct file_op op = {.xattr_user = 1};
	struct call_kind kind;
	struct file *file;
	struct sys s;

	if (!sys_known(&s, ctx, &kind))
		return 0;
	op.type = kind.type;
	op.change = kind.change;
	op.source = kind.source;
	file = fd_file(current_task(), sys_arg(s.regs, s.route.fd));
	if (!file)
		return 0;
	if (op.type == EVENT_FILE_MODIFY && op.change == CHANGE_CONTENT &&
	    (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFREG)
		return 0;
	if (s.route.xattr)
		op.xattr = (void *)sys_arg(s.regs, s.route.xattr);
	op.dentry = BPF_CORE_READ(file, f_path.dentry);
	op.mnt = BPF_CORE_READ(file, f_path.mnt);
	return emit_file(&op);
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
static __always_inline void not_a_file(void *ctx, struct sys *s)
{
	struct file *file = fd_file(current_task(), sys_arg(s->regs, s->route.fd));

	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFREG)
		bpf_tail_call(ctx, &slots, SLOT_tty);
}

/* Did it succeed? Then on to the program that tells it: one for all, since the verifier takes long
 * for it on old kernels. */
#define CALL(name, ok)                                                                             \
	SEC("tail/sys_exit/" #name)                                                                \
	int hook_##name##_tp(void *ctx)                                                            \
	{                                                                                          \
		struct sys s;                                                                      \
                                                                                                   \
		sys_read(&s, ctx);                                                                 \
		if (!(ok))                                                                         \
			return 0;                                                                  \
		if (s.route.path)                                                                  \
			bpf_tail_call(ctx, &slots, SLOT_text);                                     \
		else                                                                               \
			bpf_tail_call(ctx, &slots, SLOT_fd);                                       \
		return 0;                                                                          \
	}

CALL(node, s.ret == 0)
CALL(unlink, s.ret == 0)
CALL(rmdir, s.ret == 0)
CALL(rename, s.ret == 0)
CALL(chmod, s.ret == 0)
CALL(chown, s.ret == 0)
CALL(xattr, s.ret == 0)
CALL(write, s.ret > 0 && (not_a_file(ctx, &s), true))
CALL(truncate, s.ret == 0)
