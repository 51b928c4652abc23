// SPDX-License-Identifier: BSD-2-Clause
/* Real sockets of a namespace of our own, listed and destroyed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <sys/wait.h>
#include "HostIsolation/netns.h"
#include "HostIsolation/sockdiag.h"
#include "netlab.h"
#include <cmocka.h> /* last: it makes a macro of fail() */

static bool no_destroy; /* the kernel has no INET_DIAG_DESTROY */

#define NEEDS_LAB(state)                                                                           \
	do {                                                                                       \
		if (!*(state))                                                                     \
			skip();                                                                    \
	} while (0)
#define NEEDS_DESTROY(state)                                                                       \
	do {                                                                                       \
		NEEDS_LAB(state);                                                                  \
		if (no_destroy)                                                                    \
			skip();                                                                    \
	} while (0)

static const struct sock_info *find(const struct sock_vec *v, int local_port, int peer_port)
{
	for (size_t i = 0; i < v->count; i++)
		if (v->items[i].local_port == local_port && v->items[i].peer_port == peer_port)
			return &v->items[i];
	return NULL;
}

static void assert_address(const __u8 got[16], const char *want)
{
	__u8 bytes[16] = {};

	if (inet_pton(AF_INET, want, bytes) != 1)
		assert_int_equal(inet_pton(AF_INET6, want, bytes), 1);
	assert_memory_equal(got, bytes, 16);
}

static bool keep_none(const struct sock_info *s, void *arg)
{
	return false;
}

/* arg: the peer to keep, as text */
static bool keep_peer(const struct sock_info *s, void *arg)
{
	__u8 bytes[16] = {};

	if (inet_pton(AF_INET, arg, bytes) != 1)
		inet_pton(AF_INET6, arg, bytes);
	return !memcmp(s->peer, bytes, 16);
}

/* What the program notices: ECONNABORTED, at once. */
static int socket_error(int fd)
{
	socklen_t len = sizeof(int);
	int error = 0;

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return error;
}

static void test_list(void **state)
{
	NEEDS_LAB(state);
	int listener = serve(lab.peer, SOCK_STREAM, "10.9.0.2", 80);
	int c = dial(lab.host, SOCK_STREAM, "10.9.0.2", 80, NULL);
	int mark = 77;
	struct sock_vec v = {};
	struct error err = {};

	assert_true(listener >= 0 && c >= 0);
	assert_int_equal(setsockopt(c, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)), 0);
	assert_int_equal(sockdiag_dump(IPPROTO_TCP, SOCK_STATES_ALL, &v, &err), 0);

	const struct sock_info *s = find(&v, port_of(c), 80);
	char want[64], got[64];
	ssize_t n;

	assert_non_null(s);
	assert_int_equal(v.count, 1); /* the listener lives in the other namespace */
	assert_int_equal(s->family, AF_INET);
	assert_int_equal(s->protocol, IPPROTO_TCP);
	assert_int_equal(s->state, TCP_ESTABLISHED);
	assert_address(s->peer, "10.9.0.2");
	assert_address(s->local, "10.9.0.1");
	assert_int_equal(s->mark, 77);
	assert_int_equal(s->uid, 0);
	snprintf(want, sizeof(want), "/proc/self/fd/%d", c);
	n = readlink(want, got, sizeof(got) - 1);
	assert_true(n > 0);
	got[n] = 0;
	snprintf(want, sizeof(want), "socket:[%u]", s->inode);
	assert_string_equal(got, want);
	sock_vec_free(&v);

	/* only the states asked for */
	assert_int_equal(sockdiag_dump(IPPROTO_TCP, SOCK_STATE(TCP_LISTEN), &v, &err), 0);
	assert_int_equal(v.count, 0);
	sock_vec_free(&v);

	/* the other namespace through a child, and we have not moved */
	__u64 here = netns_inode(0);

	assert_int_equal(
		sockdiag_dump_netns(lab.peer, IPPROTO_TCP, SOCK_STATE(TCP_LISTEN), &v, &err), 0);
	assert_int_equal(v.count, 1);
	assert_non_null(find(&v, 80, 0));
	assert_int_equal(netns_inode(0), here);
	sock_vec_free(&v);
	close(c);
	close(listener);
}

