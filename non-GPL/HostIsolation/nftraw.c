// SPDX-License-Identifier: BSD-2-Clause
/*
 * Chain "raw": frames that a process wrote itself (AF_PACKET). With PACKET_QDISC_BYPASS they never
 * meet tc, so here is the part of the policy that frames from outside the IP stack may need:
 * allowed peers by address, ARP, EAPOL, LACP, a DHCP request. All else drops; ports and process
 * grants are for sockets of the IP stack.
 *
 * The kernel's own idea of such a frame (meta protocol, the network header) is what the sender
 * claimed; the bytes behind the link header are what goes onto the wire. So everything is read
 * from the link header on, and a frame without one (or on a device without) matches nothing.
 */
#include <linux/if_ether.h>
#include <string.h>
#include "HostIsolation/netlink.h"
#include "HostIsolation/nfttables.h"

#define LL NFT_PAYLOAD_LL_HEADER
#define ROUTED_MARK 0x686f7374 /* "host" */
#define ARP_FRAME (ETH_HLEN + 28)

static const __u8 zero16[16];

/* at: where the network header begins, 14 or behind a tag 18; its EtherType lies right before. */
static void begin(struct nft_writer *w, const char *chain, int at, __u16 ethertype)
{
	rule_begin(&w->rules, chain);
	if_be16(&w->rules, LL, at - 2, NFT_CMP_EQ, ethertype);
}

static void pass_frame(struct nft_writer *w)
{
	do_verdict(&w->rules, NF_ACCEPT, NULL);
	rule_end(&w->rules);
}

/* As the kernel sends it, or padded with zeros to the least frame. */
static void put_arp(struct nft_writer *w, const char *chain, int at, bool padded)
{
	static const __u8 header[] = {0, 1, 8, 0, 6, 4};
	static const __u8 request[] = {0, 1}, reply[] = {0, 2};
	struct nft_rules *r = &w->rules;

	begin(w, chain, at, ETH_P_ARP);
	if_bytes(r, LL, at, header, sizeof(header));
	if_between(r, LL, at + 6, 2, request, reply);
	if_meta_u32(r, NFT_META_LEN, NFT_CMP_EQ, padded ? ETH_ZLEN : ARP_FRAME);
	if (padded) {
		if_bytes(r, LL, at + 28, zero16, 16);
		if_bytes(r, LL, at + 44, zero16, 2);
	}
	pass_frame(w);
}

/* Other protocols than IP that the link itself needs. */
static void put_link(struct nft_writer *w, const char *chain, int at)
{
	struct nft_rules *r = &w->rules;

	put_arp(w, chain, at, false);
	put_arp(w, chain, at, true);
	begin(w, chain, at, ETH_P_PAE);
	pass_frame(w);
	begin(w, chain, at, ETH_P_SLOW);
	if_u8(r, LL, at, NFT_CMP_EQ, 1); /* LACP */
	if_meta_u32(r, NFT_META_LEN, NFT_CMP_EQ, ETH_HLEN + 110);
	pass_frame(w);
}

/* No options: a source route would hide where it goes. */
static void put_ip4(struct nft_writer *w, const char *chain, int at)
{
	static const __u8 ports[] = {0, 68, 0, 67}, broadcast[] = {255, 255, 255, 255};
	struct nft_rules *r = &w->rules;

	begin(w, chain, at, ETH_P_IP);
	if_u8(r, LL, at, NFT_CMP_EQ, 0x45);
	load_payload(r, LL, at + 16, 4, REG(0));
	if_in(r, "allow4", REG(0));
	pass_frame(w);

	begin(w, chain, at, ETH_P_IP);
	if_u8(r, LL, at, NFT_CMP_EQ, 0x45);
	if_u8(r, LL, at + 9, NFT_CMP_EQ, IPPROTO_UDP);
	if_bytes(r, LL, at + 16, broadcast, 4);
	load_payload(r, LL, at + 6, 2, REG(0));
	if_masked(r, REG(0), NFT_CMP_EQ, "\x3f\xff", zero16, 2); /* no fragment */
	if_bytes(r, LL, at + 20, ports, 4);
	if_u8(r, LL, at + 28, NFT_CMP_EQ, 1); /* BOOTREQUEST */
	pass_frame(w);
}

