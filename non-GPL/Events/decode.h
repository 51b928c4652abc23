/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A record of the ring, checked: every part lies inside it. What does not is refused whole; the
 * bytes may come from a kernel of another build, or from a fuzzer. Pure.
 */
#pragma once

#include <stddef.h>
#include "Events/events.h"

struct text {
	const char *s;
	size_t n;
};

struct record {
	const struct event_hdr *hdr;
	size_t size;
};

/* -EBADMSG: not a record. `data` must be 8-byte aligned, and stay. */
int record_check(const void *data, size_t size, struct record *out);

/* The bytes of a part; a text part without its final NUL. */
struct text record_part(const struct record *r, const struct event_part *part);

#define PATH_BUF 20480 /* the longest path any record can hold, normalised */

/*
 * The path as the process names it, into buf (PATH_BUF bytes). A walked part is turned round; a
 * text part that is relative gets `base` (a walked part) put before it, and loses its . and .. .
 */
struct text record_path(const struct record *r, const struct event_part *part,
			const struct event_part *base, char *buf);
/* The two of a file's event; the second of renames. */
struct text record_file_path(const struct record *r, char *buf);
struct text record_old_path(const struct record *r, char *buf);
/* A walked part of the cgroup tree. */
struct text record_cgroup(const struct record *r, char *buf);
