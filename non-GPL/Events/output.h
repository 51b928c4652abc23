/* SPDX-License-Identifier: BSD-2-Clause */
/* The way out: lines collect in one buffer and leave in large writes. */
#pragma once

#include "Events/json.h"

#define OUTPUT_SIZE (8u << 20)
#define OUTPUT_FLUSH (256u << 10) /* a write of this size costs little per line */

struct output {
	int fd;
	struct json json;
	char *buffer;
	int error; /* the first -errno of a write; nothing is written after it */
};

int output_init(struct output *o, int fd); /* -ENOMEM */
void output_free(struct output *o);
/* Room for `size` more bytes, writing out what is there if need be. 0 or -errno. */
int output_room(struct output *o, size_t size);
/* Writes everything. Waits for a slow reader; 0 or -errno (also a broken one of before). */
int output_flush(struct output *o);
