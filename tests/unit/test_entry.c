// SPDX-License-Identifier: BSD-2-Clause
/* The ENTRY grammar: what is read, and the way there and back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include "HostIsolation/entry.h"
#include "HostIsolation/prefix.h"
#include "random.h"
#include <cmocka.h>

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

static void parse(const char *text, struct entry *e)
{
	struct error err = {};

	if (entry_parse(text, e, &err))
		fail_msg("\"%s\" is refused: %s", text, err.text);
	assert_string_equal(err.text, "");
}

/* What is written, and what is printed of it; NULL: the same. */
static const struct {
	const char *text, *canonical;
} good[] = {
	{"10.0.0.5", NULL},
	{"10.0.0.0/8", NULL},
	{"10.0.0.5/32", "10.0.0.5"},
	{"0.0.0.0/0", NULL},
	{"0.0.0.0", NULL},
	{"255.255.255.255", NULL},
	{"128.0.0.0/1", NULL},
	{"10.0.0.254/31", NULL},
	{"in:10.0.0.5", NULL},
	{"out:10.0.0.5", NULL},
	{"OUT:10.0.0.0/8", "out:10.0.0.0/8"},
	{"10.0.0.5:443", NULL},
	{"10.0.0.5:443/tcp", NULL},
	{"out:10.0.0.5:443/TCP", "10.0.0.5:443/tcp"},
	{"in:10.0.0.7:22/tcp", NULL},
	{"10.0.0.0/8:53/udp", NULL},
	{"10.0.0.5/32:1-65535", "10.0.0.5:1-65535"},
	{"10.0.0.5:80-90/sctp", NULL},
	{"10.0.0.5:80-80/dccp", "10.0.0.5:80/dccp"},
	{"in:0.0.0.0/0:65535/udplite", NULL},
	{"2001:db8::1", NULL},
	{"2001:DB8:0:0::1", "2001:db8::1"},
	{"2001:db8::/32", NULL},
	{"::/0", NULL},
	{"::", NULL},
	{"::1", NULL},
	{"2001:db8::1/128", "2001:db8::1"},
	{"8000::/1", NULL},
	{"2001:db8::fffe/127", NULL},
	{"2001:db8:1:2:3:4:5:443", NULL}, /* eight groups: no port */
	{"64:ff9b::10.0.0.5", "64:ff9b::a00:5"},
	{"[2001:db8::1]", "2001:db8::1"},
	{"[2001:db8::]/32", "2001:db8::/32"},
	{"[2001:db8::/32]", "2001:db8::/32"},
	{"[2001:db8::1]:443", NULL},
	{"[2001:db8::1]:443/tcp", NULL},
	{"[2001:db8::]/32:443/tcp", NULL},
	{"[2001:db8::/32]:443/tcp", "[2001:db8::]/32:443/tcp"},
	{"[2001:db8::1/128]:443", "[2001:db8::1]:443"},
	{"in:[::]/0:22-23/udp", NULL},
	{"in:fe80::1", NULL},
	{"out:[fe80::1]", "out:fe80::1"},
	{"out:::/0", NULL},
};

static void test_good(void **state)
{
	for (size_t i = 0; i < COUNT(good); i++) {
		const char *want = good[i].canonical ? good[i].canonical : good[i].text;
		char text[ENTRY_TEXT_MAX], again[ENTRY_TEXT_MAX];
		struct entry e, back;

		parse(good[i].text, &e);
		assert_string_equal(e.name, "");
		entry_format(&e.key, text, sizeof(text));
		assert_string_equal(text, want);
		parse(text, &back);
		assert_memory_equal(&back.key, &e.key, sizeof(e.key));
		entry_format(&back.key, again, sizeof(again));
		assert_string_equal(again, text);
	}
}

static void assert_key(const char *text, int family, int len, int dir, int lo, int hi, int proto)
{
	struct entry e;

	parse(text, &e);
	assert_int_equal(e.key.family, family);
	assert_int_equal(e.key.prefixlen, len);
	assert_int_equal(e.key.dir, dir);
	assert_int_equal(e.key.port_lo, lo);
	assert_int_equal(e.key.port_hi, hi);
	assert_int_equal(e.key.proto, proto);
}

