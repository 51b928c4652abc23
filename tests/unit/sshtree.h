/* SPDX-License-Identifier: BSD-2-Clause */
/* Process trees with real connections, for the tests of the SSH guard. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "HostIsolation/ssh.h"
#include "netlab.h"
#include "sshaddress.h" /* last: cmocka.h makes a macro of fail() */

#define NEEDS_LAB(state)                                                                           \
	do {                                                                                       \
		if (!*(state))                                                                     \
			skip();                                                                    \
	} while (0)

/*
 * plant() starts a process that is nobody's child any more (so that the test itself,
 * which sits on a real connection perhaps, is no ancestor), holds `fd` alone, and runs `body`.
 */
static int pids[32], pid_count;

struct tree {
	const char *comm;
	int fd;			  /* the socket it holds, or -1 */
	const struct tree *child; /* or NULL: sleep, with this environment: */
	char *env[4];
};

static inline void close_all_but(int a, int b)
{
	for (int fd = 3; fd < 256; fd++)
		if (fd != a && fd != b)
			close(fd);
}

/* Only the chain's own fds are left open in each, and every pid is told to the test. */
static inline void grow(const struct tree *t, int tell)
{
	while (t->child && fork() == 0)
		t = t->child;

	int pid = getpid();

	prctl(PR_SET_NAME, t->comm);
	close_all_but(t->fd, tell);
	(void)!write(tell, &pid, sizeof(pid));
	if (t->child || t->env[0] == NULL) {
		close(tell);
		sleep(60);
	} else
		execve("/proc/self/exe", (char *[]){"test", "sleep", NULL}, t->env);
	_exit(1);
}

/*
 * Waits for the last writer of a close-on-exec pipe, and for the environment of what it became
 * (pid 0: nothing): execve(2) closes files before it sets either name or environment.
 */
static inline void executed(int fd, int pid)
{
	char c, path[64];
	int environ_fd;
	ssize_t n = 0;

	assert_int_equal(read(fd, &c, 1), 0);
	close(fd);
	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	while (pid && n == 0) {
		environ_fd = open(path, O_RDONLY | O_CLOEXEC);
		assert_true(environ_fd >= 0);
		n = read(environ_fd, &c, 1);
		close(environ_fd);
	}
	assert_true(n >= 0);
}

/* Returns the pid of the last of the chain, once all are there. */
static inline int plant(const struct tree *t)
{
	int depth = 0, last = -1, pipefd[2];

	for (const struct tree *p = t; p; p = p->child)
		depth++;
	assert_int_equal(pipe2(pipefd, O_CLOEXEC), 0);

	pid_t child = fork();

	if (child == 0) {
		if (fork() == 0)
			grow(t, pipefd[1]);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	close(pipefd[1]);
	for (int i = 0; i < depth; i++) {
		assert_int_equal(read(pipefd[0], &pids[pid_count], sizeof(int)), sizeof(int));
		if (pids[pid_count] > last)
			last = pids[pid_count]; /* children are younger; pids do not wrap here */
		pid_count++;
	}
	while (t->child)
		t = t->child;
	executed(pipefd[0], t->env[0] ? last : 0);
	return last;
}

/* The far ends and listeners that a test left open. */
static inline void close_all_but_lab(void)
{
	for (int fd = lab.host + 1; fd < 256; fd++)
		close(fd);
}

/* They are init's children: what they held is closed once their pidfds are readable
 * (pidfd_open(2)). */
static inline int uproot(void **state)
{
	while (pid_count) {
		int pid = pids[--pid_count];
		struct pollfd ended = {.fd = (int)syscall(SYS_pidfd_open, pid, 0),
				       .events = POLLIN};

		kill(pid, SIGKILL);
		if (ended.fd >= 0)
			poll(&ended, 1, -1);
	}
	close_all_but_lab();
	return 0;
}

/* A connection from the peer to `text`:port; the accepted socket is returned; the far end and
 * the listener stay open in the test process until uproot(). */
static inline int accepted(const char *text, int port, int netns, const char *from, int *peer_port)
{
	int l = serve(lab.host, SOCK_STREAM, text[0] == ':' ? "::" : text, port);
	int c = dial(netns, SOCK_STREAM, text[0] == ':' ? from + 7 : text, port, NULL);
	int a = accept4(l, NULL, NULL, SOCK_CLOEXEC);

	assert_true(l >= 0 && c >= 0 && a >= 0);
	*peer_port = port_of(c);
	return a;
}

/* Only what the lab made: the real machine has connections of its own. */
static inline const struct ssh_connection *only(const struct ssh_connections *found)
{
	const struct ssh_connection *hit = NULL;

	for (size_t i = 0; i < found->count; i++) {
		const __u8 *p = found->items[i].peer;

		if (memcmp(p, "\x0a\x09\x00", 3) && memcmp(p, "\xfd\x09", 2))
			continue;
		assert_null(hit);
		hit = &found->items[i];
	}
	return hit;
}

static inline char *claim(const char *peer, int peer_port, const char *local, int local_port)
{
	static char texts[4][128];
	static unsigned int turn;
	char *text = texts[turn++ % 4];

	snprintf(text, sizeof(texts[0]), "SSH_CONNECTION=%s %d %s %d", peer, peer_port, local,
		 local_port);
	return text;
}

/*
 * One test at a time, until it ends: the search goes over all processes of the machine, and would
 * find the connections that another test planted.
 */
static inline void wait_for_turn(void)
{
	int fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* a lock that leaves no file */

	if (fd >= 0)
		flock(fd, LOCK_EX);
}

static inline int setup(void **state)
{
	static int up = 1;

	wait_for_turn();
	if (netlab_up())
		print_message("# skipped: needs root and network namespaces\n");
	else
		*state = &up;
	return 0;
}

static inline int teardown(void **state)
{
	if (*state)
		netlab_down();
	return 0;
}

#define tree_test(f) cmocka_unit_test_teardown(f, uproot)
