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
