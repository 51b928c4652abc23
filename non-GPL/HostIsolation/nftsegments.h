/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From trie nodes to disjoint ranges: nftables sets take no overlaps, and a packet matches one
 * element. Each range carries what the longest prefix around it admits. Pure.
 */
#pragma once

#include "HostIsolation/compile.h"

/* Addresses lo..hi in layout.h's form. */
struct nft_segment {
	__u8 lo[16], hi[16];
	__u64 until; /* of the address-only entries; 0: none */
	__u32 rules; /* first block of the others; 0: none */
};

struct nft_segments {
	struct nft_segment *items;
	size_t count;
};

/* Nodes sorted as compile_allowlist() leaves them. Ranges come in ascending order; neighbours that
 * admit the same are one. -ENOMEM. */
int nft_segments_make(const struct compiled_node *nodes, size_t count, int family,
		      struct nft_segments *out);
void nft_segments_free(struct nft_segments *s);

/* The address behind `addr`; false when there is none. */
bool address_next(int family, const __u8 addr[16], __u8 next[16]);

/* What one range lets whom begin: disjoint in (dir, proto, port). */
struct nft_ports {
	__u8 dir; /* enum direction: who begins */
	__u8 proto_lo, proto_hi;
	__u16 port_lo, port_hi; /* 0-65535 for protocols without ports */
	__u64 until;
};

/* The protocols that have ports; all others are matched without. */
#define NFT_PORT_PROTOCOLS 5
extern const __u8 nft_port_protocols[NFT_PORT_PROTOCOLS]; /* ascending */

/* Calls each() for the rules of a chain of blocks, merged: latest deadline where several fit; those
 * over by `now` are left out. Stops at the first non-zero and returns it. -EINVAL for a chain that
 * leads nowhere. */
int nft_ports_each(const struct compiled *c, __u32 first, __u64 now,
		   int (*each)(const struct nft_ports *p, void *arg), void *arg);
