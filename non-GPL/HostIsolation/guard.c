// SPDX-License-Identifier: BSD-2-Clause
/* The programs on the devices: all of them, or none of this call. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/guard.h"

#define SETTLE_ROUNDS                                                                              \
	10 /* devices that appear while we attach; more is an attack, and the backstop's job */

static void link_vec_freep(struct link_vec *v)
{
	link_vec_free(v);
}

bool guard_asked_for(const struct guard_options *o, const struct link_info *link)
{
	if (link->loopback)
		return false;
	for (size_t i = 0; i < o->device_count; i++)
		if (!strcmp(o->devices[i], link->name))
			return true;
	return !o->device_count;
}

int guard_check_devices(const struct guard_options *o, struct error *err)
{
	_cleanup_(link_vec_freep) struct link_vec links = {};
	int ret = links_dump(&links, err);

	for (size_t d = 0; d < o->device_count && ret == 0; d++) {
		const struct link_info *found = NULL;

		for (size_t i = 0; i < links.count; i++)
			if (!strcmp(links.items[i].name, o->devices[d]))
				found = &links.items[i];
		if (!found)
			ret = fail(err, -ENODEV,
				   "there is no device '%s' in this network namespace",
				   o->devices[d]);
		else if (found->loopback)
			ret = fail(err, -ENODEV, "'%s' is the loopback, which is never isolated",
				   o->devices[d]);
	}
	return ret;
}

struct intent {
	struct maps *maps;
	const char *name;
};

/* Written before the qdisc is made: a crash in between leaves a record too many, not a qdisc. */
static int record_intent(int ifindex, void *arg)
{
	struct intent *intent = arg;
	struct device d = {.flags = DEVICE_CLSACT_OURS};
	__u32 key = ifindex;

	snprintf(d.name, sizeof(d.name), "%s", intent->name);
	return bpf_map_update_elem(intent->maps->fd[MAP_devices], &key, &d, BPF_ANY) < 0 ? -errno
											 : 0;
}

static int record_device(struct maps *maps, const struct link_info *link, bool clsact_made)
{
	__u32 key = link->ifindex;
	struct device d = {};

	bpf_map_lookup_elem(maps->fd[MAP_devices], &key, &d);
	if (clsact_made)
		d.flags |= DEVICE_CLSACT_OURS;
	snprintf(d.name, sizeof(d.name), "%s", link->name);
	return bpf_map_update_elem(maps->fd[MAP_devices], &key, &d, BPF_ANY) < 0 ? -errno : 0;
}

static int attach_one(const struct pins *pins, struct maps *maps, struct progs *progs,
		      const struct guard_options *o, const struct link_info *link,
		      struct guard_result *res, struct error *err)
{
	struct intent intent = {.maps = maps, .name = link->name};
	struct attach_result done = {};
	struct device_progs fds;
	struct device before;
	__u32 key = link->ifindex;
	bool known = bpf_map_lookup_elem(maps->fd[MAP_devices], &key, &before) == 0;
	int ret;

	ret = progs_need(progs, pins, maps, link->header, o->xdp != XDP_OFF, &res->xdp_errno, err);
	if (ret < 0)
		return ret;
	progs_for(progs, link->header, &fds);
	ret = attach_device(pins->links, link, &fds, o->tc, o->xdp, record_intent, &intent, &done,
			    err);
	if (ret < 0) {
		if (!known)
			bpf_map_delete_elem(maps->fd[MAP_devices], &key);
		return ret;
	}
	ret = record_device(maps, link, done.clsact_made);
	if (ret < 0)
		return fail(err, ret, "cannot record device %s: %s", link->name, strerror(-ret));
	res->devices++;
	res->native += done.xdp == XDP_NATIVE;
	res->generic += done.xdp == XDP_GENERIC;
	if (o->report)
		o->report(link, &done, o->arg);
	return known ? 0 : 1;
}

/* The devices this call attached to, so that it can undo. */
struct attached {
	int *ifindex;
	size_t count;
};

static void attached_freep(struct attached *a)
{
	free(a->ifindex);
}

static bool seen(const struct attached *all, int ifindex)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->ifindex[i] == ifindex)
			return true;
	return false;
}

