// SPDX-License-Identifier: BSD-2-Clause
/*
 * The short way of plain packets: where it begins and ends, that it is taken, and that it says what
 * the long way says. Every row of every packet test goes both ways; here are the rows at its edges,
 * and frames at random that are plain more often than not.
 */
#include "../lib/rows.h"
#include <stdio.h>
#include <stdlib.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "HostIsolation/cleanup.h"
#include "../unit/random.h"

#define P "10.0.0.5"
#define X "10.0.0.6"
#define P6 "2001:db8:5::5"
#define X6 "2001:db8:5::6"
#define BOTH P " " P6
#define PORT4 P ":443/tcp"

/* The long way writes into the scratch map, the short way does not know it. */
static bool goes_short(const struct hook *h, const struct frame *f)
{
	int cpus = libbpf_num_possible_cpus(), fd = lab.maps.fd[MAP_scratch];
	struct bpf_map_info info = {};
	_cleanup_free_ unsigned char *values = NULL;
	__u32 zero = 0, len = sizeof(info);
	struct outcome o;
	size_t size;

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	size = (size_t)cpus * ((info.value_size + 7) & ~7U);
	values = malloc(size);
	assert_non_null(values);
	for (size_t i = 0; i < size; i++)
		values[i] = 0xa5;
	assert_int_equal(bpf_map_update_elem(fd, &zero, values, BPF_ANY), 0);
	assert_true(lab_run(h, f, 0, &o));
	assert_int_equal(bpf_map_lookup_elem(fd, &zero, values), 0);
	for (size_t i = 0; i < size; i++)
		if (values[i] != 0xa5 && values[i]) /* the padding reads as 0 */
			return false;
	return true;
}

static void expect_way(const char *name, const struct frame *f, bool is_short)
{
	int judged = 0;

	for (size_t i = 0; i < hook_count; i++) {
		if (!hook_takes(&hooks[i], f))
			continue;
		judged++;
		if (goes_short(&hooks[i], f) != is_short)
			fail_msg("%s: %s takes the %s way", name, hooks[i].name,
				 is_short ? "long" : "short");
	}
	assert_true(judged);
}

static void test_plain_packets_go_short(void **state)
{
	lab_allow(BOTH);
	lab_control(CONTROL_ENFORCE);
	expect_way("TCP out", out4(P, tcp(1, 2, ACK)), true);
	expect_way("TCP in", in4(P, tcp(1, 2, SYN)), true);
	expect_way("UDP out", out4(P, udp(1, 2)), true);
	expect_way("UDP in", in4(P, udp(1, 2)), true);
	expect_way("TCP over IPv6", out6(P6, tcp(1, 2, ACK)), true);
	expect_way("UDP over IPv6", in6(P6, udp(1, 2)), true);
	expect_way("a stranger's TCP", in4(X, tcp(1, 2, SYN)), true);
	expect_way("UDP to a stranger", out4(X, udp(1, 2)), true);
	expect_way("a stranger's UDP over IPv6", in6(X6, udp(1, 2)), true);
	expect_way("TCP to a stranger over IPv6", out6(X6, tcp(1, 2, SYN)), true);
	lab_control(CONTROL_ENFORCE | CONTROL_GRANTS | CONTROL_KEPT);
	expect_way("an allowed peer besides grants", out4(P, tcp(1, 2, ACK)), true);
	lab_control(CONTROL_AUDIT);
	for (size_t i = 0; i < hook_count; i++)
		if (!hooks[i].xdp && hook_takes(&hooks[i], in4(X, udp(1, 2))))
			assert_true(goes_short(&hooks[i], in4(X, udp(1, 2))));
}

static void test_others_go_long(void **state)
{
	lab_allow(BOTH);
	lab_control(CONTROL_ENFORCE);
	expect_way("ICMP", in4(P, ping4()), false);
	expect_way("options", in4(P, OPTIONS4("\x94\4\0\0", udp(1, 2))), false);
	expect_way("a fragment", in(fragment4(1, 0, 1, ip4(P, HOST4, udp(1, 2)))), false);
	expect_way("an extension header", in6(P6, extension(60, 0, udp(1, 2))), false);
	expect_way("DHCP", in4(X, dhcp4(67, 68, 2)), false);
	lab_control(CONTROL_ENFORCE | CONTROL_GRANTS);
	expect_way("a stranger, but there are grants", in4(X, udp(1, 2)), false);
	lab_control(CONTROL_ENFORCE | CONTROL_KEPT);
	expect_way("a stranger, but a connection is kept", in4(X, tcp(1, 2, ACK)), false);
	lab_control(CONTROL_ENFORCE | CONTROL_LONG_WAY);
	expect_way("when told so", in4(P, udp(1, 2)), false);
	lab_allow(PORT4);
	lab_control(CONTROL_ENFORCE);
	expect_way("a port entry's peer", in4(P, tcp(443, 2, ACK)), false);
}

/* One of everything that a plain packet can differ in, and now and then a byte that spoils it. */
static struct frame *some_frame(void)
{
	static const char *const peers[] = {P, X, "10.0.1.9", "10.0.2.9", "255.255.255.255"};
	static const char *const peers6[] = {P6, X6, "2001:db8:6::1", "fe80::5", "ff02::1:2"};
	static const int ports[] = {0, 67, 68, 443, 546, 547, 4000, 65535};
	int src = ports[random_below(8)], dst = ports[random_below(8)];
	bool tcp_it = random_below(2), inwards = random_below(2);
	struct frame *f = tcp_it ? tcp(src, dst, random_below(256)) : udp(src, dst);
	size_t cut_to, n;

