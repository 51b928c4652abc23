/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From frame to fields, in three steps: parse_headers() walks Ethernet, VLAN tags and the IPv4 or
 * IPv6 header, parse_between() what lies between that and the transport header, parse_transport()
 * the rest. They fill struct packet; nothing behind this file sees the frame. Every function
 * returns PARSED or the reason to drop.
 *
 * The filter makes a global function of each step, verified by itself: in one function the verifier
 * followed every way through a step on all ways through the step before.
 */
#pragma once

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "HostIsolation/grantlayout.h"

#define AF_INET 2
#define AF_INET6 10

#define PARSED REASON_COUNT /* no verdict yet */
#define MORE (PARSED + 1)   /* of parse_between(): go on */

#define VLAN_TAGS_MAX 2
#define IP_OPTIONS_MAX 12 /* single ones and paddings; no sender of this world comes near */
#define EXTENSION_HEADERS_MAX 8
#define EXTENSION_BYTES_MAX 0x7ff /* a mask: all extension headers together are shorter */
#define ETH_PADDING_MAX (ETH_ZLEN - ETH_HLEN) /* bytes of payload that a sender pads up to */

enum fragment_kind {
	FRAGMENT_NONE = 0,
	FRAGMENT_FIRST,
	FRAGMENT_LATER,
};

/* What the frame is, where the allowlist has no say or not the only one. */
enum packet_class {
	CLASS_IP = 0,
	CLASS_ARP,
	CLASS_EAPOL,
	CLASS_LACP,
	CLASS_ND,
	CLASS_MLD,
	CLASS_DHCP,
	CLASS_ICMP_ERROR,
	CLASS_BAD_ND,
	CLASS_REDIRECT,
};

/* The far end of a packet in the form the tries want, and the ports when there are any. */
struct peer {
	struct lpm_key6 key; /* for IPv4 a lpm_key4 lies at the same place */
	__u8 proto;
	__u8 has_ports;
	__be16 peer_port;
	__be16 local_port;
	__u16 pad;
};

struct packet {
	struct peer peer;
	struct peer quoted; /* CLASS_ICMP_ERROR: of the packet it is about, as it went out */
	__u8 local[16] __attribute__((aligned(4)));
	__u32 frame_len; /* bytes from the first byte the hook sees */
	__u32 linear;	 /* XDP: bytes within reach */
	__u32 l4_len;	/* bytes behind the IP header and its extensions, by the IP header's word */
	__u32 trailing; /* bytes behind the end of the IP packet */
	__u32 fragment_id;
	__u32 chain;	/* match_block(): the key of the next block of rules */
	__u8 dir;	/* enum direction */
	__u8 family;	/* AF_INET, AF_INET6, 0: not IP */
	__u8 class;	/* enum packet_class */
	__u8 fragment;	/* enum fragment_kind */
	__u8 tcp_flags; /* TH_* */
	__u8 hop_limit;
	__u8 icmp_type;
	__u8 nd_unicast; /* leaves for a unicast address that is not link-local */
	__u8 cut;	 /* a header was looked for past the bytes in reach; more may lie beyond */
	__u16 walked;	 /* where parse_between() stands, from the end of the IP header */
	__u16 next;	 /* where the next step begins, from the frame's first byte */
	__u8 between;	 /* IPv4: bytes of options; IPv6: 1: extension headers follow */
	__u8 begins;	 /* match_block(): the rule found lets this side begin */
	__u8 extended;	 /* IP options, extension headers or a fragment header lie between */
	__u8 refused;	 /* match_block(): a rule fits, but this is no answer */
	__u8 bare;	 /* TCP without payload */
	__u8 tags;	 /* VLAN tags that the hook has beside the frame */

	/* grant.bpf.h's, which sets them before it reads them: packet_reset() ends here. */
	struct bpf_sock_tuple tuple;
	__u8 tuple_udp;		  /* else TCP */
	__u8 tuple_more;	  /* TUPLE_MORE_IP6, or 0 */
	struct sock_grants marks; /* of the socket that the packet belongs to */
	__u64 granted;		  /* the id of the grant that admits it */
};

