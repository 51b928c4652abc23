/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The pinned maps of the process grants, as grantlayout.h describes them. Those that the tracing
 * hooks write are preallocated: memory must not be asked for inside of a tracepoint.
 */
#pragma once

#include <bpf/bpf_helpers.h>
#include "HostIsolation/grantlayout.h"

#define GRANT_MAP(name, map_type, flags, key_type, value_type, size)                               \
	struct {                                                                                   \
		__uint(type, map_type);                                                            \
		__uint(map_flags, flags);                                                          \
		__uint(max_entries, size);                                                         \
		__type(key, key_type);                                                             \
		__type(value, value_type);                                                         \
	} name SEC(".maps")

GRANT_MAP(grants, BPF_MAP_TYPE_HASH, 0, __u64, struct grant, GRANTS_MAX);
GRANT_MAP(grant_counts, BPF_MAP_TYPE_PERCPU_HASH, 0, __u64, struct grant_count, GRANTS_MAX);
GRANT_MAP(grant_notes, BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, __u64, struct grant_note,
	  GRANTS_MAX * 2);
GRANT_MAP(granted_tasks, BPF_MAP_TYPE_HASH, 0, __u32, struct granted_task, GRANTED_TASKS_MAX);
GRANT_MAP(granted_exes, BPF_MAP_TYPE_HASH, 0, struct exe_key, __u64, GRANTS_MAX);
GRANT_MAP(granted_cgroups, BPF_MAP_TYPE_HASH, 0, __u64, __u64, GRANTS_MAX);
GRANT_MAP(granted_paths, BPF_MAP_TYPE_HASH, 0, struct path_key, __u64, GRANTS_MAX);
GRANT_MAP(grant_flows, BPF_MAP_TYPE_ARRAY, 0, __u32, struct grant_bucket, GRANT_FLOW_BUCKETS);
GRANT_MAP(grant_losses, BPF_MAP_TYPE_PERCPU_ARRAY, 0, __u32, __u64, GRANT_LOST_COUNT);

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct sock_grants);
} sock_grants SEC(".maps");

static __always_inline void grant_lost(__u32 what)
{
	__u64 *n = bpf_map_lookup_elem(&grant_losses, &what);

	if (n)
		*n += 1;
}
