/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The pinned maps, as layout.h describes them; scratch (match.bpf.h) is one more. The inner maps
 * are made by the command, and so are entries and origins, which no program reads.
 */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "HostIsolation/policy.bpf.h"

#define INNER_LPM(key_type)                                                                        \
	{                                                                                          \
		__uint(type, BPF_MAP_TYPE_LPM_TRIE);                                               \
		__uint(map_flags, BPF_F_NO_PREALLOC);                                              \
		__uint(max_entries, 1);                                                            \
		__uint(key_size, sizeof(key_type));                                                \
		__uint(value_size, sizeof(struct allow_node));                                     \
	}

#define INNER_HASH(key_type, value_type)                                                           \
	{                                                                                          \
		__uint(type, BPF_MAP_TYPE_HASH);                                                   \
		__uint(map_flags, BPF_F_NO_PREALLOC);                                              \
		__uint(max_entries, 1);                                                            \
		__uint(key_size, sizeof(key_type));                                                \
		__uint(value_size, sizeof(value_type));                                            \
	}

#define BANKED(name, inner)                                                                        \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);                                          \
		__uint(max_entries, BANKS);                                                        \
		__type(key, __u32);                                                                \
		__array(values, struct inner);                                                     \
	} name SEC(".maps")

BANKED(allow_host4, INNER_HASH(__be32, struct allow_node));
BANKED(allow_host6, INNER_HASH(struct host_key6, struct allow_node));
BANKED(allow_ip4, INNER_LPM(struct lpm_key4));
BANKED(allow_ip6, INNER_LPM(struct lpm_key6));
BANKED(rules, INNER_HASH(__u32, struct rule_block));

#define STATE_MAP(name, map_type, key_type, value_type, size)                                      \
	struct {                                                                                   \
		__uint(type, map_type);                                                            \
		__uint(max_entries, size);                                                         \
		__type(key, key_type);                                                             \
		__type(value, value_type);                                                         \
	} name SEC(".maps")

/* The values are times of CLOCK_BOOTTIME in ns, but for devices. */
STATE_MAP(flows, BPF_MAP_TYPE_LRU_HASH, struct flow_key, __u64, FLOWS_MAX);
STATE_MAP(fragments, BPF_MAP_TYPE_LRU_HASH, struct fragment_key, __u64, FRAGMENTS_MAX);
STATE_MAP(kept, BPF_MAP_TYPE_HASH, struct kept_key, __u64, KEPT_MAX);
STATE_MAP(nd_onlink, BPF_MAP_TYPE_LRU_HASH, struct nd_key, __u64, ND_ONLINK_MAX);
STATE_MAP(devices, BPF_MAP_TYPE_HASH, __u32, struct device, DEVICES_MAX);
