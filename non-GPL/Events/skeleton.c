/* SPDX-License-Identifier: BSD-2-Clause */
/* Two builds of one object, with the same maps, programs and globals: one for kernels with
 * bpf_loop(), one for older ones. */
#include <errno.h>
#include <stdlib.h>
#include "Events/skeleton.h"
#include "events_old.skel.h"

_Static_assert(sizeof(((struct events_bpf *)0)->rodata[0]) ==
		       sizeof(((struct events_old_bpf *)0)->rodata[0]),
	       "both builds have the same constants");
_Static_assert(sizeof(((struct events_bpf *)0)->bss[0]) ==
		       sizeof(((struct events_old_bpf *)0)->bss[0]),
	       "both builds have the same variables");

struct events_bpf *events_open(bool loop)
{
	struct events_bpf *skel = calloc(1, sizeof(*skel));
	int ret;

	if (!skel)
		return NULL;
	ret = events_bpf__create_skeleton(skel);
	if (!ret) {
		if (!loop)
			skel->skeleton->data = events_old_bpf__elf_bytes(&skel->skeleton->data_sz);
		ret = bpf_object__open_skeleton(skel->skeleton, NULL);
	}
	if (ret) {
		events_bpf__destroy(skel);
		errno = -ret;
		return NULL;
	}
	return skel;
}
