// SPDX-License-Identifier: BSD-2-Clause
// BPF links under a path of bpffs: opened, replaced without a gap, detached at once.

#include <errno.h>
#include <stdio.h>
#include <bpf/bpf.h>

#include "HostIsolation/cleanup.h"
#include "HostIsolation/linkpin.h"

/* No dot: bpffs refuses names with one. */
#define NEW_SUFFIX "_new"

static int path_new(char out[PATH_MAX], const char *path)
{
	int n = snprintf(out, PATH_MAX, "%s" NEW_SUFFIX, path);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int link_pin_path(char path[PATH_MAX], const char *links_dir, int ifindex, const char *hook)
{
	int n = snprintf(path, PATH_MAX, "%s/%d_%s", links_dir, ifindex, hook);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* `fresh` becomes `path`; the link that was there is detached now: unpinning does it only later. */
static int move_over(const char *fresh, const char *path)
{
	_cleanup_close_ int old = bpf_obj_get(path);

	if (rename(fresh, path))
		return -errno;
	if (old >= 0)
		bpf_link_detach(old);
	return 0;
}

int link_pin_open(const char *path, struct link_pin *out)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);
	char fresh[PATH_MAX];
	_cleanup_close_ int fd = -1;
	int r;

	r = path_new(fresh, path);
	if (!r && !access(fresh, F_OK))
		r = move_over(fresh, path);
	if (r)
		return r;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	r = bpf_obj_get_info_by_fd(fd, &info, &len);
	if (r)
		return -errno;
	*out = (struct link_pin){
		.link_id = info.id,
		.prog_id = info.prog_id,
		.ifindex = info.xdp.ifindex, /* info.tcx begins with the same member */
	};
	out->fd = TAKE_FD(fd);
	return 0;
}

void link_pin_close(struct link_pin *pin)
{
	close_fdp(&pin->fd);
}

int link_pin_put(int link_fd, const char *path)
{
	char fresh[PATH_MAX];
	int r;

	if (!bpf_obj_pin(link_fd, path))
		return 0;
	if (errno != EEXIST)
		return -errno;
	r = path_new(fresh, path);
	if (r)
		return r;
	if (unlink(fresh) && errno != ENOENT)
		return -errno;
	if (bpf_obj_pin(link_fd, fresh))
		return -errno;
	r = move_over(fresh, path);
	if (r)
		unlink(fresh);
	return r;
}

static int drop_one(const char *path)
{
	_cleanup_close_ int fd = bpf_obj_get(path);

	/* Whatever else it may be, it lies in our folder and goes. */
	if (fd >= 0)
		bpf_link_detach(fd);
	if (unlink(path) && errno != ENOENT)
		return -errno;
	return 0;
}

int link_pin_drop(const char *path)
{
	char fresh[PATH_MAX];
	int r = path_new(fresh, path);

	if (r)
		return r;
	r = drop_one(fresh);
	return drop_one(path) ?: r;
}
