/* SPDX-License-Identifier: BSD-2-Clause */
/* What a probe's frame is known by again: its last bytes. */
#pragma once

#define PROBE_NONCE 16
#define PROBE_FRAME_MAX 256
