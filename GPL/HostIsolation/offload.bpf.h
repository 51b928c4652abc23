/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A checksum that is left to the device (CHECKSUM_PARTIAL) is written behind this hook. The IP
 * stack has it written where it belongs; who makes frames himself (AF_PACKET with a virtio_net_hdr,
 * a virtual machine) says where, and by his payload also what: on the destination, if he likes.
 * No helper tells, so the kernel's own struct is read.
 */
#pragma once

#include "HostIsolation/kernel.bpf.h"
#include "HostIsolation/packet.bpf.h"

#define CHECKSUM_PARTIAL 3

/* Sockets of the IP stack cannot ask for it, and need not be looked at. */
static __always_inline int from_ip_stack(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	return sk && (sk->family == AF_INET || sk->family == AF_INET6);
}

static __always_inline int read_skb(struct __sk_buff *skb, __u32 at, void *to, __u32 size)
{
	return bpf_probe_read_kernel(to, size, (void *)skb + at);
}

/* Where the checksum goes, from the first byte the hook sees; -1: it is there already. */
static __always_inline int checksum_goes(struct __sk_buff *skb)
{
	__u64 head = 0, data = 0;
	__u16 start = 0, offset = 0;
	__u8 summed = 0;

	read_skb(skb, kernel.ip_summed, &summed, sizeof(summed));
	if ((summed >> kernel.ip_summed_shift & kernel.ip_summed_mask) != CHECKSUM_PARTIAL)
		return -1;
	read_skb(skb, kernel.head, &head, sizeof(head));
	read_skb(skb, kernel.data, &data, sizeof(data));
	read_skb(skb, kernel.csum_start, &start, sizeof(start));
	read_skb(skb, kernel.csum_offset, &offset, sizeof(offset));
	return start + offset - (int)(data - head);
}

/* Behind all that the verdict came from: addresses, ports, flags. What lies deeper may be a
 * tunnelled packet's. */
static __always_inline int checksum_harmless(const struct packet *p, int at)
{
	int l4 = p->frame_len - p->trailing - p->l4_len;

	return p->family && at >= l4 + (p->peer.proto == IPPROTO_TCP ? 14 : 6);
}
