// SPDX-License-Identifier: BSD-2-Clause
/* The allowlist in memory: a set, its order, its origins, and what it says to a connection. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "listlab.h"

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

static void assert_entry(const struct allowlist *list, size_t i, const char *text)
{
	char got[ENTRY_TEXT_MAX];

	assert_in_range(i + 1, 1, list->count);
	entry_format(&list->entries[i].key, got, sizeof(got));
	assert_string_equal(got, text);
}

static void test_order(void **state)
{
	static const char *const sorted[] = {
		"0.0.0.0/0",
		"10.0.0.0/8",
		"10.0.0.0/8:80",
		"10.0.0.0/8:443",
		"10.0.0.0/8:1/tcp",
		"in:10.0.0.0/8",
		"in:10.0.0.0/8:22/tcp",
		"10.0.0.0/16",
		"10.0.0.0",
		"10.0.0.5",
		"10.0.0.5:443",
		"11.0.0.0/8",
		"::/0",
		"::",
		"2001:db8::/32",
		"2001:db8::1",
	};
	struct allowlist list = {};
	size_t order[COUNT(sorted)];

	for (int round = 0; round < 200; round++) {
		for (size_t i = 0; i < COUNT(sorted); i++) {
			size_t j = random_below(i + 1);

			order[i] = order[j];
			order[j] = i;
		}
		for (size_t i = 0; i < COUNT(sorted); i++)
			add_text(&list, sorted[order[i]], FOREVER, 0);
		allowlist_sort(&list);
		assert_true(list.sorted);
		assert_int_equal(list.count, COUNT(sorted));
		for (size_t i = 0; i < COUNT(sorted); i++)
			assert_entry(&list, i, sorted[i]);
		allowlist_free(&list);
	}
}

/* What the compiler builds on: a prefix stands before everything it covers, and nothing that it
 * does not cover stands between. */
static void test_covers_a_run(void **state)
{
	for (int round = 0; round < 300; round++) {
		struct allowlist list = {};

		random_list(&list, 60);
		allowlist_sort(&list);
		for (size_t i = 0; i < list.count; i++) {
			const struct entry_key *a = &list.entries[i].key;
			bool ended = false;

			for (size_t j = 0; j < list.count; j++) {
				const struct entry_key *b = &list.entries[j].key;
				bool in = a->family == b->family && a->prefixlen <= b->prefixlen &&
					  prefix_equal(a->addr, b->addr, a->prefixlen);

				assert_true(j > i || !in || a->prefixlen == b->prefixlen);
				if (j <= i)
					continue;
				assert_false(in && ended);
				ended = !in;
			}
		}
		allowlist_free(&list);
	}
}

static void test_merge(void **state)
{
	struct allowlist list = {};

	add_text(&list, "10.0.0.5", FOREVER, 1);
	list.entries[0].value.packets = 3;
	list.entries[0].value.bytes = 300;
	add_text(&list, "10.0.0.6", 50, 1);
	add_text(&list, "10.0.0.5", 70, 2);
	list.entries[2].value.packets = 4;
	list.entries[2].value.bytes = 400;
	add_text(&list, "10.0.0.5", 60, 3);
	assert_false(list.sorted);
	allowlist_sort(&list);

	assert_int_equal(list.count, 2);
	assert_entry(&list, 0, "10.0.0.5");
	assert_int_equal(list.entries[0].value.until, 60); /* the newest, not the latest */
	assert_int_equal(list.entries[0].value.origin, 3);
	assert_int_equal(list.entries[0].value.packets, 7);
	assert_int_equal(list.entries[0].value.bytes, 700);
	assert_int_equal(list.entries[0].value.pad, 0);
	assert_int_equal(list.entries[1].value.until, 50);
	allowlist_free(&list);
}

/* Many of the same and of others: each time the last one said wins. */
static void test_newest_wins(void **state)
{
	struct allowlist list = {};
	__u64 newest[256] = {};

	for (__u64 i = 1; i <= 20000; i++) {
		unsigned int host = random_below(256);
		char text[32];

		snprintf(text, sizeof(text), "10.0.0.%u", host);
		add_text(&list, text, i, 0);
		newest[host] = i;
		if (random_below(3000) == 0)
			allowlist_sort(&list);
	}
	allowlist_sort(&list);
	assert_int_equal(list.count, 256);
	for (int i = 0; i < 256; i++)
		assert_int_equal(list.entries[i].value.until, newest[i]);
	allowlist_free(&list);
}

