/* SPDX-License-Identifier: BSD-2-Clause */
/* How often to do what is done many times over: less often in the slow machines of vm/. */
#pragma once

#include <stdlib.h>

static inline int rounds(int n)
{
	return getenv("HOSTISO_VM") ? (n + 4) / 5 : n;
}
