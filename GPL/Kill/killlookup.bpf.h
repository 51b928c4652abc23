/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which file does a path name? The kernel's own cache of names is searched as path_resolution(7)
 * has it: mounts, "..", symbolic links. After a call that succeeded the file is in that cache. What
 * cannot be followed here (a link whose text lies on the disk, /proc's magic links but one's own
 * descriptors, a directory with more than CHILDREN_ASKED cached names) is no file, and counted.
 */
#pragma once

#define WITH_BPF_LOOP
#include "Kill/killact.bpf.h"
#include "Events/regs.bpf.h"

#define TEXT_MAX 4096 /* half of it for what the process wrote */
#define GIVEN_MAX 2048
#define LINK_MAX 1024
#define NAME_BYTES 256
#define COMPONENTS_MAX 1024
#define CHILDREN_ASKED (1 << 17)
#define MOUNTS_SEARCHED (1 << 14)
#define LINKS_MAX 8
#define STACKED_MAX 4 /* mounts on one another */
#define AT_FDCWD -100
#define AT_SYMLINK_NOFOLLOW 0x100

struct place {
	struct dentry *dentry;
	struct vfsmount *mnt;
};

/* Room for names, one a call that is being looked up now. */
struct lookup {
	struct place at, root;
	struct dentry *child; /* search: what was found, where it is */
	void *cursor;
	struct list_head *head;
	u32 pos, len, links, nofollow, failed, text_index;
	char text[2][TEXT_MAX + NAME_BYTES];
	char name[NAME_BYTES + 8];
	char other[NAME_BYTES + 8];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, u64);
	__type(value, struct lookup);
} kill_lookups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct lookup);
} kill_lookup_zero SEC(".maps");

static __always_inline struct lookup *this_lookup(void)
{
	u64 id = bpf_get_current_pid_tgid();

	return bpf_map_lookup_elem(&kill_lookups, &id);
}

/* `other` 1: the text that is not read now. No branch: two texts would be followed to the end. */
static __always_inline char *lookup_text(struct lookup *l, u32 other)
{
	return l->text[0] + ((l->text_index ^ other) & 1) * sizeof(l->text[0]);
}

/* The next component to `name`, with zeros up to a whole word. 0 at the end. */
__noinline int next_name(struct lookup *l)
{
	u32 pos, n = 0;
	char c = 0, *text;

	if (!l)
		return 0;
	text = lookup_text(l, 0);
	pos = l->pos;
#pragma clang loop unroll(disable)
	for (int i = 0; i < NAME_BYTES; i++, pos++) {
		c = text[pos & (TEXT_MAX - 1)];
		if (c != '/')
			break;
	}
#pragma clang loop unroll(disable)
	for (int i = 0; i < NAME_BYTES; i++, pos++) {
		c = text[pos & (TEXT_MAX - 1)];
		if (!c || c == '/')
			break;
		l->name[n++ & (NAME_BYTES - 1)] = c;
	}
	l->pos = pos;
	l->len = n;
	n = *(volatile u32 *)&l->len; /* or the verifier follows each length to the end */
	if (*(volatile u32 *)&l->pos >= TEXT_MAX || n >= NAME_BYTES - 8) {
		l->failed = 1;
		return 0;
	}
	__builtin_memset(l->name + (n & (NAME_BYTES - 1)), 0, 8);
	return n > 0;
}

__noinline int same_name(struct lookup *l, u64 dentry)
{
	struct dentry *d = (void *)dentry;
	u64 *a, *b;
	u32 len;

	if (!l)
		return 0;
	a = (u64 *)l->name;
	b = (u64 *)l->other;
	len = l->len & (NAME_BYTES - 1);
	if (BPF_CORE_READ(d, d_name.len) != len)
		return false;
	b[(len >> 3) & 31] = 0;
	if (bpf_probe_read_kernel(l->other, len, BPF_CORE_READ(d, d_name.name)))
		return false;
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < NAME_BYTES / 8; i++) {
		if (i * 8 >= len)
			break;
		if (a[i] != b[i])
			return false;
	}
	return true;
}

static long child_step(u32 i, void *unused)
{
	struct lookup *l = this_lookup();
	struct dentry___kill *sib = NULL;
	struct hlist_node *one;
	struct list_head *two;
	struct dentry *d;

	if (!l || !l->cursor || l->cursor == l->head)
		return 1;
	one = l->cursor;
	two = l->cursor;
	if (bpf_core_field_exists(sib->d_sib)) {
		d = l->cursor - bpf_core_field_offset(struct dentry___kill, d_sib);
		l->cursor = BPF_CORE_READ(one, next);
	} else {
		d = l->cursor - bpf_core_field_offset(struct dentry___67, d_child);
		l->cursor = BPF_CORE_READ(two, next);
	}
	if (!same_name(l, (u64)d) || !BPF_CORE_READ(d, d_inode) ||
	    !BPF_CORE_READ(d, d_hash.pprev) || BPF_CORE_READ(d, d_parent) != l->at.dentry)
		return 0;
	l->child = d;
	return 1;
}

