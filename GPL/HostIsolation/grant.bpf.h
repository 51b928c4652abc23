/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Process grants, seen from a packet that no entry admitted. Outwards the socket that sends is at
 * hand; inwards it is looked up. What has no full socket: a connection request (its listening
 * socket stands for it), time-wait and answers of the stack itself (grant_flows, and only segments
 * without payload), fragments (as their first was judged). Only TCP and UDP are ever granted.
 */
#pragma once

#include "HostIsolation/grantmaps.bpf.h"
#include "HostIsolation/kernel.bpf.h"
#include "HostIsolation/match.bpf.h"

#define TH_FIN 0x01
#define TH_RST 0x04
#define SOCK_RAW 3
#define TCP_TIME_WAIT 6

/* The reasons that a grant can overrule: nobody admitted it, but it is no attack on the shape. */
static __always_inline int grant_may_overrule(__u32 reason)
{
	return reason == REASON_NOT_ALLOWED || reason == REASON_NO_FLOW || reason == REASON_ORPHAN;
}

static __always_inline int grant_protocol(const struct packet *p)
{
	return p->family && (p->peer.proto == IPPROTO_TCP || p->peer.proto == IPPROTO_UDP);
}

static __always_inline void grant_count(__u64 id, const struct packet *p, __u64 *now)
{
	struct grant_count *c = bpf_map_lookup_elem(&grant_counts, &id);

	if (!c)
		return;
	c->packets++;
	c->bytes += p->frame_len;
	c->seen = now_of(now);
	copy16(c->peer, p->peer.key.addr);
	c->peer_port = p->peer.peer_port;
	c->local_port = p->peer.local_port;
	c->family = p->family;
	c->proto = p->peer.proto;
	c->dir = p->dir;
}

/* Is this grant in force? Counts the packet on it. */
static __always_inline int grant_holds(__u64 id, const struct packet *p, __u64 *now)
{
	struct grant *grant = id ? bpf_map_lookup_elem(&grants, &id) : NULL;

	if (!grant || !still(grant->until, now))
		return 0;
	grant_count(id, p, now);
	return 1;
}

/*
 * Is one of p->marks in force? That grant is p->granted then, and counts the packet. What is found
 * for a packet lies in the scratch map, where the verifier does not follow by which way it came
 * there.
 */
static __always_inline int grant_among(struct packet *p, __u64 *now)
{
#pragma unroll
	for (int kind = 0; kind < GRANT_KINDS; kind++)
		if (grant_holds(p->marks.id[kind], p, now)) {
			p->granted = p->marks.id[kind];
			return 1;
		}
	return 0;
}

/* ---- flows of closed connections ---- */

static __always_inline void grant_flow_of(const struct packet *p, struct grant_flow *flow)
{
	__builtin_memset(flow, 0, sizeof(*flow));
	copy16(flow->peer, p->peer.key.addr);
	copy16(flow->local, p->local);
	flow->peer_port = p->peer.peer_port;
	flow->local_port = p->peer.local_port;
	flow->family = p->family;
}

static __always_inline struct grant_bucket *grant_bucket_of(const struct grant_flow *flow)
{
	__u32 key = grant_bucket_key(flow);

	return bpf_map_lookup_elem(&grant_flows, &key);
}

static __always_inline int grant_flow_same(const struct grant_flow *a, const struct grant_flow *b)
{
	return same16(a->peer, b->peer) && same16(a->local, b->local) &&
	       a->peer_port == b->peer_port && a->local_port == b->local_port &&
	       a->family == b->family;
}

static __always_inline void grant_flow_keep(const struct packet *p, __u64 id, __u64 *now)
{
	struct grant_bucket *bucket;
	struct grant_flow flow;
	int slot = -1;
	__u64 t = now_of(now);

	grant_flow_of(p, &flow);
	bucket = grant_bucket_of(&flow);
	if (!bucket)
		return;
	bpf_spin_lock(&bucket->lock);
#pragma unroll
	for (int i = GRANT_FLOW_WAYS - 1; i >= 0; i--)
		if (bucket->flow[i].until <= t)
			slot = i;
#pragma unroll
	for (int i = 0; i < GRANT_FLOW_WAYS; i++)
		if (grant_flow_same(&bucket->flow[i], &flow))
			slot = i;
	if (slot >= 0) {
		struct grant_flow *to = &bucket->flow[slot & (GRANT_FLOW_WAYS - 1)];

		copy16(to->peer, flow.peer);
		copy16(to->local, flow.local);
		to->peer_port = flow.peer_port;
		to->local_port = flow.local_port;
		to->family = flow.family;
		to->id = id;
		to->until = t + GRANT_FLOW_NS;
	}
	bpf_spin_unlock(&bucket->lock);
	if (slot < 0)
		grant_lost(GRANT_LOST_FLOW);
}

/*
 * The functions that are not inline are global, so each is verified once, whatever calls it.
 *
 * Is this a segment of a granted connection that was closed? Its grant is in p->marks then.
 */
