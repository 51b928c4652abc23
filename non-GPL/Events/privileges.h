/* SPDX-License-Identifier: BSD-2-Clause */
/* Gives up what a running tracer needs no more. */
#pragma once

/* Drops all capabilities but those for: files in other processes' roots (KEEP_LOOK_UP); the maps of
 * an isolation that may begin later, and whose sockets are whose (KEEP_FILTER). No new ones can
 * come back by execve. But for KEEP_FILTER, the user and groups are nobody's from then on. Best
 * effort: a container without CAP_SETPCAP keeps its bounding set. 0 or -errno. */
#define KEEP_LOOK_UP 1
#define KEEP_FILTER 2
int privileges_drop(unsigned int keep);
