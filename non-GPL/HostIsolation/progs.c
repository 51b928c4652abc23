// SPDX-License-Identifier: BSD-2-Clause
/* The filter's programs: loaded over the pinned maps, pinned, found again. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/facts.h"
#include "HostIsolation/progs.h"
#include "filter.skel.h"

#define MAPS_OF_PROG 64 /* the kernel's MAX_USED_MAPS */

static const char *const prog_names[PROG_COUNT] = {
#define PROG(name) #name,
#include "HostIsolation/progs.def"
#undef PROG
};

static void prog_path(char *path, size_t size, const struct pins *pins, int i)
{
	snprintf(path, size, "%s/%s", pins->progs, prog_names[i]);
}

static int read_id(struct progs *progs, int i)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(progs->fd[i], &info, &len) < 0)
		return -errno;
	progs->id[i] = info.id;
	return 0;
}

static __u32 pinned_policy(const struct pins *pins)
{
	_cleanup_close_ int fd = -1;
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/policy", pins->maps);
	fd = bpf_obj_get(path);
	return fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) ? info.id : 0;
}

int progs_open(struct progs *progs, const struct pins *pins, struct error *err)
{
	char path[PATH_MAX];

	progs->policy_id = pinned_policy(pins);
	for (int i = 0; i < PROG_COUNT; i++) {
		if (progs->fd[i] >= 0)
			continue;
		prog_path(path, sizeof(path), pins, i);
		progs->fd[i] = bpf_obj_get(path);
		if (progs->fd[i] < 0 && errno != ENOENT)
			return fail(err, -errno, "cannot open %s: %s", path, strerror(errno));
		if (progs->fd[i] >= 0 && read_id(progs, i) < 0)
			return fail(err, -errno, "cannot ask the kernel about %s", path);
	}
	return 0;
}

static const unsigned int tc_sets[] = {
	[LINK_ETHERNET] = 1u << PROG_tc_in | 1u << PROG_tc_out,
	[LINK_IP] = 1u << PROG_tc_in_ip | 1u << PROG_tc_out_ip,
	[LINK_UNKNOWN] = 1u << PROG_tc_in_none | 1u << PROG_tc_out_none,
};

static bool have(const struct progs *progs, unsigned int set)
{
	for (int i = 0; i < PROG_COUNT; i++)
		if (set & 1u << i && progs->fd[i] < 0)
			return false;
	return true;
}

struct load {
	struct filter_bpf *skel; /* one program of it */
	const struct maps *maps;
	int prog, otherwise; /* enum prog_index: which, and which if it is refused; -1: none */
	pthread_t thread;
	bool threaded;
	int ret;
};

/* What comes by XDP needs no facts, nor what drops whole. */
static void give_facts(struct load *l)
{
	bool outwards = l->prog == PROG_tc_out || l->prog == PROG_tc_out_ip;
	struct kernel_facts facts;

	if (!outwards && l->prog != PROG_tc_in && l->prog != PROG_tc_in_ip)
		return;
	kernel_facts(outwards, &facts);
	memcpy((void *)&l->skel->rodata->kernel, &facts, sizeof(facts));
}

static void load_one(struct load *l)
{
	struct bpf_program *prog;

	l->skel = filter_bpf__open();
	l->ret = l->skel ? 0 : -errno;
	if (l->ret < 0)
		return;
	give_facts(l);
	bpf_object__for_each_program(prog, l->skel->obj) bpf_program__set_autoload(
		prog, !strcmp(bpf_program__name(prog), prog_names[l->prog]));
	for (int i = 0; i < MAP_COUNT && l->ret == 0; i++)
		l->ret = bpf_map__reuse_fd(bpf_object__find_map_by_name(l->skel->obj, map_names[i]),
					   l->maps->fd[i]);
	if (l->ret == 0)
		l->ret = filter_bpf__load(l->skel);
}

static void *load(void *arg)
{
	struct load *l = arg;

	load_one(l);
	if (l->ret < 0 && l->otherwise >= 0) {
		filter_bpf__destroy(l->skel);
		l->prog = l->otherwise;
		load_one(l);
	}
	return NULL;
}

/*
 * The verifier takes 20 to 30 ms of one CPU for each program: that is most of what isolate does, so
 * it is done for all at once. The first is loaded here, and what no thread can be had for.
 */
static void load_set(struct load loads[PROG_COUNT], const struct maps *maps, unsigned int set)
{
	int first = __builtin_ctz(set);

	for (int i = PROG_COUNT - 1; i >= first; i--) {
		struct load *l = &loads[i];

		if (!(set & 1u << i))
			continue;
		l->maps = maps;
		l->prog = i;
		l->otherwise = i == PROG_xdp_in_frags ? PROG_xdp_in : -1;
		l->threaded = i != first && pthread_create(&l->thread, NULL, load, l) == 0;
		if (!l->threaded)
			load(l);
	}
	for (int i = first; i < PROG_COUNT; i++)
		if (loads[i].threaded)
			pthread_join(loads[i].thread, NULL);
}

