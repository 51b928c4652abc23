// SPDX-License-Identifier: BSD-2-Clause
/* The SSH guard: what environments say, and process trees with real connections. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <sys/prctl.h>
#include <sys/wait.h>
#include "HostIsolation/ssh.h"
#include "netlab.h"
#include <cmocka.h> /* last: it makes a macro of fail() */

#define NEEDS_LAB(state)                                                                           \
	do {                                                                                       \
		if (!*(state))                                                                     \
			skip();                                                                    \
	} while (0)

static int parse(const char *text, struct ssh_connection *c)
{
	return ssh_connection_parse(text, strlen(text), c);
}

static void assert_address(const __u8 got[16], const char *want)
{
	__u8 bytes[16] = {};

	if (inet_pton(AF_INET, want, bytes) != 1)
		assert_int_equal(inet_pton(AF_INET6, want, bytes), 1);
	assert_memory_equal(got, bytes, 16);
}

static void test_parse(void **state)
{
	struct ssh_connection c;

	assert_int_equal(parse("203.0.113.5 51514 10.0.0.1 22", &c), 0);
	assert_int_equal(c.family, AF_INET);
	assert_address(c.peer, "203.0.113.5");
	assert_address(c.local, "10.0.0.1");
	assert_int_equal(c.peer_port, 51514);
	assert_int_equal(c.local_port, 22);
	assert_int_equal(c.begun_by, DIR_IN);

	assert_int_equal(parse("2001:db8::5 65535 2001:db8::1 1", &c), 0);
	assert_int_equal(c.family, AF_INET6);
	assert_address(c.peer, "2001:db8::5");
	assert_int_equal(c.peer_port, 65535);
	assert_int_equal(c.local_port, 1);

	assert_int_equal(parse("fe80::1%eth0 50000 fe80::2%enp0s31f6.4094 22", &c), 0);
	assert_address(c.peer, "fe80::1");
	assert_address(c.local, "fe80::2");

	assert_int_equal(parse("::ffff:203.0.113.5 51514 ::ffff:10.0.0.1 22", &c), 0);
	assert_int_equal(c.family, AF_INET);
	assert_address(c.peer, "203.0.113.5");
	assert_address(c.local, "10.0.0.1");
}

static void test_parse_refuses(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"UNKNOWN 65535 UNKNOWN 65535",
		"203.0.113.5",
		"203.0.113.5 51514",
		"203.0.113.5 51514 10.0.0.1",
		"203.0.113.5 51514 10.0.0.1 ",
		"203.0.113.5 51514 10.0.0.1 22 ",
		"203.0.113.5 51514 10.0.0.1 22 x",
		" 203.0.113.5 51514 10.0.0.1 22",
		"203.0.113.5  51514 10.0.0.1 22",
		"203.0.113.5\t51514\t10.0.0.1\t22",
		"203.0.113.5 0 10.0.0.1 22",
		"203.0.113.5 65536 10.0.0.1 22",
		"203.0.113.5 999999999999999999999 10.0.0.1 22",
		"203.0.113.5 -1 10.0.0.1 22",
		"203.0.113.5 +1 10.0.0.1 22",
		"203.0.113.5 0x16 10.0.0.1 22",
		"203.0.113 51514 10.0.0.1 22",
		"203.0.113.5%eth0 51514 10.0.0.1 22",
		"203.0.113.5 51514 2001:db8::1 22",
		"2001:db8::g 51514 2001:db8::1 22",
		"host.example 51514 10.0.0.1 22",
		"fe80::1%aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 1 fe80::2 22",
		"203.0.113.5 51514 10.0.0.1 22\n",
		"\033[2J 51514 10.0.0.1 22",
	};
	struct ssh_connection c, before;

	memset(&c, 0x5a, sizeof(c));
	before = c;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (parse(bad[i], &c) != -EINVAL)
			fail_msg("accepted: \"%s\"", bad[i]);
		assert_memory_equal(&c, &before, sizeof(c));
	}
	assert_int_equal(ssh_connection_parse("1.2.3.4 5\0 1.2.3.4 22", 21, &c), -EINVAL);
	/* the bytes behind the given size are not looked at */
	assert_int_equal(ssh_connection_parse("1.2.3.4 5 1.2.3.4 2266666", 20, &c), 0);
	assert_int_equal(c.local_port, 22);
}

