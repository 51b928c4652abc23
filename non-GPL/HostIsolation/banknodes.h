/* SPDX-License-Identifier: BSD-2-Clause */
/* The inner maps of a bank: made, filled and read. */
#pragma once

#include <linux/bpf.h>
#include "HostIsolation/compile.h"
#include "HostIsolation/maps.h"

/* A map with these n elements, not preallocated: its descriptor, or -errno. */
int bank_map_filled(enum bpf_map_type type, const char *name, const void *keys, size_t key_size,
		    const void *values, size_t value_size, size_t n);
/* The map that an array of maps has for this bank: its descriptor, or -1. */
int bank_map_inner(int outer, __u32 bank);

/* All nodes of one family, and their sieve, into a bank that is not in force. */
int bank_store_nodes(const struct maps *maps, __u32 bank, bool ip4,
		     const struct compiled_node *nodes, size_t count);
/* Adds what the bank's nodes counted to the entries that own them. `nodes` are those it was filled
 * with. */
void bank_add_hits(const struct maps *maps, __u32 bank, bool ip4, const struct compiled_node *nodes,
		   size_t count, struct allowlist *list);
