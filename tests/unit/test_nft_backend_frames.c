// SPDX-License-Identifier: BSD-2-Clause
/* The nftables backend: what is not a plain packet of an allowed peer, seen on the wire. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include "nftlab.h"
#include <cmocka.h> /* behind what declares fail(), which it makes a macro of */
#include "nftmodes.h"

static void install(void)
{
	struct error err = {};

	if (nft_backend_install(&policy, NULL, &err))
		fail_msg("%s", err.text);
}

static void test_dhcp(void **state)
{
	NEEDS_LAB();
	int server, client, one = 1;
	struct sockaddr_storage ss;
	socklen_t len = address("255.255.255.255", 67, &ss);

	ALLOW_NOBODY();
	install();
	server = serve(lab.peer, SOCK_DGRAM, "0.0.0.0", 67);
	client = serve(lab.host, SOCK_DGRAM, "0.0.0.0", 68);
	setsockopt(client, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one));
	assert_int_equal(setsockopt(client, SOL_SOCKET, SO_BINDTODEVICE, "v0", 2), 0);
	assert_int_equal(sendto(client, "\1", 1, 0, (void *)&ss, len), 1);
	assert_true(readable(server, 1000));
	/* the IP stack's hooks see a broadcast twice: one copy comes back to ourselves */
	unsigned long long sent = counted(REASON_DHCP, DIR_OUT).packets;

	assert_in_range(sent, 1, 2);
	(void)!sendto(client, "\2", 1, 0, (void *)&ss, len); /* no request */
	assert_int_equal(counted(REASON_DHCP, DIR_OUT).packets, sent);

	/* the answer, from a server that is not on the list */
	len = address("10.9.0.1", 68, &ss);
	assert_int_equal(sendto(server, "\2", 1, 0, (void *)&ss, len), 1);
	assert_true(readable(client, 1000));
	assert_int_equal(counted(REASON_DHCP, DIR_IN).packets, 1);
	close(server);
	close(client);
}

static bool pings(const char *options, const char *to)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd), "ping %s -c 1 -W 1 %s >/dev/null 2>&1", options, to);
	return system(cmd) == 0;
}

/* ND and ARP must go on, or allowed peers are lost as soon as their entries grow old. */
static void test_neighbours(void **state)
{
	NEEDS_LAB();
	ALLOW("10.9.0.2", "fd09::2");
	install();
	for (int i = 0; i < 2; i++) {
		assert_int_equal(run("ip neigh flush dev v0"), 0);
		enter(lab.peer);
		assert_int_equal(run("ip neigh flush dev v1"), 0);
		enter(lab.host);
		EVENTUALLY(udp_out("fd09::2"));
		EVENTUALLY(udp_out("10.9.0.2"));
	}
	assert_true(counted(REASON_ND, DIR_OUT).packets >= 1);
	EVENTUALLY(udp_in("fd09::2", "fd09::1")); /* solicits us, and we answer by unicast */

	/* one that is not allowed is a neighbour all the same, and gets its answer */
	unsigned long long in = counted(REASON_ND, DIR_IN).packets;

	enter(lab.peer);
	assert_int_equal(run("ip neigh flush dev v1"), 0);
	assert_false(pings("-6 -I fd09::3", "fd09::1"));
	assert_int_equal(run("ip -6 neigh show fd09::1 dev v1 | grep -q lladdr"), 0);
	enter(lab.host);
	assert_true(counted(REASON_ND, DIR_IN).packets > in);
}

static void send_icmp6(const char *to, int hops, const void *data, size_t size)
{
	struct sockaddr_storage ss;
	socklen_t len = address(to, 0, &ss);
	int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);

	((struct sockaddr_in6 *)&ss)->sin6_scope_id = if_nametoindex("v0");
	setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof(hops));
	setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops));
	setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "v0", 2);
	(void)!sendto(fd, data, size, 0, (void *)&ss, len); /* fails where it drops */
	close(fd);
}

/* Neighbour discovery as a tunnel: to where a router would take it, with more in it than it has
 * room for, or from farther away than the link. */
