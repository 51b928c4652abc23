/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* System calls as sys_exit and the __arch_sys_* functions see them: number, arguments, files. */
#pragma once

#include "file.bpf.h"
#include "routes.h"

/* Written by user space once it knows which events come this way. */
struct route routes[ROUTE_COUNT] __weak;

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, SLOT_COUNT);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(u32));
} slots __weak SEC(".maps");

struct sys {
	struct pt_regs *regs;
	s64 ret;
	struct route route;
};

static __always_inline u64 sys_arg(struct pt_regs *regs, u32 n)
{
	switch (n) {
	case 1:
		return PT_REGS_PARM1_CORE_SYSCALL(regs);
	case 2:
		return PT_REGS_PARM2_CORE_SYSCALL(regs);
	case 3:
		return PT_REGS_PARM3_CORE_SYSCALL(regs);
	case 4:
		return PT_REGS_PARM4_CORE_SYSCALL(regs);
	case 5:
		return PT_REGS_PARM5_CORE_SYSCALL(regs);
	}
	return 0;
}

/* What the task brought into the kernel. bpf_task_pt_regs() is as old as 5.15. */
#define KERNEL_STACK 16384

static __always_inline struct pt_regs *current_regs(void)
{
#ifdef OLD_KERNEL
	void *stack = BPF_CORE_READ(current_task(), stack);

	return stack + KERNEL_STACK - bpf_core_type_size(struct pt_regs);
#else
	return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
#endif
}

static __always_inline u32 sys_nr(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return BPF_CORE_READ(regs, orig_ax);
#else
	return BPF_CORE_READ(regs, syscallno);
#endif
}

/* 32-bit programs number their calls differently. */
static __always_inline bool compat_call(struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	return BPF_CORE_READ(task, thread_info.status) & 2; /* TS_COMPAT */
#else
	return BPF_CORE_READ(task, thread_info.flags) & (1 << 22); /* TIF_32BIT */
#endif
}

static __always_inline void sys_read(struct sys *s, struct bpf_raw_tracepoint_args *ctx)
{
	u32 nr;

	s->regs = (struct pt_regs *)ctx->args[0];
	s->ret = ctx->args[1];
	nr = sys_nr(s->regs);
	if (nr < ROUTE_COUNT)
		s->route = routes[nr];
	else
		__builtin_memset(&s->route, 0, sizeof(s->route));
}

static __always_inline struct file *fd_file(struct task_struct *task, u32 fd)
{
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file **table = BPF_CORE_READ(fdt, fd), *file = NULL;

	if (fd >= BPF_CORE_READ(fdt, max_fds))
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), table + fd);
	return file;
}
