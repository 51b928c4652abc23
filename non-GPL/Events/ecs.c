/* SPDX-License-Identifier: BSD-2-Clause */
/* File and process events as ECS documents: their rows, and what a row cannot say. */
#include "Events/ecs_doc.h"
#include "Events/ecs_parts.h"
#include "Events/event_fields.h"

#define HDR(member) offsetof(struct event_hdr, member)
#define PIDS(base, member) ((base) + offsetof(struct event_pids, member))
#define CREDS(base, member) ((base) + offsetof(struct event_creds, member))

/* Who it is, of the process of `pids`. */
#define IDENTITY(pids)                                                                             \
	ROW("pid", ecs_u32, PIDS(pids, tgid)), ROW("entity_id", ecs_entity, pids),                 \
		ROW("start", ecs_start, pids), ROW("name", ecs_comm, 0)

#define FAMILY(pids) OPEN("parent"), ROW("pid", ecs_u32, PIDS(pids, ppid)), CLOSE, LEADERS(pids)
#define LEADERS(pids)                                                                              \
	OPEN("group_leader"), ROW("pid", ecs_u32, PIDS(pids, pgid)), CLOSE,                        \
		OPEN("session_leader"), ROW("pid", ecs_u32, PIDS(pids, sid)), CLOSE

#define OWNERS(creds)                                                                              \
	ID_IN("user", CREDS(creds, euid)), ID_IN("group", CREDS(creds, egid)),                     \
		ID_IN("real_user", CREDS(creds, ruid)), ID_IN("real_group", CREDS(creds, rgid)),   \
		ID_IN("saved_user", CREDS(creds, suid)), ID_IN("saved_group", CREDS(creds, sgid))

#define THREAD(pids) OPEN("thread"), ROW("id", ecs_u32, PIDS(pids, tid)), CLOSE
#define THREAD_ABLE(pids, creds)                                                                   \
	OPEN("thread"), ROW("id", ecs_u32, PIDS(pids, tid)), OPEN("capabilities"),                 \
		ROW("effective", ecs_capabilities, CREDS(creds, cap_effective)),                   \
		ROW("permitted", ecs_capabilities, CREDS(creds, cap_permitted)), CLOSE, CLOSE

#define ACTOR IDENTITY(HDR(pids)), FAMILY(HDR(pids)), THREAD(HDR(pids)), OWNERS(HDR(creds))
#define WHO ID_IN("user", CREDS(HDR(creds), euid)), ID_IN("group", CREDS(HDR(creds), egid))

/* Opens what ECS has no field for; the document's end closes it. */
#define OURS OPEN("hostiso"), ROW("source", ecs_source, 0), ROW("boot_ns", ecs_u64, HDR(ts_boot_ns))

#define FILE_AT(member) offsetof(struct event_file, member)

static const struct ecs_row file_rows[] = {
	OPEN("process"),
	ACTOR,
	CLOSE,
	WHO,
	ROW("container", ecs_container, 0),
	OPEN("file"),
	ROW("", ecs_file_path, 0),
	ROW("target_path", ecs_part, FILE_AT(symlink)),
	ROW("", ecs_file_info, FILE_AT(info)),
	CLOSE,
	OURS,
	OPEN("ns"),
	ROW("mnt", ecs_u32, HDR(mnt_ns)),
	CLOSE,
	ROW("cgroup", ecs_cgroup, 0),
	ROW("", ecs_file_ours, 0),
};

#define NAMESPACES(base)                                                                           \
	OPEN("ns"), ROW("uts", ecs_u32, (base) + offsetof(struct event_ns, uts)),                  \
		ROW("ipc", ecs_u32, (base) + offsetof(struct event_ns, ipc)),                      \
		ROW("mnt", ecs_u32, (base) + offsetof(struct event_ns, mnt)),                      \
		ROW("net", ecs_u32, (base) + offsetof(struct event_ns, net)),                      \
		ROW("cgroup", ecs_u32, (base) + offsetof(struct event_ns, cgroup)),                \
		ROW("time", ecs_u32, (base) + offsetof(struct event_ns, time)),                    \
		ROW("pid", ecs_u32, (base) + offsetof(struct event_ns, pid)), CLOSE

#define FORK(member) offsetof(struct event_fork, member)

