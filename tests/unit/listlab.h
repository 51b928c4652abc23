/* SPDX-License-Identifier: BSD-2-Clause */
/* Allowlists from text, and whole random ones in which much overlaps. Brings cmocka.h, so it comes
 * last. */
#pragma once

#include <string.h>
#include <netinet/in.h>
#include "HostIsolation/allowlist.h"
#include "HostIsolation/entry.h"
#include "HostIsolation/prefix.h"
#include "random.h"
#include <cmocka.h> /* last: it makes a macro of fail() */

static inline struct entry_key key_of(const char *text)
{
	struct error err = {};
	struct entry e = {};

	if (entry_parse(text, &e, &err))
		fail_msg("%s", err.text);
	assert_string_equal(e.name, "");
	return e.key;
}

static inline void add_text(struct allowlist *list, const char *text, __u64 until, __u32 origin)
{
	struct entry_key key = key_of(text);

	assert_int_equal(allowlist_add(list, &key, until, origin), 0);
}

#define LAB_TIME 40 /* deadlines are at 10, 20 and 30 */

static inline __u64 random_until(void)
{
	static const __u64 deadlines[] = {FOREVER, 10, 20, 30, 30};

	return deadlines[random_below(5)];
}

/* Few addresses, few ports: so that prefixes nest, rules meet and deadlines differ. */
static inline void random_address(int family, __u8 addr[16])
{
	static const __u8 first[] = {0, 10, 10, 11, 128};

	memset(addr, 0, 16);
	addr[0] = first[random_below(5)];
	addr[1] = random_below(4) ? 0 : 64;
	addr[family == AF_INET ? 3 : 15] = random_below(8);
}

static inline void random_port_entry(struct entry_key *k)
{
	static const __u8 protos[] = {RULE_PROTO_ANY, IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP};

	k->dir = random_below(2);
	if (random_below(6) == 0)
		return;
	k->port_lo = 1 + random_below(5);
	k->port_hi = k->port_lo + random_below(4);
	k->proto = protos[random_below(4)];
}

static inline struct entry_key random_entry(void)
{
	static const __u8 short_len[] = {0, 0, 1, 8, 9, 10};
	struct entry_key k = {.family = random_below(2) ? AF_INET : AF_INET6,
			      .port_hi = 65535,
			      .dir = ENTRY_DIR_BOTH};

	k.prefixlen = random_below(2) ? short_len[random_below(6)]
				      : prefix_max(k.family) - random_below(4);
	random_address(k.family, k.addr);
	prefix_mask(k.addr, k.prefixlen);
	if (random_below(3))
		random_port_entry(&k);
	return k;
}

static inline void random_list(struct allowlist *list, unsigned int n)
{
	while (n--) {
		struct entry_key k = random_entry();

		assert_int_equal(allowlist_add(list, &k, random_until(), 0), 0);
	}
}
