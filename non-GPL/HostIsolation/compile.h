/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From entries to trie nodes: each node holds the union of everything that covers its prefix,
 * because an LPM lookup returns the longest prefix only. Pure.
 */
#pragma once

#include "HostIsolation/allowlist.h"

#define NO_ENTRY ((size_t)-1)

struct compiled_node {
	struct lpm_key6 key; /* IPv4: the address lies in the first four bytes */
	struct allow_node node;
	size_t owner; /* the entry its hits count for: the most specific address-only one with the
			 latest deadline; NO_ENTRY */
};

struct compiled_block {
	__u32 id; /* 1.. , dense */
	struct rule_block block;
	size_t owner[RULES_PER_BLOCK]; /* per rule, up to block.count */
};

struct compiled {
	struct compiled_node *ip4, *ip6;
	size_t ip4_count, ip6_count;
	struct compiled_block *blocks;
	size_t block_count;
};

/*
 * `list` must be sorted, and its keys such as entry_parse() writes: -EINVAL otherwise. One node per
 * distinct prefix, deterministic (the same list gives the same result, in the same order).
 *
 * A node's rules come most specific prefix first, at most RULES_PER_PEER_MAX, in blocks that are
 * full but for the first. Rules for one node that are the same (proto, dir, ports) are merged:
 * latest until, and of equal ones the most specific. Rules that end no later than the node's
 * address-only part admit nothing more and are left out, so a node that is FOREVER has none. Nodes
 * inside each other share the blocks that are the same for both.
 *
 * -E2BIG with one line naming the prefix when a node would need more than RULES_PER_PEER_MAX rules;
 * -ENOMEM. *out is untouched on failure. O(n) for a sorted list of n entries whatever the nesting,
 * except for rules inherited: at most RULES_PER_PEER_MAX steps for each entry and node.
 */
int compile_allowlist(const struct allowlist *list, struct compiled *out, struct error *err);
void compiled_free(struct compiled *c);
