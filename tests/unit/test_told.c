// SPDX-License-Identifier: BSD-2-Clause
/* What watch says once, and when it tries again. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "HostIsolation/told.h"

static void test_a_line_is_news_once(void **state)
{
	struct told t = {};

	assert_false(told_knows(&t, "a"));
	assert_true(told_news(&t, "a"));
	assert_true(told_knows(&t, "a"));
	assert_false(told_news(&t, "a"));
	assert_true(told_news(&t, "b"));
	assert_true(told_news(&t, ""));
	assert_false(told_news(&t, "b"));
}

/* What came between mending and looking was not said: it must not count as known. */
static void test_a_line_that_was_not_said_is_news(void **state)
{
	const char *const now[] = {"b", "c"};
	struct told t = {};

	assert_true(told_news(&t, "a"));
	assert_true(told_news(&t, "b"));
	told_keep(&t, now, 2);
	assert_false(told_news(&t, "b"));
	assert_true(told_news(&t, "c"));
}

static void test_what_went_and_came_is_news(void **state)
{
	const char *const a[] = {"a", "a"};
	struct told t = {};

	assert_true(told_news(&t, "a"));
	told_keep(&t, a, 2);
	assert_int_equal(t.count, 1);
	assert_false(told_news(&t, "a"));
	told_keep(&t, NULL, 0);
	assert_true(told_news(&t, "a"));
	told_forget(&t);
	assert_true(told_news(&t, "a"));
}

static void test_more_than_there_is_room_for_is_not_said(void **state)
{
	struct told t = {};
	char line[16];

	for (int i = 0; i < TOLD_MAX; i++) {
		snprintf(line, sizeof(line), "%d", i);
		assert_true(told_news(&t, line));
	}
	assert_false(told_news(&t, "one more"));
	assert_int_equal(t.count, TOLD_MAX);
	told_keep(&t, NULL, 0);
	assert_true(told_news(&t, "one more"));
}

static void test_failures_are_said_once_too(void **state)
{
	struct told t = {};

	assert_true(told_error(&t, "no"));
	assert_false(told_error(&t, "no"));
	told_keep(&t, NULL, 0);
	assert_false(told_error(&t, "no"));
	assert_true(told_error(&t, "not that"));
	assert_false(told_error(&t, NULL));
	assert_true(told_error(&t, "not that"));
}

static void test_attempts_grow_apart(void **state)
{
	static const unsigned int waits[] = {2000, 4000, 8000, 10000, 10000};
	struct told t = {};
	__u64 now = 50000;

	assert_true(told_due(&t, now));
	for (int news = 0; news < 2; news++)
		for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
			told_tried(&t, !i, now, 2000, 10000);
			assert_false(told_due(&t, now + waits[i] - 1));
			now += waits[i];
			assert_true(told_due(&t, now));
		}
	for (int i = 0; i < 100; i++)
		told_tried(&t, false, now, 2000, 10000);
	assert_true(told_due(&t, now + 10000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_line_is_news_once),
		cmocka_unit_test(test_a_line_that_was_not_said_is_news),
		cmocka_unit_test(test_what_went_and_came_is_news),
		cmocka_unit_test(test_more_than_there_is_room_for_is_not_said),
		cmocka_unit_test(test_failures_are_said_once_too),
		cmocka_unit_test(test_attempts_grow_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