#define TH_SYN 0x02
#define TH_ACK 0x10

struct cursor {
	void *pos;
	void *end;
};

/* The header at the cursor, or NULL when the frame ends inside it. Moves the cursor behind it. */
#define TAKE(c, type)                                                                              \
	({                                                                                         \
		type *_h = (c)->pos;                                                               \
		(c)->pos += sizeof(*_h);                                                           \
		(c)->pos > (c)->end ? NULL : _h;                                                   \
	})

/* Addresses are aligned to four bytes in every header and key. */
static __always_inline void copy16(void *to, const void *from)
{
	__u32 *t = to;
	const __u32 *f = from;

	t[0] = f[0];
	t[1] = f[1];
	t[2] = f[2];
	t[3] = f[3];
}

#include "HostIsolation/link.bpf.h"
#include "HostIsolation/control.bpf.h"

static __always_inline __u32 parse_ports(struct cursor *c, struct packet *p, __u32 min_len)
{
	struct ports {
		__be16 src, dst;
	} *ports = TAKE(c, struct ports);

	if (p->l4_len < min_len)
		return REASON_MALFORMED;
	if (!ports)
		return REASON_TRUNCATED;
	p->peer.has_ports = 1;
	p->peer.peer_port = p->dir == DIR_OUT ? ports->dst : ports->src;
	p->peer.local_port = p->dir == DIR_OUT ? ports->src : ports->dst;
	return PARSED;
}

static __always_inline __u32 parse_tcp(struct cursor *c, struct packet *p)
{
	struct cursor ports = *c;
	struct tcphdr *tcp;
	__u32 reason = parse_ports(&ports, p, sizeof(struct tcphdr));

	if (reason != PARSED)
		return reason;
	tcp = TAKE(c, struct tcphdr);
	if (!tcp)
		return REASON_TRUNCATED;
	p->tcp_flags = ((__u8 *)tcp)[13];
	p->bare = p->l4_len == (((__u8 *)tcp)[12] >> 4) * 4U;
	return PARSED;
}

static __always_inline __u32 parse_udp(struct cursor *c, struct packet *p)
{
	struct udphdr *udp = c->pos;
	struct cursor ports = *c;
	__u32 reason = parse_ports(&ports, p, sizeof(struct udphdr));

	if (reason != PARSED)
		return reason;
	c->pos += sizeof(*udp);
	if (c->pos > c->end)
		return REASON_TRUNCATED;
	classify_dhcp(c, udp, p);
	return PARSED;
}

/* Bytes before a header: masks, which nothing passes. */
#define BEFORE_IP 0x3f	       /* the link header and its tags */
#define BEFORE_BETWEEN 0x7f    /* and the IP header */
#define BEFORE_TRANSPORT 0xfff /* and all options and extension headers */

static __always_inline int has_transport(const struct packet *p)
{
	return p->family && p->fragment != FRAGMENT_LATER;
}

static __always_inline __u32 parse_transport(void *data, void *data_end, struct packet *p)
{
	struct cursor at = {.pos = data + (p->next & BEFORE_TRANSPORT), .end = data_end}, *c = &at;

	switch (p->peer.proto) {
	case IPPROTO_TCP:
		return parse_tcp(c, p);
	case IPPROTO_UDP:
		return parse_udp(c, p);
	case IPPROTO_UDPLITE:
		return parse_ports(c, p, sizeof(struct udphdr));
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		return parse_ports(c, p, 12); /* RFC 9260 §3, RFC 4340 §5.1 */
	case IPPROTO_ICMP:
		return p->family == AF_INET ? parse_icmp4(c, p) : PARSED;
	case IPPROTO_ICMPV6:
		return p->family == AF_INET6 ? parse_icmp6(c, p) : PARSED;
	default:
		return PARSED;
	}
}

/*
 * One IP option, p->walked bytes behind the IP header. A source route makes the next hop's address
 * the destination and hides the real one: what the allowlist judged would not be where the packet
 * goes (RFC 791 §3.1).
 */
