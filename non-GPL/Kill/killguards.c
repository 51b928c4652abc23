// SPDX-License-Identifier: BSD-2-Clause
/* Who is never killed: the responder's session and listed programs, by inode. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "Events/inodekey.h"
#include "HostIsolation/procinfo.h"
#include "Kill/killguards.h"
#include "Kill/killrules.h"

const char *const kill_guard_words[KILL_GUARD_COUNT] = {
#define KILL_GUARD(id, word) word,
#include "Kill/killguards.def"
#undef KILL_GUARD
};

/* Interpreted ones (yum, dnf 4) are no file of their own: their scripts' chmod is not spared. */
static const char *const package_managers[] = {
	"/usr/bin/dpkg",
	"/usr/bin/dpkg-deb",
	"/usr/bin/apt",
	"/usr/bin/apt-get",
	"/usr/bin/aptitude",
	"/usr/bin/rpm",
	"/usr/bin/dnf5",
	"/usr/bin/zypper",
	"/usr/bin/pacman",
	"/sbin/apk",
	"/usr/bin/apk",
	"/usr/lib/snapd/snapd",
	"/usr/libexec/packagekitd",
};

#define PACKAGE_MANAGERS (sizeof(package_managers) / sizeof(*package_managers))

static int key_of(const char *path, struct kill_key *key)
{
	struct inode_key inode;
	int ret = inode_key_of(path, &inode);

	*key = (struct kill_key){.a = inode.ino, .b = inode.dev};
	return ret;
}

static int put(struct kill_store *s, const char *path, __u32 uid, __u32 guard)
{
	struct kill_key key;
	int ret = key_of(path, &key);

	if (ret < 0)
		return ret;
	key.uid = uid;
	return bpf_map_update_elem(s->fd[KILL_MAP_kill_guards], &key, &guard, BPF_ANY) < 0 ? -errno
											   : 0;
}

/* One file with many names (busybox) is no package manager, though it may have that name, too. */
static bool also_something_else(const char *path)
{
	static const char *const others[] = {"/bin/chmod", "/bin/sh", "/bin/busybox"};
	struct kill_key key, other;

	if (key_of(path, &key) < 0)
		return false;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (key_of(others[i], &other) == 0 && other.a == key.a && other.b == key.b)
			return true;
	return false;
}

int kill_guards_fill(struct kill_store *s, struct error *err)
{
	for (size_t i = 0; i < PACKAGE_MANAGERS; i++) {
		int ret;

		if (also_something_else(package_managers[i]))
			continue;
		ret = put(s, package_managers[i], 0, KILL_GUARD_PACKAGES);
		if (ret < 0 && ret != -ENOENT && ret != -ENOTDIR && ret != -EACCES)
			return fail(err, ret, "cannot list %s: %s", package_managers[i],
				    strerror(-ret));
	}
	return 0;
}

int kill_guards_session(struct kill_store *s, struct error *err)
{
	int ret = put(s, "/proc/self/exe", 0, KILL_GUARD_SELF), pid = getpid();

	while (ret == 0 && pid > 1) {
		struct procinfo p;

		ret = kill_task_add(s, pid, 0, KILL_GUARD_SESSION);
		if (ret == 0)
			ret = procinfo_read(pid, &p);
		pid = ret == 0 ? p.parent : 0;
	}
	return ret < 0 ? fail(err, ret, "cannot spare your own session: %s", strerror(-ret)) : 0;
}

int kill_guards_add(struct kill_store *s, const char *path, __u32 uid, struct error *err)
{
	int ret = put(s, path, uid, KILL_GUARD_LISTED);

	if (ret == -E2BIG)
		return fail(err, ret,
			    "cannot spare '%.200s': the list is full (%d); take one off it", path,
			    KILL_GUARDS_MAX);
	return ret < 0 ? fail(err, ret, "cannot spare '%.200s': %s", path, strerror(-ret)) : 0;
}

int kill_guards_remove(struct kill_store *s, const char *path, __u32 uid, struct error *err)
{
	struct kill_key key;
	int ret = key_of(path, &key);

	key.uid = uid;
	if (ret == 0 && bpf_map_delete_elem(s->fd[KILL_MAP_kill_guards], &key) < 0)
		return fail(err, -errno,
			    "'%.200s' as run by uid %u is not on the list; see: hostiso kill spare",
			    path, uid);
	return ret < 0 ? fail(err, ret, "'%.200s': %s", path, strerror(-ret)) : 0;
}

static const char *name_of(const struct kill_key *key)
{
	struct kill_key known;

	for (size_t i = 0; i < PACKAGE_MANAGERS; i++)
		if (key_of(package_managers[i], &known) == 0 && known.a == key->a &&
		    known.b == key->b)
			return package_managers[i];
	return "";
}

int kill_guards_each(const struct kill_store *s,
		     void (*each)(const char *path, __u32 guard, const struct kill_key *key,
				  void *arg),
		     void *arg)
{
	int fd = s->fd[KILL_MAP_kill_guards];
	struct kill_key key, *prev = NULL;

	while (bpf_map_get_next_key(fd, prev, &key) == 0) {
		static struct kill_key last;
		__u32 guard;

		if (bpf_map_lookup_elem(fd, &key, &guard) == 0)
			each(name_of(&key), guard, &key, arg);
		last = key;
		prev = &last;
	}
	return 0;
}
