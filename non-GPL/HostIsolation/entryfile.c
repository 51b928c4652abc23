// SPDX-License-Identifier: BSD-2-Clause
/* Allowlist files: lines to entries. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/entryfile.h"
#include "HostIsolation/readfile.h"

#define FIRST_CAPACITY 64

void entry_vec_free(struct entry_vec *v)
{
	free(v->items);
	memset(v, 0, sizeof(*v));
}

int entry_vec_push(struct entry_vec *v, const struct entry *e)
{
	if (v->count == v->capacity) {
		size_t more = v->capacity ? v->capacity * 2 : FIRST_CAPACITY;
		struct entry *items = reallocarray(v->items, more, sizeof(*items));

		if (!items)
			return -ENOMEM;
		v->items = items;
		v->capacity = more;
	}
	v->items[v->count++] = *e;
	return 0;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* The line without its comment and the white space around the rest; its length. */
static size_t strip(const char **line, size_t n)
{
	const char *s = *line;

	if (n && s[n - 1] == '\r')
		n--;
	for (size_t i = 0; i < n; i++)
		if (s[i] == '#' && (i == 0 || is_space(s[i - 1])))
			n = i;
	while (n && is_space(s[n - 1]))
		n--;
	while (n && is_space(*s)) {
		s++;
		n--;
	}
	*line = s;
	return n;
}

static int parse_line(const char *line, size_t n, struct entry_vec *out, struct error *err)
{
	char text[ENTRY_LINE_MAX + 1];
	struct entry e;
	int ret;

	n = strip(&line, n);
	if (!n)
		return 0;
	if (n > ENTRY_LINE_MAX)
		return fail(err, -EINVAL, "no entry is longer than %d bytes: one a line",
			    ENTRY_LINE_MAX);
	memcpy(text, line, n);
	text[n] = 0;
	if (strpbrk(text, " \t"))
		return fail(err, -EINVAL, "\"%.100s\": one entry a line, comments begin with #",
			    text);
	ret = entry_parse(text, &e, err);
	if (ret < 0)
		return ret;
	if (out->count >= ENTRY_FILE_ENTRIES_MAX)
		return fail(err, -E2BIG, "more than %u entries", ENTRY_FILE_ENTRIES_MAX);
	ret = entry_vec_push(out, &e);
	return ret < 0 ? fail(err, ret, "out of memory") : 0;
}

static int check_text(const char *name, const char *data, size_t size, struct error *err)
{
	if (size >= 2 && (!memcmp(data, "\xff\xfe", 2) || !memcmp(data, "\xfe\xff", 2)))
		return fail(err, -EINVAL, "%.200s is UTF-16 text: save it as UTF-8 or ASCII", name);
	if (size && memchr(data, 0, size))
		return fail(err, -EINVAL,
			    "%.200s is a binary file: an allowlist is text, one entry a line",
			    name);
	return 0;
}

int entries_parse(const char *name, const char *data, size_t size, struct entry_vec *out,
		  struct error *err)
{
	size_t before = out->count, number = 0;
	const char *end = data + size;
	int ret = check_text(name, data, size, err);

	if (size >= 3 && !memcmp(data, "\xef\xbb\xbf", 3))
		data += 3;
	while (ret == 0 && data < end) {
		const char *eol = memchr(data, '\n', end - data);
		size_t n = (eol ? eol : end) - data;
		struct error why = {};

		number++;
		ret = parse_line(data, n, out, &why);
		if (ret < 0)
			fail(err, ret, "%.200s:%zu: %s", name, number, why.text);
		data = eol ? eol + 1 : end;
	}
	if (ret < 0)
		out->count = before;
	return ret;
}

int entries_read(const char *path, struct entry_vec *out, struct error *err)
{
	_cleanup_free_ char *data = NULL;
	size_t size;
	int ret = file_read(path, ENTRY_FILE_MAX, &data, &size, err);

	return ret < 0 ? ret : entries_parse(file_title(path), data, size, out, err);
}
