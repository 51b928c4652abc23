// SPDX-License-Identifier: BSD-2-Clause
/* The nftables backend: the policy by rules alone, seen on the wire. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <sys/wait.h>
#include "HostIsolation/nftread.h"
#include "nftlab.h"
#include <cmocka.h> /* behind what declares fail(), which it makes a macro of */
#include "nftmodes.h"

static void install(void)
{
	struct error err = {};

	if (nft_backend_install(&policy, NULL, &err))
		fail_msg("%s", err.text);
}

static bool tcp_opens(int from_ns, int to_ns, const char *to, int port, const char *from)
{
	int l = serve(to_ns, SOCK_STREAM, to, port);
	int c = dial(from_ns, SOCK_STREAM | SOCK_NONBLOCK, to, port, from);
	struct pollfd p = {.fd = c, .events = POLLOUT};
	int error = -1;
	socklen_t len = sizeof(error);

	if (l >= 0 && c >= 0 && poll(&p, 1, 2 * WAIT_MS) == 1)
		getsockopt(c, SOL_SOCKET, SO_ERROR, &error, &len);
	close(c);
	close(l);
	return error == 0;
}

#define TCP_OUT(to, port) tcp_opens(lab.host, lab.peer, to, port, NULL)
#define TCP_IN(from, to, port) tcp_opens(lab.peer, lab.host, to, port, from)

static void test_addresses(void **state)
{
	NEEDS_LAB();
	ALLOW("10.9.0.2", "fd09::2");
	install();
	EVENTUALLY(udp_out("10.9.0.2"));
	EVENTUALLY(udp_out("fd09::2"));
	EVENTUALLY(udp_in("10.9.0.2", "10.9.0.1"));
	EVENTUALLY(udp_in("fd09::2", "fd09::1"));
	EVENTUALLY(TCP_OUT("10.9.0.2", 80));
	EVENTUALLY(TCP_IN("fd09::2", "fd09::1", 80));
	assert_false(udp_out("10.9.0.3"));
	assert_false(udp_out("fd09::3"));
	assert_false(udp_in("10.9.0.3", "10.9.0.1"));
	assert_false(udp_in("fd09::3", "fd09::1"));
	assert_false(TCP_OUT("10.9.0.3", 80));
	assert_false(TCP_IN("10.9.0.3", "10.9.0.1", 80));
	assert_true(udp_crosses(lab.host, NULL, lab.host, "127.0.0.1", 4001));
	assert_true(udp_crosses(lab.host, NULL, lab.host, "10.9.0.1", 4001));
	assert_true(counted(REASON_ALLOWED, DIR_OUT).packets >= 3);
	assert_true(counted(REASON_ALLOWED, DIR_IN).packets >= 3);
	assert_true(counted(REASON_NOT_ALLOWED, DIR_OUT).packets >= 3);
	assert_true(counted(REASON_NOT_ALLOWED, DIR_IN).packets >= 3);
	assert_true(counted(REASON_NOT_ALLOWED, DIR_OUT).bytes > 28);
}

/* No port is a way out: not DNS's, not DHCP's. */
static void test_no_holes(void **state)
{
	static const int ports[] = {53, 67, 68, 123, 546, 547, 5353};

	NEEDS_LAB();
	ALLOW_NOBODY();
	install();
	for (size_t i = 0; i < sizeof(ports) / sizeof(*ports); i++) {
		int server = serve(lab.peer, SOCK_DGRAM, "0.0.0.0", ports[i]);
		int client = serve(lab.host, SOCK_DGRAM, "0.0.0.0", ports[(i + 1) % 7]);
		struct sockaddr_storage ss;
		socklen_t len = address("10.9.0.2", ports[i], &ss);

		assert_true(server >= 0 && client >= 0);
		(void)!sendto(client, "\1", 1, 0, (void *)&ss, len);
		assert_false(readable(server, WAIT_MS));
		close(server);
		close(client);
	}
	/* the DHCP client's own ports, but not to broadcast */
	int server = serve(lab.peer, SOCK_DGRAM, "10.9.0.2", 67);
	int client = serve(lab.host, SOCK_DGRAM, "10.9.0.1", 68);
	struct sockaddr_storage ss;
	socklen_t len = address("10.9.0.2", 67, &ss);

	(void)!sendto(client, "\1", 1, 0, (void *)&ss, len);
	assert_false(readable(server, WAIT_MS));
	close(server);
	close(client);
}

