// SPDX-License-Identifier: BSD-2-Clause
/* Processes as grants name them: told apart by start time, found with their descendants; cgroups.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#undef fail /* cmocka has one, too */
#include "HostIsolation/grants.h"

static pid_t sleeper(const char *name)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, name);
		if (write(ready[1], "x", 1) == 1)
			pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* A name is whatever the process says it is. */
static void start_time_is_read_behind_any_name(void **state)
{
	static const char *const names[] = {"plain", "a) S 1 2 3", ") R (", "x y z", "((("};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		pid_t pid = sleeper(names[i]);
		__u64 own = process_start(getpid()), start = process_start(pid);

		assert_true(start >= own);
		assert_true(start <= own + 100 * 600);
		assert_true(start <= boot_ns() / TASK_TICK_NS + 1);
		assert_true(start + 100 * 5 >= boot_ns() / TASK_TICK_NS);
		end(pid);
	}
	assert_int_equal(process_start(0x7fffffff), 0);
}

static void opened_by_pid(void **state)
{
	struct process p = PROCESS_NONE;
	struct error err = {};
	pid_t pid = sleeper("agent");

	assert_int_equal(process_open(pid, &p, &err), 0);
	assert_int_equal(p.pid, pid);
	assert_string_equal(p.comm, "agent");
	assert_int_equal(p.start, process_start(pid));
	assert_true(process_lives(&p));
	kill(pid, SIGKILL);
	waitid(P_PID, pid, &(siginfo_t){}, WEXITED | WNOWAIT); /* a zombie now */
	assert_false(process_lives(&p));
	process_close(&p);
	assert_int_equal(process_open(pid, &p, &err), -ESRCH);
	waitpid(pid, NULL, 0);
	assert_int_equal(process_open(pid, &p, &err), -ESRCH);
	assert_non_null(strstr(err.text, "there is no process"));
}

static void kernel_threads_are_refused(void **state)
{
	struct process p = PROCESS_NONE;
	struct error err = {};

	if (process_start(2) == 0 || geteuid()) {
		print_message("skip: pid 2 is not the kernel's here\n");
		skip();
	}
	assert_int_equal(process_open(2, &p, &err), -EINVAL);
	assert_non_null(strstr(err.text, "kernel"));
}

struct seen {
	int pids[64], count;
};

static int take(int pid, void *arg)
{
	struct seen *s = arg;

	if (s->count < 64)
		s->pids[s->count++] = pid;
	return 0;
}

static void a_tree_is_parents_first(void **state)
{
	struct seen seen = {};
	int pids[2];
	int pipes[2];
	pid_t child;

	assert_int_equal(pipe(pipes), 0);
	child = fork();
	if (child == 0) {
		pid_t grandchild;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		grandchild = sleeper("grandchild");
		pids[0] = getpid();
		pids[1] = grandchild;
		if (write(pipes[1], pids, sizeof(pids)) == sizeof(pids))
			pause();
		_exit(0);
	}
	assert_int_equal(read(pipes[0], pids, sizeof(pids)), sizeof(pids));
	assert_int_equal(process_each_of_tree(child, take, &seen), 0);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.pids[0], child);
	assert_int_equal(seen.pids[1], pids[1]);
	kill(pids[1], SIGKILL);
	end(child);
	close(pipes[0]);
	close(pipes[1]);
}

static void cgroups_by_path(void **state)
{
	struct cgroup_ref ref;
	struct error err = {};
	char deep[600] = "/";
	int root;

	if (geteuid()) {
		print_message("skip: needs root\n");
		skip();
	}
	root = cgroup_root_open(&err);
	if (root < 0) {
		print_message("skip: %s\n", err.text);
		skip();
	}
	assert_int_equal(cgroup_find(root, "", &ref, &err), -EINVAL);
	assert_int_equal(cgroup_find(root, "/", &ref, &err), -EINVAL);
	assert_non_null(strstr(err.text, "every process"));
	assert_int_equal(cgroup_find(root, "/no/such/one", &ref, &err), -ENOENT);
	assert_int_equal(cgroup_find(root, "/cgroup.procs", &ref, &err), -EINVAL);
	assert_int_equal(cgroup_find(root, "/etc", &ref, &err), -ENOENT);
	memset(deep + 1, 'a', sizeof(deep) - 2);
	assert_true(cgroup_find(root, deep, &ref, &err) < 0);
	assert_int_equal(cgroup_find_unit(root, "", &ref, &err), -EINVAL);
	assert_int_equal(cgroup_find_unit(root, "../x", &ref, &err), -EINVAL);
	assert_int_equal(cgroup_find_unit(root, "a/b.service", &ref, &err), -EINVAL);
	assert_int_equal(cgroup_find_unit(root, "no-such-unit", &ref, &err), -ENOENT);
	close(root);
}

static void names_of_grants(void **state)
{
	struct grant_row row = {.grant = {.kind = GRANT_TREE, .tgid = 812}};
	char text[300];

	grant_format(&row, text, sizeof(text));
	assert_string_equal(text, "tree:812");
	row.grant.kind = GRANT_EXE;
	strcpy(row.note.what, "/usr/bin/agent");
	grant_format(&row, text, sizeof(text));
	assert_string_equal(text, "exe:/usr/bin/agent");
	row.grant.kind = 99; /* another version's */
	grant_format(&row, text, sizeof(text));
	assert_string_equal(text, "?:/usr/bin/agent");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(start_time_is_read_behind_any_name),
		cmocka_unit_test(opened_by_pid),
		cmocka_unit_test(kernel_threads_are_refused),
		cmocka_unit_test(a_tree_is_parents_first),
		cmocka_unit_test(cgroups_by_path),
		cmocka_unit_test(names_of_grants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
