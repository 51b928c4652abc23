/* SPDX-License-Identifier: BSD-2-Clause */
/* Who is never killed: the responder's session and listed programs. (pid 1, kernel threads and the
 * pid 1 of containers are known to the programs themselves.) */
#pragma once

#include "Kill/killstore.h"

extern const char *const kill_guard_words[KILL_GUARD_COUNT];

/* The package managers that are spared unless taken off the list, as far as they are here. */
int kill_guards_fill(struct kill_store *s, struct error *err);
/* Us, our file, and our parents up to, not with, pid 1: every time a rule is armed. */
int kill_guards_session(struct kill_store *s, struct error *err);

/* Puts a file on the list as run by `uid`, with what it starts; or takes it off (-ENOENT with a
 * line). */
int kill_guards_add(struct kill_store *s, const char *path, __u32 uid, struct error *err);
int kill_guards_remove(struct kill_store *s, const char *path, __u32 uid, struct error *err);
/* Calls each(path or "", guard, key) for every file on the list; a path only where it is known. */
int kill_guards_each(const struct kill_store *s,
		     void (*each)(const char *path, __u32 guard, const struct kill_key *key,
				  void *arg),
		     void *arg);
