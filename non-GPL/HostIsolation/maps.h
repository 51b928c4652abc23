/* SPDX-License-Identifier: BSD-2-Clause */
/* The pinned maps: open, make, read the counters, throw the switch. */
#pragma once

#include "HostIsolation/kernelfacts.h" /* filter.skel.h has one */
#include "HostIsolation/layout.h"
#include "HostIsolation/pins.h"

enum map_index {
#define MAP(name) MAP_##name,
#include "HostIsolation/maps.def"
#undef MAP
	MAP_COUNT,
};

struct nft_backend;

struct maps {
	int fd[MAP_COUNT];
	struct policy *policy; /* the map's own memory: read and written in place */
	struct nft_backend
		*nft_backend; /* the nftables backend: there are no maps, and this instead */
};

#define MAPS_INIT                                                                                  \
	{                                                                                          \
		.fd = {[0 ... MAP_COUNT - 1] = -1}, .policy = NULL                                 \
	}

extern const char *const map_names[MAP_COUNT];

/* -ENOENT without a line when no policy is pinned; with one, -EPROTO when the layout is another
 * version's, -EUCLEAN when the pin of another map is missing. */
int maps_open(struct maps *maps, const struct pins *pins, struct error *err);
/* Makes and pins all maps; the folder must be locked. Half sets of an interrupted run are replaced.
 */
int maps_create(struct maps *maps, const struct pins *pins, struct error *err);
void maps_close(struct maps *maps);

/* One store each; seen whole by every program. */
void policy_set_control(struct maps *maps, __u64 control);
/* Sets both deadlines (0: none) and the nearer one that the programs look at. */
void policy_set_deadlines(struct maps *maps, __u64 for_deadline, __u64 confirm_deadline);
/* Waits until no program can still be running that saw the policy as it was before. */
void policy_settle(void);

/* Sums over the CPUs. */
int counters_read(const struct maps *maps, struct counter out[COUNTER_COUNT]);
int counters_clear(const struct maps *maps);

/* CLOCK_BOOTTIME, as bpf_ktime_get_boot_ns(). */
__u64 boot_ns(void);