__noinline int grant_flow_find(__u64 now)
{
	struct packet *p = packet_of_cpu();
	struct grant_bucket *bucket;
	struct grant_flow flow;
	__u64 t = now_of(&now), id = 0;

	if (!p)
		return 0;
	grant_flow_of(p, &flow);
	bucket = grant_bucket_of(&flow);
	if (!bucket)
		return 0;
	bpf_spin_lock(&bucket->lock);
#pragma unroll
	for (int i = 0; i < GRANT_FLOW_WAYS; i++)
		if (grant_flow_same(&bucket->flow[i], &flow) && bucket->flow[i].until > t)
			id = bucket->flow[i].id;
	bpf_spin_unlock(&bucket->lock);
	__builtin_memset(&p->marks, 0, sizeof(p->marks));
	p->marks.id[0] = id;
	return id != 0;
}

/* ---- sockets ---- */

#define TUPLE_MORE_IP6                                                                             \
	(sizeof(((struct bpf_sock_tuple *)0)->ipv6) - sizeof(((struct bpf_sock_tuple *)0)->ipv4))

/* As the packet came in from the peer, even when it goes out. */
static __always_inline void grant_tuple(struct packet *p, const struct peer *peer)
{
	struct bpf_sock_tuple *t = &p->tuple;

	p->tuple_udp = peer->proto == IPPROTO_UDP;
	if (p->family == AF_INET) {
		p->tuple_more = 0;
		t->ipv4.saddr = *(__be32 *)peer->key.addr;
		t->ipv4.daddr = *(__be32 *)p->local;
		t->ipv4.sport = peer->peer_port;
		t->ipv4.dport = peer->local_port;
		return;
	}
	p->tuple_more = TUPLE_MORE_IP6;
	copy16(t->ipv6.saddr, peer->key.addr);
	copy16(t->ipv6.daddr, p->local);
	t->ipv6.sport = peer->peer_port;
	t->ipv6.dport = peer->local_port;
}

/* Bytes of the tuple: one range to the verifier, which would follow two numbers separately. */
static __always_inline __u32 tuple_len(const struct packet *p)
{
	return sizeof(p->tuple.ipv4) + (*(volatile __u8 *)&p->tuple_more & TUPLE_MORE_IP6);
}

enum grant_socket {
	SOCKET_NONE,  /* nobody has it */
	SOCKET_OTHER, /* somebody's, without a mark */
	SOCKET_WAITS, /* time-wait: nothing can hang on it */
	SOCKET_MARKED,
};

/*
 * MPTCP: the socket that a process has lies above the TCP ones that the packets belong to. Of those
 * that were open before the grant, and of what the kernel adds by itself, only the one above is
 * marked. Its marks are put on the TCP socket as well, since what a listening one accepts inherits
 * from that. Linux 5.19 can tell.
 */
struct mptcp_sock;

static __always_inline struct sock_grants *grant_marks_above(struct bpf_sock *sk)
{
	struct mptcp_sock *above = NULL;

	if (kernel.mptcp)
		above = bpf_skc_to_mptcp_sock(sk);
	return above ? bpf_sk_storage_get(&sock_grants, above, NULL, 0) : NULL;
}

static __always_inline int grant_marks_of(struct bpf_sock *sk, struct packet *p)
{
	struct sock_grants *marks = bpf_sk_storage_get(&sock_grants, sk, NULL, 0);
	struct sock_grants *above = grant_marks_above(sk);

	if (above && !marks)
		marks = bpf_sk_storage_get(&sock_grants, sk, above, BPF_SK_STORAGE_GET_F_CREATE);
	if (!marks) {
		if (above)
			grant_lost(GRANT_LOST_SOCKET);
		return SOCKET_OTHER;
	}
#pragma unroll
	for (int kind = 0; kind < GRANT_KINDS; kind++)
		if (above && above->id[kind] > marks->id[kind]) /* the later grant */
			marks->id[kind] = above->id[kind];
	p->marks = *marks;
	return SOCKET_MARKED;
}

/* The marks of a socket: its own, or its listening socket's while it is but a request. */
#define GRANT_MARKS(sk, p)                                                                         \
	({                                                                                         \
		struct bpf_sock *_full = bpf_sk_fullsock(sk);                                      \
                                                                                                   \
		if (!_full)                                                                        \
			_full = bpf_get_listener_sock(sk);                                         \
		_full ? grant_marks_of(_full, p) : SOCKET_WAITS;                                   \
	})

