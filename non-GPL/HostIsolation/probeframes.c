// SPDX-License-Identifier: BSD-2-Clause
/* The probes' frames: Ethernet, a header or two, and 16 random bytes at the end. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/random.h>
#include <linux/if_ether.h>
#include "HostIsolation/probe.h"
#include "HostIsolation/probeframes.h"

static int put(__u8 *frame, int at, const void *bytes, int size)
{
	memcpy(frame + at, bytes, (size_t)size);
	return at + size;
}

static int nonce(__u8 *frame, int at)
{
	if (getrandom(frame + at, PROBE_NONCE, 0) != PROBE_NONCE)
		memset(frame + at, 0x5a, PROBE_NONCE);
	return at + PROBE_NONCE;
}

/* To a multicast address, or (inwards) to us from nobody. */
static int ethernet(__u8 *frame, const __u8 mac[6], __u16 type)
{
	static const __u8 group[6] = {0x01, 0x00, 0x5e, 0, 0, 254};
	const __be16 be = htons(type);

	put(frame, 0, group, 6);
	put(frame, 6, mac, 6);
	return put(frame, 12, &be, 2);
}

static __u16 checksum(const __u8 *bytes, int size)
{
	__u32 sum = 0;

	for (int i = 0; i < size; i += 2)
		sum += (__u32)bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

/* From 192.0.2.66 (RFC 5737, nobody's); the kernel puts in our own address on the way out. */
static int ip4(__u8 *frame, int at, __u8 proto, int payload, __u16 fragment)
{
	__u8 ip[20] = {0x45, 0, 0, 0, 0x12, 0x34, 0, 0, 1, 0, 0, 0, 192, 0, 2, 66, 224, 0, 0, 254};
	__u16 sum;

	ip[3] = (__u8)(20 + payload);
	ip[6] = (__u8)(fragment >> 8);
	ip[7] = (__u8)fragment;
	ip[9] = proto;
	sum = checksum(ip, 20);
	ip[10] = (__u8)(sum >> 8);
	ip[11] = (__u8)sum;
	return put(frame, at, ip, 20);
}

static int udp(__u8 *frame, int at, __u16 from, __u16 to)
{
	const __be16 header[] = {htons(from), htons(to), htons(8 + PROBE_NONCE), 0};

	return nonce(frame, put(frame, at, header, 8));
}

#define EXPERIMENT 1021 /* RFC 4727 */

static int make_udp_ports(__u8 *frame, const __u8 mac[6], __u16 from, __u16 to)
{
	int at = ethernet(frame, mac, ETH_P_IP);

	return udp(frame, ip4(frame, at, IPPROTO_UDP, 8 + PROBE_NONCE, 0), from, to);
}

static int make_udp(__u8 *frame, const __u8 mac[6])
{
	return make_udp_ports(frame, mac, EXPERIMENT, EXPERIMENT);
}

static int make_to_53(__u8 *frame, const __u8 mac[6])
{
	return make_udp_ports(frame, mac, EXPERIMENT, 53);
}

static int make_from_53(__u8 *frame, const __u8 mac[6])
{
	return make_udp_ports(frame, mac, 53, EXPERIMENT);
}

static int make_tcp(__u8 *frame, const __u8 mac[6])
{
	__u8 tcp[20] = {EXPERIMENT >> 8, EXPERIMENT & 255, EXPERIMENT >> 8, EXPERIMENT & 255};
	int at = ethernet(frame, mac, ETH_P_IP);

	tcp[12] = 5 << 4;
	tcp[13] = 2; /* SYN */
	at = ip4(frame, at, IPPROTO_TCP, 20 + PROBE_NONCE, 0);
	return nonce(frame, put(frame, at, tcp, 20));
}

static int make_icmp(__u8 *frame, const __u8 mac[6])
{
	const __u8 echo[8] = {8, 0, 0, 0, 0x12, 0x34};
	int at = ethernet(frame, mac, ETH_P_IP);

	at = ip4(frame, at, IPPROTO_ICMP, 8 + PROBE_NONCE, 0);
	return nonce(frame, put(frame, at, echo, 8));
}

/* The second one of a datagram whose first nobody saw. */
static int make_fragment(__u8 *frame, const __u8 mac[6])
{
	int at = ethernet(frame, mac, ETH_P_IP);

	return nonce(frame, ip4(frame, at, IPPROTO_UDP, PROBE_NONCE, 100));
}

static int make_ip6(__u8 *frame, const __u8 mac[6])
{
	__u8 ip[40] = {0x60, 0, 0, 0, 0, 8 + PROBE_NONCE, IPPROTO_UDP, 1};
	int at = ethernet(frame, mac, ETH_P_IPV6);

	inet_pton(AF_INET6, "2001:db8::66", ip + 8);
	inet_pton(AF_INET6, "ff02::114", ip + 24);
	return udp(frame, put(frame, at, ip, 40), EXPERIMENT, EXPERIMENT);
}

/* A request for 192.0.2.67, and more behind it than the padding of the least frame. */
static int make_arp(__u8 *frame, const __u8 mac[6])
{
	__u8 arp[28] = {0, 1, 8, 0, 6, 4, 0, 1, [14] = 192, 0, 2, 66, [24] = 192, 0, 2, 67};

	int at = ethernet(frame, mac, ETH_P_ARP);

	memcpy(arp + 8, mac, 6);
	at = put(frame, at, arp, 28);
	memset(frame + at, 'x', 30);
	return nonce(frame, at + 30);
}

static int make_vlan(__u8 *frame, const __u8 mac[6])
{
	int at = ethernet(frame, mac, ETH_P_8021Q);

	at = put(frame, at, "\x00\x01\x08\x00", 4);
	return udp(frame, ip4(frame, at, IPPROTO_UDP, 8 + PROBE_NONCE, 0), EXPERIMENT, EXPERIMENT);
}

/* IEEE 802's EtherType for local experiments. */
static int make_other(__u8 *frame, const __u8 mac[6])
{
	int at = ethernet(frame, mac, 0x88b5);

	memset(frame + at, 0, 30);
	return nonce(frame, at + 30);
}

const struct probe_kind probe_kinds[] = {
	{"tcp", DIR_OUT, make_tcp, WAY_IP4},
	{"udp", DIR_OUT, make_udp, WAY_IP4},
	{"udp-to-53", DIR_OUT, make_to_53, WAY_IP4},
	{"udp-from-53", DIR_OUT, make_from_53, WAY_IP4},
	{"icmp", DIR_OUT, make_icmp, WAY_IP4},
	{"fragment", DIR_OUT, make_fragment, WAY_IP4},
	{"ipv6", DIR_OUT, make_ip6, WAY_IP6},
	{"arp-payload", DIR_OUT, make_arp, WAY_PACKET},
	{"vlan", DIR_OUT, make_vlan, WAY_PACKET},
	{"ethertype", DIR_OUT, make_other, WAY_PACKET},
	{"raw-frame", DIR_OUT, make_udp, WAY_PACKET},
	{"raw-bypass", DIR_OUT, make_udp, WAY_BYPASS},
	{"af-xdp", DIR_OUT, make_udp, WAY_XDP},
	{"tcp", DIR_IN, make_tcp, WAY_RUN},
	{"udp", DIR_IN, make_udp, WAY_RUN},
	{"udp-to-53", DIR_IN, make_to_53, WAY_RUN},
	{"udp-from-53", DIR_IN, make_from_53, WAY_RUN},
	{"icmp", DIR_IN, make_icmp, WAY_RUN},
	{"fragment", DIR_IN, make_fragment, WAY_RUN},
	{"ipv6", DIR_IN, make_ip6, WAY_RUN},
	{"arp-payload", DIR_IN, make_arp, WAY_RUN},
	{"vlan", DIR_IN, make_vlan, WAY_RUN},
	{"ethertype", DIR_IN, make_other, WAY_RUN},
};
const size_t probe_kind_count = sizeof(probe_kinds) / sizeof(*probe_kinds);
