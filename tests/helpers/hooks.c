// SPDX-License-Identifier: BSD-2-Clause
/*
 * hooks: which kinds of BPF programs this kernel really runs, one line each: `NAME yes`, or `NAME
 * no: REASON`. A program that does nothing is loaded, attached, and must have run when the hook's
 * event has happened: BPF LSM, for one, attaches also where it is never asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "HostIsolation/cleanup.h"

struct hook {
	const char *name;
	enum bpf_prog_type type;
	enum bpf_attach_type attach;
	const char *target; /* a function or tracepoint of the kernel; a cgroup hook has none */
};

static const struct hook hooks[] = {
	{"fentry", BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, "security_file_open"},
	{"fexit", BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, "security_file_open"},
	{"fmod_ret", BPF_PROG_TYPE_TRACING, BPF_MODIFY_RETURN, "security_file_open"},
	{"lsm", BPF_PROG_TYPE_LSM, BPF_LSM_MAC, "file_open"},
	{"kprobe", BPF_PROG_TYPE_KPROBE, 0, "security_file_open"},
	{"tp_btf", BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "sched_process_exit"},
	{"raw_tp", BPF_PROG_TYPE_RAW_TRACEPOINT, 0, "sched_process_exit"},
	{"tracepoint", BPF_PROG_TYPE_TRACEPOINT, 0, "sched/sched_process_exit"},
	{"cgroup", BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE, NULL},
};

static int load(const struct hook *hook)
{
	/* What each of them returns to change nothing: 0, but a cgroup hook allows by 1. */
	const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K,
		 .dst_reg = BPF_REG_0,
		 .imm = hook->type == BPF_PROG_TYPE_CGROUP_SOCK},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = hook->attach);
	int id;

	if (hook->type == BPF_PROG_TYPE_TRACING || hook->type == BPF_PROG_TYPE_LSM) {
		id = libbpf_find_vmlinux_btf_id(hook->target, hook->attach);
		if (id < 0)
			return id;
		opts.attach_btf_id = (__u32)id;
	}
	return bpf_prog_load(hook->type, "hi_nothing", "GPL", insns, 2, &opts);
}

static int read_number(const char *path)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	int number;

	if (!file)
		return -errno;
	return fscanf(file, "%d", &number) == 1 ? number : -EINVAL;
}

/* A perf event on all of what this process does. */
static int attach_perf(const struct hook *hook, int prog)
{
	struct perf_event_attr attr = {.size = sizeof(attr), .sample_period = 1};
	char path[256];
	int fd, number;

	if (hook->type == BPF_PROG_TYPE_KPROBE) {
		number = read_number("/sys/bus/event_source/devices/kprobe/type");
		attr.type = (__u32)number;
		attr.kprobe_func = (__u64)(unsigned long)hook->target;
	} else {
		snprintf(path, sizeof(path), "/sys/kernel/tracing/events/%s/id", hook->target);
		number = read_number(path);
		attr.type = PERF_TYPE_TRACEPOINT;
		attr.config = (__u64)number;
	}
	if (number < 0)
		return number;
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog) && !ioctl(fd, PERF_EVENT_IOC_ENABLE))
		return fd;
	number = -errno;
	close(fd);
	return number;
}

static int attach_cgroup(const struct hook *hook, int prog)
{
	static const char *const mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
	int ret = -ENOENT;

	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
		_cleanup_close_ int dir = open(mounts[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (dir < 0)
			continue;
		ret = bpf_link_create(prog, dir, hook->attach, NULL);
		if (ret >= 0)
			break;
	}
	return ret;
}

static int attach(const struct hook *hook, int prog)
{
	switch (hook->type) {
	case BPF_PROG_TYPE_KPROBE:
	case BPF_PROG_TYPE_TRACEPOINT:
		return attach_perf(hook, prog);
	case BPF_PROG_TYPE_CGROUP_SOCK:
		return attach_cgroup(hook, prog);
	case BPF_PROG_TYPE_RAW_TRACEPOINT:
		return bpf_raw_tracepoint_open(hook->target, prog);
	default:
		return bpf_raw_tracepoint_open(NULL, prog);
	}
}

/* All of the events above, a few times, on the processor that attach_perf() watches, too. */
static void make_events(void)
{
	pid_t child = fork();

	if (!child) {
		unsigned long first = 1;

		syscall(SYS_sched_setaffinity, 0, sizeof(first), &first);
		for (int i = 0; i < 10; i++) {
			close(open("/dev/null", O_RDONLY | O_CLOEXEC));
			close(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
		}
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static int try_hook(const struct hook *hook, const char **why)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	_cleanup_close_ int prog = load(hook), link = -1;

	*why = "load";
	if (prog < 0)
		return prog;
	*why = "attach";
	link = attach(hook, prog);
	if (link < 0)
		return link;
	make_events();
	*why = "attached, but never run";
	if (bpf_obj_get_info_by_fd(prog, &info, &len))
		return -errno;
	return info.run_cnt ? 0 : -ENODATA;
}

int main(void)
{
	_cleanup_close_ int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	const char *why;

	if (stats < 0) {
		fprintf(stderr, "hooks: BPF statistics: %s\n", strerror(-stats));
		return 1;
	}
	for (size_t i = 0; i < sizeof(hooks) / sizeof(*hooks); i++) {
		int ret = try_hook(&hooks[i], &why);

		if (ret)
			printf("%s no: %s: %s\n", hooks[i].name, why, strerror(-ret));
		else
			printf("%s yes\n", hooks[i].name);
	}
	return 0;
}
