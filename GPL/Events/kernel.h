/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The few kernel types the tracer reads, each with the few fields it reads. CO-RE finds where they
 * lie in the running kernel; ___suffix flavours are the same type as another kernel spells it.
 */
#pragma once

#define __VMLINUX_H__ /* bpf_tracing.h: registers by the kernel's names */
#include <linux/types.h>
#include <linux/bpf.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;

#ifndef NULL
#define NULL ((void *)0)
#endif
#define true 1
#define false 0
typedef _Bool bool;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long bx, cx, dx, si, di, bp, ax, sp, ip, r8, r9, r10, orig_ax, cs;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	u64 regs[31], sp, pc, pstate;
};
struct pt_regs {
	struct user_pt_regs user_regs;
	u64 orig_x0;
	int syscallno;
};
#endif

struct list_head {
	struct list_head *next, *prev;
};

struct qstr {
	u32 len;
	const unsigned char *name;
};

struct file_system_type {
	const char *name;
};

struct mount;

struct super_block {
	u32 s_dev;
	struct file_system_type *s_type;
	struct list_head s_mounts;
};

struct super_block___new {
	struct mount *s_mounts; /* a plain chain since 6.17 */
};

typedef struct {
	u32 val;
} kuid_t, kgid_t;

typedef struct {
	u64 val; /* two u32 before 6.3: the same bytes, on little endian */
} kernel_cap_t;

struct timespec64 {
	s64 tv_sec;
	long tv_nsec;
};

struct inode {
	u16 i_mode;
	kuid_t i_uid;
	kgid_t i_gid;
	struct super_block *i_sb;
	u64 i_ino;
	u32 i_nlink, i_rdev;
	s64 i_size;
	s64 i_atime_sec, i_mtime_sec, i_ctime_sec;
	u32 i_atime_nsec, i_mtime_nsec, i_ctime_nsec;
	char *i_link;
};

struct inode___510 {
	struct timespec64 i_atime, i_mtime, i_ctime;
};

struct inode___66 {
	struct timespec64 __i_atime, __i_mtime, __i_ctime;
};

struct hlist_bl_node {
	struct hlist_bl_node *next, **pprev;
};

struct dentry {
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	struct super_block *d_sb;
};

struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
};

struct ns_common {
	u32 inum;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct mnt_namespace *mnt_ns;
	struct list_head mnt_instance;
};

struct mount___new {
	struct mount *mnt_next_for_sb;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	u32 f_mode;
	u32 f_flags;
	void *private_data;
	struct inode *f_inode;
	struct path f_path;
};

/* fs/file_table.c; since 6.7 it has the user's path, not the real one. */
struct backing_file {
	struct file file;
	struct path user_path;
};

struct fdtable {
	u32 max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct fs_struct {
	struct path root, pwd;
};

struct cred {
	kuid_t uid, suid, euid, fsuid;
	kgid_t gid, sgid, egid, fsgid;
	kernel_cap_t cap_permitted, cap_effective;
};

struct uts_namespace {
	struct ns_common ns;
};
struct ipc_namespace {
	struct ns_common ns;
};
struct net {
	struct ns_common ns;
};
struct cgroup_namespace {
	struct ns_common ns;
};
struct time_namespace {
	struct ns_common ns;
};
struct pid_namespace {
	struct ns_common ns;
};

struct nsproxy {
	struct uts_namespace *uts_ns;
	struct ipc_namespace *ipc_ns;
	struct mnt_namespace *mnt_ns;
	struct net *net_ns;
	struct time_namespace *time_ns;
	struct cgroup_namespace *cgroup_ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	u32 level;
	struct upid numbers[1];
};

struct winsize {
	u16 ws_row, ws_col, ws_xpixel, ws_ypixel;
};

struct tty_driver {
	int major, minor_start;
	short type, subtype;
};

enum tty_driver_type { TTY_DRIVER_TYPE_SYSTEM };
enum tty_driver_subtype { SYSTEM_TYPE_TTY };

struct tty_driver___617 {
	enum tty_driver_type type;
	enum tty_driver_subtype subtype;
};

struct ktermios {
	u32 c_iflag, c_oflag, c_cflag, c_lflag;
};

struct tty_struct {
	struct tty_driver *driver;
	int index;
	struct winsize winsize;
	struct ktermios termios;
	struct tty_struct *link;
};

struct tty_file_private {
	struct tty_struct *tty;
};

struct kiocb {
	struct file *ki_filp;
};

struct iovec {
	void *iov_base;
	u64 iov_len;
};

enum iter_type { ITER_UBUF, ITER_IOVEC };

struct iov_iter {
	u8 iter_type; /* not in 5.10 */
	u64 count, nr_segs;
	struct iovec *iov;
	void *ubuf;
};

struct iov_iter___64 {
	struct iovec *__iov;
};

struct module {
	char name[56];
	const char *version, *srcversion;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct in6_addr {
	u8 bytes[16];
};

struct sock_common {
	u32 skc_daddr, skc_rcv_saddr;
	u16 skc_dport, skc_num, skc_family;
	volatile u8 skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
	u16 sk_protocol;
};

struct tcp_sock {
	u64 bytes_sent, bytes_received;
};

struct socket {
	struct sock *sk;
};

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;
	struct pid *pids[4];
	struct tty_struct *tty;
};

enum pid_type { PIDTYPE_PID, PIDTYPE_TGID, PIDTYPE_PGID, PIDTYPE_SID };

struct kernfs_node {
	const char *name;
	struct kernfs_node *parent;
};

struct kernfs_node___615 {
	struct kernfs_node *__parent;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

enum cgroup_subsys_id { pids_cgrp_id = 11 };

struct css_set {
	struct cgroup_subsys_state *subsys[16];
	struct cgroup *dfl_cgrp;
};

struct mm_struct {
	unsigned long arg_start, arg_end, env_start, env_end;
	struct file *exe_file;
};

struct thread_info {
	unsigned long flags;
	u32 status;
};

struct task_struct {
	struct thread_info thread_info;
	void *stack;
	int pid, tgid;
	u32 flags;
	int exit_code;
	u64 start_time, start_boottime;
	struct task_struct *real_parent, *group_leader;
	struct mm_struct *mm;
	struct cred *cred, *real_cred;
	char comm[16];
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct pid *thread_pid;
	struct css_set *cgroups;
};

struct linux_binprm {
	struct file *file;
	struct cred *cred;
	const char *filename;
};

struct renamedata {
	struct dentry *old_dentry, *new_dentry;
};

#pragma clang attribute pop

#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define FMODE_CREATED 0x100000
#define FMODE_BACKING 0x3000000 /* one of them: 1 << 25, since 6.14 1 << 24 */
#define MNT_NS_INTERNAL (-22LL) /* fs/mount.h: of a mount in no namespace */
#define PF_IO_WORKER 0x00000010
#define PF_KTHREAD 0x00200000
#define S_IFMT 00170000
#define S_IFREG 0100000
#define S_IFSOCK 0140000
#define S_ISUID 04000
#define S_ISGID 02000
#define S_IXGRP 00010
