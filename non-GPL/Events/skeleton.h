/* SPDX-License-Identifier: BSD-2-Clause */
/* The tracer's programs and maps, with the types its globals have. */
#pragma once

#include <stdbool.h>
#include "Events/events.h"
#include "Events/routes.h"
#include "events.skel.h"

/* The build for kernels with bpf_loop(), or the one for those without; NULL with errno. */
struct events_bpf *events_open(bool loop);