static void test_nd_shapes(void **state)
{
	NEEDS_LAB();
	__u8 ns[72] = {135, 0, 0, 0, 0, 0, 0, 0, 0xfd, 9, [23] = 3};
	unsigned long long passed, bad;

	ALLOW_NOBODY();
	install();
	assert_int_equal(run("ip -6 neigh replace fd09::77 lladdr 02:00:00:00:00:01 dev v0"), 0);
	assert_int_equal(run("ip -6 neigh replace fd09::78 lladdr 02:00:00:00:00:01 dev v0"), 0);
	passed = counted(REASON_ND, DIR_OUT).packets;
	bad = counted(REASON_ND_SHAPE, DIR_OUT).packets;
	send_icmp6("fd09::77", 255, ns, 24); /* nobody knows it for a neighbour */
	assert_int_equal(counted(REASON_ND_SHAPE, DIR_OUT).packets, bad + 1);
	send_icmp6("ff02::1:ff00:3", 64, ns, 24);
	assert_int_equal(counted(REASON_ND_SHAPE, DIR_OUT).packets, bad + 2);
	send_icmp6("ff02::1:ff00:3", 255, ns, 72);
	assert_int_equal(counted(REASON_ND_SHAPE, DIR_OUT).packets, bad + 3);
	ns[0] = 137;
	send_icmp6("ff02::1", 255, ns, 40);
	assert_int_equal(counted(REASON_REDIRECT, DIR_OUT).packets, 1);
	ns[0] = 135;
	send_icmp6("ff02::1:ff00:3", 255, ns, 24);
	assert_true(counted(REASON_ND, DIR_OUT).packets >= passed + 1);
	assert_true(counted(REASON_ND_SHAPE, DIR_OUT).packets == bad + 3);
	assert_int_equal(run("ip -6 neigh flush dev v0"), 0);
}

static void test_ping(void **state)
{
	NEEDS_LAB();
	ALLOW("10.9.0.2", "fd09::2", "out:10.9.0.3");
	install();
	EVENTUALLY(pings("", "10.9.0.2"));
	EVENTUALLY(pings("-6", "fd09::2"));
	assert_false(pings("-6", "fd09::3"));
	assert_false(pings("-I 10.9.0.1", "10.9.0.4"));
}

/* ICMP errors come back when the packet they quote went to an allowed peer. */
static void test_icmp_errors(void **state)
{
	NEEDS_LAB();
	ALLOW("10.77.0.1", "out:10.77.0.2:9/udp");
	/* the peer is the router that says it cannot be reached; it is not on the list itself */
	assert_int_equal(run("ip route add 10.77.0.0/24 via 10.9.0.2"), 0);
	enter(lab.peer);
	assert_int_equal(run("ip route add unreachable 10.77.0.0/24;"
			     " sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0"),
			 0);
	enter(lab.host);
	install();
	for (int i = 1; i <= 2; i++) {
		char to[16];
		int fd;

		snprintf(to, sizeof(to), "10.77.0.%d", i);
		fd = dial(lab.host, SOCK_DGRAM, to, 9, NULL);
		assert_true(fd >= 0);
		EVENTUALLY(send(fd, "x", 1, 0) == 1 && (usleep(50000), 1) &&
			   counted(REASON_ICMP_ERROR, DIR_IN).packets >= (unsigned int)i);
		close(fd);
	}

	/* and nobody else's: an error about what never went there */
	unsigned long long before = counted(REASON_NOT_ALLOWED, DIR_IN).packets;
	__u8 error[36] = {3, 1, 0, 0, 0, 0, 0, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, IPPROTO_UDP};
	__u32 sum = 0;
	struct sockaddr_storage ss;
	socklen_t len = address("10.9.0.1", 0, &ss);

	inet_pton(AF_INET, "10.9.0.1", error + 20);
	inet_pton(AF_INET, "10.66.0.1", error + 24);
	for (size_t i = 0; i < sizeof(error); i += 2)
		sum += (__u32)error[i] << 8 | error[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	error[2] = (__u8)(sum >> 8);
	error[3] = (__u8)sum;
	enter(lab.peer);

	int raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);

	assert_int_equal(sendto(raw, error, sizeof(error), 0, (void *)&ss, len), sizeof(error));
	(void)!run("ip route del unreachable 10.77.0.0/24");
	enter(lab.host);
	close(raw);
	usleep(20000);
	assert_int_equal(counted(REASON_NOT_ALLOWED, DIR_IN).packets, before + 1);
	(void)!run("ip route del 10.77.0.0/24");
}

