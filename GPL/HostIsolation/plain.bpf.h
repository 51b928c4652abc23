/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The short way for the plain packet, which nearly every one is: Ethernet or no link header, IPv4
 * without options or IPv6 without extension headers, no fragment, TCP or UDP with its ports within
 * reach. It fills no struct packet: a few loads and one lookup. Whatever is not plain, or needs
 * more than its peer's address to be judged, goes the long way (packet.bpf.h, verdict.bpf.h), which
 * must say the same of what is judged here: the packet tests send every frame both ways.
 */
#pragma once

#include "HostIsolation/match.bpf.h"

/* Of every plain packet so much is within reach: the IPv4 header, and the least behind it. */
#define PLAIN_BYTES (sizeof(struct iphdr) + sizeof(struct udphdr))

/*
 * How long the transport header is that the IP header names, by which the packet's own length is
 * judged; 0xffff is longer than any packet. That TCP's header may lie further back than is within
 * reach does not matter: it is there, by the frame's length, and nobody here reads more than ports.
 */
static __always_inline __u32 plain_header(__u8 proto)
{
	return proto == IPPROTO_TCP   ? sizeof(struct tcphdr)
	       : proto == IPPROTO_UDP ? sizeof(struct udphdr)
				      : 0xffff;
}

/* Both ports of a packet of a client's or, inwards, to it; as they lie behind the IP header. */
static __always_inline __u32 client_ports(__u32 dir, __u16 client, __u16 server)
{
	return dir == DIR_OUT ? bpf_htonl((__u32)client << 16 | server)
			      : bpf_htonl((__u32)server << 16 | client);
}

/* The end of both: `node` is what the allowlist has for the peer. */
static __always_inline __u32 judge_plain(__u64 control, struct allow_node *node, __u32 frame_len,
					 const __u32 *ports, __u32 dhcp, int count_hits, __u64 *now)
{
	if (node && still(node->until, now)) {
		if (count_hits)
			HIT(node, frame_len);
		return REASON_ALLOWED;
	}
	if ((node && node->rules) || *ports == dhcp ||
	    control & (CONTROL_KEPT | CONTROL_GRANTS | CONTROL_DROPS))
		return PARSED;
	return REASON_NOT_ALLOWED;
}

static __always_inline __u32 plain_ip4(const struct policy *policy, __u64 control,
				       const struct iphdr *ip, __u32 there, __u32 frame_len,
				       __u32 dir, int count_hits, __u64 *now)
{
	__u32 told = bpf_ntohs(ip->tot_len), bank = !!(control & CONTROL_BANK);
	struct lpm_key4 key = {.prefixlen = 32};

	if (*(__u8 *)ip != 0x45 || ip->frag_off & bpf_htons(0x3fff) || told > there ||
	    told < sizeof(*ip) + plain_header(ip->protocol))
		return PARSED;
	*(__be32 *)key.addr = dir == DIR_OUT ? ip->daddr : ip->saddr;
	return judge_plain(control, find_node4(policy, bank, &key), frame_len,
			   (const __u32 *)(ip + 1), client_ports(dir, DHCP4_CLIENT, DHCP4_SERVER),
			   count_hits, now);
}

static __always_inline __u32 plain_ip6(const struct policy *policy, __u64 control,
				       const struct ipv6hdr *ip, const void *data_end, __u32 there,
				       __u32 frame_len, __u32 dir, int count_hits, __u64 *now)
{
	__u32 told, bank = !!(control & CONTROL_BANK);
	struct lpm_key6 key = {.prefixlen = 128};

	if ((void *)(ip + 1) + sizeof(struct udphdr) > data_end || *(__u8 *)ip >> 4 != 6)
		return PARSED;
	told = bpf_ntohs(ip->payload_len);
	if (told + sizeof(*ip) > there || told < plain_header(ip->nexthdr))
		return PARSED;
	copy16(key.addr, dir == DIR_OUT ? &ip->daddr : &ip->saddr);
	return judge_plain(control, find_node6(policy, bank, &key), frame_len,
			   (const __u32 *)(ip + 1), client_ports(dir, DHCP6_CLIENT, DHCP6_SERVER),
			   count_hits, now);
}

/*
 * The reason, or PARSED: take the long way. frame_len is what the hook sees of the frame, of which
 * only data to data_end need be within reach.
 */
static __always_inline __u32 judge_short(const struct policy *policy, __u64 control, void *data,
					 void *data_end, __u32 frame_len, int ethernet, __u32 dir,
					 int count_hits, __u64 *now)
{
	__u32 link = ethernet ? ETH_HLEN : 0, there = frame_len - link;
	__be16 proto;

	if (control & CONTROL_LONG_WAY || data + link + PLAIN_BYTES > data_end)
		return PARSED;
	if (ethernet) /* h_proto, whose struct is packed: two loads */
		proto = *(__be16 *)(data + ETH_ALEN * 2);
	else
		proto = *(__u8 *)data >> 4 == 4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	data += link;
	if (proto == bpf_htons(ETH_P_IP))
		return plain_ip4(policy, control, data, there, frame_len, dir, count_hits, now);
	if (proto == bpf_htons(ETH_P_IPV6))
		return plain_ip6(policy, control, data, data_end, there, frame_len, dir, count_hits,
				 now);
	return PARSED;
}