static void test_tcp_ports(void **state)
{
	NEEDS_LAB();
	ALLOW("out:10.9.0.2:80-81/tcp", "in:10.9.0.3:22/tcp", "out:[fd09::2]:443", "in:fd09::3");
	install();
	EVENTUALLY(TCP_OUT("10.9.0.2", 80));
	EVENTUALLY(TCP_OUT("10.9.0.2", 81));
	assert_false(TCP_OUT("10.9.0.2", 82));
	assert_false(TCP_OUT("10.9.0.2", 79));
	assert_false(TCP_OUT("10.9.0.3", 80));
	assert_false(TCP_IN("10.9.0.2", "10.9.0.1", 80)); /* out: is not in: */
	assert_false(udp_out("10.9.0.2"));
	EVENTUALLY(TCP_IN("10.9.0.3", "10.9.0.1", 22));
	assert_false(TCP_IN("10.9.0.3", "10.9.0.1", 23));
	assert_false(TCP_IN("10.9.0.2", "10.9.0.1", 22));
	assert_false(TCP_OUT("10.9.0.3", 22));
	EVENTUALLY(TCP_OUT("fd09::2", 443));
	assert_false(TCP_OUT("fd09::2", 444));
	EVENTUALLY(TCP_IN("fd09::3", "fd09::1", 1234));
	assert_false(TCP_OUT("fd09::3", 1234));
	assert_true(counted(REASON_ALLOWED_PORT, DIR_OUT).packets >= 6);
	assert_true(counted(REASON_ALLOWED_PORT, DIR_IN).packets >= 6);
}

/* Whether the far side's words are an answer, the flow tells. */
static void test_udp_flows(void **state)
{
	NEEDS_LAB();
	ALLOW("out:10.9.0.2:4000/udp", "in:10.9.0.3:4000/udp", "out:[fd09::2]:4000/udp");
	install();
	for (int six = 0; six < 2; six++) {
		int server = serve(lab.peer, SOCK_DGRAM, six ? "fd09::2" : "10.9.0.2", 4000);
		int client = dial(lab.host, SOCK_DGRAM, six ? "fd09::2" : "10.9.0.2", 4000, NULL);
		unsigned long long before = counted(REASON_NO_FLOW, DIR_IN).packets;
		struct sockaddr_storage ss;
		socklen_t len = address(six ? "fd09::1" : "10.9.0.1", port_of(client), &ss);

		/* unasked, from the right port: no */
		(void)!sendto(server, "x", 1, 0, (void *)&ss, len);
		assert_false(readable(client, WAIT_MS));
		assert_int_equal(counted(REASON_NO_FLOW, DIR_IN).packets, before + 1);
		/* asked: yes */
		EVENTUALLY(send(client, "x", 1, 0) == 1 && readable(server, WAIT_MS));
		(void)!sendto(server, "x", 1, 0, (void *)&ss, len);
		assert_true(readable(client, 1000));
		/* the same question from another port is another flow */
		int other = dial(lab.host, SOCK_DGRAM, six ? "fd09::2" : "10.9.0.2", 4000, NULL);

		len = address(six ? "fd09::1" : "10.9.0.1", port_of(other), &ss);
		(void)!sendto(server, "x", 1, 0, (void *)&ss, len);
		assert_false(readable(other, WAIT_MS));
		close(other);
		close(client);
		close(server);
	}
	/* in: they ask, we answer, and do not begin */
	int server = serve(lab.host, SOCK_DGRAM, "10.9.0.1", 4000);
	int client = dial(lab.peer, SOCK_DGRAM, "10.9.0.1", 4000, "10.9.0.3");
	struct sockaddr_storage ss;
	socklen_t len = address("10.9.0.3", port_of(client), &ss);

	(void)!sendto(server, "x", 1, 0, (void *)&ss, len);
	assert_false(readable(client, WAIT_MS));
	EVENTUALLY(send(client, "x", 1, 0) == 1 && readable(server, WAIT_MS));
	(void)!sendto(server, "x", 1, 0, (void *)&ss, len);
	assert_true(readable(client, 1000));

	/* a new policy does not forget them */
	install();
	(void)!recv(client, &ss, 1, MSG_DONTWAIT);
	len = address("10.9.0.3", port_of(client), &ss);
	(void)!sendto(server, "y", 1, 0, (void *)&ss, len);
	assert_true(readable(client, 1000));
	close(client);
	close(server);
}

