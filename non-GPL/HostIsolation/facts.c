// SPDX-License-Identifier: BSD-2-Clause
#include "HostIsolation/facts.h"
#include <pthread.h>
#include <bpf/bpf.h>
#include "facts.skel.h"

static struct kernel_facts found;

static void find(void)
{
	char frame[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame));
	struct facts_bpf *skel = facts_bpf__open_and_load();

	if (skel && bpf_prog_test_run_opts(bpf_program__fd(skel->progs.find_facts), &opts) == 0)
		found = skel->bss->facts;
	facts_bpf__destroy(skel);
}

const struct kernel_facts *kernel_facts(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, find);
	return &found;
}
