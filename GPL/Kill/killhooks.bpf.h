/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What fmod_ret and LSM programs do: they stand before the same three functions. */
#pragma once

#include "Kill/killact.bpf.h"
#include "Kill/killacl.bpf.h"
#include "Kill/killseen.bpf.h"

/*
 * An argument as a number. Read as memory: 5.10 lets no program touch pointers to what is no
 * struct, and typed ones may not be handed to functions of our own.
 */
static __always_inline void *arg(u64 *ctx, u32 i)
{
	void *v = NULL;

	bpf_probe_read_kernel(&v, sizeof(v), ctx + i);
	return v;
}

static __always_inline int before_chmod(struct path *path, u32 mode, u32 way)
{
	struct kill_op op = {.way = way, .door = KILL_DOOR_CHMOD};

	op_of_file(&op, BPF_CORE_READ(path, dentry), BPF_CORE_READ(path, mnt), mode);
	return judge(&op);
}

/*
 * What is left of a new file's mode. Where file systems know ACLs, that is decided only behind us:
 * the folder's default ACL masks it, and the umask only if there is none. Where the ACL was not
 * read yet, no umask hides an execute bit.
 */
static __always_inline u32 born_mode(struct path *dir, u32 mode, u32 umask)
{
	struct inode___kill *folder = (void *)BPF_CORE_READ(dir, dentry, d_inode);
	struct posix_acl *acl = BPF_CORE_READ(folder, i_default_acl);

	if (!acl)
		return mode & ~umask;
	if ((u64)acl & 1)
		return mode & ~(umask & ~0111);
	return mode & (~0777 | acl_mode_of((u64)acl));
}

/* mknod and open(O_CREAT). */
static __always_inline int before_made(struct path *dir, struct dentry *dentry, u32 mode, u32 way)
{
	struct kill_op op = {.way = way, .door = KILL_DOOR_BORN, .flags = KILL_HAS_OLD};
	struct task_struct *task = current_task();
	struct fs_struct___kill *fs = (void *)BPF_CORE_READ(task, fs);

	op.dentry = dentry;
	op.mnt = BPF_CORE_READ(dir, mnt);
	op.type = mode & S_IFMT ?: S_IFREG;
	op.owner = BPF_CORE_READ(task, cred, fsuid.val);
	op.requested = born_mode(dir, mode & S_IALLUGO, BPF_CORE_READ(fs, umask));
	return judge(&op);
}

static __always_inline int before_acl(struct dentry *dentry, s32 mode, u32 way)
{
	struct kill_op op = {.way = way, .door = KILL_DOOR_ACL};

	if (mode < 0)
		return 0;
	op_of_file(&op, dentry, NULL, 0);
	op.requested = (op.old_mode & S_IALLUGO & ~0777) | mode;
	op.mnt = (void *)mount_seen((u64)dentry);
	return judge(&op);
}
