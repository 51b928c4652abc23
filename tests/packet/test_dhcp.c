// SPDX-License-Identifier: BSD-2-Clause
/* DHCP: out only to where no router carries it, in only to the client's port. */
#include "../lib/rows.h"
#include <stdio.h>

#define ALL4 "255.255.255.255"
#define SERVERS "ff02::1:2"
#define SERVER "192.0.2.254"

#define REQUEST 1
#define REPLY 2

static struct frame *ask4(const char *dst, struct frame *f)
{
	return out(ip4("0.0.0.0", dst, f));
}

static struct frame *ask6(const char *dst, struct frame *f)
{
	return out(ip6(HOST_LL, dst, f));
}

/* Only what may be DHCP is worth a look at bytes that XDP cannot reach. */
static void test_xdp_drops_other_udp_by_its_header(void **state)
{
	const struct hook h = {"xdp_in_frags", PROG_xdp_in_frags, DIR_IN, true, false};
	struct outcome o;

	lab_allow("");
	lab_control(CONTROL_ENFORCE);
	if (lab.progs.fd[PROG_xdp_in_frags] < 0 ||
	    !lab_run(&h, in4(SERVER, dhcp4(67, 68, REPLY)), ETH_HLEN + 28, &o)) {
		printf("# skip: this kernel's BPF_PROG_TEST_RUN knows no short first buffer\n");
		skip();
	}
	assert_false(o.dropped);
	assert_true(lab_run(&h, in4(SERVER, udp(4000, 5000)), ETH_HLEN + 28, &o));
	assert_true(o.dropped);
	assert_int_equal(o.reason, NOT_ALLOWED);
}

