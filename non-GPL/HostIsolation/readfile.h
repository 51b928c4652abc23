/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads a file whole, whatever it turns out to be, within a limit. */
#pragma once

#include <stddef.h>
#include "HostIsolation/error.h"

/*
 * Regular files, pipes and sockets; "-" is standard input, which may be a terminal too. A FIFO is
 * waited for. The data is the caller's to free, with a NUL behind it that `size` does not count.
 *
 * -EINVAL: an empty name, or a device (it may never end; /dev/null is fine). -EISDIR. -EFBIG: more
 * than `max` bytes, found before memory is taken when the size is known. -ENOMEM, and what open(2)
 * and read(2) say. Each with one line that names the file.
 */
int file_read(const char *path, size_t max, char **data, size_t *size, struct error *err);

/* The name for messages: "standard input" for "-". */
const char *file_title(const char *path);
