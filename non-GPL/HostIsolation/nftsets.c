// SPDX-License-Identifier: BSD-2-Clause
/* The sets of a table, and the allowlist as their elements. */
#include <errno.h>
#include <string.h>
#include "HostIsolation/nftsegments.h"
#include "HostIsolation/nfttables.h"

#define FIELD_IP4                                                                                  \
	{                                                                                          \
		NFT_TYPE_IP4, 4                                                                    \
	}
#define FIELD_IP6                                                                                  \
	{                                                                                          \
		NFT_TYPE_IP6, 16                                                                   \
	}
#define FIELD_PROTO                                                                                \
	{                                                                                          \
		NFT_TYPE_PROTO, 1                                                                  \
	}
#define FIELD_PORT                                                                                 \
	{                                                                                          \
		NFT_TYPE_PORT, 2                                                                   \
	}

const struct nft_set nft_guarded_set = {
	.name = "guarded", .field_count = 1, .fields = {{NFT_TYPE_IFINDEX, 4}}};

/* One element. While it lives the table drops; a timeout ends that, whoever is still there. */
const __u32 nft_armed_key;
const struct nft_set nft_armed_set = {.name = "armed",
				      .flags = NFT_SET_TIMEOUT,
				      .field_count = 1,
				      .fields = {{NFT_TYPE_MARK, 4}}};

static const struct nft_set protocols_set = {
	.name = "port_protocols", .field_count = 1, .fields = {FIELD_PROTO}};

/* [family is IPv6] */
static const struct nft_set allow_sets[2] = {
	{.name = "allow4",
	 .flags = NFT_SET_INTERVAL | NFT_SET_TIMEOUT,
	 .field_count = 1,
	 .fields = {FIELD_IP4}},
	{.name = "allow6",
	 .flags = NFT_SET_INTERVAL | NFT_SET_TIMEOUT,
	 .field_count = 1,
	 .fields = {FIELD_IP6}},
};

#define PORTS_SET(n, address)                                                                      \
	{                                                                                          \
		.name = (n), .flags = NFT_SET_INTERVAL | NFT_SET_TIMEOUT, .field_count = 3,        \
		.fields = {                                                                        \
			address,                                                                   \
			FIELD_PROTO,                                                               \
			FIELD_PORT                                                                 \
		}                                                                                  \
	}

/* Who may begin what: peer . protocol . port. [family is IPv6][direction] */
static const struct nft_set ports_sets[2][DIR_COUNT] = {
	{PORTS_SET("in4", FIELD_IP4), PORTS_SET("out4", FIELD_IP4)},
	{PORTS_SET("in6", FIELD_IP6), PORTS_SET("out6", FIELD_IP6)},
};

#define FLOWS_SET(n, address)                                                                      \
	{                                                                                          \
		.name = (n), .flags = NFT_SET_EVAL | NFT_SET_TIMEOUT, .field_count = 4,            \
		.fields = {address, FIELD_PROTO, FIELD_PORT, FIELD_PORT}, .size = FLOWS_MAX,       \
		.timeout_ms = FLOW_IDLE_MS                                                         \
	}

/* What was begun: peer . protocol . port begun to . port begun from. */
static const struct nft_set flows_sets[2][DIR_COUNT] = {
	{FLOWS_SET("flows_in4", FIELD_IP4), FLOWS_SET("flows_out4", FIELD_IP4)},
	{FLOWS_SET("flows_in6", FIELD_IP6), FLOWS_SET("flows_out6", FIELD_IP6)},
};

/* peer . port . local . port */
static const struct nft_set kept_sets[2] = {
	{.name = "kept4",
	 .field_count = 4,
	 .fields = {FIELD_IP4, FIELD_PORT, FIELD_IP4, FIELD_PORT}},
	{.name = "kept6",
	 .field_count = 4,
	 .fields = {FIELD_IP6, FIELD_PORT, FIELD_IP6, FIELD_PORT}},
};

static const struct nft_set onlink_set = {.name = "nd_onlink",
					  .flags = NFT_SET_EVAL | NFT_SET_TIMEOUT,
					  .field_count = 1,
					  .fields = {FIELD_IP6},
					  .size = ND_ONLINK_MAX,
					  .timeout_ms = ND_ONLINK_MS};

const char *nft_ports_set(int family, int dir)
{
	return ports_sets[family == AF_INET6][dir].name;
}

const char *nft_flows_set(int family, int dir)
{
	return flows_sets[family == AF_INET6][dir].name;
}

static struct nft_elements begin_set(struct nft_writer *w, const struct nft_set *set)
{
	struct nft_rules *r = &w->rules;

	nft_put_set(r->batch, r->family, r->table, set);
	return (struct nft_elements){.batch = r->batch,
				     .family = r->family,
				     .table = r->table,
				     .set = set,
				     .type = NFT_MSG_NEWSETELEM};
}

void nft_put_common_sets(struct nft_writer *w)
{
	struct nft_elements e = begin_set(w, &nft_guarded_set);
	const __u32 lo = IFINDEX_LO;

	nft_put_element(&e, &lo, NULL, 0, 0);
	for (size_t i = 0; i < w->policy->guarded_count; i++)
		if (w->policy->guarded[i] != IFINDEX_LO)
			nft_put_element(&e, &w->policy->guarded[i], NULL, 0, 0);
	nft_put_elements_end(&e);
	e = begin_set(w, &nft_armed_set);
	nft_put_element(&e, &nft_armed_key, NULL, (w->policy->for_ns + 999999) / 1000000, 0);
	nft_put_elements_end(&e);
}

