/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes, users, files and peers are the same everywhere: what differs is the event. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include "samples.h"

union sample_record sample_record;
struct drop_packet sample_drop;
struct drop_sender sample_sender;

#define rec sample_record
#define SECOND 1000000000ULL
#define CONTAINER "docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope"

static void add(struct event_part *part, const char *bytes, size_t n, int flags)
{
	part->off = rec.hdr.size;
	part->len = n;
	part->flags = flags;
	memcpy(rec.bytes + rec.hdr.size, bytes, n);
	rec.hdr.size += n;
}

#define add_names(part, names) add(part, names, sizeof(names), 0)
#define add_text(part, text) add(part, text, sizeof(text), PART_TEXT)

static void begin(enum event_type type, size_t size)
{
	memset(&rec, 0, sizeof(rec));
	rec.hdr = (struct event_hdr){
		.ts_boot_ns = 4242 * SECOND + 5,
		.type = type,
		.size = size,
		.source = HOOK_fork_tp,
		.mnt_ns = 4026531841,
		.pids = {4243, 4242, 1000, 4242, 900, 0, 4000 * SECOND + 7},
		.creds = {1000, 1001, 0, 1002, 1003, 1004, 0, 1ULL << 63 | 1 << 12 | 1 << 21},
		.comm = "sh",
	};
}

static void in_cgroup(void)
{
	add_names(&rec.hdr.cgroup, "session-1.scope\0user.slice");
}

static void file(enum event_type type)
{
	begin(type, sizeof(rec.file));
	rec.file.info = (struct event_file_info){
		.inode = 18446744073709551615ULL,
		.size = 4096,
		.atime = 951782400 * SECOND,		  /* 2000-02-29 */
		.mtime = 1798761599 * SECOND + 999999999, /* the last ns of 2026 */
		.ctime = 4102444800 * SECOND,		  /* 2100-01-01 */
		.mode = S_IFREG | S_ISUID | 0755,
		.uid = 1000,
		.gid = 4294967295,
		.nlink = 1,
	};
	in_cgroup();
}

static void plain_file(enum event_type type)
{
	file(type);
	add_names(&rec.file.path, "archive.tar.gz\0tmp");
}

static void delete_file(void)
{
	plain_file(EVENT_FILE_DELETE);
}

static void create_file(void)
{
	plain_file(EVENT_FILE_CREATE);
}

static void create_link(void)
{
	file(EVENT_FILE_CREATE);
	rec.file.info.mode = S_IFLNK | 0777;
	add_names(&rec.file.path, ".link");
	add_text(&rec.file.symlink, "../target");
}

/* Only a name is known: relative, with its directory, and not even a file is there. */
static void create_by_name(void)
{
	begin(EVENT_FILE_CREATE, sizeof(rec.file));
	add_names(&rec.hdr.cgroup, CONTAINER "\0system.slice");
	add_text(&rec.file.path, "../x/./new file");
	add_names(&rec.file.base, "dir\0srv");
	rec.file.path.flags |= PART_TRUNCATED;
}

static void create_not_utf8(void)
{
	file(EVENT_FILE_CREATE);
	memcpy(rec.hdr.comm, "caf\xe9\x1b[31m", 9);
	add_names(&rec.file.path, "na\xefve\".\xff\xfe\0\xe2\x82\xac");
	rec.file.path.flags = PART_DELETED | PART_UNREACHABLE;
}

static void rename_file(void)
{
	plain_file(EVENT_FILE_RENAME);
	add_names(&rec.file.old_path, "old\xff\0var");
}

static void modify(enum change_type change)
{
	plain_file(EVENT_FILE_MODIFY);
	rec.file.change = change;
}

static void modify_content(void)
{
	modify(CHANGE_CONTENT);
}

static void modify_permissions(void)
{
	modify(CHANGE_PERMISSIONS);
	rec.file.flags = FILE_HAS_MODES;
	rec.file.old_mode = S_IFREG | 0644;
	rec.file.new_mode = S_IFREG | S_ISUID | 0755;
}

static void modify_owner(void)
{
	modify(CHANGE_OWNER);
}

static void modify_xattrs(void)
{
	modify(CHANGE_XATTRS);
	add_text(&rec.file.xattr, "security.capability");
}

static void memfd_open(void)
{
	file(EVENT_FILE_MEMFD_OPEN);
	add(&rec.file.path, "memfd:x", 8, PART_PSEUDO);
}

static void shmem_open(void)
{
	file(EVENT_FILE_SHMEM_OPEN);
	add_names(&rec.file.path, "segment\0shm\0dev");
}

static const struct event_ns some_ns = {1, 2, 3, 4, 5, 6, 7, 0};
static const struct event_tty some_tty = {136, 3, 50, 120};

