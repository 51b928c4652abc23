/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs behind perf events: kprobes by name, tracepoints by the number that tracefs has. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/perf_event.h>
#include "Events/perf_attach.h"
#include "HostIsolation/cleanup.h"

static int read_number(int dir, const char *path, const char *format)
{
	_cleanup_close_ int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	char text[64];
	ssize_t len;
	int n;

	if (fd < 0)
		return -errno;
	len = read(fd, text, sizeof(text) - 1);
	if (len < 0)
		return -errno;
	text[len] = 0;
	return sscanf(text, format, &n) == 1 ? n : -EINVAL;
}

/* cpu 0 stands for all: the program belongs to the event, not to one processor's share of it. */
static int attach(int prog_fd, struct perf_event_attr *attr)
{
	_cleanup_close_ int fd = -1;

	fd = syscall(__NR_perf_event_open, attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog_fd) || ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
		return -errno;
	return TAKE_FD(fd);
}

#define KPROBE_PMU "/sys/bus/event_source/devices/kprobe/"

int perf_attach_kprobe(int prog_fd, const char *function, bool ret)
{
	struct perf_event_attr attr = {.size = sizeof(attr)};
	int type = read_number(AT_FDCWD, KPROBE_PMU "type", "%d"), bit;

	if (type < 0)
		return type;
	attr.type = type;
	attr.config1 = (uint64_t)(uintptr_t)function;
	if (ret) {
		bit = read_number(AT_FDCWD, KPROBE_PMU "format/retprobe", "config:%d");
		if (bit < 0)
			return bit;
		attr.config |= 1ULL << bit;
	}
	return attach(prog_fd, &attr);
}

/* A mount of our own that nobody sees, and that goes with the fd. */
static int tracefs(void)
{
	_cleanup_close_ int fs = fsopen("tracefs", FSOPEN_CLOEXEC);
	int dir;

	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return -errno;
	dir = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	return dir < 0 ? -errno : dir;
}

int perf_attach_tracepoint(int prog_fd, const char *name)
{
	struct perf_event_attr attr = {.size = sizeof(attr), .type = PERF_TYPE_TRACEPOINT};
	_cleanup_close_ int dir = tracefs();
	char path[128];
	int id;

	if (dir < 0)
		return dir;
	snprintf(path, sizeof(path), "events/%s/id", name);
	id = read_number(dir, path, "%d");
	if (id < 0)
		return id;
	attr.config = id;
	return attach(prog_fd, &attr);
}
