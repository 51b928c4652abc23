/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps that all programs of the kill hook share, whichever way they are attached. Pinned. */
#pragma once

#include "Kill/killlayout.h"
#include "Kill/killkernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct kill_state);
} kill_state SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, KILL_RULES);
	__type(key, u32);
	__type(value, struct kill_rule);
} kill_rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, KILL_RULES);
	__type(key, u32);
	__type(value, struct kill_counts);
} kill_counts SEC(".maps");

/* Which rules want this value. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, KILL_VALUES_MAX);
	__type(key, struct kill_key);
	__type(value, u32);
} kill_match SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, KILL_TASKS_MAX);
	__type(key, u32);
	__type(value, struct kill_task);
} kill_tasks SEC(".maps");

/* Executables that are spared: enum kill_guard by inode and uid (dim is 0). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, KILL_GUARDS_MAX);
	__type(key, struct kill_key);
	__type(value, u32);
} kill_guards SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} kill_ring SEC(".maps");

#define TICK_NS 10000000ULL /* USER_HZ is 100 on every architecture */

static __always_inline struct kill_state *the_state(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&kill_state, &zero);
}

static __always_inline struct task_struct *current_task(void)
{
	return (struct task_struct *)bpf_get_current_task();
}

static __always_inline u64 start_ticks(struct task_struct *task)
{
	struct task_struct___kill *t = (void *)BPF_CORE_READ(task, group_leader);

	return BPF_CORE_READ(t, start_boottime) / TICK_NS;
}

/* The entry of this very process, not of one that had its pid before. */
static __always_inline struct kill_task *known_task(struct task_struct *task)
{
	u32 tgid = BPF_CORE_READ(task, tgid);
	struct kill_task *t = bpf_map_lookup_elem(&kill_tasks, &tgid);

	return t && t->start == start_ticks(task) ? t : NULL;
}
