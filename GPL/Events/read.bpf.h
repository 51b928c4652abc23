/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How the kernel's structs are read: with BPF_CORE_READ(), whatever that takes on this kernel. */
#pragma once

#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#ifdef CAST_KERNEL
/*
 * Since 6.2 the verifier can be told what a pointer points to. Plain loads then read it, and give 0
 * where there is nothing, as the helper does that libbpf's macro calls once for every field.
 * kernel/bpf/helpers.c, bpf_rdonly_cast().
 */
extern void *bpf_rdonly_cast(const void *obj__ign, u32 btf_id__k) __ksym __weak;

#define typed(p) ((typeof(*(p)) *)bpf_rdonly_cast((p), bpf_core_type_id_kernel(typeof(*(p)))))

#undef BPF_CORE_READ
#define BPF_CORE_READ(src, a, ...) (___arrow(typed(src), a, ##__VA_ARGS__))
#else
#define typed(p) (p)
#endif
