// SPDX-License-Identifier: BSD-2-Clause
/* From entries to nodes, against an oracle: random lists in which everything overlaps. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "compilelab.h"

#define LISTS 3000
#define PROBES 150

/* The longest prefix's node says the same as a union over all entries, at any time. */
static void test_same_verdict(void **state)
{
	int admitted = 0, refused = 0;

	for (int round = 0; round < LISTS; round++) {
		struct allowlist list = {};
		struct compiled c;

		random_list(&list, random_below(30));
		compile(&list, &c);
		for (int i = 0; i < PROBES; i++) {
			struct probe p = random_probe();
			__u64 now = random_below(LAB_TIME);
			bool want = oracle_admits(&list, &p, now);

			assert_int_equal(walker_admits(&c, &p, now), want);
			if (p.proto == IPPROTO_TCP)
				assert_int_equal(allowlist_admits_tcp(&list, p.family, p.peer,
								      p.peer_port, p.local_port,
								      p.begun_by, now),
						 want);
			admitted += want;
			refused += !want;
		}
		compiled_free(&c);
		allowlist_free(&list);
	}
	/* or the test would say nothing */
	assert_in_range(admitted, LISTS * PROBES / 10, LISTS * PROBES);
	assert_in_range(refused, LISTS * PROBES / 10, LISTS * PROBES);
}

static bool covers(const struct entry_key *k, int family, const struct compiled_node *n)
{
	return k->family == family && k->prefixlen <= n->key.prefixlen &&
	       prefix_equal(k->addr, n->key.addr, k->prefixlen);
}

static void check_owner(const struct allowlist *list, int family, const struct compiled_node *n)
{
	size_t best = NO_ENTRY;

	for (size_t i = 0; i < list->count; i++) {
		const struct allow_entry *e = &list->entries[i];

		if (e->key.dir != ENTRY_DIR_BOTH || !covers(&e->key, family, n))
			continue;
		if (best == NO_ENTRY || e->value.until > list->entries[best].value.until ||
		    (e->value.until == list->entries[best].value.until &&
		     e->key.prefixlen > list->entries[best].key.prefixlen))
			best = i;
	}
	assert_true(n->owner == best);
	assert_true(n->node.until == (best == NO_ENTRY ? 0 : list->entries[best].value.until));
	assert_int_equal(n->node.packets | n->node.bytes | n->node.pad, 0);
}

/* Exactly the rules that belong there: each distinct one that outlives the address-only part, with
 * the latest deadline and its owner, the most specific first. */
static void check_rules(const struct allowlist *list, const struct compiled *c, int family,
			const struct compiled_node *n)
{
	struct chain chain;
	size_t wanted = 0;

	chain_of(c, n, &chain);
	for (size_t i = 0; i < chain.count; i++) {
		const struct allow_entry *e = &list->entries[chain.owner[i]];

		assert_true(covers(&e->key, family, n));
		assert_true(same_rule(&chain.rule[i], &e->key));
		assert_true(chain.rule[i].until == e->value.until);
		assert_true(chain.rule[i].until > n->node.until);
		assert_int_equal(chain.rule[i].packets | chain.rule[i].bytes | chain.rule[i].pad,
				 0);
		if (i)
			assert_true(list->entries[chain.owner[i - 1]].key.prefixlen >=
				    e->key.prefixlen);
	}
	for (size_t i = 0; i < list->count; i++) {
		const struct allow_entry *e = &list->entries[i];
		size_t at;

		if (e->key.dir == ENTRY_DIR_BOTH || !covers(&e->key, family, n) ||
		    e->value.until <= n->node.until)
			continue;
		for (at = 0; at < chain.count && !same_rule(&chain.rule[at], &e->key); at++)
			;
		assert_in_range(at, 0, chain.count - 1);
		assert_true(chain.rule[at].until >= e->value.until);
		if (chain.rule[at].until == e->value.until) /* of equal ones the most specific */
			assert_true(list->entries[chain.owner[at]].key.prefixlen >=
				    e->key.prefixlen);
		wanted += chain.owner[at] == i;
	}
	assert_int_equal(wanted, chain.count); /* so none is there twice */
}

static void test_structure(void **state)
{
	for (int round = 0; round < LISTS; round++) {
		struct allowlist list = {};
		struct compiled c;
		size_t prefixes = 0;

		random_list(&list, random_below(40));
		compile(&list, &c);
		for (size_t i = 0; i < list.count; i++) {
			const struct entry_key *a = &list.entries[i].key;
			const struct entry_key *b = i ? &list.entries[i - 1].key : NULL;

			prefixes += !b || a->family != b->family || a->prefixlen != b->prefixlen ||
				    memcmp(a->addr, b->addr, 16);
		}
		assert_int_equal(c.ip4_count + c.ip6_count, prefixes);
		for (size_t i = 0; i < c.ip4_count; i++) {
			check_owner(&list, AF_INET, &c.ip4[i]);
			check_rules(&list, &c, AF_INET, &c.ip4[i]);
		}
		for (size_t i = 0; i < c.ip6_count; i++) {
			check_owner(&list, AF_INET6, &c.ip6[i]);
			check_rules(&list, &c, AF_INET6, &c.ip6[i]);
		}
		compiled_free(&c);
		allowlist_free(&list);
	}
}

