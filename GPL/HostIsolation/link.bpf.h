/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The link layer: Ethernet and VLAN tags, and the protocols that keep the link itself alive. */
#pragma once

#define LINK_TRUNCATED 0x10000 /* no EtherType is */
#define ETH_P_LACP_LEN 110     /* IEEE 802.1AX: a LACPDU has one length */
#define LACP_SUBTYPE 1

struct vlan_tag {
	__be16 tci;
	__be16 next;
};

struct arp_ethernet {
	__be16 hardware, protocol;
	__u8 hardware_len, protocol_len;
	__be16 op;
	__u8 addresses[20]; /* sender MAC and IP, target MAC and IP */
};

/* The EtherType behind the Ethernet header and up to VLAN_TAGS_MAX tags; the cursor lies behind it.
 */
static __always_inline __u32 link_protocol(struct cursor *c, const struct packet *p)
{
	struct ethhdr *eth = TAKE(c, struct ethhdr);
	__be16 proto;

	if (!eth)
		return LINK_TRUNCATED;
	proto = eth->h_proto;
	for (__u32 i = *(volatile __u8 *)&p->tags; i < VLAN_TAGS_MAX; i++) {
		struct vlan_tag *tag;

		if (proto != bpf_htons(ETH_P_8021Q) && proto != bpf_htons(ETH_P_8021AD))
			break;
		tag = TAKE(c, struct vlan_tag);
		if (!tag)
			return LINK_TRUNCATED;
		proto = tag->next;
	}
	return bpf_ntohs(proto);
}

/* Without a link header the first nibble is the IP version; the skb's own idea may be a lie. */
static __always_inline __u32 ip_protocol(struct cursor *c)
{
	__u8 *first = c->pos;

	if (first + 1 > (__u8 *)c->end)
		return LINK_TRUNCATED;
	return *first >> 4 == 4 ? ETH_P_IP : *first >> 4 == 6 ? ETH_P_IPV6 : ETH_P_802_3;
}

/*
 * Bytes behind the ARP packet are padding up to the least Ethernet frame. Ours must be zero, since
 * a sender could fill them; what others pad with is out of our hands, but not its length.
 */
static __always_inline __u32 parse_arp(struct cursor *c, struct packet *p, __u32 there)
{
	struct arp_ethernet *arp = TAKE(c, struct arp_ethernet);

	if (!arp)
		return REASON_TRUNCATED;
	if (arp->hardware != bpf_htons(1) || arp->protocol != bpf_htons(ETH_P_IP) ||
	    arp->hardware_len != ETH_ALEN || arp->protocol_len != 4 ||
	    (arp->op != bpf_htons(1) && arp->op != bpf_htons(2)) || there > ETH_PADDING_MAX)
		return REASON_ARP_SHAPE;
	there -= sizeof(*arp);
	for (__u32 i = 0; p->dir == DIR_OUT && i < ETH_PADDING_MAX - sizeof(*arp) && i < there;
	     i++) {
		__u8 *pad = TAKE(c, __u8);

		if (!pad)
			return REASON_TRUNCATED;
		if (*pad)
			return REASON_ARP_SHAPE;
	}
	p->class = CLASS_ARP;
	return PARSED;
}

/*
 * A bond whose LACP falls silent takes its links down, and the responder with them. Its group
 * address is one that no bridge forwards (IEEE 802.1Q §8.6.3).
 */
static __always_inline __u32 parse_lacp(const struct ethhdr *eth, struct cursor *c,
					struct packet *p, __u32 there)
{
	__u8 *subtype = TAKE(c, __u8);

	if (!subtype || (void *)(eth + 1) > c->end)
		return REASON_TRUNCATED;
	if ((void *)(eth + 1) > c->end)
		return REASON_TRUNCATED;
	if (*(__be32 *)eth->h_dest != bpf_htonl(0x0180c200) ||
	    *(__be16 *)(eth->h_dest + 4) != bpf_htons(0x0002) || *subtype != LACP_SUBTYPE ||
	    there != ETH_P_LACP_LEN)
		return REASON_ETHERTYPE;
	if (eth->h_dest[0] != 0x01 || eth->h_dest[1] != 0x80 || eth->h_dest[2] != 0xc2 ||
	    eth->h_dest[3] || eth->h_dest[4] || eth->h_dest[5] != 0x02)
		return REASON_ETHERTYPE;
	p->class = CLASS_LACP;
	return PARSED;
}
