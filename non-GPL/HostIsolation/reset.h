/* SPDX-License-Identifier: BSD-2-Clause */
/* isolate --reset-connections: sockets to peers that are not allowed fail at once, not by timeout.
 */
#pragma once

#include "HostIsolation/sockdiag.h"
#include "HostIsolation/verbs.h"

/* Destroys the sockets that the policy in force would starve; allowed and kept ones stay.
 * everywhere: in all network namespaces. */
int reset_connections(struct session *s, bool everywhere, struct reset_result *res,
		      struct error *err);
