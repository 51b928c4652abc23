// SPDX-License-Identifier: BSD-2-Clause
/* IPv6 cannot work without its control traffic: what of it passes, and in which shape. */
#include "HostIsolation/nftjudge.h"

#define NH NFT_PAYLOAD_NETWORK_HEADER
#define TH NFT_PAYLOAD_TRANSPORT_HEADER
#define SRC 8 /* in the IPv6 header */
#define DST 24

static const __u8 ff02_1_2[16] = {0xff, 2, [13] = 1, [15] = 2};
static const __u8 ff02_2[16] = {0xff, 2, [15] = 2};

static void begin_icmp6(struct nft_judge *j, __u8 first, __u8 last)
{
	struct nft_rules *r = &j->w->rules;

	nft_judge_begin(j);
	if_meta_u8(r, NFT_META_L4PROTO, NFT_CMP_EQ, IPPROTO_ICMPV6);
	if_between(r, TH, 0, 1, &first, &last);
}

static void if_hop_limit(struct nft_judge *j, __u8 limit)
{
	if_u8(&j->w->rules, NH, 7, NFT_CMP_EQ, limit);
}

/* The payload length field: extension headers count in. */
static void if_length(struct nft_judge *j, __u16 first, __u16 last)
{
	__be16 lo = htons(first), hi = htons(last);

	if_between(&j->w->rules, NH, 4, 2, &lo, &hi);
}

static void if_link_local(struct nft_judge *j, int at)
{
	load_payload(&j->w->rules, NH, at, 2, REG(0));
	if_masked(&j->w->rules, REG(0), NFT_CMP_EQ, "\xff\xc0", "\xfe\x80", 2);
}

/* ff?2::/16: a multicast address that no router forwards (RFC 4291 §2.7) */
static void if_link_multicast(struct nft_judge *j, int at)
{
	load_payload(&j->w->rules, NH, at, 2, REG(0));
	if_masked(&j->w->rules, REG(0), NFT_CMP_EQ, "\xff\x0f", "\xff\x02", 2);
}

void nft_put_redirects(struct nft_judge *j)
{
	begin_icmp6(j, 137, 137);
	nft_judge_end(j, REASON_REDIRECT);
}

static void begin_nd(struct nft_judge *j, __u8 first, __u8 last, __u16 min, __u16 max)
{
	begin_icmp6(j, first, last);
	if_hop_limit(j, 255);
	if_u8(&j->w->rules, TH, 1, NFT_CMP_EQ, 0); /* code */
	if_length(j, min, max);
}

/* Out only to where no router carries it: on the link, or to a neighbour that proved to be one. */
static void put_nd_out(struct nft_judge *j)
{
	struct nft_rules *r = &j->w->rules;

	begin_nd(j, 133, 133, 8, 24);
	if_bytes(r, NH, DST, ff02_2, 16);
	nft_judge_end(j, REASON_ND);
	for (int unicast = 0; unicast < 2; unicast++) {
		begin_nd(j, 134, 134, 16, 1280);
		if_link_local(j, SRC);
		unicast ? if_link_local(j, DST) : if_link_multicast(j, DST);
		nft_judge_end(j, REASON_ND);

		begin_nd(j, 135, 136, 24, 40);
		unicast ? if_link_local(j, DST) : if_link_multicast(j, DST);
		if_u8(r, TH, 8, NFT_CMP_NEQ, 0xff); /* the target is no multicast address */
		nft_judge_end(j, REASON_ND);
	}
	begin_nd(j, 135, 136, 24, 40);
	if_u8(r, TH, 8, NFT_CMP_NEQ, 0xff);
	nft_load_peer(j, REG(0));
	if_in(r, "nd_onlink", REG(0));
	nft_judge_end(j, REASON_ND);
}

