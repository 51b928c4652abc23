// SPDX-License-Identifier: BSD-2-Clause
/* The process side of allow and deny. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/grantargs.h"
#include "HostIsolation/granthooks.h"
#include "HostIsolation/netns.h"

int grant_args_add(struct grant_args *a, enum grant_option option, const char *text,
		   struct error *err)
{
	if (a->count == GRANT_ARGS_MAX)
		return fail(err, -E2BIG, "too many processes at once: %d at most", GRANT_ARGS_MAX);
	a->items[a->count].option = option;
	a->items[a->count++].text = text;
	return 0;
}

static int look_up(const struct grant_args *a, size_t i, int root, __u64 netns,
		   struct grant_target *out, struct error *err)
{
	const char *text = a->items[i].text;

	switch (a->items[i].option) {
	case GRANT_OPT_PID:
		return grant_target_pid(text, a->tree, netns, out, err);
	case GRANT_OPT_EXE:
		return grant_target_exe(text, out, err);
	case GRANT_OPT_CGROUP:
		return grant_target_cgroup(root, text, out, err);
	case GRANT_OPT_UNIT:
		return grant_target_unit(root, text, out, err);
	}
	return -EINVAL;
}

static int make_all(struct session *s, const struct grant_target *targets, size_t count, int root,
		    __u64 until, const char *comment, struct grant_done *done, struct error *err)
{
	struct origin origin;
	int ret = 0;

	origin_now(&origin, comment);
	for (size_t i = 0; i < count && ret == 0; i++) {
		struct grant_made made;

		ret = grant_make(&s->maps, root, &targets[i], until, &origin, &made, err);
		if (ret < 0)
			break;
		if (!made.was)
			done->fresh[done->fresh_count++] = made.id;
		done->grants++;
		done->was += made.was;
		done->tasks += made.tasks;
		done->sockets += made.sockets;
	}
	if (ret < 0)
		grant_end(&s->maps, done->fresh, done->fresh_count);
	return ret;
}

/* The hooks stay only for what they serve. */
static int drop_idle_hooks(struct session *s, struct error *err)
{
	return grants_collect(&s->maps) ? 0 : granthooks_detach(&s->pins, err);
}

void grant_args_undo(struct session *s, const struct grant_done *done)
{
	grant_end(&s->maps, done->fresh, done->fresh_count);
	drop_idle_hooks(s, NULL);
}

int grant_args_allow(struct session *s, const struct grant_args *a, __u64 until,
		     const char *comment, struct grant_done *done, struct error *err)
{
	__u64 netns = s->maps.policy->netns_cookie ?: netns_inode(0);
	struct grant_target targets[GRANT_ARGS_MAX];
	_cleanup_close_ int root = cgroup_root_open(err);
	int ret = root < 0 ? root : 0;
	size_t n = 0;

	memset(done, 0, sizeof(*done));
	for (; n < a->count && ret == 0; n += ret == 0)
		ret = look_up(a, n, root, netns, &targets[n], err);
	if (ret == 0)
		ret = granthooks_attach(&s->pins, &s->maps, root, err);
	if (ret == 0) {
		grants_collect(&s->maps); /* what has ended leaves room */
		ret = make_all(s, targets, n, root, until, comment, done, err);
		if (ret < 0)
			drop_idle_hooks(s, NULL);
	}
	for (size_t i = 0; i < n; i++)
		grant_target_close(&targets[i]);
	return ret;
}

/* A unit's or a cgroup's grant by its path, whether it exists now or not. */
static bool names_cgroup(const char *path, const char *text, bool unit)
{
	const char *last = strrchr(path, '/');
	size_t n = strlen(text);

	if (!unit)
		return !strcmp(path, text) || (text[0] != '/' && !strcmp(path + 1, text));
	return last && !strncmp(last + 1, text, n) &&
	       (!last[1 + n] || (!strchr(text, '.') && !strcmp(last + 1 + n, ".service")));
}

static bool names(const struct grant_row *row, enum grant_option option, const char *text, int root)
{
	struct cgroup_ref ref;
	char real[PATH_MAX];
	__u32 kind = row->grant.kind;

	switch (option) {
	case GRANT_OPT_PID:
		return (kind == GRANT_PID || kind == GRANT_TREE) &&
		       row->grant.tgid == strtoul(text, NULL, 10);
	case GRANT_OPT_EXE:
		return kind == GRANT_EXE &&
		       (!strcmp(row->note.what, text) ||
			(realpath(text, real) && !strcmp(row->note.what, real)));
	case GRANT_OPT_CGROUP:
	case GRANT_OPT_UNIT:
		if (kind != GRANT_CGROUP)
			return false;
		return names_cgroup(row->note.what, text, option == GRANT_OPT_UNIT) ||
		       (option == GRANT_OPT_CGROUP && root >= 0 &&
			cgroup_find(root, text, &ref, NULL) == 0 &&
			!strcmp(ref.path, row->note.what));
	}
	return false;
}

int grant_args_deny(struct session *s, const struct grant_args *a, size_t *gone, struct error *err)
{
	_cleanup_close_ int root = cgroup_root_open(NULL);
	struct grant_vec all = {};
	int ret = grants_read(&s->maps, &all, err);
	_cleanup_free_ __u64 *ids = calloc(all.count + 1, sizeof(*ids));

	*gone = 0;
	if (ret == 0 && !ids)
		ret = fail(err, -ENOMEM, "out of memory; nothing was changed");
	for (size_t r = 0; r < all.count && ret == 0; r++)
		for (size_t i = 0; i < a->count; i++)
			if (names(&all.rows[r], a->items[i].option, a->items[i].text, root)) {
				ids[(*gone)++] = all.rows[r].id;
				break;
			}
	grant_vec_free(&all);
	if (ret < 0)
		return ret;
	grant_end(&s->maps, ids, *gone);
	return drop_idle_hooks(s, err);
}
