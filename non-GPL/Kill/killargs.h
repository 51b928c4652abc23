/* SPDX-License-Identifier: BSD-2-Clause */
/* The options of `hostiso kill chmod`. */
#pragma once

#include "HostIsolation/verbs.h"
#include "Kill/killlayout.h"

#define KILL_REQUEST_VALUES 64
#define KILL_MAX_KILLS                                                                             \
	100 /* a second, unless told otherwise: past it something else is going on                 \
	     */

struct kill_value {
	__u32 dim; /* enum kill_dim */
	const char *text;
	__u64 number;
};

struct kill_request {
	struct common common;
	struct error error; /* the first thing wrong with the arguments */
	struct kill_value values[KILL_REQUEST_VALUES];
	size_t value_count;
	__u32 bits;  /* of the mode; 0: any change */
	__u32 types; /* 1 << (S_IFMT >> 12) */
	__u32 flags; /* enum kill_rule_flags */
	int signal, way;
	__u32 max_kills;
	uint64_t for_ns;
	bool any, born, enforce, audit;
	char text[512]; /* the options again, for `kill list` */
};

/* For verb_parse(), with a struct kill_request from kill_request_init() as input. What is wrong
 * with a value is said in its `error`. */
extern const struct argp kill_argp;
void kill_request_init(struct kill_request *r);
/* Is the whole a rule? -EINVAL with a line: an empty one, or options that do not go together. Pure.
 */
int kill_request_check(struct kill_request *r);

/* Pure. A decimal number up to `max`; -EINVAL with a line that begins with `what`. */
int kill_number_parse(const char *text, __u64 max, __u64 *out, const char *what, struct error *err);
/* Pure. "KILL", "SIGTERM", "15"; -EINVAL with a line. */
int kill_signal_parse(const char *text, int *out, struct error *err);
/* Pure. Letters out of x, w, s, to mode bits. */
int kill_adds_parse(const char *text, __u32 *bits, struct error *err);
/* Pure. An octal mask from 1 to 7777. */
int kill_mask_parse(const char *text, __u32 *bits, struct error *err);
