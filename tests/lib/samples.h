/* SPDX-License-Identifier: BSD-2-Clause */
/* Records of every event with fixed values, as the kernel would give them, and drops and losses. */
#pragma once

#include "Events/drop_json.h"
#include "Events/format.h"

enum sample_kind { SAMPLE_EVENT, SAMPLE_DROP, SAMPLE_LOST };

struct sample {
	const char *name;
	enum sample_kind kind;
	void (*build)(void); /* into sample_record */
};

/* The longest record there can be; 8-byte aligned. */
union sample_record {
	struct event_hdr hdr;
	struct event_file file;
	struct event_fork fork;
	struct event_exec exec;
	struct event_exit exit;
	struct event_ids ids;
	struct event_tty_write tty;
	struct event_memfd memfd;
	struct event_shmget shm;
	struct event_ptrace ptrace;
	struct event_module module;
	struct event_net net;
	char bytes[RECORD_MAX + 64];
};
extern union sample_record sample_record;
extern struct drop_packet sample_drop;
extern struct drop_sender sample_sender;

extern const struct sample samples[];
extern const size_t sample_count;

/* Makes samples[i], and its line at j->p. */
void sample_line(struct json *j, size_t i, const struct line_format *format,
		 struct line_context *ctx);
/* The clocks, host and verdicts that the samples' lines are written with. */
void sample_context(struct line_context *ctx);
