/* SPDX-License-Identifier: BSD-2-Clause */
/* What is mounted below a directory. */
#pragma once

#include "Events/events.h"

/*
 * Calls each(root, arg) for the root directory of every mount below `path` that this mount
 * namespace has; one that cannot be asked (a user's FUSE) is left out. What each() says, if not 0,
 * or -errno.
 */
int kill_mounts_below(const char *path, int (*each)(const struct inode_key *root, void *arg),
		      void *arg);

/* Pure. mountinfo's text of a path, with \\ooo for blanks and the like, to the path itself, in
 * place. */
void kill_mount_unescape(char *text);
