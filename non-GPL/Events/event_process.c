/* SPDX-License-Identifier: BSD-2-Clause */
/* Process and network events: their fields in EventsTrace's order, then ours. */
#include <errno.h>
#include <sys/socket.h>
#include "Events/event_fields.h"

static void fork_line(struct json *j, const struct record *r)
{
	const struct event_fork *e = (const void *)r->hdr;
	char buf[PATH_BUF];

	key(j, "parent_pids");
	pids_object(j, &e->hdr.pids);
	key(j, "child_pids");
	pids_object(j, &e->child);
	key(j, "creds");
	creds_object(j, &e->hdr.creds);
	key(j, "ctty");
	tty_object(j, &e->ctty);
	string(j, "comm", comm_of(&e->hdr));
	key(j, "ns");
	ns_object(j, &e->ns);
	cgroup_field(j, r);
	string(j, "cwd", record_path(r, &e->cwd, NULL, buf));
}

int exec_build_id(const struct record *r, const struct line_context *ctx, char *id, size_t size)
{
	const struct event_exec *e = (const void *)r->hdr;
	struct text file = record_part(r, &e->filename);
	char path[4096];

	if (!ctx->build_id)
		return -ENOENT;
	if (file.n < sizeof(path)) {
		memcpy(path, file.s, file.n);
		path[file.n] = 0;
	}
	return ctx->build_id(e->hdr.pids.tgid, file.n < sizeof(path) ? path : NULL, e->hdr.mnt_ns,
			     id, size);
}

static void exec_line(struct json *j, const struct record *r, struct line_context *ctx)
{
	const struct event_exec *e = (const void *)r->hdr;
	char buf[PATH_BUF], id[160];

	pids_and(j, &e->hdr);
	key(j, "creds");
	creds_object(j, &e->hdr.creds);
	key(j, "ctty");
	tty_object(j, &e->ctty);
	string(j, "comm", comm_of(&e->hdr));
	boolean(j, "is_setuid", e->flags & EXEC_SETUID);
	boolean(j, "is_setgid", e->flags & EXEC_SETGID);
	boolean(j, "is_memfd", e->flags & EXEC_MEMFD);
	number(j, "inode_nlink", e->nlink);
	cgroup_field(j, r);
	strings(j, "argv", &e->argv);
	strings(j, "env", &e->env);
	string(j, "cwd", record_path(r, &e->cwd, NULL, buf));
	string(j, "filename", record_part(r, &e->filename));
	key(j, "ns");
	ns_object(j, &e->ns);
	if (!exec_build_id(r, ctx, id, sizeof(id)))
		string(j, "exe_build_id", ((struct text){id, strlen(id)}));
}

static void exit_line(struct json *j, const struct record *r)
{
	const struct event_exit *e = (const void *)r->hdr;
	__u32 signal = e->code & 0x7f;

	pids_and(j, &e->hdr);
	key(j, "ctty");
	tty_object(j, &e->ctty);
	string(j, "comm", comm_of(&e->hdr));
	number(j, "exit_code", e->code >> 8 & 0xff);
	cgroup_field(j, r);
	number(j, "signal", signal);
	boolean(j, "core_dumped", e->code & 0x80);
	key(j, "creds");
	creds_object(j, &e->hdr.creds);
	key(j, "ns");
	ns_object(j, &e->ns);
}

static void ids_line(struct json *j, const struct record *r)
{
	const struct event_ids *e = (const void *)r->hdr;

	pids_and(j, &e->hdr);
	if (e->hdr.type == EVENT_PROCESS_SETUID) {
		number(j, "new_ruid", e->ruid);
		number(j, "new_euid", e->euid);
	} else if (e->hdr.type == EVENT_PROCESS_SETGID) {
		number(j, "new_rgid", e->rgid);
		number(j, "new_egid", e->egid);
	}
	string(j, "comm", comm_of(&e->hdr));
}

static void tty_write_line(struct json *j, const struct record *r)
{
	const struct event_tty_write *e = (const void *)r->hdr;

	pids_and(j, &e->hdr);
	number(j, "tty_out_truncated", e->truncated);
	key(j, "tty");
	tty_object(j, &e->tty);
	string(j, "comm", comm_of(&e->hdr));
	string(j, "tty_out", ((struct text){(const char *)r->hdr + e->out.off, e->out.len}));
}

