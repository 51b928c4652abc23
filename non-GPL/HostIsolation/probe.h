/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Harmless probes of what must not pass, and what became of them. Outwards a frame really goes to
 * the device: to 224.0.0.254 and ff02::114, which are for experiments (RFC 4727) and which no
 * router takes further, so that neither a route nor a neighbour is needed. A tap in front of the
 * driver tells what left, the counters what dropped. Inwards the attached program is asked by
 * BPF_PROG_TEST_RUN about a frame that never was on a wire.
 */
#pragma once

#include "HostIsolation/netlink.h"
#include "HostIsolation/verbs.h"

enum probe_result { PROBE_SHUT, PROBE_OPEN, PROBE_UNTESTABLE };

struct probe_kind {
	const char *word; /* "tcp", "udp-to-53", … */
	int direction;
	int (*make)(__u8 *frame, const __u8 mac[6]); /* the frame's length */
	enum { WAY_IP4, WAY_IP6, WAY_PACKET, WAY_BYPASS, WAY_RUN, WAY_XDP } way;
};

extern const struct probe_kind probe_kinds[];
extern const size_t probe_kind_count;

struct probe_outcome {
	enum probe_result result;
	char why[96]; /* for PROBE_UNTESTABLE, a few words */
};

/* All kinds through one device, in the order of probe_kinds. in_prog: id of the attached inward
 * program, 0: none. */
int probe_device(const struct session *s, const struct link_info *link, __u32 in_prog,
		 struct probe_outcome *out);

/* Does this address answer an ICMP echo within half a second? */
bool probe_answers(int family, const __u8 addr[16]);
