// SPDX-License-Identifier: BSD-2-Clause
/* The programs that refuse AF_XDP sockets: attached, tried, pinned, asked whether they run. */
#include "HostIsolation/xskguard.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/linkpin.h"
#include "xsk.skel.h"

static const char *const hook_names[] = {"xsk_create", "xsk_bind", "xsk_send"};

#define HOOKS (sizeof(hook_names) / sizeof(*hook_names))

enum xsk_answer xskguard_answer(void)
{
	_cleanup_close_ int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, XSK_TEST_PROTOCOL);

	if (fd < 0 && errno == XSK_TEST_ERRNO)
		return XSK_REFUSED;
	return fd < 0 && errno == EAFNOSUPPORT ? XSK_ABSENT : XSK_OPEN;
}

static void hook_path(char path[PATH_MAX], const struct pins *pins, const char *name)
{
	snprintf(path, PATH_MAX, "%s/%s", pins->links, name);
}

static bool all_pinned(const struct pins *pins)
{
	for (size_t i = 0; i < HOOKS; i++) {
		char path[PATH_MAX];

		hook_path(path, pins, hook_names[i]);
		if (access(path, F_OK))
			return false;
	}
	return true;
}

bool xskguard_armed(const struct pins *pins)
{
	return all_pinned(pins) && xskguard_answer() == XSK_REFUSED;
}

static int load(struct xsk_bpf *skel, const struct maps *maps)
{
	int ret = bpf_map__reuse_fd(skel->maps.policy, maps->fd[MAP_policy]);

	if (ret == 0)
		ret = bpf_map__reuse_fd(skel->maps.counters, maps->fd[MAP_counters]);
	return ret ? ret : xsk_bpf__load(skel);
}

static int pin_all(const struct pins *pins, struct xsk_bpf *skel)
{
	struct bpf_link *const links[] = {skel->links.xsk_create, skel->links.xsk_bind,
					  skel->links.xsk_send};
	int ret = 0;

	_Static_assert(sizeof(links) / sizeof(*links) == HOOKS, "a link for each name");
	for (size_t i = 0; i < HOOKS && ret == 0; i++) {
		char path[PATH_MAX];

		hook_path(path, pins, hook_names[i]);
		ret = link_pin_put(bpf_link__fd(links[i]), path);
	}
	return ret;
}

int xskguard_arm(const struct pins *pins, const struct maps *maps, struct error *err)
{
	struct xsk_bpf *skel;
	int ret;

	if (xskguard_answer() == XSK_ABSENT || xskguard_armed(pins))
		return 0;
	skel = xsk_bpf__open();
	ret = skel ? load(skel, maps) : -errno;
	if (ret == 0)
		ret = xsk_bpf__attach(skel);
	if (ret < 0)
		fail(err, -ENOTSUP, "%s", strerror(-ret));
	else if (xskguard_answer() != XSK_REFUSED)
		ret = fail(err, -ENOTSUP, "BPF LSM is off (the kernel's lsm= names no bpf)");
	else if ((ret = pin_all(pins, skel)) < 0)
		fail(err, ret, "cannot pin the programs: %s", strerror(-ret));
	xsk_bpf__destroy(skel);
	if (ret < 0)
		xskguard_detach(pins, NULL);
	return ret < 0 ? -ENOTSUP : 0;
}

int xskguard_detach(const struct pins *pins, struct error *err)
{
	int ret = 0;

	for (size_t i = 0; i < HOOKS; i++) {
		char path[PATH_MAX];
		int r;

		hook_path(path, pins, hook_names[i]);
		r = link_pin_drop(path);
		if (r < 0 && ret == 0)
			ret = fail(err, r, "cannot remove the hook %s: %s", path, strerror(-r));
	}
	return ret;
}
