// SPDX-License-Identifier: BSD-2-Clause
/*
 * The rules of the backend: what verdict.bpf.h decides, as far as nftables can say it. Chains "in"
 * and "out", each with one for IPv4, IPv6 and ARP behind it.
 *
 * What it cannot say: that a unicast neighbour solicitation asks for its own destination, that an
 * ICMP error's quoted packet came from this host (two fields cannot be compared), which fragments
 * follow one that a port entry let through (they drop), a second tag inside the frame (drops), and
 * which IPv4 options a frame has that leaves (all drop).
 */
#include "HostIsolation/nftjudge.h"

#include <linux/if_ether.h>

#define NH NFT_PAYLOAD_NETWORK_HEADER
#define TH NFT_PAYLOAD_TRANSPORT_HEADER

static const __u8 zero[16];
static const char *const in_out[] = {[DIR_IN] = "in", [DIR_OUT] = "out"};

void nft_judge_begin(struct nft_judge *j)
{
	rule_begin(&j->w->rules, j->chain);
}

/* The last two of a rule: counted under its reason, and decided. */
void nft_judge_end(struct nft_judge *j, enum reason reason)
{
	char name[COUNTER_NAME_MAX];

	nft_counter_name(name, j->w->policy->audit, nft_reasons[reason].word, j->dir);
	do_count(&j->w->rules, name);
	if (nft_reasons[reason].passes) {
		do_verdict(&j->w->rules, NF_ACCEPT, NULL);
		rule_end(&j->w->rules);
	} else {
		do_drop(j->w);
	}
}

static void to_chain(struct nft_judge *j, const char *chain)
{
	do_verdict(&j->w->rules, NFT_GOTO, chain);
	rule_end(&j->w->rules);
}

void nft_load_peer(struct nft_judge *j, int reg)
{
	if (j->family == AF_INET)
		load_payload(&j->w->rules, NH, j->dir == DIR_OUT ? 16 : 12, 4, reg);
	else
		load_payload(&j->w->rules, NH, j->dir == DIR_OUT ? 24 : 8, 16, reg);
}

static void if_l4(struct nft_judge *j, __u8 proto)
{
	if_meta_u8(&j->w->rules, NFT_META_L4PROTO, NFT_CMP_EQ, proto);
}

/* Registers behind the peer's address: 1 for IPv4, 4 for IPv6. */
static int behind_peer(const struct nft_judge *j)
{
	return j->family == AF_INET ? 1 : 4;
}

enum port_kind { PORTS_TCP, PORTS_OTHER, PORTS_NONE };

/*
 * One rule of the port entries that `who` begins. The key is peer . protocol . port begun to, and
 * for flows . port begun from; protocols without ports have zeros there.
 */
static void put_port_rule(struct nft_judge *j, int who, enum port_kind kind, enum reason reason)
{
	struct nft_rules *r = &j->w->rules;
	int at = behind_peer(j);
	bool begins = who == j->dir;

	nft_judge_begin(j);
	load_meta(r, NFT_META_L4PROTO, REG(0));
	if (kind == PORTS_TCP)
		if_reg(r, REG(0), NFT_CMP_EQ, &(__u8){IPPROTO_TCP}, 1);
	else if (kind == PORTS_OTHER)
		if_in(r, "port_protocols", REG(0));
	else
		if_not_in(r, "port_protocols", REG(0));
	if (kind == PORTS_TCP && !begins && reason != REASON_NO_FLOW)
		if_bits(r, TH, 13, NFT_CMP_NEQ, 0x12, 0x02); /* opens no connection */

	nft_load_peer(j, REG(0));
	load_meta(r, NFT_META_L4PROTO, REG(at));
	if (kind == PORTS_NONE) {
		load_value(r, REG(at + 1), zero, 4);
		load_value(r, REG(at + 2), zero, 4);
	} else {
		load_payload(r, TH, begins ? 2 : 0, 2, REG(at + 1));
		load_payload(r, TH, begins ? 0 : 2, 2, REG(at + 2));
	}
	if_in(r, nft_ports_set(j->family, who), REG(0));
	if (kind != PORTS_TCP && reason != REASON_NO_FLOW) {
		if (!begins)
			if_in(r, nft_flows_set(j->family, who), REG(0));
		do_update(r, nft_flows_set(j->family, who), REG(0), FLOW_IDLE_MS);
	}
	nft_judge_end(j, reason);
}

static void put_port_rules(struct nft_judge *j)
{
	if (!(j->family == AF_INET ? j->w->has4 : j->w->has6))
		return;
	for (enum port_kind kind = PORTS_TCP; kind <= PORTS_NONE; kind++)
		put_port_rule(j, j->dir, kind, REASON_ALLOWED_PORT);
	for (enum port_kind kind = PORTS_TCP; kind <= PORTS_NONE; kind++)
		put_port_rule(j, !j->dir, kind, REASON_ALLOWED_PORT);
	for (enum port_kind kind = PORTS_TCP; kind <= PORTS_NONE; kind++)
		put_port_rule(j, !j->dir, kind, REASON_NO_FLOW);
}

