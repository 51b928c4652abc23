/* SPDX-License-Identifier: BSD-2-Clause */
/* The C library's hash table of the types that hooks are attached to. */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include "Events/btf_names.h"

struct btf_names {
	const struct btf *btf;
	struct hsearch_data table; /* name: id; of two with one name, the first */
};

static int add(struct btf_names *n, __u32 id, const char *name)
{
	ENTRY entry = {.key = (char *)name, .data = (void *)(long)id}, *there;

	return hsearch_r(entry, ENTER, &there, &n->table) ? 0 : -ENOMEM;
}

static int add_all(struct btf_names *n)
{
	__u32 count = btf__type_cnt(n->btf);
	int err = 0;

	for (__u32 id = 1; !err && id < count; id++) {
		const struct btf_type *t = btf__type_by_id(n->btf, id);
		const char *name;

		if (!btf_is_func(t) && !btf_is_typedef(t))
			continue;
		name = btf__name_by_offset(n->btf, t->name_off);
		if (name && (btf_is_func(t) || !strncmp(name, "btf_trace_", 10)))
			err = add(n, id, name);
	}
	return err;
}

int btf_names_new(struct btf_names **out, const struct btf *btf)
{
	struct btf_names *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->btf = btf;
	if (!hcreate_r(btf__type_cnt(btf), &n->table) || add_all(n)) {
		btf_names_free(n);
		return -ENOMEM;
	}
	*out = n;
	return 0;
}

void btf_names_free(struct btf_names *n)
{
	if (n)
		hdestroy_r(&n->table);
	free(n);
}

int btf_names_find(struct btf_names *n, const char *name, __u32 kind)
{
	ENTRY entry = {.key = (char *)name}, *there;
	int id;

	if (!hsearch_r(entry, FIND, &there, &n->table))
		return -ENOENT;
	id = (long)there->data;
	return btf_kind(btf__type_by_id(n->btf, id)) == kind ? id : -ENOENT;
}

const struct btf_type *btf_names_proto(struct btf_names *n, const char *function)
{
	int id = btf_names_find(n, function, BTF_KIND_FUNC);
	const struct btf_type *t;

	if (id < 0)
		id = btf_names_find(n, function, BTF_KIND_TYPEDEF);
	if (id < 0)
		return NULL;
	t = btf__type_by_id(n->btf, id);
	t = btf__type_by_id(n->btf, t->type);
	if (t && btf_is_ptr(t)) /* a tracepoint's typedef points to its function */
		t = btf__type_by_id(n->btf, t->type);
	return t && btf_is_func_proto(t) ? t : NULL;
}
