/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions and tracepoints of the kernel's BTF by name. libbpf's own search goes through all types
 * there are, each time; here that is done once.
 */
#pragma once

#include <bpf/btf.h>

struct btf_names;

/* -ENOMEM. The BTF must live as long. */
int btf_names_new(struct btf_names **out, const struct btf *btf);
void btf_names_free(struct btf_names *n);

/* The id of the first type of that name, as btf__find_by_name_kind() has it; -ENOENT. For
 * BTF_KIND_FUNC, and for BTF_KIND_TYPEDEF of names that begin with btf_trace_. */
int btf_names_find(struct btf_names *n, const char *name, __u32 kind);
/* The prototype of a function, or of a "btf_trace_…" tracepoint; NULL. */
const struct btf_type *btf_names_proto(struct btf_names *n, const char *function);