void memfd_flags(struct json *j, __u32 flags)
{
	boolean(j, "flag_cloexec", flags & 1);
	boolean(j, "flag_allow_seal", flags & 2);
	boolean(j, "flag_hugetlb", flags & 4);
	boolean(j, "flag_noexec_seal", flags & 8);
	boolean(j, "flag_exec", flags & 16);
}

static void memfd_line(struct json *j, const struct record *r)
{
	const struct event_memfd *e = (const void *)r->hdr;

	pids_and(j, &e->hdr);
	number(j, "flags", e->flags);
	memfd_flags(j, e->flags);
	string(j, "filename", record_part(r, &e->name));
	string(j, "comm", comm_of(&e->hdr));
}

static void shmget_line(struct json *j, const struct record *r)
{
	const struct event_shmget *e = (const void *)r->hdr;

	pids_and(j, &e->hdr);
	key(j, "key");
	json_i64(j, (__s64)e->key);
	number(j, "size", e->size);
	key(j, "shmflg");
	json_i64(j, e->flags);
	string(j, "comm", comm_of(&e->hdr));
}

static void ptrace_line(struct json *j, const struct record *r)
{
	const struct event_ptrace *e = (const void *)r->hdr;

	pids_and(j, &e->hdr);
	number(j, "child_pid", e->child);
	key(j, "request");
	json_i64(j, e->request);
	string(j, "comm", comm_of(&e->hdr));
}

static void module_line(struct json *j, const struct record *r)
{
	const struct event_module *e = (const void *)r->hdr;

	pids_and(j, &e->hdr);
	string(j, "filename", record_part(r, &e->name));
	string(j, "mod_version", record_part(r, &e->version));
	string(j, "mod_srcversion", record_part(r, &e->srcversion));
	string(j, "comm", comm_of(&e->hdr));
}

static void net_line(struct json *j, const struct record *r, struct line_context *ctx)
{
	const struct event_net *e = (const void *)r->hdr;
	struct net_verdict v;

	pids_and(j, &e->hdr);
	json_lit(j, ",\"net\":{\"transport\":\"TCP\",\"family\":\"");
	if (e->family == AF_INET6)
		json_lit(j, "AF_INET6\"");
	else
		json_lit(j, "AF_INET\"");
	key(j, "source_address");
	json_address(j, e->family, e->saddr);
	number(j, "source_port", e->sport);
	key(j, "destination_address");
	json_address(j, e->family, e->daddr);
	number(j, "destination_port", e->dport);
	number(j, "network_namespace", e->netns);
	if (e->hdr.type == EVENT_NETWORK_CONNECTION_CLOSED) {
		number(j, "bytes_sent", e->bytes_sent);
		number(j, "bytes_received", e->bytes_received);
	}
	json_char(j, '}');
	string(j, "comm", comm_of(&e->hdr));
	if (ctx->verdict && !ctx->verdict(e, &v, ctx->verdict_arg)) {
		key(j, "verdict");
		json_string(j, v.verdict, strlen(v.verdict));
		key(j, "verdict_reason");
		json_string(j, v.reason, strlen(v.reason));
	}
}

void process_fields(struct json *j, const struct record *r, struct line_context *ctx)
{
	switch (r->hdr->type) {
	case EVENT_PROCESS_FORK:
		fork_line(j, r);
		break;
	case EVENT_PROCESS_EXEC:
		exec_line(j, r, ctx);
		break;
	case EVENT_PROCESS_EXIT:
		exit_line(j, r);
		break;
	case EVENT_PROCESS_SETSID:
	case EVENT_PROCESS_SETUID:
	case EVENT_PROCESS_SETGID:
		ids_line(j, r);
		break;
	case EVENT_PROCESS_TTY_WRITE:
		tty_write_line(j, r);
		break;
	case EVENT_PROCESS_MEMFD_CREATE:
		memfd_line(j, r);
		break;
	case EVENT_PROCESS_SHMGET:
		shmget_line(j, r);
		break;
	case EVENT_PROCESS_PTRACE:
		ptrace_line(j, r);
		break;
	case EVENT_PROCESS_LOAD_MODULE:
		module_line(j, r);
		break;
	case EVENT_NETWORK_CONNECTION_ACCEPTED:
	case EVENT_NETWORK_CONNECTION_ATTEMPTED:
	case EVENT_NETWORK_CONNECTION_CLOSED:
		net_line(j, r, ctx);
		break;
	}
}
