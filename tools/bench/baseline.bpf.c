// SPDX-License-Identifier: BSD-2-Clause
/*
 * What hostiso's filter is measured against, packet by packet: programs that do the least.
 *
 *   empty_tc, empty_xdp  nothing: the floor
 *   count_xdp, count_tc  count per CPU and drop: no filter drops faster
 *   read_xdp             the same, but reads the frame's source address: what any filter must
 *   pass_xdp             a driver with XDP on it, and nothing else
 *   hash_tc, hash_xdp    IPv4 only, exact addresses in one hash map: the least that is a filter
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __be32);
	__type(value, __u32);
} peers SEC(".maps");

static __always_inline void count(__u32 index)
{
	__u64 *n = bpf_map_lookup_elem(&seen, &index);

	if (n)
		*n += 1;
}

static __always_inline int admits(void *data, void *data_end, int out)
{
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	__be32 peer;
	int known;

	if ((void *)(ip + 1) > data_end || eth->h_proto != bpf_htons(ETH_P_IP))
		return 0;
	peer = out ? ip->daddr : ip->saddr;
	known = bpf_map_lookup_elem(&peers, &peer) != NULL;
	count(known);
	return known;
}

SEC("tc")
int empty_tc(struct __sk_buff *skb)
{
	return TC_ACT_UNSPEC;
}

SEC("tc")
int hash_tc(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *data_end = (void *)(long)skb->data_end;

	return admits(data, data_end, 1) ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}

SEC("tc")
int count_tc(struct __sk_buff *skb)
{
	count(0);
	return TC_ACT_SHOT;
}

SEC("xdp")
int empty_xdp(struct xdp_md *ctx)
{
	return XDP_DROP;
}

SEC("xdp")
int pass_xdp(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("xdp")
int count_xdp(struct xdp_md *ctx)
{
	count(0);
	return XDP_DROP;
}

SEC("xdp")
int read_xdp(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + sizeof(struct ethhdr);

	if ((void *)(ip + 1) > data_end)
		return XDP_DROP;
	count(ip->saddr == 0);
	return XDP_DROP;
}

SEC("xdp")
int hash_xdp(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;

	return admits(data, data_end, 0) ? XDP_PASS : XDP_DROP;
}
