/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Lookups: is there an entry, a rule, a flow, a fragment, a kept connection for these fields? */
#pragma once

#include "HostIsolation/maps.bpf.h"
#include "HostIsolation/packet.bpf.h"

static __always_inline int still(__u64 until, __u64 *now)
{
	return until == FOREVER || (until && now_of(now) < until);
}

#define HIT(what, len)                                                                             \
	do {                                                                                       \
		__sync_fetch_and_add(&(what)->packets, 1);                                         \
		__sync_fetch_and_add(&(what)->bytes, (len));                                       \
	} while (0)

/*
 * The fields lie in per-CPU memory, not on the stack: the verifier forgets what a path stored
 * there, so that the many ways through the parser meet again before the verdict. On the stack it
 * followed each of them through every rule, and gave up after minutes. Both hooks run with soft
 * interrupts off on one CPU, so nobody else fills it meanwhile.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct packet);
} scratch SEC(".maps");

static __always_inline struct packet *packet_of_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratch, &zero);
}

static __always_inline int in_sieve(const struct sieve *s, __u32 bit)
{
	return s->bits[bit / 64 % (SIEVE_BITS / 64)] >> bit % 64 & 1;
}

/*
 * The longest prefix's node, which holds the union of all that cover it: the address's own, or the
 * trie's. The key is a whole address. NULL: none.
 */
static __always_inline struct allow_node *find_node4(const struct policy *p, __u32 bank,
						     struct lpm_key4 *key)
{
	const struct sieve *s = &p->sieve[bank & 1][0];
	struct allow_node *node = NULL;
	void *map;

	if (!in_sieve(s, sieve_bit4(*(__u32 *)key->addr)))
		return NULL;
	if (s->apart) {
		map = bpf_map_lookup_elem(&allow_host4, &bank);
		node = map ? bpf_map_lookup_elem(map, key->addr) : NULL;
		if (node)
			return node;
	}
	map = bpf_map_lookup_elem(&allow_ip4, &bank);
	return map ? bpf_map_lookup_elem(map, key) : NULL;
}

static __always_inline struct allow_node *find_node6(const struct policy *p, __u32 bank,
						     struct lpm_key6 *key)
{
	const struct sieve *s = &p->sieve[bank & 1][1];
	struct allow_node *node = NULL;
	void *map;

	if (!in_sieve(s, sieve_bit6((__u32 *)key->addr)))
		return NULL;
	if (s->apart) {
		map = bpf_map_lookup_elem(&allow_host6, &bank);
		node = map ? bpf_map_lookup_elem(map, key->addr) : NULL;
		if (node)
			return node;
	}
	map = bpf_map_lookup_elem(&allow_ip6, &bank);
	return map ? bpf_map_lookup_elem(map, key) : NULL;
}

static __always_inline struct allow_node *find_node(__u32 bank, __u8 family, struct lpm_key6 *key)
{
	const struct policy *p = policy_page();

	if (!p)
		return NULL;
	if (family == AF_INET)
		return find_node4(p, bank, (struct lpm_key4 *)key);
	return family == AF_INET6 ? find_node6(p, bank, key) : NULL;
}

/* A connection attempt, as opposed to everything that follows it (RFC 9293 §3.5). */
static __always_inline int opens_tcp(const struct packet *p)
{
	return (p->tcp_flags & (TH_SYN | TH_ACK)) == TH_SYN;
}

static __always_inline int rule_fits(const struct rule *r, const struct peer *peer)
{
	__u16 port = bpf_ntohs(r->dir == DIR_OUT ? peer->peer_port : peer->local_port);

	if (r->proto != RULE_PROTO_ANY && r->proto != peer->proto)
		return 0;
	if (!r->port_lo && r->port_hi == 0xffff)
		return 1;
	return peer->has_ports && port >= r->port_lo && port <= r->port_hi;
}

#define ASK_PACKET 0  /* the packet itself */
#define ASK_QUOTED 1  /* the packet that an ICMP error quotes: it went already */
#define ASK_COUNT 2   /* a flag: count hits */
#define ASK_ANSWERS 4 /* a flag: it could be an answer, by its TCP flags or a known flow */

/*
 * One block of rules for the packet in the scratch map; p->chain is its key, and the next one's on
 * return. Whoever a rule lets begin may send anything, the other side may only answer. A global
 * function, so that the verifier sees it once and not in every mix of 64 rules. Returns
 * REASON_ALLOWED_PORT (p->begins is then set if this side began), PARSED (go on) or
 * REASON_INTERNAL.
 */
__noinline int match_block(__u32 bank, __u32 ask, __u64 now)
{
	void *inner = bpf_map_lookup_elem(&rules, &bank);
	struct packet *p = packet_of_cpu();
	struct rule_block *block;
	__u32 id;

	if (!inner || !p)
		return REASON_INTERNAL;
	id = p->chain;
	block = bpf_map_lookup_elem(inner, &id);
	if (!block)
		return REASON_INTERNAL;
	for (__u32 i = 0; i < RULES_PER_BLOCK && i < block->count; i++) {
		struct rule *r = &block->rule[i];

		if (!rule_fits(r, ask & ASK_QUOTED ? &p->quoted : &p->peer) || now >= r->until)
			continue;
		p->begins = r->dir == p->dir;
		if (p->begins || ask & (ASK_ANSWERS | ASK_QUOTED)) {
			if (ask & ASK_COUNT)
				HIT(r, p->frame_len);
			return REASON_ALLOWED_PORT;
		}
		p->refused = 1;
	}
	p->chain = block->next;
	return PARSED;
}

