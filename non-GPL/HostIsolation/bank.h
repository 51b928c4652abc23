/* SPDX-License-Identifier: BSD-2-Clause */
/* The allowlist between memory (allowlist.h) and the two banks of pinned maps. */
#pragma once

#include "HostIsolation/allowlist.h"
#include "HostIsolation/maps.h"

/* The allowlist in force, sorted; empty when none was stored yet. Hits so far are in the entries'
 * values. */
int bank_load(const struct maps *maps, const struct pins *pins, struct allowlist *out,
	      struct error *err);
/* The same with the hits as they were when it was stored: one lookup less for each entry. */
int bank_load_without_hits(const struct maps *maps, const struct pins *pins, struct allowlist *out,
			   struct error *err);

/*
 * Compiles the (sorted) list into the bank that is not in force and flips to it: all or nothing.
 * -E2BIG with a line when it has more than policy->limit entries of a family. Hits that came
 * meanwhile are carried over.
 */
int bank_store(struct maps *maps, const struct pins *pins, struct allowlist *list,
	       struct error *err);
