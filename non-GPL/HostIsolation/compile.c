// SPDX-License-Identifier: BSD-2-Clause
/*
 * From entries to trie nodes. The sorted list is a walk through the tree of prefixes, parents
 * first: a stack holds the prefixes around the one at hand, each with all that it admits.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/compile.h"
#include "HostIsolation/entry.h"
#include "HostIsolation/prefix.h"

#define DEPTH_MAX (PREFIX_MAX6 + 2) /* lengths 0..128, and the root that admits nothing */
#define FIRST_BLOCKS 64

/* A prefix, and what it admits: its own entries and those of all prefixes around it. */
struct frame {
	const struct entry_key *key; /* NULL: the root */
	__u64 until;
	size_t owner;
	size_t rules[RULES_PER_PEER_MAX]; /* entries, most specific first */
	size_t rule_count;
	__u32 chain[RULE_BLOCKS_MAX]; /* their blocks, the last one first; the first may be part
					 full */
	size_t chain_count;
};

struct compiler {
	const struct allow_entry *entries;
	struct frame *stack;
	size_t depth;
	struct compiled *out;
	size_t block_capacity;
	struct error *err;
};

static void compiled_freep(struct compiled *c)
{
	compiled_free(c);
}

void compiled_free(struct compiled *c)
{
	free(c->ip4);
	free(c->ip6);
	free(c->blocks);
	memset(c, 0, sizeof(*c));
}

static bool is_valid(const struct entry_key *k)
{
	bool all_ports = k->port_lo == 0 && k->port_hi == 65535;

	if ((k->family != AF_INET && k->family != AF_INET6) ||
	    k->prefixlen > prefix_max(k->family) || !prefix_is_masked(k->addr, k->prefixlen))
		return false;
	if (k->dir == ENTRY_DIR_BOTH)
		return all_ports && k->proto == RULE_PROTO_ANY;
	return k->dir < DIR_COUNT && (all_ports || (k->port_lo && k->port_lo <= k->port_hi));
}

static int check(const struct allowlist *list, struct error *err)
{
	if (list->count && !list->sorted)
		return fail(err, -EINVAL, "the allowlist is not sorted: this is a bug of hostiso");
	for (size_t i = 0; i < list->count; i++)
		if (!is_valid(&list->entries[i].key))
			return fail(err, -EINVAL,
				    "the allowlist holds an entry that cannot be: it was not "
				    "written by this hostiso; release, and isolate again");
	return 0;
}

static bool same_prefix(const struct entry_key *a, const struct entry_key *b)
{
	return a->family == b->family && a->prefixlen == b->prefixlen &&
	       !memcmp(a->addr, b->addr, sizeof(a->addr));
}

static bool covers(const struct frame *f, const struct entry_key *key)
{
	return !f->key || (f->key->family == key->family && f->key->prefixlen <= key->prefixlen &&
			   prefix_equal(f->key->addr, key->addr, f->key->prefixlen));
}

/* Where `rules` holds a rule for the same packets as this entry's; n when nowhere. */
static size_t find_same(const struct compiler *c, const size_t *rules, size_t n, size_t entry)
{
	const struct entry_key *a = &c->entries[entry].key;

	for (size_t i = 0; i < n; i++) {
		const struct entry_key *b = &c->entries[rules[i]].key;

		if (a->dir == b->dir && a->proto == b->proto && a->port_lo == b->port_lo &&
		    a->port_hi == b->port_hi)
			return i;
	}
	return n;
}

static int push_rule(struct compiler *c, struct frame *f, size_t entry)
{
	struct entry_key key = {.family = f->key->family,
				.prefixlen = f->key->prefixlen,
				.port_hi = 65535,
				.dir = ENTRY_DIR_BOTH};
	char text[ENTRY_TEXT_MAX];

	if (f->rule_count < RULES_PER_PEER_MAX) {
		f->rules[f->rule_count++] = entry;
		return 0;
	}
	memcpy(key.addr, f->key->addr, sizeof(key.addr));
	entry_format(&key, text, sizeof(text));
	return fail(c->err, -E2BIG,
		    "%s: more than %d entries with ports or a direction meet there (its own and "
		    "those of the prefixes around it): use port ranges, or allow it as a whole",
		    text, RULES_PER_PEER_MAX);
}

/* Own rules, entries [first, last), then those inherited; each only if it admits something more. */
static int gather_rules(struct compiler *c, const struct frame *parent, struct frame *f,
			size_t first, size_t last)
{
	size_t own;
	int ret = 0;

	for (size_t i = first; i < last && ret == 0; i++) {
		const struct allow_entry *e = &c->entries[i];
		size_t same = find_same(c, parent->rules, parent->rule_count, i);

		if (e->key.dir == ENTRY_DIR_BOTH || e->value.until <= f->until)
			continue;
		if (same == parent->rule_count ||
		    c->entries[parent->rules[same]].value.until <= e->value.until)
			ret = push_rule(c, f, i);
	}
	own = f->rule_count;
	for (size_t i = 0; i < parent->rule_count && ret == 0; i++) {
		size_t inherited = parent->rules[i];

		if (c->entries[inherited].value.until > f->until &&
		    find_same(c, f->rules, own, inherited) == own)
			ret = push_rule(c, f, inherited);
	}
	return ret;
}