static bool same_bytes(const void *a, const void *b, size_t size)
{
	return !size || !memcmp(a, b, size);
}

static bool same_compiled(const struct compiled *a, const struct compiled *b)
{
	return a->ip4_count == b->ip4_count && a->ip6_count == b->ip6_count &&
	       a->block_count == b->block_count &&
	       same_bytes(a->ip4, b->ip4, a->ip4_count * sizeof(*a->ip4)) &&
	       same_bytes(a->ip6, b->ip6, a->ip6_count * sizeof(*a->ip6)) &&
	       same_bytes(a->blocks, b->blocks, a->block_count * sizeof(*a->blocks));
}

/* Whatever the order in which the entries came: hits are found again by it. */
static void test_deterministic(void **state)
{
	for (int round = 0; round < 500; round++) {
		struct allowlist list = {}, shuffled = {};
		struct compiled a, b;

		random_list(&list, 40);
		compile(&list, &a);
		for (size_t i = 0; i < list.count; i++) {
			struct allow_entry swap = list.entries[i];
			size_t j = random_below(i + 1);

			list.entries[i] = list.entries[j];
			list.entries[j] = swap;
		}
		for (size_t i = 0; i < list.count; i++)
			assert_int_equal(allowlist_add(&shuffled, &list.entries[i].key,
						       list.entries[i].value.until, 0),
					 0);
		compile(&shuffled, &b);
		assert_true(same_compiled(&a, &b));
		compiled_free(&a);
		compiled_free(&b);
		allowlist_free(&list);
		allowlist_free(&shuffled);
	}
}

/* How many rules the node of this entry's prefix would need. */
static size_t rules_needed(const struct allowlist *list, const struct entry_key *prefix)
{
	struct compiled_node n = {.key.prefixlen = prefix->prefixlen};
	size_t needed = 0;
	__u64 until = 0;

	memcpy(n.key.addr, prefix->addr, 16);
	for (size_t i = 0; i < list->count; i++) {
		const struct allow_entry *e = &list->entries[i];

		if (e->key.dir == ENTRY_DIR_BOTH && covers(&e->key, prefix->family, &n) &&
		    e->value.until > until)
			until = e->value.until;
	}
	for (size_t i = 0; i < list->count; i++) {
		const struct allow_entry *e = &list->entries[i];
		bool again = false;

		if (e->key.dir == ENTRY_DIR_BOTH || !covers(&e->key, prefix->family, &n) ||
		    e->value.until <= until)
			continue;
		for (size_t j = 0; j < i; j++) {
			const struct entry_key *k = &list->entries[j].key;

			again |= k->dir == e->key.dir && k->proto == e->key.proto &&
				 k->port_lo == e->key.port_lo && k->port_hi == e->key.port_hi &&
				 covers(k, prefix->family, &n) &&
				 list->entries[j].value.until > until;
		}
		needed += !again;
	}
	return needed;
}

/* Lists about as large as fits: refused exactly when a node would need a 65th rule. */
static void test_limit(void **state)
{
	int fit = 0, refused = 0;

	for (int round = 0; round < 300; round++) {
		struct allowlist list = {};
		struct compiled c;
		size_t most = 0, size = 300 + random_below(200);
		int ret;

		while (list.count < size) {
			struct entry_key k = random_entry();

			if (k.dir == ENTRY_DIR_BOTH && random_below(20))
				continue;
			if (k.port_lo)
				k.port_hi = k.port_lo + random_below(8);
			assert_int_equal(allowlist_add(&list, &k, random_until(), 0), 0);
		}
		allowlist_sort(&list);
		for (size_t i = 0; i < list.count; i++) {
			size_t needed = rules_needed(&list, &list.entries[i].key);

			most = needed > most ? needed : most;
		}
		ret = compile_allowlist(&list, &c, NULL);
		assert_int_equal(ret, most > RULES_PER_PEER_MAX ? -E2BIG : 0);
		if (ret == 0)
			compiled_free(&c);
		fit += ret == 0;
		refused += ret != 0;
		allowlist_free(&list);
	}
	assert_in_range(fit, 30, 270);
	assert_in_range(refused, 30, 270);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_verdict),
		cmocka_unit_test(test_structure),
		cmocka_unit_test(test_deterministic),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
