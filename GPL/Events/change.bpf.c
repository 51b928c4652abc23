/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Changes of what files hold, and of their extended attributes, where functions can be hooked.
 *
 * vfs_write, vfs_writev           CONTENT, with the size after the write
 * iter_file_splice_write          sendfile and splice into a file
 * vfs_copy_file_range             copy_file_range, once, however it is done
 * do_truncate, vfs_fallocate      size and holes
 * file_update_time                what has no function of its own: io_uring, stores into mappings
 * vfs_setxattr, vfs_set_acl, …    XATTRS
 */
#include "fileops.bpf.h"
#include "syscall.bpf.h"
#include <asm/unistd.h>

SEC("fexit/vfs_write")
int BPF_PROG(hook_write_fexit, struct file *file, const char *buf, u64 count, void *pos, s64 ret)
{
	return ret > 0 ? on_content(file, HOOK_write_fexit) : 0;
}

SEC("fexit/vfs_writev")
int hook_writev_fexit(u64 *ctx)
{
	if ((s64)ctx_at(ctx, nargs_vfs_writev) <= 0)
		return 0;
	return on_content((struct file *)ctx_at(ctx, 0), HOOK_writev_fexit);
}

SEC("fexit/do_truncate")
int hook_truncate_fexit(u64 *ctx)
{
	struct file *file = (struct file *)ctx_at(ctx, filp_do_truncate);

	if ((int)ctx_at(ctx, nargs_do_truncate) || !wanted(current_task()))
		return 0;
	return on_truncated((struct dentry *)ctx_at(ctx, arg_do_truncate), file_mount(file),
			    HOOK_truncate_fexit);
}

SEC("fexit/vfs_fallocate")
int BPF_PROG(hook_fallocate_fexit, struct file *file, int mode, s64 offset, s64 len, int ret)
{
	return ret || told_above(file) ? 0 : on_content(file, HOOK_fallocate_fexit);
}

SEC("fexit/iter_file_splice_write")
int hook_splice_fexit(u64 *ctx)
{
	if ((s64)ctx_at(ctx, nargs_iter_file_splice_write) <= 0 ||
	    pended(HOOK_copy_fexit)) /* inside of vfs_copy_file_range */
		return 0;
	return on_content((struct file *)ctx_at(ctx, arg_iter_file_splice_write),
			  HOOK_splice_fexit);
}

SEC("fentry/vfs_copy_file_range")
int hook_copy_fentry(u64 *ctx)
{
	pend(NULL, NULL, HOOK_copy_fexit, EVENT_COUNT);
	return 0;
}

SEC("fexit/vfs_copy_file_range")
int hook_copy_fexit(u64 *ctx)
{
	struct file *file = (struct file *)ctx_at(ctx, arg_vfs_copy_file_range);
	struct pending *p = pended(HOOK_copy_fexit);

	if (p)
		unpend(p);
	if ((s64)ctx_at(ctx, nargs_vfs_copy_file_range) <= 0 || told_above(file))
		return 0;
	return on_content(file, HOOK_copy_fexit);
}

/* Calls whose writing the functions above have seen, or will see return. */
static __always_inline bool told_elsewhere(struct task_struct *task)
{
	if (BPF_CORE_READ(task, flags) & PF_IO_WORKER)
		return false;
	switch (sys_nr(current_regs())) {
	case __NR_write:
	case __NR_pwrite64:
	case __NR_writev:
	case __NR_pwritev:
	case __NR_pwritev2:
	case __NR_sendfile:
	case __NR_splice:
	case __NR_copy_file_range:
	case __NR_fallocate:
	case __NR_truncate:
	case __NR_ftruncate:
		return true;
	}
	return false;
}

static __always_inline int on_update_time(struct file *file, u32 source)
{
	return told_elsewhere(current_task()) ? 0 : on_content(file, source);
}

/* Before the change: the size is that of before. In a page fault the call's number is none. */
SEC("fentry/file_update_time")
int BPF_PROG(hook_update_time_fentry, struct file *file)
{
	return on_update_time(file, HOOK_update_time_fentry);
}

SEC("kprobe/file_update_time")
int BPF_KPROBE(hook_update_time_kprobe, struct file *file)
{
	return on_update_time(file, HOOK_update_time_kprobe);
}

/* The name comes right behind the dentry. */
#define XATTR(hook, function)                                                                      \
	SEC("fexit/" #function)                                                                    \
	int hook_##hook##_fexit(u64 *ctx)                                                          \
	{                                                                                          \
		if ((int)ctx_at(ctx, nargs_##function) || !wanted(current_task()) ||               \
		    layer_below())                                                                 \
			return 0;                                                                  \
		return on_xattr(ctx_at(ctx, arg_##function), ctx_at(ctx, arg_##function + 1),      \
				HOOK_##hook##_fexit);                                              \
	}

XATTR(setxattr, vfs_setxattr)
XATTR(removexattr, vfs_removexattr)
XATTR(set_acl, vfs_set_acl)
XATTR(remove_acl, vfs_remove_acl)
