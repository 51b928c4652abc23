// SPDX-License-Identifier: BSD-2-Clause
/* Puts a file's old mode back after a match that could not be refused. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include "Events/inodekey.h"
#include "HostIsolation/cleanup.h"
#include "Kill/killevent.h"
#include "Kill/killrevert.h"

bool kill_revert_wanted(const struct kill_event *e)
{
	return e->rule_flags & KILL_REVERT && e->effect == KILL_COMPLETED && !e->guard &&
	       e->door != KILL_DOOR_BORN;
}

int kill_revert(const struct kill_event *e)
{
	char path[KILL_PATH_ROOM + 2], by_fd[64];
	_cleanup_close_ int fd = -1;
	struct inode_key key;
	struct stat st;
	int ret;

	if (!(e->flags & KILL_HAS_OLD))
		return -ENODATA;
	ret = kill_event_path(e, path);
	if (ret < 0)
		return ret;
	fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(by_fd, sizeof(by_fd), "/proc/self/fd/%d", fd);
	ret = inode_key_of(by_fd, &key);
	if (ret < 0)
		return ret;
	if (key.ino != e->ino || key.dev != e->dev || fstat(fd, &st) < 0 ||
	    ((st.st_mode ^ e->new_mode) & 07777))
		return -ESTALE;
	return chmod(by_fd, e->old_mode & 07777) < 0 ? -errno : 0;
}
