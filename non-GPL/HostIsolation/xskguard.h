/* SPDX-License-Identifier: BSD-2-Clause */
/* AF_XDP sockets, which send past tc and nftables: refused by BPF LSM where it runs, and those that
 * were there before found by sock_diag. */
#pragma once

#include "HostIsolation/maps.h"
#include "HostIsolation/pins.h"
#include "HostIsolation/procinfo.h"

enum xsk_answer {
	XSK_ABSENT,  /* this kernel has no AF_XDP */
	XSK_OPEN,    /* it has, and root can use it */
	XSK_REFUSED, /* our programs run, and refuse it to the isolated namespace */
};

/* Asks by a socket that is never made. */
enum xsk_answer xskguard_answer(void);

/* Loads, attaches, tries and pins the programs, unless they are there and run. 0 as well where
 * there is no AF_XDP to refuse; -ENOTSUP with a few words where BPF LSM does not run. */
int xskguard_arm(const struct pins *pins, const struct maps *maps, struct error *err);
/* Pinned, and running. */
bool xskguard_armed(const struct pins *pins);
int xskguard_detach(const struct pins *pins, struct error *err);

/* A socket from before, or made where nobody refuses it. */
struct xsk_holder {
	__u64 inode;
	__u32 ifindex; /* 0: the kernel does not tell (CONFIG_XDP_SOCKETS_DIAG) */
	int pid;       /* the first process found that has it open; 0: none */
	char comm[COMM_SIZE];
};

struct xsk_vec {
	struct xsk_holder *items;
	size_t count;
};

/* All of this network namespace that have a device; where sock_diag does not list them, all that
 * processes here have open, with a device or not. */
int xsk_holders(struct xsk_vec *out, struct error *err);
int xsk_scan(struct xsk_vec *out); /* the second way alone; -errno */
void xsk_vec_free(struct xsk_vec *v);