static __always_inline struct dentry *find_child(struct lookup *l)
{
	struct dentry___kill *new = (void *)l->at.dentry;
	struct dentry___67 *old = (void *)l->at.dentry;

	l->child = NULL;
	if (bpf_core_field_exists(new->d_children)) {
		l->head = NULL;
		l->cursor = BPF_CORE_READ(new, d_children.first);
	} else {
		l->head = (void *)old + bpf_core_field_offset(struct dentry___67, d_subdirs);
		l->cursor = BPF_CORE_READ(old, d_subdirs.next);
	}
	bpf_loop(CHILDREN_ASKED, child_step, NULL, 0);
	return l->child;
}

static long mount_step(u32 i, void *unused)
{
	struct lookup *l = this_lookup();
	struct list_head *two;
	struct mount *m;

	if (!l || !l->cursor || l->cursor == l->head)
		return 1;
	two = l->cursor;
	m = l->cursor - bpf_core_field_offset(struct mount___kill, mnt_child);
	l->cursor = BPF_CORE_READ(two, next);
	if (BPF_CORE_READ(m, mnt_mountpoint) != l->at.dentry)
		return 0;
	l->at.mnt = (void *)m + bpf_core_field_offset(struct mount, mnt);
	l->child = BPF_CORE_READ(m, mnt.mnt_root);
	return 1;
}

/* What is mounted on the place, and on that. */
__noinline int cross_down(struct lookup *l)
{
	enum dentry_flags { DCACHE_MOUNTED = 0x10000 };
	u32 mounted = DCACHE_MOUNTED;

	if (bpf_core_enum_value_exists(enum dentry_flags, DCACHE_MOUNTED))
		mounted = bpf_core_enum_value(enum dentry_flags, DCACHE_MOUNTED);
	if (!l)
		return 0;
#pragma clang loop unroll(disable)
	for (int i = 0; i < STACKED_MAX; i++) {
		struct dentry___kill *d = (void *)l->at.dentry;
		struct mount *m = mount_of(l->at.mnt);
		struct list_head *head;

		if (!(BPF_CORE_READ(d, d_flags) & mounted))
			return 0;
		l->head = (void *)m + bpf_core_field_offset(struct mount___kill, mnt_mounts);
		head = l->head;
		l->cursor = BPF_CORE_READ(head, next);
		l->child = NULL;
		bpf_loop(MOUNTS_SEARCHED, mount_step, NULL, 0);
		if (!l->child)
			return 0;
		l->at.dentry = l->child;
	}
	return 0;
}

__noinline int go_up(struct lookup *l)
{
	struct dentry *d;
	struct vfsmount *mnt;

	if (!l)
		return 0;
	d = l->at.dentry;
	mnt = l->at.mnt;

#pragma clang loop unroll(disable)
	for (int i = 0; i < STACKED_MAX; i++) {
		struct mount *m = mount_of(mnt), *up;

		if (d == l->root.dentry && mnt == l->root.mnt)
			return 0;
		if (d != BPF_CORE_READ(mnt, mnt_root))
			break;
		up = BPF_CORE_READ(m, mnt_parent);
		if (up == m)
			return 0;
		d = BPF_CORE_READ(m, mnt_mountpoint);
		mnt = (void *)up + bpf_core_field_offset(struct mount, mnt);
	}
	l->at.dentry = BPF_CORE_READ(d, d_parent);
	l->at.mnt = mnt;
	return cross_down(l);
}

/* The link's text, and behind it what is left of the path. */
__noinline int follow_link(struct lookup *l, u64 dentry)
{
	struct dentry *link = (void *)dentry;
	char *target = BPF_CORE_READ(link, d_inode, i_link), *from, *to;
	u64 pos, off;
	long n;

	if (!l)
		return 0;
	from = lookup_text(l, 0);
	to = lookup_text(l, 1);
	pos = l->pos & (TEXT_MAX - 1);
	l->failed = 1;
	if (!target || l->links++ >= LINKS_MAX)
		return 0;
	n = bpf_probe_read_kernel_str(to, LINK_MAX, target);
	if (n <= 1 || n >= LINK_MAX)
		return 0;
	off = n - 1;
	if (off >= LINK_MAX)
		return 0;
	n = bpf_probe_read_kernel_str(to + off, TEXT_MAX - LINK_MAX, from + pos);
	if (n <= 0 || n >= TEXT_MAX - LINK_MAX)
		return 0;
	if (*to == '/')
		l->at = l->root;
	l->text_index = !l->text_index;
	l->pos = 0;
	l->failed = 0;
	return 0;
}