/* What the filter makes of it hangs on these numbers. */
static void test_meaning(void **state)
{
	assert_key("10.0.0.5", AF_INET, 32, ENTRY_DIR_BOTH, 0, 65535, RULE_PROTO_ANY);
	assert_key("::/0", AF_INET6, 0, ENTRY_DIR_BOTH, 0, 65535, RULE_PROTO_ANY);
	assert_key("in:10.0.0.0/8", AF_INET, 8, DIR_IN, 0, 65535, RULE_PROTO_ANY);
	assert_key("out:10.0.0.0/8", AF_INET, 8, DIR_OUT, 0, 65535, RULE_PROTO_ANY);
	assert_key("10.0.0.5:443", AF_INET, 32, DIR_OUT, 443, 443, RULE_PROTO_ANY);
	assert_key("in:10.0.0.5:1-9/tcp", AF_INET, 32, DIR_IN, 1, 9, IPPROTO_TCP);
	assert_key("[::1]:53/udp", AF_INET6, 128, DIR_OUT, 53, 53, IPPROTO_UDP);
	assert_key("[::1]:5/sctp", AF_INET6, 128, DIR_OUT, 5, 5, IPPROTO_SCTP);
	assert_key("[::1]:5/dccp", AF_INET6, 128, DIR_OUT, 5, 5, IPPROTO_DCCP);
	assert_key("[::1]:5/udplite", AF_INET6, 128, DIR_OUT, 5, 5, IPPROTO_UDPLITE);
}

static void test_address_bytes(void **state)
{
	static const __u8 ip4[16] = {10, 1, 2, 3};
	static const __u8 ip6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 0x42};
	struct entry e;

	parse("10.1.2.3", &e);
	assert_memory_equal(e.key.addr, ip4, 16);
	parse("2001:db8::42", &e);
	assert_memory_equal(e.key.addr, ip6, 16);
}

/* Wider than the mapped range is fine: it is no more IPv4 than ::/0 is. */
static void test_around_mapped(void **state)
{
	struct entry e;

	parse("::fffe:0:0/95", &e);
	parse("::fffe:0:0/96", &e);
	parse("::1:0:0/96", &e);
	parse("1::ffff:a00:5", &e);
	parse("::ffff:0:0:0/96", &e);
	parse("::10.0.0.5", &e);
}

#define L63 "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-012345678"
#define L61 "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-0123456"
#define N253 L63 "." L63 "." L63 "." L61

static void test_names(void **state)
{
	static const struct {
		const char *text, *name;
		int dir, lo;
	} rows[] = {
		{"responder", "responder", ENTRY_DIR_BOTH, 0},
		{"Collector.Example.COM", "collector.example.com", ENTRY_DIR_BOTH, 0},
		{"a", "a", ENTRY_DIR_BOTH, 0},
		{"a.b", "a.b", ENTRY_DIR_BOTH, 0},
		{"3com.com", "3com.com", ENTRY_DIR_BOTH, 0},
		{"10.in-addr.arpa", "10.in-addr.arpa", ENTRY_DIR_BOTH, 0},
		{"1.2.3.4a", "1.2.3.4a", ENTRY_DIR_BOTH, 0},
		{"0xabc.example", "0xabc.example", ENTRY_DIR_BOTH, 0},
		{"0xyz", "0xyz", ENTRY_DIR_BOTH, 0},
		{"xn--bcher-kva.example", "xn--bcher-kva.example", ENTRY_DIR_BOTH, 0},
		{"host.example.", "host.example.", ENTRY_DIR_BOTH, 0},
		{"host.example:443/tcp", "host.example", DIR_OUT, 443},
		{"in:host.example:22", "host.example", DIR_IN, 22},
		{"out:host.example", "host.example", DIR_OUT, 0},
		{"in", "in", ENTRY_DIR_BOTH, 0},
		{"out", "out", ENTRY_DIR_BOTH, 0},
		{L63, L63, ENTRY_DIR_BOTH, 0},
		{N253, N253, ENTRY_DIR_BOTH, 0},
	};
	static const __u8 zero[16];

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct entry e;

		parse(rows[i].text, &e);
		assert_string_equal(e.name, rows[i].name);
		assert_memory_equal(e.key.addr, zero, 16);
		assert_int_equal(e.key.family, 0);
		assert_int_equal(e.key.prefixlen, 0);
		assert_int_equal(e.key.dir, rows[i].dir);
		assert_int_equal(e.key.port_lo, rows[i].lo);
		assert_int_equal(e.key.port_hi, rows[i].lo ? rows[i].lo : 65535);
	}
}