static int pin_loaded(struct progs *progs, const struct pins *pins, struct load *l)
{
	struct bpf_program *prog;
	char path[PATH_MAX];

	if (l->ret < 0)
		return l->ret;
	prog = bpf_object__find_program_by_name(l->skel->obj, prog_names[l->prog]);
	prog_path(path, sizeof(path), pins, l->prog);
	unlink(path);
	if (bpf_obj_pin(bpf_program__fd(prog), path) < 0)
		return -errno;
	close_fdp(&progs->fd[l->prog]); /* half a set of an interrupted run */
	return 0;
}

int progs_need(struct progs *progs, const struct pins *pins, const struct maps *maps,
	       enum link_header header, bool xdp, int *xdp_errno, struct error *err)
{
	bool want_xdp = xdp && header == LINK_ETHERNET && progs->fd[PROG_xdp_in] < 0 &&
			progs->fd[PROG_xdp_in_frags] < 0;
	unsigned int tc_set = have(progs, tc_sets[header]) ? 0 : tc_sets[header];
	struct load loads[PROG_COUNT] = {};
	int ret = 0;

	if (tc_set || want_xdp)
		load_set(loads, maps, tc_set | (want_xdp ? 1u << PROG_xdp_in_frags : 0));
	for (int i = 0; i < PROG_COUNT && ret == 0; i++)
		if (tc_set & 1u << i)
			ret = pin_loaded(progs, pins, &loads[i]);
	if (want_xdp && ret == 0)
		*xdp_errno = -pin_loaded(progs, pins, &loads[PROG_xdp_in_frags]);
	for (int i = 0; i < PROG_COUNT; i++)
		filter_bpf__destroy(loads[i].skel);
	if (ret < 0)
		return fail(
			err, ret, "this kernel refuses the filter programs: %s%s", strerror(-ret),
			ret == -EPERM ? " (BPF is locked down, or a capability is missing)" : "");
	return progs_open(progs, pins, err);
}

void progs_close(struct progs *progs)
{
	for (int i = 0; i < PROG_COUNT; i++)
		close_fdp(&progs->fd[i]);
}

void progs_unpin(const struct pins *pins)
{
	char path[PATH_MAX];

	for (int i = 0; i < PROG_COUNT; i++) {
		prog_path(path, sizeof(path), pins, i);
		unlink(path);
	}
}

static bool named(const char *name)
{
	for (int i = 0; i < PROG_COUNT; i++)
		if (!strcmp(name, prog_names[i]))
			return true;
	return false;
}

static bool is_called(__u32 map_id, const char *name)
{
	_cleanup_close_ int fd = bpf_map_get_fd_by_id(map_id);
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	return fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) && !strcmp(info.name, name);
}

/* The id of a map of one of our programs; 0: none. */
static __u32 map_of(__u32 prog_id, const char *name)
{
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(prog_id);
	__u32 maps[MAPS_OF_PROG], len;
	struct bpf_prog_info info = {.nr_map_ids = MAPS_OF_PROG, .map_ids = (__u64)(long)maps};

	len = sizeof(info);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) || !named(info.name))
		return 0;
	for (__u32 i = 0; i < info.nr_map_ids && i < MAPS_OF_PROG; i++)
		if (is_called(maps[i], name))
			return maps[i];
	return 0;
}

__u32 prog_policy(__u32 prog_id)
{
	return map_of(prog_id, "policy");
}

bool prog_sees_offload(__u32 prog_id)
{
	__u32 id = map_of(prog_id, "filter_b.rodata"), zero = 0;
	_cleanup_close_ int fd = id ? bpf_map_get_fd_by_id(id) : -1;
	struct filter_bpf__rodata constants = {};
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	return fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) &&
	       info.value_size == sizeof(constants) &&
	       !bpf_map_lookup_elem(fd, &zero, &constants) && constants.kernel.skb_readable;
}

bool progs_pinned(const struct progs *progs, __u32 prog_id)
{
	for (int i = 0; prog_id && i < PROG_COUNT; i++)
		if (progs->id[i] == prog_id)
			return true;
	return false;
}

bool progs_ours(__u32 prog_id, void *arg)
{
	const struct progs *progs = arg;
	__u32 policy;

	if (progs_pinned(progs, prog_id))
		return true;
	policy = prog_id ? prog_policy(prog_id) : 0;
	return policy && (!progs->policy_id || policy == progs->policy_id);
}

void progs_for(const struct progs *progs, enum link_header header, struct device_progs *out)
{
	static const int in[] = {PROG_tc_in, PROG_tc_in_ip, PROG_tc_in_none};
	static const int to[] = {PROG_tc_out, PROG_tc_out_ip, PROG_tc_out_none};
	bool ethernet = header == LINK_ETHERNET;

	out->tc_in = progs->fd[in[header]];
	out->tc_out = progs->fd[to[header]];
	out->xdp = ethernet ? progs->fd[PROG_xdp_in] : -1;
	out->xdp_frags = ethernet ? progs->fd[PROG_xdp_in_frags] : -1;
}
