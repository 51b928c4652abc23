/* SPDX-License-Identifier: BSD-2-Clause */
/* The objects that many events share. */
#include <sys/stat.h>
#include "Events/event_fields.h"

void pids_object(struct json *j, const struct event_pids *p)
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

void creds_object(struct json *j, const struct event_creds *c)
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

void tty_object(struct json *j, const struct event_tty *t)
{
	json_lit(j, "{\"major\":");
	json_u64(j, t->major);
	number(j, "minor", t->minor);
	number(j, "winsize_rows", t->rows);
	number(j, "winsize_cols", t->cols);
	json_char(j, '}');
}

void ns_object(struct json *j, const struct event_ns *n)
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

void file_info_object(struct json *j, const struct event_file_info *f)
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

struct text comm_of(const struct event_hdr *h)
{
	return (struct text){h->comm, strnlen(h->comm, sizeof(h->comm))};
}

void pids_and(struct json *j, const struct event_hdr *h)
{
	key(j, "pids");
	pids_object(j, &h->pids);
}

void cgroup_field(struct json *j, const struct record *r)
{
	char buf[PATH_BUF];

	string(j, "pids_ss_cgroup_path", record_cgroup(r, buf));
}

void part_marks(struct json *j, const struct event_part *part)
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

/* NUL-separated strings as an array; a twin of base64 strings when one is not UTF-8. */
int string_array(struct json *j, struct text all, int base64)
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