static __always_inline __u32 parse_option4(const struct cursor *c, struct packet *p)
{
	__u32 off = p->walked, len = p->between;
	__u8 *opt = c->pos + (off & 0x3f);

	if (off >= len)
		return PARSED;
	if (opt + 1 > (__u8 *)c->end)
		return REASON_TRUNCATED;
	if (*opt == IPOPT_END)
		return PARSED;
	if (*opt == IPOPT_LSRR || *opt == IPOPT_SSRR)
		return REASON_SOURCE_ROUTE;
	if (*opt == IPOPT_NOOP) {
		p->walked = off + 1;
		return MORE;
	}
	if (opt + 2 > (__u8 *)c->end)
		return REASON_TRUNCATED;
	if (opt[1] < 2 || off + opt[1] > len)
		return REASON_MALFORMED;
	p->walked = off + opt[1];
	return MORE;
}

/*
 * Takes the length the IP header tells against the bytes that are there. GSO packets over 64 KiB
 * ("BIG TCP") carry 0 in the field; they only ever come from our own stack.
 */
static __always_inline __u32 parse_length(struct packet *p, __u32 told, __u32 there)
{
	if (!told && there > 0xffff)
		told = there;
	if (told > there)
		return REASON_MALFORMED;
	p->trailing = there - told;
	p->l4_len = told;
	return PARSED;
}

static __always_inline __u32 parse_ip4(struct cursor *c, struct packet *p, __u32 there)
{
	struct iphdr *ip = TAKE(c, struct iphdr);
	__u32 header, reason, offset;

	if (!ip)
		return REASON_TRUNCATED;
	header = ip->ihl * 4;
	if (ip->version != 4 || header < sizeof(*ip))
		return REASON_MALFORMED;
	reason = parse_length(p, bpf_ntohs(ip->tot_len), there);
	if (reason != PARSED)
		return reason;
	if (p->l4_len < header)
		return REASON_MALFORMED;
	p->l4_len -= header;

	p->family = AF_INET;
	p->peer.proto = ip->protocol;
	p->hop_limit = ip->ttl;
	p->peer.key.prefixlen = 32;
	*(__be32 *)p->peer.key.addr = p->dir == DIR_OUT ? ip->daddr : ip->saddr;
	*(__be32 *)p->local = p->dir == DIR_OUT ? ip->saddr : ip->daddr;

	offset = bpf_ntohs(ip->frag_off) & 0x1fff;
	if (offset)
		p->fragment = FRAGMENT_LATER;
	else if (ip->frag_off & bpf_htons(0x2000))
		p->fragment = FRAGMENT_FIRST;
	p->fragment_id = ip->id;

	p->extended = header > sizeof(*ip) || p->fragment;
	if (p->fragment == FRAGMENT_LATER && offset == 1 && ip->protocol == IPPROTO_TCP)
		return REASON_MALFORMED; /* overwrites the flags of the first (RFC 1858 §3) */
	p->between = header - sizeof(*ip);
	return PARSED;
}

struct extension {
	__u8 next;
	__u8 len;
	__u8 type;
	__u8 segments_left; /* of a routing header (RFC 8200 §4.4) */
	__be32 id;	    /* of a fragment header (§4.5) */
};

static __always_inline int is_extension(__u8 proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_FRAGMENT ||
	       proto == IPPROTO_DSTOPTS || proto == IPPROTO_AH;
}

/* One extension header, p->walked bytes behind the IPv6 header: moves that and the protocol on. */
static __always_inline __u32 parse_extension6(const struct cursor *c, struct packet *p)
{
	struct extension *ext = c->pos + (p->walked & EXTENSION_BYTES_MAX);
	__u32 len, offset;

	if (!is_extension(p->peer.proto))
		return PARSED;
	if ((void *)(ext + 1) > c->end)
		return REASON_TRUNCATED;
	len = (ext->len + 1) * 8;
	switch (p->peer.proto) {
	case IPPROTO_ROUTING:
		if (ext->segments_left)
			return REASON_SOURCE_ROUTE;
		break;
	case IPPROTO_AH:
		len = (ext->len + 2) * 4; /* RFC 4302 §2.2 */
		break;
	case IPPROTO_FRAGMENT:
		if (p->fragment)
			return REASON_MALFORMED;
		len = 8;
		offset = ext->type << 8 | ext->segments_left;
		p->fragment = offset & 0xfff8 ? FRAGMENT_LATER
			      : offset & 1    ? FRAGMENT_FIRST
					      : FRAGMENT_NONE;
		p->fragment_id = ext->id;
		break;
	}
	if (len > p->l4_len || p->walked + len > EXTENSION_BYTES_MAX)
		return REASON_MALFORMED;
	p->l4_len -= len;
	p->extended = 1;
	p->peer.proto = ext->next;
	p->walked += len;
	return p->fragment == FRAGMENT_LATER ? PARSED : MORE;
}