static void test_mapped_is_ip4(void **state)
{
	NEEDS_LAB(state);
	int listener = serve(lab.host, SOCK_STREAM, "::", 8080);
	int c = dial(lab.peer, SOCK_STREAM, "10.9.0.1", 8080, "10.9.0.3");
	int six = dial(lab.peer, SOCK_STREAM, "fd09::1", 8080, "fd09::2");
	struct sock_vec v = {};

	assert_true(listener >= 0 && c >= 0 && six >= 0);
	assert_int_equal(sockdiag_dump(IPPROTO_TCP, SOCK_STATES_ALL, &v, NULL), 0);

	const struct sock_info *s = find(&v, 8080, port_of(c));

	assert_non_null(s);
	assert_int_equal(s->raw_family, AF_INET6);
	assert_int_equal(s->family, AF_INET);
	assert_address(s->peer, "10.9.0.3");
	assert_address(s->local, "10.9.0.1");
	s = find(&v, 8080, port_of(six));
	assert_non_null(s);
	assert_int_equal(s->family, AF_INET6);
	assert_address(s->peer, "fd09::2");
	s = find(&v, 8080, 0);
	assert_non_null(s);
	assert_int_equal(s->state, TCP_LISTEN);
	sock_vec_free(&v);
	close(six);
	close(c);
	close(listener);
}

static void test_unknown_protocol(void **state)
{
	NEEDS_LAB(state);
	struct error err = {};
	struct sock_vec v = {};

	assert_int_equal(sockdiag_dump(IPPROTO_EGP, SOCK_STATES_ALL, &v, &err), -ENOENT);
	assert_non_null(strstr(err.text, "cannot list"));
	assert_int_equal(v.count, 0);
}

static void test_address_is_local(void **state)
{
	__u8 a[16] = {};

	NEEDS_LAB(state);
	inet_pton(AF_INET, "10.9.0.1", a);
	assert_int_equal(address_is_local(AF_INET, a), 1);
	inet_pton(AF_INET, "10.9.0.2", a);
	assert_int_equal(address_is_local(AF_INET, a), 0);
	inet_pton(AF_INET, "203.0.113.9", a); /* no route at all */
	assert_int_equal(address_is_local(AF_INET, a), 0);
	inet_pton(AF_INET, "127.3.2.1", a);
	assert_int_equal(address_is_local(AF_INET, a), 1);
	inet_pton(AF_INET6, "fd09::1", a);
	assert_int_equal(address_is_local(AF_INET6, a), 1);
	inet_pton(AF_INET6, "fd09::2", a);
	assert_int_equal(address_is_local(AF_INET6, a), 0);
	inet_pton(AF_INET6, "::1", a);
	assert_int_equal(address_is_local(AF_INET6, a), 1);
}

static void test_reset_tcp(void **state)
{
	NEEDS_DESTROY(state);
	int l4 = serve(lab.peer, SOCK_STREAM, "0.0.0.0", 80);
	int l6 = serve(lab.peer, SOCK_STREAM, "::", 81);
	int own = serve(lab.host, SOCK_STREAM, "::", 82);
	int bad = dial(lab.host, SOCK_STREAM, "10.9.0.2", 80, NULL);
	int good = dial(lab.host, SOCK_STREAM, "10.9.0.3", 80, NULL);
	int bad6 = dial(lab.host, SOCK_STREAM, "fd09::2", 81, NULL);
	int mapped = dial(lab.host, SOCK_STREAM, "::ffff:10.9.0.2", 80, NULL);
	int half =
		dial(lab.host, SOCK_STREAM | SOCK_NONBLOCK, "10.9.0.77", 80, NULL); /* SYN_SENT */
	int inward = dial(lab.peer, SOCK_STREAM, "10.9.0.1", 82, NULL);
	int self = dial(lab.host, SOCK_STREAM, "127.0.0.1", 82, NULL);
	int self2 = dial(lab.host, SOCK_STREAM, "10.9.0.1", 82, NULL);
	int accepted = accept4(own, NULL, NULL, SOCK_CLOEXEC);
	struct reset_result res;
	struct error err = {};

	assert_true(l4 >= 0 && l6 >= 0 && bad >= 0 && good >= 0 && bad6 >= 0 && mapped >= 0 &&
		    half >= 0 && self >= 0);
	assert_true(inward >= 0 && self2 >= 0 && accepted >= 0);
	assert_int_equal(sockdiag_reset(keep_peer, "10.9.0.3", &res, &err), 0);
	assert_int_equal(res.tcp, 5); /* bad, bad6, mapped, half, accepted (from inward) */
	assert_int_equal(res.udp, 0);
	assert_int_equal(res.kept, 1);
	assert_int_equal(res.failed, 0);
	assert_int_equal(res.gone, 0);
	assert_int_equal(socket_error(bad), ECONNABORTED);
	assert_int_equal(socket_error(bad6), ECONNABORTED);
	assert_int_equal(socket_error(mapped), ECONNABORTED);
	assert_int_equal(socket_error(half), ECONNABORTED);
	assert_int_equal(socket_error(accepted), ECONNABORTED);
	assert_int_equal(socket_error(good), 0);
	assert_int_equal(send(good, "x", 1, MSG_NOSIGNAL), 1);
	assert_int_equal(send(self, "x", 1, MSG_NOSIGNAL), 1);
	assert_int_equal(send(self2, "x", 1, MSG_NOSIGNAL), 1);

	/* the listener lives: it still takes connections */
	int again = dial(lab.host, SOCK_STREAM, "127.0.0.1", 82, NULL);

	assert_true(again >= 0);

	/* idempotent */
	assert_int_equal(sockdiag_reset(keep_peer, "10.9.0.3", &res, &err), 0);
	assert_int_equal(res.tcp, 0);
	assert_int_equal(res.kept, 1);
	for (int fd = l4; fd <= again; fd++)
		close(fd);
}

