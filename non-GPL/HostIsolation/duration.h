/* SPDX-License-Identifier: BSD-2-Clause */
/* Durations as people write them: 90, 90s, 15m, 4h, 2d, 1h30m. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include "HostIsolation/error.h"

#define DURATION_MAX_NS (3650ULL * 86400 * 1000000000) /* ten years: more is a typo */
#define SECOND_NS 1000000000ULL
#define DURATION_TEXT_MAX 32 /* room for any formatted one, with the NUL */

/*
 * Nanoseconds, > 0. A bare number is seconds; units d, h, m, s come each once and in this order.
 * -EINVAL with one line for anything else ("", "0", "-1", "1.5h", "1h 2m", "1m1h", "1h30",
 * more than DURATION_MAX_NS); *ns is untouched then.
 */
int duration_parse(const char *text, uint64_t *ns, struct error *err);

/* "1h30m", "2d", "45s", "<1s", "0s": the largest unit and the one below it, rounded down. */
void duration_format(uint64_t ns, char *buf, size_t size);
