/* SPDX-License-Identifier: BSD-2-Clause */
/* What status tells: the kernel's answers, collected once, printed by cmd_status.c. */
#pragma once

#include "HostIsolation/grantlayout.h"
#include "HostIsolation/guard.h"
#include "HostIsolation/nft.h"
#include "HostIsolation/verbs.h"
#include "HostIsolation/xskguard.h"

struct device_snapshot {
	struct link_info link;
	struct device_state state;
	bool whole; /* both directions carry our program, first in line */
};

#define DEGRADED_TEXT 256

struct snapshot {
	enum isolation_state state;
	struct policy policy; /* a copy */
	bool nft_backend;     /* the nftables backend: there are no programs */
	bool here;	      /* the pins isolate this network namespace */
	bool unread;	      /* pins are gone: what they counted and allow is not known */
	struct device_snapshot *devices;
	size_t device_count;
	struct counter counters[COUNTER_COUNT];
	size_t entries4, entries6, kept;
	size_t grants;			    /* process grants in force */
	__u64 grant_lost[GRANT_LOST_COUNT]; /* what was blocked because a table was full */
	struct nft_state nft;		    /* the backstop */
	enum xsk_answer xsk;		    /* AF_XDP in this namespace */
	bool heard;	     /* what comes in reaches packet sockets: a device has no XDP of ours */
	bool offload_unseen; /* where a device is to write a checksum, no program can see */
	char (*degraded)[DEGRADED_TEXT]; /* one line each: what is not as it should be */
	size_t degraded_count;
};

/* What a table was too full for, by enum grant_loss. */
extern const struct loss_word {
	const char *key, *text;
} grant_losses[GRANT_LOST_COUNT];

/* One line more of what is not as it should be. */
void snapshot_degraded(struct snapshot *snap, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Does the backstop drop everything on that device? */
bool snapshot_shut(const struct snapshot *snap, int ifindex);
/* The backstop in one word, and line `index` of what this kernel cannot do for us, NULL behind the
 * last. */
const char *snapshot_backstop(const struct snapshot *snap);
const char *snapshot_limit(const struct snapshot *snap, size_t index);
/* AF_XDP in one word. */
const char *snapshot_xsk(const struct snapshot *snap);
/* have_maps must be true. */
int snapshot_take(struct session *s, struct snapshot *out, struct error *err);
/* When session_open() said -EUCLEAN with `why`: of what runs on without pins, and of the backstop.
 */
int snapshot_take_orphans(struct session *s, const char *why, struct snapshot *out,
			  struct error *err);
/* One JSON object; the caller frees it. NULL: out of memory. */
char *snapshot_json(const struct snapshot *snap);
/* Isolated, and nothing degraded. */
bool snapshot_whole(const struct snapshot *snap);
void snapshot_free(struct snapshot *snap);
