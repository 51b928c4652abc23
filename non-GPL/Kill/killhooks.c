// SPDX-License-Identifier: BSD-2-Clause
/* The kill hook's programs: attached one by one, so that one refused costs only itself. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <bpf/bpf.h>
#include "Events/provider.h"
#include "HostIsolation/cleanup.h"
#include "HostIsolation/linkpin.h"
#include "Kill/killhooks.h"
#include "Kill/killroutes.h"
#include "Kill/killtest.h"
#include "kill_fexit.skel.h"
#include "kill_fexit_loop.skel.h"
#include "kill_lsm.skel.h"
#include "kill_lsm_loop.skel.h"
#include "kill_modret.skel.h"
#include "kill_modret_loop.skel.h"
#include "kill_syscall.skel.h"
#include "kill_tree.skel.h"

const char *const kill_way_words[KILL_WAY_COUNT] = {
	[KILL_WAY_MODRET] = "fmod_ret",
	[KILL_WAY_LSM] = "lsm",
	[KILL_WAY_FEXIT] = "fexit",
	[KILL_WAY_SYSCALL] = "syscall",
};

const char *const kill_door_words[KILL_DOOR_COUNT] = {
#define KILL_DOOR(id, word) word,
#include "Kill/killdoors.def"
#undef KILL_DOOR
};

#define TREE KILL_WAY_COUNT /* follows processes: beside every way */

/* In place of a door: what the way needs; what makes it better where the kernel has it. */
enum { NEEDED = -1, BETTER = -2 };

static const struct hook {
	const char *prog;
	int way, door;
	const char *function; /* NULL: any kernel; else must be in its BTF with so many arguments */
	int nargs;
	const char *instead; /* not where this function is */
} hooks[] = {
	{"kill_modret_chmod", KILL_WAY_MODRET, KILL_DOOR_CHMOD, NULL, 0, NULL},
	{"kill_modret_born", KILL_WAY_MODRET, KILL_DOOR_BORN, NULL, 0, NULL},
	{"kill_modret_acl", KILL_WAY_MODRET, KILL_DOOR_ACL, "security_inode_set_acl", 4, NULL},
	{"kill_modret_xattr", KILL_WAY_MODRET, KILL_DOOR_ACL, "security_inode_setxattr", 6,
	 "security_inode_set_acl"},
	{"kill_modret_xattr510", KILL_WAY_MODRET, KILL_DOOR_ACL, "security_inode_setxattr", 5,
	 "security_inode_set_acl"},
	{"kill_lsm_chmod", KILL_WAY_LSM, KILL_DOOR_CHMOD, NULL, 0, NULL},
	{"kill_lsm_born", KILL_WAY_LSM, KILL_DOOR_BORN, NULL, 0, NULL},
	{"kill_lsm_acl", KILL_WAY_LSM, KILL_DOOR_ACL, "bpf_lsm_inode_set_acl", 4, NULL},
	{"kill_lsm_xattr", KILL_WAY_LSM, KILL_DOOR_ACL, "bpf_lsm_inode_setxattr", 6,
	 "bpf_lsm_inode_set_acl"},
	{"kill_lsm_xattr510", KILL_WAY_LSM, KILL_DOOR_ACL, "bpf_lsm_inode_setxattr", 5,
	 "bpf_lsm_inode_set_acl"},
	{"kill_fexit_note", KILL_WAY_FEXIT, NEEDED, NULL, 0, NULL},
	{"kill_fexit_chmod", KILL_WAY_FEXIT, KILL_DOOR_CHMOD, NULL, 0, NULL},
	{"kill_syscall_enter", KILL_WAY_SYSCALL, NEEDED, NULL, 0, NULL},
	{"kill_syscall_exit", KILL_WAY_SYSCALL, KILL_DOOR_CHMOD, NULL, 0, NULL},
	{"kill_syscall_ctime", KILL_WAY_SYSCALL, BETTER, "btf_trace_inode_set_ctime_to_ts", 2,
	 NULL},
	{"kill_syscall_ctime_new", KILL_WAY_SYSCALL, BETTER, "btf_trace_ctime_ns_xchg", 4, NULL},
	{"kill_syscall_ctime_same", KILL_WAY_SYSCALL, BETTER, "btf_trace_ctime_xchg_skip", 2, NULL},
	{"kill_tree_exit", TREE, NEEDED, NULL, 0, NULL},
	{"kill_tree_fork", TREE, NEEDED, NULL, 0, NULL},
};

#define HOOKS (sizeof(hooks) / sizeof(*hooks))

/* An opened object of a way, and how to be rid of it. */
struct object {
	void *skel;
	struct bpf_object_skeleton *skeleton;
	void (*destroy)(void *skel);
};

