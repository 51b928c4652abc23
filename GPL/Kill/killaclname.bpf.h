/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The extended attribute that is an access ACL. */
#pragma once

#include "Kill/killkernel.h"

#define ACL_NAME "system.posix_acl_access"

_Static_assert(sizeof(ACL_NAME) == 24, "compared as three words");

static __always_inline bool is_acl_name(const char *have)
{
	static const char want[] = ACL_NAME;
	u64 *a = (u64 *)have, *b = (u64 *)want;

	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2];
}
