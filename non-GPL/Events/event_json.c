/* SPDX-License-Identifier: BSD-2-Clause */
/* Records as JSON lines: the fields EventsTrace has, in its order and types, then ours. */
#include <netinet/in.h>
#include <arpa/inet.h>
#include <sys/stat.h>
#include <time.h>
#include "Events/event_json.h"

const char *const event_names[EVENT_COUNT] = {
#define EVENT(id, option) [EVENT_##id] = #id,
#include "Events/events.def"
#undef EVENT
};

const char *const event_options[EVENT_COUNT] = {
#define EVENT(id, option) [EVENT_##id] = option,
#include "Events/events.def"
#undef EVENT
};

/* A key that is a literal, with its comma: one copy. */
#define key(j, name) json_lit(j, ",\"" name "\":")
#define first_key(j, name) json_lit(j, "\"" name "\":")
#define number(j, name, v) (key(j, name), json_u64(j, v))

#define string(j, name, t)                                                                         \
	do {                                                                                       \
		struct text _t = (t);                                                              \
		key(j, name);                                                                      \
		if (json_string(j, _t.s, _t.n)) {                                                  \
			key(j, name "_b64");                                                       \
			json_base64(j, _t.s, _t.n);                                                \
		}                                                                                  \
	} while (0)

static void pids_object(struct json *j, const struct event_pids *p)
{
	json_lit(j, "{\"tid\":");
	json_u64(j, p->tid);
	number(j, "tgid", p->tgid);
	number(j, "ppid", p->ppid);
	number(j, "pgid", p->pgid);
	number(j, "sid", p->sid);
	number(j, "start_time_ns", p->start_time_ns);
	json_char(j, '}');
}

static void creds_object(struct json *j, const struct event_creds *c)
{
	json_lit(j, "{\"ruid\":");
	json_u64(j, c->ruid);
	number(j, "rgid", c->rgid);
	number(j, "euid", c->euid);
	number(j, "egid", c->egid);
	number(j, "suid", c->suid);
	number(j, "sgid", c->sgid);
	json_lit(j, ",\"cap_permitted\":\"");
	json_u64(j, c->cap_permitted);
	json_lit(j, "\",\"cap_effective\":\"");
	json_u64(j, c->cap_effective);
	json_lit(j, "\"}");
}

static void tty_object(struct json *j, const struct event_tty *t)
{
	json_lit(j, "{\"major\":");
	json_u64(j, t->major);
	number(j, "minor", t->minor);
	number(j, "winsize_rows", t->rows);
	number(j, "winsize_cols", t->cols);
	json_char(j, '}');
}

static void ns_object(struct json *j, const struct event_ns *n)
{
	json_lit(j, "{\"uts\":");
	json_u64(j, n->uts);
	number(j, "ipc", n->ipc);
	number(j, "mnt", n->mnt);
	number(j, "net", n->net);
	number(j, "cgroup", n->cgroup);
	number(j, "time", n->time);
	number(j, "pid", n->pid);
	json_char(j, '}');
}

static const char *file_type(unsigned int mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "FILE";
	case S_IFDIR:
		return "DIR";
	case S_IFLNK:
		return "SYMLINK";
	case S_IFCHR:
		return "CHARACTER_DEVICE";
	case S_IFBLK:
		return "BLOCK_DEVICE";
	case S_IFIFO:
		return "NAMED_PIPE";
	case S_IFSOCK:
		return "SOCKET";
	}
	return "UNKNOWN";
}

static void file_info_object(struct json *j, const struct event_file_info *f)
{
	const char *type = file_type(f->mode);

	json_lit(j, "{\"type\":\"");
	json_bytes(j, type, strlen(type));
	json_lit(j, "\",\"inode\":");
	json_u64(j, f->inode);
	key(j, "mode");
	json_octal(j, f->mode);
	number(j, "size", f->size);
	number(j, "uid", f->uid);
	number(j, "gid", f->gid);
	number(j, "atime", f->atime);
	number(j, "mtime", f->mtime);
	number(j, "ctime", f->ctime);
	json_char(j, '}');
}

static struct text comm_of(const struct event_hdr *h)
{
	return (struct text){h->comm, strnlen(h->comm, sizeof(h->comm))};
}

static void pids_and(struct json *j, const struct event_hdr *h)
{
	key(j, "pids");
	pids_object(j, &h->pids);
}

