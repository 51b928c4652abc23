/* SPDX-License-Identifier: BSD-2-Clause */
/* Marks the sockets that processes have open already, by descriptors taken from them. */
#pragma once

#include "HostIsolation/grantlayout.h"
#include "HostIsolation/maps.h"

/*
 * Marks every TCP and UDP socket among the open files of `pid` for the grant `id`. How many in
 * *count (added to). Sockets and processes that go meanwhile are passed over. -EPERM with a line
 * when the kernel lets nobody take descriptors.
 */
int socktag_process(const struct maps *maps, int pid, enum grant_kind kind, __u64 id,
		    unsigned int *count, struct error *err);
