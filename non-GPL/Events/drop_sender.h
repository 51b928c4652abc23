/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose socket sent or owns a packet that was dropped. */
#pragma once

#include "Events/drop_json.h"

struct drop_senders {
	int map; /* of struct sender, or -1 */
	__u64 listed_at;
	struct drop_known *known; /* sockets and their owners as last listed */
	size_t known_count;
};

void drop_senders_init(struct drop_senders *s, int map);
void drop_senders_free(struct drop_senders *s);

/* By what our programs noted when it sent; else by the sockets there are, listed at most once a
 * second. Fills `out`, with pid 0 when nobody is known. */
void drop_sender_find(struct drop_senders *s, const struct drop_record *r, struct drop_sender *out);
