/* SPDX-License-Identifier: BSD-2-Clause */
/* Does what is attached really act? */
#pragma once

#include "Kill/killstore.h"

/*
 * A child changes the mode of a private file that has no name, under a rule for it alone. It must
 * be killed, and with `refuses` the mode must stay. -ENOTSUP with a few words when not.
 */
int kill_self_test(struct kill_store *s, bool refuses, struct error *err);
