// SPDX-License-Identifier: BSD-2-Clause
/*
 * Where the allowlist's nodes lie: a few single addresses in the trie, many in a hash map beside
 * it, and the sieve before both. Nobody outside may tell which. Rows are there twice, alone and in
 * a crowd that fills the hash map.
 */
#include "../lib/rows.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "HostIsolation/bank.h"
#include "HostIsolation/prefix.h"
#include "../unit/random.h"

#define CROWD (HOSTS_IN_TRIE + 8)
#define CROWD_TEXT 4096

/* The entries and, of both families, more single addresses than a trie gets. */
static const char *crowded(const char *entries)
{
	static char texts[32][CROWD_TEXT];
	static int used;
	char *text = texts[used++ % 32];
	size_t n = snprintf(text, CROWD_TEXT, "%s", entries);

	if (used > 32)
		abort();
	for (int i = 0; i < CROWD; i++)
		n += snprintf(text + n, CROWD_TEXT - n, " 172.16.%d.%d 2001:db8:c::%x", i, i * 3,
			      i * 7 + 1);
	if (n >= CROWD_TEXT)
		abort();
	return text;
}

static bool has_map(int index)
{
	__u32 bank = !!(lab.maps.policy->control & CONTROL_BANK), id;

	return bpf_map_lookup_elem(lab.maps.fd[index], &bank, &id) == 0;
}

static void expect_places(bool host4, bool trie4, bool host6, bool trie6)
{
	assert_int_equal(has_map(MAP_allow_host4), host4);
	assert_int_equal(has_map(MAP_allow_ip4), trie4);
	assert_int_equal(has_map(MAP_allow_host6), host6);
	assert_int_equal(has_map(MAP_allow_ip6), trie6);
}

/* Both banks, so that what the one before had is gone. */
static void allow_twice(const char *text)
{
	lab_allow(text);
	free(lab.allow);
	lab.allow = NULL;
	lab_allow(text);
}

static void test_places(void **state)
{
	allow_twice("10.0.0.5 2001:db8:5::5 10.9.0.0/16");
	expect_places(false, true, false, true);
	allow_twice(crowded("10.9.0.0/16"));
	expect_places(true, true, true, false);
	allow_twice(crowded("2001:db8:9::/48"));
	expect_places(true, false, true, true);
	allow_twice("10.0.0.5");
	expect_places(false, true, false, false);
	allow_twice("");
	expect_places(false, false, false, false);
}

/* The map that should have it is gone: nothing is allowed, and nobody falls to the other one. */
static void test_lost_hosts_close(void **state)
{
	__u32 bank;

	allow_twice(crowded("10.0.0.5 2001:db8:5::5"));
	lab_control(CONTROL_ENFORCE);
	bank = !!(lab.maps.policy->control & CONTROL_BANK);
	expect("there", in4("10.0.0.5", udp(1, 2)), ALLOWED);
	assert_int_equal(bpf_map_delete_elem(lab.maps.fd[MAP_allow_host4], &bank), 0);
	expect("lost", in4("10.0.0.5", udp(1, 2)), NOT_ALLOWED);
	expect("the other family is there", in6("2001:db8:5::5", udp(1, 2)), ALLOWED);
	assert_int_equal(bpf_map_delete_elem(lab.maps.fd[MAP_allow_host6], &bank), 0);
	expect("lost, IPv6", in6("2001:db8:5::5", udp(1, 2)), NOT_ALLOWED);
	allow_twice("");
}

/* What the sieve knows nothing of is not looked up. */
static void test_sieve_closes(void **state)
{
	int bank;

	allow_twice("10.0.0.5");
	lab_control(CONTROL_ENFORCE);
	expect("in the sieve", in4("10.0.0.5", udp(1, 2)), ALLOWED);
	bank = !!(lab.maps.policy->control & CONTROL_BANK);
	memset(&lab.maps.policy->sieve[bank], 0, sizeof(lab.maps.policy->sieve[bank]));
	expect("not in the sieve", in4("10.0.0.5", udp(1, 2)), NOT_ALLOWED);
	allow_twice("");
}

/* ---- lists at random, judged by looking through all entries ---- */

struct random_list {
	struct allowlist list;
	int family;
	unsigned int hosts, prefixes;
};

