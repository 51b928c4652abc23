/* SPDX-License-Identifier: BSD-2-Clause */
/* Pieces that lines are put together from; inside event_json.c, event_process.c. Pure. */
#pragma once

#include <stdbool.h>
#include "Events/event_json.h"

/* A key that is a literal, with its comma: one copy. */
#define key(j, name) json_lit(j, ",\"" name "\":")
#define first_key(j, name) json_lit(j, "\"" name "\":")
#define number(j, name, v) (key(j, name), json_u64(j, v))

#define string(j, name, t)                                                                         \
	do {                                                                                       \
		struct text _t = (t);                                                              \
		key(j, name);                                                                      \
		if (json_string(j, _t.s, _t.n)) {                                                  \
			key(j, name "_b64");                                                       \
			json_base64(j, _t.s, _t.n);                                                \
		}                                                                                  \
	} while (0)

/* Also says so when the kernel cut the strings short. */
#define strings(j, name, part)                                                                     \
	do {                                                                                       \
		struct text _all = record_part(r, part);                                           \
		key(j, name);                                                                      \
		if (string_array(j, _all, 0)) {                                                    \
			key(j, name "_b64");                                                       \
			string_array(j, _all, 1);                                                  \
		}                                                                                  \
		if ((part)->flags & PART_TRUNCATED)                                                \
			json_lit(j, ",\"" name "_truncated\":true");                               \
	} while (0)

#define boolean(j, name, v) (key(j, name), (v) ? json_lit(j, "true") : json_lit(j, "false"))

void pids_object(struct json *j, const struct event_pids *p);
void creds_object(struct json *j, const struct event_creds *c);
void tty_object(struct json *j, const struct event_tty *t);
void ns_object(struct json *j, const struct event_ns *n);
void file_info_object(struct json *j, const struct event_file_info *f);
struct text comm_of(const struct event_hdr *h);
void pids_and(struct json *j, const struct event_hdr *h);
void cgroup_field(struct json *j, const struct record *r);
void part_marks(struct json *j, const struct event_part *part);
int string_array(struct json *j, struct text all, int base64);
void memfd_flags(struct json *j, __u32 flags);
/* The build id of what was executed, if it is asked for. 0 or -errno. */
int exec_build_id(const struct record *r, const struct line_context *ctx, char *id, size_t size);

/* NULL: without a name here. The registry's own, or as status and entries call it. */
const char *ip_protocol(__u8 proto, bool iana);

static inline bool event_is_net(__u32 type)
{
	return type >= EVENT_NETWORK_CONNECTION_ACCEPTED && type <= EVENT_NETWORK_CONNECTION_CLOSED;
}

/* The line's own fields of a process or network event, from ,"pids" on. */
void process_fields(struct json *j, const struct record *r, struct line_context *ctx);
