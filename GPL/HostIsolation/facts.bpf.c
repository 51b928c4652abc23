// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Attached to nothing: the command runs it once (BPF_PROG_TEST_RUN), and reads `facts`. libbpf
 * writes the numbers into it when it loads, by the kernel's own types (CO-RE).
 */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "HostIsolation/kernelfacts.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct sk_buff {
	unsigned char *head, *data;
	__u8 ip_summed : 2;
	__u16 csum_start, csum_offset;
} __attribute__((preserve_access_index));

struct mptcp_sock {
};

struct kernel_facts facts = {};

SEC("tc")
int find_facts(struct __sk_buff *skb)
{
	struct sk_buff *s = NULL;

	facts.head = bpf_core_field_offset(s->head);
	facts.data = bpf_core_field_offset(s->data);
	facts.csum_start = bpf_core_field_offset(s->csum_start);
	facts.csum_offset = bpf_core_field_offset(s->csum_offset);
	facts.ip_summed = __CORE_RELO(s, ip_summed, BYTE_OFFSET);
	facts.ip_summed_size = __CORE_RELO(s, ip_summed, BYTE_SIZE);
	facts.ip_summed_up = __CORE_RELO(s, ip_summed, LSHIFT_U64);
	facts.ip_summed_down = __CORE_RELO(s, ip_summed, RSHIFT_U64);
	facts.mptcp = bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_skc_to_mptcp_sock) &&
		      bpf_core_type_exists(struct mptcp_sock);
	facts.known = 1;
	return 0;
}