int main(void)
{
	const struct row rows[] = {
		/* IPv4 */
		{"discover", "", ask4(ALL4, dhcp4(68, 67, REQUEST)), DHCP},
		{"rebind, with an address", "", out4(ALL4, dhcp4(68, 67, REQUEST)), DHCP},
		{"an offer by broadcast", "", in(ip4(SERVER, ALL4, dhcp4(67, 68, REPLY))), DHCP},
		{"an answer to us", "", in4(SERVER, dhcp4(67, 68, REPLY)), DHCP},
		{"renewal, to the server alone", "", out4(SERVER, dhcp4(68, 67, REQUEST)),
		 NOT_ALLOWED},
		{"to an allowed server", SERVER, out4(SERVER, dhcp4(68, 67, REQUEST)), ALLOWED},
		{"to anywhere", "", out4("203.0.113.9", dhcp4(68, 67, REQUEST)), NOT_ALLOWED},
		{"to the subnet's broadcast", "", out4("192.0.2.255", dhcp4(68, 67, REQUEST)),
		 NOT_ALLOWED},
		{"to a group", "", out4("224.0.0.1", dhcp4(68, 67, REQUEST)), NOT_ALLOWED},
		{"we are no server", "", out(ip4(HOST4, ALL4, dhcp4(67, 68, REPLY))), NOT_ALLOWED},
		{"we are no server, whatever the operation", "",
		 out(ip4(HOST4, ALL4, dhcp4(67, 68, REQUEST))), NOT_ALLOWED},
		{"a reply as a client", "", ask4(ALL4, dhcp4(68, 67, REPLY)), NOT_ALLOWED},
		{"a request from a server's port", "", in4(SERVER, dhcp4(67, 68, REQUEST)),
		 NOT_ALLOWED},
		{"a client asks us", "", in(ip4("0.0.0.0", ALL4, dhcp4(68, 67, REQUEST))),
		 NOT_ALLOWED},
		{"operation 0", "", ask4(ALL4, dhcp4(68, 67, 0)), NOT_ALLOWED},
		{"operation 3 in", "", in4(SERVER, dhcp4(67, 68, 3)), NOT_ALLOWED},
		{"from another port", "", ask4(ALL4, dhcp4(4000, 67, REQUEST)), NOT_ALLOWED},
		{"from the server's port", "", ask4(ALL4, dhcp4(67, 67, REQUEST)), NOT_ALLOWED},
		{"to another port", "", ask4(ALL4, dhcp4(68, 4000, REQUEST)), NOT_ALLOWED},
		{"in from another port", "", in4(SERVER, dhcp4(4000, 68, REPLY)), NOT_ALLOWED},
		{"in to another port", "", in4(SERVER, dhcp4(67, 4000, REPLY)), NOT_ALLOWED},
		{"in to the server's port", "", in4(SERVER, dhcp4(67, 67, REPLY)), NOT_ALLOWED},
		{"over TCP", "", ask4(ALL4, tcp(68, 67, SYN)), NOT_ALLOWED},
		{"nothing in it", "", ask4(ALL4, udp_with(68, 67, payload(0))), NOT_ALLOWED},
		{"nothing in it, the operation in the padding", "",
		 out(pad(18, 1, ip4("0.0.0.0", ALL4, udp_with(68, 67, payload(0))))), NOT_ALLOWED},
		{"nothing in it in, the operation in the padding", "",
		 in(pad(18, 2, ip4(SERVER, HOST4, udp_with(67, 68, payload(0))))), NOT_ALLOWED},
		{"in fragments", "",
		 out(fragment4(1, 0, 1, ip4("0.0.0.0", ALL4, dhcp4(68, 67, 1)))), NOT_ALLOWED},
		{"in fragments in", "",
		 in(fragment4(1, 0, 1, ip4(SERVER, HOST4, dhcp4(67, 68, 2)))), NOT_ALLOWED},
		{"the next fragment", "",
		 after(out(fragment4(1, 0, 1, ip4("0.0.0.0", ALL4, dhcp4(68, 67, 1)))),
		       out(fragment4(1, 304, 0, ip4("0.0.0.0", ALL4, proto(17, payload(50)))))),
		 ORPHAN},
		{"bytes behind UDP", "",
		 out(ip4("0.0.0.0", ALL4, pad(20, 'x', dhcp4(68, 67, REQUEST)))), NOT_ALLOWED},
		{"bytes behind IP", "",
		 out(pad(20, 'x', ip4("0.0.0.0", ALL4, dhcp4(68, 67, REQUEST)))), NOT_ALLOWED},
		{"bytes behind IP in", "",
		 in(pad(20, 'x', ip4(SERVER, HOST4, dhcp4(67, 68, REPLY)))), DHCP},
		{"UDP longer than the packet", "",
		 in4(SERVER, poke16(4, 309, dhcp4(67, 68, REPLY))), NOT_ALLOWED},
		{"UDP shorter than the packet", "",
		 ask4(ALL4, poke16(4, 100, dhcp4(68, 67, REQUEST))), NOT_ALLOWED},
		{"UDP longer than the packet out", "",
		 ask4(ALL4, poke16(4, 309, dhcp4(68, 67, REQUEST))), NOT_ALLOWED},
		{"DHCPv6's ports in IPv4", "", ask4(ALL4, dhcp4(546, 547, REQUEST)), NOT_ALLOWED},
		{"in a VLAN", "",
		 out(vlan(ETH_P_8021Q, ip4("0.0.0.0", ALL4, dhcp4(68, 67, REQUEST)))), DHCP},

		/* IPv6 */
		{"solicit", "", ask6(SERVERS, dhcp6(546, 547, 1)), DHCP},
		{"request", "", ask6(SERVERS, dhcp6(546, 547, 3)), DHCP},
		{"information-request", "", ask6(SERVERS, dhcp6(546, 547, 11)), DHCP},
		{"advertise", "", in(ip6("fe80::2", HOST_LL, dhcp6(547, 546, 2))), DHCP},
		{"reply from a global address", "",
		 in(ip6("2001:db8:9::9", HOST_LL, dhcp6(547, 546, 7))), DHCP},
		{"reconfigure", "", in(ip6("fe80::2", HOST_LL, dhcp6(547, 546, 10))), DHCP},
		{"reply to a global address", "", in6("fe80::2", dhcp6(547, 546, 7)), NOT_ALLOWED},
		{"reply to a group", "", in(ip6("fe80::2", "ff02::1", dhcp6(547, 546, 7))),
		 NOT_ALLOWED},
		{"to the server alone", "", ask6("fe80::2", dhcp6(546, 547, 3)), NOT_ALLOWED},
		{"to anywhere", "", out6("2001:db8:9::9", dhcp6(546, 547, 3)), NOT_ALLOWED},
		{"to all servers of the site", "", ask6("ff05::1:3", dhcp6(546, 547, 1)),
		 NOT_ALLOWED},
		{"to all nodes", "", ask6("ff02::1", dhcp6(546, 547, 1)), NOT_ALLOWED},
		{"to a group that begins like it", "", ask6("ff02:0:0:1::1:2", dhcp6(546, 547, 1)),
		 NOT_ALLOWED},
		{"to a group that ends like it", "", ask6("ff02::1:1:2", dhcp6(546, 547, 1)),
		 NOT_ALLOWED},
		{"we are no server", "", ask6(SERVERS, dhcp6(547, 546, 2)), NOT_ALLOWED},
		{"we are no relay (relay-forward)", "", ask6(SERVERS, dhcp6(546, 547, 12)),
		 NOT_ALLOWED},
		{"a server's message as a client", "", ask6(SERVERS, dhcp6(546, 547, 7)),
		 NOT_ALLOWED},
		{"a client's message to us", "", in(ip6("fe80::2", HOST_LL, dhcp6(547, 546, 1))),
		 NOT_ALLOWED},
		{"a client asks us", "", in(ip6("fe80::2", SERVERS, dhcp6(546, 547, 1))),
		 NOT_ALLOWED},
		{"from another port", "", ask6(SERVERS, dhcp6(4000, 547, 1)), NOT_ALLOWED},
		{"to another port", "", ask6(SERVERS, dhcp6(546, 4000, 1)), NOT_ALLOWED},
		{"in to another port", "", in(ip6("fe80::2", HOST_LL, dhcp6(547, 4000, 7))),
		 NOT_ALLOWED},
		{"in from another port", "", in(ip6("fe80::2", HOST_LL, dhcp6(4000, 546, 7))),
		 NOT_ALLOWED},
		{"in a fragment", "", ask6(SERVERS, fragment6(1, 0, 1, dhcp6(546, 547, 1))),
		 NOT_ALLOWED},
		{"behind options", "", ask6(SERVERS, extension(60, 0, dhcp6(546, 547, 1))),
		 NOT_ALLOWED},
		{"bytes behind", "", out(pad(20, 'x', ip6(HOST_LL, SERVERS, dhcp6(546, 547, 1)))),
		 NOT_ALLOWED},
		{"DHCPv4's ports in IPv6", "", ask6(SERVERS, dhcp6(68, 67, 1)), NOT_ALLOWED},
	};

	const struct CMUnitTest own[] = {cmocka_unit_test(test_xdp_drops_other_udp_by_its_header)};

	return RUN_ROWS_AND("DHCP", rows, own);
}
