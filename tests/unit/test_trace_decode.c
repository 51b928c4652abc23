/* SPDX-License-Identifier: BSD-2-Clause */
/* Records that are damaged are refused; paths are put together as the process names them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "Events/decode.h"

static union {
	struct event_hdr hdr;
	struct event_file file;
	char bytes[RECORD_MAX + 64];
} rec;

static void begin(void)
{
	memset(&rec, 0, sizeof(rec));
	rec.hdr.type = EVENT_FILE_CREATE;
	rec.hdr.source = HOOK_open_tp;
	rec.hdr.size = sizeof(rec.file);
}

static void add(struct event_part *part, const char *bytes, size_t n, int flags)
{
	part->off = rec.hdr.size;
	part->len = n;
	part->flags = flags;
	memcpy(rec.bytes + rec.hdr.size, bytes, n);
	rec.hdr.size += n;
}

static int check(struct record *r)
{
	return record_check(&rec, rec.hdr.size, r);
}

static void damaged(void **state)
{
	struct record r;

	begin();
	assert_int_equal(check(&r), 0);
	assert_int_equal(record_check(&rec, sizeof(rec.hdr) - 1, &r), -EBADMSG);
	assert_int_equal(record_check(&rec, rec.hdr.size - 1, &r), -EBADMSG);
	rec.hdr.type = EVENT_COUNT;
	assert_int_equal(check(&r), -EBADMSG);
	begin();
	rec.hdr.source = HOOK_COUNT;
	assert_int_equal(check(&r), -EBADMSG);
	rec.hdr.source = HOOK_NONE;
	assert_int_equal(check(&r), -EBADMSG);
	begin();
	rec.hdr.size = sizeof(rec.file) - 1; /* shorter than its own type */
	assert_int_equal(record_check(&rec, sizeof(rec), &r), -EBADMSG);
	begin();
	rec.hdr.size = RECORD_MAX + 1;
	assert_int_equal(record_check(&rec, sizeof(rec), &r), -EBADMSG);
}

static void parts_outside(void **state)
{
	struct event_part *parts[] = {&rec.hdr.cgroup,	  &rec.file.path,     &rec.file.base,
				      &rec.file.old_path, &rec.file.old_base, &rec.file.symlink};
	struct record r;

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		begin();
		parts[i]->off = rec.hdr.size;
		assert_int_equal(check(&r), 0); /* empty, at the end */
		parts[i]->len = 1;
		assert_int_equal(check(&r), -EBADMSG);
		parts[i]->off = UINT32_MAX; /* and the sum must not wrap */
		assert_int_equal(check(&r), -EBADMSG);
		parts[i]->off = 0;
		parts[i]->len = rec.hdr.size;
		assert_int_equal(check(&r), 0);
	}
}

static void assert_path(const char *want)
{
	static char buf[PATH_BUF];
	struct record r;
	struct text t;

	assert_int_equal(check(&r), 0);
	t = record_path(&r, &rec.file.path, &rec.file.base, buf);
	assert_int_equal(t.n, strlen(want));
	assert_memory_equal(t.s, want, t.n);
}

static void walked(void **state)
{
	begin();
	add(&rec.file.path, "c\0bb\0a", 7, 0);
	assert_path("/a/bb/c");
	begin();
	add(&rec.file.path, "", 0, 0);
	assert_path("/");
	begin();
	add(&rec.file.path, "memfd:x", 8, PART_PSEUDO);
	assert_path("/memfd:x");
}

static void written(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"/etc/passwd", "/etc/passwd"},
		{"/a//b/./c/../d", "/a/b/d"},
		{"/../..", "/"},
		{"x", "/tmp/dir/x"},
		{"./x", "/tmp/dir/x"},
		{"../x", "/tmp/x"},
		{"../../../x", "/x"},
		{"", "/tmp/dir"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		begin();
		add(&rec.file.path, rows[i].text, strlen(rows[i].text) + 1, PART_TEXT);
		add(&rec.file.base, "dir\0tmp", 8, 0);
		assert_path(rows[i].want);
	}
}

static void longest(void **state)
{
	static char names[16384];
	static char buf[PATH_BUF];
	struct record r;
	struct text t;

	for (size_t i = 0; i < sizeof(names); i += 2)
		memcpy(names + i, "n", 2);
	begin();
	add(&rec.file.path, names, sizeof(names), 0);
	assert_int_equal(check(&r), 0);
	t = record_path(&r, &rec.file.path, NULL, buf);
	assert_int_equal(t.n, sizeof(names));
	assert_memory_equal(t.s, "/n/n", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damaged), cmocka_unit_test(parts_outside),
		cmocka_unit_test(walked),  cmocka_unit_test(written),
		cmocka_unit_test(longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
