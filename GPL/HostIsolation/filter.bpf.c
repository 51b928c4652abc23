// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The filter: one verdict (verdict.bpf.h) behind these hooks, sharing the pinned maps.
 *
 *   tc_in, tc_out          every Ethernet device, tcx or clsact
 *   tc_in_ip, tc_out_ip    devices without a link header: tun, WireGuard, ppp, ipip
 *   tc_in_none, tc_out_none  devices whose link header we cannot read: all drops
 *   xdp_in, xdp_in_frags   Ethernet devices whose driver has XDP; drops early what tc_in would drop
 *
 *   frame -> packet.bpf.h (fields) -> verdict.bpf.h (order) -> match.bpf.h (lookups) -> counters
 *                                     what no entry admits -> grant.bpf.h (whose socket?) ->
 *   plain TCP and UDP -> plain.bpf.h (the short way, with the same verdict) -> counters
 *
 * A pass lets the next program run (TC_ACT_UNSPEC, which is TCX_NEXT); XDP counts only what it
 * drops, since tc_in counts what it passes. Nothing is judged while the policy is off.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include "HostIsolation/drops.bpf.h"
#include "HostIsolation/grant.bpf.h"
#include "HostIsolation/offload.bpf.h"
#include "HostIsolation/plain.bpf.h"
#include "HostIsolation/verdict.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline void packet_reset(struct packet *p, __u32 dir)
{
	__builtin_memset(p, 0, offsetof(struct packet, tuple));
	p->dir = dir;
}

/*
 * Global functions: each is verified once, on its own, whatever calls it. Before 5.12 they take
 * nothing but the context and numbers, so the packet comes by way of the scratch map.
 */
__noinline int headers_ethernet(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *data_end = (void *)(long)skb->data_end;
	struct packet *p = packet_of_cpu();

	if (!p)
		return REASON_INTERNAL;
	p->tags = !!skb->vlan_present;
	return parse_headers(data, data_end, skb->len, 1, p);
}

__noinline int headers_headerless(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *data_end = (void *)(long)skb->data_end;
	struct packet *p = packet_of_cpu();

	return p ? parse_headers(data, data_end, skb->len, 0, p) : REASON_INTERNAL;
}

#define PARSE_STEP(name, step, context)                                                            \
	__noinline int name(struct context *ctx)                                                   \
	{                                                                                          \
		void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;     \
		struct packet *p = packet_of_cpu();                                                \
                                                                                                   \
		return p ? step(data, data_end, p) : REASON_INTERNAL;                              \
	}
#define PARSE_ALL_BETWEEN(name, step, context)                                                     \
	__noinline int name(struct context *ctx)                                                   \
	{                                                                                          \
		struct packet *p = packet_of_cpu();                                                \
		__u32 reason = MORE;                                                               \
                                                                                                   \
		if (!p)                                                                            \
			return REASON_INTERNAL;                                                    \
		for (int i = 0; i < between_max(p) && reason == MORE; i++)                         \
			reason = step(ctx);                                                        \
		return between_ends(p, reason);                                                    \
	}
PARSE_STEP(one_between_skb, parse_between, __sk_buff)
PARSE_STEP(one_between_xdp, parse_between, xdp_md)
PARSE_ALL_BETWEEN(between_skb, one_between_skb, __sk_buff)
PARSE_ALL_BETWEEN(between_xdp, one_between_xdp, xdp_md)
PARSE_STEP(transport_skb, parse_transport, __sk_buff)
PARSE_STEP(transport_xdp, parse_transport, xdp_md)

__noinline int judge_packet(__u64 control, __u32 count_hits, __u64 now)
{
	struct packet *p = packet_of_cpu();

	return p ? judge(control, p, count_hits, &now) : REASON_INTERNAL;
}

/*
 * Headers that lie outside the linear part are pulled in once, and only when the parser ran into
 * its end: a GSO packet keeps its headers linear and must not pay for a copy.
 */
#define PULL_BYTES 2304 /* the longest extension headers, what comes before, a quoted packet */

static __always_inline __u32 parse_linear(struct __sk_buff *skb, int ethernet, struct packet *p)
{
	__u32 reason = ethernet ? headers_ethernet(skb) : headers_headerless(skb);

	if (reason == PARSED && p->between)
		reason = between_skb(skb);
	return reason == PARSED && has_transport(p) ? transport_skb(skb) : reason;
}

