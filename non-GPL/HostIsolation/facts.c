// SPDX-License-Identifier: BSD-2-Clause
#include "HostIsolation/facts.h"
#include <errno.h>
#include <pthread.h>
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

/* 0 or -errno of a program of these instructions. */
static int try_load(const struct bpf_insn *insns, size_t count)
{
	_cleanup_close_ int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "hostiso_asks",
					       "Dual BSD/GPL", insns, count, NULL);

	return fd < 0 ? -errno : 0;
}

/* Not where the kernel is locked down so far (confidentiality) that it refuses programs which read
 * it. libbpf_probe_bpf_helper() takes that refusal of newer kernels for none. */
static bool may_read_kernel(void)
{
	static const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_10},
		{.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_1, .imm = -8},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 8},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_probe_read_kernel},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return try_load(insns, sizeof(insns) / sizeof(*insns)) != -EINVAL;
}

/* By a program that asks a socket for it. */
static bool has_mptcp(void)
{
	static const struct bpf_insn insns[] = {
		{.code = BPF_LDX | BPF_MEM | BPF_DW,
		 .dst_reg = BPF_REG_1,
		 .src_reg = BPF_REG_1,
		 .off = offsetof(struct __sk_buff, sk)},
		{.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = BPF_REG_1, .off = 1},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_skc_to_mptcp_sock},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return try_load(insns, sizeof(insns) / sizeof(*insns)) == 0;
}

static void find_for_both(void)
{
	found.mptcp = has_mptcp();
}

static void find_for_outwards(void)
{
	struct btf *btf = may_read_kernel() ? btf__load_vmlinux_btf() : NULL;

	found.skb_readable = btf && find_skb(btf, &found);
	btf__free(btf);
}

void kernel_facts(bool outwards, struct kernel_facts *out)
{
	static pthread_once_t both = PTHREAD_ONCE_INIT, outwards_only = PTHREAD_ONCE_INIT;

	pthread_once(&both, find_for_both);
	*out = (struct kernel_facts){.mptcp = found.mptcp};
	if (!outwards)
		return;
	pthread_once(&outwards_only, find_for_outwards);
	*out = found;
}

const char *refusal_text(int ret)
{
	/* libbpf 1.1 says ESRCH then; ENOENT is what open(2) says. */
	if ((ret == -ESRCH || ret == -ENOENT) && access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return NO_KERNEL_TYPES;
	return ret == -EPERM ? "Operation not permitted (BPF is locked down, or a capability is "
			       "missing)"
			     : strerror(-ret);
}
