/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include "HostIsolation/kernelfacts.h"

/*
 * Asks the kernel once in a process, from whichever thread is first; the others wait. For programs
 * that see what leaves that takes reading its type information (/sys/kernel/btf/vmlinux); those
 * that see what comes in need not wait for it. What is not found is 0.
 */
void kernel_facts(bool outwards, struct kernel_facts *out);

#define NO_KERNEL_TYPES                                                                            \
	"this kernel shows no type information (BTF) in /sys/kernel/btf/vmlinux; that needs one "  \
	"built with CONFIG_DEBUG_INFO_BTF=y, and /sys mounted"

/* Why a BPF object that libbpf could not load (-errno) was refused, for people. */
const char *refusal_text(int ret);
