// SPDX-License-Identifier: BSD-2-Clause
/* mountinfo's paths, which anybody who may mount can choose. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include "Kill/killmounts.h"

static void unescapes(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"/mnt", "/mnt"},
		{"/a\\040b", "/a b"},
		{"/a\\011\\012\\134", "/a\t\n\\"},
		{"\\134040", "\\040"}, /* once, not twice */
		{"/a\\", "/a\\"},
		{"/a\\04", "/a\\04"},
		{"/a\\089", "/a\\089"},
		{"", ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[32];

		strcpy(text, rows[i].text);
		kill_mount_unescape(text);
		assert_string_equal(text, rows[i].want);
	}
}

static int first(const struct inode_key *root, void *arg)
{
	*(struct inode_key *)arg = *root;
	return 1;
}

static void below_root(void **state)
{
	struct inode_key root = {};

	assert_int_equal(kill_mounts_below("/proc/self/fd", first, &root), 0);
	assert_int_equal(kill_mounts_below("/none/there", first, &root), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unescapes),
		cmocka_unit_test(below_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
