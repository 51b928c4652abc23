/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the SSH guard say of addresses. Last of the headers, since cmocka.h is. */
#pragma once

#include <arpa/inet.h>
#include <linux/types.h>
#include <cmocka.h>

static inline void assert_address(const __u8 got[16], const char *want)
{
	__u8 bytes[16] = {};

	if (inet_pton(AF_INET, want, bytes) != 1)
		assert_int_equal(inet_pton(AF_INET6, want, bytes), 1);
	assert_memory_equal(got, bytes, 16);
}
