/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Puts the filter's programs on a device and reads back what is there. TC goes on as tcx where the
 * kernel has it (first in line), else as the first clsact filter; XDP as a link. Links are pinned
 * below <pin folder>/links, so they live on without us.
 */
#pragma once

#include <stdbool.h>
#include "HostIsolation/netlink.h"

enum tc_way { TC_AUTO, TC_TCX, TC_CLSACT };
enum xdp_way { XDP_AUTO, XDP_NATIVE, XDP_GENERIC, XDP_OFF };

/* Program fds for one device type; -1 where there is none. */
struct device_progs {
	int tc_in, tc_out;
	int xdp, xdp_frags; /* xdp_frags is tried first: jumbo frames */
};

#define FILTER_NAME_IN                                                                             \
	"hostiso_in" /* TCA_BPF_NAME of our clsact filters: found again without any pin */
#define FILTER_NAME_OUT "hostiso_out"
#define FILTER_HANDLE 0x686f7374 /* "host" */

/* What attach_device() did, for -v and status. */
struct attach_result {
	enum tc_way tc;	  /* TC_TCX or TC_CLSACT */
	enum xdp_way xdp; /* XDP_NATIVE, XDP_GENERIC or XDP_OFF */
	bool clsact_made; /* the qdisc is ours to remove */
	int xdp_errno;	  /* why XDP_AUTO came out as XDP_OFF: EOPNOTSUPP, EBUSY (taken), … ; 0 */
};

/*
 * Attaches ingress, egress and, as asked, XDP. Idempotent: a hook whose pinned link (or filter) is
 * ours, alive and carries the given program is left alone; one that is stale (device went, link
 * detached) is replaced. links_dir is an open O_PATH/O_DIRECTORY fd's path; pins are named
 * <ifindex>_in, <ifindex>_out, <ifindex>_xdp. On failure what this call did is undone.
 * `intent(arg)` is called before a clsact qdisc is made, so that the maker can be recorded first.
 * A program of somebody else's is never removed or replaced. XDP_NATIVE/XDP_GENERIC asked for by
 * name and refused is an error; XDP_AUTO is not.
 */
int attach_device(const char *links_dir, const struct link_info *link,
		  const struct device_progs *progs, enum tc_way tc, enum xdp_way xdp,
		  int (*intent)(int ifindex, void *arg), void *arg, struct attach_result *res,
		  struct error *err);

/* Removes our pins and filters of that device, by pin and by FILTER_NAME_*; the clsact qdisc only
 * when clsact_ours and nobody else's filter is left in it. A device that is gone: only its pins. 0
 * when nothing was there. */
int detach_device(const char *links_dir, int ifindex, bool clsact_ours, struct error *err);

/* One hook of a device as the kernel has it now. */
struct hook_state {
	bool attached;	/* a program of ours is there */
	bool tcx;	/* else clsact */
	__u32 prog_id;	/* ours */
	bool blocked;	/* somebody else's program runs first and can end the chain */
	char ahead[64]; /* its name and id, for the message */
};

struct device_state {
	struct hook_state in, out;
	enum xdp_way xdp;     /* mode of OUR xdp program, XDP_OFF when not attached */
	__u32 foreign_xdp_id; /* the slot is taken by that program */
	char foreign_xdp[64]; /* its name */
};

/* `ours` tells whether a program id is one of ours. tcx is read by BPF_PROG_QUERY, clsact and XDP
 * by netlink. */
int device_state_read(const struct link_info *link, bool (*ours)(__u32 prog_id, void *arg),
		      void *arg, struct device_state *out, struct error *err);
