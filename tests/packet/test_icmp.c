// SPDX-License-Identifier: BSD-2-Clause
/* ICMP errors pass inwards when the packet they quote went to an allowed peer. */
#include "../lib/rows.h"

#define P "10.0.0.5"
#define P6 "2001:db8:5::5"
#define PORT "10.0.0.5:443/tcp"
#define PORT6 "[2001:db8:5::5]:443/tcp"
#define ROUTER "198.51.100.1"
#define ROUTER6 "2001:db8:ffff::1"

/* Errors come from anywhere on the way; `quote` is an IP packet. */
static struct frame *error4(int type, int code, struct frame *quote)
{
	return in4(ROUTER, icmp4(type, code, quote));
}

static struct frame *error6(int type, struct frame *quote)
{
	return in6(ROUTER6, icmp6(type, 0, quote));
}

/* What the host sent. */
static struct frame *ours(const char *peer, struct frame *f)
{
	return ip4(HOST4, peer, f);
}

static struct frame *ours6(const char *peer, struct frame *f)
{
	return ip6(HOST6, peer, f);
}

int main(void)
{
	const struct row rows[] = {
		/* which errors */
		{"fragmentation needed", P, error4(3, 4, ours(P, tcp(4000, 443, ACK))), ICMP_ERROR},
		{"port unreachable", P, error4(3, 3, ours(P, udp(4000, 443))), ICMP_ERROR},
		{"time exceeded", P, error4(11, 0, ours(P, udp(4000, 443))), ICMP_ERROR},
		{"source quench", P, error4(4, 0, ours(P, udp(4000, 443))), NOT_ALLOWED},
		{"a redirect", P, error4(5, 1, ours(P, udp(4000, 443))), NOT_ALLOWED},
		{"a parameter problem", P, error4(12, 0, ours(P, udp(4000, 443))), NOT_ALLOWED},
		{"an echo reply", P, error4(0, 0, ours(P, udp(4000, 443))), NOT_ALLOWED},
		{"an echo request", P, error4(8, 0, ours(P, udp(4000, 443))), NOT_ALLOWED},
		{"an error we send", P, out4(ROUTER, icmp4(3, 4, ip4(P, HOST4, udp(1, 2)))),
		 NOT_ALLOWED},
		{"an error we send, quoting as if it came in", P,
		 out4(ROUTER, icmp4(3, 4, ours(P, udp(1, 2)))), NOT_ALLOWED},
		{"destination unreachable of IPv6", P6, error6(1, ours6(P6, udp(4000, 443))),
		 ICMP_ERROR},
		{"packet too big", P6, error6(2, ours6(P6, tcp(4000, 443, ACK))), ICMP_ERROR},
		{"time exceeded of IPv6", P6, error6(3, ours6(P6, udp(4000, 443))), ICMP_ERROR},
		{"a parameter problem of IPv6", P6, error6(4, ours6(P6, udp(4000, 443))),
		 NOT_ALLOWED},
		{"type 0 of IPv6", P6, error6(0, ours6(P6, udp(4000, 443))), NOT_ALLOWED},
		{"packet too big that we send", P6,
		 out6(ROUTER6, icmp6(2, 0, ip6(P6, HOST6, udp(1, 2)))), NOT_ALLOWED},
		{"ICMPv6 in IPv4 is none", P, in4(ROUTER, icmp6(2, 0, ours(P, udp(1, 2)))),
		 NOT_ALLOWED},
		{"ICMP in IPv6 is none", P6, in6(ROUTER6, icmp4(3, 4, ours6(P6, udp(1, 2)))),
		 NOT_ALLOWED},

		/* about whom */
		{"about a stranger", P, error4(3, 4, ours("10.0.0.6", tcp(4000, 443, ACK))),
		 NOT_ALLOWED},
		{"about a stranger, IPv6", P6, error6(2, ours6("2001:db8:5::6", udp(1, 2))),
		 NOT_ALLOWED},
		{"about somebody else's packet", P,
		 error4(3, 4, ip4("192.0.2.2", P, tcp(4000, 443, ACK))), NOT_ALLOWED},
		{"about somebody else's packet, IPv6", P6,
		 error6(2, ip6("2001:db8::2", P6, udp(1, 2))), NOT_ALLOWED},
		{"about a packet to us", P, error4(3, 4, ip4(P, HOST4, udp(1, 2))), NOT_ALLOWED},
		{"from the allowed peer itself", P, in4(P, icmp4(3, 3, ours(P, udp(1, 2)))),
		 ALLOWED},
		{"about an entry that is over", P "@past", error4(3, 4, ours(P, udp(1, 2))),
		 NOT_ALLOWED},
		{"about ping", P, error4(11, 0, ours(P, ping4())), ICMP_ERROR},
		{"about a fragment", P,
		 error4(11, 1, fragment4(1, 16, 1, ours(P, proto(17, payload(24))))), ICMP_ERROR},
		{"IPv6 about a fragment", P6,
		 error6(2, ours6(P6, fragment6(1, 0, 1, udp(4000, 443)))), ICMP_ERROR},

		/* the quoted ports, where entries have ports */
		{"about the allowed port", PORT, error4(3, 4, ours(P, tcp(4000, 443, ACK))),
		 ICMP_ERROR},
		{"about our SYN", PORT, error4(3, 1, ours(P, tcp(4000, 443, SYN))), ICMP_ERROR},
		{"about another port", PORT, error4(3, 4, ours(P, tcp(4000, 444, ACK))),
		 NOT_ALLOWED},
		{"about another protocol", PORT, error4(3, 4, ours(P, udp(4000, 443))),
		 NOT_ALLOWED},
		{"about the port as ours", PORT, error4(3, 4, ours(P, tcp(443, 4000, ACK))),
		 NOT_ALLOWED},
		{"about what we serve", "in:10.0.0.5:22/tcp",
		 error4(3, 4, ours(P, tcp(22, 4000, ACK))), ICMP_ERROR},
		{"about the same port of theirs", "in:10.0.0.5:22/tcp",
		 error4(3, 4, ours(P, tcp(4000, 22, ACK))), NOT_ALLOWED},
		{"about a port entry that is over", PORT "@past",
		 error4(3, 4, ours(P, tcp(4000, 443, ACK))), NOT_ALLOWED},
		{"about UDP", P ":53/udp", error4(3, 3, ours(P, udp(4000, 53))), ICMP_ERROR},
		{"about SCTP", P ":5000/sctp", error4(3, 3, ours(P, sctp(4000, 5000))), ICMP_ERROR},
		{"about DCCP", P ":5000/dccp", error4(3, 3, ours(P, dccp(4000, 5000))), ICMP_ERROR},
		{"about UDP-Lite", P ":5000", error4(3, 3, ours(P, udplite(4000, 5000))),
		 ICMP_ERROR},
		{"about a protocol without ports", P ":1-65535",
		 error4(3, 3, ours(P, proto(253, payload(40)))), NOT_ALLOWED},
		{"about any protocol", "out:" P, error4(3, 3, ours(P, proto(253, payload(40)))),
		 ICMP_ERROR},
		{"about ping, allowed as such", "out:" P, error4(11, 0, ours(P, ping4())),
		 ICMP_ERROR},
		{"ports behind quoted options", PORT,
		 error4(3, 4, ours(P, OPTIONS4("\x94\4\0\0", tcp(4000, 443, ACK)))), ICMP_ERROR},
		{"other ports behind them", PORT,
		 error4(3, 4, ours(P, OPTIONS4("\x94\4\0\0", tcp(4000, 444, ACK)))), NOT_ALLOWED},
		{"quoted options are not ports", PORT,
		 error4(3, 4, ours(P, OPTIONS4("\x9e\4\1\xbb\x9e\4\1\xbb", tcp(4000, 444, ACK)))),
		 NOT_ALLOWED},
		{"a later fragment has no ports", PORT,
		 error4(3, 4, fragment4(1, 16, 0, ours(P, tcp(4000, 443, ACK)))), NOT_ALLOWED},
		{"a first fragment has", PORT,
		 error4(3, 4, fragment4(1, 0, 1, ours(P, tcp(4000, 443, ACK)))), ICMP_ERROR},
		{"IPv6: about the allowed port", PORT6, error6(2, ours6(P6, tcp(4000, 443, ACK))),
		 ICMP_ERROR},
		{"IPv6: about another port", PORT6, error6(2, ours6(P6, tcp(4000, 444, ACK))),
		 NOT_ALLOWED},

		/* how much is quoted */
		{"8 bytes behind the header (RFC 792)", PORT,
		 in(piece(36, ip4(ROUTER, HOST4, icmp4(3, 4, ours(P, tcp(4000, 443, ACK)))))),
		 ICMP_ERROR},
		{"7 bytes", PORT,
		 in(piece(35, ip4(ROUTER, HOST4, icmp4(3, 4, ours(P, tcp(4000, 443, ACK)))))),
		 NOT_ALLOWED},
		{"8 bytes behind options", PORT,
		 in(piece(40,
			  ip4(ROUTER, HOST4,
			      icmp4(3, 4, ours(P, OPTIONS4("\1\1\1\1", tcp(4000, 443, ACK))))))),
		 ICMP_ERROR},
		{"4 bytes behind options", PORT,
		 in(piece(36,
			  ip4(ROUTER, HOST4,
			      icmp4(3, 4, ours(P, OPTIONS4("\1\1\1\1", tcp(4000, 443, ACK))))))),
		 NOT_ALLOWED},
		{"half a header", P,
		 in(piece(18, ip4(ROUTER, HOST4, icmp4(3, 4, ours(P, udp(1, 2)))))), NOT_ALLOWED},
		{"nothing", P, in4(ROUTER, icmp4(3, 4, payload(0))), NOT_ALLOWED},
		{"a quote that lies behind the packet", P,
		 in(told(28, ip4(ROUTER, HOST4, icmp4(3, 4, ours(P, udp(1, 2)))))), NOT_ALLOWED},
		{"7 bytes of ICMP", P, in(piece(7, ip4(ROUTER, HOST4, icmp4(3, 4, payload(9))))),
		 MALFORMED},
		{"7 bytes of ICMP from an allowed peer", P,
		 in(piece(7, ip4(P, HOST4, icmp4(3, 4, payload(9))))), MALFORMED},
		{"IPv6: 7 bytes of ICMP", P6,
		 in(piece(7, ip6(ROUTER6, HOST6, icmp6(2, 0, payload(9))))), MALFORMED},
		{"IPv6: 8 bytes behind the header", PORT6,
		 in(piece(56, ip6(ROUTER6, HOST6, icmp6(2, 0, ours6(P6, tcp(4000, 443, ACK)))))),
		 ICMP_ERROR},
		{"IPv6: 4 bytes", PORT6,
		 in(piece(52, ip6(ROUTER6, HOST6, icmp6(2, 0, ours6(P6, tcp(4000, 443, ACK)))))),
		 NOT_ALLOWED},
		{"IPv6: half a header", P6,
		 in(piece(28, ip6(ROUTER6, HOST6, icmp6(2, 0, ours6(P6, udp(1, 2)))))),
		 NOT_ALLOWED},
		{"IPv6: a quote that lies behind the packet", P6,
		 in(told(8, ip6(ROUTER6, HOST6, icmp6(2, 0, ours6(P6, udp(1, 2)))))), NOT_ALLOWED},
		{"a quote that is no IPv4", P, error4(3, 4, poke(0, 0x65, ours(P, udp(1, 2)))),
		 NOT_ALLOWED},
		{"a quote whose header is too short", P,
		 error4(3, 4, poke(0, 0x44, ours(P, udp(1, 2)))), NOT_ALLOWED},
		{"a quote that is no IPv6", P6, error6(2, poke(0, 0x40, ours6(P6, udp(1, 2)))),
		 NOT_ALLOWED},

		/* errors themselves in fragments */
		{"a first fragment of an error", P,
		 in(fragment4(1, 0, 1, ip4(ROUTER, HOST4, icmp4(3, 4, ours(P, udp(1, 2)))))),
		 NOT_ALLOWED},
		{"a first fragment of an IPv6 error", P6,
		 in6(ROUTER6, fragment6(1, 0, 1, icmp6(2, 0, ours6(P6, udp(1, 2))))), NOT_ALLOWED},
		{"an error behind IP options", P,
		 in4(ROUTER, OPTIONS4("\x94\4\0\0", icmp4(3, 4, ours(P, udp(1, 2))))), ICMP_ERROR},
		{"an IPv6 error behind hop-by-hop options", P6,
		 in6(ROUTER6, extension(0, 0, icmp6(2, 0, ours6(P6, udp(1, 2))))), ICMP_ERROR},
	};

	return RUN_ROWS("ICMP errors", rows);
}
