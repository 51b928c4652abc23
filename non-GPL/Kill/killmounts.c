// SPDX-License-Identifier: BSD-2-Clause
/* What is mounted below a directory, by /proc/self/mountinfo. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/stat.h>
#include <sys/syscall.h>
#include "HostIsolation/cleanup.h"
#include "Kill/killmounts.h"

#ifndef AT_STATX_DONT_SYNC
#define AT_STATX_DONT_SYNC 0x4000 /* or a dead NFS server keeps us waiting */
#endif

static bool octal(char c)
{
	return c >= '0' && c <= '7';
}

void kill_mount_unescape(char *text)
{
	char *out = text;

	for (const char *c = text; *c; c++) {
		if (c[0] == '\\' && octal(c[1]) && octal(c[2]) && octal(c[3])) {
			*out++ = (c[1] - '0') << 6 | (c[2] - '0') << 3 | (c[3] - '0');
			c += 3;
		} else {
			*out++ = *c;
		}
	}
	*out = 0;
}

/* `ID PARENT MAJOR:MINOR ROOT MOUNTPOINT ...`; false: not so, or not below. */
static bool root_of(char *line, const char *above, struct inode_key *root)
{
	unsigned int major, minor;
	size_t n = strlen(above);
	struct statx st;
	int at = 0;
	char *end;

	if (sscanf(line, "%*u %*u %u:%u %*s %n", &major, &minor, &at) != 2 || !at)
		return false;
	end = strchr(line + at, ' ');
	if (!end)
		return false;
	*end = 0;
	kill_mount_unescape(line + at);
	if (strncmp(line + at, above, n) || line[at + n] != '/')
		return false;
	if (syscall(__NR_statx, AT_FDCWD, line + at,
		    AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_INO, &st))
		return false;
	memset(root, 0, sizeof(*root));
	root->ino = st.stx_ino;
	root->dev = major << 20 | minor;
	return true;
}

int kill_mounts_below(const char *path, int (*each)(const struct inode_key *root, void *arg),
		      void *arg)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/mountinfo", "re");
	_cleanup_free_ char *line = NULL;
	char above[PATH_MAX];
	size_t size = 0;
	int ret = 0;

	if (!f || !realpath(path, above))
		return -errno;
	while (ret == 0 && getline(&line, &size, f) > 0) {
		struct inode_key root;

		if (root_of(line, above, &root))
			ret = each(&root, arg);
	}
	return ret;
}
