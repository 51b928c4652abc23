/* SPDX-License-Identifier: BSD-2-Clause */
/* The filter's programs: loaded over the pinned maps when first needed, then found by their pins.
 */
#pragma once

#include "HostIsolation/attach.h"
#include "HostIsolation/maps.h"

enum prog_index {
#define PROG(name) PROG_##name,
#include "HostIsolation/progs.def"
#undef PROG
	PROG_COUNT,
};

struct progs {
	int fd[PROG_COUNT]; /* -1: not loaded */
	__u32 id[PROG_COUNT];
	__u32 policy_id; /* of the pinned policy; 0: none, and whoever has one is ours */
};

#define PROGS_INIT                                                                                 \
	{                                                                                          \
		.fd = { [0 ... PROG_COUNT - 1] = -1 }                                              \
	}

/* What is pinned; the rest stays -1. */
int progs_open(struct progs *progs, const struct pins *pins, struct error *err);
/*
 * Loads and pins what devices of this header type need and is not there yet. XDP programs are tried
 * and left out where the kernel refuses them (*xdp_errno says why): TC alone does the whole job.
 * xdp_in only where the kernel has no xdp_in_frags (Linux 5.18), which every driver with XDP takes.
 */
int progs_need(struct progs *progs, const struct pins *pins, const struct maps *maps,
	       enum link_header header, bool xdp, int *xdp_errno, struct error *err);
void progs_close(struct progs *progs);

/* Unpins them: those of maps that are gone would go by the policy in there. */
void progs_unpin(const struct pins *pins);
/* The id of a program's policy map; 0: it has none, or is no program of ours by its name. */
__u32 prog_policy(__u32 prog_id);
/* Does that program, of what leaves, see where a checksum goes that is left to the device? By its
 * own constants, which the kernel still has (kernelfacts.h). */
bool prog_sees_offload(__u32 prog_id);
bool progs_pinned(const struct progs *progs, __u32 prog_id);
/* For device_state_read(): arg is a struct progs. Ours is what is pinned, and what goes by the same
 * policy although its pin is gone. */
bool progs_ours(__u32 prog_id, void *arg);
/* The fds that fit the header type. */
void progs_for(const struct progs *progs, enum link_header header, struct device_progs *out);
