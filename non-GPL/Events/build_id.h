/* SPDX-License-Identifier: BSD-2-Clause */
/* The GNU build id of what a process runs, from its ELF notes. */
#pragma once

#include <stddef.h>

#define BUILD_ID_MAX 64

/* Of an open ELF file: bytes written to `id`, or -errno (-ENODATA: it has none). */
int build_id_read(int fd, unsigned char id[BUILD_ID_MAX]);
/*
 * Of the running process, as hexadecimal digits with a NUL; -errno. When it has gone already: of
 * the file that `path` (absolute; NULL: unknown) names now, if `mnt_ns` is our own mount namespace.
 * Remembers files by inode.
 */
int build_id_of(int pid, const char *path, unsigned int mnt_ns, char *text, size_t size);
