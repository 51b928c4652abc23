/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A checksum that is left to the device (CHECKSUM_PARTIAL) is written behind this hook. The IP
 * stack has it written where it belongs; who makes frames himself (AF_PACKET with a virtio_net_hdr,
 * a virtual machine) says where, and by his payload also what: on the destination, if he likes.
 * No helper tells, so the kernel's own struct is read.
 */
#pragma once

#include <bpf/bpf_core_read.h>
#include "HostIsolation/packet.bpf.h"

#define CHECKSUM_PARTIAL 3

struct sk_buff___offload {
	unsigned char *head, *data;
	__u8 ip_summed : 2;
	__u16 csum_start; /* from head */
	__u16 csum_offset;
} __attribute__((preserve_access_index));

/* 0: the kernel is locked down so far (confidentiality) that it refuses programs which read it. */
const volatile __u8 offload_readable = 1;

/* Sockets of the IP stack cannot ask for it, and need not be looked at. */
static __always_inline int from_ip_stack(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	return sk && (sk->family == AF_INET || sk->family == AF_INET6);
}

/* Where the checksum goes, from the first byte the hook sees; -1: it is there already. */
static __always_inline int checksum_goes(struct __sk_buff *skb)
{
	struct sk_buff___offload *s = (void *)skb;

	if (BPF_CORE_READ_BITFIELD_PROBED(s, ip_summed) != CHECKSUM_PARTIAL)
		return -1;
	return BPF_CORE_READ(s, csum_start) + BPF_CORE_READ(s, csum_offset) -
	       (int)(BPF_CORE_READ(s, data) - BPF_CORE_READ(s, head));
}

/* Behind all that the verdict came from: addresses, ports, flags. What lies deeper may be a
 * tunnelled packet's. */
static __always_inline int checksum_harmless(const struct packet *p, int at)
{
	int l4 = p->frame_len - p->trailing - p->l4_len;

	return p->family && at >= l4 + (p->peer.proto == IPPROTO_TCP ? 14 : 6);
}
