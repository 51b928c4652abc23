// SPDX-License-Identifier: BSD-2-Clause
/* The filter's programs: loaded over the pinned maps, pinned, found again. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/progs.h"
#include "filter.skel.h"

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

int progs_open(struct progs *progs, const struct pins *pins, struct error *err)
{
	char path[PATH_MAX];

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

/* The programs of a set are loaded together: they share the object's other parts. */
static int load_set(struct progs *progs, const struct pins *pins, const struct maps *maps,
		    unsigned int set)
{
	struct filter_bpf *skel = filter_bpf__open();
	int ret = skel ? 0 : -errno;

	for (int i = 0; i < PROG_COUNT && ret == 0; i++)
		bpf_program__set_autoload(
			bpf_object__find_program_by_name(skel->obj, prog_names[i]), set & 1u << i);
	for (int i = 0; i < MAP_COUNT && ret == 0; i++)
		ret = bpf_map__reuse_fd(bpf_object__find_map_by_name(skel->obj, map_names[i]),
					maps->fd[i]);
	if (ret == 0)
		ret = filter_bpf__load(skel);
	for (int i = 0; i < PROG_COUNT && ret == 0; i++) {
		char path[PATH_MAX];
		struct bpf_program *prog;

		if (!(set & 1u << i))
			continue;
		prog = bpf_object__find_program_by_name(skel->obj, prog_names[i]);
		prog_path(path, sizeof(path), pins, i);
		unlink(path);
		if (bpf_obj_pin(bpf_program__fd(prog), path) < 0)
			ret = -errno;
		close_fdp(&progs->fd[i]); /* half a set of an interrupted run */
	}
	if (skel)
		filter_bpf__destroy(skel);
	return ret;
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

int progs_need(struct progs *progs, const struct pins *pins, const struct maps *maps,
	       enum link_header header, bool xdp, int *xdp_errno, struct error *err)
{
	int ret = have(progs, tc_sets[header]) ? 0 : load_set(progs, pins, maps, tc_sets[header]);

	if (ret < 0)
		return fail(
			err, ret, "this kernel refuses the filter programs: %s%s", strerror(-ret),
			ret == -EPERM ? " (BPF is locked down, or a capability is missing)" : "");
	if (xdp && header == LINK_ETHERNET && progs->fd[PROG_xdp_in] < 0) {
		/* one and the other: frames in several buffers are known from 5.18 */
		load_set(progs, pins, maps, 1u << PROG_xdp_in_frags);
		*xdp_errno = -load_set(progs, pins, maps, 1u << PROG_xdp_in);
	}
	return progs_open(progs, pins, err);
}

void progs_close(struct progs *progs)
{
	for (int i = 0; i < PROG_COUNT; i++)
		close_fdp(&progs->fd[i]);
}

bool progs_ours(__u32 id, void *arg)
{
	const struct progs *progs = arg;

	for (int i = 0; id && i < PROG_COUNT; i++)
		if (progs->id[i] == id)
			return true;
	return false;
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
