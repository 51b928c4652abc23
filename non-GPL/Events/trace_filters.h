/* SPDX-License-Identifier: BSD-2-Clause */
/* --pid, --uid, … as the kernel side wants them, and look-ups in other processes' roots. */
#pragma once

#include "Events/event_json.h"
#include "Events/trace_options.h"

struct events_bpf;

__u32 trace_filters_mask(const struct trace_options *o);
/* Fills the maps. A --path or --exe that does not exist, a --tree of no process: one line. */
int trace_filters_set(struct events_bpf *skel, const struct trace_options *o, struct error *err);

/* --tree: follows forks from now on, then adds the descendants there are already. */
int trace_tree_begin(struct events_bpf *skel, struct provider *p, const struct trace_options *o,
		     struct error *err);

/* What the kernel side could not judge: a path as a process wrote it has no inodes to compare, so
 * it is compared as text with those of --path (a struct filter_list, made absolute). */
bool trace_path_keep(const struct record *r, void *list);
/* --path made absolute and free of symbolic links. */
int trace_paths_resolve(struct filter_list *list, struct error *err);

/* Sets line->file_info when a feature in use only has names. */
void trace_lookups_init(struct line_context *line, const struct feature_state *states);
