/* SPDX-License-Identifier: BSD-2-Clause */
/* The three kinds of hook that attach.c is made of. Directions are enum direction. */
#pragma once

#include "HostIsolation/attach.h"

/* What BPF calls a direction, for messages. */
const char *direction_word(int direction);
__u32 prog_id_of(int prog_fd);
/* "NAME (id 7)", without control bytes. */
void prog_describe(__u32 prog_id, char *out, size_t size);

/* How long a hook may stay taken by a link of ours that was unpinned: a worker of the kernel's
 * detaches it a moment later. */
#define DYING_LINK_MS 2000

/* All *_hook_attach(): 1 when an undo has to remove it, 0 when it was there before, -errno. */

/* First in line where possible. -EOPNOTSUPP, and no line, when the kernel has no tcx. */
int tcx_hook_attach(const char *links_dir, const struct link_info *link, int direction, int prog_fd,
		    struct error *err);
/* 0 when nothing was there. */
int tcx_hook_detach(const char *links_dir, int ifindex, int direction);

/* At the lowest preference that takes it, first there. The device has a clsact qdisc. */
int clsact_hook_attach(const struct link_info *link, int direction, int prog_fd, struct error *err);
/* Removes the filters named FILTER_NAME_*; 0 when there were none, -ENODEV. */
int clsact_hook_detach(int ifindex, int direction, struct error *err);
/* Removes the clsact qdisc if it is one, and nobody's filter is left in it. */
int clsact_remove_empty(int ifindex, struct error *err);

/* Fills res->xdp and res->xdp_errno. */
int xdp_hook_attach(const char *links_dir, const struct link_info *link,
		    const struct device_progs *progs, enum xdp_way way, struct attach_result *res,
		    struct error *err);
int xdp_hook_detach(const char *links_dir, int ifindex);