/* CLOSE_WAIT, where the peer has hung up and the program not noticed, and sockets that no process
 * holds any more (FIN_WAIT1 against a peer that is silent). */
static void test_reset_half_closed(void **state)
{
	NEEDS_DESTROY(state);
	int l = serve(lab.peer, SOCK_STREAM, "10.9.0.2", 80);
	int waiting = dial(lab.host, SOCK_STREAM, "10.9.0.2", 80, NULL);
	int far = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	int orphan = dial(lab.host, SOCK_STREAM, "10.9.0.2", 80, NULL);
	struct reset_result res;
	struct sock_vec v = {};
	size_t count;

	assert_true(l >= 0 && waiting >= 0 && far >= 0 && orphan >= 0);
	close(far);
	usleep(20000);
	assert_int_equal(run("ip link set v0 down"), 0);
	close(orphan);
	assert_int_equal(sockdiag_dump(IPPROTO_TCP, SOCK_STATE(TCP_CLOSE_WAIT), &v, NULL), 0);
	assert_int_equal(v.count, 1);
	assert_int_equal(sockdiag_dump(IPPROTO_TCP, SOCK_STATE(TCP_FIN_WAIT1), &v, NULL), 0);
	assert_int_equal(v.count, 2);
	assert_int_equal(sockdiag_reset(keep_none, NULL, &res, NULL), 0);
	sock_vec_free(&v);
	assert_int_equal(sockdiag_dump(IPPROTO_TCP, SOCK_STATE(TCP_FIN_WAIT1), &v, NULL), 0);
	assert_int_equal(run("ip link set v0 up && ip addr add fd09::1/64 dev v0 nodad"), 0);
	close(waiting);
	close(l);
	assert_int_equal(res.tcp, 2);
	assert_int_equal(res.failed, 0);
	count = v.count;
	sock_vec_free(&v);
	if (count == 0)
		return;
	/* Until 6.11 the kernel throws away what such a socket had still to send, and no more. */
	print_message("# skip: this kernel says it destroys a socket that nobody holds, and lets it"
		      " live\n");
	skip();
}

static void test_reset_udp(void **state)
{
	NEEDS_DESTROY(state);
	int bad = dial(lab.host, SOCK_DGRAM, "10.9.0.2", 53, NULL);
	int bad6 = dial(lab.host, SOCK_DGRAM, "fd09::2", 53, NULL);
	int mapped = dial(lab.host, SOCK_DGRAM, "::ffff:10.9.0.2", 53, NULL);
	int good = dial(lab.host, SOCK_DGRAM, "10.9.0.3", 53, NULL);
	int self = dial(lab.host, SOCK_DGRAM, "127.0.0.1", 53, NULL);
	int unconnected = serve(lab.host, SOCK_DGRAM, "::", 5353);
	struct reset_result res;

	assert_true(bad >= 0 && bad6 >= 0 && mapped >= 0 && good >= 0 && unconnected >= 0);
	assert_int_equal(sockdiag_reset(keep_peer, "10.9.0.3", &res, NULL), 0);
	if (res.no_udp_diag)
		skip();
	assert_int_equal(res.udp, 3);
	assert_int_equal(res.tcp, 0);
	assert_int_equal(res.kept, 1);
	assert_int_equal(socket_error(bad), ECONNABORTED);
	assert_int_equal(socket_error(bad6), ECONNABORTED);
	assert_int_equal(socket_error(mapped), ECONNABORTED);
	assert_int_equal(socket_error(good), 0);
	assert_int_equal(socket_error(self), 0);
	assert_int_equal(socket_error(unconnected), 0);
	for (int fd = bad; fd <= unconnected; fd++)
		close(fd);
}

