/* SPDX-License-Identifier: BSD-2-Clause */
/* BPF links under a path of bpffs: opened, replaced without a gap, detached at once. */
#pragma once

#include <limits.h>
#include <linux/types.h>

struct link_pin {
	int fd; /* -1: none */
	__u32 link_id, prog_id;
	__u32 ifindex; /* of an xdp or tcx link; 0: its device went away, or it was detached */
};

#define LINK_PIN_NONE ((struct link_pin){.fd = -1})

/* links_dir/<ifindex>_<hook>; -ENAMETOOLONG. */
int link_pin_path(char path[PATH_MAX], const char *links_dir, int ifindex, const char *hook);

/* Opens the link; first ends a link_pin_put() that was killed half-way. -ENOENT. */
int link_pin_open(const char *path, struct link_pin *out);
void link_pin_close(struct link_pin *pin);

/*
 * Pins the link at the path. One that was there is detached afterwards: at every moment, after a
 * kill too, one of the two is pinned (at the path or at <path>_new).
 */
int link_pin_put(int link_fd, const char *path);

/* Detaches the link before it returns, and unpins it; 0 when nothing was there. */
int link_pin_drop(const char *path);
