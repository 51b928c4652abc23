/* SPDX-License-Identifier: BSD-2-Clause */
/* A file as the kernel knows it. */
#pragma once

#include "Events/events.h"

/* The device is the super block's, which mountinfo shows, and stat(2) not always (btrfs). -errno.
 */
int inode_key_of(const char *path, struct inode_key *key);
