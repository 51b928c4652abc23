// SPDX-License-Identifier: BSD-2-Clause
/* The SSH guard: whose session this is, by the processes above and the connections they hold. */
#include "sshtree.h"

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

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "sleep"))
		return (int)sleep(60);

	const struct CMUnitTest tests[] = {
		tree_test(test_ancestor_holds_it),
		tree_test(test_mapped),
		tree_test(test_agent),
		tree_test(test_environment_only),
		tree_test(test_stale_and_hostile_environment),
		cmocka_unit_test(test_gone),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
