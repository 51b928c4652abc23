// SPDX-License-Identifier: BSD-2-Clause
/* Allowlist files: what a line may be, and that a bad one changes nothing and is named. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <errno.h>
#include "HostIsolation/entryfile.h"
#include "rounds.h"
#include "tmpdir.h"

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

/* All entries of the text, with a space behind each; names as they are. */
static void assert_entries(const struct entry_vec *v, const char *want)
{
	char got[1024] = "", text[ENTRY_TEXT_MAX];

	for (size_t i = 0; i < v->count; i++) {
		entry_format(&v->items[i].key, text, sizeof(text));
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s ",
			 v->items[i].name[0] ? v->items[i].name : text);
	}
	assert_string_equal(got, want);
}

static void test_lines(void **state)
{
	static const struct {
		const char *text, *entries;
	} rows[] = {
		{"", ""},
		{"\n", ""},
		{"10.0.0.5", "10.0.0.5 "},
		{"10.0.0.5\n", "10.0.0.5 "},
		{"10.0.0.5\n10.0.0.6\n", "10.0.0.5 10.0.0.6 "},
		{"10.0.0.5\r\n\r\nin:10.0.0.6:22/tcp\r\n", "10.0.0.5 in:10.0.0.6:22/tcp "},
		{"\xef\xbb\xbf"
		 "10.0.0.5\n",
		 "10.0.0.5 "},
		{"\xef\xbb\xbf# comment\n10.0.0.5\n", "10.0.0.5 "},
		{"\xef\xbb\xbf", ""},
		{"# all\n  # comment\n\t#10.0.0.5\n#\n", ""},
		{"10.0.0.5 # the responder\n", "10.0.0.5 "},
		{"10.0.0.5\t#\n", "10.0.0.5 "},
		{"10.0.0.5 #a#b # c\r\n", "10.0.0.5 "},
		{"  \t 10.0.0.5 \t \n \t \n", "10.0.0.5 "},
		{"# Latin-1 \xe9 and escapes \x1b[31m do no harm in a comment\n::1", "::1 "},
		{"host.example:443 # a name\n::/0\n", "host.example ::/0 "},
		{"10.0.0.5\n10.0.0.5\n", "10.0.0.5 10.0.0.5 "},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct entry_vec v = {};
		struct error err = {};

		if (entries_parse("FILE", rows[i].text, strlen(rows[i].text), &v, &err))
			fail_msg("row %zu: %s", i, err.text);
		assert_entries(&v, rows[i].entries);
		entry_vec_free(&v);
		assert_null(v.items);
	}
}

