/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The policy and the counters: what every program asks first and writes last. */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "HostIsolation/layout.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct policy);
} policy SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct counters);
} counters SEC(".maps");

struct clock_read {
	__u64 tick; /* bpf_jiffies64() */
	__u64 ns;   /* bpf_ktime_get_boot_ns() */
};

/* One for each loaded program: nobody else reads it, and it is pinned nowhere. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct clock_read);
} clock_reads SEC(".maps");

/*
 * To read the boot clock takes longer than all else that a drop needs. It is read once a tick of
 * the kernel on each CPU, 1 to 10 ms apart, which is as exact as deadlines are.
 */
static __always_inline __u64 boot_clock(void)
{
	__u32 zero = 0;
	__u64 tick = bpf_jiffies64();
	struct clock_read *last = bpf_map_lookup_elem(&clock_reads, &zero);

	if (!last)
		return bpf_ktime_get_boot_ns();
	if (last->tick != tick || !last->ns) {
		last->ns = bpf_ktime_get_boot_ns();
		last->tick = tick;
	}
	return last->ns;
}

/* Only when something asks for it. */
static __always_inline __u64 now_of(__u64 *now)
{
	if (!*now)
		*now = boot_clock();
	return *now;
}

static __always_inline struct policy *policy_page(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&policy, &zero);
}

/* Is the policy in force? 0 when off or past its deadline. */
static __always_inline __u64 control_in_force(const struct policy *p, __u64 *now)
{
	__u64 control, deadline;

	if (!p)
		return 0;
	control = *(volatile __u64 *)&p->control;
	if (!(control & (CONTROL_ENFORCE | CONTROL_AUDIT)))
		return 0;
	deadline = *(volatile __u64 *)&p->deadline;
	return deadline && now_of(now) >= deadline ? 0 : control;
}

static __always_inline void count(__u64 control, __u32 reason, __u32 dir, __u32 bytes)
{
	__u32 index = counter_index(!!(control & CONTROL_AUDIT), reason, dir), zero = 0;
	struct counters *all = bpf_map_lookup_elem(&counters, &zero);

	if (!__builtin_constant_p(index))
		asm volatile("" : "+r"(index)); /* the verifier is to see that it is in range */
	if (all && index < COUNTER_COUNT) {
		all->at[index].packets++;
		all->at[index].bytes += bytes;
	}
}
