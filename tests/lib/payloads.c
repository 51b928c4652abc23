// SPDX-License-Identifier: BSD-2-Clause
/* Packets for the packet tests: transports, and the traffic that keeps a network working. */
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include "frames.h"

struct frame *proto(int ipproto, struct frame *f)
{
	f->proto = ipproto;
	return f;
}

static struct frame *ports(int ipproto, size_t header, int src, int dst, struct frame *f)
{
	unsigned char *h = frame_push(f, header);

	put16(h, src);
	put16(h + 2, dst);
	return proto(ipproto, f);
}

struct frame *tcp(int src, int dst, int flags)
{
	struct frame *f = ports(IPPROTO_TCP, 20, src, dst, payload(10));

	f->data[12] = 5 << 4;
	f->data[13] = flags;
	return f;
}

struct frame *udp_with(int src, int dst, struct frame *data)
{
	struct frame *f = ports(IPPROTO_UDP, 8, src, dst, data);

	put16(f->data + 4, f->len);
	return f;
}

struct frame *udp(int src, int dst)
{
	return udp_with(src, dst, payload(10));
}

struct frame *udplite(int src, int dst)
{
	return ports(IPPROTO_UDPLITE, 8, src, dst, payload(10));
}

struct frame *sctp(int src, int dst)
{
	return ports(IPPROTO_SCTP, 12, src, dst, payload(16));
}

struct frame *dccp(int src, int dst)
{
	return ports(IPPROTO_DCCP, 12, src, dst, payload(4));
}

static struct frame *icmp(int ipproto, int type, int code, struct frame *body)
{
	unsigned char *h = frame_push(body, 8);

	h[0] = type;
	h[1] = code;
	return proto(ipproto, body);
}

struct frame *icmp4(int type, int code, struct frame *body)
{
	return icmp(IPPROTO_ICMP, type, code, body);
}

struct frame *icmp6(int type, int code, struct frame *body)
{
	return icmp(IPPROTO_ICMPV6, type, code, body);
}

struct frame *ping4(void)
{
	return icmp4(8, 0, payload(16));
}

struct frame *ping6(void)
{
	return icmp6(128, 0, payload(16));
}

/* An address behind the ICMPv6 header, and `options` bytes as a link-layer address option. */
static struct frame *with_target(int type, const char *target, size_t options)
{
	struct frame *f = frame_new(16 + options);

	put_address(AF_INET6, target, f->data);
	if (options >= 2) {
		f->data[16] = 1;
		f->data[17] = options / 8;
	}
	return icmp6(type, 0, f);
}

struct frame *nd(int type, const char *target, size_t options)
{
	return with_target(type, target, options);
}

struct frame *rs(size_t options)
{
	return icmp6(133, 0, payload(options));
}

struct frame *ra(size_t options)
{
	return icmp6(134, 0, payload(8 + options));
}

struct frame *mld1(int type, const char *group)
{
	return with_target(type, group, 0);
}

struct frame *mld2(size_t records)
{
	struct frame *f = frame_new(records * 20);

	for (size_t i = 0; i < records; i++) {
		f->data[i * 20] = 4;
		put_address(AF_INET6, "ff02::fb", f->data + i * 20 + 4);
	}
	f = icmp6(143, 0, f);
	put16(f->data + 6, records);
	return f;
}

struct frame *dhcp4(int src, int dst, int op)
{
	struct frame *f = frame_new(300);

	f->data[0] = op;
	f->data[1] = 1;
	f->data[2] = 6;
	return udp_with(src, dst, f);
}

struct frame *dhcp6(int src, int dst, int type)
{
	struct frame *f = frame_new(40);

	f->data[0] = type;
	return udp_with(src, dst, f);
}

struct frame *arp(int op)
{
	static const unsigned char fixed[] = {0, 1, 8, 0, 6, 4};
	struct frame *f = frame_new(28);

	memcpy(f->data, fixed, sizeof(fixed));
	put16(f->data + 6, op);
	put_address(AF_INET, HOST4, f->data + 14);
	put_address(AF_INET, "192.0.2.7", f->data + 24);
	return ether(ETH_P_ARP, f);
}

struct frame *lacp(void)
{
	struct frame *f = payload(110);

	f->data[0] = 1;
	return ether(ETH_P_SLOW, f);
}
