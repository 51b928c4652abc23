/* SPDX-License-Identifier: BSD-2-Clause */
/* Durations as people write them: 90, 90s, 15m, 4h, 2d, 1h30m. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include "HostIsolation/error.h"

#define DURATION_MAX_NS (3650ULL * 86400 * 1000000000) /* ten years: more is a typo */

/* Nanoseconds, > 0. A bare number is seconds. -EINVAL with one line for anything else ("", "0",
 * "-1", "1.5h", "1h 2m", "1m1h", overflow). */
int duration_parse(const char *text, uint64_t *ns, struct error *err);

/* "1h30m", "45s", "<1s"; largest two units, rounded down. */
void duration_format(uint64_t ns, char *buf, size_t size);
