// SPDX-License-Identifier: BSD-2-Clause
/* The IPv4 header: lengths and options. */
#include "../lib/rows.h"
#include <stdio.h>

#define P "10.0.0.5"
#define PORT "10.0.0.5:443/tcp"
#define NOP12 "\1\1\1\1\1\1\1\1\1\1\1\1"

/* Room for a timestamp option of 40 bytes, or RR. */
#define ZEROS36 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

/*
 * Over 64 KiB the length field is 0 ("BIG TCP"). Only frames in several buffers are that long, and
 * of all hooks only XDP's can be given one.
 */
static void test_big_tcp(void **state)
{
	const struct hook h = {"xdp_in_frags", PROG_xdp_in_frags, DIR_IN, true, false};
	static const struct {
		size_t payload;
		bool dropped;
	} cases[] = {{65400, true}, {65535 - 20, true}, {65535 - 19, false}, {66000, false}};
	struct outcome o;

	if (lab.progs.fd[PROG_xdp_in_frags] < 0) {
		printf("# skip: this kernel has no xdp.frags\n");
		skip();
	}
	lab_allow(P " 2001:db8:5::5");
	lab_control(CONTROL_ENFORCE);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct frame *f = in(told(0, ip4(P, HOST4, proto(253, payload(cases[i].payload)))));

		assert_true(lab_run(&h, f, 0, &o));
		assert_int_equal(o.dropped, cases[i].dropped);
		if (o.dropped)
			assert_int_equal(o.reason, MALFORMED);
	}
	assert_true(
		lab_run(&h, in(told(0, ip4("10.0.0.6", HOST4, proto(6, payload(66000))))), 0, &o));
	assert_true(o.dropped);
	assert_int_equal(o.reason, NOT_ALLOWED);
	assert_true(lab_run(&h, in(told(0, ip6("2001:db8:5::5", HOST6, proto(6, payload(66000))))),
			    0, &o));
	assert_false(o.dropped);
	assert_true(lab_run(&h, in(told(0, ip6("2001:db8:5::5", HOST6, proto(6, payload(65535))))),
			    0, &o));
	assert_true(o.dropped);
	assert_int_equal(o.reason, MALFORMED);
}

