// SPDX-License-Identifier: BSD-2-Clause
/* The kill hook's pinned maps: made, opened, removed. */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/facts.h"
#include "HostIsolation/linkpin.h"
#include "HostIsolation/process.h"
#include "Kill/killstore.h"
#include "kill_tree.skel.h"

const char *const kill_map_names[KILL_MAP_COUNT] = {
#define KILL_MAP(name) #name,
#include "Kill/killmaps.def"
#undef KILL_MAP
};

static void map_path(char path[PATH_MAX], const struct kill_store *s, int i)
{
	snprintf(path, PATH_MAX, "%s/%s", s->pins.maps, kill_map_names[i]);
}

static int map_state(struct kill_store *s)
{
	void *mem = mmap(NULL, sizeof(*s->state), PROT_READ | PROT_WRITE, MAP_SHARED,
			 s->fd[KILL_MAP_kill_state], 0);

	if (mem == MAP_FAILED)
		return -errno;
	s->state = mem;
	return 0;
}

static int check_version(struct kill_store *s, struct error *err)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(s->fd[KILL_MAP_kill_state], &info, &len) < 0)
		return fail(err, -errno, "cannot ask the kernel about the pins in %s: %s",
			    s->pins.maps, strerror(errno));
	if (info.value_size == sizeof(*s->state) && !map_state(s) &&
	    s->state->version == KILL_VERSION)
		return 0;
	return fail(err, -EPROTO,
		    "the kill rules in %s are of another version of hostiso; nothing was changed. "
		    "End them: hostiso kill clear",
		    s->pins.dir);
}

static int open_maps(struct kill_store *s, struct error *err)
{
	char path[PATH_MAX];

	for (int i = KILL_MAP_COUNT - 1; i >= 0; i--) {
		map_path(path, s, i);
		s->fd[i] = bpf_obj_get(path);
		if (s->fd[i] < 0 && i == KILL_MAP_COUNT - 1 && errno == ENOENT)
			return -ENOENT;
		if (s->fd[i] < 0)
			return fail(err, -EIO,
				    "cannot open %s: %s; end the rules: hostiso kill clear", path,
				    strerror(errno));
	}
	return check_version(s, err);
}

static int pin_all(struct kill_store *s, struct bpf_object *obj, struct error *err)
{
	char path[PATH_MAX];

	for (int i = 0; i < KILL_MAP_COUNT; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(obj, kill_map_names[i]);

		s->fd[i] = map ? dup(bpf_map__fd(map)) : -1;
		if (i == KILL_MAP_kill_state) {
			int ret = s->fd[i] < 0 ? -errno : map_state(s);

			if (ret < 0)
				return fail(err, ret, "cannot map the kill rules: %s",
					    strerror(-ret));
			s->state->version = KILL_VERSION;
			s->state->next_id = 1;
		}
		map_path(path, s, i);
		unlink(path); /* of a run that was killed */
		if (s->fd[i] < 0 || bpf_obj_pin(s->fd[i], path) < 0)
			return fail(err, -errno, "cannot pin %s: %s", path, strerror(errno));
	}
	return 0;
}

static int make_maps(struct kill_store *s, struct error *err)
{
	struct kill_tree_bpf *skel = kill_tree_bpf__open();
	struct bpf_program *prog;
	int ret;

	if (!skel)
		return fail(err, -errno, "cannot open the kill hook's objects: %s",
			    strerror(errno));
	bpf_object__for_each_program(prog, skel->obj) bpf_program__set_autoload(prog, false);
	ret = kill_tree_bpf__load(skel);
	if (ret < 0)
		fail(err, ret, "this kernel refuses the kill hook's maps: %s", refusal_text(ret));
	else
		ret = pin_all(s, skel->obj, err);
	kill_tree_bpf__destroy(skel);
	s->made = true;
	if (ret < 0)
		kill_store_remove(s, NULL);
	return ret;
}

int kill_store_open(struct kill_store *s, const struct common *common, int mode, struct error *err)
{
	int ret = need_root(err);

	if (ret == 0)
		ret = pins_open(&s->pins, common->pin_dir, mode == SESSION_MAKE, err);
	if (ret == -ENOENT && mode != SESSION_MAKE)
		return 0;
	if (ret == 0 && mode != SESSION_READ)
		ret = pins_lock(&s->pins, mode == SESSION_MAKE, err);
	if (ret == 0)
		ret = open_maps(s, err);
	if (ret == -ENOENT && mode == SESSION_MAKE)
		ret = make_maps(s, err);
	s->have = ret == 0;
	return ret == -ENOENT ? 0 : ret;
}

void kill_store_close(struct kill_store *s)
{
	if (s->state)
		munmap(s->state, sizeof(*s->state));
	s->state = NULL;
	for (int i = 0; i < KILL_MAP_COUNT; i++)
		close_fdp(&s->fd[i]);
	pins_close(&s->pins);
}

bool kill_store_stands(const struct kill_store *s)
{
	char path[PATH_MAX];

	map_path(path, s, KILL_MAP_kill_state);
	return __atomic_load_n(&s->state->version, __ATOMIC_SEQ_CST) == KILL_VERSION &&
	       access(path, F_OK) == 0;
}

bool kill_watched(const struct kill_store *s)
{
	__u32 pid = s->state->watcher;

	return pid && process_start(pid) == s->state->watcher_start;
}

static int remove_in(const char *folder, bool links)
{
	_cleanup_closedir_ DIR *dir = opendir(folder);
	struct dirent *e;
	int ret = 0;

	while (dir && (e = readdir(dir))) {
		char path[PATH_MAX];
		int r;

		if (strncmp(e->d_name, KILL_PIN_PREFIX, strlen(KILL_PIN_PREFIX)))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		r = links ? link_pin_drop(path) : unlink(path) < 0 ? -errno : 0;
		ret = ret ? ret : r;
	}
	return ret;
}

int kill_store_remove(struct kill_store *s, struct error *err)
{
	int ret;

	if (s->state) {
		__atomic_store_n(&s->state->active, 0, __ATOMIC_SEQ_CST);
		__atomic_store_n(&s->state->version, 0, __ATOMIC_SEQ_CST); /* ends `kill watch` */
	}
	ret = remove_in(s->pins.links, true);
	if (ret == 0)
		ret = remove_in(s->pins.maps, false);
	rmdir(s->pins.links);
	rmdir(s->pins.progs);
	rmdir(s->pins.maps);
	rmdir(s->pins.dir);
	return ret < 0 ? fail(err, ret, "cannot remove the kill hook's pins in %s: %s", s->pins.dir,
			      strerror(-ret))
		       : 0;
}
