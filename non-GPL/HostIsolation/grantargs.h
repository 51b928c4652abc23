/* SPDX-License-Identifier: BSD-2-Clause */
/* --pid, --tree, --exe, --cgroup and --unit of allow and deny: collected, then done as one. */
#pragma once

#include "HostIsolation/grants.h"
#include "HostIsolation/verbs.h"

#define GRANT_ARGS_MAX 64

enum grant_option { GRANT_OPT_PID, GRANT_OPT_EXE, GRANT_OPT_CGROUP, GRANT_OPT_UNIT };

struct grant_args {
	struct {
		enum grant_option option;
		const char *text;
	} items[GRANT_ARGS_MAX];
	size_t count;
	bool tree;
};

struct grant_done {
	unsigned int grants, was; /* of these, `was` were there already */
	unsigned int tasks, sockets;
	__u64 fresh[GRANT_ARGS_MAX];
	size_t fresh_count;
};

int grant_args_add(struct grant_args *a, enum grant_option option, const char *text,
		   struct error *err);
/* All or nothing: looked up first, with nothing changed; what was made is undone on failure. */
int grant_args_allow(struct session *s, const struct grant_args *a, __u64 until,
		     const char *comment, struct grant_done *done, struct error *err);
/* Takes back what that made, because something else failed. */
void grant_args_undo(struct session *s, const struct grant_done *done);
/* Ends what these name; what is not granted is denied already. *gone: how many grants went. */
int grant_args_deny(struct session *s, const struct grant_args *a, size_t *gone, struct error *err);
