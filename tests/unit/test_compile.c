// SPDX-License-Identifier: BSD-2-Clause
/* From entries to nodes: the cases with a name. test_compile_random.c has those without. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "compilelab.h"

static const struct compiled_node *node(const struct compiled *c, const char *prefix)
{
	struct entry_key k = key_of(prefix);
	const struct compiled_node *n = lookup(c, k.family, k.addr);

	/* the node itself, not one around or inside it */
	for (size_t i = 0; i < (k.family == AF_INET ? c->ip4_count : c->ip6_count); i++) {
		n = k.family == AF_INET ? &c->ip4[i] : &c->ip6[i];
		if (n->key.prefixlen == k.prefixlen && !memcmp(n->key.addr, k.addr, 16))
			return n;
	}
	fail_msg("no node for %s", prefix);
	return NULL;
}

/* The node's rules as "ENTRY@UNTIL ENTRY@UNTIL …", each the owner's entry. */
static void assert_rules(const struct allowlist *list, const struct compiled *c, const char *prefix,
			 const char *want)
{
	char got[2048] = "", text[ENTRY_TEXT_MAX];
	struct chain chain;

	chain_of(c, node(c, prefix), &chain);
	for (size_t i = 0; i < chain.count; i++) {
		entry_format(&list->entries[chain.owner[i]].key, text, sizeof(text));
		assert_true(same_rule(&chain.rule[i], &list->entries[chain.owner[i]].key));
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s@%lld", i ? " " : "",
			 text, (long long)chain.rule[i].until);
	}
	assert_string_equal(got, want);
}

static void assert_owner(const struct allowlist *list, const struct compiled *c, const char *prefix,
			 const char *want)
{
	size_t owner = node(c, prefix)->owner;
	char text[ENTRY_TEXT_MAX];

	if (!want) {
		assert_true(owner == NO_ENTRY);
		return;
	}
	assert_in_range(owner, 0, list->count - 1);
	entry_format(&list->entries[owner].key, text, sizeof(text));
	assert_string_equal(text, want);
}

static void test_empty(void **state)
{
	struct allowlist list = {};
	struct compiled c;

	compile(&list, &c);
	assert_int_equal(c.ip4_count + c.ip6_count + c.block_count, 0);
	compiled_free(&c);
}

static void test_keys(void **state)
{
	static const __u8 ip4[16] = {10, 1}, ip6[16] = {0x20, 0x01, 0x0d, 0xb8};
	struct allowlist list = {};
	struct compiled c;

	add_text(&list, "10.1.0.0/16", 7, 0);
	add_text(&list, "2001:db8::/32", FOREVER, 0);
	compile(&list, &c);
	assert_int_equal(c.ip4_count, 1);
	assert_int_equal(c.ip4[0].key.prefixlen, 16);
	assert_memory_equal(c.ip4[0].key.addr, ip4, 16);
	assert_int_equal(c.ip4[0].node.until, 7);
	assert_int_equal(c.ip4[0].node.packets, 0);
	assert_int_equal(c.ip4[0].node.rules, 0);
	assert_int_equal(c.ip4[0].owner, 0);
	assert_int_equal(c.ip6_count, 1);
	assert_int_equal(c.ip6[0].key.prefixlen, 32);
	assert_memory_equal(c.ip6[0].key.addr, ip6, 16);
	assert_true(c.ip6[0].node.until == FOREVER);
	assert_int_equal(c.ip6[0].owner, 1);
	compiled_free(&c);
	allowlist_free(&list);
}

/* A narrower entry never takes away what a wider one gives. */
static void test_deadlines_nest(void **state)
{
	struct allowlist list = {};
	struct compiled c;

	add_text(&list, "0.0.0.0/0", 10, 0);
	add_text(&list, "10.0.0.0/8", 30, 0);
	add_text(&list, "10.1.0.0/16", 20, 0);
	add_text(&list, "10.1.2.3", FOREVER, 0);
	add_text(&list, "10.1.2.4", 30, 0);
	add_text(&list, "11.0.0.0/8", 5, 0);
	add_text(&list, "2001:db8::1", 0, 0); /* of the past */
	compile(&list, &c);
	assert_int_equal(c.ip4_count, 6);
	assert_int_equal(node(&c, "0.0.0.0/0")->node.until, 10);
	assert_int_equal(node(&c, "10.0.0.0/8")->node.until, 30);
	assert_int_equal(node(&c, "10.1.0.0/16")->node.until, 30);
	assert_true(node(&c, "10.1.2.3")->node.until == FOREVER);
	assert_int_equal(node(&c, "10.1.2.4")->node.until, 30);
	assert_int_equal(node(&c, "11.0.0.0/8")->node.until, 10);
	assert_owner(&list, &c, "10.1.0.0/16", "10.0.0.0/8"); /* the latest deadline */
	assert_owner(&list, &c, "10.1.2.4", "10.1.2.4");      /* of equal ones the narrower */
	assert_owner(&list, &c, "11.0.0.0/8", "0.0.0.0/0");
	assert_int_equal(node(&c, "2001:db8::1")->node.until, 0);
	assert_owner(&list, &c, "2001:db8::1", NULL);
	compiled_free(&c);
	allowlist_free(&list);
}

