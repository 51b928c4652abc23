/* SPDX-License-Identifier: BSD-2-Clause */
/* Which hooks give the events asked for: the best kind that this kernel loads and attaches. */
#pragma once

#include "Events/events.h"
#include "Events/provider.h"

enum feature {
#define FEATURE(id, events, words) FEATURE_##id,
#include "Events/features.def"
#undef FEATURE
	FEATURE_COUNT
};

enum kind { KIND_FENTRY, KIND_KPROBE, KIND_TP, KIND_COUNT };
#define KIND_NONE KIND_COUNT
#define KIND_UNTRIED 1 /* in feature_state.error: no errno is positive */
#define KIND_NO_HOOK 2 /* the table has no hook of this kind for it */

struct feature_state {
	enum kind chosen;      /* KIND_NONE: cannot be had */
	int error[KIND_COUNT]; /* 0: works; -errno; KIND_UNTRIED; KIND_NO_HOOK */
};

extern const char *const kind_names[KIND_COUNT];
extern const char *const feature_names[FEATURE_COUNT];
extern const char *const feature_words[FEATURE_COUNT];
extern const __u32 feature_events[FEATURE_COUNT]; /* 1 << enum event_type */
extern const char *const hook_programs[HOOK_COUNT];

/* Between open and load: leaves only those programs on that could serve `events` by the kinds of
 * the list (KIND_NONE ends it; `tree`: those of --tree), and fills in what rodata wants to know of
 * this kernel. */
struct events_bpf;
void select_prepare(struct events_bpf *skel, struct provider *p, __u32 events,
		    const enum kind kinds[KIND_COUNT + 1], bool tree);

/* After load: attaches. Events that no kind gives are left out of *got. `all` tries the kinds
 * behind the chosen one too, without keeping them, for --probe. 0 or -errno when nothing at all
 * could be attached. */
int select_attach(struct events_bpf *skel, struct provider *p, __u32 events,
		  const enum kind kinds[KIND_COUNT + 1], bool all,
		  struct feature_state states[FEATURE_COUNT], __u32 *got);

/* What `source` of an event says: "fentry/security_file_open". Valid while the provider is. */
const char *hook_source(const struct provider *p, enum hook hook);
/* Does the feature, by system calls, only have a path as the process wrote it? */
bool feature_names_files(enum feature f);

/* Adds what attached programs missed (provider_missed) to the event each serves first. Returns the
 * system calls whose end was not seen at all: what they would have been, nobody knows. */
__u64 select_missed(const struct provider *p, __u64 missed[EVENT_COUNT]);
