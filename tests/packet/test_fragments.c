// SPDX-License-Identifier: BSD-2-Clause
/* Fragments: the first is judged, the others follow it. */
#include "../lib/rows.h"
#include <bpf/bpf.h>

#define P "10.0.0.5"
#define P6 "2001:db8:5::5"
#define PORT "10.0.0.5:443/udp"
#define PORT6 "[2001:db8:5::5]:443/udp"
#define SECOND 1000000000ULL

/* Fragments of one datagram to the peer or from it: the first carries the ports. */
static struct frame *first_out(int id)
{
	return out(fragment4(id, 0, 1, ip4(HOST4, P, udp(4000, 443))));
}

static struct frame *later_out(int id)
{
	return out(fragment4(id, 16, 1, ip4(HOST4, P, proto(IPPROTO_UDP, payload(24)))));
}

static struct frame *last_out(int id)
{
	return out(fragment4(id, 40, 0, ip4(HOST4, P, proto(IPPROTO_UDP, payload(5)))));
}

static struct frame *later_in(int id)
{
	return in(fragment4(id, 16, 0, ip4(P, HOST4, proto(IPPROTO_UDP, payload(24)))));
}

static struct frame *first_out6(__u32 id)
{
	return out6(P6, fragment6(id, 0, 1, udp(4000, 443)));
}

static struct frame *later_out6(__u32 id)
{
	return out6(P6, fragment6(id, 16, 0, proto(IPPROTO_UDP, payload(24))));
}

/* Sets the time of the one fragment that is remembered. */
static void age_fragment(__u64 seen)
{
	int fd = lab.maps.fd[MAP_fragments];
	struct fragment_key key, more;

	assert_int_equal(bpf_map_get_next_key(fd, NULL, &key), 0);
	assert_int_not_equal(bpf_map_get_next_key(fd, &key, &more), 0);
	assert_int_equal(bpf_map_update_elem(fd, &key, &seen, BPF_ANY), 0);
}

static void test_fragments_end(void **state)
{
	lab_allow(PORT);
	lab_control(CONTROL_ENFORCE);
	lab_forget();
	expect("the first", first_out(1), ALLOWED_PORT);
	age_fragment(boot_ns() - FRAGMENT_NS + 5 * SECOND);
	expect("just in time", later_out(1), FRAGMENT);
	age_fragment(boot_ns() - FRAGMENT_NS - SECOND);
	expect("too late", later_out(1), ORPHAN);
	/* another CPU stored it after this one read the clock */
	age_fragment(boot_ns() + SECOND);
	expect("in the same moment", later_out(1), FRAGMENT);
}

/* An entry that is taken away takes the datagrams along that it began. */
static void test_fragments_end_with_their_entry(void **state)
{
	lab_allow(PORT " " PORT6);
	lab_control(CONTROL_ENFORCE);
	lab_forget();
	expect("the first", first_out(1), ALLOWED_PORT);
	expect("the first, IPv6", first_out6(1), ALLOWED_PORT);
	lab_allow("10.0.0.9");
	expect("a later one", later_out(1), ORPHAN);
	expect("a later one, IPv6", later_out6(1), ORPHAN);
	lab_allow(P ":80/tcp");
	expect("while the peer has another entry", later_out(1), ORPHAN);
}

