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

/*
 * Entries by kind, four bits each: permissions, and the highest says that there is one. What an
 * entry puts there, and above that which four bits it takes.
 */
enum { ACL_USER_AT = 0, ACL_GROUP_AT = 4, ACL_MASK_AT = 8, ACL_OTHER_AT = 12, ACL_TAKEN = 16 };
#define ACL_THERE 8

__noinline u32 acl_entry(u32 tag, u32 perm)
{
	u32 at;

	if (tag == ACL_USER_OBJ)
		at = ACL_USER_AT;
	else if (tag == ACL_GROUP_OBJ)
		at = ACL_GROUP_AT;
	else if (tag == ACL_MASK)
		at = ACL_MASK_AT;
	else if (tag == ACL_OTHER)
		at = ACL_OTHER_AT;
	else
		return 0;
	return (15 << ACL_TAKEN | ACL_THERE | (perm & 7)) << at;
}

static __always_inline u32 acl_add(u32 entries, u32 entry)
{
	return (entries & ~(entry >> ACL_TAKEN)) | (entry & 0xffff);
}

/* -1: this is no access ACL. */
static __always_inline s32 acl_result(u32 entries)
{
	u32 user = entries >> ACL_USER_AT, other = entries >> ACL_OTHER_AT;
	u32 mask = entries >> ACL_MASK_AT, group = entries >> ACL_GROUP_AT;

	if (mask & ACL_THERE)
		group = mask;
	if (!(user & group & other & ACL_THERE))
		return -1;
	return (user & 7) << 6 | (group & 7) << 3 | (other & 7);
}

static __always_inline bool access_acl_name(const char *name)
{
	char have[sizeof(ACL_NAME)] = {};

	return bpf_probe_read_kernel_str(have, sizeof(have), name) == sizeof(have) &&
	       is_acl_name(have);
}

/* The kernel's own form (6.2 and newer). */
__noinline s32 acl_mode_of(u64 of)
{
	struct posix_acl *acl = (void *)of;
	u32 count = BPF_CORE_READ(acl, a_count), size = bpf_core_type_size(struct posix_acl_entry);
	void *at = (void *)acl + bpf_core_field_offset(struct posix_acl, a_entries);
	u32 entries = 0;

#pragma clang loop unroll(disable)
	for (u32 i = 0; i < ACL_ENTRIES_READ && i < count; i++) {
		struct posix_acl_entry *e = at + (u64)i * size;

		entries = acl_add(entries,
				  acl_entry(BPF_CORE_READ(e, e_tag), BPF_CORE_READ(e, e_perm)));
	}
	return acl_result(entries);
}

/* The form of the extended attribute: a version word, then entries of tag, perm and id. */
__noinline s32 acl_mode_of_xattr(u64 of, u64 bytes)
{
	const void *value = (void *)of;
	u32 entries = 0;
	u16 entry[2] = {};

#pragma clang loop unroll(disable)
	for (u32 i = 0; i < ACL_ENTRIES_READ && 4 + 8 * i + 8 <= bytes; i++) {
		bpf_probe_read_kernel(entry, sizeof(entry), value + 4 + 8 * i);
		entries = acl_add(entries, acl_entry(entry[0], entry[1]));
	}
	return acl_result(entries);
}
