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

/*
 * The context is {registers, result} of a raw tracepoint, or {…, number, result} of the classic one
 * raw_syscalls/sys_exit: the verifier sees only the one that is meant. Read in assembler, for a
 * compiler makes one load of the two, at an offset that the verifier does not accept.
 */
const volatile __u32 calls_by_perf __weak;

#define CTX_AT(ctx, offset)                                                                        \
	({                                                                                         \
		u64 _v;                                                                            \
		asm volatile("%0 = *(u64 *)(%1 + " #offset ")" : "=r"(_v) : "r"(ctx));             \
		_v;                                                                                \
	})

static __always_inline struct pt_regs *sys_regs(void *ctx)
{
	if (calls_by_perf)
		return current_regs();
	return (struct pt_regs *)CTX_AT(ctx, 0);
}

static __always_inline s64 sys_ret(void *ctx)
{
	if (calls_by_perf)
		return CTX_AT(ctx, 16);
	return CTX_AT(ctx, 8);
}

/* At sys_exit. At sys_enter both contexts have it where sys_ret() of a raw one is. */
static __always_inline u32 sys_number(void *ctx)
{
	if (calls_by_perf)
		return CTX_AT(ctx, 8);
	return sys_nr((struct pt_regs *)CTX_AT(ctx, 0));
}

static __always_inline void sys_read(struct sys *s, void *ctx)
{
	u32 nr;

	s->regs = sys_regs(ctx);
	s->ret = sys_ret(ctx);
	nr = sys_number(ctx);
	if (nr < ROUTE_COUNT)
		s->route = routes[nr];
	else
		__builtin_memset(&s->route, 0, sizeof(s->route));
}
