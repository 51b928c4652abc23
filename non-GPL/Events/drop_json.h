/* SPDX-License-Identifier: BSD-2-Clause */
/* Records of the packet filter's ring: checked, and as JSON. Pure. */
#pragma once

#include "Events/event_json.h"
#include "HostIsolation/droplayout.h"

/* Whose socket it was; pid 0: not known. */
struct drop_sender {
	__u32 pid, uid;
	char comm[16];
	char exe[4096]; /* "": gone, or not to be read */
};

/* -EBADMSG: not a record. `data` must be 8-byte aligned. */
int drop_check(const void *data, size_t size);
const struct drop_packet *drop_packet_of(const struct drop_record *r); /* NULL: none with it */

const char *drop_reason(const struct drop_record *r);
/* Writes the line with its newline at j->p; there must be JSON_LINE_ROOM. */
void drop_json(struct json *j, const struct drop_record *r, const struct drop_sender *who,
	       const char *interface, struct line_context *ctx);