static void fork_event(void)
{
	begin(EVENT_PROCESS_FORK, sizeof(rec.fork));
	rec.fork.child = (struct event_pids){4300, 4300, 4242, 4242, 900, 0, 4242 * SECOND};
	rec.fork.ctty = some_tty;
	rec.fork.ns = some_ns;
	add_names(&rec.fork.cwd, "me\0srv");
	add_names(&rec.hdr.cgroup, CONTAINER "\0system.slice");
}

/* With CLONE_PARENT the forking process is no parent. */
static void fork_sibling(void)
{
	fork_event();
	rec.fork.child.ppid = 1000;
	rec.fork.ctty = (struct event_tty){0};
}

static void exec_event(void)
{
	begin(EVENT_PROCESS_EXEC, sizeof(rec.exec));
	rec.exec.ctty = some_tty;
	rec.exec.ns = some_ns;
	rec.exec.nlink = 1;
	add_text(&rec.exec.argv, "ls\0-l\0a \"b\"\0");
	add_text(&rec.exec.env, "PATH=/bin\0LANG=C");
	add_names(&rec.exec.cwd, "me\0srv");
	add_text(&rec.exec.filename, "./bin/ls");
	in_cgroup();
}

/* More arguments than there is room for, cut in the middle of one, of bytes that are no text. */
static void exec_long(void)
{
	static char argv[ARGV_MAX];

	begin(EVENT_PROCESS_EXEC, sizeof(rec.exec));
	rec.exec.flags = EXEC_SETUID | EXEC_SETGID | EXEC_MEMFD;
	for (size_t i = 0; i < sizeof(argv); i++)
		argv[i] = i % 4096 == 4095 ? 0 : i % 1024 == 7 ? (char)0xff : 'a';
	argv[sizeof(argv) - 1] = 'z';
	add(&rec.exec.argv, argv, sizeof(argv), PART_TEXT | PART_TRUNCATED);
	add(&rec.exec.env, "X=\xc3", 4, PART_TEXT | PART_TRUNCATED);
	add_text(&rec.exec.filename, "/proc/self/fd/3");
	rec.hdr.creds.cap_effective = (1ULL << 41) - 1;
}

static void exit_event(void)
{
	begin(EVENT_PROCESS_EXIT, sizeof(rec.exit));
	rec.exit.ctty = some_tty;
	rec.exit.ns = some_ns;
	rec.exit.code = 3 << 8;
	in_cgroup();
}

static void exit_killed(void)
{
	exit_event();
	rec.exit.code = 0x80 | 11;
}

static void ids(enum event_type type)
{
	begin(type, sizeof(rec.ids));
	rec.ids.ruid = 1;
	rec.ids.euid = 2;
	rec.ids.rgid = 3;
	rec.ids.egid = 4;
}

static void setsid_event(void)
{
	ids(EVENT_PROCESS_SETSID);
}

static void setuid_event(void)
{
	ids(EVENT_PROCESS_SETUID);
}

static void setgid_event(void)
{
	ids(EVENT_PROCESS_SETGID);
}

static void tty_write(void)
{
	begin(EVENT_PROCESS_TTY_WRITE, sizeof(rec.tty));
	rec.tty.tty = some_tty;
	rec.tty.truncated = 100;
	add(&rec.tty.out, "\x1b[1mroot\r\n\0\xff", 12, 0);
}

static void memfd_create_event(void)
{
	begin(EVENT_PROCESS_MEMFD_CREATE, sizeof(rec.memfd));
	rec.memfd.flags = 3;
	add_text(&rec.memfd.name, "payload");
}

static void shmget_event(void)
{
	begin(EVENT_PROCESS_SHMGET, sizeof(rec.shm));
	rec.shm.key = (__u64)-2;
	rec.shm.size = 1 << 20;
	rec.shm.flags = 01600;
}

static void ptrace_event(void)
{
	begin(EVENT_PROCESS_PTRACE, sizeof(rec.ptrace));
	rec.ptrace.request = 16;
	rec.ptrace.child = 77;
}

static void load_module(void)
{
	begin(EVENT_PROCESS_LOAD_MODULE, sizeof(rec.module));
	add_text(&rec.module.name, "diamorphine");
	add_text(&rec.module.version, "1.0");
	add_text(&rec.module.srcversion, "0123456789ABCDEF");
}

static void net4(enum event_type type)
{
	begin(type, sizeof(rec.net));
	rec.net.family = AF_INET;
	memcpy(rec.net.saddr, "\x0a\x00\x00\x01", 4);
	memcpy(rec.net.daddr, "\xc0\x00\x02\xff", 4);
	rec.net.sport = 40000;
	rec.net.dport = 443;
	rec.net.netns = 4026531840;
}

