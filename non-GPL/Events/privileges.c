/* SPDX-License-Identifier: BSD-2-Clause */
/* Capabilities through the plain system calls. */
#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "Events/privileges.h"

int privileges_drop(bool look_up)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	if (look_up) {
		data[0].permitted = 1u << CAP_DAC_READ_SEARCH | 1u << CAP_SYS_PTRACE;
		data[0].effective = data[0].permitted;
	}
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	for (int cap = 0; cap <= 63; cap++)
		prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	return syscall(__NR_capset, &header, data) ? -errno : 0;
}
