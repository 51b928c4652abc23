// SPDX-License-Identifier: BSD-2-Clause
/* AF_XDP sockets on a kernel whose sock_diag does not list them: /proc/net/protocols counts them,
 * and every process is asked for its own (pidfd_getfd(2), SO_DOMAIN). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/xskguard.h"

#define UNKNOWN_MAX 16 /* lines for sockets whose process is not found */

/* All of this network namespace, with a device or not. */
static unsigned int in_use(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/net/protocols", "re");
	char line[256], name[32];
	unsigned int size, sockets;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%31s %u %u", name, &size, &sockets) == 3 && !strcmp(name, "XDP"))
			return sockets;
	return 0;
}

static bool is_af_xdp(int fd)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) && domain == AF_XDP;
}

static int add(struct xsk_vec *v, const struct xsk_holder *h)
{
	struct xsk_holder *grown;

	for (size_t i = 0; i < v->count && h->inode; i++)
		if (v->items[i].inode == h->inode)
			return 0;
	grown = realloc(v->items, (v->count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	v->items = grown;
	grown[v->count++] = *h;
	return 0;
}

/* Processes that go meanwhile, and sockets that they close, are passed over. */
static int scan_process(int pid, void *arg)
{
	_cleanup_closedir_ DIR *dir = NULL;
	_cleanup_close_ int pidfd = syscall(SYS_pidfd_open, pid, 0);
	struct dirent *e;
	char path[64];
	int ret = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = pidfd < 0 ? NULL : opendir(path);
	while (dir && ret == 0 && (e = readdir(dir))) {
		_cleanup_close_ int fd = -1;
		struct xsk_holder h = {.pid = pid};
		unsigned long long inode;
		struct procinfo info;
		char target[64] = "";

		/* not stat(2): it could wait for a dead file server */
		if (readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1) < 0 ||
		    sscanf(target, "socket:[%llu]", &inode) != 1)
			continue;
		fd = syscall(SYS_pidfd_getfd, pidfd, atoi(e->d_name), 0);
		if (fd < 0 || !is_af_xdp(fd) || procinfo_read(pid, &info) < 0)
			continue;
		h.inode = inode;
		memcpy(h.comm, info.comm, sizeof(h.comm));
		ret = add(arg, &h);
	}
	return ret;
}

/* Those of other namespaces are found as well, and told apart by nothing: so only where there are
 * some here. */
int xsk_scan(struct xsk_vec *out)
{
	unsigned int count = in_use();
	struct xsk_holder unknown = {};
	struct xsk_vec v = {};
	int ret = count ? procinfo_each(scan_process, &v) : 0;

	while (ret == 0 && v.count < count && v.count < UNKNOWN_MAX)
		ret = add(&v, &unknown);
	if (ret < 0) {
		xsk_vec_free(&v);
		return ret;
	}
	*out = v;
	return 0;
}
