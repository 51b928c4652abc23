// SPDX-License-Identifier: BSD-2-Clause
/* The IPv6 header: lengths and extension headers. */
#include "../lib/rows.h"
#include <string.h>

#define P "2001:db8:5::5"
#define S "2001:db8:5::6" /* a stranger */
#define PORT "[2001:db8:5::5]:443/tcp"

#define HBH 0
#define DSTOPTS 60

static struct frame *many(int n, struct frame *f)
{
	while (n--)
		f = extension(DSTOPTS, 0, f);
	return f;
}

int main(void)
{
	const struct row rows[] = {
		/* the packet's length */
		{"exactly as long as told", P, in(told(18, ip6(P, HOST6, udp(1, 2)))), ALLOWED},
		{"one byte less there than told", P, in(told(19, ip6(P, HOST6, udp(1, 2)))),
		 MALFORMED},
		{"far less", P, out(told(1400, ip6(HOST6, P, udp(1, 2)))), MALFORMED},
		{"told nothing, UDP", P, out(told(0, ip6(HOST6, P, udp(1, 2)))), MALFORMED},
		{"told nothing, and nothing there", P, out6(P, proto(59, payload(0))), ALLOWED},
		{"padded", P, in(pad(8, 0, ip6(P, HOST6, udp(1, 2)))), ALLOWED},
		{"bytes behind the packet", P, out(pad(100, 'x', ip6(HOST6, P, udp(1, 2)))),
		 ALLOWED},
		{"version 4", P, in(poke(0, 0x40, ip6(P, HOST6, udp(1, 2)))), MALFORMED},
		{"version 7", P, in(poke(0, 0x70, ip6(P, HOST6, udp(1, 2)))), MALFORMED},
		{"a flow label", P, in(poke(3, 9, ip6(P, HOST6, udp(1, 2)))), ALLOWED},

		/* extension headers are walked through */
		{"hop-by-hop options", P, out6(P, extension(HBH, 0, udp(1, 2))), ALLOWED},
		{"to a stranger", P, out6(S, extension(HBH, 0, udp(1, 2))), NOT_ALLOWED},
		{"ports behind hop-by-hop options", PORT,
		 out6(P, extension(HBH, 0, tcp(4000, 443, SYN))), ALLOWED_PORT},
		{"other ports behind them", PORT, out6(P, extension(HBH, 0, tcp(4000, 444, SYN))),
		 NOT_ALLOWED},
		{"an answer behind them", PORT, in6(P, extension(HBH, 0, tcp(443, 4000, ACK))),
		 ALLOWED_PORT},
		{"a SYN behind them", PORT, in6(P, extension(HBH, 0, tcp(443, 4000, SYN))),
		 NO_FLOW},
		{"ports behind destination options", PORT,
		 out6(P, extension(DSTOPTS, 3, tcp(4000, 443, SYN))), ALLOWED_PORT},
		{"ports behind both", PORT,
		 out6(P, extension(HBH, 1, extension(DSTOPTS, 2, tcp(4000, 443, SYN)))),
		 ALLOWED_PORT},
		{"other ports behind both", PORT,
		 out6(P, extension(HBH, 1, extension(DSTOPTS, 2, tcp(4000, 80, SYN)))),
		 NOT_ALLOWED},
		{"ports behind an authentication header", PORT, out6(P, ah(4, tcp(4000, 443, SYN))),
		 ALLOWED_PORT},
		{"other ports behind it", PORT, out6(P, ah(4, tcp(4000, 80, SYN))), NOT_ALLOWED},
		{"an authentication header counts in words", PORT,
		 out6(P, ah(2, tcp(4000, 443, SYN))), ALLOWED_PORT},
		{"ESP hides the ports", PORT, out6(P, proto(50, tcp(4000, 443, SYN))), NOT_ALLOWED},
		{"ESP to an allowed peer", P, out6(P, proto(50, tcp(4000, 443, SYN))), ALLOWED},
		{"eight headers", PORT, out6(P, many(8, tcp(4000, 443, SYN))), ALLOWED_PORT},
		{"nine: nobody does that", P, out6(P, many(9, tcp(4000, 443, SYN))), MALFORMED},
		{"nine from a stranger", P, in6(S, many(9, udp(1, 2))), MALFORMED},

		/* routing headers that have somewhere left to go */
		{"a routing header, done with", P, in6(P, routing(0, 0, udp(1, 2))), ALLOWED},
		{"ports behind it", PORT, out6(P, routing(2, 0, tcp(4000, 443, SYN))),
		 ALLOWED_PORT},
		{"source routing (type 0)", P, out6(P, routing(0, 1, udp(1, 2))), SOURCE_ROUTE},
		{"Mobile IPv6 (type 2)", P, out6(P, routing(2, 1, udp(1, 2))), SOURCE_ROUTE},
		{"segment routing (type 4)", P, in6(P, routing(4, 255, udp(1, 2))), SOURCE_ROUTE},
		{"behind destination options", P,
		 out6(P, extension(DSTOPTS, 0, routing(4, 1, udp(1, 2)))), SOURCE_ROUTE},
		{"as the eighth header", P, out6(P, many(7, routing(4, 1, udp(1, 2)))),
		 SOURCE_ROUTE},
		{"source routing from a stranger", P, in6(S, routing(0, 1, udp(1, 2))),
		 SOURCE_ROUTE},

		/* extension headers that do not fit */
		{"one longer than the packet", P,
		 out(poke(41, 9, ip6(HOST6, P, extension(HBH, 0, udp(1, 2))))), MALFORMED},
		{"one that ends where the packet does", P,
		 out(poke(41, 1, piece(16, ip6(HOST6, P, extension(HBH, 0, udp(1, 2)))))),
		 MALFORMED},
		{"the same with nothing behind", P,
		 out(poke(40, 59, piece(8, ip6(HOST6, P, extension(HBH, 0, udp(1, 2)))))), ALLOWED},
		{"one that lies in the padding", P,
		 out(pad(20, 0, piece(0, ip6(HOST6, P, extension(HBH, 0, udp(1, 2)))))), MALFORMED},
		{"two where the second lies in the padding", P,
		 out(pad(20, 0,
			 piece(8, ip6(HOST6, P,
				      extension(HBH, 0, extension(DSTOPTS, 0, udp(1, 2))))))),
		 MALFORMED},
		{"cut off in a header", P,
		 out(piece(4, ip6(HOST6, P, extension(HBH, 0, udp(1, 2))))), TRUNCATED},
		{"a long one, 2040 bytes", PORT,
		 out6(P, extension(DSTOPTS, 254, tcp(4000, 443, SYN))), ALLOWED_PORT},
		{"over 2047 bytes together", PORT,
		 out6(P, extension(HBH, 0, extension(DSTOPTS, 254, tcp(4000, 443, SYN)))),
		 MALFORMED},
		{"an extension header's number in IPv4 is none", "10.0.0.5:443/tcp",
		 out4("10.0.0.5", extension(DSTOPTS, 0, tcp(4000, 443, SYN))), NOT_ALLOWED},
	};

	return RUN_ROWS("IPv6 headers", rows);
}
