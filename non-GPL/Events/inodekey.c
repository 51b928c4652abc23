// SPDX-License-Identifier: BSD-2-Clause
/* Files by inode: the kernel's device number is the one that mountinfo shows. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/stat.h>
#include <sys/syscall.h>
#include "Events/inodekey.h"
#include "HostIsolation/cleanup.h"

/* The device number of a mount's superblock, as the kernel keeps it. */
static int mount_device(__u64 mount_id, __u32 *dev)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/mountinfo", "re");
	_cleanup_free_ char *line = NULL;
	unsigned int major, minor;
	unsigned long long id;
	size_t size = 0;

	if (!f)
		return -errno;
	while (getline(&line, &size, f) > 0) {
		if (sscanf(line, "%llu %*u %u:%u", &id, &major, &minor) == 3 && id == mount_id) {
			*dev = major << 20 | minor;
			return 0;
		}
	}
	return -ENOENT;
}

int inode_key_of(const char *path, struct inode_key *key)
{
	struct statx st;
	int ret;

	memset(key, 0, sizeof(*key));
	if (syscall(__NR_statx, AT_FDCWD, path, 0, STATX_INO | STATX_MNT_ID, &st))
		return -errno;
	key->ino = st.stx_ino;
	key->dev = st.stx_dev_major << 20 | st.stx_dev_minor;
	if (st.stx_mask & STATX_MNT_ID) {
		ret = mount_device(st.stx_mnt_id, &key->dev);
		if (ret && ret != -ENOENT)
			return ret;
	}
	return 0;
}
