/* SPDX-License-Identifier: BSD-2-Clause */
/* A hash table with open addressing of the types that hooks are attached to. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "Events/btf_names.h"

struct btf_names {
	const struct btf *btf;
	__u32 mask;  /* places - 1; a power of two, more than there are types */
	__u32 ids[]; /* 0: empty */
};

/* FNV-1a. */
static __u32 hash(const char *name)
{
	__u32 h = 2166136261;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619;
	return h;
}

static const char *name_of(const struct btf *btf, const struct btf_type *t)
{
	return btf__name_by_offset(btf, t->name_off) ?: "";
}

static void add(struct btf_names *n, __u32 id, const char *name)
{
	__u32 i = hash(name) & n->mask;

	while (n->ids[i])
		i = (i + 1) & n->mask;
	n->ids[i] = id;
}

int btf_names_new(struct btf_names **out, const struct btf *btf)
{
	__u32 count = btf__type_cnt(btf), places = 1;
	struct btf_names *n;

	while (places <= count)
		places *= 2;
	n = calloc(1, sizeof(*n) + places * sizeof(n->ids[0]));
	if (!n)
		return -ENOMEM;
	n->btf = btf;
	n->mask = places - 1;
	for (__u32 id = 1; id < count; id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);
		const char *name;

		if (!btf_is_func(t) && !btf_is_typedef(t))
			continue;
		name = name_of(btf, t);
		if (btf_is_func(t) || !strncmp(name, "btf_trace_", 10))
			add(n, id, name);
	}
	*out = n;
	return 0;
}

void btf_names_free(struct btf_names *n)
{
	free(n);
}

int btf_names_find(const struct btf_names *n, const char *name, __u32 kind)
{
	for (__u32 i = hash(name) & n->mask; n->ids[i]; i = (i + 1) & n->mask) {
		const struct btf_type *t = btf__type_by_id(n->btf, n->ids[i]);

		if (btf_kind(t) == kind && !strcmp(name_of(n->btf, t), name))
			return n->ids[i];
	}
	return -ENOENT;
}

const struct btf_type *btf_names_proto(const struct btf_names *n, const char *function)
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
