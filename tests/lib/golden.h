/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of tests/golden. */
#pragma once

#include <stdio.h>

/* Of the tree that the program was built in; NULL with errno. */
FILE *golden_open(const char *name, const char *mode);
