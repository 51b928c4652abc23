/* SPDX-License-Identifier: BSD-2-Clause */
/* The kill hook's pinned maps: made, opened, removed. They share the pin folder and its lock. */
#pragma once

#include "HostIsolation/pins.h"
#include "HostIsolation/verbs.h"
#include "Kill/killlayout.h"

enum kill_map {
#define KILL_MAP(name) KILL_MAP_##name,
#include "Kill/killmaps.def"
#undef KILL_MAP
	KILL_MAP_COUNT
};

struct kill_store {
	struct pins pins;
	int fd[KILL_MAP_COUNT];
	struct kill_state *state; /* the map's own memory */
	bool have;		  /* the maps are there */
	bool made;		  /* by this command */
};

#define KILL_STORE_INIT                                                                            \
	{                                                                                          \
		.pins = {.lock_fd = -1}, .fd = { [0 ... KILL_MAP_COUNT - 1] = -1 }                 \
	}

extern const char *const kill_map_names[KILL_MAP_COUNT];

/* `mode` as session_open(). 0 also when there is nothing yet (SESSION_READ, SESSION_CHANGE): look
 * at `have`. */
int kill_store_open(struct kill_store *s, const struct common *common, int mode, struct error *err);
void kill_store_close(struct kill_store *s);

/* Nobody ended the rules since we opened them. */
bool kill_store_stands(const struct kill_store *s);
/* Does a `kill watch` run? */
bool kill_watched(const struct kill_store *s);

/* Unpins all links and maps of the kill hook, and the folder when nothing else is in it. */
int kill_store_remove(struct kill_store *s, struct error *err);
