/* SPDX-License-Identifier: BSD-2-Clause */
/* The cgroup v2 hierarchy, wherever it is mounted: its root, its cgroups by path or unit name. */
#pragma once

#include "HostIsolation/error.h"
#include "HostIsolation/grantlayout.h"

struct cgroup_ref {
	__u64 id;
	char path[CGROUP_PATH_MAX]; /* below the root: "/", "/system.slice/agent.service" */
};

/*
 * An fd of the hierarchy's root. It is mounted for ourselves, so that a hybrid mount, none at all
 * or a mount namespace without one are all the same. -ENOTSUP with a line when the kernel has none,
 * or when we are in a cgroup namespace that hides the root.
 */
int cgroup_root_open(struct error *err);

/*
 * Finds the cgroup that `path` names: a folder of a mounted cgroup v2, or a path below the root as
 * /proc/PID/cgroup tells it. -ENOENT; -EINVAL: a file, a cgroup v1 folder, the root itself;
 * -ENAMETOOLONG, -E2BIG: deeper than CGROUP_LEVELS_MAX.
 */
int cgroup_find(int root, const char *path, struct cgroup_ref *out, struct error *err);
/* The cgroup of a systemd unit ("agent.service", or without the suffix). */
int cgroup_find_unit(int root, const char *unit, struct cgroup_ref *out, struct error *err);

/* Calls each(pid, arg) for every process in it and below; stops at the first non-zero. */
int cgroup_each_process(int root, const char *path, int (*each)(int pid, void *arg), void *arg);