static void put_allowed(struct nft_judge *j)
{
	nft_judge_begin(j);
	nft_load_peer(j, REG(0));
	if_in(&j->w->rules, j->family == AF_INET ? "allow4" : "allow6", REG(0));
	nft_judge_end(j, REASON_ALLOWED);
}

static void put_kept(struct nft_judge *j)
{
	struct nft_rules *r = &j->w->rules;
	int n = behind_peer(j), len = n * 4;
	int out = j->dir == DIR_OUT, first = j->family == AF_INET ? 12 : 8;

	if (!j->w->policy->kept_count)
		return;
	nft_judge_begin(j);
	if_l4(j, IPPROTO_TCP);
	if_bits(r, TH, 13, NFT_CMP_NEQ, 0x12, 0x02);
	nft_load_peer(j, REG(0));
	load_payload(r, TH, out ? 2 : 0, 2, REG(n));
	load_payload(r, NH, out ? first : first + len, len, REG(n + 1));
	load_payload(r, TH, out ? 0 : 2, 2, REG(2 * n + 1));
	if_in(r, j->family == AF_INET ? "kept4" : "kept6", REG(0));
	nft_judge_end(j, REASON_KEPT_SSH);
}

/* What is not the first fragment has no ports to judge by. */
static void put_orphans(struct nft_judge *j)
{
	struct nft_rules *r = &j->w->rules;

	nft_judge_begin(j);
	if (j->family == AF_INET) {
		load_payload(r, NH, 6, 2, REG(0));
		if_masked(r, REG(0), NFT_CMP_NEQ, "\x1f\xff", zero, 2);
	} else {
		load_exthdr6(r, IPPROTO_FRAGMENT, 2, 2, REG(0));
		if_masked(r, REG(0), NFT_CMP_NEQ, "\xff\xf8", zero, 2);
	}
	nft_judge_end(j, REASON_ORPHAN);
}

static void put_source_routes(struct nft_judge *j)
{
	static const __u8 options[] = {131, 137}; /* LSRR, SSRR: RFC 791 §3.1 */
	struct nft_rules *r = &j->w->rules;

	if (j->family == AF_INET6) {
		nft_judge_begin(j);
		load_exthdr6(r, IPPROTO_ROUTING, 3, 1, REG(0)); /* segments left */
		if_reg(r, REG(0), NFT_CMP_NEQ, zero, 1);
		nft_judge_end(j, REASON_SOURCE_ROUTE);
		return;
	}
	if (r->family == NFPROTO_NETDEV && j->dir == DIR_OUT) {
		/* the kernel looks for options at the frame's first byte, which is Ethernet's here:
		 * so none at all pass */
		nft_judge_begin(j);
		if_bits(r, NH, 0, NFT_CMP_NEQ, 0x0f, 5);
		nft_judge_end(j, REASON_SOURCE_ROUTE);
		return;
	}
	for (size_t i = 0; i < sizeof(options) && j->w->can & NFT_CAN_OPTIONS; i++) {
		nft_judge_begin(j);
		if_option4(r, options[i]);
		nft_judge_end(j, REASON_SOURCE_ROUTE);
	}
}

static void put_dhcp4(struct nft_judge *j)
{
	static const __u8 to_server[] = {0, 68, 0, 67}, to_client[] = {0, 67, 0, 68};
	static const __u8 broadcast[] = {255, 255, 255, 255};
	struct nft_rules *r = &j->w->rules;
	bool out = j->dir == DIR_OUT;

	nft_judge_begin(j);
	if_l4(j, IPPROTO_UDP);
	load_payload(r, NH, 6, 2, REG(0));
	if_masked(r, REG(0), NFT_CMP_EQ, "\x3f\xff", zero, 2);
	if_bytes(r, TH, 0, out ? to_server : to_client, 4);
	if_u8(r, TH, 8, NFT_CMP_EQ, out ? 1 : 2); /* BOOTREQUEST, BOOTREPLY */
	if (out)
		if_bytes(r, NH, 16, broadcast, 4);
	nft_judge_end(j, REASON_DHCP);
}

/* Errors about packets that went to an allowed peer; quoted: where the quoted IP header begins. */
static void put_quoted4(struct nft_judge *j, __u8 type)
{
	const int quoted = 8;
	struct nft_rules *r = &j->w->rules;

	nft_judge_begin(j);
	if_l4(j, IPPROTO_ICMP);
	if_u8(r, TH, 0, NFT_CMP_EQ, type);
	if_bits(r, TH, quoted, NFT_CMP_EQ, 0xf0, 0x40);
	load_payload(r, TH, quoted + 16, 4, REG(0));
	if_in(r, "allow4", REG(0));
	nft_judge_end(j, REASON_ICMP_ERROR);
	for (int who = 0; who < DIR_COUNT && j->w->has4; who++) {
		nft_judge_begin(j);
		if_l4(j, IPPROTO_ICMP);
		if_u8(r, TH, 0, NFT_CMP_EQ, type);
		if_u8(r, TH, quoted, NFT_CMP_EQ, 0x45);
		load_payload(r, TH, quoted + 16, 4, REG(0));
		load_payload(r, TH, quoted + 9, 1, REG(1));
		load_payload(r, TH, quoted + 20 + (who == DIR_OUT ? 2 : 0), 2, REG(2));
		if_in(r, nft_ports_set(AF_INET, who), REG(0));
		nft_judge_end(j, REASON_ICMP_ERROR);
	}
}

