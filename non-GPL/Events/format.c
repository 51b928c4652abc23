/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of formats; the first is the default. */
#include <string.h>
#include "Events/format.h"

const struct line_format line_formats[] = {
	{"eventstrace", event_json, lost_json, drop_json},
	{"ecs", event_ecs, lost_ecs, drop_ecs},
	{0},
};

const struct line_format *line_format_find(const char *name)
{
	for (const struct line_format *f = line_formats; f->name; f++) {
		if (!strcmp(f->name, name))
			return f;
	}
	return NULL;
}