static void test_errors_name_the_line(void **state)
{
	static const struct {
		const char *text, *begins, *has;
	} rows[] = {
		{"10.0.0.5/33", "FILE:1: \"10.0.0.5/33\": ", "0 to 32"},
		{"10.0.0.5\n10.0.0.5:65536\n", "FILE:2: \"10.0.0.5:65536\": ", "1 to 65535"},
		{"# a\r\n\r\n10.0.0.5\r\n10.0.0.256\r\n", "FILE:4: \"10.0.0.256\": ", "IPv4"},
		{"\n\n\n10.0.0.5 10.0.0.6\n", "FILE:4: ", "one entry a line"},
		{"10.0.0.5\t10.0.0.6 # two\n", "FILE:1: ", "one entry a line"},
		{"10.0.0.5#no white space\n", "FILE:1: ", "one entry a line"},
		{"10.0.0.5#tight\n", "FILE:1: ", "neither an address"},
		{"10.0.0.5\r10.0.0.6\r", "FILE:1: ", "\\x0d"}, /* an old Mac's lines */
		{"a\n\x1b[2J\nb\n", "FILE:2: \"\\x1b[2J\": ", ""},
		{"10.0.0.5\n\xe9\n", "FILE:2: \"\\xe9\": ", ""},
		{"10.0.0.1\n\xef\xbb\xbf"
		 "10.0.0.5\n",
		 "FILE:2: ", "\\xef\\xbb\\xbf"},
		{"; not ours\n", "FILE:1: ", "one entry a line"},
		{"allow 10.0.0.5\n", "FILE:1: ", "one entry a line"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct entry_vec v = {};
		struct error err = {};

		assert_int_equal(
			entries_parse("FILE", rows[i].text, strlen(rows[i].text), &v, &err),
			-EINVAL);
		if (strncmp(err.text, rows[i].begins, strlen(rows[i].begins)) ||
		    !strstr(err.text, rows[i].has))
			fail_msg("row %zu: %s", i, err.text);
		assert_null(strpbrk(err.text, "\n\r\x1b"));
		assert_int_equal(v.count, 0);
		assert_int_equal(
			entries_parse("FILE", rows[i].text, strlen(rows[i].text), &v, NULL),
			-EINVAL);
		entry_vec_free(&v);
	}
}

static void test_all_or_nothing(void **state)
{
	static const char good[] = "10.0.0.1\n10.0.0.2\n", bad[] = "10.0.0.3\n10.0.0.4\nx y\n";
	struct entry_vec v = {};

	assert_int_equal(entries_parse("a", good, strlen(good), &v, NULL), 0);
	assert_int_equal(entries_parse("b", bad, strlen(bad), &v, NULL), -EINVAL);
	assert_entries(&v, "10.0.0.1 10.0.0.2 ");
	assert_int_equal(entries_parse("c", good, strlen(good), &v, NULL), 0);
	assert_entries(&v, "10.0.0.1 10.0.0.2 10.0.0.1 10.0.0.2 ");
	entry_vec_free(&v);
}

static void test_binary(void **state)
{
	static const struct {
		const char *data;
		size_t size;
		const char *has;
	} rows[] = {
		{"\x7f"
		 "ELF\2\1\1\0\0",
		 9, "FILE is a binary file"},
		{"10.0.0.5\n10.0.0.6\0\n", 19, "FILE is a binary file"},
		{"bad line\n\0", 10, "FILE is a binary file"}, /* that first, not line 1 */
		{"\0", 1, "FILE is a binary file"},
		{"\xff\xfe"
		 "1\0.\0",
		 6, "UTF-16"},
		{"\xfe\xff\0"
		 "1\0.",
		 6, "UTF-16"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct entry_vec v = {};
		struct error err = {};

		assert_int_equal(entries_parse("FILE", rows[i].data, rows[i].size, &v, &err),
				 -EINVAL);
		assert_non_null(strstr(err.text, rows[i].has));
		assert_int_equal(v.count, 0);
	}
}

static void test_long_lines(void **state)
{
	struct entry_vec v = {};
	struct error err = {};
	char text[4096];

	/* a comment may be long, and so may white space */
	snprintf(text, sizeof(text), "%1000s10.0.0.5%1000s#%01000d\n", "", "", 0);
	assert_int_equal(entries_parse("FILE", text, strlen(text), &v, &err), 0);
	assert_entries(&v, "10.0.0.5 ");
	snprintf(text, sizeof(text), "10.0.0.6\n%0*d\n", ENTRY_LINE_MAX, 0);
	assert_int_equal(entries_parse("FILE", text, strlen(text), &v, &err), -EINVAL);
	assert_non_null(strstr(err.text, "FILE:2: \"000")); /* what it is, is not said by length */
	snprintf(text, sizeof(text), "10.0.0.6\n%0*d\n", ENTRY_LINE_MAX + 1, 0);
	assert_int_equal(entries_parse("FILE", text, strlen(text), &v, &err), -EINVAL);
	assert_non_null(strstr(err.text, "FILE:2: no entry is longer than 512 bytes"));
	assert_entries(&v, "10.0.0.5 ");
	entry_vec_free(&v);
}

static void test_too_many(void **state)
{
	size_t size = 3 * ((size_t)ENTRY_FILE_ENTRIES_MAX + 1);
	struct entry_vec v = {};
	struct error err = {};
	char *text = malloc(size);

	assert_non_null(text);
	for (size_t i = 0; i < size; i += 3)
		memcpy(text + i, "::\n", 3);
	assert_int_equal(entries_parse("FILE", text, size, &v, &err), -E2BIG);
	assert_string_equal(err.text, "FILE:1048577: more than 1048576 entries");
	assert_int_equal(v.count, 0);
	entry_vec_free(&v);
	free(text);
}

static void test_no_newline_read_over(void **state)
{
	/* the buffer ends where it ends: an address sanitizer sees a byte too far */
	char *text = malloc(8);
	struct entry_vec v = {};

	assert_non_null(text);
	memcpy(text, "10.0.0.5", 8);
	assert_int_equal(entries_parse("FILE", text, 8, &v, NULL), 0);
	assert_entries(&v, "10.0.0.5 ");
	assert_int_equal(entries_parse("FILE", text, 7, &v, NULL), -EINVAL); /* "10.0.0." */
	assert_int_equal(entries_parse("FILE", text, 0, &v, NULL), 0);
	entry_vec_free(&v);
	free(text);
}

static void test_read(void **state)
{
	struct entry_vec v = {};
	struct error err = {};
	const char *path = tmp_text("list", "# ours\n10.0.0.5\nhost.example\n");
	char begins[PATH_MAX + 8];

	assert_int_equal(entries_read(path, &v, &err), 0);
	assert_entries(&v, "10.0.0.5 host.example ");
	path = tmp_text("bad", "10.0.0.5\nx y\n");
	assert_int_equal(entries_read(path, &v, &err), -EINVAL);
	snprintf(begins, sizeof(begins), "%s:2: ", path);
	assert_ptr_equal(strstr(err.text, begins), err.text);
	assert_int_equal(entries_read("", &v, &err), -EINVAL);
	assert_non_null(strstr(err.text, "empty file name"));
	assert_int_equal(entries_read(tmp_path("absent"), &v, &err), -ENOENT);
	assert_entries(&v, "10.0.0.5 host.example ");
	entry_vec_free(&v);
}

static void test_hundred_thousand(void **state)
{
	struct entry_vec v = {};
	FILE *f = fopen(tmp_path("many"), "w");

	assert_non_null(f);
	for (int i = 0; i < rounds(100000); i++)
		fprintf(f, "10.%d.%d.%d\n[2001:db8::%x:%x]:443/tcp\n", i >> 16, i >> 8 & 255,
			i & 255, i >> 8, i & 255);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(entries_read(tmp_path("many"), &v, NULL), 0);
	assert_int_equal(v.count, 2 * rounds(100000));
	entry_vec_free(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_errors_name_the_line),
		cmocka_unit_test(test_all_or_nothing),
		cmocka_unit_test(test_binary),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_no_newline_read_over),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_hundred_thousand),
	};

	return cmocka_run_group_tests(tests, tmp_make, tmp_remove);
}
