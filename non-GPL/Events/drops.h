/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Listening to the packet filter: what it drops, and what it would make of a connection. There need
 * be no isolation yet; one that begins, ends or begins anew is noticed within a second.
 */
#pragma once

#include <stdbool.h>
#include "Events/drop_sender.h"
#include "Events/pcapng.h"
#include "Events/stream.h"
#include "HostIsolation/maps.h"

struct drops {
	bool records; /* drop_ring is ours to read */
	struct pcapng *pcap;
	struct pins pins;
	struct maps maps;
	bool open;
	__u64 policy_inode; /* of the pin that `maps` came from */
	struct drop_wanted *wanted;
	__u64 lost_before, lost_earlier;
	int only;    /* a socket that keeps a second listener away */
	__u64 began; /* what is older was another listener's */
	struct stream *stream;
	struct drop_senders senders;
	struct drop_sender who;
};

/*
 * `records`: --drops; `pcap` may be NULL; `senders` is the map of struct sender or -1. -EBUSY:
 * there is another listener. Attaches itself to the stream, which must be open.
 */
int drops_begin(struct drops *d, const char *pin_dir, bool records, struct pcapng *pcap,
		int senders, struct stream *stream, struct error *err);
void drops_end(struct drops *d);

/* Once a second: goes on listening, and tells of flows that have become quiet. 0 or -errno. */
int drops_tick(struct drops *d);
__u64 drops_lost(const struct drops *d);

/* line_context.verdict, with the drops as its argument. */
int drops_verdict(const struct event_net *e, struct net_verdict *out, void *drops);
