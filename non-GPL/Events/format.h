/* SPDX-License-Identifier: BSD-2-Clause */
/* The formats of --format: who writes events, losses and drops as lines. Pure. */
#pragma once

#include "Events/ecs.h"

struct line_format {
	const char *name;
	void (*event)(struct json *j, const struct record *r, struct line_context *ctx);
	void (*lost)(struct json *j, const __u64 lost[EVENT_COUNT], __u64 now_boot_ns,
		     struct line_context *ctx);
	void (*drop)(struct json *j, const struct drop_record *r, const struct drop_sender *who,
		     const char *interface, struct line_context *ctx);
};

extern const struct line_format line_formats[];
#define LINE_FORMATS "eventstrace, ecs"

const struct line_format *line_format_find(const char *name); /* NULL: there is none */
