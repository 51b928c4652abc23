/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the filter tells `hostiso trace` of the packets it drops; layout.h for the conventions. */
#pragma once

#include "HostIsolation/layout.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"

/*
 * drop_wanted: one element, mmapable. What listeners asked for, each until a time that they move on
 * every second: whoever was killed is forgotten by itself. CONTROL_DROPS says that there is one.
 */
struct drop_wanted {
	__u64 flows_until;   /* drop_flows is kept */
	__u64 records_until; /* drop_ring has a reader */
	__u64 packets_until; /* it wants every packet's first bytes, too */
	__u64 lost;	     /* records that found no room, ever */
};

#define DROP_LISTEN_NS (3ULL * 1000000000ULL) /* how far the listeners move them */

/* drop_flows: what dropped. For protocols without ports both are 0; without IP, everything is. */
struct drop_key {
	__u8 peer[16];
	__u8 local[16];
	__be16 peer_port;
	__be16 local_port;
	__u8 proto;
	__u8 family;   /* AF_INET, AF_INET6, 0: not IP */
	__u8 dir;      /* enum direction */
	__u8 reason;   /* enum reason, in records; 0 in keys */
	__u32 ifindex; /* in records; 0 in keys */
	__be16 ethertype;
	__u16 pad;
};

struct drop_flow {
	__u64 packets, bytes;		/* since it was first seen */
	__u64 told_packets, told_bytes; /* how many of those records have told */
	__u64 told_at;			/* CLOCK_BOOTTIME ns of the last record */
	__u64 seen_at;
	__u32 ifindex;
	__u32 reason;
};

#define DROP_FLOWS_MAX 8192
#define DROP_TELL_NS (1000ULL * 1000000ULL) /* one record a flow and second */

/* drop_ring: a flow's news, or a packet, or both. */
enum drop_flags {
	DROP_NEWS = 1,	   /* count and bytes are valid, and not yet told */
	DROP_PACKET = 2,   /* a struct drop_packet */
	DROP_ETHERNET = 4, /* the bytes begin with an Ethernet header, else with IP */
	DROP_AUDIT = 8,	   /* nothing was dropped: --audit */
};

struct drop_record {
	__u64 ts_boot_ns;
	__u64 sock; /* names the sending socket while it lives; 0: none known. Not for printing */
	__u64 packets, bytes; /* since the last record of this flow */
	struct drop_key key;
	__u32 flags; /* enum drop_flags */
	__u32 frame_len;
	__u32 captured; /* bytes in drop_packet.data */
	__u32 pad;
};

#define DROP_BYTES 256

struct drop_packet {
	struct drop_record record;
	__u8 data[DROP_BYTES];
};

#define DROP_RING_BYTES (1 << 20)

#pragma GCC diagnostic pop