static void test_environ_next(void **state)
{
	static const char env[] = "PATH=/bin\0XSSH_CONNECTION=no\0SSH_CONNECTION\0SSH_CONNECTION=\0"
				  "\0\0SSH_CONNECTIONS=no\0SSH_CONNECTION=a=b\0SSH_CONNECTION=last";
	const char *value;
	size_t pos = 0, len;

	value = environ_next(env, sizeof(env) - 1, &pos, "SSH_CONNECTION", &len);
	assert_non_null(value);
	assert_int_equal(len, 0);
	value = environ_next(env, sizeof(env) - 1, &pos, "SSH_CONNECTION", &len);
	assert_non_null(value);
	assert_int_equal(len, 3);
	assert_memory_equal(value, "a=b", 3);
	value = environ_next(env, sizeof(env) - 1, &pos, "SSH_CONNECTION", &len);
	assert_non_null(value); /* not NUL-terminated: cut off */
	assert_int_equal(len, 4);
	assert_memory_equal(value, "last", 4);
	assert_null(environ_next(env, sizeof(env) - 1, &pos, "SSH_CONNECTION", &len));
	assert_null(environ_next(env, sizeof(env) - 1, &pos, "SSH_CONNECTION", &len));
	pos = 0;
	assert_null(environ_next(NULL, 0, &pos, "SSH_CONNECTION", &len));
	/* a name cut off by the end */
	pos = 0;
	assert_null(environ_next("SSH_CONNECTION=x", 14, &pos, "SSH_CONNECTION", &len));
}

static void test_loopback(void **state)
{
	__u8 a[16] = {};

	a[0] = 127, a[3] = 53;
	assert_true(address_is_loopback(AF_INET, a));
	a[0] = 128;
	assert_false(address_is_loopback(AF_INET, a));
	memset(a, 0, 16);
	assert_true(address_is_loopback(AF_INET, a));
	assert_true(address_is_loopback(AF_INET6, a));
	a[15] = 1;
	assert_true(address_is_loopback(AF_INET6, a));
	a[0] = 0xfe;
	assert_false(address_is_loopback(AF_INET6, a));
}

/*
 * Process trees. plant() starts a process that is nobody's child any more (so that the test itself,
 * which sits on a real connection perhaps, is no ancestor), holds `fd` alone, and runs `body`.
 */
static int pids[32], pid_count;

struct tree {
	const char *comm;
	int fd;			  /* the socket it holds, or -1 */
	const struct tree *child; /* or NULL: sleep, with this environment: */
	char *env[4];
};

static void close_all_but(int a, int b)
{
	for (int fd = 3; fd < 256; fd++)
		if (fd != a && fd != b)
			close(fd);
}

/* Only the chain's own fds are left open in each, and every pid is told to the test. */
static void grow(const struct tree *t, int tell)
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

/* Waits for the last writer of a close-on-exec pipe. */
static void executed(int fd)
{
	char c;

	assert_int_equal(read(fd, &c, 1), 0);
	close(fd);
}

/* Returns the pid of the last of the chain, once all are there. */
static int plant(const struct tree *t)
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
	executed(pipefd[0]);
	return last;
}

/* The far ends and listeners that a test left open. */
static void close_all_but_lab(void)
{
	for (int fd = lab.host + 1; fd < 256; fd++)
		close(fd);
}

static int uproot(void **state)
{
	while (pid_count)
		kill(pids[--pid_count], SIGKILL);
	close_all_but_lab();
	return 0;
}

/* A connection from the peer to `text`:port; the accepted socket is returned; the far end and
 * the listener stay open in the test process until uproot(). */
static int accepted(const char *text, int port, int netns, const char *from, int *peer_port)
{
	int l = serve(lab.host, SOCK_STREAM, text[0] == ':' ? "::" : text, port);
	int c = dial(netns, SOCK_STREAM, text[0] == ':' ? from + 7 : text, port, NULL);
	int a = accept4(l, NULL, NULL, SOCK_CLOEXEC);

	assert_true(l >= 0 && c >= 0 && a >= 0);
	*peer_port = port_of(c);
	return a;
}