static void cgroup_field(struct json *j, const struct record *r)
{
	char buf[PATH_BUF];

	string(j, "pids_ss_cgroup_path", record_cgroup(r, buf));
}

static void part_marks(struct json *j, const struct event_part *part)
{
	if (part->flags & PART_TEXT)
		json_lit(j, ",\"path_source\":\"user\"");
	if (part->flags & PART_TRUNCATED)
		json_lit(j, ",\"path_truncated\":true");
	if (part->flags & PART_UNREACHABLE)
		json_lit(j, ",\"path_unreachable\":true");
	if (part->flags & PART_DELETED)
		json_lit(j, ",\"path_deleted\":true");
}

static void file_line(struct json *j, const struct record *r, struct line_context *ctx)
{
	static const char *const changes[CHANGE_COUNT] = {"CONTENT", "PERMISSIONS", "OWNER",
							  "XATTRS"};
	const struct event_file *e = (const void *)r->hdr;
	__u32 type = e->hdr.type, change = e->change < CHANGE_COUNT ? e->change : 0;
	struct event_file_info info = e->info;
	struct text path, link = record_part(r, &e->symlink);
	char buf[PATH_BUF], old[PATH_BUF];
	int looked_up = 0;

	path = record_path(r, &e->path, &e->base, buf);
	if (!info.mode && ctx->file_info && type != EVENT_FILE_DELETE)
		looked_up = !ctx->file_info(&e->hdr, path, &info, ctx->arg);
	pids_and(j, &e->hdr);
	key(j, "creds");
	creds_object(j, &e->hdr.creds);
	number(j, "mount_namespace", e->hdr.mnt_ns);
	string(j, "comm", comm_of(&e->hdr));
	if (type == EVENT_FILE_MODIFY) {
		json_lit(j, ",\"change_type\":\"");
		json_bytes(j, changes[change], strlen(changes[change]));
		json_char(j, '"');
	}
	key(j, "file_info");
	file_info_object(j, &info);
	switch (type) {
	case EVENT_FILE_DELETE:
	case EVENT_FILE_MODIFY:
		string(j, "path", path);
		string(j, "symlink_target_path", link);
		cgroup_field(j, r);
		break;
	case EVENT_FILE_RENAME:
		string(j, "old_path", record_path(r, &e->old_path, &e->old_base, old));
		string(j, "new_path", path);
		string(j, "symlink_target_path", link);
		cgroup_field(j, r);
		break;
	default:
		string(j, "symlink_target_path", link);
		cgroup_field(j, r);
		string(j, "path", path);
	}
	if (type == EVENT_FILE_MODIFY && change == CHANGE_PERMISSIONS &&
	    e->flags & FILE_HAS_MODES) {
		key(j, "old_mode");
		json_octal(j, e->old_mode);
		key(j, "new_mode");
		json_octal(j, e->new_mode);
	}
	part_marks(j, &e->path);
	if (looked_up)
		json_lit(j, ",\"file_info_source\":\"lookup\"");
}

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

/* NUL-separated strings as an array; a twin of base64 strings when one is not UTF-8. */
static int string_array(struct json *j, struct text all, int base64)
{
	size_t i = 0;
	int bad = 0;

	json_char(j, '[');
	while (i < all.n) {
		size_t n = strnlen(all.s + i, all.n - i);

		if (i)
			json_char(j, ',');
		if (base64)
			json_base64(j, all.s + i, n);
		else
			bad |= json_string(j, all.s + i, n);
		i += n + 1;
	}
	json_char(j, ']');
	return bad;
}

#define strings(j, name, part)                                                                     \
	do {                                                                                       \
		struct text _all = record_part(r, part);                                           \
		key(j, name);                                                                      \
		if (string_array(j, _all, 0)) {                                                    \
			key(j, name "_b64");                                                       \
			string_array(j, _all, 1);                                                  \
		}                                                                                  \
		if ((part)->flags & PART_TRUNCATED)                                                \
			json_lit(j, ",\"" name "_truncated\":true");                               \
	} while (0)

#define boolean(j, name, v) (key(j, name), (v) ? json_lit(j, "true") : json_lit(j, "false"))

