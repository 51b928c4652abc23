/* SPDX-License-Identifier: BSD-2-Clause */
/* Records as JSON lines: the fields EventsTrace has, in its order and types, then ours. */
#include "Events/event_fields.h"

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

	path = record_file_path(r, buf);
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
		string(j, "old_path", record_old_path(r, old));
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
	if (type == EVENT_FILE_MODIFY && change == CHANGE_XATTRS)
		string(j, "xattr_name", record_part(r, &e->xattr));
	part_marks(j, &e->path);
	if (looked_up)
		json_lit(j, ",\"file_info_source\":\"lookup\"");
}

void line_stamp(struct json *j, __u64 boot_ns, struct line_context *ctx)
{
	key(j, "ts");
	json_date(j, boot_ns + ctx->boot_to_real_ns);
	number(j, "ts_boot_ns", boot_ns);
	number(j, "seq", ctx->seq++);
}

void event_json(struct json *j, const struct record *r, struct line_context *ctx)
{
	const char *name = event_names[r->hdr->type], *source = ctx->sources[r->hdr->source];

	json_lit(j, "{\"event_type\":\"");
	json_bytes(j, name, strlen(name));
	json_char(j, '"');
	if (r->hdr->type <= EVENT_FILE_SHMEM_OPEN)
		file_line(j, r, ctx);
	else
		process_fields(j, r, ctx);
	line_stamp(j, r->hdr->ts_boot_ns, ctx);
	json_lit(j, ",\"source\":\"");
	json_bytes(j, source ? source : "unknown", strlen(source ? source : "unknown"));
	json_lit(j, "\"}\n");
}

__u64 lost_object(struct json *j, const __u64 lost[EVENT_COUNT])
{
	__u64 total = 0;
	int any = 0;

	json_char(j, '{');
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
	json_char(j, '}');
	return total;
}

void lost_json(struct json *j, const __u64 lost[EVENT_COUNT], __u64 now_boot_ns,
	       struct line_context *ctx)
{
	__u64 total;

	json_lit(j, "{\"event_type\":\"TRACE_LOST\",\"lost\":");
	total = lost_object(j, lost);
	number(j, "total", total);
	if (ctx->unseen)
		number(j, "calls_unseen", ctx->unseen);
	line_stamp(j, now_boot_ns, ctx);
	json_lit(j, "}\n");
}
