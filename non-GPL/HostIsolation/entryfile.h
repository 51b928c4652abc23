/* SPDX-License-Identifier: BSD-2-Clause */
/* Allowlist files: one ENTRY a line, # comments (whole line or behind white space), blank lines,
 * CRLF tolerated, UTF-8 BOM tolerated. */
#pragma once

#include <stddef.h>
#include "HostIsolation/entry.h"

#define ENTRY_FILE_MAX                                                                             \
	(64u << 20) /* bytes; a million of the longest entries; more is not an allowlist */
#define ENTRY_LINE_MAX 512

struct entry_vec {
	struct entry *items;
	size_t count, capacity;
};

void entry_vec_free(struct entry_vec *v);
int entry_vec_push(struct entry_vec *v, const struct entry *e);

/* Pure: parses a buffer; all or nothing; err names `name` and the line ("FILE:12: …"). NUL bytes:
 * "is a binary file". */
int entries_parse(const char *name, const char *data, size_t size, struct entry_vec *out,
		  struct error *err);
/* Reads the file ("-": standard input) and parses it. -EINVAL "" for an empty name; directories,
 * unreadable files, devices that never end and files over ENTRY_FILE_MAX are refused with one line
 * before memory is taken. */
int entries_read(const char *path, struct entry_vec *out, struct error *err);
