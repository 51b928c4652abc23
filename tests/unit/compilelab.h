/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two judges of one packet. The oracle goes over all entries of the list; the walker does with the
 * compiled nodes and blocks what the filter does with the maps. For tests: brings cmocka.h.
 */
#pragma once

#include "HostIsolation/compile.h"
#include "listlab.h"

/* A packet, or the first of a connection, as far as an allowlist looks at it. */
struct probe {
	__u8 peer[16];
	int family;
	__u8 proto;
	bool has_ports;
	__u16 peer_port, local_port;
	int begun_by;
};

static inline struct probe random_probe(void)
{
	static const __u8 protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP};
	struct probe p = {.family = random_below(2) ? AF_INET : AF_INET6,
			  .proto = protos[random_below(4)],
			  .begun_by = random_below(2)};

	random_address(p.family, p.peer);
	p.has_ports = p.proto != IPPROTO_ICMP;
	if (p.has_ports) {
		p.peer_port = random_below(11);
		p.local_port = random_below(11);
	}
	return p;
}

static inline bool port_fits(int dir, __u8 proto, __u16 lo, __u16 hi, const struct probe *p)
{
	__u16 port = dir == DIR_OUT ? p->peer_port : p->local_port;

	if (dir != p->begun_by || (proto != RULE_PROTO_ANY && proto != p->proto))
		return false;
	return (lo == 0 && hi == 65535) || (p->has_ports && port >= lo && port <= hi);
}

static inline bool oracle_admits(const struct allowlist *list, const struct probe *p, __u64 now)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct entry_key *k = &list->entries[i].key;

		if (k->family == p->family && prefix_equal(k->addr, p->peer, k->prefixlen) &&
		    now < list->entries[i].value.until &&
		    (k->dir == ENTRY_DIR_BOTH ||
		     port_fits(k->dir, k->proto, k->port_lo, k->port_hi, p)))
			return true;
	}
	return false;
}

/* What an LPM lookup finds. */
static inline const struct compiled_node *lookup(const struct compiled *c, int family,
						 const __u8 addr[16])
{
	const struct compiled_node *nodes = family == AF_INET ? c->ip4 : c->ip6, *best = NULL;
	size_t n = family == AF_INET ? c->ip4_count : c->ip6_count;

	for (size_t i = 0; i < n; i++)
		if (prefix_equal(nodes[i].key.addr, addr, nodes[i].key.prefixlen) &&
		    (!best || nodes[i].key.prefixlen > best->key.prefixlen))
			best = &nodes[i];
	return best;
}

static inline const struct compiled_block *block_of(const struct compiled *c, __u32 id)
{
	assert_in_range(id, 1, c->block_count);
	assert_int_equal(c->blocks[id - 1].id, id);
	return &c->blocks[id - 1];
}

static inline bool walker_admits(const struct compiled *c, const struct probe *p, __u64 now)
{
	const struct compiled_node *n = lookup(c, p->family, p->peer);

	if (!n)
		return false;
	if (now < n->node.until)
		return true;
	for (__u32 id = n->node.rules, hops = 0; id && hops < RULE_BLOCKS_MAX; hops++) {
		const struct compiled_block *b = block_of(c, id);

		for (__u32 i = 0; i < b->block.count; i++) {
			const struct rule *r = &b->block.rule[i];

			if (now < r->until &&
			    port_fits(r->dir, r->proto, r->port_lo, r->port_hi, p))
				return true;
		}
		id = b->block.next;
	}
	return false;
}

/* The rules of a node, in order, with their owners. */
struct chain {
	struct rule rule[RULES_PER_PEER_MAX];
	size_t owner[RULES_PER_PEER_MAX];
	size_t count;
};

static inline void chain_of(const struct compiled *c, const struct compiled_node *n,
			    struct chain *out)
{
	out->count = 0;
	for (__u32 id = n->node.rules; id;) {
		const struct compiled_block *b = block_of(c, id);

		assert_in_range(b->block.count, 1, RULES_PER_BLOCK);
		/* full but for the first: that is how 64 rules fit into 16 blocks */
		if (id != n->node.rules)
			assert_int_equal(b->block.count, RULES_PER_BLOCK);
		for (__u32 i = 0; i < b->block.count; i++) {
			assert_in_range(out->count, 0, RULES_PER_PEER_MAX - 1);
			out->owner[out->count] = b->owner[i];
			out->rule[out->count++] = b->block.rule[i];
		}
		id = b->block.next;
	}
}

static inline bool same_rule(const struct rule *r, const struct entry_key *k)
{
	return r->dir == k->dir && r->proto == k->proto && r->port_lo == k->port_lo &&
	       r->port_hi == k->port_hi;
}

static inline void compile(struct allowlist *list, struct compiled *c)
{
	struct error err = {};

	allowlist_sort(list);
	if (compile_allowlist(list, c, &err))
		fail_msg("does not compile: %s", err.text);
	assert_string_equal(err.text, "");
}