static void put_ip4(struct nft_judge *j)
{
	put_source_routes(j);
	put_allowed(j);
	put_orphans(j);
	put_port_rules(j);
	put_kept(j);
	put_dhcp4(j);
	if (j->dir == DIR_IN) {
		put_quoted4(j, 3);  /* unreachable, fragmentation needed */
		put_quoted4(j, 11); /* time exceeded */
	}
	nft_judge_begin(j);
	nft_judge_end(j, REASON_NOT_ALLOWED);
}

static void put_ip6(struct nft_judge *j)
{
	nft_put_redirects(j);
	put_source_routes(j);
	put_allowed(j);
	put_orphans(j);
	put_port_rules(j);
	put_kept(j);
	nft_put_icmp6(j);
	nft_judge_begin(j);
	nft_judge_end(j, REASON_NOT_ALLOWED);
}

/* No bytes behind it that a sender of ours could fill. Ethernet headers count on the way out. */
static void put_arp(struct nft_judge *j)
{
	static const __u8 header[] = {0, 1, 8, 0, 6, 4}, request[] = {0, 1}, reply[] = {0, 2};
	static const int padding = ETH_ZLEN - ETH_HLEN;
	struct nft_rules *r = &j->w->rules;

	for (int padded = 0; padded < (j->dir == DIR_OUT ? 2 : 1); padded++) {
		nft_judge_begin(j);
		if_bytes(r, NH, 0, header, sizeof(header));
		if_between(r, NH, 6, 2, request, reply);
		if (j->dir == DIR_IN)
			if_meta_u32_below(r, NFT_META_LEN, padding + 1);
		else
			if_meta_u32(r, NFT_META_LEN, NFT_CMP_EQ, padded ? ETH_ZLEN : ETH_HLEN + 28);
		if (padded) {
			if_bytes(r, NH, 28, zero, 16);
			if_bytes(r, NH, 44, zero, 2);
		}
		nft_judge_end(j, REASON_ARP);
	}
	nft_judge_begin(j);
	nft_judge_end(j, REASON_ARP_SHAPE);
}

static void put_lacp(struct nft_judge *j)
{
	struct nft_rules *r = &j->w->rules;

	nft_judge_begin(j);
	if_protocol(r, ETH_P_SLOW);
	if_u8(r, NH, 0, NFT_CMP_EQ, 1);
	if_meta_u32(r, NFT_META_LEN, NFT_CMP_EQ, 110 + (j->dir == DIR_OUT ? ETH_HLEN : 0));
	nft_judge_end(j, REASON_LACP);
}

/* A chain of its own, and the rule of chain "in" or "out" that leads there. */
static void put_branch(struct nft_judge *j, __u16 ethertype, const char *name,
		       void (*put)(struct nft_judge *j))
{
	struct nft_rules *r = &j->w->rules;
	char chain[16];

	snprintf(chain, sizeof(chain), "%s_%s", in_out[j->dir], name);
	nft_put_chain(r->batch, r->family, r->table, chain);
	j->chain = chain;
	put(j);
	j->chain = in_out[j->dir];
	nft_judge_begin(j);
	if_protocol(r, ethertype);
	to_chain(j, chain);
}

void nft_put_judge(struct nft_writer *w, int dir, bool link, bool ip)
{
	struct nft_judge j = {.w = w, .dir = dir, .chain = in_out[dir]};
	struct nft_rules *r = &w->rules;

	nft_put_chain(r->batch, r->family, r->table, j.chain);
	if (ip) {
		j.family = AF_INET;
		put_branch(&j, ETH_P_IP, "ip4", put_ip4);
		j.family = AF_INET6;
		put_branch(&j, ETH_P_IPV6, "ip6", put_ip6);
	}
	if (!link)
		return;
	if (!ip)
		for (int six = 0; six < 2; six++) {
			nft_judge_begin(&j);
			if_protocol(r, six ? ETH_P_IPV6 : ETH_P_IP);
			do_verdict(r, NF_ACCEPT, NULL);
			rule_end(r);
		}
	put_branch(&j, ETH_P_ARP, "arp", put_arp);
	nft_judge_begin(&j);
	if_protocol(r, ETH_P_PAE);
	nft_judge_end(&j, REASON_EAPOL);
	put_lacp(&j);
	nft_judge_begin(&j);
	nft_judge_end(&j, REASON_ETHERTYPE);
}
