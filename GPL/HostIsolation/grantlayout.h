/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The layouts of the process grants: what the hooks (grants.bpf.c), the filter (grant.bpf.h) and
 * the command agree on. A grant has an id that is never used again: a socket, a task or a flow that
 * names one counts only while `grants` has it. So a grant that ends, ends everywhere at once.
 */
#pragma once

#include <linux/bpf.h>
#include "HostIsolation/layout.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"

enum grant_kind {
	GRANT_PID = 0, /* a process */
	GRANT_TREE,    /* a process and those that descend from it */
	GRANT_EXE,     /* whatever runs this inode */
	GRANT_CGROUP,  /* the tasks of a cgroup and of those below it */
	GRANT_KINDS,
};

#define GRANT_TASK_KINDS GRANT_CGROUP /* the first of them follow a task */

/* granted_exes: a file -> id. A file system gives the number of a removed file to the next one, but
 * not its generation. */
struct exe_key {
	__u64 dev; /* super block's device, as (major << 20 | minor) */
	__u64 ino;
	__u32 generation;
	__u32 pad;
};

/* grants: id (CLOCK_BOOTTIME ns of its making) -> what it is. */
#define GRANTS_MAX 1024

struct grant {
	__u64 until;	    /* FOREVER, or a deadline */
	__u64 start;	    /* PID, TREE: start time of the process, in TASK_TICK_NS since boot */
	struct exe_key exe; /* EXE */
	__u64 cgroup;	    /* CGROUP: its id when it was granted */
	__u32 kind;	    /* enum grant_kind */
	__u32 tgid;	    /* PID, TREE: in the initial pid namespace */
};

#define TASK_TICK_NS 10000000ULL /* /proc/PID/stat counts in USER_HZ, 100 on every architecture */

/* grant_counts: per CPU, by id. The peer of the CPU with the newest `seen` is the last one. */
struct grant_count {
	__u64 packets;
	__u64 bytes;
	__u64 seen; /* CLOCK_BOOTTIME ns; 0: never */
	__u8 peer[16];
	__be16 peer_port;
	__be16 local_port;
	__u8 family;
	__u8 proto;
	__u8 dir; /* enum direction of that packet */
	__u8 pad;
};

/* grant_notes: what the responder sees of a grant; no program reads it. */
struct grant_note {
	struct origin origin;
	__u64 exe_dev, exe_ino; /* EXE: as stat(2) tells them */
	char what[256]; /* name of the process, path of the file or cgroup; NUL-terminated */
};

/* granted_tasks: by tgid. Gone with the last thread, so that a recycled pid finds nothing. */
#define GRANTED_TASKS_MAX 8192

struct granted_task {
	__u64 start;		    /* in TASK_TICK_NS since boot */
	__u64 id[GRANT_TASK_KINDS]; /* 0: none */
};

/* granted_paths: path below the root of cgroup v2 -> id. A service that restarts gets a new cgroup
 * with the same path: the hook on its making finds it here and adds to granted_cgroups. */
#define CGROUP_PATH_MAX 256
#define CGROUP_LEVELS_MAX 16 /* of the granted cgroup, not of the task's */

struct path_key {
	char path[CGROUP_PATH_MAX]; /* "/system.slice/agent.service", filled up with zeros */
};

/* sock_grants: socket storage, inherited by what a listening socket accepts. */
struct sock_grants {
	__u64 id[GRANT_KINDS]; /* 0: none */
};

/*
 * grant_flows: TCP connections of granted sockets that we closed. Their time-wait and what the
 * stack says when the socket is gone carry no socket that storage could hang on. Only granted
 * sockets put something in; a bucket without an expired slot takes nothing more (GRANT_LOST_FLOW).
 */
#define GRANT_FLOW_NS (120ULL * 1000000000ULL) /* FIN-WAIT-2 and TIME-WAIT, 60 s each */
#define GRANT_FLOW_WAYS 4
#define GRANT_FLOW_BUCKETS 4096

struct grant_flow {
	__u8 peer[16];
	__u8 local[16];
	__be16 peer_port;
	__be16 local_port;
	__u32 family;
	__u64 id; /* of the grant */
	__u64 until;
};

struct grant_bucket {
	struct bpf_spin_lock lock;
	__u32 pad;
	struct grant_flow flow[GRANT_FLOW_WAYS];
};

#define GRANT_FLOW_WORDS 9 /* both addresses and both ports, as they lie in a flow */

/*
 * The key of a flow's bucket. The end is MurmurHash3's (fmix32), which brings every bit of the last
 * word down to the lower ones: without it neighbouring ports shared a bucket.
 */
static inline __u32 grant_bucket_key(const struct grant_flow *flow)
{
	const __u32 *words = (const __u32 *)flow;
	__u32 hash = 0x9e3779b9;

#pragma GCC unroll 9
	for (int i = 0; i < GRANT_FLOW_WORDS; i++) {
		hash = (hash ^ words[i]) * 0x85ebca6b;
		hash ^= hash >> 15;
	}
	hash ^= hash >> 16;
	hash *= 0x85ebca6b;
	hash ^= hash >> 13;
	hash *= 0xc2b2ae35;
	hash ^= hash >> 16;
	return hash % GRANT_FLOW_BUCKETS;
}

/* grant_losses: per CPU; what did not fit and is blocked for it. */
enum grant_loss {
	GRANT_LOST_FLOW,   /* grant_flows was full */
	GRANT_LOST_TASK,   /* granted_tasks was full: a child or an exec got no grant */
	GRANT_LOST_SOCKET, /* no memory for a socket's storage */
	GRANT_LOST_COUNT,
};

#pragma GCC diagnostic pop
