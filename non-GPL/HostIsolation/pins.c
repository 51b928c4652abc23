// SPDX-License-Identifier: BSD-2-Clause
/* The pin folder: found or mounted, locked with flock(2) on the folder itself, removed whole. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <linux/magic.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/pins.h"
#include "HostIsolation/procinfo.h"

#define BPFFS_DEFAULT "/sys/fs/bpf"
#define LOCK_WAIT_MS 10000
#define LOCK_STEP_MS 20

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

static bool mount_namespace(int pid, struct stat *st)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
	return stat(path, st) == 0;
}

/*
 * Is our mount namespace a private one, such as `ip netns exec` makes, that goes with the command?
 * Returns the nearest ancestor that lives in another one; 0: none, ours is where everybody is.
 */
static int outer_process(void)
{
	struct stat own, other;
	struct procinfo p;
	int pid = getpid();

	if (!mount_namespace(pid, &own))
		return 0;
	while (procinfo_read(pid, &p) == 0 && p.parent > 0) {
		pid = p.parent;
		if (mount_namespace(pid, &other) &&
		    (other.st_ino != own.st_ino || other.st_dev != own.st_dev))
			return pid;
	}
	return 0;
}

static int mount_bpffs(struct error *err)
{
	if (mount("bpf", BPFFS_DEFAULT, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0)
		return fail(err, -errno,
			    "cannot mount the BPF file system: %s; try: mount -t bpf bpf %s",
			    strerror(errno), BPFFS_DEFAULT);
	return 0;
}

/* Mounts it where it outlives us. */
static int mount_bpffs_outside(int outer, struct error *err)
{
	_cleanup_close_ int ns = -1;
	char path[64];
	int status;
	pid_t pid;

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", outer);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	pid = ns < 0 ? -1 : fork();
	if (pid < 0)
		return fail(err, -errno, "cannot enter the mount namespace of pid %d: %s", outer,
			    strerror(errno));
	if (pid == 0)
		_exit(setns(ns, CLONE_NEWNS) == 0 && mount_bpffs(NULL) == 0 ? 0 : 1);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		return fail(
			err, -EPERM,
			"cannot mount the BPF file system outside this mount namespace; try there: mount -t bpf bpf %s",
			BPFFS_DEFAULT);
	return 0;
}

/* Which bpffs to use for a folder below /sys/fs/bpf: what to write before the path. */
static int default_root(char *root, size_t size, bool create, struct error *err)
{
	char path[64];
	int outer;

	root[0] = 0;
	if (is_bpffs(BPFFS_DEFAULT))
		return 0;
	outer = outer_process();
	if (!outer)
		return create ? mount_bpffs(err) : -ENOENT;
	snprintf(root, size, "/proc/%d/root", outer);
	snprintf(path, sizeof(path), "%s" BPFFS_DEFAULT, root);
	if (is_bpffs(path))
		return 0;
	return create ? mount_bpffs_outside(outer, err) : -ENOENT;
}

static int choose_dir(struct pins *pins, const char *dir, bool create, struct error *err)
{
	size_t under = strlen(BPFFS_DEFAULT);
	char root[32] = "";
	int ret;

	if (!dir)
		dir = getenv("HOSTISO_PIN_DIR");
	if (!dir)
		dir = PIN_DIR_DEFAULT;
	if (dir[0] != '/' || strstr(dir, "/../") || strlen(dir) >= PIN_DIR_MAX - 64)
		return fail(err, -EINVAL,
			    "pin folder '%s': give an absolute path on a BPF file system", dir);
	if (!strncmp(dir, BPFFS_DEFAULT "/", under + 1)) {
		ret = default_root(root, sizeof(root), create, err);
		if (ret < 0)
			return ret;
	}
	snprintf(pins->dir, sizeof(pins->dir), "%s%s", root, dir);
	return 0;
}

int pins_open(struct pins *pins, const char *dir, bool create, struct error *err)
{
	struct stat st;
	int ret;

	memset(pins, 0, sizeof(*pins));
	pins->lock_fd = -1;
	ret = choose_dir(pins, dir, create, err);
	if (ret < 0)
		return ret;
	snprintf(pins->maps, sizeof(pins->maps), "%s/maps", pins->dir);
	snprintf(pins->progs, sizeof(pins->progs), "%s/progs", pins->dir);
	snprintf(pins->links, sizeof(pins->links), "%s/links", pins->dir);
	if (!create && stat(pins->dir, &st) < 0)
		return -errno;
	if (create && mkdir(pins->dir, 0700) < 0 && errno != EEXIST)
		return fail(err, -errno, "cannot make the pin folder %s: %s", pins->dir,
			    strerror(errno));
	/* Whoever only looks or releases, too: release empties this folder, whatever lies in it. */
	if (!is_bpffs(pins->dir)) {
		if (create)
			rmdir(pins->dir);
		return fail(
			err, -EINVAL,
			"pin folder %s does not lie on a BPF file system; mount one: mount -t bpf bpf %s",
			pins->dir, BPFFS_DEFAULT);
	}
	return 0;
}

/* The pid that holds the flock, by /proc/locks; 0 when unknown. */
static int lock_holder(const struct stat *st)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/locks", "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		unsigned int maj, min;
		unsigned long long ino;
		int pid;

		if (sscanf(line, "%*s FLOCK %*s WRITE %d %x:%x:%llu", &pid, &maj, &min, &ino) ==
			    4 &&
		    ino == st->st_ino && maj == major(st->st_dev) && min == minor(st->st_dev))
			return pid;
	}
	return 0;
}

