/* SPDX-License-Identifier: BSD-2-Clause */
/* The JSON writer: numbers, escapes, and bytes that are no text. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "Events/json.h"

static char buffer[1 << 16];

static struct json begin(void)
{
	return (struct json){buffer, buffer + sizeof(buffer), buffer};
}

static const char *end(struct json *j)
{
	*j->p = 0;
	return buffer;
}

static void numbers(void **state)
{
	static const uint64_t edges[] = {0, 9, 10, 99, 100, 101, 12345, UINT32_MAX, UINT64_MAX};
	struct json j;
	char want[32];

	for (size_t i = 0; i < sizeof(edges) / sizeof(*edges); i++) {
		snprintf(want, sizeof(want), "%llu", (unsigned long long)edges[i]);
		j = begin();
		json_u64(&j, edges[i]);
		assert_string_equal(end(&j), want);
		snprintf(want, sizeof(want), "%lld", (long long)edges[i]);
		j = begin();
		json_i64(&j, (int64_t)edges[i]);
		assert_string_equal(end(&j), want);
	}
	j = begin();
	json_i64(&j, INT64_MIN);
	assert_string_equal(end(&j), "-9223372036854775808");
	j = begin();
	json_octal(&j, 0100644);
	assert_string_equal(end(&j), "100644");
	j = begin();
	json_octal(&j, 0);
	assert_string_equal(end(&j), "0");
}

static void dates(void **state)
{
	char want[64];
	struct json j;

	srand(1);
	for (int i = 0; i < 200000; i++) {
		uint64_t ns = i < 4 ? (uint64_t[]){0, UINT64_MAX, 951868799999999999,
						   951868800000000000}[i]
				    : ((uint64_t)rand() << 33 | (uint64_t)rand() << 4);
		time_t second = ns / 1000000000;
		struct tm tm;
		size_t n;

		gmtime_r(&second, &tm);
		n = strftime(want, sizeof(want), "\"%Y-%m-%dT%H:%M:%S", &tm);
		snprintf(want + n, sizeof(want) - n, ".%09uZ\"", (unsigned int)(ns % 1000000000));
		j = begin();
		json_date(&j, ns);
		assert_string_equal(end(&j), want);
	}
}

static void strings(void **state)
{
	static const struct {
		const char *in, *out;
		int bad;
	} rows[] = {
		{"", "\"\"", 0},
		{"plain /path", "\"plain /path\"", 0},
		{"a\"b\\c", "\"a\\\"b\\\\c\"", 0},
		{"\n\r\t\x01\x1b\x7f", "\"\\n\\r\\t\\u0001\\u001b\\u007f\"", 0},
		{"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\xa7", NULL, 0},
		{"\xc2\x9b", "\"\\u009b\"", 0},			 /* CSI in one character */
		{"\xff", "\"\xef\xbf\xbd\"", 1},		 /* never UTF-8 */
		{"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"", 1}, /* overlong / */
		{"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", 1}, /* surrogate */
		{"\xf4\x90\x80\x80", NULL, 1},					 /* past U+10FFFF */
		{"x\xe2\x82", "\"x\xef\xbf\xbd\xef\xbf\xbd\"", 1},		 /* cut short */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct json j = begin();
		struct json_object *parsed;

		assert_int_equal(json_string(&j, rows[i].in, strlen(rows[i].in)), rows[i].bad);
		end(&j);
		if (rows[i].out)
			assert_string_equal(buffer, rows[i].out);
		parsed = json_tokener_parse(buffer);
		assert_non_null(parsed);
		if (!rows[i].bad)
			assert_string_equal(json_object_get_string(parsed), rows[i].in);
		json_object_put(parsed);
	}
}

static void nul_inside(void **state)
{
	struct json j = begin();

	assert_int_equal(json_string(&j, "a\0b", 3), 0);
	assert_string_equal(end(&j), "\"a\\u0000b\"");
}

/* Whatever the bytes: what is written parses, and stays inside the promised room. */
static void any_bytes(void **state)
{
	srand(1);
	for (int round = 0; round < 20000; round++) {
		struct json j = begin();
		char in[64];
		size_t n = rand() % sizeof(in);
		struct json_object *parsed;

		for (size_t i = 0; i < n; i++)
			in[i] = rand();
		json_string(&j, in, n);
		assert_true((size_t)(j.p - j.start) <= JSON_STRING_ROOM(n));
		parsed = json_tokener_parse(end(&j));
		assert_non_null(parsed);
		json_object_put(parsed);
	}
}

static void base64(void **state)
{
	/* RFC 4648, section 10 */
	static const char *const rows[][2] = {{"", "\"\""},
					      {"f", "\"Zg==\""},
					      {"fo", "\"Zm8=\""},
					      {"foo", "\"Zm9v\""},
					      {"foob", "\"Zm9vYg==\""},
					      {"fooba", "\"Zm9vYmE=\""},
					      {"foobar", "\"Zm9vYmFy\""}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct json j = begin();

		json_base64(&j, rows[i][0], strlen(rows[i][0]));
		assert_string_equal(end(&j), rows[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),   cmocka_unit_test(dates),
		cmocka_unit_test(strings),   cmocka_unit_test(nul_inside),
		cmocka_unit_test(any_bytes), cmocka_unit_test(base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
