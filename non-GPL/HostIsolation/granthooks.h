/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hooks that mark sockets of granted tasks: attached machine-wide on the root of cgroup v2 and
 * on tracepoints while there are grants, pinned as <pin folder>/links/grant_*.
 */
#pragma once

#include "HostIsolation/maps.h"

/* Attaches what is not attached yet; all or nothing of this call. root: cgroup_root_open(). */
int granthooks_attach(const struct pins *pins, const struct maps *maps, int root,
		      struct error *err);
/* Detached when it returns; 0 when none was there. Knows them by their pins alone. */
int granthooks_detach(const struct pins *pins, struct error *err);
/* How many are not in force; `missing` names the first. */
unsigned int granthooks_missing(const struct pins *pins, char *missing, size_t size);
