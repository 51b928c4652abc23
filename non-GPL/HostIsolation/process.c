// SPDX-License-Identifier: BSD-2-Clause
/* Processes by pidfd and start time, and their descendants. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/process.h"

#define PID_NS_INITIAL 0xeffffffcULL /* PROC_PID_INIT_INO */
/* proc(5): starttime is field 22, and we begin to count behind comm, at 3 */
#define STAT_START 20

int process_check_namespace(struct error *err)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st) == 0 && st.st_ino == PID_NS_INITIAL)
		return 0;
	return fail(err, -ENOTSUP,
		    "processes are granted from the host's own pid namespace, and this is a "
		    "container's; nothing was changed");
}

/* The name of the process may hold anything, also ") S 1": what counts is its last bracket. */
__u64 process_start(int pid)
{
	unsigned long long start = 0;
	char path[64], line[1024];
	const char *at;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);

	_cleanup_fclose_ FILE *f = fopen(path, "re");

	n = f ? fread(line, 1, sizeof(line) - 1, f) : 0;
	line[n] = 0;
	at = strrchr(line, ')');
	for (int i = 0; at && i < STAT_START; i++)
		at = strchr(at + 1, ' ');
	if (at)
		sscanf(at, "%llu", &start);
	return start;
}

bool process_lives(const struct process *p)
{
	struct pollfd poll_fd = {.fd = p->fd, .events = POLLIN};

	return poll(&poll_fd, 1, 0) == 0;
}

/* /proc/TID is there for threads too. */
static int thread_group(int pid)
{
	char path[64], line[256];
	int tgid = -1;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);

	_cleanup_fclose_ FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f) && sscanf(line, "Tgid: %d", &tgid) != 1)
		;
	return tgid;
}

static bool kernel_thread(int pid)
{
	char path[64], target[8];

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	return readlink(path, target, sizeof(target)) < 0 && errno == ENOENT;
}

int process_open(int pid, struct process *out, struct error *err)
{
	_cleanup_close_ int fd = -1;
	struct process p = {.pid = pid};
	struct procinfo info;
	int tgid = thread_group(pid);

	if (tgid > 0 && tgid != pid)
		return fail(err, -EINVAL, "%d is a thread of process %d: grant that", pid, tgid);
	fd = syscall(SYS_pidfd_open, pid, 0);
	p.start = fd < 0 ? 0 : process_start(pid);
	p.fd = fd;
	if (!p.start || procinfo_read(pid, &info) < 0 || !process_lives(&p))
		return fail(err, -ESRCH, "there is no process %d", pid);
	if (kernel_thread(pid))
		return fail(
			err, -EINVAL,
			"process %d is a thread of the kernel, or one whose first thread has exited: grant its cgroup instead",
			pid);
	memcpy(p.comm, info.comm, sizeof(p.comm));
	p.fd = TAKE_FD(fd);
	*out = p;
	return 0;
}

void process_close(struct process *p)
{
	close_fdp(&p->fd);
}

struct family {
	struct {
		int pid, parent;
	} * items;
	size_t count, capacity;
};

static int take(int pid, void *arg)
{
	struct family *all = arg;
	struct procinfo info;

	if (procinfo_read(pid, &info) < 0)
		return 0;
	if (all->count == all->capacity) {
		size_t room = all->capacity ? all->capacity * 2 : 256;
		void *more = realloc(all->items, room * sizeof(*all->items));

		if (!more)
			return -ENOMEM;
		all->items = more;
		all->capacity = room;
	}
	all->items[all->count].pid = pid;
	all->items[all->count++].parent = info.parent;
	return 0;
}

int process_each_of_tree(int pid, int (*each)(int pid, void *arg), void *arg)
{
	struct family all = {};
	int ret = procinfo_each(take, &all);
	_cleanup_free_ int *tree = calloc(all.count + 1, sizeof(*tree));
	size_t n = 0;

	if (!tree)
		ret = -ENOMEM;
	else
		tree[n++] = pid;
	for (size_t at = 0; at < n && ret == 0; at++) {
		ret = each(tree[at], arg);
		/* a process has one parent, so none comes twice; but a pid may be used again */
		for (size_t i = 0; i < all.count && n < all.count; i++)
			if (all.items[i].parent == tree[at] && all.items[i].pid != pid)
				tree[n++] = all.items[i].pid;
	}
	free(all.items);
	return ret;
}
