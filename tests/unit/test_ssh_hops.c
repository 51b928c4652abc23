// SPDX-License-Identifier: BSD-2-Clause
/* The SSH guard: sessions that come by another way than an sshd above us: mosh, tmux, this host as
 * its own jump host. */
#include "sshtree.h"

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
	executed(pipefd[0], pid);
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

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "sleep"))
		return (int)sleep(60);

	const struct CMUnitTest tests[] = {
		tree_test(test_mosh),
		tree_test(test_followed_over_this_host),
		tree_test(test_outward_not_followed),
		tree_test(test_tmux),
		tree_test(test_tmux_by_variable),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