	if (random_below(2))
		f = inwards ? in4(peers[random_below(5)], f) : out4(peers[random_below(5)], f);
	else
		f = inwards ? in6(peers6[random_below(5)], f) : out6(peers6[random_below(5)], f);
	switch (random_below(6)) {
	case 0: /* the lengths, in both headers, near what is there */
		poke16(f->len > 62 && f->data[14] >> 4 == 6 ? 18 : 16, random_below(f->len), f);
		break;
	case 1: /* any byte of the headers */
		poke(12 + random_below(f->len - 12), random_below(256), f);
		break;
	case 2: /* flags and offset of a fragment, or next header and hop limit */
		poke(20 + random_below(2), 1 << random_below(8), f);
		break;
	case 3:
		cut_to = 15 + random_below(f->len - 15);
		cut(cut_to, f);
		break;
	case 4:
		n = random_below(40);
		pad(n, 'x', f);
		break;
	}
	return f;
}

/* Through one hook the one way, and through it the other way: all that can be seen is the same. */
static bool compare_ways(const struct hook *h, const struct frame *f, __u64 control)
{
	struct outcome was, is;

	lab_forget();
	lab_control(control | CONTROL_LONG_WAY);
	if (!lab_run(h, f, 0, &was))
		return false;
	lab_forget();
	lab_control(control);
	assert_true(lab_run(h, f, 0, &is));
	if (was.dropped == is.dropped && was.moved == is.moved && was.reason == is.reason &&
	    (!was.moved || (was.audit == is.audit && was.dir == is.dir &&
			    was.by.packets == is.by.packets && was.by.bytes == is.by.bytes)))
		return true;
	printf("# %zu bytes:", f->len);
	for (size_t i = 0; i < f->len; i++)
		printf(" %02x", f->data[i]);
	printf("\n");
	fail_msg("%s: %s, the long way %s (control %llx)", h->name, reason_word(is.reason),
		 reason_word(was.reason), control);
	return true;
}

static void test_both_ways_agree(void **state)
{
	static const char *const lists[] = {
		"",
		BOTH,
		"10.0.0.0/24 " P ":443/tcp 2001:db8:5::/48",
		P "@past " P6 "@past",
		P "@soon " P6 "@soon 10.0.1.0/24:443",
		"out:" P " in:" P6 " 10.0.1.9:67-68/udp",
	};
	static const __u64 controls[] = {
		CONTROL_ENFORCE,
		CONTROL_AUDIT,
		CONTROL_ENFORCE | CONTROL_KEPT,
		CONTROL_ENFORCE | CONTROL_GRANTS,
	};
	int each = getenv("HOSTISO_VM") ? 150 : 1500, compared = 0;

	for (size_t l = 0; l < sizeof(lists) / sizeof(lists[0]); l++) {
		lab_allow(lists[l]);
		for (int n = 0; n < each; n++) {
			const struct frame *f = some_frame();
			__u64 control = controls[random_below(4)];

			for (size_t i = 0; i < hook_count; i++)
				if (hook_takes(&hooks[i], f))
					compared += compare_ways(&hooks[i], f, control);
		}
	}
	printf("# %d pairs of runs\n", compared);
	assert_true(compared > each * 6);
}

int main(void)
{
	const struct row rows[] = {
		/* as long as the IP header says, at the edges */
		{"TCP of 20 bytes", P, in(piece(20, ip4(P, HOST4, tcp(1, 2, ACK)))), ALLOWED},
		{"TCP of 19", P, in(piece(19, ip4(P, HOST4, tcp(1, 2, ACK)))), MALFORMED},
		{"TCP told 19 of 30", P, in(told(39, ip4(P, HOST4, tcp(1, 2, ACK)))), MALFORMED},
		{"UDP of 8 bytes", P, in(piece(8, ip4(P, HOST4, udp(1, 2)))), ALLOWED},
		{"UDP of 7", P, in(piece(7, ip4(P, HOST4, udp(1, 2)))), MALFORMED},
		{"UDP told 7 of 18", P, in(told(27, ip4(P, HOST4, udp(1, 2)))), MALFORMED},
		{"TCP told more than there is", X, out(told(51, ip4(HOST4, X, tcp(1, 2, ACK)))),
		 MALFORMED},
		{"TCP of 20 bytes, IPv6", P6, in(piece(20, ip6(P6, HOST6, tcp(1, 2, ACK)))),
		 ALLOWED},
		{"TCP of 19, IPv6", P6, in(piece(19, ip6(P6, HOST6, tcp(1, 2, ACK)))), MALFORMED},
		{"UDP of 7, IPv6", P6, in(piece(7, ip6(P6, HOST6, udp(1, 2)))), MALFORMED},
		{"told nothing, IPv6", P6, in(told(0, ip6(P6, HOST6, udp(1, 2)))), MALFORMED},

		/* what looks like a fragment's field and is none */
		{"do not fragment", P, in(poke(6, 0x40, ip4(P, HOST4, udp(1, 2)))), ALLOWED},
		{"the reserved bit", P, in(poke(6, 0x80, ip4(P, HOST4, udp(1, 2)))), ALLOWED},
	};
	const struct CMUnitTest own[] = {
		cmocka_unit_test(test_plain_packets_go_short),
		cmocka_unit_test(test_others_go_long),
		cmocka_unit_test(test_both_ways_agree),
	};

	return RUN_ROWS_AND("the short way", rows, own);
}