static int remember(struct attached *a, int ifindex)
{
	int *more = realloc(a->ifindex, (a->count + 1) * sizeof(int));

	if (!more)
		return -ENOMEM;
	a->ifindex = more;
	a->ifindex[a->count++] = ifindex;
	return 0;
}

static int attach_round(const struct pins *pins, struct maps *maps, struct progs *progs,
			const struct guard_options *o, struct guard_result *res,
			struct attached *all, struct attached *fresh, struct error *err)
{
	_cleanup_(link_vec_freep) struct link_vec links = {};
	int ret = links_dump(&links, err), news = 0;

	for (size_t i = 0; i < links.count && ret >= 0; i++) {
		const struct link_info *link = &links.items[i];

		if (!guard_asked_for(o, link) || seen(all, link->ifindex))
			continue;
		ret = attach_one(pins, maps, progs, o, link, res, err);
		if (ret == -ENODEV) {
			ret = 0; /* it went meanwhile */
			continue;
		}
		if (ret < 0 && o->force) {
			res->failed++;
			ret = 0;
		}
		if (ret == 1)
			ret = remember(fresh, link->ifindex);
		if (ret == 0)
			ret = remember(all, link->ifindex);
		news++;
	}
	return ret < 0 ? ret : news;
}

static void detach_one(const struct pins *pins, const struct maps *maps, int ifindex)
{
	__u32 key = ifindex;
	struct device d = {};

	bpf_map_lookup_elem(maps->fd[MAP_devices], &key, &d);
	detach_device(pins->links, ifindex, d.flags & DEVICE_CLSACT_OURS, NULL);
	bpf_map_delete_elem(maps->fd[MAP_devices], &key);
}

int guard_attach(const struct pins *pins, struct maps *maps, struct progs *progs,
		 const struct guard_options *o, struct guard_result *res, struct error *err)
{
	_cleanup_(attached_freep) struct attached all = {}, fresh = {};
	int ret = progs_open(progs, pins, err);

	for (int round = 0; round < SETTLE_ROUNDS && ret >= 0; round++) {
		ret = attach_round(pins, maps, progs, o, res, &all, &fresh, err);
		if (ret == 0)
			return 0;
	}
	if (ret >= 0)
		return 0;
	for (size_t i = 0; i < fresh.count; i++)
		detach_one(pins, maps, fresh.ifindex[i]);
	return ret;
}

/* Pins of devices that are gone, or were renamed to another index. */
static int detach_pins(const struct pins *pins, struct error *err)
{
	_cleanup_closedir_ DIR *dir = opendir(pins->links);
	struct dirent *e;
	int ret = 0;

	while (dir && (e = readdir(dir))) {
		int ifindex = atoi(e->d_name), r;

		if (ifindex <= 0)
			continue;
		r = detach_device(pins->links, ifindex, false, ret ? NULL : err);
		ret = ret ? ret : r;
	}
	return ret;
}

/* Without maps nobody knows who made the clsact qdisc: then it goes with our filters, if they were
 * the last. */
static bool has_filter(const struct link_info *link)
{
	struct progs any = PROGS_INIT;
	struct device_state state = {};

	return device_state_read(link, progs_ours, &any, &state, NULL) == 0 &&
	       ((state.in.attached && !state.in.tcx) || (state.out.attached && !state.out.tcx));
}

int guard_detach_all(const struct pins *pins, const struct maps *maps, struct error *err)
{
	_cleanup_(link_vec_freep) struct link_vec links = {};
	int ret = links_dump(&links, err), r;

	for (size_t i = 0; i < links.count; i++) {
		__u32 key = links.items[i].ifindex;
		struct device d = {};

		if (links.items[i].loopback)
			continue;
		if (maps)
			bpf_map_lookup_elem(maps->fd[MAP_devices], &key, &d);
		else if (has_filter(&links.items[i]))
			d.flags = DEVICE_CLSACT_OURS;
		r = detach_device(pins->links, key, d.flags & DEVICE_CLSACT_OURS, ret ? NULL : err);
		ret = ret ? ret : r;
	}
	r = detach_pins(pins, ret ? NULL : err);
	return ret ? ret : r;
}
