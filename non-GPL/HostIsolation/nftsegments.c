// SPDX-License-Identifier: BSD-2-Clause
/* From trie nodes to disjoint ranges of addresses and ports. Pure. */
#include "HostIsolation/nftsegments.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned __int128 number;

const __u8 nft_port_protocols[NFT_PORT_PROTOCOLS] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_DCCP,
						     IPPROTO_SCTP, IPPROTO_UDPLITE};

static int bytes_of(int family)
{
	return family == AF_INET ? 4 : 16;
}

static number to_number(int family, const __u8 addr[16])
{
	number n = 0;

	for (int i = 0; i < bytes_of(family); i++)
		n = n << 8 | addr[i];
	return n;
}

static void from_number(int family, number n, __u8 addr[16])
{
	memset(addr, 0, 16);
	for (int i = bytes_of(family) - 1; i >= 0; i--, n >>= 8)
		addr[i] = (__u8)n;
}

bool address_next(int family, const __u8 addr[16], __u8 next[16])
{
	int i = bytes_of(family) - 1;

	memmove(next, addr, 16);
	while (i >= 0 && ++next[i] == 0)
		i--;
	return i >= 0;
}

/* The prefixes around the place where the walk is, and the first address not yet given out. */
struct walk {
	int family;
	const struct compiled_node *stack[130];
	number last[130]; /* their last addresses */
	int depth;
	number at;
	bool done; /* the last address of all was given out */
	struct nft_segments *out;
};

/* Gives out addresses up to `hi` for the innermost prefix. */
static void give_out(struct walk *w, number hi)
{
	const struct compiled_node *n = w->stack[w->depth - 1];
	struct nft_segment *prev = w->out->count ? &w->out->items[w->out->count - 1] : NULL;
	struct nft_segment *s = &w->out->items[w->out->count];
	__u8 behind[16];

	if (w->done || hi < w->at)
		return;
	from_number(w->family, w->at, s->lo);
	from_number(w->family, hi, s->hi);
	s->until = n->node.until;
	s->rules = n->node.rules;
	w->at = hi + 1;
	w->done = !address_next(w->family, s->hi, behind);
	if (!s->until && !s->rules)
		return;
	if (prev && prev->until == s->until && prev->rules == s->rules &&
	    address_next(w->family, prev->hi, behind) && !memcmp(behind, s->lo, 16))
		memcpy(prev->hi, s->hi, 16);
	else
		w->out->count++;
}

static void leave(struct walk *w)
{
	give_out(w, w->last[w->depth - 1]);
	w->depth--;
}

int nft_segments_make(const struct compiled_node *nodes, size_t count, int family,
		      struct nft_segments *out)
{
	struct nft_segments made = {};
	struct walk w = {.family = family, .out = &made};

	if (!count) {
		*out = made;
		return 0;
	}
	/* each prefix begins one range and ends one, and one spare to write into */
	made.items = calloc(2 * count + 1, sizeof(*made.items));
	if (!made.items)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		number first = to_number(family, nodes[i].key.addr);
		int host_bits = bytes_of(family) * 8 - (int)nodes[i].key.prefixlen;
		number size_less_one = host_bits == 128 ? ~(number)0 : ((number)1 << host_bits) - 1;

		while (w.depth && w.last[w.depth - 1] < first)
			leave(&w);
		if (w.depth && w.at < first)
			give_out(&w, first - 1);
		w.at = first;
		w.stack[w.depth] = &nodes[i];
		w.last[w.depth++] = first + size_less_one;
	}
	while (w.depth)
		leave(&w);
	*out = made;
	return 0;
}

void nft_segments_free(struct nft_segments *s)
{
	free(s->items);
	*s = (struct nft_segments){};
}

struct chain {
	const struct rule *rules[RULES_PER_PEER_MAX];
	int count;
};

static int collect(const struct compiled *c, __u32 id, __u64 now, struct chain *out)
{
	for (int blocks = 0; id; blocks++) {
		const struct rule_block *b;

		if (id > c->block_count || blocks == RULE_BLOCKS_MAX)
			return -EINVAL;
		b = &c->blocks[id - 1].block;
		if (c->blocks[id - 1].id != id || b->count > RULES_PER_BLOCK)
			return -EINVAL;
		for (__u32 i = 0; i < b->count; i++)
			if (b->rule[i].until > now)
				out->rules[out->count++] = &b->rule[i];
		id = b->next;
	}
	return 0;
}

static bool has_ports(__u8 proto)
{
	for (int i = 0; i < NFT_PORT_PROTOCOLS; i++)
		if (nft_port_protocols[i] == proto)
			return true;
	return false;
}

static bool fits(const struct rule *r, __u8 dir, __u8 proto)
{
	if (r->dir != dir || (r->proto != RULE_PROTO_ANY && r->proto != proto))
		return false;
	return has_ports(proto) || (r->port_lo == 0 && r->port_hi == 65535);
}

/* The latest deadline at this port, and the last port for which nothing changes. */
static __u64 until_at(const struct chain *c, __u8 dir, __u8 proto, __u32 port, __u32 *last)
{
	__u64 until = 0;

	*last = 65535;
	for (int i = 0; i < c->count; i++) {
		const struct rule *r = c->rules[i];

		if (!fits(r, dir, proto))
			continue;
		if (port < r->port_lo) {
			if (r->port_lo - 1u < *last)
				*last = r->port_lo - 1u;
		} else if (port <= r->port_hi) {
			if (r->port_hi < *last)
				*last = r->port_hi;
			if (r->until > until)
				until = r->until;
		}
	}
	return until;
}

static int each_port(const struct chain *c, struct nft_ports p,
		     int (*each)(const struct nft_ports *p, void *arg), void *arg)
{
	__u32 last, begin = 0;
	__u64 until = until_at(c, p.dir, p.proto_lo, 0, &last);

	while (begin <= 65535) {
		__u32 next_last = last;
		__u64 next = until;

		while (last < 65535) { /* as far as the deadline stays the same */
			next = until_at(c, p.dir, p.proto_lo, last + 1, &next_last);
			if (next != until)
				break;
			last = next_last;
		}
		if (until) {
			p.port_lo = (__u16)begin;
			p.port_hi = (__u16)last;
			p.until = until;

			int ret = each(&p, arg);

			if (ret)
				return ret;
		}
		begin = last + 1;
		until = next;
		last = next_last;
	}
	return 0;
}

int nft_ports_each(const struct compiled *c, __u32 first, __u64 now,
		   int (*each)(const struct nft_ports *p, void *arg), void *arg)
{
	struct chain chain = {};
	int ret = collect(c, first, now, &chain);

	for (__u8 dir = 0; dir < DIR_COUNT && !ret; dir++) {
		int lo = 0;

		for (int i = 0; i <= NFT_PORT_PROTOCOLS && !ret; i++) {
			int proto = i < NFT_PORT_PROTOCOLS ? nft_port_protocols[i] : 256;
			struct nft_ports others = {
				.dir = dir, .proto_lo = (__u8)lo, .proto_hi = (__u8)(proto - 1)};
			struct nft_ports one = {
				.dir = dir, .proto_lo = (__u8)proto, .proto_hi = (__u8)proto};

			/* RULE_PROTO_ANY is no protocol of its own here: 0 is IPv6 hop-by-hop */
			ret = each_port(&chain, others, each, arg);
			if (!ret && i < NFT_PORT_PROTOCOLS)
				ret = each_port(&chain, one, each, arg);
			lo = proto + 1;
		}
	}
	return ret;
}
