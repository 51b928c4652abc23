/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* System calls as the tracer's sys_exit sees them. */
#pragma once

#include "file.bpf.h"
#include "routes.h"
#include "regs.bpf.h"

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
