/* SPDX-License-Identifier: BSD-2-Clause */
/* The builds of the tracer's object, which have the same maps, programs and globals. */
#include <errno.h>
#include <stdlib.h>
#include <bpf/bpf.h>
#include "Events/skeleton.h"
#include "HostIsolation/cleanup.h"
#include "events_cast.skel.h"
#include "events_old.skel.h"

#define SAME_GLOBALS(build)                                                                        \
	_Static_assert(sizeof(((struct events_bpf *)0)->rodata[0]) ==                              \
			       sizeof(((struct build *)0)->rodata[0]),                             \
		       "all builds have the same constants");                                      \
	_Static_assert(sizeof(((struct events_bpf *)0)->bss[0]) ==                                 \
			       sizeof(((struct build *)0)->bss[0]),                                \
		       "all builds have the same variables")

SAME_GLOBALS(events_cast_bpf);
SAME_GLOBALS(events_old_bpf);

/* bpf_rdonly_cast(NULL, struct task_struct) in a program of its own. */
static bool has_cast(const struct btf *kernel)
{
	int task = btf__find_by_name_kind(kernel, "task_struct", BTF_KIND_STRUCT);
	int cast = btf__find_by_name_kind(kernel, "bpf_rdonly_cast", BTF_KIND_FUNC);
	struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 1, .imm = 0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = task},
		{.code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_KFUNC_CALL, .imm = cast},
		{.code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 0, .src_reg = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	_cleanup_close_ int fd = -1;

	if (task < 0 || cast < 0)
		return false;
	fd = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "cast", "GPL", insns,
			   sizeof(insns) / sizeof(insns[0]), NULL);
	return fd >= 0;
}

enum events_build events_best(const struct btf *kernel)
{
	if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_FUNC_loop, NULL) != 1)
		return EVENTS_UNROLLED;
	return has_cast(kernel) ? EVENTS_CAST : EVENTS_LOOP;
}

struct events_bpf *events_open(enum events_build build)
{
	struct events_bpf *skel = calloc(1, sizeof(*skel));
	struct bpf_object_skeleton *s;
	int ret;

	if (!skel)
		return NULL;
	ret = events_bpf__create_skeleton(skel);
	if (!ret) {
		s = skel->skeleton;
		if (build == EVENTS_UNROLLED)
			s->data = events_old_bpf__elf_bytes(&s->data_sz);
		else if (build == EVENTS_CAST)
			s->data = events_cast_bpf__elf_bytes(&s->data_sz);
		ret = bpf_object__open_skeleton(s, NULL);
	}
	if (ret) {
		events_bpf__destroy(skel);
		errno = -ret;
		return NULL;
	}
	return skel;
}
