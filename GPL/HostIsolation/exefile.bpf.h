/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which file an executable is: the same to the grant that is made (inode.bpf.c) and to the exec
 * hook that looks for it (grants.bpf.c). */
#pragma once

#include <bpf/bpf_core_read.h>
#include "HostIsolation/grantlayout.h"

/* Only the fields we read; libbpf finds where this kernel has them. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct super_block {
	__u32 s_dev;
};

struct inode {
	unsigned long i_ino;
	__u32 i_generation;
	struct super_block *i_sb;
};

struct file {
	struct inode *f_inode;
};
#pragma clang attribute pop

static __always_inline struct exe_key exe_key_of(struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct exe_key key = {};

	key.dev = BPF_CORE_READ(inode, i_sb, s_dev);
	key.ino = BPF_CORE_READ(inode, i_ino);
	key.generation = BPF_CORE_READ(inode, i_generation);
	return key;
}
