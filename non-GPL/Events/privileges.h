/* SPDX-License-Identifier: BSD-2-Clause */
/* Gives up what a running tracer needs no more. */
#pragma once

#include <stdbool.h>

/* Drops all capabilities; `look_up` keeps those to look at files in other processes' roots. No new
 * ones can come back by execve. Best effort: a container without CAP_SETPCAP keeps its bounding
 * set. 0 or -errno. */
int privileges_drop(bool look_up);
