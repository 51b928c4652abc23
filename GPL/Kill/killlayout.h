/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kill hook's maps, as both sides see them. A rule is a bit: `kill_match` says for a value
 * which rules want it, `any` which rules do not care, and a chmod matches the rules that are left
 * when all dimensions have been asked. No pointers, no holes, host byte order.
 */
#pragma once

#include <linux/types.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"

#define KILL_VERSION 2
#define KILL_PIN_PREFIX "kill_"
#define KILL_RULES 16	     /* bits of struct kill_verdict's `matched` */
#define KILL_SELF_TEST 15    /* the bit that arming tests itself with; no user's rule has it */
#define KILL_VALUES_MAX 4096 /* values of all rules together; past it, arming is refused */
#define KILL_TASKS_MAX 16384 /* processes of all trees; past it, counted in tasks_lost */
#define KILL_GUARDS_MAX 1024 /* programs that are spared; past it, adding one is refused */
#define KILL_PATH_ROOM 1024  /* bytes of names in an event; a longer path is cut at its root */

enum kill_dim {
#define KILL_DIM(id, text) KILL_DIM_##id,
#include "Kill/killdims.def"
#undef KILL_DIM
	KILL_DIM_COUNT
};

enum kill_door {
#define KILL_DOOR(id, word) KILL_DOOR_##id,
#include "Kill/killdoors.def"
#undef KILL_DOOR
	KILL_DOOR_COUNT
};

enum kill_guard {
#define KILL_GUARD(id, word) KILL_GUARD_##id,
#include "Kill/killguards.def"
#undef KILL_GUARD
	KILL_GUARD_COUNT
};

/*
 * How a program was reached, the best first; the first two can refuse. LSM before fmod_ret: where
 * the kernel can be preempted, it leaves out any other trampoline's program while the same one is
 * interrupted on that CPU.
 */
enum kill_way { KILL_WAY_LSM, KILL_WAY_MODRET, KILL_WAY_FEXIT, KILL_WAY_SYSCALL, KILL_WAY_COUNT };

struct kill_key {
	__u32 dim;  /* enum kill_dim */
	__u32 uid;  /* kill_guards: effective, of who runs it; else 0 */
	__u64 a, b; /* inode and kernel device; a number; 16 bytes of name */
};

/* One, mapped by user space. A rule is in force from the store to `active` that sets its bit. */
struct kill_state {
	__u32 version, active;
	__u32 any[KILL_DIM_COUNT];
	__u32 any_bits, any_types; /* rules that do not ask for bits added, or take every type */
	__u32 bits[12];		   /* rules that want this bit of the mode added */
	__u32 types[16];	   /* rules that take this file type, by S_IFMT >> 12 */
	__u32 spare_orphans;	   /* rules that leave alone whose parent is pid 1 (--any) */
	__u32 born;		   /* rules that look at files created, too */
	__u32 next_id;
	__u32 watcher, watcher_pad; /* `kill watch`: its pid, if it began at watcher_start */
	__u64 watcher_start;	    /* as kill_task.start */
	__u64 unresolved;	    /* calls whose file could not be found: the syscall way only */
	__u64 events_lost;	    /* found no room in the ring */
	__u64 calls_lost;	    /* found no room between entry and exit of the call */
	__u64 tasks_lost;	    /* children of a --tree that found no room */
};

enum kill_rule_flags {
	KILL_ENFORCE = 1,
	KILL_DENY_ONLY = 2,
	KILL_THREAD = 4,	   /* bpf_send_signal_thread */
	KILL_REVERT = 8,	   /* for `kill watch` */
	KILL_CONTAINER_INITS = 16, /* may be killed, too */
	KILL_TEST = 32,		   /* arming's own: spares not hostiso, tells nobody */
};

struct kill_rule {
	__u64 deadline; /* CLOCK_BOOTTIME ns; 0: none */
	__u32 id, flags;
	__u32 signal;
	__u32 max_kills; /* a second; 0: any number */
	__u64 armed_at;	 /* CLOCK_REALTIME seconds */
	char user[32];
	char text[512]; /* what it asks for, as options */
};

struct kill_counts {
	__u64 matched;
	__u64 audited;	 /* would have been refused or signalled */
	__u64 refused;	 /* prevented */
	__u64 signalled; /* the helper said 0 */
	__u64 failed_eperm, failed_ebusy, failed_other;
	__u64 spared[KILL_GUARD_COUNT];
	__u64 fell_back; /* CLOCK_BOOTTIME ns when it became audit by max_kills; 0: it did not */
	__u64 second, in_second;
};

/* kill_tasks: by tgid. */
struct kill_task {
	__u64 start; /* since boot, in TASK_TICK_NS as /proc tells it */
	__u32 trees; /* rules whose tree it is in */
	__u32 guard; /* enum kill_guard: 0 or SESSION */
};

enum kill_effect {
	KILL_ATTEMPTED, /* seen beforehand and let go: it may still fail */
	KILL_PREVENTED,
	KILL_COMPLETED,
	KILL_EFFECT_COUNT
};

enum kill_event_flags {
	KILL_HAS_OLD = 1,
	KILL_HAS_NEW = 2,
	KILL_SENT = 4,	    /* `result` is the helper's */
	KILL_FELL_BACK = 8, /* this one was one too many: the rule is audit from now on */
	KILL_ENFORCED = 16, /* the rule was in enforce mode */
	KILL_PATH_CUT = 32,
	KILL_PATH_OUTSIDE = 64, /* the walk ended outside the process's root */
};

struct kill_event {
	__u64 ts_boot_ns;
	__u64 ino;
	__u64 start_time_ns; /* of the process */
	__u32 dev;	     /* the kernel's encoding: major << 20 | minor */
	__u32 rule;	     /* id of the one that acted */
	__u32 matched;	     /* all that matched, by bit */
	__u32 flags;	     /* enum kill_event_flags */
	__u32 way, door, effect, guard;
	__s32 result;
	__u32 signal;
	__u32 old_mode, requested, new_mode;
	__u32 owner;
	__u32 tid, tgid, ppid, uid;
	char comm[16];
	__u32 rule_flags;
	__u32 path_len;
	char path[KILL_PATH_ROOM]; /* names ended by NUL, the last one first */
};

#pragma GCC diagnostic pop
