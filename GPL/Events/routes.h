/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How the end of a system call finds its program, and where that program finds the arguments. */
#pragma once

#include <linux/types.h>

enum slot {
	SLOT_NONE,
#define SLOT(name) SLOT_##name,
#include "slots.def"
#undef SLOT
	SLOT_COUNT
};

#define ROUTE_COUNT 512

/* Linux 6.13; the same on all architectures. */
#define NR_SETXATTRAT 463
#define NR_REMOVEXATTRAT 466

/* Argument numbers from 1; 0: the call has no such argument. */
struct route {
	__u8 slot;
	__u8 fd;
	__u8 path, dirfd;
	__u8 path2, dirfd2; /* rename: where to */
	__u8 vector;	    /* writev: the data is found by iovecs */
	__u8 xattr;	    /* the name of an extended attribute */
};
