/* SPDX-License-Identifier: BSD-2-Clause */
/* Allowlist files: one ENTRY a line, # comments (whole line or behind white space), blank lines,
 * CRLF tolerated, UTF-8 BOM tolerated. */
#pragma once

#include <stddef.h>
#include "HostIsolation/entry.h"

#define ENTRY_FILE_MAX                                                                             \
	(64u << 20) /* bytes; a million of the longest entries; more is not an allowlist */
#define ENTRY_FILE_ENTRIES_MAX                                                                     \
	(1u << 20)	   /* a file of two-byte entries would fill the memory; past it: refused */
#define ENTRY_LINE_MAX 512 /* bytes of an ENTRY; comments may be longer */

struct entry_vec {
	struct entry *items;
	size_t count, capacity;
};

void entry_vec_free(struct entry_vec *v);
/* -ENOMEM. */
int entry_vec_push(struct entry_vec *v, const struct entry *e);

/*
 * Pure: parses a buffer and appends to `out`, all or nothing (its count stays on failure). err
 * names `name` and the line ("FILE:12: …"). -EINVAL; NUL bytes: "is a binary file"; UTF-16 is told
 * as such. -E2BIG: over ENTRY_FILE_ENTRIES_MAX. -ENOMEM. A file without any entry is none.
 */
int entries_parse(const char *name, const char *data, size_t size, struct entry_vec *out,
		  struct error *err);
/* Reads the file ("-": standard input) and parses it. -EINVAL "" for an empty name; directories,
 * unreadable files, devices that never end and files over ENTRY_FILE_MAX are refused with one line
 * before memory is taken (readfile.h). Pipes are fine. */
int entries_read(const char *path, struct entry_vec *out, struct error *err);
