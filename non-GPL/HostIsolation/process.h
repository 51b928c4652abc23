/* SPDX-License-Identifier: BSD-2-Clause */
/* A process that cannot be mistaken for another: held by a pidfd, told by (pid, start time). */
#pragma once

#include <stdbool.h>
#include "HostIsolation/error.h"
#include "HostIsolation/procinfo.h"

struct process {
	int pid;
	int fd;	     /* pidfd */
	__u64 start; /* in TASK_TICK_NS since boot */
	char comm[COMM_SIZE];
};

#define PROCESS_NONE ((struct process){.fd = -1})

/* -ESRCH: there is none; -EINVAL: the id of a thread, or a kernel thread; each with a line. */
int process_open(int pid, struct process *out, struct error *err);
void process_close(struct process *p);
/* It has not exited, not even as a zombie. */
bool process_lives(const struct process *p);

/* Start time of a process, in TASK_TICK_NS since boot. 0: it is gone. */
__u64 process_start(int pid);
/* Do pids mean the same to us as to the kernel? 0, or -ENOTSUP with a line: a pid namespace. */
int process_check_namespace(struct error *err);
/* Calls each(pid, arg) for the process and all that descend from it, parents first. */
int process_each_of_tree(int pid, int (*each)(int pid, void *arg), void *arg);