static __always_inline __u32 parse_skb(struct __sk_buff *skb, int ethernet, struct packet *p)
{
	__u32 dir = p->dir, linear = skb->data_end - skb->data;
	__u32 reason = parse_linear(skb, ethernet, p);

	if ((reason != REASON_TRUNCATED && !p->cut) || linear >= PULL_BYTES || linear >= skb->len)
		return reason;
	if (bpf_skb_pull_data(skb, skb->len < PULL_BYTES ? skb->len : PULL_BYTES))
		return REASON_TRUNCATED;
	packet_reset(p, dir);
	return parse_linear(skb, ethernet, p);
}

static __always_inline int tc_return(struct __sk_buff *skb, __u64 control, __u32 reason, __u32 dir,
				     int ethernet)
{
	__u32 audit = control & CONTROL_AUDIT ? DROP_AUDIT : 0;

	count(control, reason, dir, skb->len);
	if (reason_passes(reason))
		return TC_ACT_UNSPEC;
	if (control & CONTROL_DROPS)
		drop_note(skb, reason, audit | (ethernet ? DROP_ETHERNET : 0));
	return audit ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}

/* Where the device is to write a checksum into a frame that passes; -1: it is to write none. */
static __always_inline int checksum_left(struct __sk_buff *skb)
{
	return !kernel.skb_readable || from_ip_stack(skb) ? -1 : checksum_goes(skb);
}

/* A frame that passes, unless that is where the verdict has looked. */
static __always_inline int offloaded(struct __sk_buff *skb, __u64 control, __u32 reason,
				     int ethernet)
{
	int at = checksum_left(skb);
	struct packet *p = packet_of_cpu();

	if (!p)
		return TC_ACT_SHOT;
	packet_reset(p, DIR_OUT);
	if (parse_skb(skb, ethernet, p) != PARSED || !checksum_harmless(p, at))
		reason = REASON_MALFORMED;
	return tc_return(skb, control, reason, DIR_OUT, ethernet);
}

__noinline int offloaded_ethernet(struct __sk_buff *skb, __u64 control, __u32 reason)
{
	return offloaded(skb, control, reason, 1);
}

__noinline int offloaded_headerless(struct __sk_buff *skb, __u64 control, __u32 reason)
{
	return offloaded(skb, control, reason, 0);
}

static __always_inline int tc_offloaded(struct __sk_buff *skb, __u64 control, __u32 reason,
					int ethernet)
{
	return ethernet ? offloaded_ethernet(skb, control, reason)
			: offloaded_headerless(skb, control, reason);
}

static __always_inline int judge_long(struct __sk_buff *skb, __u64 control, __u64 now, __u32 dir,
				      int ethernet)
{
	struct packet *p = packet_of_cpu();
	__u32 reason;

	if (!p)
		return TC_ACT_SHOT;
	packet_reset(p, dir);
	reason = parse_skb(skb, ethernet, p);
	if (reason == PARSED)
		reason = judge_packet(control, 1, now);
	if (control & CONTROL_GRANTS && grant_may_overrule(reason))
		reason = dir == DIR_OUT ? grant_out(skb, reason, now) : grant_in(skb, reason, now);
	if (dir == DIR_OUT && reason_passes(reason) && checksum_left(skb) >= 0)
		return tc_offloaded(skb, control, reason, ethernet);
	return tc_return(skb, control, reason, dir, ethernet);
}

/*
 * Global, so that what is rarely needed takes no registers from the short way; one for each
 * program, so that each has what it needs only: the verifier's time is most of the time to isolate.
 */
#define LONG_WAY(name, dir, ethernet)                                                              \
	__noinline int name(struct __sk_buff *skb, __u64 control, __u64 now)                       \
	{                                                                                          \
		return judge_long(skb, control, now, dir, ethernet);                               \
	}
LONG_WAY(long_in, DIR_IN, 1)
LONG_WAY(long_out, DIR_OUT, 1)
LONG_WAY(long_in_headerless, DIR_IN, 0)
LONG_WAY(long_out_headerless, DIR_OUT, 0)

static __always_inline int tc_long(struct __sk_buff *skb, __u64 control, __u64 now, __u32 dir,
				   int ethernet)
{
	if (dir == DIR_OUT)
		return ethernet ? long_out(skb, control, now)
				: long_out_headerless(skb, control, now);
	return ethernet ? long_in(skb, control, now) : long_in_headerless(skb, control, now);
}

static __always_inline int tc_verdict(struct __sk_buff *skb, __u32 dir, int ethernet)
{
	const struct policy *policy = policy_page();
	__u64 now = 0, control = control_in_force(policy, &now);
	__u32 reason;

	if (!control)
		return TC_ACT_UNSPEC;
	reason = judge_short(policy, control, (void *)(long)skb->data, (void *)(long)skb->data_end,
			     skb->len, ethernet, dir, 1, &now);
	if (reason == PARSED)
		return tc_long(skb, control, now, dir, ethernet);
	if (dir == DIR_OUT && reason == REASON_ALLOWED && checksum_left(skb) >= 0)
		return tc_offloaded(skb, control, reason, ethernet);
	count(control, reason, dir, skb->len);
	return reason == REASON_ALLOWED || control & CONTROL_AUDIT ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}