/* Only what the lab made: the real machine has connections of its own. */
static const struct ssh_connection *only(const struct ssh_connections *found)
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

static char *claim(const char *peer, int peer_port, const char *local, int local_port)
{
	static char texts[4][128];
	static unsigned int turn;
	char *text = texts[turn++ % 4];

	snprintf(text, sizeof(texts[0]), "SSH_CONNECTION=%s %d %s %d", peer, peer_port, local,
		 local_port);
	return text;
}

static void test_ancestor_holds_it(void **state)
{
	NEEDS_LAB(state);
	struct ssh_connections found;
	const struct ssh_connection *c;
	int port, fd = accepted("10.9.0.1", 22, lab.peer, NULL, &port);
	struct tree shell = {.comm = "bash", .fd = -1};
	struct tree sshd = {.comm = "ss\x1b[31mhd", .fd = fd, .child = &shell};
	int pid = plant(&sshd);

	assert_int_equal(ssh_find(pid, &found, NULL), 0);
	c = only(&found);
	assert_non_null(c);
	assert_int_equal(c->from, SSH_FROM_SOCKET);
	assert_int_equal(c->family, AF_INET);
	assert_address(c->peer, "10.9.0.2");
	assert_address(c->local, "10.9.0.1");
	assert_int_equal(c->peer_port, port);
	assert_int_equal(c->local_port, 22);
	assert_int_equal(c->begun_by, DIR_IN);
	assert_true(c->live);
	assert_true(c->same_netns);
	assert_non_null(strstr(c->text, "10.9.0.2 port "));
	assert_non_null(strstr(c->text, "held by ss?[31mhd")); /* no escape sequence survives */

	/* from where it does not live */
	enter(lab.peer);
	assert_int_equal(ssh_find(pid, &found, NULL), 0);
	enter(lab.host);
	c = only(&found);
	assert_non_null(c);
	assert_true(c->live);
	assert_false(c->same_netns);
	assert_non_null(strstr(c->text, "another network namespace"));
	close(fd);
}

static void test_mapped(void **state)
{
	NEEDS_LAB(state);
	struct ssh_connections found;
	const struct ssh_connection *c;
	int port, fd = accepted("::", 22, lab.peer, "::ffff:10.9.0.1", &port);
	struct tree shell = {.comm = "bash", .fd = -1};
	struct tree sshd = {.comm = "sshd", .fd = fd, .child = &shell};

	assert_int_equal(ssh_find(plant(&sshd), &found, NULL), 0);
	c = only(&found);
	assert_non_null(c);
	assert_int_equal(c->family, AF_INET);
	assert_address(c->peer, "10.9.0.2");
	close(fd);
}

/* An agent that dialled out: nobody listens on that port. */
static void test_agent(void **state)
{
	NEEDS_LAB(state);
	struct ssh_connections found;
	const struct ssh_connection *c;
	int l = serve(lab.peer, SOCK_STREAM, "fd09::2", 4505);
	int fd = dial(lab.host, SOCK_STREAM, "fd09::2", 4505, NULL);
	struct tree shell = {.comm = "sh", .fd = -1};
	struct tree agent = {.comm = "minion", .fd = fd, .child = &shell};

	assert_int_equal(ssh_find(plant(&agent), &found, NULL), 0);
	c = only(&found);
	assert_non_null(c);
	assert_int_equal(c->from, SSH_FROM_SOCKET);
	assert_int_equal(c->family, AF_INET6);
	assert_int_equal(c->begun_by, DIR_OUT);
	assert_int_equal(c->peer_port, 4505);
	close(fd);
	close(l);
}

static void test_environment_only(void **state)
{
	NEEDS_LAB(state);
	struct ssh_connections found;
	const struct ssh_connection *c;
	int port, fd = accepted("10.9.0.1", 22, lab.peer, NULL, &port);
	struct tree shell = {.comm = "sh", .fd = -1};

	shell.env[0] = claim("10.9.0.2", port, "10.9.0.1", 22);
	assert_int_equal(ssh_find(plant(&shell), &found, NULL), 0);
	c = only(&found);
	assert_non_null(c);
	assert_int_equal(c->from, SSH_FROM_ENVIRON);
	assert_true(c->live);
	assert_true(c->same_netns);

	/* the socket's word is stronger than the environment's, and it is one connection */
	struct tree sshd = {.comm = "sshd", .fd = fd, .child = &shell};

	assert_int_equal(ssh_find(plant(&sshd), &found, NULL), 0);
	c = only(&found);
	assert_non_null(c);
	assert_int_equal(c->from, SSH_FROM_SOCKET);
	close(fd);
}

