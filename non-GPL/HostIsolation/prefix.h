/* SPDX-License-Identifier: BSD-2-Clause */
/* Arithmetic on address prefixes in layout.h's form: 16 bytes, network order. Pure. */
#pragma once

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/types.h>

#define PREFIX_MAX4 32
#define PREFIX_MAX6 128

static inline unsigned int prefix_max(int family)
{
	return family == AF_INET ? PREFIX_MAX4 : PREFIX_MAX6;
}

/* The bits of the byte in which a prefix ends that still belong to it. */
static inline __u8 prefix_last_mask(unsigned int len)
{
	return 0xff << (8 - len % 8);
}

/* Clears what lies behind the first `len` (0..128) bits. */
static inline void prefix_mask(__u8 addr[16], unsigned int len)
{
	unsigned int whole = len / 8;

	if (whole == 16)
		return;
	addr[whole] &= prefix_last_mask(len);
	memset(addr + whole + 1, 0, 16 - whole - 1);
}

/* Do the first `len` (0..128) bits agree? */
static inline bool prefix_equal(const __u8 a[16], const __u8 b[16], unsigned int len)
{
	unsigned int whole = len / 8;

	if (memcmp(a, b, whole))
		return false;
	return len % 8 == 0 || !((a[whole] ^ b[whole]) & prefix_last_mask(len));
}

static inline bool prefix_is_masked(const __u8 addr[16], unsigned int len)
{
	__u8 masked[16];

	memcpy(masked, addr, 16);
	prefix_mask(masked, len);
	return !memcmp(masked, addr, 16);
}