static void net_accepted(void)
{
	net4(EVENT_NETWORK_CONNECTION_ACCEPTED);
	rec.net.sport = 22;
	rec.net.dport = 50022;
}

static void net_attempted6(void)
{
	net4(EVENT_NETWORK_CONNECTION_ATTEMPTED);
	rec.net.family = AF_INET6;
	inet_pton(AF_INET6, "fe80::1", rec.net.saddr);
	inet_pton(AF_INET6, "2001:db8:0:1::ffff", rec.net.daddr);
}

static void net_closed(void)
{
	net4(EVENT_NETWORK_CONNECTION_CLOSED);
	rec.net.bytes_sent = 5000000000ULL;
	rec.net.bytes_received = 3;
}

static void drop(__u8 family, __u8 proto, __u8 dir, __u8 reason)
{
	memset(&sample_sender, 0, sizeof(sample_sender));
	sample_drop = (struct drop_packet){
		.record = {.ts_boot_ns = 4243 * SECOND,
			   .packets = 3,
			   .bytes = 222,
			   .flags = DROP_NEWS,
			   .frame_len = 74,
			   .key = {.peer_port = htons(443),
				   .local_port = htons(40000),
				   .proto = proto,
				   .family = family,
				   .dir = dir,
				   .reason = reason}},
	};
	inet_pton(family ? family : AF_INET, family == AF_INET6 ? "2001:db8::1" : "192.0.2.1",
		  sample_drop.record.key.peer);
	inet_pton(family ? family : AF_INET, family == AF_INET6 ? "::1" : "10.0.0.1",
		  sample_drop.record.key.local);
}

static void drop_tcp_out(void)
{
	drop(AF_INET, IPPROTO_TCP, DIR_OUT, REASON_NOT_ALLOWED);
	sample_sender = (struct drop_sender){
		.pid = 4242, .uid = 1000, .comm = "cur\xffl", .exe = "/usr/bin/curl"};
}

static void drop_icmp6_in(void)
{
	drop(AF_INET6, IPPROTO_ICMPV6, DIR_IN, REASON_NOT_ALLOWED);
	sample_drop.record.key.peer_port = sample_drop.record.key.local_port = 0;
}

static void drop_other_audit(void)
{
	drop(0, 0, DIR_OUT, REASON_NOT_ALLOWED);
	sample_drop.record.flags |= DROP_AUDIT;
	sample_drop.record.key.ethertype = htons(0x88cc);
}

static void drop_unnamed(void)
{
	drop(AF_INET, 253, DIR_OUT, REASON_NOT_ALLOWED);
}

static void nothing(void)
{
}

#define SAMPLE(kind, build)                                                                        \
	{                                                                                          \
#build, SAMPLE_##kind, build                                                       \
	}

const struct sample samples[] = {
	SAMPLE(EVENT, delete_file),	   SAMPLE(EVENT, create_file),
	SAMPLE(EVENT, create_link),	   SAMPLE(EVENT, create_by_name),
	SAMPLE(EVENT, create_not_utf8),	   SAMPLE(EVENT, rename_file),
	SAMPLE(EVENT, modify_content),	   SAMPLE(EVENT, modify_permissions),
	SAMPLE(EVENT, modify_owner),	   SAMPLE(EVENT, modify_xattrs),
	SAMPLE(EVENT, memfd_open),	   SAMPLE(EVENT, shmem_open),
	SAMPLE(EVENT, fork_event),	   SAMPLE(EVENT, fork_sibling),
	SAMPLE(EVENT, exec_event),	   SAMPLE(EVENT, exec_long),
	SAMPLE(EVENT, exit_event),	   SAMPLE(EVENT, exit_killed),
	SAMPLE(EVENT, setsid_event),	   SAMPLE(EVENT, setuid_event),
	SAMPLE(EVENT, setgid_event),	   SAMPLE(EVENT, tty_write),
	SAMPLE(EVENT, memfd_create_event), SAMPLE(EVENT, shmget_event),
	SAMPLE(EVENT, ptrace_event),	   SAMPLE(EVENT, load_module),
	SAMPLE(EVENT, net_accepted),	   SAMPLE(EVENT, net_attempted6),
	SAMPLE(EVENT, net_closed),	   SAMPLE(DROP, drop_tcp_out),
	SAMPLE(DROP, drop_icmp6_in),	   SAMPLE(DROP, drop_other_audit),
	SAMPLE(DROP, drop_unnamed),	   SAMPLE(LOST, nothing),
};

const size_t sample_count = sizeof(samples) / sizeof(samples[0]);