int main(void)
{
	const struct row rows[] = {
		/* with an address-only entry: always */
		{"a first fragment", P, out(fragment4(1, 0, 1, ip4(HOST4, P, udp(1, 2)))), ALLOWED},
		{"a later one, alone", P, later_out(1), ALLOWED},
		{"a last one, alone, in", P, later_in(1), ALLOWED},
		{"IPv6, alone", P6, later_out6(1), ALLOWED},
		{"the first of IPv6", P6, first_out6(1), ALLOWED},

		/* without an entry: never */
		{"a stranger's first", PORT,
		 in(fragment4(1, 0, 1, ip4("10.0.0.6", HOST4, udp(1, 2)))), NOT_ALLOWED},
		{"a stranger's later one", PORT,
		 in(fragment4(1, 16, 0, ip4("10.0.0.6", HOST4, proto(17, payload(24))))), ORPHAN},
		{"a stranger's later one after the first", PORT,
		 after(in(fragment4(1, 0, 1, ip4("10.0.0.6", HOST4, udp(4000, 443)))),
		       in(fragment4(1, 16, 0, ip4("10.0.0.6", HOST4, proto(17, payload(24)))))),
		 ORPHAN},

		/* with a port entry: as the first was judged */
		{"the first to the port", PORT, first_out(1), ALLOWED_PORT},
		{"the first to another port", PORT,
		 out(fragment4(1, 0, 1, ip4(HOST4, P, udp(4000, 444)))), NOT_ALLOWED},
		{"an orphan", PORT, later_out(1), ORPHAN},
		{"after the first", PORT, after(first_out(1), later_out(1)), FRAGMENT},
		{"the last one", PORT, after(after(first_out(1), later_out(1)), last_out(1)),
		 FRAGMENT},
		{"the last one before the others", PORT, after(first_out(1), last_out(1)),
		 FRAGMENT},
		{"after a first that was dropped", PORT,
		 after(out(fragment4(1, 0, 1, ip4(HOST4, P, udp(4000, 444)))), later_out(1)),
		 ORPHAN},
		{"another id", PORT, after(first_out(1), later_out(2)), ORPHAN},
		{"another direction", PORT, after(first_out(1), later_in(1)), ORPHAN},
		{"another protocol", PORT,
		 after(first_out(1),
		       out(fragment4(1, 16, 0, ip4(HOST4, P, proto(IPPROTO_TCP, payload(24)))))),
		 ORPHAN},
		{"another peer", "10.0.0.0/24:443/udp",
		 after(first_out(1),
		       out(fragment4(1, 16, 0, ip4(HOST4, "10.0.0.6", proto(17, payload(24)))))),
		 ORPHAN},
		{"another address of ours", PORT,
		 after(first_out(1),
		       out(fragment4(1, 16, 0, ip4("192.0.2.2", P, proto(17, payload(24)))))),
		 ORPHAN},
		{"a whole packet is no first fragment", PORT,
		 after(out(fragment4(1, 0, 0, ip4(HOST4, P, udp(4000, 443)))), later_out(1)),
		 ORPHAN},
		{"an answer's first", PORT,
		 after(out4(P, udp(4000, 443)),
		       in(fragment4(9, 0, 1, ip4(P, HOST4, udp(443, 4000))))),
		 ALLOWED_PORT},
		{"an answer's first to nothing", PORT,
		 in(fragment4(9, 0, 1, ip4(P, HOST4, udp(443, 4000)))), NO_FLOW},
		{"a later one that looks like the port", PORT,
		 out(fragment4(1, 16, 0, ip4(HOST4, P, udp(4000, 443)))), ORPHAN},
		{"fragments of ping", "out:" P,
		 after(out(fragment4(1, 0, 1, ip4(HOST4, P, ping4()))),
		       out(fragment4(1, 24, 0, ip4(HOST4, P, proto(1, payload(24)))))),
		 FRAGMENT},
		{"don't-fragment is no fragment", PORT,
		 out(poke16(6, 0x4000, ip4(HOST4, P, udp(4000, 443)))), ALLOWED_PORT},

		/* first fragments that end before their ports or flags do */
		{"UDP in 7 bytes", PORT,
		 out(piece(7, fragment4(1, 0, 1, ip4(HOST4, P, udp(4000, 443))))), MALFORMED},
		{"TCP in 8 bytes", "10.0.0.5:443/tcp",
		 out(piece(8, fragment4(1, 0, 1, ip4(HOST4, P, tcp(4000, 443, ACK))))), MALFORMED},
		{"TCP in 8 bytes to an allowed peer", P,
		 out(piece(8, fragment4(1, 0, 1, ip4(HOST4, P, tcp(4000, 443, ACK))))), MALFORMED},
		{"TCP in 24 bytes", "10.0.0.5:443/tcp",
		 out(piece(24, fragment4(1, 0, 1, ip4(HOST4, P, tcp(4000, 443, ACK))))),
		 ALLOWED_PORT},
		/* RFC 1858 §3.2: it could lie over the flags of one that passed */
		{"TCP flags in a second fragment", "10.0.0.5:443/tcp",
		 after(in(fragment4(1, 0, 1, ip4(P, HOST4, tcp(443, 4000, ACK)))),
		       in(fragment4(1, 8, 0, ip4(P, HOST4, proto(6, payload(16)))))),
		 MALFORMED},
		{"TCP flags in a second fragment of an allowed peer", P,
		 in(fragment4(1, 8, 0, ip4(P, HOST4, proto(6, payload(16))))), MALFORMED},
		{"UDP has none", P, in(fragment4(1, 8, 0, ip4(P, HOST4, proto(17, payload(16))))),
		 ALLOWED},
		{"nor what comes later", "10.0.0.5:443/tcp",
		 after(in(fragment4(1, 0, 1, ip4(P, HOST4, tcp(443, 4000, ACK)))),
		       in(fragment4(1, 24, 0, ip4(P, HOST4, proto(6, payload(16)))))),
		 FRAGMENT},

		/* IPv6 */
		{"IPv6: the first to the port", PORT6, first_out6(1), ALLOWED_PORT},
		{"IPv6: to another port", PORT6, out6(P6, fragment6(1, 0, 1, udp(4000, 444))),
		 NOT_ALLOWED},
		{"IPv6: an orphan", PORT6, later_out6(1), ORPHAN},
		{"IPv6: after the first", PORT6, after(first_out6(1), later_out6(1)), FRAGMENT},
		{"IPv6: another id", PORT6, after(first_out6(0x10001), later_out6(1)), ORPHAN},
		{"IPv6: a next header that lies", PORT6,
		 after(first_out6(1), out6(P6, fragment6(1, 16, 0, proto(59, payload(24))))),
		 FRAGMENT},
		{"IPv6: behind hop-by-hop options", PORT6,
		 after(out6(P6, extension(0, 0, fragment6(1, 0, 1, udp(4000, 443)))),
		       out6(P6, extension(0, 0, fragment6(1, 16, 0, proto(17, payload(9)))))),
		 FRAGMENT},
		{"IPv6: an atomic fragment is whole", PORT6,
		 out6(P6, fragment6(1, 0, 0, udp(4000, 443))), ALLOWED_PORT},
		{"IPv6: to another port", PORT6, out6(P6, fragment6(1, 0, 0, udp(4000, 444))),
		 NOT_ALLOWED},
		{"IPv6: nothing follows an atomic fragment", PORT6,
		 after(out6(P6, fragment6(1, 0, 0, udp(4000, 443))), later_out6(1)), ORPHAN},
		{"IPv6: the reserved bits mean nothing", PORT6,
		 after(first_out6(1),
		       out(poke(43, 16 | 6,
				ip6(HOST6, P6, fragment6(1, 16, 0, proto(17, payload(24))))))),
		 FRAGMENT},
		{"IPv6: a fragment's fragment", P6,
		 out6(P6, fragment6(1, 0, 1, fragment6(2, 0, 0, udp(4000, 443)))), MALFORMED},
		{"IPv6: the same to the port", PORT6,
		 out6(P6, fragment6(1, 0, 1, fragment6(2, 0, 1, udp(4000, 443)))), MALFORMED},
		{"IPv6: ports in a second fragment (RFC 7112)", P6,
		 out(piece(16,
			   ip6(HOST6, P6, fragment6(1, 0, 1, extension(60, 0, udp(4000, 443)))))),
		 MALFORMED},
		{"IPv6: a routing header before the fragment header", P6,
		 out6(P6, routing(0, 1, fragment6(1, 16, 0, proto(17, payload(24))))),
		 SOURCE_ROUTE},
		{"IPv6: a stranger's", P6,
		 in6("2001:db8:5::6", fragment6(1, 16, 0, proto(17, payload(24)))), ORPHAN},
	};
	const struct CMUnitTest own[] = {
		cmocka_unit_test(test_fragments_end),
		cmocka_unit_test(test_fragments_end_with_their_entry),
	};

	return RUN_ROWS_AND("fragments", rows, own);
}