static void random_address(__u8 addr[16], int family)
{
	memset(addr, 0, 16);
	for (int i = 0; i < (family == AF_INET ? 4 : 16); i++)
		addr[i] = random_next() >> 40;
	/* near each other, and no multicast, which is judged apart */
	addr[0] = family == AF_INET ? 10 : 0x20;
	addr[1] = random_below(2);
	if (random_below(2))
		memset(addr + 2, 0, family == AF_INET ? 1 : 10);
}

static void add_random(struct random_list *r, __u32 id, __u8 len)
{
	struct entry_key key = {.family = r->family, .port_hi = 0xffff, .dir = ENTRY_DIR_BOTH};

	random_address(key.addr, r->family);
	key.prefixlen = len;
	for (int bit = len; bit < 128; bit++)
		key.addr[bit / 8] &= ~(0x80 >> bit % 8);
	assert_int_equal(allowlist_add(&r->list, &key, FOREVER, id), 0);
}

static void random_list(struct random_list *r)
{
	__u8 whole = r->family == AF_INET ? PREFIX_MAX4 : PREFIX_MAX6;
	struct origin origin = {};
	__u32 id = 0;

	assert_int_equal(allowlist_add_origin(&r->list, &origin, &id), 0);
	for (unsigned int i = 0; i < r->hosts; i++)
		add_random(r, id, whole);
	for (unsigned int i = 0; i < r->prefixes; i++)
		add_random(r, id, whole - 1 - random_below(whole - 17));
}

