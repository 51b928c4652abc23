/* SPDX-License-Identifier: BSD-2-Clause */
/* BPF programs attached through perf_event_open(2): what comes back holds the attachment. */
#pragma once

#include <stdbool.h>

/* The fd, or -errno. `ret`: at the function's return. */
int perf_attach_kprobe(int prog_fd, const char *function, bool ret);

/* `name` as in "raw_syscalls/sys_exit". The fd, or -errno; tracefs need not be mounted. */
int perf_attach_tracepoint(int prog_fd, const char *name);
