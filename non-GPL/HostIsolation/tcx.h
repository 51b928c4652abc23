/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcx, by bpf(2) itself: libbpf before 1.3 and the headers of Linux before 6.6 do not know it.
 * Directions are enum direction.
 */
#pragma once

#include <linux/types.h>

#define TCX_PROGS_MAX 63 /* BPF_MPROG_MAX of the kernel's linux/bpf_mprog.h, less its end mark */

/* The programs of one hook in the order they run. */
struct tcx_list {
	__u32 count;
	__u32 prog_id[TCX_PROGS_MAX];
	__u32 link_id[TCX_PROGS_MAX]; /* 0: attached without a link */
};

/* -EOPNOTSUPP when the kernel has no tcx, -ENODEV. */
int tcx_query(int ifindex, int direction, struct tcx_list *out);

/* Attaches the program in front of all others. The link's fd; -EOPNOTSUPP when the kernel has no
 * tcx, -EEXIST when this very program is on that hook already, -ERANGE when the hook is full. */
int tcx_attach_first(int ifindex, int direction, int prog_fd);

/*
 * Moves the program of a link to the front, no packet goes without it meanwhile: the link is given
 * a program that jumps to it, so that the kernel takes it for a second time, first in line. The new
 * link takes the old one's pin. Killed half-way, the old link still runs the program, by way of
 * the jump pinned at jump_path; tcx_attach_first() and this function may then be called again.
 */
int tcx_move_first(int ifindex, int direction, int prog_fd, int link_fd, const char *pin_path,
		   const char *jump_path);