static void test_rules_are_inherited(void **state)
{
	struct allowlist list = {};
	struct compiled c;

	add_text(&list, "[::]/0:53/udp", 40, 0);
	add_text(&list, "[2001:db8::]/32:443/tcp", FOREVER, 0);
	add_text(&list, "in:[2001:db8::]/32:22/tcp", 20, 0);
	add_text(&list, "2001:db8::7", 5, 0);
	add_text(&list, "[2001:db8::8]:80", 6, 0);
	compile(&list, &c);
	assert_rules(&list, &c, "::/0", "[::]/0:53/udp@40");
	assert_rules(&list, &c, "2001:db8::/32",
		     "[2001:db8::]/32:443/tcp@-1 in:[2001:db8::]/32:22/tcp@20 [::]/0:53/udp@40");
	assert_rules(&list, &c, "2001:db8::7",
		     "[2001:db8::]/32:443/tcp@-1 in:[2001:db8::]/32:22/tcp@20 [::]/0:53/udp@40");
	assert_rules(&list, &c, "2001:db8::8",
		     "[2001:db8::8]:80@6 [2001:db8::]/32:443/tcp@-1 "
		     "in:[2001:db8::]/32:22/tcp@20 [::]/0:53/udp@40");
	assert_int_equal(node(&c, "2001:db8::7")->node.until, 5);
	assert_int_equal(node(&c, "2001:db8::8")->node.until, 0);
	assert_owner(&list, &c, "2001:db8::8", NULL);
	/* the same rules are the same blocks */
	assert_int_equal(node(&c, "2001:db8::7")->node.rules,
			 node(&c, "2001:db8::/32")->node.rules);
	compiled_free(&c);
	allowlist_free(&list);
}

/* The other family's prefixes are no ancestors, though ::/0 and 0.0.0.0/0 are the same bytes. */
static void test_families_apart(void **state)
{
	struct allowlist list = {};
	struct compiled c;

	add_text(&list, "0.0.0.0/0", FOREVER, 0);
	add_text(&list, "0.0.0.0/0:1", FOREVER, 0);
	add_text(&list, "[::]/0:53", 10, 0);
	add_text(&list, "a00::/16", 20, 0);
	compile(&list, &c);
	assert_int_equal(node(&c, "::/0")->node.until, 0);
	assert_rules(&list, &c, "::/0", "[::]/0:53@10");
	assert_int_equal(node(&c, "a00::/16")->node.until, 20);
	assert_rules(&list, &c, "a00::/16", "");
	compiled_free(&c);
	allowlist_free(&list);
}

static void test_useless_rules_go(void **state)
{
	struct allowlist list = {};
	struct compiled c;

	add_text(&list, "10.0.0.0/8:1", FOREVER, 0);
	add_text(&list, "10.0.0.0/8:2", 20, 0);
	add_text(&list, "10.0.0.0/8:3", 21, 0);
	add_text(&list, "10.0.0.5", FOREVER, 0);
	add_text(&list, "10.0.0.5:443", FOREVER, 0);
	add_text(&list, "10.0.0.6", 20, 0);
	add_text(&list, "10.0.0.6:443", 19, 0);
	compile(&list, &c);
	assert_rules(&list, &c, "10.0.0.5", "");
	assert_int_equal(node(&c, "10.0.0.5")->node.rules, 0);
	assert_rules(&list, &c, "10.0.0.6", "10.0.0.0/8:1@-1 10.0.0.0/8:3@21");
	compiled_free(&c);
	allowlist_free(&list);
}

static void test_same_rules_merge(void **state)
{
	struct allowlist list = {};
	struct compiled c;

	add_text(&list, "10.0.0.0/8:1", 10, 0);
	add_text(&list, "10.0.0.0/8:2", 20, 0);
	add_text(&list, "10.0.0.0/8:3", 30, 0);
	add_text(&list, "10.0.0.5:1", 20, 0);
	add_text(&list, "10.0.0.5:2", 20, 0);
	add_text(&list, "10.0.0.5:3", 20, 0);
	add_text(&list, "10.0.0.5:3/tcp", 20, 0); /* not the same */
	add_text(&list, "in:10.0.0.5:3", 20, 0);  /* not the same */
	compile(&list, &c);
	assert_rules(&list, &c, "10.0.0.5",
		     "10.0.0.5:1@20 10.0.0.5:2@20 10.0.0.5:3/tcp@20 in:10.0.0.5:3@20 "
		     "10.0.0.0/8:3@30");
	assert_rules(&list, &c, "10.0.0.0/8", "10.0.0.0/8:1@10 10.0.0.0/8:2@20 10.0.0.0/8:3@30");
	compiled_free(&c);
	allowlist_free(&list);
}