static void test_stale_and_hostile_environment(void **state)
{
	NEEDS_LAB(state);
	struct ssh_connections found;
	struct tree shell = {.comm = "sh", .fd = -1};
	char *big = malloc(100000);

	shell.env[0] = claim("10.9.0.2", 1, "10.9.0.1", 22); /* over long ago */
	assert_int_equal(ssh_find(plant(&shell), &found, NULL), 0);
	assert_null(only(&found));

	memset(big, 'A', 99999);
	memcpy(big, "SSH_CONNECTION=", 15);
	big[99999] = 0;
	shell.env[0] = big;
	shell.env[1] = "SSH_CONNECTION=\033]0;x\007 1 10.9.0.1 22";
	assert_int_equal(ssh_find(plant(&shell), &found, NULL), 0);
	assert_null(only(&found));
	free(big);
}

static void test_mosh(void **state)
{
	NEEDS_LAB(state);
	struct ssh_connections found;
	const struct ssh_connection *c;
	char *const env[] = {claim("10.9.0.2", 1, "10.9.0.1", 22), NULL};
	char dir[] = "/tmp/test_ssh.XXXXXX", path[64];

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/mosh-server", dir); /* execve makes the comm of it */
	assert_int_equal(symlink("/proc/self/exe", path), 0);

	int pid, pipefd[2];

	assert_int_equal(pipe2(pipefd, O_CLOEXEC), 0);
	pid = fork();

	if (pid == 0) {
		execve(path, (char *[]){"test", "sleep", NULL}, env);
		_exit(1);
	}
	pids[pid_count++] = pid;
	close(pipefd[1]);
	executed(pipefd[0]);
	unlink(path);
	rmdir(dir);
	assert_int_equal(ssh_find(pid, &found, NULL), 0);
	c = only(&found);
	assert_non_null(c);
	assert_int_equal(c->from, SSH_FROM_MOSH);
	assert_false(c->live);
	assert_true(c->same_netns);
}

/* outside → sshd (jump) → 10.9.0.1:22, this host's own address → sshd → shell */
static void test_followed_over_this_host(void **state)
{
	NEEDS_LAB(state);
	struct ssh_connections found;
	const struct ssh_connection *c;
	int port, outer = accepted("10.9.0.1", 22, lab.peer, NULL, &port);
	int l = serve(lab.host, SOCK_STREAM, "10.9.0.1", 2222);
	int near = dial(lab.host, SOCK_STREAM, "10.9.0.1", 2222, NULL);
	int inner = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	struct tree client = {.comm = "ssh", .fd = near};
	struct tree jump = {.comm = "sshd", .fd = outer, .child = &client};
	struct tree shell = {.comm = "bash", .fd = -1};
	struct tree sshd = {.comm = "sshd", .fd = inner, .child = &shell};

	plant(&jump);
	int pid = plant(&sshd);

	close(near); /* only the jump host's client has it now */
	close(outer);
	close(inner);
	assert_int_equal(ssh_find(pid, &found, NULL), 0);
	c = only(&found);
	assert_non_null(c);
	assert_int_equal(c->from, SSH_FROM_LOOPBACK);
	assert_int_equal(c->peer_port, port);
	assert_address(c->peer, "10.9.0.2");
	close(l);
}

