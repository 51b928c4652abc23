// SPDX-License-Identifier: BSD-2-Clause
/* The nftables backstop: frames that processes write themselves, and bridged ones. */
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

	if (nft_backstop_install(&policy, NULL, &err))
		fail_msg("%s", err.text);
}

/* Every frame, where the kernel hooks devices to come. */
static void test_new_device_raw(void **state)
{
	NEEDS(NFT_CAN_ANY_DEVICE);
	struct frame f = udp4_frame("10.8.0.2", true), arp = arp_frame(0, 0, false);

	ALLOW("10.8.0.2");
	install();
	new_pair();
	assert_false(frame_crosses("w0", &f, lab.peer, "w1"));
	assert_false(frame_crosses("w0", &arp, lab.peer, "w1"));
	f.bypass = false;
	assert_false(frame_crosses("w0", &f, lab.peer, "w1"));
	nft_guard((int)if_nametoindex("w0"), NULL);
	EVENTUALLY(frame_crosses("w0", &f, lab.peer, "w1"));
	EVENTUALLY(frame_crosses("w0", &arp, lab.peer, "w1"));
}

static void test_raw_frames(void **state)
{
	NEEDS(NFT_CAN_EGRESS);
	struct nft_state s;
	unsigned long long dropped = 0;

	ALLOW("10.9.0.2", "fd09::/64");
	install();
	for (int bypass = 0; bypass < 2; bypass++) {
		struct frame good = udp4_frame("10.9.0.2", bypass);
		struct frame bad = udp4_frame("10.9.0.3", bypass), f = bad;

		EVENTUALLY(raw_crosses(&good));
		assert_false(raw_crosses(&bad));

		/* the sender may claim what it likes */
		f.protocol = ETH_P_ARP;
		assert_false(raw_crosses(&f));
		f.protocol = ETH_P_IP;
		assert_false(raw_crosses(&f));
		f.protocol = ETH_P_PAE;
		assert_false(raw_crosses(&f));
		f.protocol = ETH_P_ALL;
		assert_false(raw_crosses(&f));
		f.protocol = ETH_P_8021Q;
		assert_false(raw_crosses(&f));

		/* an allowed destination in a header that hides another */
		f = good;
		f.bytes[14] = 0x46;
		assert_false(raw_crosses(&f));
		f = good;
		f.bytes[14] = 0x65;
		assert_false(raw_crosses(&f));

		f = arp_frame(0, 0, bypass);
		EVENTUALLY(raw_crosses(&f));
		f = arp_frame(18, 0, bypass);
		EVENTUALLY(raw_crosses(&f));
		f = arp_frame(18, 'A', bypass);
		assert_false(raw_crosses(&f));
		f = arp_frame(1, 'A', bypass);
		assert_false(raw_crosses(&f));
		f = arp_frame(40, 0, bypass);
		assert_false(raw_crosses(&f));
		f = arp_frame(0, 0, bypass);
		f.bytes[21] = 8; /* op */
		assert_false(raw_crosses(&f));

		f = ethernet(0x88b5); /* for experiments */
		f.bypass = bypass;
		append(&f, "0123456789012345678901234567890123456789012345", 46);
		assert_false(raw_crosses(&f));
	}
	s = state_now();
	dropped = s.raw[0][DIR_OUT].packets;
	assert_in_range(dropped, 20, 30); /* twelve each way; a skipped one would show */
	nft_state_free(&s);
}

/* On its way down through the devices a frame must not come to look as if a process wrote it: then
 * ports and grants, which tc knows of, would count for nothing. */
static void test_stacked_devices(void **state)
{
	static const struct {
		const char *kind, *make; /* of s0, over w0 */
	} kinds[] = {
		{"vlan", "ip link add s0 link w0 type vlan id 5"},
		{"QinQ", "ip link add s0 link w0 type vlan proto 802.1ad id 5"},
		{"macvlan", "ip link add s0 link w0 type macvlan mode bridge"},
		{"ipvlan", "ip link add s0 link w0 type ipvlan mode l2"},
		{"bond", "ip link add s0 type bond mode 1 && ip link set w0 down &&"
			 " ip link set w0 master s0"},
		/* not team: without teamd it sends nothing */
		{"bridge", "ip link add s0 type bridge && ip link set w0 master s0 &&"
			   " { echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables; true; }"},
		{"vrf", "ip link add s0 type vrf table 10 && ip link set w0 master s0"},
	};

	NEEDS(NFT_CAN_EGRESS);
	ALLOW_NOBODY();
	install();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		const char *device = strcmp(kinds[i].kind, "vrf") ? "s0" : "w0";
		int fd, client;

		new_pair();
		if (run("{ %s; } 2>/dev/null && ip link set w0 up && ip link set s0 up",
			kinds[i].make)) {
			print_message("# %s: not on this kernel\n", kinds[i].kind);
			assert_int_equal(run("ip link del w0; ip link del s0 2>/dev/null; true"),
					 0);
			continue;
		}
		nft_guard((int)if_nametoindex("w0"), NULL);
		nft_guard((int)if_nametoindex("s0"), NULL);
		assert_int_equal(run("ip addr flush dev w0 && ip addr add 10.8.0.1/24 dev %s &&"
				     " ip neigh replace 10.8.0.2 lladdr 02:00:00:00:00:09 dev %s",
				     device, device),
				 0);
		fd = packet_socket(lab.peer, "w1", ETH_P_ALL);
		client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		setsockopt(client, SOL_SOCKET, SO_BINDTODEVICE, device, 2);

		struct sockaddr_storage ss;
		socklen_t len = address("10.8.0.2", 4000, &ss);
		bool arrived = false;

		for (int try = 0; try < 20 && !arrived; try++) {
			(void)!sendto(client, "abcdefghijklmnop", 16, 0, (void *)&ss, len);
			while (!arrived && readable(fd, WAIT_MS)) {
				char got[128];
				ssize_t n = recv(fd, got, sizeof(got), 0);

				arrived = n > 16 && !memcmp(got + n - 16, "abcdefghijklmnop", 16);
			}
		}
		if (!arrived)
			fail_msg("cut on %s", kinds[i].kind);
		close(client);
		close(fd);
		nft_unguard((int)if_nametoindex("w0"), NULL);
		nft_unguard((int)if_nametoindex("s0"), NULL);
		assert_int_equal(run("ip link del s0; ip link del w0 2>/dev/null; true"), 0);
	}
}

