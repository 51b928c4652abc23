/* SPDX-License-Identifier: BSD-2-Clause */
/* Capabilities through the plain system calls. */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "Events/privileges.h"

#define NOBODY 65534 /* what the kernel calls who has no name here (overflowuid) */

/* Without capabilities root still owns root's files. */
static void become_nobody(void)
{
	prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0); /* what is permitted, until capset(2) */
	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY))
		return; /* a container's root may have no such id: it stays what it is */
}

int privileges_drop(unsigned int keep)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	if (keep & (KEEP_LOOK_UP | KEEP_FILTER))
		data[0].permitted |= 1u << CAP_DAC_READ_SEARCH | 1u << CAP_SYS_PTRACE;
	if (keep & KEEP_FILTER) {
		/* CAP_SYS_ADMIN for a map by its id: the allowlist's, which each change makes anew.
		 */
		data[0].permitted |= 1u << CAP_SYS_ADMIN | 1u << CAP_NET_ADMIN;
		data[1].permitted |= 1u << (CAP_BPF - 32);
	}
	data[0].effective = data[0].permitted;
	data[1].effective = data[1].permitted;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	for (int cap = 0; cap <= 63; cap++)
		prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	if (!(keep & KEEP_FILTER)) /* its pins are root's */
		become_nobody();
	return syscall(__NR_capset, &header, data) ? -errno : 0;
}
