/* SPDX-License-Identifier: BSD-2-Clause */
/* The options of `hostiso trace`, which are EventsTrace's and more. */
#pragma once

#include <stdbool.h>
#include "Events/format.h"
#include "Events/select.h"

struct filter_list {
	char **items;
	size_t count;
};

#define EVENTS_DEFAULT (((1u << EVENT_COUNT) - 1) & ~(1u << EVENT_NETWORK_DROPPED))
#define EVENTS_NETWORK                                                                             \
	(1u << EVENT_NETWORK_CONNECTION_ACCEPTED | 1u << EVENT_NETWORK_CONNECTION_ATTEMPTED |      \
	 1u << EVENT_NETWORK_CONNECTION_CLOSED)

struct trace_options {
	__u32 events; /* 1 << enum event_type */
	bool features_on_init, stats, unbuffer, verbose, probe, build_id;
	enum kind kinds[KIND_COUNT + 1];
	__u32 ring_bytes; /* a power of two */
	const struct line_format *format;
	const char *pcap, *pin_dir;
	struct filter_list pid, uid, comm, path, exe, tree;
};

/* Ends the process with a usage message and exit code 2 on misuse, and 0 after --help. */
void trace_options_parse(struct trace_options *o, int argc, char **argv);
void trace_options_free(struct trace_options *o);
