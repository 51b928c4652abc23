// SPDX-License-Identifier: BSD-2-Clause
/* Durations: text to nanoseconds and back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <errno.h>
#include <string.h>
#include "HostIsolation/duration.h"
#include "random.h"
#include <cmocka.h>

#define S 1000000000ULL
#define UNTOUCHED 0x1234567890abcdefULL

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} rows[] = {
		{"1", S},
		{"90", 90 * S},
		{"90s", 90 * S},
		{"090s", 90 * S},
		{"15m", 900 * S},
		{"4h", 14400 * S},
		{"2d", 172800 * S},
		{"1h30m", 5400 * S},
		{"1d2h3m4s", 93784 * S},
		{"1d4s", 86404 * S},
		{"1h90m", 9000 * S},
		{"0d5m", 300 * S},
		{"3650d", DURATION_MAX_NS},
		{"315360000", DURATION_MAX_NS},
		{"3649d23h59m60s", DURATION_MAX_NS},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = {};
		uint64_t ns = 0;

		if (duration_parse(rows[i].text, &ns, &err))
			fail_msg("%s: %s", rows[i].text, err.text);
		assert_int_equal(ns, rows[i].ns);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"", "is not a duration"},
		{"0", "no time at all"},
		{"0s", "no time at all"},
		{"0h0m", "no time at all"},
		{"-1", "is not a duration"},
		{"+1", "is not a duration"},
		{" 1", "is not a duration"},
		{"1 ", "is not a duration"},
		{"1.5h", "is not a duration"},
		{"1h 2m", "is not a duration"},
		{"1m1h", "is not a duration"},
		{"1h1h", "is not a duration"},
		{"1h30", "is not a duration"},
		{"h", "is not a duration"},
		{"1w", "is not a duration"},
		{"1H", "is not a duration"},
		{"1ms", "is not a duration"},
		{"1hm", "is not a duration"},
		{"1s1", "is not a duration"},
		{"0x10", "is not a duration"},
		{"forever", "is not a duration"},
		{"1h\n", "is not a duration"},
		{"3651d", "longer than ten years"},
		{"3650d1s", "longer than ten years"},
		{"315360001", "longer than ten years"},
		{"18446744073709551616", "longer than ten years"},  /* 2^64 */
		{"18446744073709551617s", "longer than ten years"}, /* 2^64 + 1 */
		{"213503982334602d", "longer than ten years"},	    /* 2^64 s in days */
		{"99999999999999999999999999999999999999d", "longer than ten years"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = {};
		uint64_t ns = UNTOUCHED;

		assert_int_equal(duration_parse(rows[i].text, &ns, &err), -EINVAL);
		if (!strstr(err.text, rows[i].why))
			fail_msg("\"%s\": %s", rows[i].text, err.text);
		assert_true(ns == UNTOUCHED);
		assert_int_equal(duration_parse(rows[i].text, &ns, NULL), -EINVAL);
	}
}

static void test_format(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} rows[] = {
		{0, "0s"},
		{1, "<1s"},
		{S - 1, "<1s"},
		{S, "1s"},
		{45 * S, "45s"},
		{60 * S, "1m"},
		{90 * S, "1m30s"},
		{3599 * S + S - 1, "59m59s"},
		{3600 * S, "1h"},
		{3601 * S, "1h"},
		{5400 * S, "1h30m"},
		{86399 * S, "23h59m"},
		{86400 * S, "1d"},
		{86400 * S + 60 * S, "1d"},
		{93784 * S, "1d2h"},
		{DURATION_MAX_NS, "3650d"},
		{UINT64_MAX, "213503d23h"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[DURATION_TEXT_MAX];

		duration_format(rows[i].ns, text, sizeof(text));
		assert_string_equal(text, rows[i].text);
	}
}

/* What is printed is read again, as less than it was by less than the smaller unit, and once read
 * it is printed the same. */
static void test_round_trip(void **state)
{
	for (int i = 0; i < 100000; i++) {
		uint64_t ns = S + random_next() % (DURATION_MAX_NS >> random_below(30));
		char text[DURATION_TEXT_MAX], again[DURATION_TEXT_MAX];
		uint64_t back;

		if (ns > DURATION_MAX_NS)
			continue;
		duration_format(ns, text, sizeof(text));
		assert_int_equal(duration_parse(text, &back, NULL), 0);
		assert_true(back <= ns);
		assert_true(ns - back < (ns >= 86400 * S ? 3600 * S : ns >= 3600 * S ? 60 * S : S));
		duration_format(back, again, sizeof(again));
		assert_string_equal(text, again);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
