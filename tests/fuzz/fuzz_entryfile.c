// SPDX-License-Identifier: BSD-2-Clause
/*
 * libFuzzer: any bytes as an allowlist file, and on through the compiler. What is accepted prints
 * and reads back the same; what is refused says so in one printable line; what compiles says of
 * each entry's own address what the list says.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "HostIsolation/compile.h"
#include "HostIsolation/entryfile.h"
#include "HostIsolation/prefix.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(3), which a build may switch off. */
#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static void check_line(const struct error *err)
{
	MUST(err->text[0]);
	for (const char *s = err->text; *s; s++)
		MUST((unsigned char)*s >= 0x20 && *s != 0x7f);
}

static void check_round_trip(const struct entry *e)
{
	char text[ENTRY_TEXT_MAX], again[ENTRY_TEXT_MAX];
	struct entry back;

	if (e->name[0]) {
		MUST(strlen(e->name) <= HOST_NAME_MAX_LEN);
		MUST(entry_parse(e->name, &back, NULL) == 0 && !strcmp(back.name, e->name));
		return;
	}
	entry_format(&e->key, text, sizeof(text));
	MUST(entry_parse(text, &back, NULL) == 0);
	MUST(!memcmp(&back.key, &e->key, sizeof(e->key)));
	entry_format(&back.key, again, sizeof(again));
	MUST(!strcmp(text, again));
}

/* Is everything with this peer allowed, by the longest prefix and by any entry? */
static void check_address(const struct allowlist *list, const struct compiled *c,
			  const struct entry_key *at)
{
	const struct compiled_node *nodes = at->family == AF_INET ? c->ip4 : c->ip6, *best = NULL;
	size_t n = at->family == AF_INET ? c->ip4_count : c->ip6_count;
	__u64 until = 0;

	for (size_t i = 0; i < n; i++)
		if (prefix_equal(nodes[i].key.addr, at->addr, nodes[i].key.prefixlen) &&
		    (!best || nodes[i].key.prefixlen > best->key.prefixlen))
			best = &nodes[i];
	for (size_t i = 0; i < list->count; i++) {
		const struct allow_entry *e = &list->entries[i];

		if (e->key.dir == ENTRY_DIR_BOTH && e->key.family == at->family &&
		    prefix_equal(e->key.addr, at->addr, e->key.prefixlen) && e->value.until > until)
			until = e->value.until;
	}
	MUST(best && best->node.until == until);
}

static void check_compiled(struct allowlist *list)
{
	struct compiled c;
	struct error err = {};
	int ret;

	allowlist_sort(list);
	ret = compile_allowlist(list, &c, &err);
	if (ret < 0) {
		MUST(ret == -E2BIG);
		check_line(&err);
		return;
	}
	MUST(c.ip4_count + c.ip6_count <= list->count);
	for (size_t i = 0; i < list->count && i < 64; i++)
		check_address(list, &c, &list->entries[i].key);
	compiled_free(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct allowlist list = {};
	struct entry_vec v = {};
	struct error err = {};
	int ret = entries_parse("FILE", (const char *)data, size, &v, &err);

	if (ret < 0) {
		MUST(v.count == 0);
		check_line(&err);
	}
	for (size_t i = 0; i < v.count; i++) {
		check_round_trip(&v.items[i]);
		if (!v.items[i].name[0])
			MUST(allowlist_add(&list, &v.items[i].key, i % 5 ? i % 7 + 1 : FOREVER,
					   0) == 0);
	}
	check_compiled(&list);
	allowlist_free(&list);
	entry_vec_free(&v);
	return 0;
}
