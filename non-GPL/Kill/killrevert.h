/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts a file's old mode back after a match that could not be refused. */
#pragma once

#include <stdbool.h>
#include "Kill/killlayout.h"
#include "Kill/killstore.h"

bool kill_revert_wanted(const struct kill_event *e);
/*
 * 0; -ENODATA: the old mode is not known; -ESTALE: another file is there now, or its mode was
 * changed again; else what open(2) and chmod(2) say. It is the file of the event, by inode, or
 * none.
 */
int kill_revert(const struct kill_event *e);
