/* SPDX-License-Identifier: BSD-2-Clause */
/* The kill hook's programs: the best way this kernel takes is attached, tried, and pinned. */
#pragma once

#include "Kill/killstore.h"

extern const char *const kill_way_words[KILL_WAY_COUNT];
extern const char *const kill_door_words[KILL_DOOR_COUNT];

struct kill_armed {
	int way;		     /* enum kill_way; -1: none */
	bool doors[KILL_DOOR_COUNT]; /* which it covers */
	bool tree;		     /* processes are followed */
	__u64 missed;		     /* runs that the kernel left out: it was preempted in one */
	bool refuses;		     /* before the fact */
	bool told_file;		     /* which file it is, by the kernel, whatever its path says */
};

/* What is pinned and attached now. */
void kill_hooks_armed(const struct kill_store *s, struct kill_armed *out);

/* Hears what the kernel says of each program. */
void kill_hooks_listen(void (*say)(const char *text));

/*
 * Attaches the first way that acts (or only `way`, when it is not -1), unless one is there already.
 * Each is proven by the chmod of a private file in a child of ours. -ENOTSUP with a line that names
 * what each way said.
 */
int kill_hooks_arm(struct kill_store *s, int way, struct kill_armed *out, struct error *err);
