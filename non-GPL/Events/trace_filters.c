/* SPDX-License-Identifier: BSD-2-Clause */
/* The filters of `hostiso trace`, as the programs want them. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "Events/inodekey.h"
#include "Events/trace_filters.h"
#include "HostIsolation/cleanup.h"
#include "Events/skeleton.h"

__u32 trace_filters_mask(const struct trace_options *o)
{
	return (o->pid.count ? FILTER_PID : 0) | (o->uid.count ? FILTER_UID : 0) |
	       (o->comm.count ? FILTER_COMM : 0) | (o->path.count ? FILTER_PATH : 0) |
	       (o->exe.count ? FILTER_EXE : 0) | (o->tree.count ? FILTER_TREE : 0);
}

static int put(struct bpf_map *map, const void *key, struct error *err)
{
	__u32 one = 1;
	int ret = bpf_map_update_elem(bpf_map__fd(map), key, &one, BPF_ANY);

	if (ret)
		return fail(err, ret, "cannot set a filter: %s", strerror(-ret));
	return 0;
}

static int put_numbers(struct bpf_map *map, const struct filter_list *list, struct error *err)
{
	int ret = 0;

	for (size_t i = 0; i < list->count && !ret; i++) {
		__u32 n = strtoul(list->items[i], NULL, 10);

		ret = put(map, &n, err);
	}
	return ret;
}

static int put_inodes(struct bpf_map *map, const struct filter_list *list, const char *option,
		      struct error *err)
{
	struct inode_key key;
	int ret = 0;

	for (size_t i = 0; i < list->count && !ret; i++) {
		ret = inode_key_of(list->items[i], &key);
		if (ret)
			return fail(err, ret, "%s %s: %s", option, list->items[i], strerror(-ret));
		ret = put(map, &key, err);
	}
	return ret;
}

int trace_filters_set(struct events_bpf *skel, const struct trace_options *o, struct error *err)
{
	int ret = put_numbers(skel->maps.filter_pid, &o->pid, err);

	if (!ret)
		ret = put_numbers(skel->maps.filter_uid, &o->uid, err);
	for (size_t i = 0; i < o->comm.count && !ret; i++) {
		struct comm_key key = {{0}};

		memcpy(key.comm, o->comm.items[i], strnlen(o->comm.items[i], 15));
		ret = put(skel->maps.filter_comm, &key, err);
	}
	if (!ret)
		ret = put_inodes(skel->maps.filter_exe, &o->exe, "--exe", err);
	if (!ret)
		ret = put_inodes(skel->maps.filter_path, &o->path, "--path", err);
	if (!ret)
		ret = put_numbers(skel->maps.filter_tree, &o->tree, err);
	return ret;
}

int trace_paths_resolve(struct filter_list *list, struct error *err)
{
	for (size_t i = 0; i < list->count; i++) {
		char *full = realpath(list->items[i], NULL);

		if (!full)
			return fail(err, -errno, "--path %s: %s", list->items[i], strerror(errno));
		list->items[i] = full; /* lives as long as the process */
	}
	return 0;
}

static bool below(struct text path, const struct filter_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		size_t n = strlen(list->items[i]);

		if (n == 1) /* / */
			return true;
		if (path.n >= n && !memcmp(path.s, list->items[i], n) &&
		    (path.n == n || path.s[n] == '/'))
			return true;
	}
	return false;
}

bool trace_path_keep(const struct record *r, void *list)
{
	const struct event_file *e = (const void *)r->hdr;
	static char buf[PATH_BUF];

	if (r->hdr->type > EVENT_FILE_SHMEM_OPEN || !(e->path.flags & PART_TEXT))
		return true;
	return below(record_file_path(r, buf), list) ||
	       (r->hdr->type == EVENT_FILE_RENAME && below(record_old_path(r, buf), list));
}

/* Adds processes whose parent is in the map; how many. */
static int add_children(int map)
{
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	struct dirent *d;
	int added = 0;

	while (proc && (d = readdir(proc))) {
		_cleanup_fclose_ FILE *f = NULL;
		__u32 pid = atoi(d->d_name), parent, one = 1, there;
		char path[64], line[512];
		char *end;

		if (!pid)
			continue;
		snprintf(path, sizeof(path), "/proc/%u/stat", pid);
		f = fopen(path, "re");
		if (!f || !fgets(line, sizeof(line), f))
			continue;
		end = strrchr(line, ')'); /* the name before it may hold anything */
		if (!end || sscanf(end, ") %*c %u", &parent) != 1)
			continue;
		if (!bpf_map_lookup_elem(map, &parent, &there) &&
		    bpf_map_lookup_elem(map, &pid, &there) &&
		    !bpf_map_update_elem(map, &pid, &one, BPF_ANY))
			added++;
	}
	return added;
}

int trace_tree_begin(struct events_bpf *skel, struct provider *p, const struct trace_options *o,
		     struct error *err)
{
	int ret;

	if (!o->tree.count)
		return 0;
	for (size_t i = 0; i < o->tree.count; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/%lu", strtoul(o->tree.items[i], NULL, 10));
		if (access(path, F_OK))
			return fail(err, -ESRCH, "--tree %s: there is no such process",
				    o->tree.items[i]);
	}
	ret = provider_attach(p, "hook_tree_fork");
	if (!ret)
		ret = provider_attach(p, "hook_tree_free");
	if (ret)
		return fail(err, ret, "--tree cannot follow forks on this kernel: %s",
			    strerror(-ret));
	while (add_children(bpf_map__fd(skel->maps.filter_tree)))
		;
	return 0;
}

/* The file by that name now, in the root of the process that named it (or ours, when it has gone
 * and shared our mount namespace). */
static int look_up(const struct event_hdr *hdr, struct text path, struct event_file_info *out,
		   void *arg)
{
	struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	_cleanup_close_ int root = -1, fd = -1;
	char name[4096];
	struct stat st;

	if (path.n >= sizeof(name) || memchr(path.s, 0, path.n))
		return -ENAMETOOLONG;
	snprintf(name, sizeof(name), "/proc/%u/root", hdr->pids.tgid);
	root = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 && hdr->mnt_ns == *(__u32 *)arg)
		root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	memcpy(name, path.s, path.n);
	name[path.n] = 0;
	fd = syscall(__NR_openat2, root, name, &how, sizeof(how));
	if (fd < 0 || fstat(fd, &st))
		return -errno;
	*out = (struct event_file_info){
		.inode = st.st_ino,
		.size = st.st_size,
		.mode = st.st_mode,
		.uid = st.st_uid,
		.gid = st.st_gid,
		.nlink = st.st_nlink,
		.atime = st.st_atim.tv_sec * 1000000000ULL + st.st_atim.tv_nsec,
		.mtime = st.st_mtim.tv_sec * 1000000000ULL + st.st_mtim.tv_nsec,
		.ctime = st.st_ctim.tv_sec * 1000000000ULL + st.st_ctim.tv_nsec,
	};
	return 0;
}

void trace_lookups_init(struct line_context *line, const struct feature_state *states)
{
	static __u32 own_mnt_ns;
	struct stat st;

	for (int f = 0; f < FEATURE_COUNT; f++) {
		if (states[f].chosen == KIND_TP && feature_names_files(f))
			line->file_info = look_up;
	}
	own_mnt_ns = stat("/proc/self/ns/mnt", &st) ? 0 : st.st_ino;
	line->arg = &own_mnt_ns;
}
