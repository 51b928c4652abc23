// SPDX-License-Identifier: BSD-2-Clause
/* The pinned maps: made from the filter object with no program loaded, opened by their pins. */
#include <errno.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/maps.h"
#include "HostIsolation/nftbackend.h"
#include "filter.skel.h"

const char *const map_names[MAP_COUNT] = {
#define MAP(name) #name,
#include "HostIsolation/maps.def"
#undef MAP
};

__u64 boot_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static int map_path(char *path, size_t size, const struct pins *pins, int i)
{
	return snprintf(path, size, "%s/%s", pins->maps, map_names[i]);
}

static int policy_map(struct maps *maps)
{
	void *mem = mmap(NULL, sizeof(struct policy), PROT_READ | PROT_WRITE, MAP_SHARED,
			 maps->fd[MAP_policy], 0);

	if (mem == MAP_FAILED)
		return -errno;
	maps->policy = mem;
	return 0;
}

/* Another version's policy may be smaller or larger than ours: its size is looked at before its
 * words. */
static int check_version(const struct maps *maps, const struct pins *pins, struct error *err)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info), zero = 0;
	char value[4096] = {};
	struct policy *p = (struct policy *)value;

	if (bpf_obj_get_info_by_fd(maps->fd[MAP_policy], &info, &len) < 0)
		return fail(err, -errno, "cannot ask the kernel about %s/policy: %s", pins->maps,
			    strerror(errno));
	if (info.value_size <= sizeof(value))
		bpf_map_lookup_elem(maps->fd[MAP_policy], &zero, value);
	if (info.value_size != sizeof(*p) || p->layout_version != LAYOUT_VERSION)
		return fail(
			err, -EPROTO,
			"the pins in %s belong to another version of hostiso (layout %llu, this one has %d); 'hostiso release' removes them",
			pins->dir, info.value_size < 8 ? 0ULL : p->layout_version, LAYOUT_VERSION);
	return 0;
}

int maps_open(struct maps *maps, const struct pins *pins, struct error *err)
{
	struct maps m = MAPS_INIT;
	char path[PATH_MAX];
	int ret;

	for (int i = MAP_COUNT - 1; i >= 0; i--) {
		map_path(path, sizeof(path), pins, i);
		m.fd[i] = bpf_obj_get(path);
		if (m.fd[i] < 0) {
			ret = -errno;
			maps_close(&m);
			if (i == MAP_policy && ret == -ENOENT)
				return -ENOENT;
			return fail(err, ret == -ENOENT ? -EUCLEAN : ret,
				    "cannot open %s: %s; 'hostiso release' removes what is broken",
				    path, strerror(-ret));
		}
		ret = i == MAP_policy ? check_version(&m, pins, err) : 0;
		if (ret < 0) {
			maps_close(&m);
			return ret;
		}
	}
	ret = policy_map(&m);
	if (ret < 0) {
		maps_close(&m);
		return fail(err, ret, "cannot map %s/policy into memory: %s", pins->maps,
			    strerror(-ret));
	}
	*maps = m;
	return 0;
}

static int create_and_pin(const struct pins *pins, struct filter_bpf *skel, struct error *err)
{
	char path[PATH_MAX];
	int ret;

	for (int i = 0; i < MAP_COUNT; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(skel->obj, map_names[i]);

		map_path(path, sizeof(path), pins, i);
		unlink(path);
		if (i == MAP_policy) {
			struct policy p = {.layout_version = LAYOUT_VERSION};
			__u32 zero = 0;

			if (bpf_map_update_elem(bpf_map__fd(map), &zero, &p, BPF_ANY) < 0)
				return fail(err, -errno, "cannot write the policy: %s",
					    strerror(errno));
		}
		ret = bpf_obj_pin(bpf_map__fd(map), path);
		if (ret < 0)
			return fail(err, -errno, "cannot pin %s: %s", path, strerror(errno));
	}
	return 0;
}

int maps_create(struct maps *maps, const struct pins *pins, struct error *err)
{
	struct filter_bpf *skel = filter_bpf__open();
	struct bpf_program *prog;
	int ret;

	if (!skel)
		return fail(err, -errno, "cannot open the filter object: %s", strerror(errno));
	bpf_object__for_each_program(prog, skel->obj) bpf_program__set_autoload(prog, false);
	ret = filter_bpf__load(skel);
	if (ret < 0)
		fail(err, ret, "this kernel refuses the filter's maps: %s%s", strerror(-ret),
		     ret == -EPERM ? " (is BPF locked down, or CAP_BPF/CAP_SYS_RESOURCE missing?)"
				   : "");
	else
		ret = create_and_pin(pins, skel, err);
	filter_bpf__destroy(skel);
	return ret < 0 ? ret : maps_open(maps, pins, err);
}

void maps_close(struct maps *maps)
{
	nft_backend_close(maps);
	if (maps->policy)
		munmap(maps->policy, sizeof(struct policy));
	maps->policy = NULL;
	for (int i = 0; i < MAP_COUNT; i++)
		close_fdp(&maps->fd[i]);
}

void policy_set_control(struct maps *maps, __u64 control)
{
	__atomic_store_n(&maps->policy->control, control, __ATOMIC_SEQ_CST);
}

void policy_set_deadlines(struct maps *maps, __u64 for_deadline, __u64 confirm_deadline)
{
	__u64 nearer = for_deadline;

	if (confirm_deadline && (!nearer || confirm_deadline < nearer))
		nearer = confirm_deadline;
	maps->policy->for_deadline = for_deadline;
	maps->policy->confirm_deadline = confirm_deadline;
	__atomic_store_n(&maps->policy->deadline, nearer, __ATOMIC_SEQ_CST);
}

/* MEMBARRIER_CMD_GLOBAL waits for an RCU grace period, and TC and XDP programs run inside RCU
 * readers. */
void policy_settle(void)
{
	struct timespec grace = {.tv_nsec = 50000000};

	if (syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) < 0)
		nanosleep(&grace, NULL); /* nohz_full kernels refuse it */
}

int counters_read(const struct maps *maps, struct counter out[COUNTER_COUNT])
{
	int cpus = maps->nft_backend ? 0 : libbpf_num_possible_cpus();
	_cleanup_free_ struct counters *values = cpus > 0 ? calloc(cpus, sizeof(*values)) : NULL;
	__u32 key = 0;

	if (maps->nft_backend)
		return nft_backend_counters(out);
	if (!values)
		return cpus < 0 ? cpus : -ENOMEM;
	if (bpf_map_lookup_elem(maps->fd[MAP_counters], &key, values) < 0)
		return -errno;
	memset(out, 0, COUNTER_COUNT * sizeof(*out));
	for (int c = 0; c < cpus; c++)
		for (__u32 i = 0; i < COUNTER_COUNT; i++) {
			out[i].packets += values[c].at[i].packets;
			out[i].bytes += values[c].at[i].bytes;
		}
	return 0;
}

int counters_clear(const struct maps *maps)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ struct counters *zero = cpus > 0 ? calloc(cpus, sizeof(*zero)) : NULL;
	__u32 key = 0;

	if (!zero)
		return cpus < 0 ? cpus : -ENOMEM;
	return bpf_map_update_elem(maps->fd[MAP_counters], &key, zero, BPF_ANY) < 0 ? -errno : 0;
}