/* REASON_ALLOWED_PORT, REASON_NO_FLOW (a rule fits, but this is no answer), REASON_NOT_ALLOWED,
 * REASON_INTERNAL. */
__noinline int match_chain(__u32 bank, __u32 first, __u32 ask, __u64 now)
{
	struct packet *p = packet_of_cpu();

	if (!p)
		return REASON_INTERNAL;
	p->chain = first;
	p->refused = 0;
	for (int b = 0; b < RULE_BLOCKS_MAX && p->chain; b++) {
		__u32 reason = match_block(bank, ask, now);

		if (reason != PARSED)
			return reason;
	}
	return p->refused ? REASON_NO_FLOW : REASON_NOT_ALLOWED;
}

static __always_inline void flow_key_of(const struct packet *p, __u8 begun_by, struct flow_key *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	copy16(key->peer, p->peer.key.addr);
	key->peer_port = p->peer.peer_port;
	key->local_port = p->peer.local_port;
	key->proto = p->peer.proto;
	key->family = p->family;
	key->dir = begun_by;
}

static __always_inline void flow_begin(const struct packet *p, __u64 *now)
{
	struct flow_key key;
	__u64 *seen, t = now_of(now);

	flow_key_of(p, p->dir, &key);
	seen = bpf_map_lookup_elem(&flows, &key);
	if (seen)
		*seen = t;
	else
		bpf_map_update_elem(&flows, &key, &t, BPF_ANY);
}

static __always_inline int flow_answers(const struct packet *p, __u64 *now)
{
	struct flow_key key;
	__u64 *seen;

	flow_key_of(p, !p->dir, &key);
	seen = bpf_map_lookup_elem(&flows, &key);
	/* signed: another CPU may have written it after we read the clock */
	if (!seen || (__s64)(now_of(now) - *seen) > (__s64)FLOW_IDLE_NS)
		return 0;
	*seen = now_of(now);
	return 1;
}

/* TCP tells who began by its flags, everything else by the flow that the first side left. */
__noinline int match_rules(__u32 bank, __u32 first, __u32 count_hits, __u64 now)
{
	struct packet *p = packet_of_cpu();
	__u32 ask = ASK_PACKET | (count_hits ? ASK_COUNT : 0), reason;
	int tcp;

	if (!p)
		return REASON_INTERNAL;
	tcp = p->peer.proto == IPPROTO_TCP;
	if (tcp ? !opens_tcp(p) : flow_answers(p, &now))
		ask |= ASK_ANSWERS;
	reason = match_chain(bank, first, ask, now_of(&now));
	if (reason == REASON_ALLOWED_PORT && p->begins && !tcp)
		flow_begin(p, &now);
	return reason;
}

static __always_inline int match_quoted(__u32 bank, struct packet *p, __u64 *now)
{
	struct allow_node *node = find_node(bank, p->family, &p->quoted.key);

	if (!node)
		return 0;
	if (still(node->until, now))
		return 1;
	return node->rules &&
	       match_chain(bank, node->rules, ASK_QUOTED, now_of(now)) == REASON_ALLOWED_PORT;
}

static __always_inline void fragment_key_of(const struct packet *p, struct fragment_key *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	copy16(key->src, p->dir == DIR_OUT ? p->local : p->peer.key.addr);
	copy16(key->dst, p->dir == DIR_OUT ? p->peer.key.addr : p->local);
	key->id = p->fragment_id;
	key->proto = p->family == AF_INET ? p->peer.proto : 0;
	key->family = p->family;
	key->dir = p->dir;
}

static __always_inline void fragment_remember(const struct packet *p, __u64 *now)
{
	struct fragment_key key;
	__u64 t = now_of(now);

	fragment_key_of(p, &key);
	bpf_map_update_elem(&fragments, &key, &t, BPF_ANY);
}

static __always_inline int fragment_known(const struct packet *p, __u64 *now)
{
	struct fragment_key key;
	__u64 *seen;

	fragment_key_of(p, &key);
	seen = bpf_map_lookup_elem(&fragments, &key);
	return seen && (__s64)(now_of(now) - *seen) <= (__s64)FRAGMENT_NS;
}

static __always_inline int match_kept(const struct packet *p)
{
	struct kept_key key = {};

	if (p->peer.proto != IPPROTO_TCP || !p->peer.has_ports || opens_tcp(p))
		return 0;
	copy16(key.peer, p->peer.key.addr);
	copy16(key.local, p->local);
	key.peer_port = p->peer.peer_port;
	key.local_port = p->peer.local_port;
	key.family = p->family;
	return bpf_map_lookup_elem(&kept, &key) != NULL;
}

static __always_inline void nd_learn(const struct packet *p, __u64 *now)
{
	struct nd_key key;
	__u64 t = now_of(now);

	if (p->dir != DIR_IN || is_link_local6(p->peer.key.addr) ||
	    is_unspecified6(p->peer.key.addr))
		return;
	copy16(key.addr, p->peer.key.addr);
	bpf_map_update_elem(&nd_onlink, &key, &t, BPF_ANY);
}

static __always_inline int nd_known(const struct packet *p)
{
	struct nd_key key;

	copy16(key.addr, p->peer.key.addr);
	return bpf_map_lookup_elem(&nd_onlink, &key) != NULL;
}
