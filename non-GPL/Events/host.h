/* SPDX-License-Identifier: BSD-2-Clause */
/* What every ECS document says of the host it comes from. */
#pragma once

#include "Events/event_json.h"

/* Fills in ctx->host, which lies in `text` then, boot_id and start_to_real_ns. What cannot be read
 * is left out. */
void host_init(struct line_context *ctx, char *text, size_t size);
#define HOST_ROOM 4096
