/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kill hook reads of the kernel beyond the tracer's Events/kernel.h. */
#pragma once

#include "Events/kernel.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct task_struct___kill {
	u64 start_boottime;
};

struct kernfs_node___kill {
	u64 id;
};

struct fs_struct___kill {
	int umask;
};

struct hlist_node {
	struct hlist_node *next, **pprev;
};

struct hlist_head {
	struct hlist_node *first;
};

struct inode___kill {
	struct hlist_head i_dentry;
	struct posix_acl *i_default_acl;
};

struct dentry___kill {
	u32 d_flags;
	struct hlist_node d_sib; /* 6.8 */
	struct hlist_head d_children;
	struct hlist_node d_alias;
};

struct dentry___d_u {
	union {
		struct hlist_node d_alias;
	} d_u; /* named up to 7.1 */
};

struct dentry___67 {
	struct list_head d_child, d_subdirs;
};

struct mount___kill {
	struct list_head mnt_mounts, mnt_child;
};

struct posix_acl_entry {
	short e_tag;
	unsigned short e_perm;
};

struct posix_acl {
	u32 a_count;
	struct posix_acl_entry a_entries[0];
};

#pragma clang attribute pop

#define S_IALLUGO 07777
#define S_IFDIR 0040000
#define S_IFLNK 0120000
#define SIGKILL 9
#define EPERM 1
#define EBUSY 16
