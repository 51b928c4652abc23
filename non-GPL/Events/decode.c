/* SPDX-License-Identifier: BSD-2-Clause */
/* Ring records: bounds, and paths put together. */
#include <errno.h>
#include <string.h>
#include "Events/decode.h"

static const struct layout {
	size_t fixed;
	size_t parts[8]; /* offsets of its event_parts; 0 ends */
} layouts[EVENT_COUNT] = {
#define PART(type, member) offsetof(struct type, member)
#define FILE_LAYOUT                                                                                \
	{                                                                                          \
		sizeof(struct event_file),                                                         \
		{                                                                                  \
			PART(event_file, path), PART(event_file, base),                            \
				PART(event_file, old_path), PART(event_file, old_base),            \
				PART(event_file, symlink), PART(event_file, xattr)                 \
		}                                                                                  \
	}
	[EVENT_FILE_DELETE] = FILE_LAYOUT,
	[EVENT_FILE_CREATE] = FILE_LAYOUT,
	[EVENT_FILE_RENAME] = FILE_LAYOUT,
	[EVENT_FILE_MODIFY] = FILE_LAYOUT,
	[EVENT_FILE_MEMFD_OPEN] = FILE_LAYOUT,
	[EVENT_FILE_SHMEM_OPEN] = FILE_LAYOUT,
	[EVENT_PROCESS_FORK] = {sizeof(struct event_fork), {PART(event_fork, cwd)}},
	[EVENT_PROCESS_EXEC] = {sizeof(struct event_exec),
				{PART(event_exec, argv), PART(event_exec, env),
				 PART(event_exec, cwd), PART(event_exec, filename)}},
	[EVENT_PROCESS_EXIT] = {sizeof(struct event_exit), {0}},
	[EVENT_PROCESS_SETSID] = {sizeof(struct event_ids), {0}},
	[EVENT_PROCESS_SETUID] = {sizeof(struct event_ids), {0}},
	[EVENT_PROCESS_SETGID] = {sizeof(struct event_ids), {0}},
	[EVENT_PROCESS_TTY_WRITE] = {sizeof(struct event_tty_write), {PART(event_tty_write, out)}},
	[EVENT_PROCESS_MEMFD_CREATE] = {sizeof(struct event_memfd), {PART(event_memfd, name)}},
	[EVENT_PROCESS_SHMGET] = {sizeof(struct event_shmget), {0}},
	[EVENT_PROCESS_PTRACE] = {sizeof(struct event_ptrace), {0}},
	[EVENT_PROCESS_LOAD_MODULE] = {sizeof(struct event_module),
				       {PART(event_module, name), PART(event_module, version),
					PART(event_module, srcversion)}},
	[EVENT_NETWORK_CONNECTION_ACCEPTED] = {sizeof(struct event_net), {0}},
	[EVENT_NETWORK_CONNECTION_ATTEMPTED] = {sizeof(struct event_net), {0}},
	[EVENT_NETWORK_CONNECTION_CLOSED] = {sizeof(struct event_net), {0}},
};

/* Also takes it from what all parts together may have: two never share their bytes, so a line has
 * an end. */
static int part_inside(const struct event_part *part, size_t size, size_t *left)
{
	if (part->len > *left)
		return 0;
	*left -= part->len;
	return part->off <= size && part->len <= size - part->off;
}

int record_check(const void *data, size_t size, struct record *out)
{
	const struct event_hdr *h = data;
	const struct layout *l;
	size_t left;

	if (size < sizeof(*h) || h->type >= EVENT_COUNT || h->size > size || h->size > RECORD_MAX)
		return -EBADMSG;
	l = &layouts[h->type];
	if (h->size < l->fixed || h->source == HOOK_NONE || h->source >= HOOK_COUNT)
		return -EBADMSG;
	left = h->size;
	if (!part_inside(&h->cgroup, h->size, &left))
		return -EBADMSG;
	for (int i = 0; i < 8 && l->parts[i]; i++) {
		if (!part_inside((const void *)((const char *)data + l->parts[i]), h->size, &left))
			return -EBADMSG;
	}
	out->hdr = h;
	out->size = h->size;
	return 0;
}

struct text record_part(const struct record *r, const struct event_part *part)
{
	struct text t = {(const char *)r->hdr + part->off, part->len};

	if (t.n && !t.s[t.n - 1])
		t.n--;
	return t;
}

/* Names, each ended by NUL, the last first: from the back of the buffer forwards. */
static size_t turn_round(struct text names, char *buf, size_t at)
{
	size_t end = names.n;

	while (end) {
		size_t begin = end;

		while (begin && names.s[begin - 1])
			begin--;
		if (at + 1 + end - begin > PATH_BUF)
			return at;
		buf[at++] = '/';
		memcpy(buf + at, names.s + begin, end - begin);
		at += end - begin;
		end = begin ? begin - 1 : 0;
	}
	return at;
}

/* Appends a text path to the absolute one in buf, component by component. */
static size_t append_text(struct text path, char *buf, size_t at)
{
	size_t i = 0;

	while (i < path.n) {
		size_t begin, n;

		while (i < path.n && path.s[i] == '/')
			i++;
		begin = i;
		while (i < path.n && path.s[i] != '/')
			i++;
		n = i - begin;
		if (!n || (n == 1 && path.s[begin] == '.'))
			continue;
		if (n == 2 && path.s[begin] == '.' && path.s[begin + 1] == '.') {
			while (at && buf[--at] != '/')
				;
			continue;
		}
		if (at + 1 + n > PATH_BUF)
			break;
		buf[at++] = '/';
		memcpy(buf + at, path.s + begin, n);
		at += n;
	}
	return at;
}

struct text record_path(const struct record *r, const struct event_part *part,
			const struct event_part *base, char *buf)
{
	struct text names = record_part(r, part);
	size_t at = 0;

	if (!(part->flags & PART_TEXT)) {
		at = turn_round(names, buf, 0);
	} else {
		if (base && (!names.n || names.s[0] != '/'))
			at = turn_round(record_part(r, base), buf, 0);
		at = append_text(names, buf, at);
	}
	if (!at && !(part->flags & PART_TEXT && !names.n && !(base && base->off)))
		buf[at++] = '/';
	return (struct text){buf, at};
}

struct text record_file_path(const struct record *r, char *buf)
{
	const struct event_file *e = (const void *)r->hdr;

	return record_path(r, &e->path, &e->base, buf);
}

struct text record_old_path(const struct record *r, char *buf)
{
	const struct event_file *e = (const void *)r->hdr;

	return record_path(r, &e->old_path,
			   e->old_path.flags & PART_SAME_BASE ? &e->base : &e->old_base, buf);
}

struct text record_cgroup(const struct record *r, char *buf)
{
	size_t at = turn_round(record_part(r, &r->hdr->cgroup), buf, 0);

	if (!at)
		buf[at++] = '/';
	return (struct text){buf, at};
}