/* The header's process is the child's parent, but for CLONE_PARENT, where it is its sibling. */
static const struct ecs_row fork_rows[] = {
	OPEN("process"),
	IDENTITY(FORK(child)),
	OPEN("parent"),
	ROW("pid", ecs_u32, PIDS(FORK(child), ppid)),
	ROW("", ecs_forker, 0),
	CLOSE,
	LEADERS(FORK(child)),
	THREAD_ABLE(FORK(child), HDR(creds)),
	OWNERS(HDR(creds)),
	ROW("tty", ecs_tty, FORK(ctty)),
	ROW("working_directory", ecs_walked, FORK(cwd)),
	CLOSE,
	WHO,
	ROW("container", ecs_container, 0),
	OURS,
	OPEN("forked_by"),
	ROW("pid", ecs_u32, PIDS(HDR(pids), tgid)),
	ROW("tid", ecs_u32, PIDS(HDR(pids), tid)),
	CLOSE,
	NAMESPACES(FORK(ns)),
	ROW("cgroup", ecs_cgroup, 0),
};

#define EXEC(member) offsetof(struct event_exec, member)

static const struct ecs_row exec_rows[] = {
	OPEN("process"),
	IDENTITY(HDR(pids)),
	FAMILY(HDR(pids)),
	THREAD_ABLE(HDR(pids), HDR(creds)),
	OWNERS(HDR(creds)),
	ROW("tty", ecs_tty, EXEC(ctty)),
	ROW("executable", ecs_executable, 0),
	ROW("args", ecs_strings, EXEC(argv)),
	ROW("args_count", ecs_args_count, EXEC(argv)),
	ROW("command_line", ecs_command_line, EXEC(argv)),
	ROW("env_vars", ecs_strings, EXEC(env)),
	ROW("working_directory", ecs_walked, EXEC(cwd)),
	CLOSE,
	WHO,
	ROW("container", ecs_container, 0),
	OURS,
	ROW("filename", ecs_part, EXEC(filename)),
	ROW("", ecs_exec_ours, 0),
	NAMESPACES(EXEC(ns)),
	ROW("cgroup", ecs_cgroup, 0),
};

#define EXIT(member) offsetof(struct event_exit, member)

static const struct ecs_row exit_rows[] = {
	OPEN("process"),
	ACTOR,
	ROW("tty", ecs_tty, EXIT(ctty)),
	ROW("exit_code", ecs_exit_code, EXIT(code)),
	ROW("end", ecs_event_time, HDR(ts_boot_ns)),
	CLOSE,
	WHO,
	ROW("container", ecs_container, 0),
	OURS,
	ROW("", ecs_exit_ours, EXIT(code)),
	NAMESPACES(EXIT(ns)),
	ROW("cgroup", ecs_cgroup, 0),
};

/* The credentials of these records may be those of before the change, and are left out. */
#define PLAIN IDENTITY(HDR(pids)), FAMILY(HDR(pids)), THREAD(HDR(pids))
#define IDS(member) offsetof(struct event_ids, member)

static const struct ecs_row setsid_rows[] = {OPEN("process"), PLAIN, CLOSE, OURS};

static const struct ecs_row setuid_rows[] = {
	OPEN("process"),
	PLAIN,
	ID_IN("user", IDS(euid)),
	ID_IN("real_user", IDS(ruid)),
	CLOSE,
	ID_IN("user", IDS(euid)),
	OURS,
};

static const struct ecs_row setgid_rows[] = {
	OPEN("process"),
	PLAIN,
	ID_IN("group", IDS(egid)),
	ID_IN("real_group", IDS(rgid)),
	CLOSE,
	ID_IN("group", IDS(egid)),
	OURS,
};

#define TTY(member) offsetof(struct event_tty_write, member)

static const struct ecs_row tty_write_rows[] = {
	OPEN("process"),
	ACTOR,
	ROW("tty", ecs_tty, TTY(tty)),
	OPEN("io"),
	ROW("type", ecs_io_type, 0),
	ROW("text", ecs_io_text, TTY(out)),
	ROW("total_bytes_captured", ecs_part_size, TTY(out)),
	ROW("total_bytes_skipped", ecs_u64, TTY(truncated)),
	CLOSE,
	CLOSE,
	WHO,
	OURS,
};

static const struct ecs_row memfd_rows[] = {
	OPEN("process"),
	ACTOR,
	CLOSE,
	WHO,
	OPEN("file"),
	ROW("name", ecs_part, offsetof(struct event_memfd, name)),
	CLOSE,
	OURS,
	OPEN("memfd"),
	ROW("flags", ecs_u32, offsetof(struct event_memfd, flags)),
	ROW("", ecs_memfd_flags, offsetof(struct event_memfd, flags)),
	CLOSE,
};

static const struct ecs_row shmget_rows[] = {
	OPEN("process"),
	ACTOR,
	CLOSE,
	WHO,
	OURS,
	OPEN("shm"),
	ROW("key", ecs_s64, offsetof(struct event_shmget, key)),
	ROW("size", ecs_u64, offsetof(struct event_shmget, size)),
	ROW("flags", ecs_s64, offsetof(struct event_shmget, flags)),
	CLOSE,
};

