/* SPDX-License-Identifier: BSD-2-Clause */
/* What /proc/PID says of a process. Everything read here may have been written by an attacker. */
#pragma once

#include <stddef.h>
#include <linux/types.h>

#define COMM_SIZE 16 /* TASK_COMM_LEN */

struct procinfo {
	int pid;
	int parent;	      /* 0: none that this pid namespace knows */
	__u32 uid;	      /* real */
	char comm[COMM_SIZE]; /* bytes outside printable ASCII are told as '?' */
};

/* -ESRCH when it is gone. */
int procinfo_read(int pid, struct procinfo *out);

/* Its environment as it was at exec, NUL-separated, cut off at ENVIRON_MAX. The caller frees it. */
#define ENVIRON_MAX (8u << 20) /* execve(2) allows 6 MiB with the default stack limit */
int procinfo_environ(int pid, char **env, size_t *size);

/* Calls each(inode, arg) for every socket among its open files; stops at the first non-zero and
 * returns it. */
int procinfo_sockets(int pid, int (*each)(__u64 inode, void *arg), void *arg);

/* Calls each(pid, arg) for every process; stops at the first non-zero and returns it. */
int procinfo_each(int (*each)(int pid, void *arg), void *arg);