static __always_inline __u32 parse_ip6(struct cursor *c, struct packet *p, __u32 there)
{
	struct ipv6hdr *ip = TAKE(c, struct ipv6hdr);
	__u32 reason;

	if (!ip)
		return REASON_TRUNCATED;
	if (ip->version != 6 || there < sizeof(*ip))
		return REASON_MALFORMED;
	reason = parse_length(p, bpf_ntohs(ip->payload_len), there - sizeof(*ip));
	if (reason != PARSED)
		return reason;

	p->family = AF_INET6;
	p->peer.proto = ip->nexthdr;
	p->hop_limit = ip->hop_limit;
	p->peer.key.prefixlen = 128;
	copy16(p->peer.key.addr, p->dir == DIR_OUT ? &ip->daddr : &ip->saddr);
	copy16(p->local, p->dir == DIR_OUT ? &ip->saddr : &ip->daddr);

	p->between = is_extension(p->peer.proto);
	return PARSED;
}

/*
 * One of IPv4's options or IPv6's extension headers: p->between tells that there are any. PARSED
 * after the last one. p->walked lives where the verifier forgets its value.
 */
static __always_inline __u32 parse_between(void *data, void *data_end, struct packet *p)
{
	struct cursor c = {.pos = data + (p->next & BEFORE_BETWEEN), .end = data_end};

	return p->family == AF_INET ? parse_option4(&c, p) : parse_extension6(&c, p);
}

static __always_inline int between_max(const struct packet *p)
{
	return p->family == AF_INET ? IP_OPTIONS_MAX : EXTENSION_HEADERS_MAX;
}

/* After the last call of parse_between(), which returned `reason`. */
static __always_inline __u32 between_ends(struct packet *p, __u32 reason)
{
	if (reason == MORE &&
	    (p->family == AF_INET ? p->walked < p->between : is_extension(p->peer.proto)))
		return REASON_MALFORMED;
	p->next += p->family == AF_INET ? p->between : p->walked;
	return reason == MORE ? PARSED : reason;
}

/* `ethernet`: the frame begins with an Ethernet header, else with an IP header. */
static __always_inline __u32 parse_headers(void *data, void *data_end, __u32 frame_len,
					   int ethernet, struct packet *p)
{
	struct cursor c = {.pos = data, .end = data_end};
	__u32 there, proto;

	p->frame_len = frame_len;
	proto = ethernet ? link_protocol(&c, p) : ip_protocol(&c);
	/* through memory, so that one, two or no tags are one case to the verifier */
	*(volatile __u16 *)&p->next = c.pos - data;
	there = frame_len - *(volatile __u16 *)&p->next;
	c.pos = data + (*(volatile __u16 *)&p->next & BEFORE_IP);
	switch (proto) {
	case ETH_P_IP:
		p->next += sizeof(struct iphdr);
		return parse_ip4(&c, p, there);
	case ETH_P_IPV6:
		p->next += sizeof(struct ipv6hdr);
		return parse_ip6(&c, p, there);
	case ETH_P_ARP:
		return parse_arp(&c, p, there);
	case ETH_P_PAE:
		p->class = CLASS_EAPOL;
		return PARSED;
	case ETH_P_SLOW:
		return parse_lacp(data, &c, p, there);
	case LINK_TRUNCATED:
		return REASON_TRUNCATED;
	default:
		return REASON_ETHERTYPE;
	}
}
