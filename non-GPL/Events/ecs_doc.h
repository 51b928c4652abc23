/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A document is written by walking a table of rows, in the order they have in the line: each names
 * a field, where in the record it lies, and the function that writes it. Inside ecs*.c. Pure.
 */
#pragma once

#include <stdbool.h>
#include "Events/ecs.h"

#define ECS_KEY_MAX 32
#define ECS_DEPTH 6
#define ECS_ODD 12 /* strings of one document that may not be UTF-8, or are cut short */

struct ecs_doc;

struct ecs_row {
	char key[ECS_KEY_MAX]; /* ,"name": */
	unsigned short size, at;
	/* Writes key and value, or nothing; NULL ends the object that was opened last. */
	void (*put)(struct ecs_doc *d, const struct ecs_row *row, const void *from);
};

#define ROW(name, put, at)                                                                         \
	{                                                                                          \
		",\"" name "\":", sizeof(name) + 3, at, put                                        \
	}
#define OPEN(name) ROW(name, ecs_open, 0)
#define CLOSE                                                                                      \
	{                                                                                          \
		"", 0, 0, NULL                                                                     \
	}
/* A number as the only member of an object: "user":{"id":"0"} */
#define ID_IN(name, at)                                                                            \
	{                                                                                          \
		",\"" name "\":{\"id\":", sizeof(name) + 9, at, ecs_id_in                          \
	}

struct ecs_odd {
	char name[64]; /* with its dots */
	struct text text;
	bool list, cut, b64;
};

struct ecs_doc {
	struct json *j;
	const struct record *r; /* NULL: of no record of the ring */
	struct line_context *ctx;
	const struct ecs_row *open[ECS_DEPTH];
	char *mark[ECS_DEPTH]; /* where it was opened: one without members goes again */
	int depth;
	struct ecs_odd odd[ECS_ODD];
	int odds;
	struct text cgroup;
	const char *verdict; /* NULL: none */
	bool looked_up;
	char path[PATH_BUF], other[PATH_BUF], cgroup_buf[PATH_BUF]; /* until the line is whole */
};

/* {"@timestamp":…,"ecs":…,"host":…,"event":{… , with more event.types (a JSON list's members). */
void ecs_begin(struct ecs_doc *d, int type, const char *action, const char *more_types,
	       const char *reason, __u64 boot_ns);
/* Up to the newline. */
void ecs_end(struct ecs_doc *d);
void ecs_walk(struct ecs_doc *d, const struct ecs_row *rows, size_t count, const void *from);
#define ecs_rows(d, rows, from) ecs_walk(d, rows, sizeof(rows) / sizeof((rows)[0]), from)

/* Of a row that is written: its key. What is text remembers how it was. */
void ecs_key(struct ecs_doc *d, const struct ecs_row *row);
void ecs_text(struct ecs_doc *d, const struct ecs_row *row, struct text t, bool cut);
void ecs_literal(struct ecs_doc *d, const struct ecs_row *row, const char *s);

#define ECS_PUT(name) void name(struct ecs_doc *d, const struct ecs_row *row, const void *from)
ECS_PUT(ecs_open);
ECS_PUT(ecs_id_in);
ECS_PUT(ecs_u32);
ECS_PUT(ecs_u32_id); /* numbers that ECS keeps as keywords */
ECS_PUT(ecs_u64);
ECS_PUT(ecs_u64_id);
ECS_PUT(ecs_s64);
ECS_PUT(ecs_octal);
ECS_PUT(ecs_date); /* ns since 1970 */
ECS_PUT(ecs_comm);
ECS_PUT(ecs_part);    /* if it is not empty */
ECS_PUT(ecs_strings); /* args, with their count */
ECS_PUT(ecs_command_line);
ECS_PUT(ecs_walked); /* a path of the kernel's names */
ECS_PUT(ecs_capabilities);
ECS_PUT(ecs_entity);
ECS_PUT(ecs_start);
