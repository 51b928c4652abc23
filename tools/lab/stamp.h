/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What flood sends and watch looks for. The time of sending rides in the packet, so whether it was
 * sent while the host was isolated does not depend on how long a queue held it.
 */
#pragma once

#include <stdint.h>

#define STAMP_MAGIC "hi-flood" /* 8 bytes, without the NUL */

struct stamp {
	char magic[8];
	uint64_t sent_us; /* CLOCK_REALTIME */
	uint64_t flow;	  /* which of flood's targets, from 0 */
};
