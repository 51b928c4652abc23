// SPDX-License-Identifier: BSD-2-Clause
/* Disjoint ranges against the trie they come from: by hand, and by asking both at many places. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "HostIsolation/entry.h"
#include "HostIsolation/nftsegments.h"
#include <cmocka.h> /* last: it makes a macro of fail() */

static struct allowlist list;
static struct compiled compiled;

static void add(const char *text, __u64 until)
{
	struct error err = {};
	struct entry e;

	if (entry_parse(text, &e, &err) || allowlist_add(&list, &e.key, until, 0))
		fail_msg("%s: %s", text, err.text);
}

static void compile(void)
{
	struct error err = {};

	allowlist_sort(&list);
	if (compile_allowlist(&list, &compiled, &err))
		fail_msg("%s", err.text);
}

static int clear(void **state)
{
	allowlist_free(&list);
	compiled_free(&compiled);
	memset(&list, 0, sizeof(list));
	return 0;
}

static struct nft_segments segments(int family)
{
	struct nft_segments s;

	assert_int_equal(
		nft_segments_make(family == AF_INET ? compiled.ip4 : compiled.ip6,
				  family == AF_INET ? compiled.ip4_count : compiled.ip6_count,
				  family, &s),
		0);
	return s;
}

static void assert_segment(const struct nft_segments *s, size_t i, int family, const char *lo,
			   const char *hi, __u64 until)
{
	__u8 l[16] = {}, h[16] = {};

	assert_true(i < s->count);
	inet_pton(family, lo, l);
	inet_pton(family, hi, h);
	assert_memory_equal(s->items[i].lo, l, 16);
	assert_memory_equal(s->items[i].hi, h, 16);
	assert_int_equal(s->items[i].until, until);
}

static void test_nothing(void **state)
{
	struct nft_segments s;

	assert_int_equal(nft_segments_make(NULL, 0, AF_INET, &s), 0);
	assert_int_equal(s.count, 0);
	nft_segments_free(&s);
}

static void test_nested(void **state)
{
	struct nft_segments s;

	add("10.0.0.0/8", 100);
	add("10.1.0.0/16", 200);
	add("10.1.2.3", FOREVER);
	add("10.255.0.0/16", 50); /* ends sooner than what is around it: adds nothing */
	compile();
	s = segments(AF_INET);
	assert_int_equal(s.count, 5);
	assert_segment(&s, 0, AF_INET, "10.0.0.0", "10.0.255.255", 100);
	assert_segment(&s, 1, AF_INET, "10.1.0.0", "10.1.2.2", 200);
	assert_segment(&s, 2, AF_INET, "10.1.2.3", "10.1.2.3", FOREVER);
	assert_segment(&s, 3, AF_INET, "10.1.2.4", "10.1.255.255", 200);
	assert_segment(&s, 4, AF_INET, "10.2.0.0", "10.255.255.255", 100);
	nft_segments_free(&s);
}

static void test_neighbours_join(void **state)
{
	struct nft_segments s;

	add("10.0.0.0/25", FOREVER);
	add("10.0.0.128/25", FOREVER);
	add("10.0.1.0/24", 7);
	add("10.0.3.0/24", 7);
	compile();
	s = segments(AF_INET);
	assert_int_equal(s.count, 3);
	assert_segment(&s, 0, AF_INET, "10.0.0.0", "10.0.0.255", FOREVER);
	assert_segment(&s, 1, AF_INET, "10.0.1.0", "10.0.1.255", 7);
	assert_segment(&s, 2, AF_INET, "10.0.3.0", "10.0.3.255", 7);
	nft_segments_free(&s);
}

