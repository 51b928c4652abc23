/* SPDX-License-Identifier: BSD-2-Clause */
/* One record as one line of JSON, in the format of elastic/ebpf's EventsTrace. Pure. */
#pragma once

#include "Events/decode.h"
#include "Events/json.h"

/*
 * More than any line can take. A byte of a record becomes at most 6 (escaped) and 1.4 (base64); ECS
 * documents say a path, or the arguments, up to three times: 82 kB * 20.
 */
#define JSON_LINE_ROOM (2 << 20)

struct net_verdict {
	const char *verdict; /* allowed, granted, dropped, would-drop */
	const char *reason;  /* a word of reasons.def */
};

struct line_context {
	__u64 seq;
	__u64 unseen;		    /* of TRACE_LOST: system calls that nobody looked at */
	__u64 boot_to_real_ns;	    /* add to ts_boot_ns: wall clock */
	const char *const *sources; /* by enum hook; NULL entries are "unknown" */
	/* Of ECS documents: "host":{…}, as JSON with a comma behind it; and what makes a process's
	 * name unique among boots. May be empty. */
	struct text host;
	char boot_id[40];
	__u64 start_to_real_ns; /* add to event_pids.start_time_ns: wall clock */
	/* Where the kernel had only a name: what is there now, or mode 0. May be NULL. */
	int (*file_info)(const struct event_hdr *hdr, struct text path, struct event_file_info *out,
			 void *arg);
	void *arg;
	/* While isolated: what the filter makes of this connection. -ENOENT: nothing. May be NULL.
	 */
	int (*verdict)(const struct event_net *e, struct net_verdict *out, void *arg);
	void *verdict_arg;
	/* The build id of what a process runs, in hexadecimal. -errno: none. May be NULL. */
	int (*build_id)(int pid, const char *path, unsigned int mnt_ns, char *text, size_t size);
};

extern const char *const event_names[EVENT_COUNT];
extern const char *const event_options[EVENT_COUNT];

/* Writes the line with its newline at j->p; there must be JSON_LINE_ROOM. */
void event_json(struct json *j, const struct record *r, struct line_context *ctx);

/* {"FILE_CREATE":1,…}, and their sum. */
__u64 lost_object(struct json *j, const __u64 lost[EVENT_COUNT]);

/* ,"ts":…,"ts_boot_ns":…,"seq":… of the next line. */
void line_stamp(struct json *j, __u64 boot_ns, struct line_context *ctx);

/* {"event_type":"TRACE_LOST",…}: what was lost since the last such line, by type. */
void lost_json(struct json *j, const __u64 lost[EVENT_COUNT], __u64 now_boot_ns,
	       struct line_context *ctx);
