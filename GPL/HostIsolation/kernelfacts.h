/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the filter has to know of this kernel beyond its ABI, found once (facts.c) and handed to
 * each program as constants. Were it asked for in the programs themselves (CO-RE), libbpf would
 * read and search all of the kernel's type information for each of them.
 */
#pragma once

#include <linux/types.h>

struct kernel_facts {
	/* Of struct sk_buff, in bytes. */
	__u32 head, data, csum_start, csum_offset;
	__u32 ip_summed, ip_summed_shift, ip_summed_mask; /* a byte, and the bitfield in it */
	__u32 skb_readable; /* 0: these are not known, or programs may not read there */
	__u32 mptcp;	    /* bpf_skc_to_mptcp_sock() works (Linux 5.19) */
};