/* A hop limit of 255 was not forwarded: its sender is a neighbour, which is remembered. */
static void put_nd_in(struct nft_judge *j)
{
	struct nft_rules *r = &j->w->rules;

	for (int link_local = 1; link_local >= 0; link_local--) {
		static const struct {
			__u8 first, last;
			__u16 min, max;
		} shapes[] = {{133, 133, 8, 24}, {134, 134, 16, 65535}, {135, 136, 24, 40}};

		for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
			if (shapes[i].first == 134 && !link_local)
				continue; /* routers speak from link-local addresses only */
			begin_nd(j, shapes[i].first, shapes[i].last, shapes[i].min, shapes[i].max);
			if (link_local) {
				if_link_local(j, SRC);
			} else {
				nft_load_peer(j, REG(0));
				do_update(r, "nd_onlink", REG(0), ND_ONLINK_MS);
			}
			nft_judge_end(j, REASON_ND);
		}
	}
}

static void put_mld(struct nft_judge *j)
{
	static const __u8 any[16], types[][2] = {{130, 132}, {143, 143}};
	struct nft_rules *r = &j->w->rules;

	for (size_t i = 0; i < 2; i++) {
		for (int unspecified = 0; unspecified < 2; unspecified++) {
			begin_icmp6(j, types[i][0], types[i][1]);
			if_hop_limit(j, 1);
			if_u8(r, NH, DST, NFT_CMP_EQ, 0xff);
			unspecified ? if_bytes(r, NH, SRC, any, 16) : if_link_local(j, SRC);
			nft_judge_end(j, REASON_MLD);
		}
		begin_icmp6(j, types[i][0], types[i][1]);
		nft_judge_end(j, REASON_ND_SHAPE);
	}
}

/* Unreachable, packet too big, time exceeded, about a packet that went to an allowed peer. */
static void put_errors(struct nft_judge *j)
{
	const int quoted = 8;
	struct nft_rules *r = &j->w->rules;

	begin_icmp6(j, 1, 3);
	if_bits(r, TH, quoted, NFT_CMP_EQ, 0xf0, 0x60);
	load_payload(r, TH, quoted + DST, 16, REG(0));
	if_in(r, "allow6", REG(0));
	nft_judge_end(j, REASON_ICMP_ERROR);
	for (int who = 0; who < DIR_COUNT && j->w->has6; who++) {
		begin_icmp6(j, 1, 3);
		if_bits(r, TH, quoted, NFT_CMP_EQ, 0xf0, 0x60);
		load_payload(r, TH, quoted + DST, 16, REG(0));
		load_payload(r, TH, quoted + 6, 1, REG(4));
		load_payload(r, TH, quoted + 40 + (who == DIR_OUT ? 2 : 0), 2, REG(5));
		if_in(r, nft_ports_set(AF_INET6, who), REG(0));
		nft_judge_end(j, REASON_ICMP_ERROR);
	}
}

static void put_dhcp6(struct nft_judge *j)
{
	static const __u8 to_server[] = {2, 34, 2, 35}, to_client[] = {2, 35, 2, 34}; /* 546, 547 */
	struct nft_rules *r = &j->w->rules;
	bool out = j->dir == DIR_OUT;

	nft_judge_begin(j);
	if_meta_u8(r, NFT_META_L4PROTO, NFT_CMP_EQ, IPPROTO_UDP);
	if_bytes(r, TH, 0, out ? to_server : to_client, 4);
	out ? if_bytes(r, NH, DST, ff02_1_2, 16) : if_link_local(j, DST);
	nft_judge_end(j, REASON_DHCP);
}

void nft_put_icmp6(struct nft_judge *j)
{
	if (j->dir == DIR_OUT)
		put_nd_out(j);
	else
		put_nd_in(j);
	begin_icmp6(j, 133, 136);
	nft_judge_end(j, REASON_ND_SHAPE);
	put_mld(j);
	if (j->dir == DIR_IN)
		put_errors(j);
	put_dhcp6(j);
}
