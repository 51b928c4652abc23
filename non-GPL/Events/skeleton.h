/* SPDX-License-Identifier: BSD-2-Clause */
/* The tracer's programs and maps, with the types its globals have. */
#pragma once

#include "Events/events.h"
#include "Events/routes.h"
#include "events.skel.h"

/* The programs that suit the running kernel; NULL with errno. */
struct events_bpf *events_open(void);
