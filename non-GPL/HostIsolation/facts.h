/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "HostIsolation/kernelfacts.h"

/* Asks the kernel once in a process, from whichever thread is first; the others wait. What a kernel
 * without type information (/sys/kernel/btf/vmlinux) does not tell is 0. */
const struct kernel_facts *kernel_facts(void);