/* Straight behind the IPv6 header: extension headers could hide a route. */
static void put_ip6(struct nft_writer *w, const char *chain, int at)
{
	static const __u8 protocols[] = {IPPROTO_TCP,  IPPROTO_UDP,  IPPROTO_ICMPV6,
					 IPPROTO_SCTP, IPPROTO_DCCP, IPPROTO_UDPLITE};
	struct nft_rules *r = &w->rules;

	for (size_t i = 0; i < sizeof(protocols); i++) {
		begin(w, chain, at, ETH_P_IPV6);
		if_bits(r, LL, at, NFT_CMP_EQ, 0xf0, 0x60);
		if_u8(r, LL, at + 6, NFT_CMP_EQ, protocols[i]);
		load_payload(r, LL, at + 24, 16, REG(0));
		if_in(r, "allow6", REG(0));
		pass_frame(w);
	}
}

static void put_frames(struct nft_writer *w, const char *chain, int at)
{
	char name[COUNTER_NAME_MAX];

	put_ip4(w, chain, at);
	put_ip6(w, chain, at);
	put_link(w, chain, at);
	rule_begin(&w->rules, chain);
	nft_counter_name(name, w->policy->audit, WORD_RAW, DIR_OUT);
	do_count(&w->rules, name);
	do_drop(w);
}

static void put_tagged(struct nft_writer *w, const char *chain, int at, const char *behind)
{
	static const __u16 tags[] = {ETH_P_8021Q, ETH_P_8021AD};

	for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++) {
		begin(w, chain, at, tags[i]);
		do_verdict(&w->rules, NFT_GOTO, behind);
		rule_end(&w->rules);
	}
}

/* Devices whose frames go out by another one. */
static const char *const upper_kinds[] = {"vlan", "bond", "team", "macsec"};
#define UPPER_KINDS (sizeof(upper_kinds) / sizeof(*upper_kinds))

static void put_mark(struct nft_rules *r, const char *chain, const char *kind)
{
	rule_begin(r, chain);
	if (kind)
		if_oifkind(r, kind);
	if_route(r);
	do_set_meta(r, NFT_META_SECMARK, ROUTED_MARK);
	rule_end(r);
}

void nft_put_routed_mark(struct nft_rules *r, const char *chain)
{
	for (size_t i = 0; i < UPPER_KINDS; i++)
		put_mark(r, chain, upper_kinds[i]);
}

int nft_put_device_routed_mark(struct nft_rules *r, const char *chain, int ifindex)
{
	struct link_info link;
	int ret = link_read(ifindex, &link, NULL);

	for (size_t i = 0; i < UPPER_KINDS && !ret; i++)
		if (!strcmp(link.kind, upper_kinds[i]))
			put_mark(r, chain, NULL);
	return ret;
}

void if_routed_mark(struct nft_rules *r)
{
	if_meta_u32(r, NFT_META_SECMARK, NFT_CMP_EQ, ROUTED_MARK);
}

/* As many tags as the filter takes (VLAN_TAGS_MAX): below a VLAN device the kernel's own packets
 * may come here too, without their route, where the kernel cannot mark them. */
void nft_put_raw(struct nft_writer *w)
{
	static const char *const chains[] = {"raw", "raw_tagged", "raw_tagged2"};
	struct nft_rules *r = &w->rules;
	int i;

	for (i = 0; i < 3; i++)
		nft_put_chain(r->batch, r->family, r->table, chains[i]);
	for (i = 0; i < 3; i++) {
		if (i < 2)
			put_tagged(w, chains[i], ETH_HLEN + 4 * i, chains[i + 1]);
		put_frames(w, chains[i], ETH_HLEN + 4 * i);
	}
}