static bool keep_all_but_lab(const struct sock_info *s, void *arg)
{
	return !(s->family == AF_INET && s->peer[0] == 10 && s->peer[1] == 9 && s->peer[2] == 0) ||
	       (s->peer_port != 4711 && s->local_port != 4711);
}

/* Both namespaces, the peer's through a process that lives there. */
static void test_reset_all_namespaces(void **state)
{
	NEEDS_DESTROY(state);
	int l = serve(lab.peer, SOCK_STREAM, "10.9.0.2", 4711);
	int c = dial(lab.host, SOCK_STREAM, "10.9.0.2", 4711, NULL);
	int far = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	struct reset_result res;
	struct error err = {};

	assert_true(l >= 0 && c >= 0 && far >= 0);
	enter(lab.peer);

	pid_t child = fork();

	if (child == 0) {
		pause();
		_exit(0);
	}
	enter(lab.host);

	/* the first destroyed end sends a RST, which may end the other before its turn comes */
	assert_int_equal(sockdiag_reset_all(keep_all_but_lab, NULL, &res, &err), 0);
	assert_in_range(res.tcp, 1, 2);
	assert_true(res.namespaces >= 3); /* the machine's own, host and peer */
	assert_int_not_equal(socket_error(c), 0);
	assert_int_not_equal(socket_error(far), 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(far);
	close(c);
	close(l);
}

static void test_destroy_gone(void **state)
{
	NEEDS_DESTROY(state);
	int l = serve(lab.peer, SOCK_STREAM, "10.9.0.2", 80);
	int c = dial(lab.host, SOCK_STREAM, "10.9.0.2", 80, NULL);
	struct sock_vec v = {};

	assert_int_equal(sockdiag_dump(IPPROTO_TCP, SOCK_STATE(TCP_ESTABLISHED), &v, NULL), 0);
	assert_int_equal(v.count, 1);
	assert_int_equal(sockdiag_destroy(&v.items[0], NULL), 0);
	assert_int_equal(sockdiag_destroy(&v.items[0], NULL), -ENOENT);

	/* the same ports again: another socket, another cookie, so it is not hit by mistake */
	struct sockaddr_storage ss;
	int one = 1, port = v.items[0].local_port;

	close(c);
	c = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(c, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(c, (void *)&ss, address("10.9.0.1", port, &ss)), 0);
	assert_int_equal(connect(c, (void *)&ss, address("10.9.0.2", 80, &ss)), 0);
	assert_true(sockdiag_destroy(&v.items[0], NULL) < 0);
	assert_int_equal(socket_error(c), 0);
	sock_vec_free(&v);
	close(c);
	close(l);
}

/* A socket of a destroyed kind tells whether the kernel can. */
static bool kernel_can_destroy(void)
{
	int l = serve(lab.peer, SOCK_STREAM, "10.9.0.2", 80);
	int c = dial(lab.host, SOCK_STREAM, "10.9.0.2", 80, NULL);
	struct sock_vec v = {};
	bool can = true;

	if (!sockdiag_dump(IPPROTO_TCP, SOCK_STATE(TCP_ESTABLISHED), &v, NULL) && v.count)
		can = sockdiag_destroy(&v.items[0], NULL) != -EOPNOTSUPP;
	sock_vec_free(&v);
	close(c);
	close(l);
	return can;
}

static int setup(void **state)
{
	static int up = 1;

	if (netlab_up()) {
		print_message("# skipped: needs root and network namespaces\n");
		return 0;
	}
	*state = &up;
	no_destroy = !kernel_can_destroy();
	if (no_destroy)
		print_message("# skipped: this kernel has no INET_DIAG_DESTROY\n");
	return 0;
}

static int teardown(void **state)
{
	if (*state)
		netlab_down();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_mapped_is_ip4),
		cmocka_unit_test(test_unknown_protocol),
		cmocka_unit_test(test_address_is_local),
		cmocka_unit_test(test_reset_tcp),
		cmocka_unit_test(test_reset_half_closed),
		cmocka_unit_test(test_reset_udp),
		cmocka_unit_test(test_reset_all_namespaces),
		cmocka_unit_test(test_destroy_gone),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
