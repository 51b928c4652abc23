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
	bool clsact_made; /* this call made the qdisc: it is ours to remove */
	int xdp_errno;	  /* why XDP_AUTO came out as XDP_OFF: EOPNOTSUPP, EBUSY (taken), … ; 0 */
};

/*
 * Attaches ingress, egress and, as asked, XDP. Idempotent: a hook whose pinned link (or filter) is
 * ours and alive stays. It is given the new program in place when it has another one, and moved to
 * the front when somebody else's stands before it, neither of which lets a packet go without; one
 * that is stale (device went, link detached) is replaced. What cannot be moved to the front (a
 * filter of another kind has preference 1, say) still attaches: device_state_read() tells.
 *
 * links_dir is a path in bpffs; pins are <ifindex>_in, <ifindex>_out and <ifindex>_xdp, and, while
 * one is replaced, these with _new and _jump behind. On failure what this call attached is
 * undone. A program of somebody else's is never removed or replaced. XDP_NATIVE/XDP_GENERIC asked
 * for by name and refused is an error; XDP_AUTO is native or nothing, and never fails for it.
 * -ENODEV: the device went meanwhile.
 *
 * `intent(ifindex, arg)` (may be NULL) is called before a clsact qdisc is made, so that the maker
 * can be recorded first; unless the call then succeeds with clsact_made, the record is to be taken
 * back.
 */
int attach_device(const char *links_dir, const struct link_info *link,
		  const struct device_progs *progs, enum tc_way tc, enum xdp_way xdp,
		  int (*intent)(int ifindex, void *arg), void *arg, struct attach_result *res,
		  struct error *err);

/* Removes our links, pins and filters of that device, by pin and by FILTER_NAME_*, detached when it
 * returns; the clsact qdisc only when clsact_ours and nobody else's filter is left in it. A device
 * that is gone: only its pins. 0 when nothing was there; goes on after a failure. */
int detach_device(const char *links_dir, int ifindex, bool clsact_ours, struct error *err);

/* One hook of a device as the kernel has it now. */
struct hook_state {
	bool attached;	/* a program of ours is there */
	bool tcx;	/* else clsact */
	__u32 prog_id;	/* ours */
	bool blocked;	/* somebody else's program or filter runs first and can end the chain */
	char ahead[64]; /* which one, for the message: printable, "" unless blocked */
};

struct device_state {
	struct hook_state in, out;
	enum xdp_way xdp;     /* mode of OUR xdp program, XDP_OFF when not attached */
	__u32 foreign_xdp_id; /* an XDP program of somebody else's, in whatever mode; 0: none */
	char foreign_xdp[64]; /* its name and id, printable */
};

/* Asks the kernel now, whatever `link` says of XDP. `ours` tells whether a program id is one of
 * ours. tcx is read by BPF_PROG_QUERY, clsact and XDP by netlink. -ENODEV when the device is gone.
 */
int device_state_read(const struct link_info *link, bool (*ours)(__u32 prog_id, void *arg),
		      void *arg, struct device_state *out, struct error *err);