static bool covers(const struct entry_key *key, const __u8 addr[16])
{
	for (int bit = 0; bit < key->prefixlen; bit++)
		if ((key->addr[bit / 8] ^ addr[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

static bool listed(const struct random_list *r, const __u8 addr[16])
{
	for (size_t i = 0; i < r->list.count; i++)
		if (covers(&r->list.entries[i].key, addr))
			return true;
	return false;
}

/* An address of the list, one bit beside it, or any. */
static void some_address(const struct random_list *r, __u8 addr[16])
{
	int bit = random_below(r->family == AF_INET ? 32 : 128);

	random_address(addr, r->family);
	if (!random_below(4))
		return;
	memcpy(addr, r->list.entries[random_below(r->list.count)].key.addr, 16);
	if (random_below(2) && bit > 7)
		addr[bit / 8] ^= 0x80 >> bit % 8;
}

static void judge_random(const struct random_list *r, int *passed, int *dropped)
{
	char text[INET6_ADDRSTRLEN];
	struct frame *f;
	__u8 addr[16];
	bool pass;

	some_address(r, addr);
	pass = listed(r, addr);
	inet_ntop(r->family, addr, text, sizeof(text));
	f = udp(1, 2);
	if (r->family == AF_INET)
		f = random_below(2) ? in4(text, f) : out4(text, f);
	else
		f = random_below(2) ? in6(text, f) : out6(text, f);
	lab_control(CONTROL_ENFORCE | (random_below(4) ? 0 : CONTROL_LONG_WAY));
	expect(text, f, pass ? ALLOWED : NOT_ALLOWED);
	++*(pass ? passed : dropped);
}

static void test_random_lists(void **state)
{
	static const unsigned int hosts[] = {1, 7, HOSTS_IN_TRIE, HOSTS_IN_TRIE * 3, 300, 5000};
	int frames = getenv("HOSTISO_VM") ? 20 : 200;

	for (unsigned int i = 0; i < 24; i++) {
		struct random_list r = {.family = i % 2 ? AF_INET6 : AF_INET,
					.hosts = hosts[i / 2 % 6],
					.prefixes = i < 12 ? 0 : 5};
		struct error err = {};
		int passed = 0, dropped = 0;

		random_list(&r);
		assert_int_equal(bank_store(&lab.maps, &lab.pins, &r.list, &err), 0);
		assert_int_equal(has_map(r.family == AF_INET ? MAP_allow_host4 : MAP_allow_host6),
				 r.hosts > HOSTS_IN_TRIE);
		for (int n = 0; n < frames; n++)
			judge_random(&r, &passed, &dropped);
		frames_free();
		assert_true(passed && dropped);
		allowlist_free(&r.list);
	}
	allow_twice("");
}

#define NET "10.1.2.0/24:80/tcp"
#define NET6 "[2001:db8:5::]/48:80/tcp"

/* allow: alone, and in the crowd. */
#define TWICE(name, allow, packet, reason, hit)                                                    \
	{name, allow, packet, reason, hit},                                                        \
	{                                                                                          \
		name ", in a crowd", crowded(allow), packet, reason, hit                           \
	}

int main(void)
{
	const struct row rows[] = {
		TWICE("a single address", "10.0.0.5", out4("10.0.0.5", udp(1, 2)), ALLOWED,
		      "10.0.0.5"),
		TWICE("its neighbour", "10.0.0.5", out4("10.0.0.4", udp(1, 2)), NOT_ALLOWED, NULL),
		TWICE("a single IPv6 address", "2001:db8:5::5", in6("2001:db8:5::5", udp(1, 2)),
		      ALLOWED, "2001:db8:5::5"),
		TWICE("its IPv6 neighbour", "2001:db8:5::5", in6("2001:db8:5::4", udp(1, 2)),
		      NOT_ALLOWED, NULL),
		TWICE("the address inside a prefix with ports", NET " 10.1.2.3",
		      out4("10.1.2.3", tcp(4000, 22, SYN)), ALLOWED, "10.1.2.3"),
		TWICE("the port beside the address", NET " 10.1.2.3:443/tcp",
		      out4("10.1.2.3", tcp(4000, 80, SYN)), ALLOWED_PORT, NET),
		TWICE("the address's own port", NET " 10.1.2.3:443/tcp",
		      out4("10.1.2.3", tcp(4000, 443, SYN)), ALLOWED_PORT, "10.1.2.3:443/tcp"),
		TWICE("neither's port", NET " 10.1.2.3:443/tcp",
		      out4("10.1.2.3", tcp(4000, 22, SYN)), NOT_ALLOWED, NULL),
		TWICE("the prefix next to the address", NET " 10.1.2.3",
		      out4("10.1.2.4", tcp(4000, 80, SYN)), ALLOWED_PORT, NET),
		TWICE("and not another port there", NET " 10.1.2.3",
		      out4("10.1.2.4", tcp(4000, 22, SYN)), NOT_ALLOWED, NULL),
		TWICE("the IPv6 address's own port", NET6 " [2001:db8:5::5]:443/tcp",
		      out6("2001:db8:5::5", tcp(4000, 443, SYN)), ALLOWED_PORT,
		      "[2001:db8:5::5]:443/tcp"),
		TWICE("the IPv6 prefix's port there", NET6 " [2001:db8:5::5]:443/tcp",
		      out6("2001:db8:5::5", tcp(4000, 80, SYN)), ALLOWED_PORT, NET6),
		TWICE("everything, and an address with a port", "0.0.0.0/0 10.1.2.3:443/tcp",
		      out4("10.1.2.3", udp(1, 2)), ALLOWED, "0.0.0.0/0"),
		TWICE("everything next to it", "0.0.0.0/0 10.1.2.3", out4("10.1.2.4", udp(1, 2)),
		      ALLOWED, "0.0.0.0/0"),
		TWICE("the address inside everything", "0.0.0.0/0 10.1.2.3",
		      in4("10.1.2.3", udp(1, 2)), ALLOWED, "10.1.2.3"),
		TWICE("everything of IPv6, and an address", "::/0 2001:db8:5::5",
		      in6("2001:db8:5::5", udp(1, 2)), ALLOWED, "2001:db8:5::5"),
		TWICE("everything of IPv6 next to it", "::/0 2001:db8:5::5",
		      in6("2001:db8:5::6", udp(1, 2)), ALLOWED, "::/0"),
		TWICE("an address that has expired", "10.0.0.5@past", out4("10.0.0.5", udp(1, 2)),
		      NOT_ALLOWED, NULL),
		TWICE("inside a prefix that has not", "10.0.0.0/8 10.1.2.3@past",
		      out4("10.1.2.3", udp(1, 2)), ALLOWED, "10.0.0.0/8"),
		TWICE("inside a prefix that has", "10.0.0.0/8@past 10.1.2.3",
		      out4("10.1.2.3", udp(1, 2)), ALLOWED, "10.1.2.3"),
		TWICE("an ICMP error about an allowed address", "10.0.0.5",
		      in4("10.0.0.9", icmp4(3, 4, ip4(HOST4, "10.0.0.5", udp(1, 2)))), ICMP_ERROR,
		      NULL),
		TWICE("and about another", "10.0.0.5",
		      in4("10.0.0.9", icmp4(3, 4, ip4(HOST4, "10.0.0.6", udp(1, 2)))), NOT_ALLOWED,
		      NULL),
	};
	const struct CMUnitTest own[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_lost_hosts_close),
		cmocka_unit_test(test_sieve_closes),
		cmocka_unit_test(test_random_lists),
	};

	return RUN_ROWS_AND("many single addresses", rows, own);
}