static void test_fragments(void **state)
{
	NEEDS_LAB();
	struct nft_state s;

	ALLOW("10.9.0.2");
	install();
	EVENTUALLY(pings("-s 4000", "10.9.0.2"));
	assert_false(pings("-s 4000", "10.9.0.3"));
	s = state_now();
	assert_true(s.counters[counter_index(0, REASON_ORPHAN, DIR_OUT)].packets >= 1 ||
		    s.counters[counter_index(0, REASON_NOT_ALLOWED, DIR_OUT)].packets >= 1);
	nft_state_free(&s);
}

static void send_with_options(const __u8 *option, int size)
{
	struct sockaddr_storage ss;
	socklen_t len = address("10.9.0.2", 4000, &ss);
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	__u8 p[64] = {0x40, 0, 0, 0, 0, 0, 0, 0, 64, IPPROTO_UDP};

	p[0] = (__u8)(0x45 + size / 4);
	inet_pton(AF_INET, "10.9.0.1", p + 12);
	inet_pton(AF_INET, "10.9.0.2", p + 16);
	memcpy(p + 20, option, (size_t)size);
	p[20 + size] = 0x20;
	p[22 + size] = 4000 >> 8;
	p[23 + size] = 4000 & 255;
	p[25 + size] = 8;
	(void)!sendto(fd, p, (size_t)size + 28, 0, (void *)&ss, len);
	close(fd);
}

/* The allowed address in the header, the real one in the option. */
static void test_source_routes(void **state)
{
	NEEDS(NFT_CAN_OPTIONS);
	static const __u8 lsrr[8] = {131, 7, 4, 10, 9, 0, 3, 0}, rr[8] = {7, 7, 4};
	unsigned long long allowed;

	ALLOW("10.9.0.2");
	install();
	EVENTUALLY(udp_out("10.9.0.2")); /* the neighbour is known: nothing waits for ARP */
	allowed = counted(REASON_ALLOWED, DIR_OUT).packets;
	send_with_options(lsrr, 0);
	assert_int_equal(counted(REASON_ALLOWED, DIR_OUT).packets, allowed + 1);
	send_with_options(lsrr, 8);
	assert_int_equal(counted(REASON_SOURCE_ROUTE, DIR_OUT).packets, 1);
	assert_int_equal(counted(REASON_ALLOWED, DIR_OUT).packets, allowed + 1);
	send_with_options(rr, 8);
	if (kernel_can & ~policy.cannot & NFT_CAN_EGRESS) /* there, all options drop */
		assert_int_equal(counted(REASON_SOURCE_ROUTE, DIR_OUT).packets, 2);
	else
		assert_int_equal(counted(REASON_ALLOWED, DIR_OUT).packets, allowed + 2);
}

static void test_raw_frames(void **state)
{
	NEEDS(NFT_CAN_EGRESS);
	ALLOW("10.9.0.2");
	install();
	for (int bypass = 0; bypass < 2; bypass++) {
		struct frame good = udp4_frame("10.9.0.2", bypass);
		struct frame bad = udp4_frame("10.9.0.3", bypass);
		struct frame arp = arp_frame(18, 'A', bypass), real = arp_frame(0, 0, bypass);

		EVENTUALLY(raw_crosses(&good));
		assert_false(raw_crosses(&bad));
		assert_false(raw_crosses(&arp));
		EVENTUALLY(raw_crosses(&real));
	}
}