int main(void)
{
	const struct row rows[] = {
		/* the header's own length */
		{"a header of 20 bytes", P, out4(P, udp(1, 2)), ALLOWED},
		{"a header of 16", P, out(poke(0, 0x44, ip4(HOST4, P, udp(1, 2)))), MALFORMED},
		{"a header of none", P, in(poke(0, 0x40, ip4(P, HOST4, udp(1, 2)))), MALFORMED},
		{"a header longer than the packet", P, in(poke(0, 0x4f, ip4(P, HOST4, udp(1, 2)))),
		 MALFORMED},
		{"version 5", P, in(poke(0, 0x55, ip4(P, HOST4, udp(1, 2)))), MALFORMED},
		{"a header that options end with", P,
		 out(piece(0, ip4(HOST4, P, OPTIONS4("\1\1\1\1", proto(253, payload(0)))))),
		 ALLOWED},

		/* the packet's length */
		{"exactly as long as told", P, in(told(38, ip4(P, HOST4, udp(1, 2)))), ALLOWED},
		{"one byte less there than told", P, in(told(39, ip4(P, HOST4, udp(1, 2)))),
		 MALFORMED},
		{"far less", P, out(told(1500, ip4(HOST4, P, udp(1, 2)))), MALFORMED},
		{"told nothing", P, out(told(0, ip4(HOST4, P, udp(1, 2)))), MALFORMED},
		{"told less than the header", P, out(told(19, ip4(HOST4, P, udp(1, 2)))),
		 MALFORMED},
		{"told the header only", P, out(told(20, ip4(HOST4, P, proto(253, payload(9))))),
		 ALLOWED},
		{"padded", P, in(pad(8, 0, ip4(P, HOST4, udp(1, 2)))), ALLOWED},
		{"bytes behind the packet", P, out(pad(100, 'x', ip4(HOST4, P, udp(1, 2)))),
		 ALLOWED},
		{"from a stranger, padded", P, in(pad(8, 0, ip4("10.0.0.6", HOST4, udp(1, 2)))),
		 NOT_ALLOWED},

		/* options that do no harm */
		{"router alert", P, out4(P, OPTIONS4("\x94\4\0\0", udp(1, 2))), ALLOWED},
		{"router alert to a stranger", P,
		 out4("10.0.0.6", OPTIONS4("\x94\4\0\0", udp(1, 2))), NOT_ALLOWED},
		{"no-operations", P, in4(P, OPTIONS4("\1\1\1\1", udp(1, 2))), ALLOWED},
		{"the end at once", P, in4(P, OPTIONS4("\0\0\0\0", udp(1, 2))), ALLOWED},
		{"the end, then anything", P, in4(P, OPTIONS4("\0\x83\7\4", udp(1, 2))), ALLOWED},
		{"record route", P, in4(P, OPTIONS4("\7\7\4\0\0\0\0\0", udp(1, 2))), ALLOWED},
		{"40 bytes of it", P, out4(P, OPTIONS4("\7\47\4" ZEROS36 "\0", udp(1, 2))),
		 ALLOWED},
		{"40 bytes to a stranger", P,
		 out4("10.0.0.6", OPTIONS4("\7\47\4" ZEROS36 "\0", udp(1, 2))), NOT_ALLOWED},
		{"a timestamp, a no-operation, the end", P,
		 in4(P, OPTIONS4("\x44\6\5\0\0\0\1\0", udp(1, 2))), ALLOWED},
		{"an unknown option", P, in4(P, OPTIONS4("\x9e\4\0\0", udp(1, 2))), ALLOWED},
		{"twelve no-operations", P, in4(P, OPTIONS4(NOP12, udp(1, 2))), ALLOWED},
		{"sixteen: nobody does that", P, in4(P, OPTIONS4(NOP12 "\1\1\1\1", udp(1, 2))),
		 MALFORMED},
		{"ports are found behind options", PORT,
		 out4(P, OPTIONS4("\x94\4\0\0", tcp(4000, 443, SYN))), ALLOWED_PORT},
		{"and other ports", PORT, out4(P, OPTIONS4("\x94\4\0\0", tcp(4000, 444, SYN))),
		 NOT_ALLOWED},
		{"also behind 40 bytes", PORT,
		 out4(P, OPTIONS4("\7\47\4" ZEROS36 "\0", tcp(4000, 443, SYN))), ALLOWED_PORT},
		{"options are not ports", PORT,
		 out4(P, OPTIONS4("\x9e\4\1\xbb", tcp(4000, 444, SYN))), NOT_ALLOWED},

		/* source routes hide where the packet goes */
		{"a loose source route", P, out4(P, OPTIONS4("\x83\7\4\x0a\0\0\6\0", udp(1, 2))),
		 SOURCE_ROUTE},
		{"a strict source route", P, out4(P, OPTIONS4("\x89\7\4\x0a\0\0\6\0", udp(1, 2))),
		 SOURCE_ROUTE},
		{"a source route in", P, in4(P, OPTIONS4("\x83\7\4\x0a\0\0\6\0", udp(1, 2))),
		 SOURCE_ROUTE},
		{"behind no-operations", P,
		 in4(P, OPTIONS4("\1\1\1\x83\7\4\x0a\0\0\6\0\0", udp(1, 2))), SOURCE_ROUTE},
		{"behind another option", P,
		 in4(P, OPTIONS4("\x94\4\0\0\x89\7\4\x0a\0\0\6\0", udp(1, 2))), SOURCE_ROUTE},
		{"as the last byte", P, in4(P, OPTIONS4("\x94\3\0\x83", udp(1, 2))), SOURCE_ROUTE},
		{"as the thirteenth option", P,
		 in4(P, OPTIONS4(NOP12 "\x83\7\4\x0a\0\0\6\0", udp(1, 2))), MALFORMED},

		/* options whose lengths cannot be */
		{"an option of no length", P, in4(P, OPTIONS4("\x94\0\0\0", udp(1, 2))), MALFORMED},
		{"of length 1", P, in4(P, OPTIONS4("\x94\1\0\0", udp(1, 2))), MALFORMED},
		{"longer than the header", P, in4(P, OPTIONS4("\x94\5\0\0", udp(1, 2))), MALFORMED},
		{"far longer", P, in4(P, OPTIONS4("\x94\xff\0\0", udp(1, 2))), MALFORMED},
		{"an option without its length byte", P, in4(P, OPTIONS4("\1\1\1\x94", udp(1, 2))),
		 MALFORMED},
		{"its length byte is not the payload's", P,
		 in4(P, OPTIONS4("\1\1\1\x94", proto(253, bytes("\2\2\2\2", 4)))), MALFORMED},
		{"a header that ends in its options", P,
		 in(vlan(ETH_P_8021Q,
			 told(24, cut(22, ip4(P, HOST4, OPTIONS4("\1\1\1\1", udp(1, 2))))))),
		 MALFORMED},
	};
	const struct CMUnitTest own[] = {cmocka_unit_test(test_big_tcp)};

	return RUN_ROWS_AND("IPv4 headers", rows, own);
}
