// SPDX-License-Identifier: BSD-2-Clause
/* Work in other network namespaces, done by a forked child so that ours is never left. */
#include "HostIsolation/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "HostIsolation/cleanup.h"

/* The child's last words, behind whatever fn wrote. */
struct trailer {
	int ret;
	struct error err;
};

int write_all(int fd, const void *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data = (const char *)data + n;
		size -= (size_t)n;
	}
	return 0;
}

static int read_all(int fd, char **out, size_t *size)
{
	_cleanup_free_ char *buf = NULL;
	size_t used = 0, room = 0;

	for (;;) {
		if (used == room) {
			size_t more = room ? room * 2 : 16384;
			char *grown = realloc(buf, more);

			if (!grown)
				return -ENOMEM;
			buf = grown;
			room = more;
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
	*out = TAKE_PTR(buf);
	*size = used;
	return 0;
}

static void child(int netns_fd, int out_fd, int (*fn)(int out_fd, void *arg, struct error *err),
		  void *arg)
{
	struct trailer t = {};

	if (setns(netns_fd, CLONE_NEWNET))
		t.ret = fail(&t.err, -errno, "entering a network namespace: %s", strerror(errno));
	else
		t.ret = fn(out_fd, arg, &t.err);
	_exit(write_all(out_fd, &t, sizeof(t)) ? 1 : 0);
}

int netns_run(int netns_fd, int (*fn)(int out_fd, void *arg, struct error *err), void *arg,
	      void **data, size_t *size, struct error *err)
{
	_cleanup_close_ int in = -1;
	_cleanup_free_ char *buf = NULL;
	size_t used = 0;
	struct trailer t;
	int pipefd[2];

	if (pipe2(pipefd, O_CLOEXEC))
		return fail(err, -errno, "making a pipe: %s", strerror(errno));
	in = pipefd[0];

	pid_t pid = fork();

	if (pid < 0) {
		int e = errno;

		close(pipefd[1]);
		return fail(err, -e, "starting a child for a network namespace: %s", strerror(e));
	}
	if (pid == 0)
		child(netns_fd, pipefd[1], fn, arg);
	close(pipefd[1]);

	int ret = read_all(in, &buf, &used);

	close_fdp(&in); /* a child still writing ends now */
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (ret)
		return fail(err, ret, "reading from a network namespace: %s", strerror(-ret));
	if (used < sizeof(t))
		return fail(err, -ECHILD, "the child in a network namespace died");
	used -= sizeof(t);
	memcpy(&t, buf + used, sizeof(t));
	if (t.ret) {
		if (err)
			*err = t.err;
		return t.ret;
	}
	*data = TAKE_PTR(buf);
	*size = used;
	return 0;
}

__u64 netns_inode(int pid)
{
	char path[64];
	struct stat st;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	else
		snprintf(path, sizeof(path), "/proc/self/ns/net");
	return stat(path, &st) ? 0 : st.st_ino;
}

static bool seen_before(__u64 **seen, size_t *count, __u64 inode)
{
	for (size_t i = 0; i < *count; i++)
		if ((*seen)[i] == inode)
			return true;

	__u64 *grown = realloc(*seen, (*count + 1) * sizeof(**seen));

	if (grown) { /* else it is looked at twice: harmless */
		*seen = grown;
		grown[(*count)++] = inode;
	}
	return false;
}

int netns_each(int (*each)(int netns_fd, __u64 inode, int pid, void *arg), void *arg,
	       struct error *err)
{
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	_cleanup_free_ __u64 *seen = NULL;
	size_t count = 0;
	struct dirent *de;

	if (!proc)
		return fail(err, -errno, "/proc: %s; is it mounted?", strerror(errno));
	while ((de = readdir(proc))) {
		int pid = atoi(de->d_name);
		__u64 inode = pid > 0 ? netns_inode(pid) : 0;
		char path[64];

		if (!inode || seen_before(&seen, &count, inode))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);

		_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
		struct stat st;

		/* it may have ended, or moved, since: what we hold is what counts */
		if (fd < 0 || fstat(fd, &st))
			continue;
		if (st.st_ino != inode && seen_before(&seen, &count, st.st_ino))
			continue;

		int ret = each(fd, st.st_ino, pid, arg);

		if (ret)
			return ret;
	}
	return 0;
}
