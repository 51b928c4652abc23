/* SPDX-License-Identifier: BSD-2-Clause */
/* The words that status prints, in text and in JSON. */
#pragma once

#include <stddef.h>
#include <linux/types.h>

struct reason_word {
	const char *word;
	int passes;
	const char *text;
};

extern const struct reason_word reasons[];
extern const char *const xdp_words[];	/* by enum xdp_way */
extern const char *const state_words[]; /* by enum isolation_state */
/* RFC 3339, UTC, seconds. */
void format_time(__u64 seconds, char *buf, size_t size);
