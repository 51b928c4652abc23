/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tells who listens what dropped: one record for a new flow, then one a second with how many came
 * since, and, when asked for, every packet's first bytes. Only reached while CONTROL_DROPS is set.
 * XDP leaves it to tc_in, which sees the same packet.
 */
#pragma once

#include "HostIsolation/droplayout.h"
#include "HostIsolation/match.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct drop_wanted);
} drop_wanted SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, DROP_FLOWS_MAX);
	__type(key, struct drop_key);
	__type(value, struct drop_flow);
} drop_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, DROP_RING_BYTES);
} drop_ring SEC(".maps");

static __always_inline struct drop_wanted *drops_wanted(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&drop_wanted, &zero);
}

/* Somebody really listens: CONTROL_DROPS may be left over from one who was killed. */
static __always_inline int drops_heard(void)
{
	struct drop_wanted *w = drops_wanted();

	return w && *(volatile __u64 *)&w->flows_until > bpf_ktime_get_boot_ns();
}

static __always_inline void drop_key_fill(struct drop_key *key, const struct packet *p)
{
	__builtin_memset(key, 0, sizeof(*key));
	copy16(key->peer, p->peer.key.addr);
	copy16(key->local, p->local);
	key->peer_port = p->peer.peer_port;
	key->local_port = p->peer.local_port;
	key->proto = p->peer.proto;
	key->family = p->family;
	key->dir = p->dir;
}

static __always_inline struct drop_flow *drop_flow_of(const struct drop_key *key)
{
	struct drop_flow *f = bpf_map_lookup_elem(&drop_flows, key), fresh = {};

	if (f)
		return f;
	bpf_map_update_elem(&drop_flows, key, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&drop_flows, key);
}

static __always_inline void drop_record_fill(struct drop_record *r, const struct drop_key *key,
					     struct __sk_buff *skb, struct drop_flow *f,
					     __u32 flags, __u64 now)
{
	__u64 packets = *(volatile __u64 *)&f->packets, bytes = *(volatile __u64 *)&f->bytes;
	struct bpf_sock *sk = skb->sk;

	r->ts_boot_ns = now;
	r->sock = (__u64)(long)sk;
	r->key = *key;
	r->key.ifindex = f->ifindex;
	r->key.reason = f->reason;
	r->flags = flags;
	r->frame_len = skb->len;
	r->captured = 0;
	r->pad = 0;
	r->packets = r->bytes = 0;
	if (flags & DROP_NEWS) {
		r->packets = packets - f->told_packets;
		r->bytes = bytes - f->told_bytes;
		f->told_packets = packets;
		f->told_bytes = bytes;
		f->told_at = now;
	}
}

static __always_inline void drop_lost(struct drop_wanted *w)
{
	__sync_fetch_and_add(&w->lost, 1);
}

/* The packet's first bytes; what cannot be read is 0 captured. */
static __always_inline void drop_capture(struct drop_packet *d, struct __sk_buff *skb)
{
	__u32 last = (skb->len < DROP_BYTES ? skb->len : DROP_BYTES) - 1;

	/* Verifiers from 5.10 on want to see in the one register they are given: 1 to 256. */
	asm volatile("" : "+r"(last));
	if (last >= DROP_BYTES)
		return;
	if (!bpf_skb_load_bytes(skb, 0, d->data, last + 1))
		d->record.captured = last + 1;
}

static __always_inline void drop_tell(struct drop_wanted *w, const struct drop_key *key,
				      struct __sk_buff *skb, struct drop_flow *f, __u32 flags,
				      __u64 now)
{
	if (flags & DROP_PACKET) {
		struct drop_packet *d = bpf_ringbuf_reserve(&drop_ring, sizeof(*d), 0);

		if (!d)
			return drop_lost(w);
		drop_record_fill(&d->record, key, skb, f, flags, now);
		drop_capture(d, skb);
		bpf_ringbuf_submit(d, 0);
	} else {
		struct drop_record *r = bpf_ringbuf_reserve(&drop_ring, sizeof(*r), 0);

		if (!r)
			return drop_lost(w);
		drop_record_fill(r, key, skb, f, flags, now);
		bpf_ringbuf_submit(r, 0);
	}
}

/* A global function: verified once, apart from the verdict. `flags`: DROP_ETHERNET, DROP_AUDIT. */
__noinline int drop_note(struct __sk_buff *skb, __u32 reason, __u32 flags)
{
	struct packet *p = packet_of_cpu();
	struct drop_wanted *w = drops_wanted();
	struct drop_key key;
	struct drop_flow *f;
	__u64 now;

	if (!p || !w)
		return 0;
	now = bpf_ktime_get_boot_ns();
	if (*(volatile __u64 *)&w->flows_until < now)
		return 0;
	drop_key_fill(&key, p);
	if (!p->family)
		key.ethertype = skb->protocol;
	f = drop_flow_of(&key);
	if (!f)
		return 0;
	__sync_fetch_and_add(&f->packets, 1);
	__sync_fetch_and_add(&f->bytes, skb->len);
	f->seen_at = now;
	f->reason = reason;
	f->ifindex = skb->ifindex;
	if (*(volatile __u64 *)&w->records_until < now)
		return 0;
	if (!f->told_at || now - f->told_at >= DROP_TELL_NS)
		flags |= DROP_NEWS;
	if (*(volatile __u64 *)&w->packets_until >= now)
		flags |= DROP_PACKET;
	if (flags & (DROP_NEWS | DROP_PACKET))
		drop_tell(w, &key, skb, f, flags, now);
	return 0;
}
