// SPDX-License-Identifier: BSD-2-Clause
// Puts the filter's programs on a device, all of them or none, and takes them off again.

#include <errno.h>
#include <string.h>
#include <bpf/bpf.h>

#include "HostIsolation/cleanup.h"
#include "HostIsolation/hooks.h"
#include "HostIsolation/layout.h"

/* One attach_device(), and what it has to take back when it fails. */
struct attaching {
	const char *links_dir;
	const struct link_info *link;
	int prog_fd[DIR_COUNT];
	int (*intent)(int ifindex, void *arg);
	void *arg;
	bool tcx_new[DIR_COUNT], clsact_new[DIR_COUNT], qdisc_new;
};

const char *direction_word(int direction)
{
	return direction == DIR_IN ? "ingress" : "egress";
}

__u32 prog_id_of(int prog_fd)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(prog_fd, &info, &len) ? 0 : info.id;
}

static void undo(struct attaching *a)
{
	int ifindex = a->link->ifindex, direction;

	for (direction = 0; direction < DIR_COUNT; direction++) {
		if (a->tcx_new[direction])
			tcx_hook_detach(a->links_dir, ifindex, direction);
		if (a->clsact_new[direction])
			clsact_hook_detach(ifindex, direction, NULL);
	}
	if (a->qdisc_new)
		clsact_remove_empty(ifindex, NULL);
}

static int attach_tcx(struct attaching *a, struct error *err)
{
	int direction, r;

	for (direction = 0; direction < DIR_COUNT; direction++) {
		if (a->prog_fd[direction] < 0)
			continue;
		r = tcx_hook_attach(a->links_dir, a->link, direction, a->prog_fd[direction], err);
		if (r < 0)
			return r;
		a->tcx_new[direction] = r;
	}
	return 0;
}

static int qdisc_ensure(struct attaching *a, struct error *err)
{
	const struct link_info *link = a->link;
	int r = clsact_present(link->ifindex);

	if (r == QDISC_NONE) {
		r = a->intent ? a->intent(link->ifindex, a->arg) : 0;
		if (r)
			return fail(err, r,
				    "cannot note down the clsact qdisc to be made on %s: %s",
				    link->name, strerror(-r));
		r = clsact_add(link->ifindex, err);
		a->qdisc_new = !r;
		if (!r || r != -EEXIST)
			return r;
		r = clsact_present(link->ifindex); /* somebody was faster */
	}
	if (r == QDISC_INGRESS)
		return fail(
			err, -EBUSY,
			"cannot attach to %s: another tool's ingress qdisc, which has no egress, "
			"is where clsact must go: remove it (tc qdisc del dev %s ingress)",
			link->name, link->name);
	if (r < 0)
		return fail(err, r, "cannot read the qdiscs of %s: %s", link->name, strerror(-r));
	return 0;
}

static int attach_clsact(struct attaching *a, struct error *err)
{
	int direction, r;

	r = qdisc_ensure(a, err);
	if (r)
		return r;
	for (direction = 0; direction < DIR_COUNT; direction++) {
		if (a->prog_fd[direction] < 0)
			continue;
		r = clsact_hook_attach(a->link, direction, a->prog_fd[direction], err);
		if (r < 0)
			return r;
		a->clsact_new[direction] = r;
	}
	return 0;
}

/* Ours on the other kind of hook, from an earlier command that asked for it: now twice in line. */
static int drop_other_way(struct attaching *a, enum tc_way used, struct error *err)
{
	int ifindex = a->link->ifindex, r;

	if (used == TC_TCX) {
		r = clsact_hook_detach(ifindex, DIR_IN, err);
		return r ?: clsact_hook_detach(ifindex, DIR_OUT, err);
	}
	r = tcx_hook_detach(a->links_dir, ifindex, DIR_IN);
	r = tcx_hook_detach(a->links_dir, ifindex, DIR_OUT) ?: r;
	if (r)
		return fail(err, r, "cannot remove the former tcx links of %s: %s", a->link->name,
			    strerror(-r));
	return 0;
}

int attach_device(const char *links_dir, const struct link_info *link,
		  const struct device_progs *progs, enum tc_way tc, enum xdp_way xdp,
		  int (*intent)(int ifindex, void *arg), void *arg, struct attach_result *res,
		  struct error *err)
{
	struct attaching a = {
		.links_dir = links_dir,
		.link = link,
		.prog_fd = {[DIR_IN] = progs->tc_in, [DIR_OUT] = progs->tc_out},
		.intent = intent,
		.arg = arg,
	};
	struct attach_result done = {.tc = TC_TCX};
	bool xdp_new = false;
	int r = -EOPNOTSUPP;

	if (tc != TC_CLSACT)
		r = attach_tcx(&a, err);
	if (r == -EOPNOTSUPP && tc == TC_TCX)
		fail(err, r, "cannot attach to %s: this kernel has no tcx (Linux 6.6)", link->name);
	if (r == -EOPNOTSUPP && tc != TC_TCX) {
		done.tc = TC_CLSACT;
		r = attach_clsact(&a, err);
	}
	if (!r) {
		r = xdp_hook_attach(links_dir, link, progs, xdp, &done, err);
		xdp_new = r > 0;
	}
	if (r >= 0)
		r = drop_other_way(&a, done.tc, err);
	if (r) {
		if (xdp_new)
			xdp_hook_detach(links_dir, link->ifindex);
		undo(&a);
		return r;
	}
	done.clsact_made = a.qdisc_new;
	*res = done;
	return 0;
}

int detach_device(const char *links_dir, int ifindex, bool clsact_ours, struct error *err)
{
	int direction, r, ret;

	ret = xdp_hook_detach(links_dir, ifindex);
	for (direction = 0; direction < DIR_COUNT; direction++) {
		r = tcx_hook_detach(links_dir, ifindex, direction);
		ret = ret ?: r;
	}
	if (ret)
		fail(err, ret, "cannot remove the links %s/%d_*: %s", links_dir, ifindex,
		     strerror(-ret));
	for (direction = 0; direction < DIR_COUNT; direction++) {
		r = clsact_hook_detach(ifindex, direction, ret ? NULL : err);
		if (r == -ENODEV)
			return ret; /* and its qdiscs went with it */
		ret = ret ?: r;
	}
	if (clsact_ours && !ret) {
		ret = clsact_remove_empty(ifindex, err);
		if (ret == -ENODEV || ret == -ENOENT)
			ret = 0;
	}
	return ret;
}
