/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * foreign TYPE RETURN PIN [NAMESPACE DEVICE [first]]: somebody else's BPF program, for tests that
 * ours leave it alone: it counts the packets it sees, and returns the number RETURN. TYPE is tc,
 * xdp, tcx-in or tcx-out. The program is pinned at PIN, its map (one __u64) at PIN_count, and with
 * tcx the link at PIN_link, put behind all others, or before them with `first`.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "lab.h"

/* Debian 12's linux/bpf.h does not know tcx; the numbers are the kernel's ABI (6.6). */
#define TCX_INGRESS 46
#define TCX_EGRESS 47
#define TCX_BEFORE (1U << 3)

#define REG(code_, dst_, src_, off_, imm_)                                                         \
	{                                                                                          \
		.code = (code_), .dst_reg = (dst_), .src_reg = (src_), .off = (off_),              \
		.imm = (imm_)                                                                      \
	}

static int bpf(int cmd, union bpf_attr *attr, const char *what)
{
	int ret = (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	if (ret < 0)
		die(1, "foreign: %s: %s", what, strerror(errno));
	return ret;
}

static void pin(int fd, const char *path, const char *suffix)
{
	union bpf_attr attr = {.bpf_fd = (uint32_t)fd};
	char name[4096];

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	attr.pathname = (uintptr_t)name;
	bpf(BPF_OBJ_PIN, &attr, name);
}

static int make_map(void)
{
	union bpf_attr attr = {.map_type = BPF_MAP_TYPE_ARRAY,
			       .key_size = 4,
			       .value_size = 8,
			       .max_entries = 1,
			       .map_name = "foreign"};

	return bpf(BPF_MAP_CREATE, &attr, "map");
}

static int load(uint32_t type, int map, int verdict)
{
	const struct bpf_insn insns[] = {
		/* *(__u32 *)(fp - 4) = 0; r0 = bpf_map_lookup_elem(map, fp - 4) */
		REG(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -4, 0),
		REG(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0),
		REG(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -4),
		REG(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map),
		REG(0, 0, 0, 0, 0),
		REG(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		/* if (r0) *(__u64 *)r0 += 1, atomically */
		REG(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 2, 0),
		REG(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_1, 0, 0, 1),
		REG(BPF_STX | BPF_XADD | BPF_DW, BPF_REG_0, BPF_REG_1, 0, 0),
		REG(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, verdict),
		REG(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	union bpf_attr attr = {.prog_type = type,
			       .insns = (uintptr_t)insns,
			       .insn_cnt = sizeof(insns) / sizeof(*insns),
			       .license = (uintptr_t) "BSD",
			       .prog_name = "foreign"};

	return bpf(BPF_PROG_LOAD, &attr, "program");
}

/* A tcx link: without `first` it goes behind whatever is there. */
static int attach(int prog, uint32_t type, const char *ns, const char *device, bool first)
{
	union bpf_attr attr = {.link_create.prog_fd = (uint32_t)prog,
			       .link_create.attach_type = type,
			       .link_create.flags = first ? TCX_BEFORE : 0};

	enter_netns(ns);
	attr.link_create.target_ifindex = if_nametoindex(device);
	return bpf(BPF_LINK_CREATE, &attr, "tcx link");
}

int main(int argc, char **argv)
{
	/* Before 5.11 maps and programs count against it. */
	const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	bool tcx = argc > 1 && !strncmp(argv[1], "tcx-", 4);
	bool xdp = argc > 1 && !strcmp(argv[1], "xdp");
	int map, prog;

	if (argc < 4 || (tcx && argc < 6) || (!tcx && !xdp && strcmp(argv[1], "tc")))
		die(2,
		    "usage: foreign tc|xdp|tcx-in|tcx-out RETURN PIN [NAMESPACE DEVICE [first]]");
	setrlimit(RLIMIT_MEMLOCK, &all);
	map = make_map();
	prog = load(xdp ? BPF_PROG_TYPE_XDP : BPF_PROG_TYPE_SCHED_CLS, map, atoi(argv[2]));
	if (tcx)
		pin(attach(prog, !strcmp(argv[1], "tcx-in") ? TCX_INGRESS : TCX_EGRESS, argv[4],
			   argv[5], argc > 6),
		    argv[3], "_link");
	pin(prog, argv[3], "");
	pin(map, argv[3], "_count");
	return 0;
}
