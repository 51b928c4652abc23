/* SPDX-License-Identifier: BSD-2-Clause */
/* The tracer's programs and maps, with the types its globals have. */
#pragma once

#include <bpf/btf.h>
#include "Events/events.h"
#include "Events/routes.h"
#include "events.skel.h"

/* The object is built once for each of these; newer ones do the same with less. */
enum events_build {
	EVENTS_UNROLLED, /* the verifier follows every step of a loop */
	EVENTS_LOOP,	 /* bpf_loop(), 5.17 */
	EVENTS_CAST, /* bpf_rdonly_cast() too, 6.2: the kernel's structs are read by plain loads */
	EVENTS_BUILDS,
};

/* The newest that this kernel takes, found by loading a small program. kernel: its BTF. */
enum events_build events_best(const struct btf *kernel);

/* NULL with errno. */
struct events_bpf *events_open(enum events_build build);
