// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The third way, after the fact: the old mode is noted before the function, and the signal sent
 * behind it if it succeeded.
 *
 *   fentry/security_path_chmod   notes the mode that is
 *   fexit/chmod_common           acts
 */
#include "Kill/killact.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct noted {
	struct dentry *dentry;
	u32 mode, pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, struct noted);
} kill_noted SEC(".maps");

SEC("fentry/security_path_chmod")
int BPF_PROG(kill_fexit_note, struct path *path)
{
	u64 id = bpf_get_current_pid_tgid();
	struct kill_state *s = the_state();
	struct dentry *dentry;
	struct noted n = {};

	if (!s || !s->active)
		return 0;
	dentry = BPF_CORE_READ(path, dentry);
	n.dentry = dentry;
	n.mode = BPF_CORE_READ(dentry, d_inode, i_mode);
	if (bpf_map_update_elem(&kill_noted, &id, &n, BPF_ANY))
		add(&s->calls_lost);
	return 0;
}

SEC("fexit/chmod_common")
int BPF_PROG(kill_fexit_chmod, struct path *path, u16 mode, int ret)
{
	struct kill_op op = {.way = KILL_WAY_FEXIT, .door = KILL_DOOR_CHMOD, .done = 1};
	u64 id = bpf_get_current_pid_tgid();
	struct noted *n = bpf_map_lookup_elem(&kill_noted, &id);

	if (!ret) {
		op_of_file(&op, BPF_CORE_READ(path, dentry), BPF_CORE_READ(path, mnt), mode);
		op.new_mode = op.old_mode;
		op.flags = KILL_HAS_NEW;
		if (n && n->dentry == op.dentry) {
			op.old_mode = n->mode;
			op.flags |= KILL_HAS_OLD;
		}
		judge(&op);
	}
	if (n)
		bpf_map_delete_elem(&kill_noted, &id);
	return 0;
}
