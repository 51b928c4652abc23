/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The short way for the plain packet, which nearly every one is: Ethernet or no link header, IPv4
 * without options or IPv6 without extension headers, no fragment, TCP or UDP with its header within
 * reach. It fills no struct packet: a few loads and one lookup. Whatever is not plain, or needs
 * more than its peer's address to be judged, goes the long way (packet.bpf.h, verdict.bpf.h), which
 * must say the same of what is judged here: the packet tests send every frame both ways.
 */
#pragma once

#include "HostIsolation/match.bpf.h"

/* Is this TCP or UDP, by the IP header's word long enough, and its header within reach? */
static __always_inline int is_plain_transport(__u8 proto, __u32 l4_len, const void *l4,
					      const void *data_end)
{
	__u32 header = sizeof(struct udphdr);

	if (proto == IPPROTO_TCP)
		header = sizeof(struct tcphdr);
	else if (proto != IPPROTO_UDP)
		return 0;
	return l4_len >= header && l4 + header <= data_end;
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
				       const struct iphdr *ip, const void *data_end, __u32 there,
				       __u32 frame_len, __u32 dir, int count_hits, __u64 *now)
{
	__u32 told, bank = !!(control & CONTROL_BANK);
	struct lpm_key4 key = {.prefixlen = 32};

	if ((void *)(ip + 1) > data_end || *(__u8 *)ip != 0x45 || ip->frag_off & bpf_htons(0x3fff))
		return PARSED;
	told = bpf_ntohs(ip->tot_len);
	if (told > there || told < sizeof(*ip) ||
	    !is_plain_transport(ip->protocol, told - sizeof(*ip), ip + 1, data_end))
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

	if ((void *)(ip + 1) > data_end || *(__u8 *)ip >> 4 != 6)
		return PARSED;
	told = bpf_ntohs(ip->payload_len);
	if (told + sizeof(*ip) > there || !is_plain_transport(ip->nexthdr, told, ip + 1, data_end))
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
	struct ethhdr *eth = data;
	__u32 there = frame_len;
	__be16 proto;

	if (control & CONTROL_LONG_WAY)
		return PARSED;
	if (ethernet) {
		if ((void *)(eth + 1) > data_end)
			return PARSED;
		proto = *(__be16 *)(data +
				    ETH_ALEN * 2); /* h_proto, whose struct is packed: two loads */
		data = eth + 1;
		there -= sizeof(*eth);
	} else {
		if (data + 1 > data_end)
			return PARSED;
		proto = *(__u8 *)data >> 4 == 4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	}
	if (proto == bpf_htons(ETH_P_IP))
		return plain_ip4(policy, control, data, data_end, there, frame_len, dir, count_hits,
				 now);
	if (proto == bpf_htons(ETH_P_IPV6))
		return plain_ip6(policy, control, data, data_end, there, frame_len, dir, count_hits,
				 now);
	return PARSED;
}