static const struct ecs_row ptrace_rows[] = {
	OPEN("process"),
	ACTOR,
	CLOSE,
	WHO,
	OURS,
	OPEN("ptrace"),
	ROW("pid", ecs_u32, offsetof(struct event_ptrace, child)),
	ROW("request", ecs_s64, offsetof(struct event_ptrace, request)),
	CLOSE,
};

static const struct ecs_row module_rows[] = {
	OPEN("process"),
	ACTOR,
	CLOSE,
	WHO,
	OURS,
	OPEN("module"),
	ROW("name", ecs_part, offsetof(struct event_module, name)),
	ROW("version", ecs_part, offsetof(struct event_module, version)),
	ROW("srcversion", ecs_part, offsetof(struct event_module, srcversion)),
	CLOSE,
};

#define NET(member) offsetof(struct event_net, member)

static const struct ecs_row net_rows[] = {
	OPEN("process"),
	ACTOR,
	CLOSE,
	WHO,
	ROW("", ecs_net_ends, 0),
	OURS,
	OPEN("ns"),
	ROW("net", ecs_u32, NET(netns)),
	CLOSE,
};

#define TABLE(rows)                                                                                \
	{                                                                                          \
		rows, sizeof(rows) / sizeof((rows)[0])                                             \
	}

static const struct {
	const struct ecs_row *rows;
	size_t count;
} tables[EVENT_COUNT] = {
	[EVENT_FILE_DELETE] = TABLE(file_rows),
	[EVENT_FILE_CREATE] = TABLE(file_rows),
	[EVENT_FILE_RENAME] = TABLE(file_rows),
	[EVENT_FILE_MODIFY] = TABLE(file_rows),
	[EVENT_FILE_MEMFD_OPEN] = TABLE(file_rows),
	[EVENT_FILE_SHMEM_OPEN] = TABLE(file_rows),
	[EVENT_PROCESS_FORK] = TABLE(fork_rows),
	[EVENT_PROCESS_EXEC] = TABLE(exec_rows),
	[EVENT_PROCESS_EXIT] = TABLE(exit_rows),
	[EVENT_PROCESS_SETSID] = TABLE(setsid_rows),
	[EVENT_PROCESS_SETUID] = TABLE(setuid_rows),
	[EVENT_PROCESS_SETGID] = TABLE(setgid_rows),
	[EVENT_PROCESS_TTY_WRITE] = TABLE(tty_write_rows),
	[EVENT_PROCESS_MEMFD_CREATE] = TABLE(memfd_rows),
	[EVENT_PROCESS_SHMGET] = TABLE(shmget_rows),
	[EVENT_PROCESS_PTRACE] = TABLE(ptrace_rows),
	[EVENT_PROCESS_LOAD_MODULE] = TABLE(module_rows),
	[EVENT_NETWORK_CONNECTION_ACCEPTED] = TABLE(net_rows),
	[EVENT_NETWORK_CONNECTION_ATTEMPTED] = TABLE(net_rows),
	[EVENT_NETWORK_CONNECTION_CLOSED] = TABLE(net_rows),
};

void event_ecs(struct json *j, const struct record *r, struct line_context *ctx)
{
	static const char *const changes[CHANGE_COUNT] = {"modification", "permission_change",
							  "owner_change", "xattr_change"};
	const struct event_file *file = (const void *)r->hdr;
	const char *action = NULL, *more = NULL, *reason = NULL;
	__u32 type = r->hdr->type;
	struct net_verdict v;
	struct ecs_doc d;

	d.j = j;
	d.r = r;
	d.ctx = ctx;
	d.depth = d.odds = 0;
	d.cgroup.s = NULL;
	d.verdict = NULL;
	if (type == EVENT_FILE_MODIFY && file->change < CHANGE_COUNT)
		action = changes[file->change];
	if (event_is_net(type) && ctx->verdict &&
	    !ctx->verdict((const void *)file, &v, ctx->verdict_arg)) {
		more = strcmp(v.verdict, "dropped") ? ",\"allowed\"" : ",\"denied\"";
		d.verdict = v.verdict;
		reason = v.reason;
	}
	ecs_begin(&d, type, action, more, reason, r->hdr->ts_boot_ns);
	ecs_walk(&d, tables[type].rows, tables[type].count, r->hdr);
	if (d.verdict) {
		key(j, "verdict");
		json_string(j, d.verdict, strlen(d.verdict));
	}
	ecs_end(&d);
}
