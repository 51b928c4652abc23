// SPDX-License-Identifier: BSD-2-Clause
/* The self-test of arming: some kernels attach a program and never run it. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/process.h"
#include "Kill/killrules.h"
#include "Kill/killtest.h"

#define MODE_BEFORE 0600
#define MODE_AFTER 0700
#define SURVIVED 42
/* A kernel that preempts skips an fmod_ret or fexit program while the same one is interrupted on
 * that CPU; one that never runs it does so each time. */
#define TRIES 8

struct trial {
	int file, go[2];
	pid_t child;
	struct stat st;
};

static void be_the_child(const struct trial *t)
{
	char c;

	close(t->go[1]);
	if (read(t->go[0], &c, 1) != 1)
		_exit(1);
	fchmod(t->file, MODE_AFTER);
	_exit(SURVIVED);
}

/* The rule for that file and that child, in force from here on. */
static int put_rule(struct kill_store *s, const struct trial *t)
{
	struct kill_rule rule = {.flags = KILL_ENFORCE | KILL_TEST, .signal = SIGKILL};
	struct kill_key file = {.dim = KILL_DIM_PATH, .a = t->st.st_ino};
	__u32 bit = 1U << KILL_SELF_TEST;
	int ret;

	file.b = (__u64)major(t->st.st_dev) << 20 | minor(t->st.st_dev);
	ret = kill_slot_write(s, KILL_SELF_TEST, &rule);
	if (ret == 0)
		ret = kill_value_add(s, &file, bit);
	if (ret == 0)
		ret = kill_task_add(s, t->child, bit, KILL_GUARD_NONE);
	if (ret < 0)
		return ret;
	for (int d = 0; d < KILL_DIM_COUNT; d++)
		if (d != KILL_DIM_PATH && d != KILL_DIM_TREE)
			s->state->any[d] |= bit;
	s->state->any_bits |= bit;
	s->state->any_types |= bit;
	__atomic_or_fetch(&s->state->active, bit, __ATOMIC_SEQ_CST);
	return 0;
}

static int judge(const struct trial *t, int status, bool refuses, struct error *err)
{
	struct stat st;

	if (fstat(t->file, &st) < 0)
		return fail(err, -errno, "%s", strerror(errno));
	if (WIFEXITED(status) && WEXITSTATUS(status) == SURVIVED)
		return fail(err, -EAGAIN, "attached, but never run");
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		return fail(err, -ENOTSUP, "the trial ended with status %d", status);
	if (refuses && (st.st_mode & 07777) != MODE_BEFORE)
		return fail(err, -ENOTSUP, "killed, but the mode was changed");
	return 0;
}

static int try_once(struct kill_store *s, bool refuses, struct error *err)
{
	struct trial t = {.file = memfd_create("hostiso", MFD_CLOEXEC), .go = {-1, -1}};
	int status = 0, ret = 0;

	if (t.file < 0 || fchmod(t.file, MODE_BEFORE) < 0 || fstat(t.file, &t.st) < 0 ||
	    pipe(t.go) < 0)
		ret = -errno;
	t.child = ret < 0 ? -1 : fork();
	if (t.child == 0)
		be_the_child(&t);
	if (t.child < 0)
		ret = fail(err, ret < 0 ? ret : -errno, "no trial can be made: %s",
			   strerror(errno));
	if (ret == 0)
		ret = put_rule(s, &t);
	if (ret == 0 && write(t.go[1], "", 1) != 1)
		ret = -errno;
	close_fdp(&t.go[1]);
	if (t.child > 0)
		waitpid(t.child, &status, 0);
	kill_slot_clear(s, KILL_SELF_TEST);
	if (ret == 0)
		ret = judge(&t, status, refuses, err);
	close_fdp(&t.go[0]);
	close_fdp(&t.file);
	return ret;
}

int kill_self_test(struct kill_store *s, bool refuses, struct error *err)
{
	int ret = -EAGAIN;

	for (int i = 0; i < TRIES && ret == -EAGAIN; i++)
		ret = try_once(s, refuses, err);
	return ret == -EAGAIN ? -ENOTSUP : ret;
}