/* Where a process dialled this host itself (its database) nothing is followed. */
static void test_outward_not_followed(void **state)
{
	NEEDS_LAB(state);
	struct ssh_connections found;
	int port, other = accepted("10.9.0.1", 5433, lab.peer, NULL, &port);
	int l = serve(lab.host, SOCK_STREAM, "127.0.0.1", 5432);
	int near = dial(lab.host, SOCK_STREAM, "127.0.0.1", 5432, NULL);
	int far = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	struct tree backend = {.comm = "postgres", .fd = far};
	struct tree postmaster = {.comm = "postgres", .fd = other, .child = &backend};
	struct tree job = {.comm = "sh", .fd = near};

	plant(&postmaster);
	int pid = plant(&job);

	close(far);
	close(other);
	close(near);
	assert_int_equal(ssh_find(pid, &found, NULL), 0);
	assert_null(only(&found));
	close(l);
}

static void test_tmux(void **state)
{
	NEEDS_LAB(state);
	struct ssh_connections found;
	const struct ssh_connection *c;
	int port, other_port, fd = accepted("10.9.0.1", 22, lab.peer, NULL, &port);
	int other = accepted("10.9.0.1", 2200, lab.peer, NULL, &other_port);
	struct tree shell = {.comm = "bash", .fd = -1};
	struct tree server = {.comm = "tmux: server", .fd = -1, .child = &shell};
	struct tree client = {.comm = "tmux: client", .fd = -1};
	struct tree ours = {.comm = "sshd", .fd = fd, .child = &client};
	struct tree others = {.comm = "sshd-session", .fd = other};
	int pid = plant(&server), hits = 0;

	/* no client is known (it goes by another name, say): any sshd may be it */
	plant(&others);
	client.comm = "x";
	plant(&ours);
	assert_int_equal(ssh_find(pid, &found, NULL), 0);
	for (size_t i = 0; i < found.count; i++)
		if (found.items[i].same_netns) {
			hits++;
			assert_int_equal(found.items[i].from, SSH_FROM_MULTIPLEXER);
		}
	assert_int_equal(hits, 2);

	/* one is: the session that has nothing to do with it is left out */
	client.comm = "tmux: client";
	plant(&ours);
	assert_int_equal(ssh_find(pid, &found, NULL), 0);
	c = only(&found);
	assert_non_null(c);
	assert_int_equal(c->from, SSH_FROM_MULTIPLEXER);
	assert_int_equal(c->peer_port, port);
	close(fd);
	close(other);
}

/* sudo strips TMUX from our environment, but not from an ancestor's. */
static void test_tmux_by_variable(void **state)
{
	NEEDS_LAB(state);
	struct ssh_connections found;
	const struct ssh_connection *c;
	int port, fd = accepted("10.9.0.1", 22, lab.peer, NULL, &port);
	struct tree sshd = {.comm = "sshd", .fd = fd};
	struct tree shell = {.comm = "sh", .fd = -1, .env = {"STY=1.pts-0.host"}};

	plant(&sshd);
	close(fd);
	assert_int_equal(ssh_find(plant(&shell), &found, NULL), 0);
	c = only(&found);
	assert_non_null(c);
	assert_int_equal(c->from, SSH_FROM_MULTIPLEXER);

	/* and without it, somebody else's session is none of ours */
	shell.env[0] = "HOME=/";
	assert_int_equal(ssh_find(plant(&shell), &found, NULL), 0);
	assert_null(only(&found));
}

static void test_gone(void **state)
{
	struct ssh_connections found;
	struct error err = {};
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
	assert_int_equal(ssh_find(child, &found, &err), -ESRCH);
	assert_non_null(strstr(err.text, "/proc/"));
}

static int setup(void **state)
{
	static int up = 1;

	if (netlab_up())
		print_message("# skipped: needs root and network namespaces\n");
	else
		*state = &up;
	return 0;
}

static int teardown(void **state)
{
	if (*state)
		netlab_down();
	return 0;
}

#define tree_test(f) cmocka_unit_test_teardown(f, uproot)

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "sleep"))
		return (int)sleep(60);

	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_environ_next),
		cmocka_unit_test(test_loopback),
		tree_test(test_ancestor_holds_it),
		tree_test(test_mapped),
		tree_test(test_agent),
		tree_test(test_environment_only),
		tree_test(test_stale_and_hostile_environment),
		tree_test(test_mosh),
		tree_test(test_followed_over_this_host),
		tree_test(test_outward_not_followed),
		tree_test(test_tmux),
		tree_test(test_tmux_by_variable),
		cmocka_unit_test(test_gone),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
