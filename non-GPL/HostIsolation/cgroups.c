// SPDX-License-Identifier: BSD-2-Clause
/* The cgroup v2 hierarchy: a mount of our own that nobody else sees, and walks below it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/cgroups.h"

#define CGROUP_NS_INITIAL 0xeffffffbULL /* PROC_CGROUP_INIT_INO */
#define UNIT_NAME_MAX 255
#define WALK_DEPTH_MAX 32

static int own_mount(void)
{
	_cleanup_close_ int fs = fsopen("cgroup2", FSOPEN_CLOEXEC), mnt = -1;
	int root;

	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	mnt = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (mnt < 0)
		return -errno;
	root = openat(mnt, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? -errno : root;
}

int cgroup_root_open(struct error *err)
{
	struct stat st;
	int fd;

	if (stat("/proc/self/ns/cgroup", &st) == 0 && st.st_ino != CGROUP_NS_INITIAL)
		return fail(err, -ENOTSUP,
			    "process grants need the initial cgroup namespace, and this is a "
			    "container's; nothing was changed");
	fd = own_mount();
	return fd < 0 ? fail(err, -ENOTSUP,
			     "process grants need cgroup v2, which this kernel does not give us "
			     "(%s); nothing was changed",
			     strerror(-fd))
		      : fd;
}

/* 0 and the reference when the relative path is a folder below the root. */
static int look(int root, const char *relative, struct cgroup_ref *out)
{
	int n, levels = 0;
	struct stat st;

	while (*relative == '/')
		relative++;
	if (fstatat(root, *relative ? relative : ".", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	memset(out, 0, sizeof(*out));
	n = snprintf(out->path, sizeof(out->path), "/%s", relative);
	if (n < 0 || n >= (int)sizeof(out->path))
		return -ENAMETOOLONG;
	while (n > 1 && out->path[n - 1] == '/')
		out->path[--n] = 0;
	for (int i = 0; i < n; i++)
		levels += out->path[i] == '/';
	out->id = st.st_ino;
	return levels > CGROUP_LEVELS_MAX ? -E2BIG : 0;
}

/* The part of a mounted folder's path that lies below the root: the one that is the same cgroup. */
static int look_mounted(int root, const char *path, struct cgroup_ref *out)
{
	char real[PATH_MAX];
	struct stat st;

	if (!realpath(path, real) || stat(real, &st) < 0)
		return -errno;
	for (const char *rest = real; rest; rest = strchr(rest + 1, '/')) {
		struct cgroup_ref ref;
		struct stat under;

		if (look(root, rest, &ref) == 0 && ref.id == st.st_ino &&
		    fstatat(root, ref.path[1] ? ref.path + 1 : ".", &under, 0) == 0 &&
		    under.st_dev == st.st_dev) {
			*out = ref;
			return 0;
		}
	}
	return -ENOENT;
}

static int refuse(int ret, const char *path, struct error *err)
{
	switch (ret) {
	case -ENAMETOOLONG:
		return fail(err, ret, "cgroup '%.200s': the path is too long, %d bytes at most",
			    path, CGROUP_PATH_MAX - 1);
	case -E2BIG:
		return fail(err, ret,
			    "cgroup '%.200s' lies too deep: %d levels at most; grant one above it",
			    path, CGROUP_LEVELS_MAX);
	case -ENOTDIR:
		return fail(err, -EINVAL, "'%.200s' is a file, not a cgroup", path);
	case -ENOENT:
		return fail(err, ret,
			    "there is no cgroup '%.200s' in the v2 hierarchy; /proc/PID/cgroup "
			    "tells a process's, in the line that begins with 0::",
			    path);
	}
	return fail(err, ret, "cannot look at cgroup '%.200s': %s", path, strerror(-ret));
}

int cgroup_find(int root, const char *path, struct cgroup_ref *out, struct error *err)
{
	struct cgroup_ref ref;
	int ret;

	if (!*path)
		return fail(err, -EINVAL, "the path of the cgroup is empty");
	ret = look_mounted(root, path, &ref);
	if (ret < 0 && *path == '/' && !strstr(path, "/../"))
		ret = look(root, path, &ref);
	if (ret < 0)
		return refuse(ret, path, err);
	if (!strcmp(ref.path, "/"))
		return fail(err, -EINVAL,
			    "'%.200s' is the root of cgroup v2: that would grant every process",
			    path);
	*out = ref;
	return 0;
}

static bool is_cgroup_folder(const struct dirent *e)
{
	return e->d_type == DT_DIR && e->d_name[0] != '.';
}

/* Joins two parts of a path; false when it does not fit. */
static bool join(char out[CGROUP_PATH_MAX], const char *folder, const char *name)
{
	int n = snprintf(out, CGROUP_PATH_MAX, "%s/%s", strcmp(folder, "/") ? folder : "", name);

	return n > 0 && n < CGROUP_PATH_MAX;
}

static DIR *open_folder(int root, const char *path)
{
	int fd = openat(root, path[1] ? path + 1 : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

/* The first folder of that name: breadth is no matter, unit names are unique per manager. */
static int search(int root, const char *folder, const char *name, int depth, struct cgroup_ref *out)
{
	_cleanup_closedir_ DIR *dir = open_folder(root, folder);
	char path[CGROUP_PATH_MAX];
	struct dirent *e;
	int ret;

	if (join(path, folder, name) && look(root, path, out) == 0)
		return 0;
	while (dir && depth > 0 && (e = readdir(dir))) {
		if (!is_cgroup_folder(e) || !join(path, folder, e->d_name))
			continue;
		ret = search(root, path, name, depth - 1, out);
		if (ret == 0)
			return 0;
	}
	return -ENOENT;
}

int cgroup_find_unit(int root, const char *unit, struct cgroup_ref *out, struct error *err)
{
	char name[UNIT_NAME_MAX + 16];

	if (!*unit || strchr(unit, '/') || *unit == '.' || strlen(unit) > UNIT_NAME_MAX)
		return fail(err, -EINVAL,
			    "'%.100s' is no name of a unit: give it as systemctl shows it, such as "
			    "agent.service",
			    unit);
	snprintf(name, sizeof(name), "%s%s", unit, strchr(unit, '.') ? "" : ".service");
	/* the system's own come first: a user may call one the same */
	if (search(root, "/system.slice", name, WALK_DEPTH_MAX, out) == 0 ||
	    search(root, "/", name, WALK_DEPTH_MAX, out) == 0)
		return 0;
	return fail(err, -ENOENT,
		    "unit '%.100s' has no cgroup in the v2 hierarchy: is it running, under that "
		    "name? (systemctl status %.100s)",
		    name, name);
}

static int each_in(int folder, int (*each)(int pid, void *arg), void *arg)
{
	int fd = openat(folder, "cgroup.procs", O_RDONLY | O_CLOEXEC), pid, ret = 0;
	_cleanup_fclose_ FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

	if (!f && fd >= 0)
		close(fd);
	while (f && ret == 0 && fscanf(f, "%d", &pid) == 1)
		ret = pid > 0 ? each(pid, arg) : 0;
	return ret;
}

static int walk(int root, const char *folder, int depth, int (*each)(int pid, void *arg), void *arg)
{
	_cleanup_closedir_ DIR *dir = open_folder(root, folder);
	char path[CGROUP_PATH_MAX];
	struct dirent *e;
	int ret = dir ? each_in(dirfd(dir), each, arg) : 0;

	while (dir && depth > 0 && ret == 0 && (e = readdir(dir)))
		if (is_cgroup_folder(e) && join(path, folder, e->d_name))
			ret = walk(root, path, depth - 1, each, arg);
	return ret;
}

int cgroup_each_process(int root, const char *path, int (*each)(int pid, void *arg), void *arg)
{
	return walk(root, path, WALK_DEPTH_MAX, each, arg);
}
