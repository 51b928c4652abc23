// SPDX-License-Identifier: BSD-2-Clause
/*
 * tcx DEVICE PROGRAM: what no filter on tc beats, a program of baseline.bpf.c that counts and drops
 * (count_tc) or does nothing (empty_tc), as the first on both ways of the device. Says so, and
 * stays until it is killed.
 */
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "HostIsolation/layout.h"
#include "HostIsolation/tcx.h"
#include "tools/bench/baseline.skel.h"

int main(int argc, char **argv)
{
	struct bpf_program *prog;
	struct baseline_bpf *base;
	int ifindex, link;

	if (argc != 3)
		return fprintf(stderr, "usage: tcx DEVICE PROGRAM\n"), 2;
	ifindex = if_nametoindex(argv[1]);
	if (!ifindex)
		return perror(argv[1]), 1;
	base = baseline_bpf__open_and_load();
	if (!base)
		return perror("tcx: the baseline programs"), 1;
	prog = bpf_object__find_program_by_name(base->obj, argv[2]);
	if (!prog)
		return fprintf(stderr, "tcx: no program %s\n", argv[2]), 1;
	for (int dir = 0; dir < DIR_COUNT; dir++) {
		link = tcx_attach_first(ifindex, dir, bpf_program__fd(prog));
		if (link < 0)
			return fprintf(stderr, "tcx: %s: %s\n", argv[1], strerror(-link)), 1;
	}
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
