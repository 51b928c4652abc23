/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What hostiso watch has said: each fault once, for as long as it lasts, and when it is worth
 * another attempt. Pure: no clock, no files.
 *
 * A line is known only when it was said. What appears between an attempt to mend and the look that
 * follows is news there, and not taken for what could not be mended.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#define TOLD_MAX 256 /* faults at once; past it they are mended all the same, and not said */

struct told {
	__u64 lines[TOLD_MAX]; /* hashes of those that were said and still hold */
	size_t count;
	unsigned int tries; /* since the last news */
	__u64 error;	    /* hash of the failure said last; 0: none since */
	__u64 next_ms;	    /* when mending what is known is worth another attempt */
};

/* Forgets what is not among `lines` any more: if it comes again, it is news. */
void told_keep(struct told *t, const char *const *lines, size_t count);
/* Was it said, and does it hold since? */
bool told_knows(const struct told *t, const char *line);
/* True, once, for a line that was not said. */
bool told_news(struct told *t, const char *line);
/* The same for why a look failed; NULL: it did not. */
bool told_error(struct told *t, const char *line);
/* Is a known fault due for another attempt? */
bool told_due(const struct told *t, __u64 now_ms);
/* An attempt was made at now_ms; the next of the same kind is due after `step_ms`, then twice that
 * and so on up to `most_ms`. */
void told_tried(struct told *t, bool news, __u64 now_ms, __u64 step_ms, __u64 most_ms);
/* Everything is news again. */
void told_forget(struct told *t);