static __always_inline int grant_tcp_socket(struct __sk_buff *skb, struct packet *p)
{
	struct bpf_sock *sk;
	int what;

	sk = bpf_skc_lookup_tcp(skb, &p->tuple, tuple_len(p), BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return SOCKET_NONE;
	what = GRANT_MARKS(sk, p);
	bpf_sk_release(sk);
	return what;
}

static __always_inline int grant_udp_socket(struct __sk_buff *skb, struct packet *p)
{
	struct sock_grants *marks;
	struct bpf_sock *sk;
	int what = SOCKET_OTHER;

	sk = bpf_sk_lookup_udp(skb, &p->tuple, tuple_len(p), BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return SOCKET_NONE;
	marks = bpf_sk_storage_get(&sock_grants, sk, NULL, 0);
	if (marks) {
		p->marks = *marks;
		what = SOCKET_MARKED;
	}
	bpf_sk_release(sk);
	return what;
}

/* A new connection where an old one waits goes to the listening socket: port 0 hides the old. */
static __always_inline int grant_listener(struct __sk_buff *skb, struct packet *p)
{
	if (p->family == AF_INET)
		p->tuple.ipv4.sport = 0;
	else
		p->tuple.ipv6.sport = 0;
	return grant_tcp_socket(skb, p);
}

/* Does a grant admit it by the local socket that it, or the packet that it quotes, belongs to? */
__noinline int grant_of_socket(struct __sk_buff *skb, __u32 quoted, __u64 now)
{
	struct packet *p = packet_of_cpu();
	int what;

	if (!p)
		return 0;
	if (quoted)
		grant_tuple(p, &p->quoted);
	else
		grant_tuple(p, &p->peer);
	if (*(volatile __u8 *)&p->tuple_udp) {
		what = grant_udp_socket(skb, p);
	} else {
		what = grant_tcp_socket(skb, p);
		if (what == SOCKET_WAITS && p->class == CLASS_IP && opens_tcp(p))
			what = grant_listener(skb, p);
		else if ((what == SOCKET_WAITS || what == SOCKET_NONE) && p->class == CLASS_IP &&
			 !opens_tcp(p) && grant_flow_find(now))
			what = SOCKET_MARKED;
	}
	return what == SOCKET_MARKED && grant_among(p, &now);
}

/*
 * The stack itself answers: to a connection in time-wait, with a reset, or with SYN cookies. Its
 * segments carry no data, and either no socket or the stack's own, which is a raw one. A raw
 * socket of a process could pretend to be that, but sends no byte of payload this way.
 */
static __always_inline int grant_stack_answers(struct __sk_buff *skb, const struct packet *p)
{
	return p->peer.proto == IPPROTO_TCP && p->fragment == FRAGMENT_NONE && p->bare &&
	       !skb->ingress_ifindex && !opens_tcp(p) && !(p->tcp_flags & TH_FIN) &&
	       p->tcp_flags & (TH_ACK | TH_RST);
}

/* REASON_GRANTED or `reason`. */
__noinline int grant_out(struct __sk_buff *skb, __u32 reason, __u64 now)
{
	struct packet *p = packet_of_cpu();
	struct bpf_sock *sk, *full;
	int what = SOCKET_NONE, admits = 0;

	if (!p || !grant_protocol(p))
		return reason;
	sk = skb->sk;
	if (sk) {
		full = bpf_sk_fullsock(sk);
		what = full && full->type == SOCK_RAW ? SOCKET_NONE : GRANT_MARKS(sk, p);
	}
	if (what == SOCKET_MARKED)
		admits = grant_among(p, &now);
	else if (what != SOCKET_OTHER && grant_stack_answers(skb, p))
		admits = grant_of_socket(skb, 0, now);
	if (!admits)
		return reason;
	if (p->tcp_flags & (TH_FIN | TH_RST) && p->peer.has_ports)
		grant_flow_keep(p, p->granted, &now);
	return REASON_GRANTED;
}

__noinline int grant_in(struct __sk_buff *skb, __u32 reason, __u64 now)
{
	struct packet *p = packet_of_cpu();
	int admits = 0;

	if (!p)
		return reason;
	if (p->class == CLASS_ICMP_ERROR) {
		if (p->quoted.has_ports &&
		    (p->quoted.proto == IPPROTO_TCP || p->quoted.proto == IPPROTO_UDP))
			admits = grant_of_socket(skb, 1, now);
	} else if (grant_protocol(p) && p->peer.has_ports) {
		admits = grant_of_socket(skb, 0, now);
	}
	if (!admits)
		return reason;
	if (p->fragment == FRAGMENT_FIRST)
		fragment_remember(p, &now);
	return REASON_GRANTED;
}

/*
 * XDP cannot see the marks, only whether there is a socket at all. 1: it could belong to a grant,
 * tc_in decides. The later fragments of one batch come before tc_in has seen their first one.
 */
__noinline int grant_possible(struct xdp_md *ctx, __u64 now)
{
	struct packet *p = packet_of_cpu();
	struct peer *peer;
	struct bpf_sock *sk;
	__u32 len;

	if (!p)
		return 1;
	peer = p->class == CLASS_ICMP_ERROR ? &p->quoted : &p->peer;
	if (!p->family || (peer->proto != IPPROTO_TCP && peer->proto != IPPROTO_UDP))
		return 0;
	if (!peer->has_ports)
		return p->fragment == FRAGMENT_LATER;
	grant_tuple(p, peer);
	len = tuple_len(p);
	if (*(volatile __u8 *)&p->tuple_udp)
		sk = bpf_sk_lookup_udp(ctx, &p->tuple, len, BPF_F_CURRENT_NETNS, 0);
	else
		sk = bpf_skc_lookup_tcp(ctx, &p->tuple, len, BPF_F_CURRENT_NETNS, 0);
	if (sk) {
		bpf_sk_release(sk);
		return 1;
	}
	return !p->tuple_udp && p->class == CLASS_IP && grant_flow_find(now);
}
