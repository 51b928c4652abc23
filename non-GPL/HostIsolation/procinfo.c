// SPDX-License-Identifier: BSD-2-Clause
/* What /proc/PID says of a process. */
#include "HostIsolation/procinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include "HostIsolation/cleanup.h"

/* A small file of /proc whole, or its beginning; always NUL-terminated. */
static int read_small(int pid, const char *name, char *buf, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);

	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;

	ssize_t n = read(fd, buf, size - 1);

	if (n < 0)
		return -errno;
	buf[n] = 0;
	return 0;
}

/* "Uid:\t0\t…" at the start of a line; the kernel escapes newlines in the name. */
static bool status_field(const char *status, const char *name, long *value)
{
	const char *line = strstr(status, name);

	if (!line)
		return false;
	*value = strtol(line + strlen(name), NULL, 10);
	return true;
}

int procinfo_read(int pid, struct procinfo *out)
{
	struct procinfo p = {.pid = pid};
	char status[4096];
	long parent, uid;
	int ret = read_small(pid, "comm", p.comm, sizeof(p.comm));

	if (ret)
		return ret;
	ret = read_small(pid, "status", status, sizeof(status));
	if (ret)
		return ret;
	if (!status_field(status, "\nPPid:", &parent) || !status_field(status, "\nUid:", &uid))
		return -EPROTO;
	p.parent = (int)parent;
	p.uid = (__u32)uid;

	char *newline = strrchr(p.comm, '\n');

	if (newline && !newline[1])
		*newline = 0;
	for (char *c = p.comm; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
	*out = p;
	return 0;
}

int procinfo_environ(int pid, char **env, size_t *size)
{
	_cleanup_free_ char *buf = NULL;
	size_t used = 0, room = 0;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/environ", pid);

	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	while (used < ENVIRON_MAX) {
		if (used == room) {
			char *grown = realloc(buf, room ? room * 2 : 4096);

			if (!grown)
				return -ENOMEM;
			buf = grown;
			room = room ? room * 2 : 4096;
		}
		ssize_t n = read(fd, buf + used, room - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	*env = TAKE_PTR(buf);
	*size = used;
	return 0;
}

int procinfo_sockets(int pid, int (*each)(__u64 inode, void *arg), void *arg)
{
	struct dirent *de;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);

	_cleanup_closedir_ DIR *dir = opendir(path);

	if (!dir)
		return errno == ENOENT ? -ESRCH : -errno;
	while ((de = readdir(dir))) {
		unsigned long long inode;
		char target[64];
		ssize_t n = readlinkat(dirfd(dir), de->d_name, target, sizeof(target) - 1);

		if (n < 0)
			continue;
		target[n] = 0;
		if (sscanf(target, "socket:[%llu]", &inode) != 1)
			continue;

		int ret = each(inode, arg);

		if (ret)
			return ret;
	}
	return 0;
}

int procinfo_each(int (*each)(int pid, void *arg), void *arg)
{
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	struct dirent *de;

	if (!proc)
		return -errno;
	while ((de = readdir(proc))) {
		int pid = atoi(de->d_name);
		int ret = pid > 0 ? each(pid, arg) : 0;

		if (ret)
			return ret;
	}
	return 0;
}
