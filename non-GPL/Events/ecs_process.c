/* SPDX-License-Identifier: BSD-2-Clause */
/* What ECS says of processes, where a row of one field does not do. */
#include "Events/ecs_parts.h"
#include "Events/event_fields.h"

#define AT(type) (*(const type *)((const char *)from + row->at))

static const struct ecs_row forker_rows[] = {
	ROW("entity_id", ecs_entity, offsetof(struct event_hdr, pids)),
	ROW("start", ecs_start, offsetof(struct event_hdr, pids)),
	ROW("name", ecs_comm, 0),
};

ECS_PUT(ecs_forker)
{
	const struct event_fork *e = from;

	if (e->child.ppid == e->hdr.pids.tgid)
		ecs_rows(d, forker_rows, from);
}

#define TTY(member) offsetof(struct event_tty, member)

static const struct ecs_row tty_rows[] = {
	OPEN("tty"),
	OPEN("char_device"),
	ROW("major", ecs_u32, TTY(major)),
	ROW("minor", ecs_u32, TTY(minor)),
	CLOSE,
	ROW("rows", ecs_u32, TTY(rows)),
	ROW("columns", ecs_u32, TTY(cols)),
	CLOSE,
};

ECS_PUT(ecs_tty)
{
	const struct event_tty *tty = &AT(struct event_tty);

	if (tty->major || tty->minor)
		ecs_rows(d, tty_rows, tty);
}

/* ECS wants an absolute path; the name as it was given is hostiso.filename. */
ECS_PUT(ecs_executable)
{
	const struct event_exec *e = from;
	struct event_part name = e->filename;
	struct text path;

	name.flags |= PART_TEXT;
	if (!record_part(d->r, &name).n)
		return;
	path = record_path(d->r, &name, &e->cwd, d->path);
	ecs_text(d, row, path, name.flags & PART_TRUNCATED);
}

/* Where the arguments were cut nobody knows how many there were. */
ECS_PUT(ecs_args_count)
{
	const struct event_part *part = &AT(struct event_part);
	struct text all = record_part(d->r, part);
	__u64 n = 0;

	if (part->flags & PART_TRUNCATED)
		return;
	for (size_t i = 0; i < all.n; i += strnlen(all.s + i, all.n - i) + 1)
		n++;
	ecs_key(d, row);
	json_u64(d->j, n);
}

ECS_PUT(ecs_exec_ours)
{
	const struct event_exec *e = from;
	char id[160];

	boolean(d->j, "is_setuid", e->flags & EXEC_SETUID);
	boolean(d->j, "is_setgid", e->flags & EXEC_SETGID);
	boolean(d->j, "is_memfd", e->flags & EXEC_MEMFD);
	number(d->j, "inode_nlink", e->nlink);
	if (!exec_build_id(d->r, d->ctx, id, sizeof(id))) {
		key(d->j, "exe_build_id");
		json_string(d->j, id, strlen(id));
	}
}

/* As a shell has it: 128 + N of what died of signal N. */
ECS_PUT(ecs_exit_code)
{
	__u32 code = AT(__u32), signal = code & 0x7f;

	ecs_key(d, row);
	json_u64(d->j, signal ? 128 + signal : code >> 8 & 0xff);
}

ECS_PUT(ecs_exit_ours)
{
	__u32 code = AT(__u32);

	number(d->j, "signal", code & 0x7f);
	boolean(d->j, "core_dumped", code & 0x80);
}

ECS_PUT(ecs_event_time)
{
	ecs_key(d, row);
	json_date(d->j, AT(__u64) + d->ctx->boot_to_real_ns);
}

ECS_PUT(ecs_io_type)
{
	ecs_literal(d, row, "tty");
}

ECS_PUT(ecs_io_text)
{
	const struct event_part *part = &AT(struct event_part);

	ecs_text(d, row, (struct text){(const char *)d->r->hdr + part->off, part->len}, false);
}

ECS_PUT(ecs_part_size)
{
	ecs_key(d, row);
	json_u64(d->j, AT(struct event_part).len);
}

ECS_PUT(ecs_memfd_flags)
{
	memfd_flags(d->j, AT(__u32));
}