static void random_key(struct entry_key *k)
{
	static const __u8 protos[] = {RULE_PROTO_ANY, IPPROTO_TCP,  IPPROTO_UDP,
				      IPPROTO_SCTP,   IPPROTO_DCCP, IPPROTO_UDPLITE};

	memset(k, 0, sizeof(*k));
	k->family = random_below(2) ? AF_INET : AF_INET6;
	k->prefixlen =
		random_below(3) ? random_below(prefix_max(k->family) + 1) : prefix_max(k->family);
	for (int i = 0; i < (k->family == AF_INET ? 4 : 16); i++)
		k->addr[i] = random_below(3) ? random_next() : 0;
	prefix_mask(k->addr, k->prefixlen);
	k->port_hi = 65535;
	k->dir = random_below(3);
	if (k->dir == ENTRY_DIR_BOTH || random_below(4) == 0)
		return;
	k->port_lo = 1 + random_below(65535);
	k->port_hi = random_below(2) ? k->port_lo : k->port_lo + random_below(65536 - k->port_lo);
	k->proto = protos[random_below(COUNT(protos))];
}

static void test_random_round_trip(void **state)
{
	for (int i = 0; i < 50000; i++) {
		char text[ENTRY_TEXT_MAX], again[ENTRY_TEXT_MAX];
		struct entry_key k;
		struct entry e;

		random_key(&k);
		entry_format(&k, text, sizeof(text));
		parse(text, &e);
		assert_memory_equal(&e.key, &k, sizeof(k));
		entry_format(&e.key, again, sizeof(again));
		assert_string_equal(text, again);
	}
}

/* Valid texts with a byte or two changed: refused with a line, or a key that prints and reads back.
 */
static void test_mutations(void **state)
{
	static const char bytes[] = "0159afFx:/[]-.%# \t\n\x1b\xff"
				    "tcpudin";
	int accepted = 0, refused = 0;

	for (int i = 0; i < 100000; i++) {
		char text[64], canonical[ENTRY_TEXT_MAX];
		struct error err = {};
		struct entry e, back;
		int edits = 1 + random_below(2);

		snprintf(text, sizeof(text), "%s", good[random_below(COUNT(good))].text);
		while (edits--)
			text[random_below(strlen(text) ? strlen(text) : 1)] =
				bytes[random_below(sizeof(bytes))];
		if (entry_parse(text, &e, &err)) {
			assert_true(err.text[0]);
			assert_null(strpbrk(err.text, "\n\t\x1b"));
			refused++;
			continue;
		}
		accepted++;
		if (e.name[0])
			continue;
		entry_format(&e.key, canonical, sizeof(canonical));
		parse(canonical, &back);
		assert_memory_equal(&back.key, &e.key, sizeof(e.key));
	}
	assert_in_range(accepted, 1000, 99000);
	assert_in_range(refused, 1000, 99000);
}

static void test_format_fits(void **state)
{
	struct entry_key k = {.family = AF_INET6,
			      .prefixlen = 127,
			      .dir = DIR_IN,
			      .port_lo = 10001,
			      .port_hi = 65535,
			      .proto = IPPROTO_UDPLITE};
	char text[ENTRY_TEXT_MAX], small[8];

	memset(k.addr, 0xfe, 16);
	entry_format(&k, text, sizeof(text));
	assert_string_equal(text, "in:[fefe:fefe:fefe:fefe:fefe:fefe:fefe:fefe]/127:10001-65535/"
				  "udplite");
	entry_format(&k, small, sizeof(small));
	assert_string_equal(small, "in:[fef");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	      cmocka_unit_test(test_meaning),
		cmocka_unit_test(test_address_bytes), cmocka_unit_test(test_around_mapped),
		cmocka_unit_test(test_names),	      cmocka_unit_test(test_random_round_trip),
		cmocka_unit_test(test_mutations),     cmocka_unit_test(test_format_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
