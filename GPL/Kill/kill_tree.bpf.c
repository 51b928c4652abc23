// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Follows the processes of --tree rules: whoever is begun by one of them is one of them, also when
 * its parent is gone by the time of the chmod.
 *
 *   sched_process_fork   the child is in its parent's trees
 *   sched_process_exit   the last thread went: a recycled pid is in none
 */
#include "Kill/killmaps.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tp_btf/sched_process_fork")
int BPF_PROG(kill_tree_fork, struct task_struct *parent, struct task_struct *child)
{
	struct kill_task *of_parent = known_task(parent), new = {};
	u32 tgid = BPF_CORE_READ(child, tgid);
	struct kill_state *s;

	if (tgid != (u32)BPF_CORE_READ(child, pid)) /* a thread */
		return 0;
	if (!of_parent || !of_parent->trees)
		return 0;
	new.trees = of_parent->trees;
	new.start = start_ticks(child);
	if (bpf_map_update_elem(&kill_tasks, &tgid, &new, BPF_ANY)) {
		s = the_state();
		if (s)
			__sync_fetch_and_add(&s->tasks_lost, 1);
	}
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(kill_tree_exit, struct task_struct *task)
{
	u32 tgid = BPF_CORE_READ(task, tgid);

	if (BPF_CORE_READ(task, signal, live.counter) > 0)
		return 0;
	if (bpf_map_lookup_elem(&kill_tasks, &tgid))
		bpf_map_delete_elem(&kill_tasks, &tgid);
	return 0;
}
