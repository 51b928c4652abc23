// SPDX-License-Identifier: BSD-2-Clause
// A program in the XDP slot of a device, by a pinned link.

#include <errno.h>
#include <string.h>
#include <bpf/bpf.h>
#include <linux/if_link.h>

#include "HostIsolation/cleanup.h"
#include "HostIsolation/hooks.h"
#include "HostIsolation/linkpin.h"

static enum xdp_way mode_of(const struct link_info *link, __u32 prog_id)
{
	if (prog_id && link->xdp_drv_prog_id == prog_id)
		return XDP_NATIVE;
	if (prog_id && link->xdp_skb_prog_id == prog_id)
		return XDP_GENERIC;
	return XDP_OFF;
}

static bool taken(int r)
{
	return r == -EBUSY || r == -EEXIST;
}

static int fail_xdp(const struct link_info *link, enum xdp_way way, int r, struct error *err)
{
	const char *mode = way == XDP_GENERIC ? "generic" : "native";
	char who[64] = "another program";
	struct link_info now;

	if (taken(r)) {
		if (!link_read(link->ifindex, &now, NULL) && now.xdp_prog_id)
			prog_describe(now.xdp_prog_id, who, sizeof(who));
		return fail(err, r,
			    "cannot attach XDP (%s) to %s: the slot is taken by %s: leave it to tc "
			    "with --xdp auto or --xdp off",
			    mode, link->name, who);
	}
	if (r == -EOPNOTSUPP)
		return fail(err, r,
			    "cannot attach XDP (%s) to %s: it has no such mode: use --xdp auto",
			    mode, link->name);
	return fail(err, r, "cannot attach XDP (%s) to %s: %s: use --xdp auto", mode, link->name,
		    strerror(-r));
}

static bool is_ours(__u32 prog_id, const struct device_progs *progs)
{
	return prog_id && ((progs->xdp >= 0 && prog_id == prog_id_of(progs->xdp)) ||
			   (progs->xdp_frags >= 0 && prog_id == prog_id_of(progs->xdp_frags)));
}

static int try_each(int ifindex, const struct device_progs *progs, enum xdp_way way)
{
	__u32 flags = way == XDP_GENERIC ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
	const int fds[] = {progs->xdp_frags, progs->xdp};
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);
	int r = -EOPNOTSUPP;
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(*fds); i++) {
		if (fds[i] < 0)
			continue;
		r = bpf_link_create(fds[i], ifindex, BPF_XDP, &opts);
		if (r >= 0 || taken(r) || r == -ENODEV)
			return r;
	}
	return r;
}

/* The slot may be taken by a program of ours whose link is not pinned any more: it is about to go.
 */
static int try_attach(int ifindex, const struct device_progs *progs, enum xdp_way way)
{
	int r = try_each(ifindex, progs, way), waited;
	struct link_info now;

	for (waited = 0; taken(r) && waited < DYING_LINK_MS; waited++) {
		if (link_read(ifindex, &now, NULL) ||
		    (now.xdp_prog_id && !is_ours(now.xdp_prog_id, progs)))
			return r;
		usleep(1000);
		r = try_each(ifindex, progs, way);
	}
	return r;
}

/* 0 when the pinned link is on this device, in the mode asked for and has one of the programs. */
static int keep_old(const struct link_pin *old, const struct link_info *now,
		    const struct device_progs *progs, enum xdp_way way)
{
	const int fds[] = {progs->xdp_frags, progs->xdp};
	size_t i;

	if (old->fd < 0 || way == XDP_OFF || (int)old->ifindex != now->ifindex ||
	    mode_of(now, old->prog_id) != way)
		return -ENOENT;
	if (is_ours(old->prog_id, progs))
		return 0;
	for (i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		if (fds[i] >= 0 && !bpf_link_update(old->fd, fds[i], NULL))
			return 0;
	return -ENOENT;
}

/* A mode that was asked for by name is refused: what was there comes back, as far as it can. */
static void restore(const char *pin, int ifindex, const struct device_progs *progs,
		    enum xdp_way former)
{
	_cleanup_close_ int fd = -1;

	if (former == XDP_OFF)
		return;
	fd = try_attach(ifindex, progs, former);
	if (fd >= 0)
		link_pin_put(fd, pin);
}

int xdp_hook_attach(const char *links_dir, const struct link_info *link,
		    const struct device_progs *progs, enum xdp_way way, struct attach_result *res,
		    struct error *err)
{
	enum xdp_way mode = way == XDP_AUTO ? XDP_NATIVE : way, former;
	_cleanup_(link_pin_close) struct link_pin old = LINK_PIN_NONE;
	_cleanup_close_ int fd = -1;
	struct link_info now;
	char pin[PATH_MAX];
	int r;

	res->xdp = XDP_OFF;
	res->xdp_errno = 0;
	r = link_pin_path(pin, links_dir, link->ifindex, "xdp");
	if (r)
		return fail(err, r, "cannot pin below %s: %s", links_dir, strerror(-r));
	r = link_read(link->ifindex, &now, err);
	if (r)
		return r;
	r = link_pin_open(pin, &old);
	if (r && r != -ENOENT)
		return fail(err, r, "cannot open the pinned link %s: %s", pin, strerror(-r));
	if (!keep_old(&old, &now, progs, mode)) {
		res->xdp = mode;
		return 0;
	}
	former = old.fd < 0 ? XDP_OFF : mode_of(&now, old.prog_id);
	r = link_pin_drop(pin);
	if (r)
		return fail(err, r, "cannot remove the pinned link %s: %s", pin, strerror(-r));
	if (mode == XDP_OFF)
		return 0;

	fd = try_attach(link->ifindex, progs, mode);
	if (fd < 0 && (way != XDP_AUTO || fd == -ENODEV)) {
		restore(pin, link->ifindex, progs, former);
		return fail_xdp(link, mode, fd, err);
	}
	if (fd < 0) {
		res->xdp_errno = -fd;
		return 0;
	}
	r = link_pin_put(fd, pin);
	if (r) {
		bpf_link_detach(fd);
		return fail(err, r, "cannot pin the XDP link of %s at %s: %s", link->name, pin,
			    strerror(-r));
	}
	res->xdp = mode;
	return 1;
}

int xdp_hook_detach(const char *links_dir, int ifindex)
{
	char pin[PATH_MAX];

	return link_pin_path(pin, links_dir, ifindex, "xdp") ?: link_pin_drop(pin);
}
