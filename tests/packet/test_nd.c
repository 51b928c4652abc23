// SPDX-License-Identifier: BSD-2-Clause
/* IPv6 neighbour discovery, redirects, multicast listener discovery. */
#include "../lib/rows.h"

#define P6 "2001:db8:5::5"
#define LL2 "fe80::2"
#define NODES "ff02::1"
#define ROUTERS "ff02::2"
#define SOLICITED "ff02::1:ff00:2"

#define RS 133
#define RA 134
#define NS 135
#define NA 136
#define REDIRECT_MESSAGE 137

/* A message with the hop limit that ND demands. */
static struct frame *nd_in(const char *src, const char *dst, struct frame *f)
{
	return in(hops(255, ip6(src, dst, f)));
}

static struct frame *nd_out(const char *src, const char *dst, struct frame *f)
{
	return out(hops(255, ip6(src, dst, f)));
}

/* And with the one of MLD, behind its router alert. */
static struct frame *mld(const char *src, const char *dst, struct frame *f)
{
	return hops(1, ip6(src, dst, extension(0, 0, f)));
}

int main(void)
{
	const struct row rows[] = {
		/* what a link lives on */
		{"a router solicitation", "", nd_out(HOST_LL, ROUTERS, rs(8)), ND},
		{"before there is an address", "", nd_out("::", ROUTERS, rs(0)), ND},
		{"a router advertisement", "", nd_in(LL2, NODES, ra(64)), ND},
		{"to us alone", "", nd_in(LL2, HOST_LL, ra(64)), ND},
		{"a neighbour solicitation out", "", nd_out(HOST6, SOLICITED, nd(NS, P6, 8)), ND},
		{"in", "", nd_in(P6, SOLICITED, nd(NS, HOST6, 8)), ND},
		{"duplicate address detection", "", nd_out("::", SOLICITED, nd(NS, HOST6, 0)), ND},
		{"with a nonce (RFC 7527)", "", nd_out("::", SOLICITED, nd(NS, HOST6, 8)), ND},
		{"with two options", "", nd_out(HOST6, SOLICITED, nd(NS, P6, 16)), ND},
		{"an unsolicited advertisement", "", nd_out(HOST6, NODES, nd(NA, HOST6, 8)), ND},
		{"an advertisement in", "", nd_in(P6, HOST6, nd(NA, P6, 8)), ND},
		{"a solicitation to one address", "", nd_in(P6, HOST6, nd(NS, HOST6, 8)), ND},
		{"to a link-local address", "", nd_out(HOST_LL, LL2, nd(NS, LL2, 8)), ND},
		{"answered to a link-local address", "", nd_out(HOST_LL, LL2, nd(NA, HOST_LL, 8)),
		 ND},
		{"we advertise a router (to our guests)", "", nd_out(HOST_LL, NODES, ra(64)), ND},
		{"to one of them", "", nd_out(HOST_LL, LL2, ra(64)), ND},
		{"somebody solicits one", "", nd_in(LL2, ROUTERS, rs(8)), ND},
		{"somebody solicits us", "", nd_in(LL2, HOST_LL, rs(8)), ND},

		/* hop limit, code, scope */
		{"hop limit 254: it came through a router", "",
		 in(hops(254, ip6(P6, HOST6, nd(NA, P6, 8)))), ND_SHAPE},
		{"hop limit 64 out", "", out(hops(64, ip6(HOST6, SOLICITED, nd(NS, P6, 8)))),
		 ND_SHAPE},
		{"a router advertisement with hop limit 1", "",
		 in(hops(1, ip6(LL2, NODES, ra(64)))), ND_SHAPE},
		{"an allowed peer is judged as such", P6,
		 in(hops(64, ip6(P6, HOST6, nd(NA, P6, 8)))), ALLOWED},
		{"code 1", "", nd_out(HOST6, SOLICITED, poke(1, 1, nd(NS, P6, 8))), ND_SHAPE},
		{"code 1 in", "", nd_in(LL2, NODES, poke(1, 1, ra(64))), ND_SHAPE},
		{"to a wider multicast scope", "", nd_out(HOST6, "ff05::1", nd(NS, P6, 8)),
		 ND_SHAPE},
		{"to the global scope", "", nd_out(HOST6, "ff0e::1", nd(NA, HOST6, 8)), ND_SHAPE},
		{"to a narrower one", "", nd_in(P6, "ff01::1", nd(NS, HOST6, 8)), ND_SHAPE},
		{"router solicitation to the wrong group", "", nd_out(HOST_LL, NODES, rs(8)),
		 ND_SHAPE},
		{"router solicitation to one address", "", nd_out(HOST6, P6, rs(8)), ND_SHAPE},
		{"router solicitation to one link-local address", "", nd_out(HOST_LL, LL2, rs(8)),
		 ND_SHAPE},
		{"router advertisement from a global address", "", nd_in(P6, NODES, ra(64)),
		 ND_SHAPE},
		{"out", "", nd_out(HOST6, NODES, ra(64)), ND_SHAPE},
		{"router advertisement to a global address", "", nd_out(HOST_LL, P6, ra(64)),
		 ND_SHAPE},
		{"a multicast target", "", nd_out(HOST6, SOLICITED, nd(NS, "ff02::5", 8)),
		 ND_SHAPE},
		{"a multicast target in", "", nd_in(P6, HOST6, nd(NA, "ff02::5", 8)), ND_SHAPE},

		/* lengths */
		{"a solicitation without a target", "",
		 nd_out(HOST6, SOLICITED, icmp6(NS, 0, payload(8))), ND_SHAPE},
		{"one byte short", "", nd_out(HOST6, SOLICITED, cut(23, nd(NS, P6, 0))), ND_SHAPE},
		{"one byte over", "", nd_out(HOST6, SOLICITED, nd(NS, P6, 1)), ND_SHAPE},
		{"three options", "", nd_out(HOST6, SOLICITED, nd(NS, P6, 24)), ND_SHAPE},
		{"a long advertisement", "", nd_out(HOST6, NODES, nd(NA, HOST6, 400)), ND_SHAPE},
		{"a long advertisement in", "", nd_in(P6, HOST6, nd(NA, P6, 400)), ND_SHAPE},
		{"a long router solicitation", "", nd_out(HOST_LL, ROUTERS, rs(17)), ND_SHAPE},
		{"a router advertisement of 15 bytes", "", nd_in(LL2, NODES, cut(15, ra(0))),
		 ND_SHAPE},
		{"of 16", "", nd_in(LL2, NODES, ra(0)), ND},
		{"7 bytes", "", nd_out(HOST_LL, ROUTERS, cut(7, rs(0))), MALFORMED},
		{"bytes behind", "",
		 out(pad(30, 'x', hops(255, ip6(HOST6, SOLICITED, nd(NS, P6, 8))))), ND_SHAPE},
		{"bytes behind in", "", in(pad(30, 'x', hops(255, ip6(P6, HOST6, nd(NA, P6, 8))))),
		 ND},
		{"a target that lies behind the packet", "",
		 in(told(8, hops(255, ip6(P6, HOST6, nd(NA, P6, 8))))), ND_SHAPE},

		/* headers between IPv6 and ND could carry anything (RFC 6980 for fragments) */
		{"destination options", "",
		 nd_out(HOST6, SOLICITED, extension(60, 30, nd(NS, P6, 8))), ND_SHAPE},
		{"hop-by-hop options", "",
		 nd_out(HOST_LL, NODES, extension(0, 0, nd(NA, HOST6, 8))), ND_SHAPE},
		{"hop-by-hop options in", "", nd_in(P6, HOST6, extension(0, 0, nd(NA, P6, 8))),
		 ND_SHAPE},
		{"a first fragment", "",
		 nd_out(HOST6, SOLICITED, fragment6(1, 0, 1, nd(NS, P6, 8))), ND_SHAPE},
		{"an atomic fragment", "", nd_in(P6, HOST6, fragment6(1, 0, 0, nd(NA, P6, 8))),
		 ND_SHAPE},

		/* to an address that a router would carry it to: only where it is on the link */
		{"a solicitation to a global address", "", nd_out(HOST6, P6, nd(NS, P6, 8)),
		 ND_SHAPE},
		{"an advertisement to a global address", "", nd_out(HOST6, P6, nd(NA, HOST6, 8)),
		 ND_SHAPE},
		{"that asked", "",
		 after(nd_in(P6, SOLICITED, nd(NS, HOST6, 8)), nd_out(HOST6, P6, nd(NA, HOST6, 8))),
		 ND},
		{"a solicitation to one that asked", "",
		 after(nd_in(P6, SOLICITED, nd(NS, HOST6, 8)), nd_out(HOST6, P6, nd(NS, P6, 8))),
		 ND},
		{"about another address", "",
		 after(nd_in(P6, SOLICITED, nd(NS, HOST6, 8)),
		       nd_out(HOST6, P6, nd(NS, "2001:db8:5::6", 8))),
		 ND_SHAPE},
		{"to a neighbour of one that asked", "",
		 after(nd_in(P6, SOLICITED, nd(NS, HOST6, 8)),
		       nd_out(HOST6, "2001:db8:5::6", nd(NA, HOST6, 8))),
		 ND_SHAPE},
		{"one that asked through a router", "",
		 after(in(hops(254, ip6(P6, HOST6, nd(NS, HOST6, 8)))),
		       nd_out(HOST6, P6, nd(NA, HOST6, 8))),
		 ND_SHAPE},
		{"one that only sent something else", "",
		 after(in6(P6, ping6()), nd_out(HOST6, P6, nd(NA, HOST6, 8))), ND_SHAPE},
		{"our own solicitation proves nothing", "",
		 after(nd_out(HOST6, P6, nd(NS, P6, 8)), nd_out(HOST6, P6, nd(NS, P6, 8))),
		 ND_SHAPE},
		{"nor does one we sent to a group", "",
		 after(nd_out(HOST6, SOLICITED, nd(NS, P6, 8)), nd_out(HOST6, P6, nd(NS, P6, 8))),
		 ND_SHAPE},
		{"the unspecified address is nobody", "",
		 after(nd_in("::", SOLICITED, nd(NS, HOST6, 0)),
		       nd_out(HOST6, "::", nd(NA, HOST6, 8))),
		 ND_SHAPE},

		/* redirects drop, whoever sends them */
		{"a redirect", "", nd_in(LL2, HOST_LL, icmp6(REDIRECT_MESSAGE, 0, payload(32))),
		 REDIRECT},
		{"from an allowed peer", LL2,
		 nd_in(LL2, HOST_LL, icmp6(REDIRECT_MESSAGE, 0, payload(32))), REDIRECT},
		{"a redirect out", LL2,
		 nd_out(HOST_LL, LL2, icmp6(REDIRECT_MESSAGE, 0, payload(32))), REDIRECT},
		{"the number means nothing in IPv4", "10.0.0.5",
		 in4("10.0.0.5", icmp4(REDIRECT_MESSAGE, 0, payload(32))), ALLOWED},

		/* other ICMPv6 is like any traffic */
		{"echo to all nodes", "", nd_out(HOST_LL, NODES, ping6()), NOT_ALLOWED},
		{"a node information query", "", nd_in(LL2, NODES, icmp6(139, 0, payload(24))),
		 NOT_ALLOWED},
		{"inverse ND (141)", "", nd_in(LL2, NODES, icmp6(141, 0, payload(24))),
		 NOT_ALLOWED},
		{"router renumbering (138)", "", nd_in(LL2, NODES, icmp6(138, 0, payload(24))),
		 NOT_ALLOWED},

		/* MLD */
		{"a listener report", "", out(mld(HOST_LL, "ff02::16", mld2(2))), MLD},
		{"before there is an address", "", out(mld("::", "ff02::16", mld2(1))), MLD},
		{"somebody else's", "", in(mld(LL2, "ff02::16", mld2(3))), MLD},
		{"a query", "", in(mld(LL2, NODES, icmp6(130, 0, payload(20)))), MLD},
		{"an old query", "", in(mld(LL2, NODES, mld1(130, "::"))), MLD},
		{"an old report", "", out(mld(HOST_LL, "ff02::fb", mld1(131, "ff02::fb"))), MLD},
		{"an old report about a wider scope", "",
		 out(mld(HOST_LL, "ff0e::101", mld1(131, "ff0e::101"))), MLD},
		{"an old done", "", out(mld(HOST_LL, ROUTERS, mld1(132, "ff02::fb"))), MLD},
		{"hop limit 2", "",
		 out(hops(2, ip6(HOST_LL, "ff02::16", extension(0, 0, mld2(2))))), ND_SHAPE},
		{"hop limit 255", "", in(hops(255, ip6(LL2, "ff02::16", extension(0, 0, mld2(2))))),
		 ND_SHAPE},
		{"from a global address", "", out(mld(HOST6, "ff02::16", mld2(1))), ND_SHAPE},
		{"from a global address in", "", in(mld(P6, NODES, mld1(130, "::"))), ND_SHAPE},
		{"to one address", "", out(mld(HOST_LL, P6, mld2(1))), ND_SHAPE},
		{"to one link-local address", "", in(mld(LL2, HOST_LL, mld1(130, "::"))), ND_SHAPE},
		{"in a fragment", "",
		 out(hops(1,
			  ip6(HOST_LL, "ff02::16", extension(0, 0, fragment6(1, 0, 1, mld2(2)))))),
		 ND_SHAPE},
		{"bytes behind", "", out(pad(30, 'x', mld(HOST_LL, "ff02::16", mld2(2)))),
		 ND_SHAPE},
		{"bytes behind in", "", in(pad(30, 'x', mld(LL2, "ff02::16", mld2(2)))), MLD},
		{"a report to another group", "", out(mld(HOST_LL, "ff0e::16", mld2(2))), ND_SHAPE},
		{"an old report with something behind", "",
		 out(mld(HOST_LL, "ff02::fb", pad(40, 'x', mld1(131, "ff02::fb")))), ND_SHAPE},
		{"an old report to another group than its own", "",
		 out(mld(HOST_LL, "ff02::fc", mld1(131, "ff02::fb"))), ND_SHAPE},
		{"more than a router alert before it", "",
		 out(hops(1, ip6(HOST_LL, "ff02::16", extension(0, 1, mld2(1))))), ND_SHAPE},
		{"an old done to another group", "",
		 out(mld(HOST_LL, NODES, mld1(132, "ff02::fb"))), ND_SHAPE},
	};

	return RUN_ROWS("neighbour discovery", rows);
}