/* Milliseconds; 0: for ever. What is over gets the shortest there is. */
static __u64 timeout_of(const struct nft_writer *w, __u64 until)
{
	if (until == FOREVER)
		return 0;
	return until > w->now ? (until - w->now + 999999) / 1000000 : 1;
}

static void put_addresses(struct nft_writer *w, int family, const struct nft_segments *segments)
{
	struct nft_elements e = begin_set(w, &allow_sets[family == AF_INET6]);
	__u8 behind[16];

	for (size_t i = 0; i < segments->count; i++) {
		const struct nft_segment *s = &segments->items[i];

		if (s->until <= w->now)
			continue;
		nft_put_element(&e, s->lo, NULL, timeout_of(w, s->until), 0);
		if (address_next(family, s->hi, behind))
			nft_put_element(&e, behind, NULL, 0, NFT_SET_ELEM_INTERVAL_END);
	}
	nft_put_elements_end(&e);
}

struct port_elements {
	struct nft_writer *writer;
	const struct nft_segment *segment;
	struct nft_elements elements;
	int dir; /* one message is under construction at a time, so each direction takes its turn */
	size_t address_size;
	bool any;
};

static int put_port(const struct nft_ports *p, void *arg)
{
	struct port_elements *pe = arg;
	__be16 port_lo = htons(p->port_lo), port_hi = htons(p->port_hi);
	__u8 lo[24] = {}, hi[24] = {};
	size_t n = pe->address_size;

	if (p->dir != pe->dir)
		return 0;
	memcpy(lo, pe->segment->lo, n);
	memcpy(hi, pe->segment->hi, n);
	lo[n] = p->proto_lo;
	hi[n] = p->proto_hi;
	memcpy(lo + n + 4, &port_lo, 2);
	memcpy(hi + n + 4, &port_hi, 2);
	nft_put_element(&pe->elements, lo, hi, timeout_of(pe->writer, p->until), 0);
	pe->any = true;
	return 0;
}

static int put_ports(struct nft_writer *w, int family, const struct nft_segments *segments,
		     bool *any)
{
	struct port_elements pe = {.writer = w, .address_size = family == AF_INET ? 4 : 16};
	int ret = 0;

	for (pe.dir = 0; pe.dir < DIR_COUNT && !ret; pe.dir++) {
		pe.elements = begin_set(w, &ports_sets[family == AF_INET6][pe.dir]);
		for (size_t i = 0; i < segments->count && !ret; i++) {
			pe.segment = &segments->items[i];
			if (pe.segment->rules)
				ret = nft_ports_each(w->policy->allow, pe.segment->rules, w->now,
						     put_port, &pe);
		}
		nft_put_elements_end(&pe.elements);
	}
	*any = pe.any;
	return ret;
}

static void put_kept(struct nft_writer *w, int family)
{
	struct nft_elements e = begin_set(w, &kept_sets[family == AF_INET6]);
	size_t n = family == AF_INET ? 4 : 16;

	for (size_t i = 0; i < w->policy->kept_count; i++) {
		const struct kept_key *k = &w->policy->kept[i];
		__u8 key[40] = {};

		if (k->family != (__u32)family)
			continue;
		memcpy(key, k->peer, n);
		memcpy(key + n, &k->peer_port, 2);
		memcpy(key + n + 4, k->local, n);
		memcpy(key + 2 * n + 4, &k->local_port, 2);
		nft_put_element(&e, key, NULL, 0, 0);
	}
	nft_put_elements_end(&e);
}

static void put_judge_sets(struct nft_writer *w)
{
	struct nft_elements e = begin_set(w, &protocols_set);

	for (size_t i = 0; i < NFT_PORT_PROTOCOLS; i++)
		nft_put_element(&e, &nft_port_protocols[i], NULL, 0, 0);
	nft_put_elements_end(&e);
	for (int six = 0; six < 2; six++) {
		put_kept(w, six ? AF_INET6 : AF_INET);
		for (int dir = 0; dir < DIR_COUNT; dir++) {
			begin_set(w, &flows_sets[six][dir]);
			nft_carry_elements(w, &flows_sets[six][dir]);
		}
	}
	begin_set(w, &onlink_set);
	nft_carry_elements(w, &onlink_set);
}

int nft_put_allow_sets(struct nft_writer *w, bool with_ports, struct error *err)
{
	const struct compiled *c = w->policy->allow;
	int ret = 0;

	for (int six = 0; six < 2 && !ret; six++) {
		int family = six ? AF_INET6 : AF_INET;
		struct nft_segments segments = {};
		bool any = false;

		if (c)
			ret = nft_segments_make(six ? c->ip6 : c->ip4,
						six ? c->ip6_count : c->ip4_count, family,
						&segments);
		if (ret)
			return fail(err, ret, "the allowlist for nftables: %s", strerror(-ret));
		put_addresses(w, family, &segments);
		if (with_ports)
			ret = put_ports(w, family, &segments, &any);
		*(six ? &w->has6 : &w->has4) = any;
		nft_segments_free(&segments);
	}
	if (ret)
		return fail(err, ret, "the allowlist for nftables holds a rule that leads nowhere");
	if (with_ports)
		put_judge_sets(w);
	return 0;
}
