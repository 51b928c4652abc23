// SPDX-License-Identifier: BSD-2-Clause
/* The nftables backstop: what crosses the wire on devices that are guarded, and that are not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <unistd.h>
#include "nftlab.h"
#include <cmocka.h> /* behind what declares fail(), which it makes a macro of */
#include "nftmodes.h"

static void install(void)
{
	struct error err = {};

	if (nft_backstop_install(&policy, NULL, &err))
		fail_msg("%s", err.text);
}

static void assert_shut(void)
{
	assert_false(udp_out("10.8.0.2"));
	assert_false(udp_out("fd08::2"));
	assert_false(udp_in("10.8.0.2", "10.8.0.1"));
	assert_false(udp_in("fd08::2", "fd08::1"));
}

static void assert_open(void)
{
	EVENTUALLY(udp_out("10.8.0.2"));
	EVENTUALLY(udp_out("fd08::2"));
	EVENTUALLY(udp_in("10.8.0.2", "10.8.0.1"));
	EVENTUALLY(udp_in("fd08::2", "fd08::1"));
}

/* What the backstop does not have to judge passes: tc does that. */
static void test_guarded_is_left_alone(void **state)
{
	NEEDS_LAB();
	ALLOW_NOBODY();
	install();
	EVENTUALLY(udp_out("10.9.0.2"));
	EVENTUALLY(udp_out("fd09::2"));
	EVENTUALLY(udp_in("10.9.0.2", "10.9.0.1"));
	EVENTUALLY(udp_in("fd09::2", "fd09::1"));
	assert_true(udp_crosses(lab.host, NULL, lab.host, "127.0.0.1", 4001));
	assert_true(udp_crosses(lab.host, NULL, lab.host, "::1", 4001));
	assert_true(udp_crosses(lab.host, NULL, lab.host, "10.9.0.1", 4001));

	int l = serve(lab.peer, SOCK_STREAM, "10.9.0.3", 80);
	int c = dial(lab.host, SOCK_STREAM, "10.9.0.3", 80, NULL);

	assert_true(l >= 0 && c >= 0);
	close(c);
	close(l);
}

static void test_new_device(void **state)
{
	NEEDS_LAB();
	struct nft_state s;

	ALLOW("10.8.0.2", "fd08::2"); /* not even allowed peers */
	install();
	new_pair();
	assert_shut();
	s = state_now();
	assert_true(s.unguarded[0][DIR_OUT].packets >= 2);
	assert_true(s.unguarded[0][DIR_IN].packets + s.unguarded[0][DIR_OUT].packets >= 4);
	assert_int_equal(s.unguarded[1][DIR_IN].packets, 0);
	nft_state_free(&s);
	EVENTUALLY(udp_out("10.9.0.2")); /* and the others go on */

	int ifindex = (int)if_nametoindex("w0");

	assert_int_equal(nft_guard(ifindex, NULL), 0);
	assert_int_equal(nft_guard(ifindex, NULL), 0);
	assert_open();
	s = state_now();
	assert_int_equal(s.guarded_count, 2);
	assert_false(s.torn);
	nft_state_free(&s);
	assert_int_equal(nft_unguard(ifindex, NULL), 0);
	assert_int_equal(nft_unguard(ifindex, NULL), 0);
	assert_shut();
	s = state_now();
	assert_int_equal(s.guarded_count, 1);
	assert_false(s.torn);
	nft_state_free(&s);
}

/* ARP would tell a neighbour that we are there, and can carry bytes. */
static void test_new_device_arp(void **state)
{
	NEEDS(NFT_CAN_ARP);
	int fd;

	ALLOW_NOBODY();
	new_pair();
	install();
	fd = packet_socket(lab.peer, "w1", ETH_P_ARP);
	dial(lab.host, SOCK_DGRAM, "10.8.0.2", 9, NULL);
	(void)!run("ip neigh add 10.8.0.77 dev w0 nud probe 2>/dev/null;"
		   " ip neigh replace 10.8.0.78 lladdr 02:00:00:00:00:01 dev w0 nud probe");
	assert_false(readable(fd, 1200));
	nft_remove_all(NULL);
	(void)!run("ip neigh replace 10.8.0.79 lladdr 02:00:00:00:00:01 dev w0 nud probe");
	assert_true(readable(fd, 1200)); /* the probe itself works */
	close(fd);
}

static void test_renamed(void **state)
{
	NEEDS_LAB();
	ALLOW_NOBODY();
	new_pair();
	install();
	nft_guard((int)if_nametoindex("w0"), NULL);
	assert_int_equal(run("ip link set w0 down && ip link set w0 name x0 && ip link set x0 up &&"
			     " ip addr add fd08::1/64 dev x0 nodad"),
			 0);
	assert_open(); /* it is the same device */

	/* another one with the old name is not */
	assert_int_equal(run("ip link del x0"), 0);
	new_pair();
	assert_shut();
}

