/* SPDX-License-Identifier: BSD-2-Clause */
/* What status tells: the kernel's answers, collected once, printed by cmd_status.c. */
#pragma once

#include "HostIsolation/grantlayout.h"
#include "HostIsolation/guard.h"
#include "HostIsolation/verbs.h"

struct device_snapshot {
	struct link_info link;
	struct device_state state;
	bool whole; /* both directions carry our program, first in line */
};

#define DEGRADED_TEXT 256

struct snapshot {
	enum isolation_state state;
	struct policy policy; /* a copy */
	bool here;	      /* the pins isolate this network namespace */
	struct device_snapshot *devices;
	size_t device_count;
	struct counter counters[COUNTER_COUNT];
	size_t entries4, entries6, kept;
	size_t grants;			    /* process grants in force */
	__u64 grant_lost[GRANT_LOST_COUNT]; /* what was blocked because a table was full */
	char (*degraded)[DEGRADED_TEXT];    /* one line each: what is not as it should be */
	size_t degraded_count;
};

/* What a table was too full for, by enum grant_loss. */
extern const struct loss_word {
	const char *key, *text;
} grant_losses[GRANT_LOST_COUNT];

/* have_maps must be true. */
int snapshot_take(struct session *s, struct snapshot *out, struct error *err);
/* One JSON object; the caller frees it. NULL: out of memory. */
char *snapshot_json(const struct snapshot *snap);
/* Isolated, and nothing degraded. */
bool snapshot_whole(const struct snapshot *snap);
void snapshot_free(struct snapshot *snap);