#define OBJECT(name)                                                                               \
	static void destroy_##name(void *skel)                                                     \
	{                                                                                          \
		name##_bpf__destroy(skel);                                                         \
	}                                                                                          \
	static struct object open_##name(void)                                                     \
	{                                                                                          \
		struct name##_bpf *skel = name##_bpf__open();                                      \
                                                                                                   \
		return (struct object){skel, skel ? skel->skeleton : NULL, destroy_##name};        \
	}

OBJECT(kill_modret)
OBJECT(kill_modret_loop)
OBJECT(kill_lsm)
OBJECT(kill_lsm_loop)
OBJECT(kill_fexit)
OBJECT(kill_fexit_loop)
OBJECT(kill_tree)

static void destroy_kill_syscall(void *skel)
{
	kill_syscall_bpf__destroy(skel);
}

static struct object open_kill_syscall(void)
{
	static const struct {
		unsigned int nr, nr32;
		struct kill_route route;
	} calls[] = {
#define KILL_CALL(nr, nr32, door, fd, path, dirfd, mode, flags)                                    \
	{nr, nr32, {1, KILL_DOOR_##door, fd, path, dirfd, mode, flags, 0}},
#include "Kill/killcalls.def"
#undef KILL_CALL
	};
	struct kill_syscall_bpf *skel = kill_syscall_bpf__open();

	for (size_t i = 0; skel && i < sizeof(calls) / sizeof(*calls); i++) {
		skel->rodata->kill_routes[0][calls[i].nr] = calls[i].route;
		skel->rodata->kill_routes[1][calls[i].nr32] = calls[i].route;
	}
	return (struct object){skel, skel ? skel->skeleton : NULL, destroy_kill_syscall};
}

static struct object open_way(int way)
{
	bool loop = libbpf_probe_bpf_helper(BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_FUNC_loop, NULL) == 1;

	switch (way) {
	case KILL_WAY_MODRET:
		return loop ? open_kill_modret_loop() : open_kill_modret();
	case KILL_WAY_LSM:
		return loop ? open_kill_lsm_loop() : open_kill_lsm();
	case KILL_WAY_FEXIT:
		return loop ? open_kill_fexit_loop() : open_kill_fexit();
	case KILL_WAY_SYSCALL:
		return open_kill_syscall();
	}
	return open_kill_tree();
}

static void pin_path(char path[PATH_MAX], const struct kill_store *s, const char *prog)
{
	snprintf(path, PATH_MAX, "%s/%s", s->pins.links, prog);
}

static bool attached(const struct kill_store *s, const char *prog)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];

	pin_path(path, s, prog);
	fd = bpf_obj_get(path);
	return fd >= 0;
}

static __u64 missed_by(const struct kill_store *s, const char *name)
{
	_cleanup_close_ int link = -1, prog = -1;
	struct bpf_link_info l = {};
	struct bpf_prog_info p = {};
	__u32 l_len = sizeof(l), p_len = sizeof(p);
	char path[PATH_MAX];

	pin_path(path, s, name);
	link = bpf_obj_get(path);
	if (link < 0 || bpf_obj_get_info_by_fd(link, &l, &l_len) < 0)
		return 0;
	prog = bpf_prog_get_fd_by_id(l.prog_id);
	if (prog < 0 || bpf_obj_get_info_by_fd(prog, &p, &p_len) < 0)
		return 0;
	return p.recursion_misses;
}

static bool needed(const struct hook *h)
{
	return h->door == NEEDED || h->door == KILL_DOOR_CHMOD;
}

/* Does the kernel itself tell which file a call changed? */
static bool told_file(const struct kill_store *s, int way)
{
	for (size_t i = 0; i < HOOKS; i++)
		if (hooks[i].way == way && hooks[i].door == BETTER && !attached(s, hooks[i].prog))
			return false;
	return true;
}

void kill_hooks_armed(const struct kill_store *s, struct kill_armed *out)
{
	bool whole[TREE + 1];

	*out = (struct kill_armed){.way = -1};
	memset(whole, true, sizeof(whole));
	for (size_t i = 0; i < HOOKS; i++) {
		const struct hook *h = &hooks[i];

		if (needed(h) && !attached(s, h->prog))
			whole[h->way] = false;
	}
	for (int w = KILL_WAY_COUNT - 1; w >= 0; w--)
		if (whole[w])
			out->way = w;
	out->tree = whole[TREE];
	out->refuses = out->way == KILL_WAY_MODRET || out->way == KILL_WAY_LSM;
	out->told_file = out->way >= 0 && told_file(s, out->way);
	for (size_t i = 0; i < HOOKS; i++)
		if (hooks[i].way == out->way && hooks[i].door >= 0 && attached(s, hooks[i].prog))
			out->doors[hooks[i].door] = true;
	for (size_t i = 0; i < HOOKS; i++)
		if (hooks[i].way == out->way)
			out->missed += missed_by(s, hooks[i].prog);
	if (out->way == KILL_WAY_SYSCALL)
		memset(out->doors, true, sizeof(out->doors)); /* one program for all of them */
}

static bool fits(const struct provider *p, const struct hook *h)
{
	if (h->function && provider_nargs(p, h->function) != h->nargs)
		return false;
	return !h->instead || provider_nargs(p, h->instead) < 0;
}

static int attach_all(struct provider *p, int way, const char **refused)
{
	for (size_t i = 0; i < HOOKS; i++) {
		const struct hook *h = &hooks[i];
		int ret;

		if (h->way != way || !fits(p, h))
			continue;
		ret = provider_attach(p, h->prog);
		*refused = h->prog;
		/* another door shut is said by `kill list`; without chmod it is no way at all */
		if (ret < 0 && needed(h))
			return ret;
	}
	return 0;
}

static int pin_all(struct kill_store *s, struct provider *p, int way)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < HOOKS; i++) {
		int fd = hooks[i].way == way ? provider_link_fd(p, hooks[i].prog) : -1, ret;

		if (fd < 0)
			continue;
		pin_path(path, s, hooks[i].prog);
		ret = link_pin_put(fd, path);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int load_object(struct kill_store *s, struct provider *p, struct object *o,
		       struct error *err)
{
	for (int i = 0; i < KILL_MAP_COUNT; i++) {
		struct bpf_map *map =
			bpf_object__find_map_by_name(*o->skeleton->obj, kill_map_names[i]);
		int ret = map ? bpf_map__reuse_fd(map, s->fd[i]) : 0;

		if (ret < 0)
			return fail(err, ret, "cannot use %s: %s", kill_map_names[i],
				    strerror(-ret));
	}
	return provider_load(p, o->skeleton, err);
}

static void drop_way(struct kill_store *s, int way)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < HOOKS; i++) {
		if (hooks[i].way != way)
			continue;
		pin_path(path, s, hooks[i].prog);
		link_pin_drop(path);
	}
}