/* What was begun before the cut is cut as well, in the middle of it. */
static void test_long_lived_connections(void **state)
{
	NEEDS_LAB();
	int bad_l = serve(lab.peer, SOCK_STREAM, "10.9.0.3", 80);
	int good_l = serve(lab.peer, SOCK_STREAM, "10.9.0.2", 80);
	int bad = dial(lab.host, SOCK_STREAM, "10.9.0.3", 80, NULL);
	int good = dial(lab.host, SOCK_STREAM, "10.9.0.2", 80, NULL);
	int bad_far = accept4(bad_l, NULL, NULL, SOCK_CLOEXEC);
	int good_far = accept4(good_l, NULL, NULL, SOCK_CLOEXEC);

	assert_true(bad_far >= 0 && good_far >= 0);
	ALLOW("out:10.9.0.2:80/tcp");
	install();
	assert_int_equal(send(bad, "x", 1, MSG_NOSIGNAL), 1);
	assert_int_equal(send(good, "x", 1, MSG_NOSIGNAL), 1);
	assert_true(readable(good_far, 1000));
	assert_false(readable(bad_far, 2 * WAIT_MS));
	assert_int_equal(send(bad_far, "x", 1, MSG_NOSIGNAL), 1);
	assert_int_equal(send(good_far, "x", 1, MSG_NOSIGNAL), 1);
	assert_true(readable(good, 1000));
	assert_false(readable(bad, 2 * WAIT_MS));
	close(bad);
	close(good);
	close(bad_far);
	close(good_far);
	close(bad_l);
	close(good_l);
}

static void test_kept_connection(void **state)
{
	NEEDS_LAB();
	struct kept_key kept[2] = {};

	ALLOW_NOBODY();
	for (int six = 0; six < 2; six++) {
		const char *local = six ? "fd09::1" : "10.9.0.1";
		int l = serve(lab.host, SOCK_STREAM, local, 22);
		const char *peer = six ? "fd09::2" : "10.9.0.2";
		int c = dial(lab.peer, SOCK_STREAM, local, 22, peer);
		int a = accept4(l, NULL, NULL, SOCK_CLOEXEC);
		int c2 = dial(lab.peer, SOCK_STREAM, local, 22, peer);
		int a2 = accept4(l, NULL, NULL, SOCK_CLOEXEC);

		assert_true(c >= 0 && a >= 0 && c2 >= 0 && a2 >= 0);
		kept[0] = (struct kept_key){.family = six ? AF_INET6 : AF_INET,
					    .local_port = htons(22),
					    .peer_port = htons((uint16_t)port_of(c))};
		inet_pton((int)kept[0].family, local, kept[0].local);
		inet_pton((int)kept[0].family, peer, kept[0].peer);
		policy.kept = kept;
		policy.kept_count = 1;
		install();
		assert_int_equal(send(a, "x", 1, MSG_NOSIGNAL), 1);
		assert_true(readable(c, 1000));
		assert_int_equal(send(c, "x", 1, MSG_NOSIGNAL), 1);
		assert_true(readable(a, 1000));
		/* that one and no other */
		assert_int_equal(send(a2, "x", 1, MSG_NOSIGNAL), 1);
		assert_false(readable(c2, 2 * WAIT_MS));
		close(c);
		close(a);
		close(c2);
		close(a2);
		close(l);
		assert_false(TCP_IN(NULL, local, 22));
		nft_remove_all(NULL);
	}
	policy.kept_count = 0;
}

static void test_audit(void **state)
{
	NEEDS_LAB();
	ALLOW("10.9.0.2");
	policy.audit = true;
	install();
	EVENTUALLY(udp_out("10.9.0.3"));
	EVENTUALLY(udp_in("10.9.0.3", "10.9.0.1"));

	struct nft_state s = state_now();

	assert_true(s.audit);
	assert_int_equal(s.kind, NFT_BACKEND);
	assert_true(s.counters[counter_index(1, REASON_NOT_ALLOWED, DIR_OUT)].packets >= 1);
	assert_true(s.counters[counter_index(1, REASON_NOT_ALLOWED, DIR_IN)].packets >= 1);
	assert_int_equal(s.counters[counter_index(0, REASON_NOT_ALLOWED, DIR_OUT)].packets, 0);
	nft_state_free(&s);

	/* in force, the counts of the audit stay */
	policy.audit = false;
	install();
	assert_false(udp_out("10.9.0.3"));
	s = state_now();
	assert_true(s.counters[counter_index(1, REASON_NOT_ALLOWED, DIR_OUT)].packets >= 1);
	assert_true(s.counters[counter_index(0, REASON_NOT_ALLOWED, DIR_OUT)].packets >= 1);
	nft_state_free(&s);
}

static void test_deadlines(void **state)
{
	NEEDS_LAB();
	/* an entry's own */
	policy_make((const char *const[]){"10.9.0.2", "out:10.9.0.3:4000/udp", NULL},
		    boot_now() + 2500000000);
	install();
	EVENTUALLY(udp_out("10.9.0.2"));
	EVENTUALLY(udp_out("10.9.0.3"));
	usleep(3500000); /* ticks may lag behind the clock */
	assert_false(udp_out("10.9.0.2"));
	assert_false(udp_out("10.9.0.3"));
	/* entries that were over before */
	install();
	assert_false(udp_out("10.9.0.2"));

	/* the isolation's */
	assert_int_equal(nft_set_deadline(300000000, NULL), 0);
	usleep(300000);
	EVENTUALLY(udp_out("10.9.0.3"));
	EVENTUALLY(udp_in("10.9.0.3", "10.9.0.1"));
}

