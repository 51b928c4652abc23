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

/* Whoever owns a folder, or may write there, can unpin what lies in it. Where only owners remove
 * (the sticky bit), others can do so in folders of theirs alone. */
static bool only_ours(const char *path, mode_t allowed, struct stat *st)
{
	errno = 0;
	return lstat(path, st) == 0 && S_ISDIR(st->st_mode) && st->st_uid == geteuid() &&
	       (!(st->st_mode & (S_IWGRP | S_IWOTH)) || st->st_mode & allowed);
}

/* The folder, and those of the three that are there; *path is the one that is not ours. */
static bool all_ours(const struct pins *pins, const char **path, struct stat *st)
{
	const char *sub[] = {pins->maps, pins->progs, pins->links};

	*path = pins->dir;
	if (!only_ours(pins->dir, S_ISVTX, st))
		return false;
	for (size_t i = 0; i < sizeof(sub) / sizeof(*sub); i++) {
		*path = sub[i];
		if (!only_ours(sub[i], 0, st) && errno != ENOENT)
			return false;
	}
	return true;
}

/*
 * A bpffs mounted without a mode lets everybody make folders, ours before us. Empty ones go, and
 * come anew as ours.
 */
static int check_owner(const struct pins *pins, bool create, struct error *err)
{
	const char *path;
	struct stat st = {};

	if (all_ours(pins, &path, &st))
		return 0;
	if (create) {
		rmdir(pins->maps);
		rmdir(pins->progs);
		rmdir(pins->links);
		rmdir(pins->dir);
		if ((mkdir(pins->dir, 0700) == 0 || errno == EEXIST) && all_ours(pins, &path, &st))
			return 0;
	}
	return fail(
		err, -EPERM,
		"pin folder %s is uid %u's or open to others, who could end an isolation: remove it, or give another --pin-dir",
		path, st.st_uid);
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
	if (create && mkdir(pins->dir, 0700) < 0 && errno != EEXIST)
		return fail(err, -errno, "cannot make the pin folder %s: %s", pins->dir,
			    strerror(errno));
	/* Not through links: one that leads nowhere, or nowhere for us (protected_symlinks), would
	 * look like no folder at all. */
	if (lstat(pins->dir, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return fail(
			err, -EPERM,
			"pin folder %s is a symbolic link, and whoever turns it could end an isolation: give the folder itself",
			pins->dir);
	/* Whoever only looks or releases, too: a file is no pin. */
	if (!is_bpffs(pins->dir)) {
		if (create)
			rmdir(pins->dir);
		return fail(
			err, -EINVAL,
			"pin folder %s does not lie on a BPF file system; mount one: mount -t bpf bpf %s",
			pins->dir, BPFFS_DEFAULT);
	}
	return check_owner(pins, create, err);
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

int pins_lock(struct pins *pins, bool create, struct error *err)
{
	struct timespec step = {.tv_nsec = LOCK_STEP_MS * 1000000L};
	const char *sub[] = {pins->maps, pins->progs, pins->links};
	struct stat held, now;

	for (int waited = 0; waited <= LOCK_WAIT_MS; waited += LOCK_STEP_MS) {
		_cleanup_close_ int fd = -1;

		if (create && mkdir(pins->dir, 0700) < 0 && errno != EEXIST)
			return fail(err, -errno, "cannot make the pin folder %s: %s", pins->dir,
				    strerror(errno));
		fd = open(pins->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT && !create)
			return -ENOENT;
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
	for (size_t i = 0; create && i < sizeof(sub) / sizeof(*sub); i++)
		if (mkdir(sub[i], 0700) < 0 && errno != EEXIST)
			return fail(err, -errno, "cannot make %s: %s", sub[i], strerror(errno));
	return 0;
}

void pins_close(struct pins *pins)
{
	close_fdp(&pins->lock_fd);
}

/*
 * What says whose folder it is: the filter's first and last map, the kill hook's last, and
 * programs, should somebody have removed the maps. One of them is there whatever verb was killed:
 * `policy` goes first, since its pin says that the others are there, and the last two at the very
 * end.
 */
static const char *const marks[] = {"maps/policy",  "maps/allow_host4", "maps/kill_state",
				    "progs/tc_in",  "progs/tc_in_ip",	"progs/tc_in_none",
				    "progs/tc_out", "progs/xdp_in",	"progs/xdp_in_frags"};
static const char *const last_pins[] = {"allow_host4", "kill_state"};

static bool ours(int dir_fd)
{
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		if (faccessat(dir_fd, marks[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	return false;
}

static bool is_last(const char *name)
{
	return !strcmp(name, last_pins[0]) || !strcmp(name, last_pins[1]);
}

/* The pins right below a folder, but for those that `keep` begins; the last ones or the others. */
static int unpin(int fd, const char *keep, bool last)
{
	_cleanup_closedir_ DIR *dir = NULL;
	_cleanup_close_ int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *e;
	int ret = 0;

	dir = own < 0 ? NULL : fdopendir(own);
	if (!dir)
		return -errno;
	own = -1; /* the stream's */
	while ((e = readdir(dir))) {
		if (e->d_type == DT_DIR || is_last(e->d_name) != last ||
		    (keep && !strncmp(e->d_name, keep, strlen(keep))))
			continue;
		if (unlinkat(fd, e->d_name, 0) < 0 && errno != ENOENT)
			ret = ret ? ret : -errno;
	}
	return ret;
}

/* One of our three folders, not one that a symbolic link or a mount leads to; -1: there is none. */
static int open_folder(int dir_fd, const char *name)
{
	_cleanup_close_ int fd =
		openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat above, st;

	if (fd < 0 || fstat(dir_fd, &above) < 0 || fstat(fd, &st) < 0 || st.st_dev != above.st_dev)
		return -1;
	return TAKE_FD(fd);
}

static int remove_folder(int dir_fd, const char *name)
{
	return unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT && errno != ENOTEMPTY &&
			       errno != ENOTDIR && errno != EBUSY
		       ? -errno
		       : 0;
}

static int unpin_folders(int dir_fd, const char *keep)
{
	_cleanup_close_ int links = open_folder(dir_fd, "links"),
			    progs = open_folder(dir_fd, "progs"),
			    maps = open_folder(dir_fd, "maps");
	int ret = 0;

	if (!ours(dir_fd))
		return 0;
	if (maps >= 0 && unlinkat(maps, "policy", 0) < 0 && errno != ENOENT)
		return -errno;
	if (links >= 0)
		ret = unpin(links, keep, false);
	if (ret == 0 && progs >= 0)
		ret = unpin(progs, keep, false);
	if (ret == 0 && maps >= 0)
		ret = unpin(maps, keep, false);
	return ret || maps < 0 ? ret : unpin(maps, keep, true);
}

int pins_remove(struct pins *pins, const char *keep, struct error *err)
{
	static const char *const folders[] = {"links", "progs", "maps"};
	int ret = unpin_folders(pins->lock_fd, keep);

	/* what lies in one besides keeps it, and so does a mount */
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders) && ret == 0; i++)
		ret = remove_folder(pins->lock_fd, folders[i]);
	if (ret == 0)
		ret = remove_folder(AT_FDCWD, pins->dir);
	return ret < 0 ? fail(err, ret, "cannot remove the pin folder %s: %s", pins->dir,
			      strerror(-ret))
		       : 0;
}
