/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * An access ACL sets the mode without any chmod: its owner, mask (or group) and other entries
 * become the nine permission bits (acl(5), posix_acl_equiv_mode()).
 */
#pragma once

#include "Kill/killaclname.bpf.h"
#include "Kill/killmatch.bpf.h"

#define ACL_ENTRIES_READ 64 /* the three that matter are sorted among named users and groups */
#define ACL_USER_OBJ 1
#define ACL_GROUP_OBJ 4
#define ACL_MASK 0x10
#define ACL_OTHER 0x20

struct acl_mode {
	s32 user, group, mask, other; /* -1: no such entry */
};

static __always_inline void acl_entry(struct acl_mode *m, u32 tag, u32 perm)
{
	perm &= 7;
	if (tag == ACL_USER_OBJ)
		m->user = perm;
	else if (tag == ACL_GROUP_OBJ)
		m->group = perm;
	else if (tag == ACL_MASK)
		m->mask = perm;
	else if (tag == ACL_OTHER)
		m->other = perm;
}

/* -1: this is no access ACL. */
static __always_inline s32 acl_result(const struct acl_mode *m)
{
	s32 group = m->mask >= 0 ? m->mask : m->group;

	if (m->user < 0 || group < 0 || m->other < 0)
		return -1;
	return m->user << 6 | group << 3 | m->other;
}

#define ACL_MODE_NONE                                                                              \
	{                                                                                          \
		-1, -1, -1, -1                                                                     \
	}

static __always_inline bool access_acl_name(const char *name)
{
	char have[sizeof(ACL_NAME)] = {};

	return bpf_probe_read_kernel_str(have, sizeof(have), name) == sizeof(have) &&
	       is_acl_name(have);
}

/* The kernel's own form (6.2 and newer). */
static __noinline s32 acl_mode_of(const struct posix_acl *acl)
{
	u32 count = BPF_CORE_READ(acl, a_count), size = bpf_core_type_size(struct posix_acl_entry);
	void *at = (void *)acl + bpf_core_field_offset(struct posix_acl, a_entries);
	struct acl_mode m = ACL_MODE_NONE;

#pragma clang loop unroll(disable)
	for (u32 i = 0; i < ACL_ENTRIES_READ && i < count; i++) {
		struct posix_acl_entry *e = at + (u64)i * size;

		acl_entry(&m, BPF_CORE_READ(e, e_tag), BPF_CORE_READ(e, e_perm));
	}
	return acl_result(&m);
}

/* The form of the extended attribute: a version word, then entries of tag, perm and id. */
static __noinline s32 acl_mode_of_xattr(const void *value, u64 bytes)
{
	struct acl_mode m = ACL_MODE_NONE;
	u16 entry[2] = {};

#pragma clang loop unroll(disable)
	for (u32 i = 0; i < ACL_ENTRIES_READ && 4 + 8 * i + 8 <= bytes; i++) {
		bpf_probe_read_kernel(entry, sizeof(entry), value + 4 + 8 * i);
		acl_entry(&m, entry[0], entry[1]);
	}
	return acl_result(&m);
}
