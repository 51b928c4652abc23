// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Attached to nothing: the command runs it once (BPF_PROG_TEST_RUN) for a file that it has open,
 * and gets what the exec hook will see of it. stat(2) tells another device on btrfs and some
 * overlays, and nobody tells a generation on every file system.
 */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "HostIsolation/exefile.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct fdtable {
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct task_struct {
	struct files_struct *files;
};
#pragma clang attribute pop

struct exe_key found = {};

/* args[0]: a descriptor of the caller's. */
SEC("raw_tp")
int inode_of_fd(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct file **files = BPF_CORE_READ(task, files, fdt, fd), *file = NULL;

	bpf_probe_read_kernel(&file, sizeof(file), files + ctx->args[0]);
	found = exe_key_of(file);
	return 0;
}
