/* SPDX-License-Identifier: BSD-2-Clause */
/* Work in other network namespaces, done by a forked child so that ours is never left. */
#pragma once

#include <stddef.h>
#include <linux/types.h>
#include "HostIsolation/error.h"

/*
 * Runs fn(out_fd, arg, err) in a child that has entered the namespace. What it writes to out_fd (a
 * pipe) is returned in *data (malloc'ed, the caller frees it). Returns what fn returned (0 or
 * -errno) with its words in err, or -errno when the child could not be made, could not enter or
 * died; *data and *size are set only on 0.
 */
int netns_run(int netns_fd, int (*fn)(int out_fd, void *arg, struct error *err), void *arg,
	      void **data, size_t *size, struct error *err);

/* All of it, or -errno. */
int write_all(int fd, const void *data, size_t size);

/* Calls each(netns_fd, inode, pid, arg) once for every distinct network namespace that a process of
 * /proc lives in, with one process of it; stops at the first non-zero and returns it. Processes
 * that end meanwhile are passed over. */
int netns_each(int (*each)(int netns_fd, __u64 inode, int pid, void *arg), void *arg,
	       struct error *err);

/* Inode number of the network namespace of process `pid` (0: ours). 0 when it cannot be read. */
__u64 netns_inode(int pid);
