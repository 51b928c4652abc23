// SPDX-License-Identifier: BSD-2-Clause
/* Sockets open before a grant: duplicated out of the process by pidfd_getfd(2), marked, closed. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <bpf/bpf.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/socktag.h"

static int option(int fd, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) < 0 ? -1 : value;
}

/* As may_mark() in grants.bpf.c: raw and packet sockets are never granted. */
static bool grantable(int fd)
{
	int domain = option(fd, SO_DOMAIN), protocol = option(fd, SO_PROTOCOL);

	return (domain == AF_INET || domain == AF_INET6) &&
	       ((option(fd, SO_TYPE) == SOCK_STREAM &&
		 (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP)) ||
		(option(fd, SO_TYPE) == SOCK_DGRAM && protocol == IPPROTO_UDP));
}

static int mark(const struct maps *maps, int fd, enum grant_kind kind, __u64 id)
{
	struct sock_grants marks = {};

	bpf_map_lookup_elem(maps->fd[MAP_sock_grants], &fd, &marks);
	marks.id[kind] = id;
	return bpf_map_update_elem(maps->fd[MAP_sock_grants], &fd, &marks, BPF_ANY) < 0 ? -errno
											: 0;
}

static bool is_socket(DIR *dir, const char *name)
{
	char target[64];
	ssize_t n = readlinkat(dirfd(dir), name, target, sizeof(target) - 1);

	return n > 0 && !strncmp(target, "socket:", strlen("socket:"));
}

static int refused(int pid, int ret, struct error *err)
{
	switch (ret) {
	case -ESRCH:
	case -EBADF:
	case -ENOENT:
		return 0; /* closed, or gone */
	case -ENOSYS:
		return fail(
			err, ret,
			"this kernel cannot hand out a process's sockets (pidfd_getfd, Linux 5.6)");
	case -ENOMEM:
		return fail(err, ret, "no memory to mark the sockets of process %d", pid);
	}
	return fail(err, ret, "cannot reach the open sockets of process %d: %s", pid,
		    strerror(-ret));
}

int socktag_process(const struct maps *maps, int pid, enum grant_kind kind, __u64 id,
		    unsigned int *count, struct error *err)
{
	_cleanup_closedir_ DIR *dir = NULL;
	_cleanup_close_ int pidfd = syscall(SYS_pidfd_open, pid, 0);
	struct dirent *e;
	char path[64];
	int ret = 0;

	if (pidfd < 0)
		return refused(pid, -errno, err);
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && ret == 0 && (e = readdir(dir))) {
		_cleanup_close_ int fd = -1;

		if (!is_socket(dir, e->d_name))
			continue;
		fd = syscall(SYS_pidfd_getfd, pidfd, atoi(e->d_name), 0);
		if (fd < 0) {
			ret = refused(pid, -errno, err);
			continue;
		}
		if (!grantable(fd))
			continue;
		ret = refused(pid, mark(maps, fd, kind, id), err);
		*count += ret == 0;
	}
	return ret;
}
