/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files that write and read our tables share: names, and one table under construction. */
#pragma once

#include "HostIsolation/nft.h"
#include "HostIsolation/nftrule.h"

#define NFT_TABLE "hostiso"
#define IFINDEX_LO 1 /* loopback's, in every network namespace */

/* The families that have a table of ours; inet comes last, and only its presence counts as ours. */
enum nft_family { NFT_NETDEV, NFT_ARP, NFT_BRIDGE, NFT_INET, NFT_FAMILIES };
extern const int nft_families[NFT_FAMILIES]; /* NFPROTO_* */

struct nft_counter_vec;

/* The table being written. */
struct nft_writer {
	struct nft_rules rules; /* batch, family, table */
	const struct nft_policy *policy;
	const struct nft_counter_vec *counters; /* how the counters stood before */
	__u64 now; /* boot_ns(), what the entries' deadlines are measured against */
	unsigned int can;
	bool has4, has6; /* port entries exist in this family */
};

/* nftsets.c: `guarded` and `armed` are in every table; the allowlist where frames are judged, its
 * port entries, flows and the rest only in the backend. */
extern const struct nft_set nft_guarded_set, nft_armed_set;
extern const __u32 nft_armed_key;

void nft_put_common_sets(struct nft_writer *w);
int nft_put_allow_sets(struct nft_writer *w, bool with_ports, struct error *err);
/* The name of the set of (who begins, family): "out4", … and of the flows it began. */
const char *nft_ports_set(int family, int dir);
const char *nft_flows_set(int family, int dir);

#define ND_ONLINK_MS (24ULL * 3600 * 1000) /* a neighbour not heard of for a day is none */
#define FLOW_IDLE_MS (FLOW_IDLE_NS / 1000000)

/* nftprobe.c: what may be installed at all, however the kernel answers: hooks on devices to come
 * only where nft(8) survives listing them. */
unsigned int nft_library_can(void);

/* nftcarry.c: what lives on when the tables are replaced. */
struct counter nft_carry_counter(const struct nft_writer *w, const char *name);
void nft_carry_elements(struct nft_writer *w, const struct nft_set *set);

/* nftjudge.c: the rules of the backend, in chains "in" and "out". link: frames that are not IP are
 * judged; ip: those that are. What is not judged is let through. */
void nft_put_judge(struct nft_writer *w, int dir, bool link, bool ip);

/* nftraw.c: chain "raw", for frames with a socket but without a route: AF_PACKET. */
void nft_put_raw(struct nft_writer *w);

/*
 * A packet of the IP stack that leaves by a VLAN, bond, team or MACsec device comes to the device
 * below without its route (from Linux 7 on), and would look like a process's own frame there. So
 * the upper device's chain marks it, in skb->secmark: no socket option sets that, and on the way
 * out nobody reads it any more. nft_put_routed_mark(): for a chain of all devices;
 * nft_put_device_routed_mark(): of one, -ENODEV. if_routed_mark(): it has the mark.
 */
void nft_put_routed_mark(struct nft_rules *r, const char *chain);
int nft_put_device_routed_mark(struct nft_rules *r, const char *chain, int ifindex);
void if_routed_mark(struct nft_rules *r);

/* nftcounters.c */
struct nft_reason {
	const char *word;
	bool passes;
};
extern const struct nft_reason nft_reasons[REASON_COUNT];

#define WORD_UNGUARDED "unguarded"
#define WORD_RAW "raw-frame"

/* "not-allowed-out", "audit-not-allowed-out" */
#define COUNTER_NAME_MAX 48
void nft_counter_name(char buf[COUNTER_NAME_MAX], bool audit, const char *word, int dir);
/* Both directions, with and without audit, from where they stood. */
void nft_put_counters(struct nft_writer *w, const char *word);
void nft_put_judge_counters(struct nft_writer *w);
/* Where a counter of that name adds to; NULL: to none. */
struct counter *nft_state_counter(struct nft_state *s, const char *name);

/* Ends a rule that drops: in audit mode it accepts. */
void do_drop(struct nft_writer *w);
