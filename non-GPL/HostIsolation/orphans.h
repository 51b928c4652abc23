/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs of ours that run on although their pins are gone: what they do, and on how many devices.
 */
#pragma once

#include "HostIsolation/attach.h"
#include "HostIsolation/layout.h"

struct orphans {
	unsigned int devices; /* of this network namespace, with one of ours in either direction */
	char device[64];      /* the first of them, printable */
	bool readable;	      /* their policy is of our layout, and below */
	struct policy policy; /* what the first obeys: a copy */
};

/* Looks at every device but loopback. */
int orphans_find(struct orphans *out, struct error *err);