static long component_step(u32 i, void *unused)
{
	struct lookup *l = this_lookup();
	struct dentry *child;
	char *text;
	u32 rest;

	if (!l || !next_name(l))
		return 1;
	if (l->name[0] == '.' && l->len == 1)
		return 0;
	if (l->name[0] == '.' && l->name[1] == '.' && l->len == 2) {
		go_up(l);
		return 0;
	}
	child = find_child(l);
	if (!child) {
		l->failed = 1;
		return 1;
	}
	text = lookup_text(l, 0);
	rest = text[l->pos & (TEXT_MAX - 1)];
	if ((BPF_CORE_READ(child, d_inode, i_mode) & S_IFMT) == S_IFLNK && (rest || !l->nofollow)) {
		follow_link(l, (u64)child);
		return l->failed != 0;
	}
	l->at.dentry = child;
	cross_down(l);
	return 0;
}

/* Makes room for a lookup of this thread; lookup_end() gives it back. */
static __always_inline struct lookup *lookup_begin(void)
{
	u64 id = bpf_get_current_pid_tgid();
	u32 zero = 0;
	struct lookup *none = bpf_map_lookup_elem(&kill_lookup_zero, &zero);

	if (!none || bpf_map_update_elem(&kill_lookups, &id, none, BPF_ANY))
		return NULL;
	return bpf_map_lookup_elem(&kill_lookups, &id);
}

static __always_inline void lookup_end(void)
{
	u64 id = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&kill_lookups, &id);
}

static __always_inline struct place place_of_fd(struct task_struct *task, s32 fd)
{
	struct file *file = fd_file(task, fd);
	struct place p = {};

	if (file) {
		p.dentry = BPF_CORE_READ(file, f_path.dentry);
		p.mnt = BPF_CORE_READ(file, f_path.mnt);
	}
	return p;
}

/* Behind what the text begins with, if it does. One exit a letter: the verifier follows no mixes.
 */
#define BEHIND(l, words)                                                                           \
	({                                                                                         \
		static const char _words[] = words;                                                \
		u32 _i = 0;                                                                        \
                                                                                                   \
		_Pragma("clang loop unroll(full)") for (; _i < sizeof(_words) - 1; _i++)           \
		{                                                                                  \
			if ((l)->text[0][_i] != _words[_i])                                        \
				break;                                                             \
		}                                                                                  \
		_i == sizeof(_words) - 1 ? _i : 0;                                                 \
	})

/* "/proc/self/fd/N" and "/dev/fd/N": how an O_PATH descriptor is given another mode. -1: not so. */
__noinline s32 own_descriptor(struct lookup *l)
{
	s32 fd = 0;
	u32 at;

	if (!l)
		return -1;
	at = BEHIND(l, "/proc/self/fd/") ?: BEHIND(l, "/proc/thread-self/fd/") ?: BEHIND(l, "/dev/fd/");
	if (!at)
		return -1;
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < 10; i++) {
		char c = l->text[0][(at + i) & (TEXT_MAX - 1)];

		if (!c)
			return i ? fd : -1;
		if (c < '0' || c > '9')
			return -1;
		fd = fd * 10 + (c - '0');
	}
	return -1;
}

/* 0 and *out, or -1: not found. (Not static: see wanted_above().) */
__noinline int find_path(u64 path, s32 dirfd, u32 nofollow, struct place *out)
{
	struct task_struct *task = current_task();
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct lookup *l = lookup_begin();
	int ret = -1;
	s32 fd;
	long n;

	if (!l || !out)
		return -1;
	n = bpf_probe_read_user_str(l->text[0], GIVEN_MAX, (void *)path);
	l->nofollow = nofollow;
	l->root.dentry = BPF_CORE_READ(fs, root.dentry);
	l->root.mnt = BPF_CORE_READ(fs, root.mnt);
	fd = n > 0 && !nofollow ? own_descriptor(l) : -1;
	if (fd >= 0) {
		l->at = place_of_fd(task, fd);
	} else if (n >= 0 && n < GIVEN_MAX) { /* 0: an empty one, up to 6.12 */
		l->at = l->root;
		if (l->text[0][0] != '/' && dirfd == AT_FDCWD) {
			l->at.dentry = BPF_CORE_READ(fs, pwd.dentry);
			l->at.mnt = BPF_CORE_READ(fs, pwd.mnt);
		} else if (l->text[0][0] != '/') {
			l->at = place_of_fd(task, dirfd);
		}
		bpf_loop(COMPONENTS_MAX, component_step, NULL, 0);
	} else {
		l->failed = 1;
	}
	if (!l->failed && l->at.dentry) {
		*out = l->at;
		ret = 0;
	}
	lookup_end();
	return ret;
}