static int add_block(struct compiler *c, const size_t *rules, size_t n, __u32 next, __u32 *id)
{
	struct compiled *out = c->out;
	struct compiled_block *b;

	if (out->block_count == c->block_capacity) {
		size_t more = c->block_capacity ? c->block_capacity * 2 : FIRST_BLOCKS;

		b = reallocarray(out->blocks, more, sizeof(*b));
		if (!b)
			return fail(c->err, -ENOMEM, "out of memory for the allowlist");
		out->blocks = b;
		c->block_capacity = more;
	}
	b = &out->blocks[out->block_count++];
	memset(b, 0, sizeof(*b));
	b->id = out->block_count;
	b->block.count = n;
	b->block.next = next;
	for (size_t i = 0; i < n; i++) {
		const struct allow_entry *e = &c->entries[rules[i]];

		b->owner[i] = rules[i];
		b->block.rule[i] = (struct rule){.until = e->value.until,
						 .port_lo = e->key.port_lo,
						 .port_hi = e->key.port_hi,
						 .proto = e->key.proto,
						 .dir = e->key.dir};
	}
	*id = b->id;
	return 0;
}

/* How many of the parent's blocks, counted from the end, hold the same as ours. */
static size_t shared_blocks(const struct frame *parent, const struct frame *f)
{
	size_t n = f->rule_count, m = parent->rule_count, same = 0;

	while (same < n && same < m && f->rules[n - 1 - same] == parent->rules[m - 1 - same])
		same++;
	return same == n && same == m ? parent->chain_count : same / RULES_PER_BLOCK;
}

/* Built from the end, so that whoever lies inside can put its own rules in front of full blocks. */
static int build_chain(struct compiler *c, const struct frame *parent, struct frame *f)
{
	size_t left;
	int ret = 0;

	f->chain_count = shared_blocks(parent, f);
	memcpy(f->chain, parent->chain, f->chain_count * sizeof(f->chain[0]));
	if (f->chain_count * RULES_PER_BLOCK >= f->rule_count)
		return 0;
	left = f->rule_count - f->chain_count * RULES_PER_BLOCK;
	while (left && ret == 0) {
		size_t n = left < RULES_PER_BLOCK ? left : RULES_PER_BLOCK;
		__u32 next = f->chain_count ? f->chain[f->chain_count - 1] : 0;

		ret = add_block(c, &f->rules[left - n], n, next, &f->chain[f->chain_count]);
		f->chain_count++;
		left -= n;
	}
	return ret;
}

static void add_node(struct compiler *c, const struct frame *f)
{
	struct compiled *out = c->out;
	struct compiled_node *n = f->key->family == AF_INET ? &out->ip4[out->ip4_count++]
							    : &out->ip6[out->ip6_count++];

	n->key.prefixlen = f->key->prefixlen;
	memcpy(n->key.addr, f->key->addr, sizeof(n->key.addr));
	n->node.until = f->until;
	n->node.rules = f->chain_count ? f->chain[f->chain_count - 1] : 0;
	n->owner = f->owner;
}

/* One prefix: entries [first, last). */
static int compile_prefix(struct compiler *c, size_t first, size_t last)
{
	const struct entry_key *key = &c->entries[first].key;
	struct frame *parent, *f;
	int ret;

	while (!covers(&c->stack[c->depth], key))
		c->depth--;
	parent = &c->stack[c->depth++];
	f = &c->stack[c->depth];

	f->key = key;
	f->until = parent->until;
	f->owner = parent->owner;
	f->rule_count = 0;
	for (size_t i = first; i < last; i++) {
		const struct allow_entry *e = &c->entries[i];

		if (e->key.dir == ENTRY_DIR_BOTH && e->value.until && e->value.until >= f->until) {
			f->until = e->value.until;
			f->owner = i;
		}
	}
	ret = gather_rules(c, parent, f, first, last);
	if (ret == 0)
		ret = build_chain(c, parent, f);
	if (ret == 0)
		add_node(c, f);
	return ret;
}

int compile_allowlist(const struct allowlist *list, struct compiled *out, struct error *err)
{
	size_t n4 = allowlist_count(list, AF_INET), n6 = allowlist_count(list, AF_INET6);
	_cleanup_free_ struct frame *stack = calloc(DEPTH_MAX, sizeof(*stack));
	_cleanup_(compiled_freep) struct compiled result = {
		.ip4 = calloc(n4 ? n4 : 1, sizeof(*result.ip4)),
		.ip6 = calloc(n6 ? n6 : 1, sizeof(*result.ip6)),
	};
	struct compiler c = {.entries = list->entries, .stack = stack, .out = &result, .err = err};
	int ret = check(list, err);

	if (ret < 0)
		return ret;
	if (!stack || !result.ip4 || !result.ip6)
		return fail(err, -ENOMEM, "out of memory for the allowlist");
	stack[0].owner = NO_ENTRY;
	for (size_t first = 0, last; first < list->count && ret == 0; first = last) {
		for (last = first + 1; last < list->count; last++)
			if (!same_prefix(&list->entries[first].key, &list->entries[last].key))
				break;
		ret = compile_prefix(&c, first, last);
	}
	if (ret < 0)
		return ret;
	*out = result;
	memset(&result, 0, sizeof(result));
	return 0;
}