static void test_whole_space(void **state)
{
	struct nft_segments s;
	__u8 next[16];

	add("0.0.0.0/0", FOREVER);
	add("255.255.255.255", 5);
	add("::/0", 9);
	add("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", FOREVER);
	add("::", FOREVER);
	compile();
	s = segments(AF_INET);
	assert_int_equal(s.count, 1);
	assert_segment(&s, 0, AF_INET, "0.0.0.0", "255.255.255.255", FOREVER);
	assert_false(address_next(AF_INET, s.items[0].hi, next));
	nft_segments_free(&s);
	s = segments(AF_INET6);
	assert_int_equal(s.count, 3);
	assert_segment(&s, 0, AF_INET6, "::", "::", FOREVER);
	assert_segment(&s, 1, AF_INET6, "::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", 9);
	assert_segment(&s, 2, AF_INET6, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", FOREVER);
	assert_true(address_next(AF_INET6, s.items[1].hi, next));
	assert_memory_equal(next, s.items[2].lo, 16);
	assert_false(address_next(AF_INET6, s.items[2].hi, next));
	nft_segments_free(&s);
}

static void test_address_next(void **state)
{
	__u8 a[16] = {10, 0, 255, 255}, next[16], want[16] = {10, 1, 0, 0};

	assert_true(address_next(AF_INET, a, next));
	assert_memory_equal(next, want, 16);
}

/* The longest prefix around an address, as the trie would answer. */
static const struct allow_node *trie(int family, const __u8 addr[16])
{
	const struct compiled_node *nodes = family == AF_INET ? compiled.ip4 : compiled.ip6;
	size_t count = family == AF_INET ? compiled.ip4_count : compiled.ip6_count;
	const struct compiled_node *best = NULL;

	for (size_t i = 0; i < count; i++) {
		__u32 len = nodes[i].key.prefixlen;
		bool in = !memcmp(addr, nodes[i].key.addr, len / 8);

		if (in && len % 8)
			in = !((addr[len / 8] ^ nodes[i].key.addr[len / 8]) >> (8 - len % 8));
		if (in && (!best || len > best->key.prefixlen))
			best = &nodes[i];
	}
	return best ? &best->node : NULL;
}

static void ask_both(int family, const struct nft_segments *s, const __u8 addr[16])
{
	const struct allow_node *n = trie(family, addr);
	const struct nft_segment *hit = NULL;

	for (size_t i = 0; i < s->count; i++)
		if (memcmp(s->items[i].lo, addr, 16) <= 0 &&
		    memcmp(addr, s->items[i].hi, 16) <= 0) {
			assert_null(hit); /* disjoint */
			hit = &s->items[i];
		}
	assert_int_equal(hit ? hit->until : 0, n ? n->until : 0);
	assert_int_equal(hit ? hit->rules : 0, n ? n->rules : 0);
}

static void test_against_the_trie(void **state)
{
	srandom(4711);
	for (int round = 0; round < 200; round++) {
		int family = round % 2 ? AF_INET6 : AF_INET;
		struct nft_segments s;
		__u8 edge[16];

		clear(NULL);
		for (int i = 0; i < 12; i++) {
			/* few bits, so that prefixes lie in and beside each other */
			char text[64];
			unsigned int a = (unsigned int)random() % 4 * 64,
				     len = (unsigned int)random() % 9;
			unsigned int base = len ? a >> (8 - len) << (8 - len) : 0;

			if (family == AF_INET)
				snprintf(text, sizeof(text), "%u.0.0.0/%u", base, len);
			else
				snprintf(text, sizeof(text), "%x00::/%u", base, len);
			add(text, (unsigned int)random() % 3 + 1);
			if (random() % 2) {
				snprintf(text, sizeof(text),
					 family == AF_INET ? "out:%u.0.0.0:%ld"
							   : "out:[%x00::]:%ld",
					 base, random() % 3 + 1);
				add(text, FOREVER);
			}
		}
		compile();
		s = segments(family);
		for (unsigned int v = 0; v < 256; v++) {
			__u8 addr[16] = {(__u8)v};

			ask_both(family, &s, addr);
			memset(addr + 1, 0xff, family == AF_INET ? 3 : 15);
			ask_both(family, &s, addr);
		}
		for (size_t i = 0; i < s.count; i++) {
			ask_both(family, &s, s.items[i].lo);
			ask_both(family, &s, s.items[i].hi);
			if (address_next(family, s.items[i].hi, edge))
				ask_both(family, &s, edge);
			if (i)
				assert_true(memcmp(s.items[i - 1].hi, s.items[i].lo, 16) < 0);
		}
		nft_segments_free(&s);
	}
}

struct port_table {
	__u64 until[DIR_COUNT][256][8]; /* a port in each eighth */
	int elements;
};

static const __u16 sample_ports[8] = {1, 22, 53, 80, 443, 1024, 8080, 65535};

static int take_ports(const struct nft_ports *p, void *arg)
{
	struct port_table *t = arg;

	t->elements++;
	assert_true(p->proto_lo <= p->proto_hi && p->port_lo <= p->port_hi);
	for (unsigned int proto = p->proto_lo; proto <= p->proto_hi; proto++)
		for (int i = 0; i < 8; i++)
			if (p->port_lo <= sample_ports[i] && sample_ports[i] <= p->port_hi) {
				assert_int_equal(t->until[p->dir][proto][i], 0); /* disjoint */
				t->until[p->dir][proto][i] = p->until;
			}
	return 0;
}

static struct port_table ports_of(__u64 now)
{
	struct port_table t = {};
	struct nft_segments s = segments(AF_INET);

	assert_int_equal(s.count, 1);
	assert_int_equal(nft_ports_each(&compiled, s.items[0].rules, now, take_ports, &t), 0);
	nft_segments_free(&s);
	return t;
}

static void test_ports(void **state)
{
	struct port_table t;

	add("out:10.0.0.1:80-1024/tcp", 100);
	add("out:10.0.0.1:443/tcp", 200);
	add("out:10.0.0.1:22/tcp", FOREVER);
	add("in:10.0.0.1:53", 300); /* every protocol with ports */
	compile();
	t = ports_of(1);
	assert_int_equal(t.until[DIR_OUT][IPPROTO_TCP][0], 0);
	assert_int_equal(t.until[DIR_OUT][IPPROTO_TCP][1], FOREVER);
	assert_int_equal(t.until[DIR_OUT][IPPROTO_TCP][3], 100);
	assert_int_equal(t.until[DIR_OUT][IPPROTO_TCP][4], 200);
	assert_int_equal(t.until[DIR_OUT][IPPROTO_TCP][5], 100);
	assert_int_equal(t.until[DIR_OUT][IPPROTO_TCP][6], 0);
	assert_int_equal(t.until[DIR_OUT][IPPROTO_UDP][4], 0);
	assert_int_equal(t.until[DIR_OUT][IPPROTO_ICMP][3], 0);
	assert_int_equal(t.until[DIR_IN][IPPROTO_TCP][2], 300);
	assert_int_equal(t.until[DIR_IN][IPPROTO_UDP][2], 300);
	assert_int_equal(t.until[DIR_IN][IPPROTO_UDPLITE][2], 300);
	assert_int_equal(t.until[DIR_IN][IPPROTO_ICMP][2], 0);
	assert_int_equal(t.until[DIR_IN][IPPROTO_UDP][3], 0);
	assert_int_equal(t.elements, 1 + 3 + NFT_PORT_PROTOCOLS);

	t = ports_of(100); /* what is over is left out */
	assert_int_equal(t.until[DIR_OUT][IPPROTO_TCP][3], 0);
	assert_int_equal(t.until[DIR_OUT][IPPROTO_TCP][4], 200);
}

/* in:ADDR without a port: every protocol there is. */
static void test_all_protocols(void **state)
{
	struct port_table t;

	add("in:10.0.0.1", 9);
	compile();
	t = ports_of(1);
	for (int proto = 0; proto < 256; proto++)
		for (int i = 0; i < 8; i++) {
			assert_int_equal(t.until[DIR_IN][proto][i], 9);
			assert_int_equal(t.until[DIR_OUT][proto][i], 0);
		}
	assert_int_equal(t.elements, 2 * NFT_PORT_PROTOCOLS + 1);
}

static int stop_at_once(const struct nft_ports *p, void *arg)
{
	return 42;
}

static void test_stops_and_refuses(void **state)
{
	add("in:10.0.0.1", 9);
	compile();
	assert_int_equal(nft_ports_each(&compiled, 1, 1, stop_at_once, NULL), 42);
	assert_int_equal(nft_ports_each(&compiled, 2, 1, stop_at_once, NULL), -EINVAL);
	compiled.blocks[0].block.next = 1; /* leads to itself */
	assert_int_equal(nft_ports_each(&compiled, 1, 1, stop_at_once, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test_teardown(test_nested, clear),
		cmocka_unit_test_teardown(test_neighbours_join, clear),
		cmocka_unit_test_teardown(test_whole_space, clear),
		cmocka_unit_test(test_address_next),
		cmocka_unit_test_teardown(test_against_the_trie, clear),
		cmocka_unit_test_teardown(test_ports, clear),
		cmocka_unit_test_teardown(test_all_protocols, clear),
		cmocka_unit_test_teardown(test_stops_and_refuses, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
