// SPDX-License-Identifier: BSD-2-Clause
/* The words that status prints: reasons, states, modes, times. */
#include <time.h>
#include "HostIsolation/attach.h"
#include "HostIsolation/verbs.h"
#include "HostIsolation/words.h"

const struct reason_word reasons[] = {
#define PASS 1
#define DROP 0
#define REASON(id, word, verdict, text) {word, verdict, text},
#include "HostIsolation/reasons.def"
#undef REASON
#undef PASS
#undef DROP
};

const char *const state_words[] = {
	[STATE_OFF] = "not isolated",
	[STATE_AUDIT] = "audit",
	[STATE_ISOLATED] = "isolated",
	[STATE_EXPIRED] = "expired",
};

const char *const xdp_words[] = {
	[XDP_AUTO] = "off", [XDP_NATIVE] = "native", [XDP_GENERIC] = "generic", [XDP_OFF] = "off"};

void format_time(__u64 seconds, char *buf, size_t size)
{
	time_t t = seconds;
	struct tm tm;

	strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
}