static void test_moved_in(void **state)
{
	NEEDS_LAB();
	ALLOW_NOBODY();
	install();
	enter(lab.peer);
	assert_int_equal(
		run("ip link add w0 type veth peer name w1 && ip link set w1 up &&"
		    " ip addr add 10.8.0.2/24 dev w1 && ip addr add fd08::2/64 dev w1 nodad &&"
		    " ip link set w0 netns /proc/%d/fd/%d",
		    getpid(), lab.host),
		0);
	enter(lab.host);
	assert_int_equal(run("ip link set w0 up && ip addr add 10.8.0.1/24 dev w0 &&"
			     " ip addr add fd08::1/64 dev w0 nodad"),
			 0);
	assert_shut();
}

/* A device that leaves and comes back keeps its index, but not its programs. */
static void test_came_back(void **state)
{
	NEEDS(NFT_CAN_EGRESS);
	struct nft_state s;
	int before;

	ALLOW_NOBODY();
	new_pair();
	before = (int)if_nametoindex("w0");
	install();
	assert_int_equal(nft_guard(before, NULL), 0);
	assert_int_equal(run("ip link set w0 netns /proc/%d/fd/%d", getpid(), lab.peer), 0);
	enter(lab.peer);
	assert_int_equal(run("ip link set w0 netns /proc/%d/fd/%d", getpid(), lab.host), 0);
	enter(lab.host);
	assert_int_equal(run("ip link set w0 up && ip addr add 10.8.0.1/24 dev w0"), 0);
	if ((int)if_nametoindex("w0") != before) {
		print_message("# skipped: it came back as a new device, which is shut\n");
		skip();
	}
	/* before 6.16 the kernel drops the device's chain, and the state tells */
	s = state_now();
	if (!s.torn)
		print_message("# this kernel brings the chain back with the device\n");
	else
		assert_non_null(strstr(s.torn_text, "w0"));
	nft_state_free(&s);
	/* whoever hears of it leaving says so, as watch does */
	assert_int_equal(nft_unguard(before, NULL), 0);
	assert_shut();
}

static void test_forwarded(void **state)
{
	NEEDS_LAB();
	ALLOW_NOBODY();
	new_pair();
	enter(lab.peer); /* from w1's address out of w1 to an address behind v0, which it answers */
	assert_int_equal(run("ip route add 10.77.0.0/24 via 10.8.0.1 dev w1 src 10.8.0.2 &&"
			     " ip addr add 10.77.0.1/32 dev lo"),
			 0);
	enter(lab.host);
	assert_int_equal(run("sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0"
			     " net.ipv4.conf.w0.rp_filter=0 &&"
			     " ip route add 10.77.0.2/32 via 10.9.0.2 dev v0"),
			 0);

	int fd = packet_socket(lab.peer, "v1", ETH_P_IP);
	int client = dial(lab.peer, SOCK_DGRAM, "10.77.0.2", 9, "10.8.0.2");

	(void)!send(client, "warm", 4, 0);
	assert_true(readable(fd, 500)); /* forwarding works */
	install();
	while (readable(fd, WAIT_MS)) {
		char drain[256];

		(void)!recv(fd, drain, sizeof(drain), 0);
	}
	(void)!send(client, "x", 1, 0);
	assert_false(readable(fd, WAIT_MS));
	nft_guard((int)if_nametoindex("w0"), NULL);
	(void)!send(client, "x", 1, 0);
	assert_true(readable(fd, WAIT_MS));
	close(client);
	close(fd);
}

static void test_audit(void **state)
{
	NEEDS_LAB();
	struct nft_state s;

	ALLOW_NOBODY();
	policy.audit = true;
	install();
	new_pair();
	assert_open();
	if (kernel_can & ~policy.cannot & NFT_CAN_EGRESS) {
		struct frame f = udp4_frame("10.9.0.3", true);

		EVENTUALLY(raw_crosses(&f));
	}
	s = state_now();
	assert_true(s.audit);
	assert_true(s.unguarded[1][DIR_OUT].packets >= 2);
	assert_true(s.unguarded[1][DIR_IN].packets >= 2);
	assert_int_equal(s.unguarded[0][DIR_OUT].packets, 0);
	if (kernel_can & ~policy.cannot & NFT_CAN_EGRESS)
		assert_int_equal(s.raw[1][DIR_OUT].packets, 1);
	nft_state_free(&s);
}

static void test_deadline(void **state)
{
	NEEDS_LAB();
	struct nft_state s;

	ALLOW_NOBODY();
	new_pair();
	policy.for_ns = 2000000000;
	install();
	s = state_now();
	assert_true(s.armed);
	assert_in_range(s.left_ns, 1, 2000000000);
	nft_state_free(&s);
	assert_false(udp_out("10.8.0.2"));
	usleep(2100000);
	assert_open();
	s = state_now();
	assert_int_equal(s.kind, NFT_BACKSTOP);
	assert_false(s.armed);
	nft_state_free(&s);

	/* set anew, taken away, set again */
	assert_int_equal(nft_set_deadline(60000000000, NULL), 0);
	assert_false(udp_out("10.8.0.2"));
	assert_int_equal(nft_set_deadline(0, NULL), 0);
	s = state_now();
	assert_true(s.armed);
	assert_int_equal(s.left_ns, 0);
	nft_state_free(&s);
	assert_false(udp_out("10.8.0.2"));
	assert_int_equal(nft_set_deadline(1000000, NULL), 0);
	usleep(100000);
	assert_open();
}

