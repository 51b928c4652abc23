/* SPDX-License-Identifier: BSD-2-Clause */
/* A match of the kill hook, as one line of JSON. Pure. */
#pragma once

#include "Events/json.h"
#include "Kill/killlayout.h"

/* No line is longer, whatever the process wrote into its name or path. */
#define KILL_LINE_ROOM (2 * JSON_STRING_ROOM(KILL_PATH_ROOM) + 4096)

/* -EINVAL: damaged (too short, a number out of its range); nothing is written then. */
int kill_event_json(struct json *j, const void *data, size_t size);
/* The path, first component first, NUL-terminated; the length, or -EINVAL. out has room for
 * KILL_PATH_ROOM + 2 bytes. */
int kill_event_path(const struct kill_event *e, char *out);
