// SPDX-License-Identifier: BSD-2-Clause
/* The marking hooks: loaded over the pinned maps, attached, pinned, looked after. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/facts.h"
#include "HostIsolation/granthooks.h"
#include "HostIsolation/linkpin.h"
#include "grants.skel.h"

#define PIN_PREFIX "grant_"

/* task_exit before those that give: what is granted can always end. */
static const char *const hook_names[] = {
	"task_exit",  "task_fork",  "task_exec",     "cgroup_gone",   "cgroup_made", "mark_create",
	"mark_bind4", "mark_bind6", "mark_connect4", "mark_connect6", "mark_send4",  "mark_send6",
};

#define HOOK_COUNT (sizeof(hook_names) / sizeof(*hook_names))

static void hook_path(char path[PATH_MAX], const struct pins *pins, const char *name)
{
	snprintf(path, PATH_MAX, "%s/" PIN_PREFIX "%s", pins->links, name);
}

/* Pinned, and not detached behind our back. */
static bool in_force(const struct pins *pins, const char *name)
{
	_cleanup_close_ int fd = -1;
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);
	char path[PATH_MAX];

	hook_path(path, pins, name);
	fd = bpf_obj_get(path);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return false;
	return info.type != BPF_LINK_TYPE_CGROUP || info.cgroup.cgroup_id;
}

unsigned int granthooks_missing(const struct pins *pins, char *missing, size_t size)
{
	unsigned int n = 0;

	for (size_t i = 0; i < HOOK_COUNT; i++)
		if (!in_force(pins, hook_names[i]) && !n++)
			snprintf(missing, size, "%s", hook_names[i]);
	return n;
}

static int load(struct grants_bpf *skel, const struct maps *maps, const bool want[HOOK_COUNT])
{
	int ret = 0;

	for (size_t i = 0; i < HOOK_COUNT; i++)
		bpf_program__set_autoload(
			bpf_object__find_program_by_name(skel->obj, hook_names[i]), want[i]);
	for (int i = 0; i < MAP_COUNT && ret == 0; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(skel->obj, map_names[i]);

		if (map)
			ret = bpf_map__reuse_fd(map, maps->fd[i]);
	}
	return ret ? ret : grants_bpf__load(skel);
}

static int attach_one(const struct pins *pins, struct bpf_program *prog, int root,
		      struct error *err)
{
	const char *name = bpf_program__name(prog);
	bool traces = bpf_program__type(prog) == BPF_PROG_TYPE_TRACING;
	struct bpf_link *link =
		traces ? bpf_program__attach(prog) : bpf_program__attach_cgroup(prog, root);
	char path[PATH_MAX];
	int ret = link ? 0 : -errno;

	if (ret < 0)
		return fail(err, ret, "cannot attach the hook %s%s: %s%s", name,
			    traces ? "" : " to the root of cgroup v2", strerror(-ret),
			    ret == -EPERM && !traces
				    ? "; a program that allows no other beside it is there"
				    : "");
	hook_path(path, pins, name);
	link_pin_drop(path); /* one that is detached */
	ret = bpf_obj_pin(bpf_link__fd(link), path) < 0 ? -errno : 0;
	bpf_link__destroy(link);
	return ret < 0 ? fail(err, ret, "cannot pin %s: %s", path, strerror(-ret)) : 0;
}

int granthooks_attach(const struct pins *pins, const struct maps *maps, int root, struct error *err)
{
	bool want[HOOK_COUNT], any = false;
	struct grants_bpf *skel;
	char path[PATH_MAX];
	size_t done = 0;
	int ret;

	for (size_t i = 0; i < HOOK_COUNT; i++)
		any |= want[i] = !in_force(pins, hook_names[i]);
	if (!any)
		return 0;
	skel = grants_bpf__open();
	ret = skel ? load(skel, maps, want) : -errno;
	if (ret < 0)
		fail(err, ret, "this kernel refuses the hooks that process grants need: %s",
		     refusal_text(ret));
	for (; done < HOOK_COUNT && ret == 0; done++)
		if (want[done])
			ret = attach_one(
				pins, bpf_object__find_program_by_name(skel->obj, hook_names[done]),
				root, err);
	for (size_t i = 0; i < done && ret < 0; i++) {
		hook_path(path, pins, hook_names[i]);
		if (want[i])
			link_pin_drop(path);
	}
	if (skel)
		grants_bpf__destroy(skel);
	return ret;
}

int granthooks_detach(const struct pins *pins, struct error *err)
{
	_cleanup_closedir_ DIR *dir = opendir(pins->links);
	struct dirent *e;
	int ret = 0;

	while (dir && (e = readdir(dir))) {
		char path[PATH_MAX];
		int r;

		if (strncmp(e->d_name, PIN_PREFIX, strlen(PIN_PREFIX)))
			continue;
		hook_path(path, pins, e->d_name + strlen(PIN_PREFIX));
		r = link_pin_drop(path);
		if (r < 0 && ret == 0)
			ret = fail(err, r, "cannot remove the hook %s: %s", path, strerror(-r));
	}
	return ret;
}
