/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts the programs on the devices of this network namespace, and takes them off again. */
#pragma once

#include "HostIsolation/progs.h"

#define DEVICES_ASKED_MAX 64

struct guard_options {
	const char *devices[DEVICES_ASKED_MAX]; /* --dev; none: every device but loopback */
	size_t device_count;
	bool force; /* a device that cannot be guarded is passed over and counted */
	enum tc_way tc;
	enum xdp_way xdp;
	void (*report)(const struct link_info *link, const struct attach_result *res, void *arg);
	void *arg;
};

struct guard_result {
	unsigned int devices; /* guarded now */
	unsigned int native, generic;
	unsigned int failed; /* with force */
	int xdp_errno;	     /* why XDP could not even be loaded */
};

/* Is this one of the devices to guard? */
bool guard_asked_for(const struct guard_options *o, const struct link_info *link);

/* -ENODEV with a line when a device of --dev does not exist or is the loopback. */
int guard_check_devices(const struct guard_options *o, struct error *err);

/*
 * Attaches to all devices, and to those that appear meanwhile. On failure the devices attached by
 * this call are detached again; those guarded before stay.
 */
int guard_attach(const struct pins *pins, struct maps *maps, struct progs *progs,
		 const struct guard_options *o, struct guard_result *res, struct error *err);

/* Detaches everything of ours, known to `maps` (may be NULL) or not. Goes on after a failure and
 * returns the first. */
int guard_detach_all(const struct pins *pins, const struct maps *maps, struct error *err);
