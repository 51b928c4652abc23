/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libFuzzer: any bytes as a ring record. What record_check() lets through becomes one line that a
 * JSON parser takes, inside the room that was promised.
 */
#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>
#include "Events/event_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *sources[HOOK_COUNT];
	static char line[JSON_LINE_ROOM + 1];
	struct json j = {line, line + JSON_LINE_ROOM, line};
	struct line_context ctx = {.sources = sources};
	struct json_object *parsed;
	struct record r;
	void *copy;

	/* As the ring hands it out: aligned; and of exactly this size, so that a byte behind it
	 * shows. */
	if (posix_memalign(&copy, 8, size ? size : 1))
		return 0;
	memcpy(copy, data, size);
	if (!record_check(copy, size, &r)) {
		event_json(&j, &r, &ctx);
		MUST(j.p <= j.end && j.p > line && j.p[-1] == '\n');
		j.p[-1] = 0;
		MUST(strlen(line) == (size_t)(j.p - line) - 1);
		parsed = json_tokener_parse(line);
		MUST(parsed);
		json_object_put(parsed);
	}
	free(copy);
	return 0;
}
