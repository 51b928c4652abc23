/* SPDX-License-Identifier: BSD-2-Clause */
/* What ECS says of files and of where a process runs. */
#include <sys/stat.h>
#include "Events/ecs_parts.h"
#include "Events/event_fields.h"

ECS_PUT(ecs_source)
{
	const char *source = d->ctx->sources[d->r->hdr->source];

	ecs_literal(d, row, source ? source : "unknown");
}

static struct text cgroup(struct ecs_doc *d)
{
	if (!d->cgroup.s)
		d->cgroup = record_cgroup(d->r, d->cgroup_buf);
	return d->cgroup;
}

ECS_PUT(ecs_cgroup)
{
	ecs_text(d, row, cgroup(d), d->r->hdr->cgroup.flags & PART_TRUNCATED);
}

/* The id that container runtimes put into the cgroup's name: 64 hexadecimal digits, the last. */
ECS_PUT(ecs_container)
{
	struct text t = cgroup(d);
	size_t digits = 0;

	if (t.n < 64)
		return;
	for (size_t i = t.n; i--;) {
		char c = t.s[i];

		digits = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ? digits + 1 : 0;
		if (digits != 64 || (i && ((t.s[i - 1] >= '0' && t.s[i - 1] <= '9') ||
					   (t.s[i - 1] >= 'a' && t.s[i - 1] <= 'f'))))
			continue;
		ecs_key(d, row);
		json_lit(d->j, "{\"id\":\"");
		json_bytes(d->j, t.s + i, 64);
		json_lit(d->j, "\"}");
		return;
	}
}

static const struct ecs_row path_row = ROW("path", ecs_part, 0);

ECS_PUT(ecs_file_path)
{
	const struct event_file *e = from;
	struct text path = record_file_path(d->r, d->path);
	const char *slash = memrchr(path.s, '/', path.n), *dot;
	size_t dir, name;

	if (!path.n)
		return;
	ecs_text(d, &path_row, path, e->path.flags & PART_TRUNCATED);
	if (!slash || path.n == 1)
		return;
	dir = slash == path.s ? 1 : slash - path.s;
	name = path.s + path.n - slash - 1;
	key(d->j, "directory");
	json_string(d->j, path.s, dir);
	key(d->j, "name");
	json_string(d->j, slash + 1, name);
	dot = memrchr(slash + 1, '.', name);
	if (!dot || dot == slash + 1 || dot == path.s + path.n - 1)
		return;
	key(d->j, "extension");
	json_string(d->j, dot + 1, path.s + path.n - dot - 1);
}

/* ECS names three; the others are named likewise. */
static const char *file_kind(unsigned int mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFDIR:
		return "dir";
	case S_IFLNK:
		return "symlink";
	case S_IFCHR:
		return "character_device";
	case S_IFBLK:
		return "block_device";
	case S_IFIFO:
		return "named_pipe";
	case S_IFSOCK:
		return "socket";
	}
	return "unknown";
}

static void put_kind(struct ecs_doc *d, const struct ecs_row *row, const void *from)
{
	ecs_literal(d, row, file_kind(((const struct event_file_info *)from)->mode));
}

#define INFO(member) offsetof(struct event_file_info, member)

static const struct ecs_row info_rows[] = {
	ROW("type", put_kind, 0),
	ROW("inode", ecs_u64_id, INFO(inode)),
	ROW("mode", ecs_octal, INFO(mode)),
	ROW("size", ecs_u64, INFO(size)),
	ROW("uid", ecs_u32_id, INFO(uid)),
	ROW("gid", ecs_u32_id, INFO(gid)),
	ROW("accessed", ecs_date, INFO(atime)),
	ROW("mtime", ecs_date, INFO(mtime)),
	ROW("ctime", ecs_date, INFO(ctime)),
};

ECS_PUT(ecs_file_info)
{
	const struct event_file *e = (const void *)d->r->hdr;
	struct event_file_info info = e->info;
	struct text path = {d->path, 0};

	d->looked_up = false;
	if (!info.mode && d->ctx->file_info && e->hdr.type != EVENT_FILE_DELETE) {
		path = record_file_path(d->r, d->path);
		d->looked_up = !d->ctx->file_info(&e->hdr, path, &info, d->ctx->arg);
	}
	if (info.mode)
		ecs_rows(d, info_rows, &info);
}

static const struct ecs_row old_path_row = ROW("old_path", ecs_part, 0);
static const struct ecs_row modes_rows[] = {
	ROW("old_mode", ecs_octal, offsetof(struct event_file, old_mode)),
	ROW("new_mode", ecs_octal, offsetof(struct event_file, new_mode)),
};
static const struct ecs_row xattr_row = ROW("xattr", ecs_part, offsetof(struct event_file, xattr));

ECS_PUT(ecs_file_ours)
{
	const struct event_file *e = from;
	struct text old;

	if (e->hdr.type == EVENT_FILE_RENAME) {
		old = record_old_path(d->r, d->other);
		ecs_text(d, &old_path_row, old, e->old_path.flags & PART_TRUNCATED);
	}
	if (e->hdr.type == EVENT_FILE_MODIFY && e->change == CHANGE_PERMISSIONS &&
	    e->flags & FILE_HAS_MODES)
		ecs_rows(d, modes_rows, from);
	if (e->hdr.type == EVENT_FILE_MODIFY && e->change == CHANGE_XATTRS)
		ecs_part(d, &xattr_row, from);
	part_marks(d->j, &(struct event_part){.flags = e->path.flags & ~PART_TRUNCATED});
	if (d->looked_up)
		json_lit(d->j, ",\"file_info_source\":\"lookup\"");
}
