// SPDX-License-Identifier: BSD-2-Clause
/* What a grant is for: a pid, a file or a cgroup as the responder wrote it, looked up. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/facts.h"
#include "HostIsolation/grants.h"
#include "HostIsolation/netns.h"
#include "inode.skel.h"

void grant_target_close(struct grant_target *t)
{
	if (t->kind == GRANT_PID || t->kind == GRANT_TREE)
		process_close(&t->process);
}

static int parse_pid(const char *text, int *pid)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || value <= 0 || value > INT_MAX)
		return -EINVAL;
	*pid = value;
	return 0;
}

int grant_target_pid(const char *text, bool tree, __u64 netns, struct grant_target *out,
		     struct error *err)
{
	struct grant_target t = {.kind = tree ? GRANT_TREE : GRANT_PID};
	int pid, ret;

	if (parse_pid(text, &pid) < 0)
		return fail(err, -EINVAL, "'%.40s' is no process id", text);
	ret = process_check_namespace(err);
	if (ret == 0 && tree && pid == 1)
		ret = fail(
			err, -EINVAL,
			"every process descends from 1: that would grant all of them; name a service (--unit)");
	if (ret == 0)
		ret = process_open(pid, &t.process, err);
	if (ret < 0)
		return ret;
	if (netns_inode(pid) != netns) {
		process_close(&t.process);
		return fail(err, -EINVAL,
			    "process %d (%s) lives in another network namespace than the isolated "
			    "one, where its packets are only forwarded: allow its peers instead, "
			    "or isolate that namespace",
			    pid, t.process.comm);
	}
	snprintf(t.what, sizeof(t.what), "%s", t.process.comm);
	*out = t;
	return 0;
}

/* The file as the exec hook sees it. */
static int identify(int fd, struct exe_key *out)
{
	__u64 args[] = {fd};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = args, .ctx_size_in = sizeof(args));
	struct inode_bpf *skel = inode_bpf__open_and_load();
	int ret = skel ? bpf_prog_test_run_opts(bpf_program__fd(skel->progs.inode_of_fd), &opts)
		       : -errno;

	if (ret == 0)
		*out = skel->bss->found;
	inode_bpf__destroy(skel);
	return ret;
}

int grant_target_exe(const char *path, struct grant_target *out, struct error *err)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);
	struct grant_target t = {.kind = GRANT_EXE};
	char real[PATH_MAX], magic[2] = "";
	struct stat st;
	int ret = process_check_namespace(err);

	if (ret < 0)
		return ret;
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(err, -errno, "cannot look at '%.200s': %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return fail(err, -EINVAL, "'%.200s' is no executable file", path);

	_cleanup_fclose_ FILE *f = fopen(path, "re");

	if (f && fread(magic, 1, 2, f) == 2 && !memcmp(magic, "#!", 2))
		return fail(err, -EINVAL,
			    "'%.200s' is a script, which its interpreter runs: grant the process "
			    "(--pid), or its cgroup",
			    path);
	ret = identify(fd, &t.exe);
	if (ret < 0)
		return fail(err, ret, "this kernel does not tell which file --exe names: %s",
			    refusal_text(ret));
	t.exe_dev = st.st_dev;
	t.exe_ino = st.st_ino;
	snprintf(t.what, sizeof(t.what), "%.255s", realpath(path, real) ? real : path);
	*out = t;
	return 0;
}

static int take_cgroup(int ret, struct grant_target *t, struct grant_target *out)
{
	if (ret < 0)
		return ret;
	snprintf(t->what, sizeof(t->what), "%s", t->cgroup.path);
	*out = *t;
	return 0;
}

int grant_target_cgroup(int root, const char *path, struct grant_target *out, struct error *err)
{
	struct grant_target t = {.kind = GRANT_CGROUP};

	return take_cgroup(cgroup_find(root, path, &t.cgroup, err), &t, out);
}

int grant_target_unit(int root, const char *unit, struct grant_target *out, struct error *err)
{
	struct grant_target t = {.kind = GRANT_CGROUP};

	return take_cgroup(cgroup_find_unit(root, unit, &t.cgroup, err), &t, out);
}