static void test_append_in_order_stays_sorted(void **state)
{
	struct allowlist list = {};

	add_text(&list, "10.0.0.5", FOREVER, 0);
	add_text(&list, "10.0.0.6", FOREVER, 0);
	assert_true(list.sorted);
	add_text(&list, "10.0.0.6", FOREVER, 0);
	assert_false(list.sorted);
	allowlist_sort(&list);
	assert_int_equal(list.count, 2);
	add_text(&list, "10.0.0.4", FOREVER, 0);
	assert_false(list.sorted);
	add_text(&list, "10.0.0.7", FOREVER, 0);
	assert_false(list.sorted); /* in order behind the last, but that one is not */
	allowlist_free(&list);
}

static void test_find_and_remove(void **state)
{
	struct allowlist list = {};
	struct entry_key five = key_of("10.0.0.5"), port = key_of("10.0.0.5:443");
	struct entry_key absent = key_of("10.0.0.5:443/tcp");

	assert_null(allowlist_find(&list, &five));
	assert_int_equal(allowlist_remove(&list, &five), -ENOENT);
	add_text(&list, "10.0.0.9", FOREVER, 0);
	add_text(&list, "10.0.0.5:443", 5, 0);
	add_text(&list, "10.0.0.5", 6, 0);
	add_text(&list, "10.0.0.0/8", 7, 0);

	assert_int_equal(allowlist_find(&list, &five)->value.until, 6);
	assert_int_equal(allowlist_find(&list, &port)->value.until, 5);
	assert_null(allowlist_find(&list, &absent));
	assert_int_equal(allowlist_remove(&list, &absent), -ENOENT);
	assert_int_equal(list.count, 4);
	assert_int_equal(allowlist_remove(&list, &five), 0);
	assert_int_equal(list.count, 3);
	assert_null(allowlist_find(&list, &five));
	assert_non_null(allowlist_find(&list, &port)); /* only that very key */
	assert_int_equal(allowlist_remove(&list, &five), -ENOENT);
	assert_entry(&list, 0, "10.0.0.0/8");
	assert_entry(&list, 1, "10.0.0.5:443");
	assert_entry(&list, 2, "10.0.0.9");
	allowlist_free(&list);
	assert_null(list.entries);
	assert_int_equal(list.count, 0);
}

static void test_remove_keys(void **state)
{
	struct entry_key keys[] = {key_of("10.0.0.3"), key_of("10.0.0.77"), key_of("10.0.0.1"),
				   key_of("10.0.0.3")};
	struct allowlist list = {};

	add_text(&list, "10.0.0.4", FOREVER, 0);
	add_text(&list, "10.0.0.3", FOREVER, 0);
	add_text(&list, "10.0.0.2", FOREVER, 0);
	add_text(&list, "10.0.0.1", FOREVER, 0);
	assert_int_equal(allowlist_remove_keys(&list, keys, COUNT(keys)), 2);
	assert_int_equal(list.count, 2);
	assert_entry(&list, 0, "10.0.0.2");
	assert_entry(&list, 1, "10.0.0.4");
	assert_int_equal(allowlist_remove_keys(&list, keys, COUNT(keys)), 0);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.entries[0].value.pad, 0);
	allowlist_free(&list);
}

static void add_origin(struct allowlist *list, const char *name)
{
	struct origin o = {};
	__u32 index;

	snprintf(o.name, sizeof(o.name), "%s", name);
	assert_int_equal(allowlist_add_origin(list, &o, &index), 0);
	assert_int_equal(index, list->origin_count - 1);
}

static void test_expire(void **state)
{
	struct allowlist list = {};

	add_origin(&list, "zero");
	add_origin(&list, "one");
	add_origin(&list, "two");
	add_origin(&list, "three");
	add_text(&list, "10.0.0.1", FOREVER, 3);
	add_text(&list, "10.0.0.2", 99, 0);
	add_text(&list, "10.0.0.3", 100, 2); /* the filter passes while now < until */
	add_text(&list, "10.0.0.4", 101, 1);
	add_text(&list, "10.0.0.5", 102, 3);
	add_text(&list, "10.0.0.6", 0, 2);

	assert_int_equal(allowlist_expire(&list, 100), 3);
	assert_int_equal(list.count, 3);
	assert_entry(&list, 0, "10.0.0.1");
	assert_entry(&list, 1, "10.0.0.4");
	assert_entry(&list, 2, "10.0.0.5");
	assert_int_equal(list.origin_count, 2);
	assert_string_equal(list.origins[list.entries[0].value.origin].name, "three");
	assert_string_equal(list.origins[list.entries[1].value.origin].name, "one");
	assert_string_equal(list.origins[list.entries[2].value.origin].name, "three");
	assert_int_equal(list.origins[0].pad, 0);
	assert_int_equal(allowlist_expire(&list, 100), 0);
	assert_int_equal(allowlist_expire(&list, FOREVER), 2);
	assert_entry(&list, 0, "10.0.0.1");
	assert_int_equal(list.origin_count, 1);
	allowlist_free(&list);
}