SEC("tc")
int tc_in(struct __sk_buff *skb)
{
	return tc_verdict(skb, DIR_IN, 1);
}

SEC("tc")
int tc_out(struct __sk_buff *skb)
{
	return tc_verdict(skb, DIR_OUT, 1);
}

SEC("tc")
int tc_in_ip(struct __sk_buff *skb)
{
	return tc_verdict(skb, DIR_IN, 0);
}

SEC("tc")
int tc_out_ip(struct __sk_buff *skb)
{
	return tc_verdict(skb, DIR_OUT, 0);
}

static __always_inline int tc_drop(struct __sk_buff *skb, __u32 dir)
{
	const struct policy *policy = policy_page();
	__u64 now = 0, control = control_in_force(policy, &now);
	struct packet *p = packet_of_cpu();

	if (!control)
		return TC_ACT_UNSPEC;
	if (p)
		packet_reset(p, dir);
	return tc_return(skb, control, REASON_LINK_TYPE, dir, 0);
}

SEC("tc")
int tc_in_none(struct __sk_buff *skb)
{
	return tc_drop(skb, DIR_IN);
}

SEC("tc")
int tc_out_none(struct __sk_buff *skb)
{
	return tc_drop(skb, DIR_OUT);
}

/* frame_len 0: all of it lies between data and data_end. */
__noinline int headers_xdp(struct xdp_md *ctx, __u32 frame_len)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct packet *p = packet_of_cpu();

	if (!p)
		return REASON_INTERNAL;
	p->linear = data_end - data;
	return parse_headers(data, data_end, frame_len ? frame_len : p->linear, 1, p);
}

/* Global for the same reason as long_in(). */
__noinline int xdp_long(struct xdp_md *ctx, __u64 control, __u64 now, __u32 frame_len)
{
	struct packet *p = packet_of_cpu();
	__u32 reason;

	if (!p)
		return XDP_PASS; /* tc_in closes */
	packet_reset(p, DIR_IN);
	reason = headers_xdp(ctx, frame_len);
	if (reason == PARSED && p->between)
		reason = between_xdp(ctx);
	if (reason == PARSED && has_transport(p))
		reason = transport_xdp(ctx);
	if ((reason == REASON_TRUNCATED || p->cut) && p->frame_len > p->linear)
		return XDP_PASS; /* the rest lies in other buffers: tc_in can reach it, and judges
				  */
	if (reason == PARSED)
		reason = judge_packet(control, 0, now);
	if (control & CONTROL_GRANTS && grant_may_overrule(reason) && grant_possible(ctx, now))
		return XDP_PASS; /* tc_in sees whose socket it is */
	if (!reason_passes(reason) && control & CONTROL_DROPS && drops_heard())
		return XDP_PASS; /* tc_in drops it, and tells */
	if (reason_passes(reason))
		return XDP_PASS;
	count(control, reason, DIR_IN, p->frame_len);
	return XDP_DROP;
}

/*
 * Of a frame in several buffers the short way sees the first: one whose IP packet goes on in the
 * next is longer than that, and goes the long way.
 */
static __always_inline int xdp_verdict(struct xdp_md *ctx, int frags)
{
	const struct policy *policy = policy_page();
	__u64 now = 0, control = control_in_force(policy, &now);
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	__u32 len = data_end - data, reason;

	if (!(control & CONTROL_ENFORCE) || control & CONTROL_AUDIT)
		return XDP_PASS;
	reason = judge_short(policy, control, data, data_end, len, 1, DIR_IN, 0, &now);
	if (reason == PARSED)
		return xdp_long(ctx, control, now, frags ? bpf_xdp_get_buff_len(ctx) : 0);
	if (reason == REASON_ALLOWED)
		return XDP_PASS;
	count(0, REASON_NOT_ALLOWED, DIR_IN, len);
	return XDP_DROP;
}

SEC("xdp")
int xdp_in(struct xdp_md *ctx)
{
	return xdp_verdict(ctx, 0);
}

/* Frames in several buffers (jumbo, LRO): the headers lie in the first. Kernels from 5.18. */
SEC("xdp.frags")
int xdp_in_frags(struct xdp_md *ctx)
{
	return xdp_verdict(ctx, 1);
}
