/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules in the kill hook's maps: added, taken away, read. */
#pragma once

#include "Kill/killargs.h"
#include "Kill/killstore.h"

/*
 * Puts the rule in force; it is seen whole or not at all. *slot says where. -ENOSPC: KILL_RULES - 1
 * are there; what the files, processes and cgroups that it names say; each with a line.
 */
int kill_rule_add(struct kill_store *s, const struct kill_request *r, __u32 *slot,
		  struct error *err);
/* -ENOENT with a line when there is none of that id. */
int kill_rule_remove(struct kill_store *s, __u32 id, struct error *err);
/* Calls each() for the rules there, by slot. */
void kill_rules_each(const struct kill_store *s,
		     void (*each)(__u32 slot, const struct kill_rule *rule,
				  const struct kill_counts *counts, void *arg),
		     void *arg);
/* How many there are. */
unsigned int kill_rules_count(const struct kill_store *s);

/* What the self-test and the guards are made of. */
int kill_slot_write(struct kill_store *s, __u32 slot, const struct kill_rule *rule);
void kill_slot_clear(struct kill_store *s, __u32 slot);
int kill_value_add(struct kill_store *s, const struct kill_key *key, __u32 bit);
int kill_task_add(struct kill_store *s, int pid, __u32 trees, __u32 guard);
