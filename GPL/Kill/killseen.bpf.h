/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a file is, of which the hook was told no mount: an ACL's, or one known by its inode. */
#pragma once

#include "Kill/killmatch.bpf.h"

/* Any mount of its file system in the process's namespace. */
#define MOUNTS_ASKED 16

__noinline u64 mount_seen(u64 dentry)
{
	struct dentry *d = (void *)dentry;
	struct mnt_namespace *ns =
		BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), nsproxy, mnt_ns);
	struct super_block *sb = BPF_CORE_READ(d, d_sb);
	struct super_block___new *new_sb = (void *)sb;
	struct mount___new *any = NULL;
	struct mount *at;

	if (bpf_core_field_exists(any->mnt_next_for_sb))
		at = BPF_CORE_READ(new_sb, s_mounts);
	else
		at = (void *)BPF_CORE_READ(sb, s_mounts.next) -
		     bpf_core_field_offset(struct mount, mnt_instance);
#pragma clang loop unroll(disable)
	for (int i = 0; i < MOUNTS_ASKED && at; i++) {
		struct mount___new *new = (void *)at;

		if (BPF_CORE_READ(at, mnt_ns) == ns)
			return (u64)at + bpf_core_field_offset(struct mount, mnt);
		if (bpf_core_field_exists(any->mnt_next_for_sb))
			at = BPF_CORE_READ(new, mnt_next_for_sb);
		else
			at = (void *)BPF_CORE_READ(at, mnt_instance.next) -
			     bpf_core_field_offset(struct mount, mnt_instance);
	}
	return 0;
}

/* One of the file's names; NULL: it has none. */
static __always_inline struct dentry *name_of_inode(struct inode *inode)
{
	struct inode___kill *named = (void *)inode;
	struct hlist_node *alias = BPF_CORE_READ(named, i_dentry.first);
	struct dentry___d_u *old = NULL;
	u32 offset;

	if (bpf_core_field_exists(old->d_u.d_alias))
		offset = bpf_core_field_offset(struct dentry___d_u, d_u.d_alias);
	else
		offset = bpf_core_field_offset(struct dentry___kill, d_alias);
	return alias ? (void *)alias - offset : NULL;
}