static void add_ports(struct allowlist *list, const char *addr, int from, int n)
{
	char text[64];

	for (int i = from; i < from + n; i++) {
		snprintf(text, sizeof(text), "%s:%d", addr, i);
		add_text(list, text, FOREVER, 0);
	}
}

static void assert_too_many(struct allowlist *list, const char *prefix)
{
	struct compiled c, before;
	struct error err = {};

	memset(&c, 0xa5, sizeof(c));
	before = c;
	allowlist_sort(list);
	assert_int_equal(compile_allowlist(list, &c, &err), -E2BIG);
	assert_memory_equal(&c, &before, sizeof(c));
	if (strncmp(err.text, prefix, strlen(prefix)) || err.text[strlen(prefix)] != ':')
		fail_msg("%s", err.text);
	assert_int_equal(compile_allowlist(list, &c, NULL), -E2BIG);
}

static void test_limit_in_one_place(void **state)
{
	struct allowlist list = {};
	struct compiled c;

	add_ports(&list, "10.0.0.5", 1, RULES_PER_PEER_MAX);
	compile(&list, &c);
	assert_int_equal(c.block_count, RULE_BLOCKS_MAX);
	compiled_free(&c);
	add_ports(&list, "10.0.0.5", RULES_PER_PEER_MAX + 1, 1);
	assert_too_many(&list, "10.0.0.5");
	add_text(&list, "10.0.0.5", FOREVER, 0); /* allowed as a whole: no rule is needed */
	compile(&list, &c);
	assert_int_equal(c.block_count, 0);
	compiled_free(&c);
	allowlist_free(&list);
}

static void test_limit_by_inheritance(void **state)
{
	struct allowlist list = {};
	struct compiled c;

	add_ports(&list, "10.0.0.0/8", 1, 40);
	add_ports(&list, "10.1.0.0/16", 30, 35); /* 1-40 and 30-64: 64 of them */
	compile(&list, &c);
	compiled_free(&c);
	add_ports(&list, "11.0.0.0/8", 1, 64); /* beside it: counts apart */
	compile(&list, &c);
	compiled_free(&c);
	add_ports(&list, "10.1.2.3", 65, 1);
	assert_too_many(&list, "10.1.2.3");
	allowlist_free(&list);

	add_ports(&list, "[2001:db8::]/32", 1, 64);
	add_ports(&list, "[2001:db8:1::]/48", 100, 1);
	assert_too_many(&list, "2001:db8:1::/48");
	allowlist_free(&list);
}

/* One wide entry with 60 ports above many hosts with one port each: the hosts bring one block each
 * and share the rest. */
static void test_blocks_are_shared(void **state)
{
	struct allowlist list = {};
	struct compiled c;
	char text[64];

	add_ports(&list, "10.0.0.0/8", 1, 63);
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "10.0.%d.%d:1000", i / 250, i % 250);
		add_text(&list, text, FOREVER, 0);
	}
	compile(&list, &c);
	assert_int_equal(c.ip4_count, 1001);
	assert_int_equal(c.block_count, 16 + 1000);
	compiled_free(&c);
	allowlist_free(&list);
}

static void test_depth(void **state)
{
	struct allowlist list = {};
	struct compiled c;

	for (int len = 0; len <= 128; len++) {
		struct entry_key k = {.family = AF_INET6,
				      .prefixlen = len,
				      .port_hi = 65535,
				      .dir = ENTRY_DIR_BOTH};

		memset(k.addr, 0xff, 16);
		prefix_mask(k.addr, len);
		assert_int_equal(allowlist_add(&list, &k, 1000 - len, 0), 0);
		if (len % 2 == 0)
			continue;
		k.dir = DIR_IN;
		k.port_lo = k.port_hi = 1 + len / 2;
		assert_int_equal(allowlist_add(&list, &k, 2000 + len, 0), 0);
	}
	compile(&list, &c);
	assert_int_equal(c.ip6_count, 129);
	for (int len = 0; len <= 128; len++) {
		struct chain chain;

		assert_int_equal(c.ip6[len].key.prefixlen, len);
		assert_int_equal(c.ip6[len].node.until, 1000);
		assert_int_equal(c.ip6[len].owner, 0);
		chain_of(&c, &c.ip6[len], &chain);
		assert_int_equal(chain.count, (len + 1) / 2);
		if (chain.count) /* the narrowest comes first */
			assert_int_equal(chain.rule[0].until, 2000 + len - !(len % 2));
	}
	compiled_free(&c);
	allowlist_free(&list);
}

