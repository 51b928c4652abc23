/* SPDX-License-Identifier: BSD-2-Clause */
/* No surprise lock-out: would this allowlist cut the connection the responder sits on? */
#pragma once

#include "HostIsolation/allowlist.h"
#include "HostIsolation/maps.h"

enum ssh_choice { SSH_ASK, SSH_KEEP, SSH_CUT };

/*
 * -EINVAL with a line that says the ways on when a connection of the responder's is neither
 * admitted by `list` nor among `kept` (pinned by an earlier --keep-ssh), and choice is SSH_ASK.
 * With SSH_KEEP those connections are returned in keys for ssh_guard_keep().
 */
int ssh_guard_check(struct allowlist *list, const struct maps *maps, enum ssh_choice choice,
		    struct kept_key keys[KEPT_MAX], size_t *count, struct error *err);
/* Writes them to the kept map; the caller sets CONTROL_KEPT. */
int ssh_guard_keep(const struct maps *maps, const struct kept_key *keys, size_t count,
		   struct error *err);
