/* SPDX-License-Identifier: BSD-2-Clause */
/* A folder of its own for a test program, and files in it. For tests: brings cmocka.h. */
#pragma once

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h> /* last: it makes a macro of fail() */

static char tmp_dir[] = "/tmp/hostiso-test-XXXXXX";

static inline int tmp_make(void **state)
{
	return mkdtemp(tmp_dir) ? 0 : -1;
}

static inline int tmp_remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	return remove(path);
}

static inline int tmp_remove(void **state)
{
	return nftw(tmp_dir, tmp_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* The path of `name` in the folder; valid until the next call but three. */
static inline const char *tmp_path(const char *name)
{
	static char paths[4][PATH_MAX];
	static int next;
	char *path = paths[next++ % 4];

	snprintf(path, PATH_MAX, "%s/%s", tmp_dir, name);
	return path;
}

/* Writes a file, with the folders above it. */
static inline const char *tmp_file(const char *name, const void *data, size_t size)
{
	const char *path = tmp_path(name);
	char dir[PATH_MAX];
	FILE *f;

	snprintf(dir, sizeof(dir), "%s", path);
	for (char *s = dir + strlen(tmp_dir) + 1; (s = strchr(s, '/')); *s++ = '/') {
		*s = 0;
		mkdir(dir, 0700);
	}
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
	return path;
}

static inline const char *tmp_text(const char *name, const char *text)
{
	return tmp_file(name, text, strlen(text));
}
