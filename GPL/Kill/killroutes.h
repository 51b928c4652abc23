/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where the syscall way finds a call's arguments; filled from killcalls.def before load. */
#pragma once

#include <linux/types.h>

#define KILL_CALLS 512

struct kill_route {
	__u8 watched, door;
	__u8 fd, path, dirfd, mode, flags; /* arguments from 1; 0: none */
	__u8 compat;			   /* of a 32-bit program: set where it is found */
};
