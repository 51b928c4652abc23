/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The order of judgement: one packet in, one reason out. The same for TC and XDP. */
#pragma once

#include "HostIsolation/match.bpf.h"

static __always_inline int reason_passes(__u32 reason)
{
	switch (reason) {
#define PASS 1
#define DROP 0
#define REASON(id, word, verdict, text)                                                            \
	case REASON_##id:                                                                          \
		return verdict;
#include "HostIsolation/reasons.def"
#undef REASON
#undef PASS
#undef DROP
	}
	return 0;
}

/*
 * What the allowlist did not admit: the traffic that keeps the network working, and the rest.
 * Global, like what it calls, so that the verifier sees it once and not for every way through
 * judge_ip().
 */
__noinline int judge_unlisted(__u32 bank, __u32 otherwise, __u64 now)
{
	struct packet *p = packet_of_cpu();

	if (!p)
		return REASON_INTERNAL;
	switch (p->class) {
	case CLASS_ND:
		if (p->nd_unicast && !nd_known(p))
			return REASON_ND_SHAPE;
		nd_learn(p, &now);
		return REASON_ND;
	case CLASS_MLD:
		return REASON_MLD;
	case CLASS_DHCP:
		return REASON_DHCP;
	case CLASS_BAD_ND:
		return REASON_ND_SHAPE;
	case CLASS_ICMP_ERROR:
		return match_quoted(bank, p, &now) ? REASON_ICMP_ERROR : otherwise;
	}
	if (p->fragment == FRAGMENT_LATER)
		return fragment_known(p, &now) ? REASON_FRAGMENT : REASON_ORPHAN;
	return otherwise;
}

static __always_inline __u32 judge_ip(__u64 control, struct packet *p, int count_hits, __u64 *now)
{
	__u32 bank = !!(control & CONTROL_BANK), reason = REASON_NOT_ALLOWED;
	struct allow_node *node;

	if (p->class == CLASS_REDIRECT)
		return REASON_REDIRECT;
	node = find_node(bank, p->family, &p->peer.key);
	if (node && still(node->until, now)) {
		if (count_hits)
			HIT(node, p->frame_len);
		return REASON_ALLOWED;
	}
	if (node && node->rules && p->fragment != FRAGMENT_LATER) {
		reason = match_rules(bank, node->rules, count_hits, now_of(now));
		if (reason == REASON_ALLOWED_PORT && p->fragment == FRAGMENT_FIRST)
			fragment_remember(p, now);
		if (reason == REASON_ALLOWED_PORT || reason == REASON_INTERNAL)
			return reason;
	}
	if (control & CONTROL_KEPT && match_kept(p))
		return REASON_KEPT_SSH;
	return judge_unlisted(bank, reason, *now);
}

static __always_inline __u32 judge(__u64 control, struct packet *p, int count_hits, __u64 *now)
{
	switch (p->class) {
	case CLASS_ARP:
		return REASON_ARP;
	case CLASS_EAPOL:
		return REASON_EAPOL;
	case CLASS_LACP:
		return REASON_LACP;
	}
	return judge_ip(control, p, count_hits, now);
}
