/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the filter has to know of this kernel beyond its ABI, found once (facts.bpf.c) and handed to
 * each program as constants. Were it asked for in the programs themselves (CO-RE), libbpf would
 * read all of the kernel's type information for each of them: 5 ms and a search, four times.
 */
#pragma once

#include <linux/types.h>

struct kernel_facts {
	/* In struct sk_buff, bytes. */
	__u32 head, data, csum_start, csum_offset;
	__u32 ip_summed,
		ip_summed_size; /* the bitfield: `size` bytes as a little-endian number, … */
	__u32 ip_summed_up, ip_summed_down; /* … shifted in 64 bits, first up, then down */
	__u32 mptcp; /* there is bpf_skc_to_mptcp_sock(), and MPTCP (Linux 5.19) */
	__u32 known; /* 0: the rest was not found */
};
