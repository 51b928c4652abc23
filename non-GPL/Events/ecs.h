/* SPDX-License-Identifier: BSD-2-Clause */
/* One record as one document of the Elastic Common Schema. Pure. */
#pragma once

#include "Events/drop_json.h"

#define ECS_VERSION "9.4.0" /* of which tests/golden/ecs-fields.tsv has the names */

/* As event_json(), lost_json() and drop_json(). */
void event_ecs(struct json *j, const struct record *r, struct line_context *ctx);
void lost_ecs(struct json *j, const __u64 lost[EVENT_COUNT], __u64 now_boot_ns,
	      struct line_context *ctx);
void drop_ecs(struct json *j, const struct drop_record *r, const struct drop_sender *who,
	      const char *interface, struct line_context *ctx);
