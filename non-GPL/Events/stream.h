/* SPDX-License-Identifier: BSD-2-Clause */
/* From the ring to the output: reads records until told to stop. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include "Events/format.h"
#include "Events/output.h"

struct stream_counts {
	__u64 received[EVENT_COUNT], lost[EVENT_COUNT], damaged;
	__u64 unseen; /* system calls that may have been events */
};

struct stream {
	struct ring_buffer *ring;
	struct stream_state *shared; /* mapped from the kernel */
	struct output *out;
	struct line_context line;
	const struct line_format *format;
	struct stream_counts counts;
	/* Fills in totals of what the kernel lost otherwise, and returns that of unseen calls;
	 * asked once a second; may be NULL. */
	__u64 (*ask_missed)(__u64 missed[EVENT_COUNT], void *arg);
	void *ask_arg;
	__u64 missed[EVENT_COUNT], missed_calls;
	bool (*keep)(const struct record *r, void *arg); /* NULL: all */
	void *keep_arg;
	bool unbuffered;
	void (*each_second)(const struct stream_counts *c); /* may be NULL */
	int (*tick)(void *arg); /* each second too; 0 or -errno, which ends it. May be NULL */
	void *tick_arg;
	volatile sig_atomic_t *stop;
	__u64 stop_ns; /* when it was seen: nothing younger is waited for */
	bool over;     /* records of events are left out: others share the ring's reader */
};

/* Opens the ring: while bpf(2) is still allowed, which some kernels ask privileges for. -errno. */
int stream_open(struct stream *s, int ring_fd);
void stream_close(struct stream *s);
/* 0 after a stop, -errno when the ring or the output failed (the output's own error is in
 * out->error). Everything that was in the ring is written before it returns. */
int stream_run(struct stream *s);