static void exec_line(struct json *j, const struct record *r)
{
	const struct event_exec *e = (const void *)r->hdr;
	char buf[PATH_BUF];

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

static void memfd_line(struct json *j, const struct record *r)
{
	const struct event_memfd *e = (const void *)r->hdr;

	pids_and(j, &e->hdr);
	number(j, "flags", e->flags);
	boolean(j, "flag_cloexec", e->flags & 1);
	boolean(j, "flag_allow_seal", e->flags & 2);
	boolean(j, "flag_hugetlb", e->flags & 4);
	boolean(j, "flag_noexec_seal", e->flags & 8);
	boolean(j, "flag_exec", e->flags & 16);
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

static void address(struct json *j, __u32 family, const __u8 *addr)
{
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(family, addr, text, sizeof(text));
	json_char(j, '"');
	json_bytes(j, text, strlen(text));
	json_char(j, '"');
}

static void net_line(struct json *j, const struct record *r)
{
	const struct event_net *e = (const void *)r->hdr;

	pids_and(j, &e->hdr);
	json_lit(j, ",\"net\":{\"transport\":\"TCP\",\"family\":\"");
	if (e->family == AF_INET6)
		json_lit(j, "AF_INET6\"");
	else
		json_lit(j, "AF_INET\"");
	key(j, "source_address");
	address(j, e->family, e->saddr);
	number(j, "source_port", e->sport);
	key(j, "destination_address");
	address(j, e->family, e->daddr);
	number(j, "destination_port", e->dport);
	number(j, "network_namespace", e->netns);
	if (e->hdr.type == EVENT_NETWORK_CONNECTION_CLOSED) {
		number(j, "bytes_sent", e->bytes_sent);
		number(j, "bytes_received", e->bytes_received);
	}
	json_char(j, '}');
	string(j, "comm", comm_of(&e->hdr));
}

static void stamp(struct json *j, __u64 boot_ns, struct line_context *ctx)
{
	__u64 real = boot_ns + ctx->boot_to_real_ns, second = real / 1000000000;
	__u32 ns = real % 1000000000;
	char digits[10];

	if (second != ctx->second || !ctx->stamp[0]) {
		time_t t = second;
		struct tm tm;

		gmtime_r(&t, &tm);
		strftime(ctx->stamp, sizeof(ctx->stamp), "%Y-%m-%dT%H:%M:%S", &tm);
		ctx->second = second;
	}
	for (int i = 8; i >= 0; i--, ns /= 10)
		digits[i] = '0' + ns % 10;
	json_lit(j, ",\"ts\":\"");
	json_bytes(j, ctx->stamp, strlen(ctx->stamp));
	json_char(j, '.');
	json_bytes(j, digits, 9);
	json_lit(j, "Z\"");
	number(j, "ts_boot_ns", boot_ns);
	number(j, "seq", ctx->seq++);
}

void event_json(struct json *j, const struct record *r, struct line_context *ctx)
{
	const char *name = event_names[r->hdr->type], *source = ctx->sources[r->hdr->source];

	json_lit(j, "{\"event_type\":\"");
	json_bytes(j, name, strlen(name));
	json_char(j, '"');
	switch (r->hdr->type) {
	case EVENT_PROCESS_FORK:
		fork_line(j, r);
		break;
	case EVENT_PROCESS_EXEC:
		exec_line(j, r);
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
		net_line(j, r);
		break;
	default:
		file_line(j, r, ctx);
	}
	stamp(j, r->hdr->ts_boot_ns, ctx);
	json_lit(j, ",\"source\":\"");
	json_bytes(j, source ? source : "unknown", strlen(source ? source : "unknown"));
	json_lit(j, "\"}\n");
}

void lost_json(struct json *j, const __u64 lost[EVENT_COUNT], __u64 now_boot_ns,
	       struct line_context *ctx)
{
	__u64 total = 0;
	int any = 0;

	json_lit(j, "{\"event_type\":\"TRACE_LOST\",\"lost\":{");
	for (int i = 0; i < EVENT_COUNT; i++) {
		if (!lost[i])
			continue;
		if (any++)
			json_char(j, ',');
		json_char(j, '"');
		json_bytes(j, event_names[i], strlen(event_names[i]));
		json_lit(j, "\":");
		json_u64(j, lost[i]);
		total += lost[i];
	}
	json_lit(j, "},\"total\":");
	json_u64(j, total);
	stamp(j, now_boot_ns, ctx);
	json_lit(j, "}\n");
}
