/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The nftables backend as the verbs see it: what else lies in pinned maps (policy, allowlist, who
 * added what, kept connections) is kept in a set of our own inet table, put there by the same
 * transaction as the rules. So it lives as long as they do, and needs neither BPF nor a file.
 */
#pragma once

#include "HostIsolation/allowlist.h"
#include "HostIsolation/maps.h"

struct nft_backend {
	struct allowlist list;
	struct kept_key kept[KEPT_MAX];
	size_t kept_count;
	int lock_fd; /* the network namespace, flock()ed; -1 when only read */
};

/* Does the nftables backend isolate this network namespace? */
bool nft_backend_there(void);
/* Fills maps->nft_backend and maps->policy: from the kernel, or empty (fresh). locked: for a
 * change. */
int nft_backend_open(struct maps *maps, bool fresh, bool locked, struct error *err);
void nft_backend_close(struct maps *maps);

/* One transaction: policy, kept connections and this list in force on these devices (NULL: on those
 * that are guarded now). */
int nft_backend_store(struct maps *maps, struct allowlist *list, const int *devices, size_t count,
		      struct error *err);
/* Guards the devices that came since, and mends what is torn. */
int nft_backend_follow(struct maps *maps, struct error *err);
int nft_backend_counters(struct counter out[COUNTER_COUNT]);
bool nft_backend_is_kept(const struct maps *maps, const struct kept_key *key);
int nft_backend_copy(const struct maps *maps, struct allowlist *out, struct error *err);

/* Can BPF programs and maps be had here at all? 0, or -errno of what was refused. */
int bpf_refused(void);