static void (*listener)(const char *text);

void kill_hooks_listen(void (*say)(const char *text))
{
	listener = say;
}

static int arm_one(struct kill_store *s, int way, struct error *err)
{
	bool refuses = way == KILL_WAY_MODRET || way == KILL_WAY_LSM;
	const char *refused = "";
	struct provider *p = NULL;
	struct object o = {};
	int ret = provider_new(&p, err);

	if (ret < 0)
		return ret;
	if (listener)
		provider_listen(p, listener);
	o = open_way(way);
	ret = o.skel ? load_object(s, p, &o, err) : fail(err, -errno, "%s", strerror(errno));
	if (ret == 0) {
		ret = attach_all(p, way, &refused);
		if (ret < 0)
			fail(err, ret, "%s", strerror(-ret));
	}
	if (ret == 0 && way != TREE)
		ret = kill_self_test(s, refuses, err);
	if (ret == 0) {
		ret = pin_all(s, p, way);
		if (ret < 0) {
			fail(err, ret, "cannot pin it: %s", strerror(-ret));
			drop_way(s, way);
		}
	}
	if (o.skel)
		o.destroy(o.skel);
	provider_free(p);
	return ret;
}

int kill_hooks_arm(struct kill_store *s, int way, struct kill_armed *out, struct error *err)
{
	char said[320] = "";
	struct error one;

	kill_hooks_armed(s, out);
	if (!out->tree && arm_one(s, TREE, &one) < 0)
		drop_way(s, TREE);
	if (out->way >= 0 && (way < 0 || way == out->way)) {
		bool acts = kill_self_test(s, out->refuses, err) == 0;

		kill_hooks_armed(s, out);
		return acts ? 0 : -ENOTSUP;
	}
	if (out->way >= 0)
		return fail(err, -EBUSY,
			    "the rules there are armed by %s; end them first: hostiso kill clear",
			    kill_way_words[out->way]);
	for (int w = 0; w < KILL_WAY_COUNT; w++) {
		size_t n = strlen(said);

		if (way >= 0 && w != way)
			continue;
		one.text[0] = 0;
		if (arm_one(s, w, &one) == 0) {
			kill_hooks_armed(s, out);
			return 0;
		}
		snprintf(said + n, sizeof(said) - n, "%s%s: %.60s", n ? "; " : "",
			 kill_way_words[w], one.text);
	}
	return fail(err, -ENOTSUP, "this kernel takes no way to the chmod (%s)", said);
}
