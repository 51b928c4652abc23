// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The second way: fmod_ret programs decide before the function what it returns. They need no BPF
 * LSM, only the functions' names to begin with security_.
 *
 *   security_path_chmod     chmod, fchmod, fchmodat, fchmodat2, whatever descriptor or handle
 *   security_path_mknod     open(O_CREAT), mknod, also of io_uring
 *   security_inode_set_acl  setxattr of an access ACL, also of io_uring (6.2)
 *   security_inode_setxattr the same, before
 */
#include "Kill/killhooks.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("fmod_ret/security_path_chmod")
int kill_modret_chmod(u64 *ctx)
{
	int ret = ctx[2];

	return ret ? ret : before_chmod(arg(ctx, 0), (u64)arg(ctx, 1), KILL_WAY_MODRET);
}

SEC("fmod_ret/security_path_mknod")
int kill_modret_born(u64 *ctx)
{
	int ret = ctx[4];

	return ret ? ret : before_made(arg(ctx, 0), arg(ctx, 1), (u64)arg(ctx, 2), KILL_WAY_MODRET);
}

/* (idmap, dentry, name, acl) */
SEC("fmod_ret/security_inode_set_acl")
int kill_modret_acl(u64 *ctx)
{
	int ret = ctx[4];

	if (ret || !access_acl_name(arg(ctx, 2)))
		return ret;
	return before_acl(arg(ctx, 1), acl_mode_of((u64)arg(ctx, 3)), KILL_WAY_MODRET);
}

/* (user namespace, dentry, name, value, size, flags); 5.10 begins with the dentry. */
SEC("fmod_ret/security_inode_setxattr")
int kill_modret_xattr(u64 *ctx)
{
	int ret = ctx[6];

	if (ret || !access_acl_name(arg(ctx, 2)))
		return ret;
	return before_acl(arg(ctx, 1), acl_mode_of_xattr((u64)arg(ctx, 3), (u64)arg(ctx, 4)),
			  KILL_WAY_MODRET);
}

SEC("fmod_ret/security_inode_setxattr")
int kill_modret_xattr510(u64 *ctx)
{
	int ret = ctx[5];

	if (ret || !access_acl_name(arg(ctx, 1)))
		return ret;
	return before_acl(arg(ctx, 0), acl_mode_of_xattr((u64)arg(ctx, 2), (u64)arg(ctx, 3)),
			  KILL_WAY_MODRET);
}
