/* SPDX-License-Identifier: BSD-2-Clause */
/* The pin folder: where it is, that it is on a BPF file system, and who may change it now. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include "HostIsolation/error.h"

#define PIN_DIR_MAX 512 /* bytes, with the NUL */
#define PIN_DIR_DEFAULT "/sys/fs/bpf/hostiso"

struct pins {
	int lock_fd; /* the folder itself, flock()ed; -1 when only read */
	char dir[PIN_DIR_MAX];
	char maps[PIN_DIR_MAX + 8];
	char progs[PIN_DIR_MAX + 8];
	char links[PIN_DIR_MAX + 8];
};

/*
 * Finds the folder: `dir`, else HOSTISO_PIN_DIR, else PIN_DIR_DEFAULT. `ip netns exec` hides the
 * host's /sys/fs/bpf behind a fresh /sys that dies with the command; then that of the nearest
 * ancestor outside is used, through /proc/PID/root. Mounts bpffs where the mount point has none and
 * `create` asks. -ENOENT without a line when there is no such folder and not `create`; -EPERM with
 * one when others than we may write there.
 */
int pins_open(struct pins *pins, const char *dir, bool create, struct error *err);

/* Takes the lock (waits up to 10 s, then -EBUSY and who holds it). Makes the folder and its three
 * sub-folders if `create`; else -ENOENT without a line when it went meanwhile. */
int pins_lock(struct pins *pins, bool create, struct error *err);
void pins_close(struct pins *pins);

/*
 * Removes the pins in the three sub-folders, known to this version or not, but for those whose
 * names begin with `keep` (NULL: none), and the folders that are empty then. Nothing else: what
 * lies beside them stays, and all of it in a folder without one of our maps or programs. The lock
 * stays until pins_close().
 */
int pins_remove(struct pins *pins, const char *keep, struct error *err);
