// SPDX-License-Identifier: BSD-2-Clause
/* Every program loads on this kernel, and costs its verifier little. */
#include "../lib/rows.h"
#include <stdio.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>

/* The kernel gives up at a million, and every instruction is time that `isolate` takes. */
#define VERIFIED_MAX 60000

static void test_program(void **state)
{
	int fd = lab.progs.fd[*(int *)*state];
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	if (fd < 0 && *(int *)*state == PROG_xdp_in_frags) {
		printf("# skip: this kernel has no xdp.frags\n");
		skip();
	}
	assert_true(fd >= 0);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	/* 0: before 5.16 the kernel does not tell */
	printf("# %s: %u instructions, %u looked at by the verifier\n", info.name,
	       info.xlated_prog_len / 8, info.verified_insns);
	assert_in_range(info.verified_insns, 0, VERIFIED_MAX);
}

int main(void)
{
	static int index[PROG_COUNT];
	static const char *const names[PROG_COUNT] = {
#define PROG(name) #name " loads",
#include "HostIsolation/progs.def"
#undef PROG
	};
	struct CMUnitTest tests[PROG_COUNT];

	for (int i = 0; i < PROG_COUNT; i++) {
		index[i] = i;
		tests[i] = (struct CMUnitTest){
			.name = names[i], .test_func = test_program, .initial_state = &index[i]};
	}
	return _cmocka_run_group_tests("programs", tests, PROG_COUNT, lab_up, lab_down);
}
