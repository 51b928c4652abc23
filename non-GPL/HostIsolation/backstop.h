/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The nftables tables behind the programs, as the pinned policy and the devices want them: what is
 * on no guarded device drops, and so do AF_PACKET frames to peers that are not allowed.
 *
 * They go in after the policy is switched on and out before it is switched off, and narrow their
 * allowlist before the programs do, widen it after them: whoever is killed between leaves a host
 * that is isolated by the programs, with a backstop that admits no more than they do.
 */
#pragma once

#include "HostIsolation/nft.h"
#include "HostIsolation/snapshot.h"

/* Interface indexes. */
struct indexes {
	int *items;
	size_t count;
};

void indexes_free(struct indexes *v);

/* Installs, or replaces what is there: from the policy, the allowlist in force, and the devices
 * that carry our programs in both directions. */
int backstop_install(struct session *s, struct error *err);
/* The same for who has the allowlist in force at hand: sorted, without what has expired. */
int backstop_install_list(struct session *s, const struct allowlist *list, struct error *err);

/* The allowlist in force is, or is to be, `list` (sorted). Nothing, and 0, where there is no
 * backstop. */
int backstop_allow(struct session *s, const struct allowlist *list, struct error *err);

/* The guarded set follows the devices: those without our programs are taken out, those with them
 * put in. What is torn or gone is installed anew. *changed: something was. */
int backstop_follow(struct session *s, bool *changed, struct error *err);

/* The policy's deadlines changed; 0 as well where there is no backstop. */
int backstop_deadline(struct session *s, struct error *err);

/* For status, with snap->nft and the devices read: says what is not as it should be. unreadable:
 * why snap->nft could not be read, or NULL. */
void backstop_judge(struct snapshot *snap, const char *unreadable);