/* What comes in and is not IP: real ARP and little else. */
static void test_frames_in(void **state)
{
	NEEDS_LAB();
	struct frame f = ethernet(0x88b5);
	unsigned long long before;
	struct sockaddr_ll ll = {.sll_family = AF_PACKET, .sll_halen = 6};

	ALLOW_NOBODY();
	install();
	append(&f, "0123456789012345678901234567890123456789012345", 46);
	enter(lab.peer);

	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	ll.sll_ifindex = (int)if_nametoindex("v1");
	enter(lab.host);
	assert_true(fd >= 0 && ll.sll_ifindex > 0);
	before = counted(REASON_ETHERTYPE, DIR_IN).packets;
	assert_int_equal(sendto(fd, f.bytes, 60, 0, (void *)&ll, sizeof(ll)), 60);
	usleep(20000);
	assert_int_equal(counted(REASON_ETHERTYPE, DIR_IN).packets, before + 1);
	f = arp_frame(18, 0, false);
	before = counted(REASON_ARP, DIR_IN).packets;
	assert_int_equal(sendto(fd, f.bytes, 60, 0, (void *)&ll, sizeof(ll)), 60);
	usleep(20000);
	assert_true(counted(REASON_ARP, DIR_IN).packets >= before + 1);
	f = arp_frame(40, 0, false);
	before = counted(REASON_ARP_SHAPE, DIR_IN).packets;
	assert_int_equal(sendto(fd, f.bytes, 82, 0, (void *)&ll, sizeof(ll)), 82);
	usleep(20000);
	assert_int_equal(counted(REASON_ARP_SHAPE, DIR_IN).packets, before + 1);
	close(fd);
}

/* Between two ports of a bridge: each frame is judged where it comes in and where it leaves. */
static void test_bridged(void **state)
{
	NEEDS_LAB();
	ALLOW("10.9.0.2");
	assert_int_equal(
		run("ip link add w0 type veth peer name w1 && ip link set w1 netns /proc/%d/fd/%d &&"
		    " ip link add br0 type bridge && ip link set br0 up && ip link set w0 up &&"
		    " ip addr flush dev v0 && ip link set v0 master br0 && ip link set w0 master br0",
		    getpid(), lab.peer),
		0);
	(void)!run("echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables 2>/dev/null");
	enter(lab.peer);
	assert_int_equal(run("ip link set w1 up"), 0);

	int out = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	struct sockaddr_ll ll = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex("w1")};

	enter(lab.host);
	guarded[1] = (int)if_nametoindex("w0");
	guarded[2] = (int)if_nametoindex("br0");
	policy.guarded_count = 3;

	int fd = packet_socket(lab.peer, "v1", ETH_P_IP);

	for (int cut = 0; cut < 2; cut++) {
		struct frame f = udp4_frame("10.9.0.3", false);
		bool arrived = false;

		memset(f.bytes, 0xff, 6);
		f.bytes[29] = 2; /* from 10.9.0.2, which is allowed, to one that is not */
		if (cut)
			install();
		while (readable(fd, WAIT_MS))
			(void)!recv(fd, f.bytes + 100, 1, MSG_TRUNC);
		for (int try = 0; try < (cut ? 1 : 20) && !arrived; try++) {
			assert_int_equal(sendto(out, f.bytes, 60, 0, (void *)&ll, sizeof(ll)), 60);
			arrived = readable(fd, WAIT_MS);
		}
		assert_int_equal(arrived, !cut);
	}
	assert_true(counted(REASON_NOT_ALLOWED, DIR_OUT).packets >= 1);
	close(fd);
	close(out);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		nft_test(test_dhcp),	      nft_test(test_neighbours),  nft_test(test_nd_shapes),
		nft_test(test_ping),	      nft_test(test_icmp_errors), nft_test(test_fragments),
		nft_test(test_source_routes), nft_test(test_raw_frames),  nft_test(test_frames_in),
		nft_test(test_bridged),
	};

	return run_modes(tests, sizeof(tests) / sizeof(*tests), argc > 1 ? argv[1] : NULL);
}
