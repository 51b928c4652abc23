// SPDX-License-Identifier: BSD-2-Clause
/* The line that says why: what a terminal may see of hostile text, and where it is cut. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "HostIsolation/error.h"
#include <cmocka.h> /* last: it makes a macro of fail(), hence (fail) below */

static const struct {
	const char *text, *escaped;
} escapes[] = {
	{"", ""},
	{"plain ~ \\x text", "plain ~ \\x text"},
	{"\x1b[31mred", "\\x1b[31mred"},
	{"a\nb\r\tc\x7f", "a\\x0ab\\x0d\\x09c\\x7f"},
	{"Zo\xc3\xab \xe2\x82\xac \xf0\x9f\x99\x82", "Zo\xc3\xab \xe2\x82\xac \xf0\x9f\x99\x82"},
	{"\xc2\x9b"
	 "2J",
	 "\\xc2\\x9b2J"}, /* C1: CSI */
	{"\x9b"
	 "2J",
	 "\\x9b2J"},					     /* the same in eight bits */
	{"a\xe2\x80\xaegpj.exe", "a\\xe2\\x80\\xaegpj.exe"}, /* right-to-left override */
	{"\xe2\x81\xa6|\xe2\x80\x8b", "\\xe2\\x81\\xa6|\\xe2\\x80\\x8b"},
	{"\xc0\xaf", "\\xc0\\xaf"},	     /* overlong */
	{"\xe0\x80\xaf", "\\xe0\\x80\\xaf"}, /* overlong */
	{"\xed\xa0\x80", "\\xed\\xa0\\x80"}, /* surrogate */
	{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
	{"\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80"},
	{"\xc3", "\\xc3"}, /* ends early */
	{"\xe2\x82", "\\xe2\\x82"},
	{"\xff\xfe", "\\xff\\xfe"},
};

static void test_escape(void **state)
{
	char out[64];

	for (size_t i = 0; i < sizeof(escapes) / sizeof(*escapes); i++) {
		text_escape(escapes[i].text, out, sizeof(out));
		assert_string_equal(out, escapes[i].escaped);
	}
}

static void test_escape_is_stable(void **state)
{
	char once[64], twice[64];

	for (size_t i = 0; i < sizeof(escapes) / sizeof(*escapes); i++) {
		text_escape(escapes[i].text, once, sizeof(once));
		text_escape(once, twice, sizeof(twice));
		assert_string_equal(once, twice);
	}
}

static void test_escape_cuts_between_characters(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		const char *cut;
	} rows[] = {
		{"abcdefgh", 9, "abcdefgh"},
		{"abcdefgh", 8, "abcd..."},
		{"abcdefgh", 4, "..."},
		{"abcdefgh", 3, ".."},
		{"abcdefgh", 1, ""},
		{"ab\xe2\x82\xac\xe2\x82\xac", 9, "ab\xe2\x82\xac\xe2\x82\xac"},
		{"ab\xe2\x82\xac\xe2\x82\xac", 8, "ab..."},
		{"a\x1b\x1b", 9, "a\\x1b..."},
		{"a\x1b\x1b", 8, "a..."},
		{"a\x1b\x1b", 10, "a\\x1b\\x1b"},
	};
	char out[16];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		memset(out, 'X', sizeof(out));
		text_escape(rows[i].text, out, rows[i].size);
		assert_string_equal(out, rows[i].cut);
		assert_int_equal(out[rows[i].size], 'X'); /* nothing behind the buffer */
	}
}

static void test_fail_formats_and_returns(void **state)
{
	struct error err = {"before"};

	errno = EBUSY;
	assert_int_equal((fail)(&err, -EINVAL, "%s is %d", "it", 7), -EINVAL);
	assert_int_equal(errno, EBUSY);
	assert_string_equal(err.text, "it is 7");
	/* not to be printed in this locale: EILSEQ inside, no text, and errno as before */
	assert_int_equal((fail)(&err, -EINVAL, "%ls", L"\x1234"), -EINVAL);
	assert_int_equal(errno, EBUSY);
	assert_string_equal(err.text, "");
	assert_int_equal((fail)(NULL, -ENOENT, "%s", "nobody listens"), -ENOENT);
}

static void test_fail_escapes(void **state)
{
	struct error err;

	(fail)(&err, -1, "cannot read %s", "a\n\x1b]0;b\a");
	assert_string_equal(err.text, "cannot read a\\x0a\\x1b]0;b\\x07");
}

static void test_fail_with_its_own_text(void **state)
{
	struct error err = {"why"};

	(fail)(&err, -1, "FILE:%d: %s", 12, err.text);
	assert_string_equal(err.text, "FILE:12: why");
}

static void test_fail_cuts(void **state)
{
	char big[5000];
	struct error err;

	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	(fail)(&err, -1, "%s", big);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_string_equal(err.text + sizeof(err.text) - 5, "a...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_escape_is_stable),
		cmocka_unit_test(test_escape_cuts_between_characters),
		cmocka_unit_test(test_fail_formats_and_returns),
		cmocka_unit_test(test_fail_escapes),
		cmocka_unit_test(test_fail_with_its_own_text),
		cmocka_unit_test(test_fail_cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
