/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "HostIsolation/kernelfacts.h"

/* Written by the command before it loads a program; constants to the verifier. */
const volatile struct kernel_facts kernel = {};