static int lock_busy(struct pins *pins, const struct stat *st, struct error *err)
{
	char path[64], comm[32] = "";
	int pid = lock_holder(st);

	if (pid > 0) {
		_cleanup_fclose_ FILE *f = NULL;

		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		f = fopen(path, "re");
		if (f && fgets(comm, sizeof(comm), f))
			comm[strcspn(comm, "\n")] = 0;
		return fail(
			err, -EBUSY,
			"another hostiso holds the lock: pid %d (%s); try again when it is done",
			pid, comm[0] ? comm : "gone");
	}
	return fail(err, -EBUSY, "somebody else holds the lock of %s; try again", pins->dir);
}

int pins_lock(struct pins *pins, struct error *err)
{
	struct timespec step = {.tv_nsec = LOCK_STEP_MS * 1000000L};
	const char *sub[] = {pins->maps, pins->progs, pins->links};
	struct stat held, now;

	for (int waited = 0; waited <= LOCK_WAIT_MS; waited += LOCK_STEP_MS) {
		_cleanup_close_ int fd = -1;

		if (mkdir(pins->dir, 0700) < 0 && errno != EEXIST)
			return fail(err, -errno, "cannot make the pin folder %s: %s", pins->dir,
				    strerror(errno));
		fd = open(pins->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 && errno != ENOENT)
			return fail(err, -errno, "cannot open the pin folder %s: %s", pins->dir,
				    strerror(errno));
		if (fd >= 0 && fstat(fd, &held) == 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
		    stat(pins->dir, &now) == 0 && now.st_ino == held.st_ino) {
			pins->lock_fd = TAKE_FD(fd);
			break;
		}
		nanosleep(&step, NULL);
	}
	if (pins->lock_fd < 0)
		return lock_busy(pins, &held, err);
	for (size_t i = 0; i < sizeof(sub) / sizeof(*sub); i++)
		if (mkdir(sub[i], 0700) < 0 && errno != EEXIST)
			return fail(err, -errno, "cannot make %s: %s", sub[i], strerror(errno));
	return 0;
}

void pins_close(struct pins *pins)
{
	close_fdp(&pins->lock_fd);
}

/* Empties a folder; bpffs has no deeper nesting than we make. What begins with `keep` stays, and
 * the folders it lies in. */
static int remove_tree(const char *path, int depth, const char *keep)
{
	_cleanup_closedir_ DIR *dir = opendir(path);
	struct dirent *e;
	int ret = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(dir))) {
		char sub[PATH_MAX];

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (keep && !strncmp(e->d_name, keep, strlen(keep)))
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name);
		if (e->d_type == DT_DIR && depth > 0) {
			int r = remove_tree(sub, depth - 1, keep);

			ret = ret ? ret : r;
		} else if (unlink(sub) < 0 && errno != ENOENT) {
			ret = ret ? ret : -errno;
		}
	}
	if (ret == 0 && rmdir(path) < 0 && errno != ENOENT && !(keep && errno == ENOTEMPTY))
		ret = -errno;
	return ret;
}

int pins_remove(struct pins *pins, const char *keep, struct error *err)
{
	int ret = remove_tree(pins->dir, 2, keep);

	return ret < 0 ? fail(err, ret, "cannot remove the pin folder %s: %s", pins->dir,
			      strerror(-ret))
		       : 0;
}