static void test_replaced(void **state)
{
	NEEDS_LAB();
	struct nft_state s;
	unsigned long long before;

	ALLOW_NOBODY();
	install();
	new_pair();
	assert_false(udp_out("10.8.0.2"));
	s = state_now();
	before = s.unguarded[0][DIR_OUT].packets;
	assert_true(before > 0);
	nft_state_free(&s);
	ALLOW("10.9.0.2");
	install();
	s = state_now();
	assert_true(s.unguarded[0][DIR_OUT].packets >= before);
	assert_int_equal(s.guarded_count, 1); /* as the new policy says */
	nft_state_free(&s);
}

static void test_torn(void **state)
{
	NEEDS_LISTING();
	struct nft_state s;

	ALLOW_NOBODY();
	install();
	s = state_now();
	assert_int_equal(s.kind, NFT_BACKSTOP);
	assert_false(s.torn);
	nft_state_free(&s);
	assert_int_equal(run("nft flush chain inet hostiso output"), 0);
	s = state_now();
	assert_true(s.torn);
	assert_non_null(strstr(s.torn_text, "table inet hostiso"));
	nft_state_free(&s);
	install();
	assert_int_equal(run("nft delete table inet hostiso"), 0);
	s = state_now();
	assert_int_equal(s.kind, NFT_BACKSTOP);
	assert_true(s.torn);
	nft_state_free(&s);
	assert_int_equal(nft_guard(1234, NULL), -ENOENT);
	assert_int_equal(nft_remove_all(NULL), 0);
	s = state_now();
	assert_int_equal(s.kind, NFT_NONE);
	nft_state_free(&s);
	assert_int_equal(nft_remove_all(NULL), 0);
}

/* Somebody else's tables stay as they are, byte for byte. */
static void test_others_untouched(void **state)
{
	NEEDS_LISTING();
	static char before[65536], after[65536];

	assert_int_equal(
		run("nft -f - <<'X'\n"
		    "table inet filter {\n"
		    " set hosts { type ipv4_addr; flags interval; elements = { 192.0.2.0/24 } }\n"
		    " chain input { type filter hook input priority 0; policy accept;\n"
		    "  ct state established accept\n  ip saddr @hosts counter drop\n }\n}\n"
		    "table netdev others { chain in { type filter hook ingress device v0 priority 0;"
		    " ip saddr 192.0.2.7 drop\n }\n}\n"
		    "table ip hostiso2 {\n chain c {\n }\n}\nX"),
		0);
	ruleset(before, sizeof(before));
	assert_true(strlen(before) > 100);
	ALLOW("10.9.0.2");
	install();
	assert_int_equal(nft_guard((int)if_nametoindex("v0"), NULL), 0);
	nft_set_deadline(60000000000, NULL);
	ruleset(after, sizeof(after)); /* and nft(8) can list ours as well */
	assert_non_null(strstr(after, "table inet hostiso {"));
	assert_non_null(strstr(after, "\"v0\""));
	install();
	assert_int_equal(nft_remove_all(NULL), 0);
	ruleset(after, sizeof(after));
	assert_string_equal(before, after);
	assert_int_equal(run("nft flush ruleset"), 0);
}

/* A failure leaves what was there. */
static void test_all_or_nothing(void **state)
{
	NEEDS_LAB();
	struct error err = {};
	struct nft_state s;
	unsigned int can;
	bool needs_chain;

	ALLOW_NOBODY();
	install();
	policy.guarded_count = 2;
	guarded[1] = 999999;
	can = (kernel_can | policy.force) & ~policy.cannot;
	needs_chain = can & NFT_CAN_EGRESS && !(can & NFT_CAN_ANY_DEVICE);
	if (needs_chain) {
		assert_int_equal(nft_backstop_install(&policy, NULL, &err), -ENODEV);
		assert_true(err.text[0]);
	}
	s = state_now();
	assert_int_equal(s.kind, NFT_BACKSTOP);
	assert_int_equal(s.guarded_count, 1);
	assert_false(s.torn);
	nft_state_free(&s);
	assert_int_equal(nft_guard(999999, &err), needs_chain ? -ENODEV : 0);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		nft_test(test_guarded_is_left_alone),
		nft_test(test_new_device),
		nft_test(test_new_device_arp),
		nft_test(test_renamed),
		nft_test(test_moved_in),
		nft_test(test_came_back),
		nft_test(test_forwarded),
		nft_test(test_audit),
		nft_test(test_deadline),
		nft_test(test_replaced),
		nft_test(test_torn),
		nft_test(test_others_untouched),
		nft_test(test_all_or_nothing),
	};

	return run_modes(tests, sizeof(tests) / sizeof(*tests), argc > 1 ? argv[1] : NULL);
}