static void test_raw_tagged(void **state)
{
	NEEDS(NFT_CAN_EGRESS);
	ALLOW("10.9.0.2");
	install();
	for (int bypass = 0; bypass < 2; bypass++)
		for (int bad = 0; bad < 2; bad++) {
			struct frame f = ethernet(ETH_P_8021Q);

			f.bypass = bypass;
			append(&f, "\x00\x05\x08\x00", 4);
			append_udp4(&f, bad ? "10.9.0.3" : "10.9.0.2");
			assert_int_equal(raw_crosses(&f), !bad);
			f.protocol = ETH_P_8021Q;
			if (bad)
				assert_false(raw_crosses(&f));
		}
	/* two pass, as a QinQ device sends them; three are one too many */
	for (int bad = 0; bad < 2; bad++) {
		struct frame f = ethernet(ETH_P_8021AD);

		append(&f, "\x00\x05\x81\x00\x00\x06\x08\x00", 8);
		append_udp4(&f, bad ? "10.9.0.3" : "10.9.0.2");
		assert_int_equal(raw_crosses(&f), !bad);
	}
	struct frame f = ethernet(ETH_P_8021AD);

	append(&f, "\x00\x05\x81\x00\x00\x06\x81\x00\x00\x07\x08\x00", 12);
	append_udp4(&f, "10.9.0.2");
	assert_false(raw_crosses(&f));
}

static void test_raw_ip6(void **state)
{
	NEEDS(NFT_CAN_EGRESS);
	ALLOW("fd09::2");
	install();
	for (int bypass = 0; bypass < 2; bypass++)
		for (int variant = 0; variant < 3; variant++) {
			struct frame f = ethernet(ETH_P_IPV6);
			__u8 ip[60] = {0x60, 0, 0, 0, 0, 20, IPPROTO_UDP, 64};

			f.bypass = bypass;
			inet_pton(AF_INET6, "fd09::1", ip + 8);
			inet_pton(AF_INET6, variant == 1 ? "fd09::3" : "fd09::2", ip + 24);
			if (variant == 2)
				ip[6] = IPPROTO_ROUTING;
			append(&f, ip, sizeof(ip));
			assert_int_equal(raw_crosses(&f), variant == 0);
		}
}

/* A frame that crosses a bridge meets no IP hook. */
static void test_new_bridge_port(void **state)
{
	NEEDS(NFT_CAN_BRIDGE | NFT_CAN_ANY_DEVICE);
	ALLOW_NOBODY();
	new_pair();
	assert_int_equal(
		run("ip link add br0 type bridge && ip link set br0 up &&"
		    " ip addr flush dev v0 && ip addr flush dev w0 &&"
		    " ip link set v0 master br0 &&"
		    " { echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables; true; } 2>/dev/null"),
		0);
	install();
	assert_int_equal(nft_guard((int)if_nametoindex("br0"), NULL), 0);
	assert_int_equal(run("ip link set w0 master br0"), 0);

	/* from the peer's w1 through our bridge to its v1: a way around, were it open */
	int fd = packet_socket(lab.peer, "v1", ETH_P_ALL);
	struct frame f = ethernet(0x88b5);
	bool arrived = false;

	for (int guard = 0; guard < 2; guard++) {
		append(&f, "0123456789012345678901234567890123456789012345", 46);
		f.size = 60;
		enter(lab.peer);

		int out = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
		struct sockaddr_ll ll = {.sll_family = AF_PACKET,
					 .sll_ifindex = (int)if_nametoindex("w1")};

		enter(lab.host);
		memset(f.bytes, 0xff, 6);
		(void)!sendto(out, f.bytes, 60, 0, (void *)&ll, sizeof(ll));
		close(out);
		arrived = false;
		while (!arrived && readable(fd, WAIT_MS)) {
			__u8 got[128];

			arrived = recv(fd, got, sizeof(got), 0) == 60 && got[12] == 0x88 &&
				  got[13] == 0xb5;
		}
		assert_int_equal(arrived, guard);
		nft_guard((int)if_nametoindex("w0"), NULL);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		nft_test(test_new_device_raw),	nft_test(test_raw_frames),
		nft_test(test_stacked_devices), nft_test(test_raw_tagged),
		nft_test(test_raw_ip6),		nft_test(test_new_bridge_port),
	};

	return run_modes(tests, sizeof(tests) / sizeof(*tests), argc > 1 ? argv[1] : NULL);
}
