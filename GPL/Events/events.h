/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The records in the ring: written by GPL/Events, read by non-GPL/Events/decode.c. A fixed struct
 * that begins with event_hdr, and behind it the parts that vary, each found by an event_part. No
 * pointers, no holes, host byte order unless __be.
 */
#pragma once

#include <linux/types.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"

enum event_type {
#define EVENT(id, option) EVENT_##id,
#include "events.def"
#undef EVENT
	EVENT_COUNT
};

enum change_type { CHANGE_CONTENT, CHANGE_PERMISSIONS, CHANGE_OWNER, CHANGE_XATTRS, CHANGE_COUNT };

/* A path part holds names each ended by NUL, the last component first, unless PART_TEXT. */
enum part_flags {
	PART_TEXT = 1,	      /* one string as a process gave it, not a walk of kernel names */
	PART_TRUNCATED = 2,   /* longer than there was room or steps for */
	PART_UNREACHABLE = 4, /* the walk ended outside the process's root */
	PART_DELETED = 8,     /* the name was unlinked already */
	PART_PSEUDO = 16,     /* no place in the tree: memfd, pipe, socket */
	PART_CUT = 64,	      /* inside the kernel: a name found no room */
	PART_SAME_BASE = 128, /* of old_path: it begins in `base`, not in old_base */
	PART_RELATIVE = 256,  /* inside the kernel: text that does not begin with / */
	PART_MATCHED = 32,    /* inside the kernel: --path knows a directory of it */
	PART_WALKED = 512,    /* inside the kernel: a walk came to its end */
};

struct event_part {
	__u32 off; /* from the record's first byte */
	__u16 len;
	__u16 flags;
};

struct event_pids {
	__u32 tid, tgid, ppid, pgid, sid, pad;
	__u64 start_time_ns; /* of the thread group's leader, since boot without suspend */
};

struct event_creds {
	__u32 ruid, rgid, euid, egid, suid, sgid;
	__u64 cap_permitted, cap_effective;
};

struct event_ns {
	__u32 uts, ipc, mnt, net, cgroup, time, pid, pad;
};

struct event_tty {
	__u32 major, minor, rows, cols;
};

struct event_file_info {
	__u64 inode, size;
	__u64 atime, mtime, ctime; /* ns since 1970 */
	__u32 mode;		   /* with the S_IFMT bits; 0: nothing is known of the file */
	__u32 uid, gid, nlink;
};

struct event_hdr {
	__u64 ts_boot_ns;
	__u32 type;   /* enum event_type */
	__u32 size;   /* bytes used, of the ring's larger reservation */
	__u32 source; /* enum hook */
	__u32 mnt_ns;
	__u32 marks; /* of all parts together */
	__u32 pad;
	struct event_pids pids;
	struct event_creds creds;
	char comm[16];
	struct event_part cgroup; /* in the hierarchy of the pids controller */
};

struct event_file {
	struct event_hdr hdr;
	struct event_file_info info;
	__u32 change; /* enum change_type, of FILE_MODIFY */
	__u32 flags;  /* enum file_flags */
	__u32 old_mode, new_mode;
	struct event_part path, base; /* base: where a relative PART_TEXT path begins */
	struct event_part old_path, old_base;
	struct event_part symlink;
	struct event_part xattr; /* the attribute's name, of CHANGE_XATTRS */
};

enum file_flags { FILE_HAS_MODES = 1 };

struct event_fork {
	struct event_hdr hdr; /* the parent; creds and cgroup are the child's */
	struct event_pids child;
	struct event_tty ctty;
	struct event_ns ns;
	struct event_part cwd;
};

enum exec_flags { EXEC_SETUID = 1, EXEC_SETGID = 2, EXEC_MEMFD = 4 };

struct event_exec {
	struct event_hdr hdr;
	struct event_tty ctty;
	struct event_ns ns;
	__u32 flags; /* enum exec_flags */
	__u32 nlink;
	struct event_part argv, env, cwd, filename;
};

struct event_exit {
	struct event_hdr hdr;
	struct event_tty ctty;
	struct event_ns ns;
	__u32 code; /* as wait(2) gives it */
	__u32 pad;
};

struct event_ids {
	struct event_hdr hdr;
	__u32 ruid, euid, rgid, egid;
};

struct event_tty_write {
	struct event_hdr hdr;
	struct event_tty tty;
	__u64 truncated; /* bytes that were written and are not in `out` */
	struct event_part out;
};

struct event_memfd {
	struct event_hdr hdr;
	__u32 flags, pad;
	struct event_part name;
};

struct event_shmget {
	struct event_hdr hdr;
	__u64 key, size;
	__s64 flags;
};

struct event_ptrace {
	struct event_hdr hdr;
	__s64 request;
	__u32 child, pad;
};

struct event_module {
	struct event_hdr hdr;
	struct event_part name, version, srcversion;
};

struct event_net {
	struct event_hdr hdr;
	__u8 saddr[16], daddr[16]; /* an IPv4 address lies in the first four bytes */
	__u32 sport, dport;	   /* host order */
	__u32 netns, family;	   /* AF_INET, AF_INET6 */
	__u64 bytes_sent, bytes_received;
};

#define ARGV_MAX 20480
#define ENV_MAX 40960
#define TTY_OUT_MAX 8192
#define SYMLINK_MAX 1024
#define RECORD_MAX 81920 /* the largest reservation; a longer record is damaged */

/* What user space sets before load. */
#define FILTER_PID 1
#define FILTER_UID 2
#define FILTER_COMM 4
#define FILTER_PATH 8
#define FILTER_EXE 16
#define FILTER_TREE 32

/* Shared through mmap: what found no room in the ring, and whether the reader sleeps. */
struct stream_state {
	__u64 lost[EVENT_COUNT];
	__u64 asleep; /* the reader waits for a wake-up; cleared by who wakes it */
};

/* senders: who last sent by a socket, keyed by what drop_record.sock calls it. */
struct sender {
	__u64 start_boot_ns;
	__u32 tgid, uid;
	char comm[16];
};

struct inode_key {
	__u64 ino;
	__u32 dev; /* the kernel's own encoding: major << 20 | minor */
	__u32 pad;
};

struct comm_key {
	char comm[16];
};

enum hook {
	HOOK_NONE,
#define HOOK(name, feature, kind) HOOK_##name,
#include "hooks.def"
#undef HOOK
	HOOK_COUNT
};

#pragma GCC diagnostic pop
