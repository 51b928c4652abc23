// SPDX-License-Identifier: BSD-2-Clause
/* Entries that name only addresses: who passes, until when, and through which prefix. */
#include "../lib/rows.h"

#define PEERS "10.0.0.5 2001:db8:5::5"

int main(void)
{
	const struct row rows[] = {
		/* who passes: any protocol, both ways, both families */
		{"an allowed address passes out", "10.0.0.5", out4("10.0.0.5", tcp(4000, 443, SYN)),
		 ALLOWED},
		{"and in", "10.0.0.5", in4("10.0.0.5", tcp(4000, 22, SYN)), ALLOWED},
		{"UDP", "10.0.0.5", out4("10.0.0.5", udp(4000, 53)), ALLOWED},
		{"UDP in", "10.0.0.5", in4("10.0.0.5", udp(53, 4000)), ALLOWED},
		{"ping", "10.0.0.5", out4("10.0.0.5", ping4()), ALLOWED},
		{"a protocol nobody knows", "10.0.0.5", in4("10.0.0.5", proto(253, payload(9))),
		 ALLOWED},
		{"its neighbour does not", "10.0.0.5", out4("10.0.0.4", tcp(4000, 443, SYN)),
		 NOT_ALLOWED},
		{"nor in", "10.0.0.5", in4("10.0.0.4", tcp(443, 4000, SYN | ACK)), NOT_ALLOWED},
		{"UDP to a stranger", "10.0.0.5", out4("10.0.0.6", udp(4000, 5000)), NOT_ALLOWED},
		{"ping of a stranger", "10.0.0.5", in4("10.0.0.6", ping4()), NOT_ALLOWED},
		{"an allowed IPv6 address passes out", "2001:db8:5::5",
		 out6("2001:db8:5::5", tcp(4000, 443, SYN)), ALLOWED},
		{"and IPv6 in", "2001:db8:5::5", in6("2001:db8:5::5", udp(1, 2)), ALLOWED},
		{"ping6", "2001:db8:5::5", in6("2001:db8:5::5", ping6()), ALLOWED},
		{"no next header", "2001:db8:5::5", in6("2001:db8:5::5", proto(59, payload(0))),
		 ALLOWED},
		{"its IPv6 neighbour does not", "2001:db8:5::5",
		 out6("2001:db8:5::4", tcp(4000, 443, SYN)), NOT_ALLOWED},
		{"ping6 of a stranger", "2001:db8:5::5", out6("2001:db8:5::6", ping6()),
		 NOT_ALLOWED},

		/* the peer is the far end, never the near one */
		{"the host's own address opens nothing out", HOST4, out4("10.0.0.9", udp(1, 2)),
		 NOT_ALLOWED},
		{"nor in", HOST4, in4("10.0.0.9", udp(1, 2)), NOT_ALLOWED},
		{"nor IPv6 out", HOST6, out6("2001:db8:9::9", udp(1, 2)), NOT_ALLOWED},
		{"nor IPv6 in", HOST6, in6("2001:db8:9::9", udp(1, 2)), NOT_ALLOWED},

		/* families are apart, though one trie's key begins like the other's */
		{"an IPv4 entry opens no IPv6 address of the same bytes", "32.1.13.184",
		 out6("2001:db8::", udp(1, 2)), NOT_ALLOWED},
		{"an IPv6 entry opens no IPv4 address of the same bytes", "2001:db8::/32",
		 out4("32.1.13.184", udp(1, 2)), NOT_ALLOWED},
		{"IPv4 in IPv6's clothes is IPv6", "10.0.0.5", out6("::ffff:10.0.0.5", udp(1, 2)),
		 NOT_ALLOWED},
		{"nothing is allowed at all", "", out4("10.0.0.5", udp(1, 2)), NOT_ALLOWED},
		{"nothing is allowed at all, IPv6", "", in6("2001:db8:5::5", udp(1, 2)),
		 NOT_ALLOWED},
		{"0.0.0.0/0 allows all of IPv4", "0.0.0.0/0", out4("203.0.113.7", udp(1, 2)),
		 ALLOWED},
		{"but not IPv6", "0.0.0.0/0", out6("2001:db8:5::5", udp(1, 2)), NOT_ALLOWED},
		{"::/0 allows all of IPv6", "::/0", in6("2001:db8:5::5", udp(1, 2)), ALLOWED},
		{"but not IPv4", "::/0", in4("203.0.113.7", udp(1, 2)), NOT_ALLOWED},

		/* broadcast and multicast are destinations like others */
		{"broadcast", PEERS, out4("255.255.255.255", udp(4000, 5000)), NOT_ALLOWED},
		{"multicast", PEERS, out4("224.0.0.251", udp(5353, 5353)), NOT_ALLOWED},
		{"multicast of IPv6", PEERS, out6("ff02::fb", udp(5353, 5353)), NOT_ALLOWED},
		{"multicast from an allowed peer", "10.0.0.5",
		 in(ip4("10.0.0.5", "224.0.0.251", udp(5353, 5353))), ALLOWED},
		{"a loopback address on the wire", PEERS, in4("127.0.0.1", udp(1, 2)), NOT_ALLOWED},
		{"IGMP has no hole", PEERS, out4("224.0.0.22", proto(2, payload(8))), NOT_ALLOWED},

		/* DNS is no hole */
		{"a DNS query", PEERS, out4("10.0.0.9", udp(4000, 53)), NOT_ALLOWED},
		{"from port 53 to anywhere", PEERS, out4("10.0.0.9", udp(53, 4000)), NOT_ALLOWED},
		{"from port 53 to port 53", PEERS, out4("10.0.0.9", udp(53, 53)), NOT_ALLOWED},
		{"a DNS answer", PEERS, in4("10.0.0.9", udp(53, 4000)), NOT_ALLOWED},
		{"to our port 53", PEERS, in4("10.0.0.9", udp(4000, 53)), NOT_ALLOWED},
		{"DNS over TCP", PEERS, out4("10.0.0.9", tcp(4000, 53, SYN)), NOT_ALLOWED},
		{"a DNS query, IPv6", PEERS, out6("2001:db8:9::9", udp(4000, 53)), NOT_ALLOWED},
		{"a DNS answer, IPv6", PEERS, in6("2001:db8:9::9", udp(53, 4000)), NOT_ALLOWED},

		/* prefixes inside each other: the union holds, hits go to the narrowest */
		{"a /8 allows", "10.0.0.0/8", out4("10.255.0.1", udp(1, 2)), ALLOWED},
		{"and ends", "10.0.0.0/8", out4("11.0.0.1", udp(1, 2)), NOT_ALLOWED},
		{"a /31 takes in two", "10.0.0.4/31", out4("10.0.0.5", udp(1, 2)), ALLOWED},
		{"and no third", "10.0.0.4/31", out4("10.0.0.6", udp(1, 2)), NOT_ALLOWED},
		{"inside both", "10.0.0.0/8 10.1.0.0/16", out4("10.1.2.3", udp(1, 2)), ALLOWED,
		 "10.1.0.0/16"},
		{"inside the wide one only", "10.0.0.0/8 10.1.0.0/16", out4("10.2.2.3", udp(1, 2)),
		 ALLOWED, "10.0.0.0/8"},
		{"a narrow port entry takes nothing away", "10.0.0.0/8 10.1.2.3:443/tcp",
		 out4("10.1.2.3", udp(1, 2)), ALLOWED, "10.0.0.0/8"},
		{"also in", "10.0.0.0/8 10.1.2.3:443/tcp", in4("10.1.2.3", tcp(9, 22, SYN)),
		 ALLOWED, "10.0.0.0/8"},
		{"a wide port entry holds inside a narrow one",
		 "10.0.0.0/8:443/tcp 10.1.2.0/24:80/tcp", out4("10.1.2.3", tcp(4000, 443, SYN)),
		 ALLOWED_PORT, "10.0.0.0/8:443/tcp"},
		{"beside the narrow one's own", "10.0.0.0/8:443/tcp 10.1.2.0/24:80/tcp",
		 out4("10.1.2.3", tcp(4000, 80, SYN)), ALLOWED_PORT, "10.1.2.0/24:80/tcp"},
		{"which ends with its prefix", "10.0.0.0/8:443/tcp 10.1.2.0/24:80/tcp",
		 out4("10.1.3.3", tcp(4000, 80, SYN)), NOT_ALLOWED},
		{"inside both, IPv6", "2001:db8::/32 2001:db8:5::/48",
		 in6("2001:db8:5::5", udp(1, 2)), ALLOWED, "2001:db8:5::/48"},
		{"a /127 ends", "2001:db8:5::4/127", in6("2001:db8:5::6", udp(1, 2)), NOT_ALLOWED},

		/* deadlines of entries */
		{"before its deadline", "10.0.0.5@soon", out4("10.0.0.5", udp(1, 2)), ALLOWED},
		{"after it", "10.0.0.5@past", out4("10.0.0.5", udp(1, 2)), NOT_ALLOWED},
		{"after it, in", "10.0.0.5@past", in4("10.0.0.5", udp(1, 2)), NOT_ALLOWED},
		{"after it, IPv6", "2001:db8:5::5@past", in6("2001:db8:5::5", udp(1, 2)),
		 NOT_ALLOWED},
		{"the wide one outlives the narrow one", "10.0.0.0/8 10.1.2.3@past",
		 out4("10.1.2.3", udp(1, 2)), ALLOWED, "10.0.0.0/8"},
		{"the narrow one outlives the wide one", "10.0.0.0/8@past 10.1.2.3",
		 out4("10.1.2.3", udp(1, 2)), ALLOWED, "10.1.2.3"},
		{"a port entry before its deadline", "10.0.0.5:443/tcp@soon",
		 out4("10.0.0.5", tcp(4000, 443, SYN)), ALLOWED_PORT},
		{"a port entry after it", "10.0.0.5:443/tcp@past",
		 out4("10.0.0.5", tcp(4000, 443, SYN)), NOT_ALLOWED},
		{"a port entry outlives the address's", "10.0.0.5@past 10.0.0.5:443/tcp",
		 out4("10.0.0.5", tcp(4000, 443, SYN)), ALLOWED_PORT, "10.0.0.5:443/tcp"},
		{"but opens its port only", "10.0.0.5@past 10.0.0.5:443/tcp",
		 out4("10.0.0.5", tcp(4000, 80, SYN)), NOT_ALLOWED},
	};

	return RUN_ROWS("address entries", rows);
}
