/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The tracer's object: its parts share one ring and are one unit to the compiler. (libbpf 1.1
 * cannot link two objects that both call one kfunc.)
 */
#include "emit.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#include "change.bpf.c"
#include "file.bpf.c"
#include "file_kprobe.bpf.c"
#include "ids.bpf.c"
#include "net.bpf.c"
#include "process.bpf.c"
#include "sender.bpf.c"
#include "syscall.bpf.c"
#include "tty.bpf.c"
