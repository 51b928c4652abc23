/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libFuzzer: any bytes as a record of the tracer's ring, and of the packet filter's. What
 * record_check() and drop_check() let through becomes one line in each format that a JSON parser
 * takes, inside the room that was promised.
 */
#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>
#include "Events/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static const char *sources[HOOK_COUNT];
static char line[JSON_LINE_ROOM + 1];
static struct line_context context = {.sources = sources, .host = {"\"host\":{},", 10}};

static struct json begin(void)
{
	return (struct json){line, line + JSON_LINE_ROOM, line};
}

static void end(const struct json *j)
{
	struct json_object *parsed;

	MUST(j->p <= j->end && j->p > line && j->p[-1] == '\n');
	j->p[-1] = 0;
	MUST(strlen(line) == (size_t)(j->p - line) - 1);
	parsed = json_tokener_parse(line);
	MUST(parsed);
	json_object_put(parsed);
}

static void as_event(const void *data, size_t size)
{
	struct record r;

	if (record_check(data, size, &r))
		return;
	for (const struct line_format *f = line_formats; f->name; f++) {
		struct json j = begin();

		f->event(&j, &r, &context);
		end(&j);
	}
}

/* Its sender's names are bytes that a process chose, too. */
static void as_drop(const void *data, size_t size)
{
	const struct drop_record *r = data;
	struct drop_sender who = {0};
	size_t n = size < sizeof(who.exe) ? size : sizeof(who.exe) - 1;

	if (drop_check(data, size))
		return;
	who.pid = r->key.ifindex;
	memcpy(who.comm, data, sizeof(who.comm));
	memcpy(who.exe, (const char *)data + size - n, n);
	for (const struct line_format *f = line_formats; f->name; f++) {
		struct json j = begin();

		f->drop(&j, r, &who, "eth0", &context);
		end(&j);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *copy;

	/* As the ring hands it out: aligned; and of exactly this size, so that a byte behind it
	 * shows. */
	if (posix_memalign(&copy, 8, size ? size : 1))
		return 0;
	memcpy(copy, data, size);
	as_event(copy, size);
	as_drop(copy, size);
	free(copy);
	return 0;
}