static void test_many_origins(void **state)
{
	struct allowlist list = {};
	char name[16], text[32];

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		add_origin(&list, name);
		snprintf(text, sizeof(text), "10.0.%d.%d", i / 250, i % 250);
		add_text(&list, text, i % 3 ? 10 : 20, i);
	}
	assert_int_equal(allowlist_expire(&list, 10), 666);
	assert_int_equal(list.origin_count, 334);
	for (size_t i = 0; i < list.count; i++)
		assert_int_equal(atoi(list.origins[list.entries[i].value.origin].name), i * 3);
	allowlist_free(&list);
}

static void test_count(void **state)
{
	struct allowlist list = {};

	add_text(&list, "10.0.0.1", FOREVER, 0);
	add_text(&list, "10.0.0.1:1", FOREVER, 0);
	add_text(&list, "::/0", FOREVER, 0);
	assert_int_equal(allowlist_count(&list, AF_INET), 2);
	assert_int_equal(allowlist_count(&list, AF_INET6), 1);
	allowlist_free(&list);
}

/* One entry against one connection: peer 10.0.0.5 port 40000, our port 22, begun by them. */
static void test_admits_tcp(void **state)
{
	static const struct {
		const char *entry;
		int in, out; /* begun by them; begun by us (peer port 22, ours 40000) */
	} rows[] = {
		{"10.0.0.5", 1, 1},
		{"10.0.0.0/8", 1, 1},
		{"0.0.0.0/0", 1, 1},
		{"10.0.0.4/31", 1, 1},
		{"10.0.0.6/31", 0, 0},
		{"10.0.0.6", 0, 0},
		{"::/0", 0, 0},
		{"in:10.0.0.5", 1, 0},
		{"out:10.0.0.5", 0, 1},
		{"in:10.0.0.5:22", 1, 0},
		{"in:10.0.0.5:22/tcp", 1, 0},
		{"in:10.0.0.5:22/udp", 0, 0},
		{"in:10.0.0.5:23/tcp", 0, 0},
		{"in:10.0.0.5:40000/tcp", 0, 0}, /* the peer's port is not the one */
		{"in:10.0.0.5:20-22/tcp", 1, 0},
		{"in:10.0.0.5:22-30/tcp", 1, 0},
		{"in:10.0.0.5:20-21/tcp", 0, 0},
		{"10.0.0.5:22/tcp", 0, 1},
		{"10.0.0.5:40000/tcp", 0, 0},
		{"10.0.0.0/8:1-65535", 0, 1},
	};
	struct entry_key peer = key_of("10.0.0.5");

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct allowlist list = {};

		add_text(&list, rows[i].entry, 100, 0);
		if (allowlist_admits_tcp(&list, AF_INET, peer.addr, 40000, 22, DIR_IN, 99) !=
			    rows[i].in ||
		    allowlist_admits_tcp(&list, AF_INET, peer.addr, 22, 40000, DIR_OUT, 99) !=
			    rows[i].out)
			fail_msg("%s", rows[i].entry);
		assert_false(
			allowlist_admits_tcp(&list, AF_INET, peer.addr, 40000, 22, DIR_IN, 100));
		assert_false(
			allowlist_admits_tcp(&list, AF_INET6, peer.addr, 40000, 22, DIR_IN, 99) &&
			strcmp(rows[i].entry, "::/0"));
		allowlist_free(&list);
	}
}

static void test_admits_by_any(void **state)
{
	struct entry_key peer = key_of("2001:db8::5");
	struct allowlist list = {};

	assert_false(allowlist_admits_tcp(&list, AF_INET6, peer.addr, 40000, 22, DIR_IN, 1));
	add_text(&list, "2001:db8::5", 10, 0);
	add_text(&list, "in:[2001:db8::]/32:22/tcp", 20, 0);
	assert_true(allowlist_admits_tcp(&list, AF_INET6, peer.addr, 40000, 22, DIR_IN, 15));
	assert_false(allowlist_admits_tcp(&list, AF_INET6, peer.addr, 40000, 23, DIR_IN, 15));
	add_text(&list, "::/0", FOREVER, 0);
	assert_true(allowlist_admits_tcp(&list, AF_INET6, peer.addr, 40000, 23, DIR_IN, 15));
	allowlist_free(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_covers_a_run),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_newest_wins),
		cmocka_unit_test(test_append_in_order_stays_sorted),
		cmocka_unit_test(test_find_and_remove),
		cmocka_unit_test(test_remove_keys),
		cmocka_unit_test(test_expire),
		cmocka_unit_test(test_many_origins),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_admits_tcp),
		cmocka_unit_test(test_admits_by_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
