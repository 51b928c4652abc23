// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The first way: BPF LSM, at the same places as kill_modret.bpf.c. Some kernels attach such a
 * program and never run it (lsm= without bpf), so arming tests it.
 */
#include "Kill/killhooks.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("lsm/path_chmod")
int kill_lsm_chmod(u64 *ctx)
{
	int ret = ctx[2];

	return ret ? ret : before_chmod(arg(ctx, 0), (u64)arg(ctx, 1), KILL_WAY_LSM);
}

SEC("lsm/path_mknod")
int kill_lsm_born(u64 *ctx)
{
	int ret = ctx[4];

	return ret ? ret : before_made(arg(ctx, 0), arg(ctx, 1), (u64)arg(ctx, 2), KILL_WAY_LSM);
}

/* (idmap, dentry, name, acl) */
SEC("lsm/inode_set_acl")
int kill_lsm_acl(u64 *ctx)
{
	int ret = ctx[4];

	if (ret || !access_acl_name(arg(ctx, 2)))
		return ret;
	return before_acl(arg(ctx, 1), acl_mode_of((u64)arg(ctx, 3)), KILL_WAY_LSM);
}

/* (user namespace, dentry, name, value, size, flags); 5.10 begins with the dentry. */
SEC("lsm/inode_setxattr")
int kill_lsm_xattr(u64 *ctx)
{
	int ret = ctx[6];

	if (ret || !access_acl_name(arg(ctx, 2)))
		return ret;
	return before_acl(arg(ctx, 1), acl_mode_of_xattr((u64)arg(ctx, 3), (u64)arg(ctx, 4)),
			  KILL_WAY_LSM);
}

SEC("lsm/inode_setxattr")
int kill_lsm_xattr510(u64 *ctx)
{
	int ret = ctx[5];

	if (ret || !access_acl_name(arg(ctx, 1)))
		return ret;
	return before_acl(arg(ctx, 0), acl_mode_of_xattr((u64)arg(ctx, 2), (u64)arg(ctx, 3)),
			  KILL_WAY_LSM);
}
