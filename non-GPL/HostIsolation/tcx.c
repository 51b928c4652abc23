// SPDX-License-Identifier: BSD-2-Clause
// tcx, by bpf(2) itself.

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>
#include <bpf/bpf.h>
#include <linux/pkt_cls.h>

#include "HostIsolation/cleanup.h"
#include "HostIsolation/layout.h"
#include "HostIsolation/linkpin.h"
#include "HostIsolation/tcx.h"

/* include/uapi/linux/bpf.h of Linux 6.6. Names of our own: newer headers have these as enums. */
#define ATTACH_TCX_INGRESS 46	/* BPF_TCX_INGRESS in enum bpf_attach_type */
#define ATTACH_TCX_EGRESS 47	/* BPF_TCX_EGRESS */
#define ATTACH_BEFORE (1U << 3) /* BPF_F_BEFORE; before nothing in particular: first in line */
#define REVISION_ANY 0		/* expected_revision is not compared */

/* union bpf_attr's link_create with its tcx member. Older kernels demand that the bytes they do not
 * know are zero (bpf_check_uarg_tail_zero()), and all behind `flags` are. */
struct link_create {
	__u32 prog_fd;
	__u32 target_ifindex;
	__u32 attach_type;
	__u32 flags;
	__u32 relative_fd;
	__u32 pad;
	__u64 expected_revision;
};

/* union bpf_attr's query. */
struct prog_query {
	__u32 target_ifindex;
	__u32 attach_type;
	__u32 query_flags;
	__u32 attach_flags;
	__u64 prog_ids;
	__u32 count; /* room in, number of programs out */
	__u32 pad;
	__u64 prog_attach_flags;
	__u64 link_ids;
	__u64 link_attach_flags;
	__u64 revision;
};

_Static_assert(sizeof(struct link_create) == 32 && sizeof(struct prog_query) == 64,
	       "the kernel's layout");

static __u32 attach_type(int direction)
{
	return direction == DIR_IN ? ATTACH_TCX_INGRESS : ATTACH_TCX_EGRESS;
}

static int sys_bpf(int cmd, void *attr, unsigned int size)
{
	long r = syscall(SYS_bpf, cmd, attr, size);

	return r < 0 ? -errno : (int)r;
}

int tcx_query(int ifindex, int direction, struct tcx_list *out)
{
	struct tcx_list list = {};
	struct prog_query q = {
		.target_ifindex = ifindex,
		.attach_type = attach_type(direction),
		.prog_ids = (__u64)(unsigned long)list.prog_id,
		.link_ids = (__u64)(unsigned long)list.link_id,
		.count = TCX_PROGS_MAX,
	};
	int r = sys_bpf(BPF_PROG_QUERY, &q, sizeof(q));

	if (r == -EINVAL)
		return -EOPNOTSUPP;
	if (r && r != -ENOENT) /* 6.6 says so of an empty hook */
		return r;
	list.count = r ? 0 : q.count;
	*out = list;
	return 0;
}

int tcx_attach_first(int ifindex, int direction, int prog_fd)
{
	struct link_create c = {
		.prog_fd = prog_fd,
		.target_ifindex = ifindex,
		.attach_type = attach_type(direction),
		.flags = ATTACH_BEFORE,
		.expected_revision = REVISION_ANY,
	};
	int r = sys_bpf(BPF_LINK_CREATE, &c, sizeof(c));

	return r == -EINVAL ? -EOPNOTSUPP : r;
}

/* A program that is nothing but a jump to prog_fd, kept in `array`. */
static int jump_load(int array)
{
	const struct bpf_insn insns[] = {
		/* r2 = array; r3 = 0; tail call with r1, the packet, as it came */
		{.code = BPF_LD | BPF_DW | BPF_IMM,
		 .dst_reg = BPF_REG_2,
		 .src_reg = BPF_PSEUDO_MAP_FD,
		 .imm = array},
		{},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_tail_call},
		/* the array is empty: that must not open the host */
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = TC_ACT_SHOT},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "hostiso_jump", "Dual BSD/GPL", insns,
			     sizeof(insns) / sizeof(*insns), NULL);
}

int tcx_move_first(int ifindex, int direction, int prog_fd, int link_fd, const char *pin_path,
		   const char *jump_path)
{
	_cleanup_close_ int array = -1, jump = -1, first = -1;
	__u32 zero = 0;
	int r;

	array = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "hostiso_jump", sizeof(zero), sizeof(zero),
			       1, NULL);
	if (array < 0)
		return array;
	r = bpf_map_update_elem(array, &zero, &prog_fd, BPF_ANY);
	if (r)
		return r;
	jump = jump_load(array);
	if (jump < 0)
		return jump;
	/* A program array that no process and no pin holds is emptied, used or not. */
	unlink(jump_path);
	r = bpf_obj_pin(array, jump_path);
	if (r)
		return r;

	r = bpf_link_update(link_fd, jump, NULL);
	if (r)
		goto unpin;
	first = tcx_attach_first(ifindex, direction, prog_fd);
	r = first < 0 ? first : link_pin_put(first, pin_path);
	if (r) {
		if (first >= 0)
			bpf_link_detach(
				first); /* the kernel refuses a program that is there twice */
		if (bpf_link_update(link_fd, prog_fd, NULL))
			return r; /* it needs the jump from now on */
	}
unpin:
	unlink(jump_path);
	return r;
}