static void test_new_device(void **state)
{
	NEEDS_LAB();
	ALLOW("10.8.0.2", "10.9.0.2");
	install();
	assert_int_equal(run("ip link add w0 type veth peer name w1 &&"
			     " ip link set w1 netns /proc/%d/fd/%d && ip link set w0 up &&"
			     " ip addr add 10.8.0.1/24 dev w0",
			     getpid(), lab.peer),
			 0);
	enter(lab.peer);
	assert_int_equal(run("ip link set w1 up && ip addr add 10.8.0.2/24 dev w1 &&"
			     " ip addr add 10.8.0.3/24 dev w1"),
			 0);
	enter(lab.host);
	assert_false(udp_out("10.8.0.2"));
	assert_false(udp_in("10.8.0.2", "10.8.0.1"));
	assert_int_equal(nft_guard((int)if_nametoindex("w0"), NULL), 0);
	EVENTUALLY(udp_out("10.8.0.2"));
	EVENTUALLY(udp_in("10.8.0.2", "10.8.0.1"));
	assert_false(udp_out("10.8.0.3"));
	assert_false(udp_in("10.8.0.3", "10.8.0.1"));

	struct nft_state s = state_now();

	assert_false(s.torn);
	nft_state_free(&s);
	assert_int_equal(run("ip link del w0"), 0);
	s = state_now();
	assert_false(s.torn);
	nft_state_free(&s);
}

static size_t set_size(int family, const char *set)
{
	struct nft_element_vec v = {};
	struct error err = {};

	if (nft_read_elements(family, set, &v, &err))
		fail_msg("%s", err.text);
	free(v.items);
	return v.count;
}

static void test_large_allowlist(void **state)
{
	NEEDS_LAB();
	struct error err = {};
	/* Of Linux 5.10 each takes as long as there are others: a minute in an emulated machine. */
	const unsigned int count = getenv("HOSTISO_VM") ? 6000 : 30000;
	struct nft_state s;
	int judged;

	ALLOW("10.9.0.2");
	for (unsigned int i = 0; i < count; i++) {
		struct entry_key k = {
			.family = i % 2 ? AF_INET6 : AF_INET,
			.prefixlen = i % 2 ? 128 : 32,
			.dir = i % 10 ? ENTRY_DIR_BOTH : DIR_OUT,
			.port_lo = i % 10 ? 0 : 443,
			.port_hi = i % 10 ? 65535 : 443,
			.proto = i % 10 ? 0 : IPPROTO_TCP,
			.addr = {172, (__u8)(i >> 15), (__u8)(i >> 7), (__u8)(2 * i)}};

		assert_int_equal(allowlist_add(&allow_list, &k, FOREVER, 0), 0);
	}
	allowlist_sort(&allow_list);
	compiled_free(&allow_compiled);
	assert_int_equal(compile_allowlist(&allow_list, &allow_compiled, &err), 0);
	install();
	s = state_now();
	judged = s.can & NFT_CAN_EGRESS ? NFPROTO_NETDEV : NFPROTO_INET;
	nft_state_free(&s);
	assert_true(set_size(judged, "allow4") > count / 3);
	assert_true(set_size(judged, "allow6") > count / 3);
	EVENTUALLY(udp_out("10.9.0.2"));
	assert_false(udp_out("10.9.0.3"));
}

static void test_listed_and_removed(void **state)
{
	NEEDS_LISTING();
	static char before[65536], after[262144];

	ALLOW("10.9.0.0/25", "10.9.0.128/25", "out:10.9.1.0/24:80-90/tcp", "in:[fd09::2]:22/tcp");
	ruleset(before, sizeof(before));
	install();
	ruleset(after, sizeof(after));
	assert_non_null(strstr(after, "10.9.0.0/24"));
	assert_non_null(strstr(after, "10.9.1.0/24 . tcp . 80-90"));
	assert_non_null(strstr(after, "fd09::2 . tcp . 22"));
	assert_int_equal(nft_remove_all(NULL), 0);
	ruleset(after, sizeof(after));
	assert_string_equal(before, after);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		nft_test(test_addresses),
		nft_test(test_no_holes),
		nft_test(test_tcp_ports),
		nft_test(test_udp_flows),
		nft_test(test_long_lived_connections),
		nft_test(test_kept_connection),
		nft_test(test_audit),
		nft_test(test_deadlines),
		nft_test(test_new_device),
		nft_test(test_large_allowlist),
		nft_test(test_listed_and_removed),
	};

	return run_modes(tests, sizeof(tests) / sizeof(*tests), argc > 1 ? argv[1] : NULL);
}