/* Keys that entry_parse() cannot give must not become holes. */
static void test_impossible_keys(void **state)
{
	struct entry_key base = key_of("10.0.0.0/8"), keys[11];

	for (int i = 0; i < 11; i++)
		keys[i] = base;
	keys[0].family = 0;
	keys[1].family = AF_PACKET;
	keys[2].prefixlen = 33;
	keys[3].addr[1] = 1;  /* behind the prefix */
	keys[4].addr[15] = 1; /* behind an IPv4 address */
	keys[5].dir = 3;
	keys[6].port_lo = 80;	     /* ports, but address-only */
	keys[7].proto = IPPROTO_TCP; /* a protocol, but address-only */
	keys[8].port_hi = 0;	     /* 0-0 */
	keys[9].dir = DIR_IN;	     /* 0-80 */
	keys[9].port_hi = 80;
	keys[10].dir = DIR_IN; /* 81-80 */
	keys[10].port_lo = 81;
	keys[10].port_hi = 80;
	for (int i = 0; i < 11; i++) {
		struct allowlist list = {};
		struct error err = {};
		struct compiled c;

		assert_int_equal(allowlist_add(&list, &keys[i], FOREVER, 0), 0);
		allowlist_sort(&list);
		if (compile_allowlist(&list, &c, &err) != -EINVAL)
			fail_msg("key %d is accepted", i);
		assert_true(err.text[0]);
		allowlist_free(&list);
	}
}

static void test_unsorted(void **state)
{
	struct allowlist list = {};
	struct error err = {};
	struct compiled c;

	add_text(&list, "10.0.0.6", FOREVER, 0);
	add_text(&list, "10.0.0.5", FOREVER, 0);
	assert_int_equal(compile_allowlist(&list, &c, &err), -EINVAL);
	allowlist_sort(&list);
	assert_int_equal(compile_allowlist(&list, &c, &err), 0);
	compiled_free(&c);
	allowlist_free(&list);
}

#define MANY 100000

/* The scale that is promised; no clock is read here, a square would be felt. */
static void test_hundred_thousand(void **state)
{
	struct allowlist list = {};
	struct compiled c;

	add_text(&list, "10.0.0.0/8:443/tcp", FOREVER, 0);
	add_text(&list, "2001:db8::/32", 77, 0);
	for (__u32 i = 0; i < MANY; i++) {
		__u32 n = i * 2654435761u; /* odd: every number once, in no order */
		struct entry_key k4 = key_of(i % 10 ? "10.0.0.0" : "in:10.0.0.0:22");
		struct entry_key k6 = key_of(i % 10 ? "2001:db8::" : "in:[2001:db8::]:22");

		k4.addr[1] = n >> 16;
		k4.addr[2] = n >> 8;
		k4.addr[3] = n;
		k4.addr[0] = 10 + (n >> 24) % 2;
		for (int b = 0; b < 4; b++)
			k6.addr[12 + b] = n >> (24 - 8 * b);
		assert_int_equal(allowlist_add(&list, &k4, FOREVER - 1, 0), 0);
		assert_int_equal(allowlist_add(&list, &k6, FOREVER, 0), 0);
	}
	compile(&list, &c);
	assert_in_range(c.ip4_count, MANY / 2, MANY + 1);
	assert_int_equal(c.ip6_count, MANY + 1);
	assert_int_equal(allowlist_count(&list, AF_INET6), MANY + 1);
	for (size_t i = 1; i < c.ip4_count; i++)
		if (c.ip4[i].key.addr[0] == 10)
			assert_int_not_equal(c.ip4[i].node.rules, 0);
	for (size_t i = 1; i < c.ip6_count; i++)
		assert_true(c.ip6[i].node.until >= 77);
	compiled_free(&c);
	allowlist_free(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_deadlines_nest),
		cmocka_unit_test(test_rules_are_inherited),
		cmocka_unit_test(test_families_apart),
		cmocka_unit_test(test_useless_rules_go),
		cmocka_unit_test(test_same_rules_merge),
		cmocka_unit_test(test_limit_in_one_place),
		cmocka_unit_test(test_limit_by_inheritance),
		cmocka_unit_test(test_blocks_are_shared),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_impossible_keys),
		cmocka_unit_test(test_unsorted),
		cmocka_unit_test(test_hundred_thousand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
