// SPDX-License-Identifier: BSD-2-Clause
#include "HostIsolation/facts.h"
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <linux/bpf.h>
#include "HostIsolation/cleanup.h"

#define DEEPEST 8 /* unions and structs without names, one in the other */

static struct kernel_facts found;

/* A member of a struct, or of one without a name in it: its first bit, and how many, from the
 * struct's beginning. */
static bool member(const struct btf *btf, __s32 type, const char *name, int depth, __u32 *bit,
		   __u32 *bits)
{
	const struct btf_type *t = btf__type_by_id(btf, type);
	const struct btf_member *m;

	if (!t || !btf_is_composite(t) || depth > DEEPEST)
		return false;
	m = btf_members(t);
	for (__u32 i = 0; i < btf_vlen(t); i++) {
		const char *this = btf__name_by_offset(btf, m[i].name_off);
		__u32 at = btf_member_bit_offset(t, i), inner;

		if (this && !strcmp(this, name)) {
			*bit = at;
			*bits = btf_member_bitfield_size(t, i);
			return true;
		}
		if (!m[i].name_off &&
		    member(btf, (__s32)m[i].type, name, depth + 1, &inner, bits)) {
			*bit = at + inner;
			return true;
		}
	}
	return false;
}

/* What is no bitfield. */
static bool place(const struct btf *btf, __s32 type, const char *name, __u32 *at)
{
	__u32 bit, bits;

	if (!member(btf, type, name, 0, &bit, &bits) || bits)
		return false;
	*at = bit / 8;
	return true;
}

static bool find_skb(const struct btf *btf, struct kernel_facts *f)
{
	__s32 skb = btf__find_by_name_kind(btf, "sk_buff", BTF_KIND_STRUCT);
	__u32 bit, bits;

	if (skb < 0 || !place(btf, skb, "head", &f->head) || !place(btf, skb, "data", &f->data) ||
	    !place(btf, skb, "csum_start", &f->csum_start) ||
	    !place(btf, skb, "csum_offset", &f->csum_offset) ||
	    !member(btf, skb, "ip_summed", 0, &bit, &bits) || !bits || bit % 8 + bits > 8)
		return false;
	f->ip_summed = bit / 8;
	f->ip_summed_shift = bit % 8;
	f->ip_summed_mask = (1U << bits) - 1;
	return true;
}

/* By a program that asks a socket for it. */
static bool has_mptcp(void)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_LDX | BPF_MEM | BPF_DW,
		 .dst_reg = BPF_REG_1,
		 .src_reg = BPF_REG_1,
		 .off = offsetof(struct __sk_buff, sk)},
		{.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = BPF_REG_1, .off = 1},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_skc_to_mptcp_sock},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	_cleanup_close_ int fd =
		bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "hostiso_mptcp", "Dual BSD/GPL", insns,
			      sizeof(insns) / sizeof(*insns), NULL);

	return fd >= 0;
}

static void find(void)
{
	struct btf *btf = btf__load_vmlinux_btf();

	found.skb_known = btf && find_skb(btf, &found);
	btf__free(btf);
	found.mptcp = has_mptcp();
}

const struct kernel_facts *kernel_facts(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, find);
	return &found;
}
