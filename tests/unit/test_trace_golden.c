/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every event in every format, against the lines of tests/golden/FORMAT.jsonl, which
 * `make golden` writes anew: what changes there is what a reader of the tracer's output will see.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "../lib/golden.h"
#include "../lib/samples.h"

static char line[JSON_LINE_ROOM + 1];

static const char *write_line(size_t i, const struct line_format *format, __u64 seq)
{
	struct json j = {line, line + JSON_LINE_ROOM, line};
	struct line_context ctx;

	sample_context(&ctx);
	ctx.seq = seq;
	sample_line(&j, i, format, &ctx);
	*j.p = 0;
	return line;
}

static void compare(const struct line_format *format)
{
	char want[1 << 17], name[64];
	FILE *file;

	snprintf(name, sizeof(name), "%s.jsonl", format->name);
	file = golden_open(name, "r");
	assert_non_null(file);
	for (size_t i = 0; i < sample_count; i++) {
		if (!fgets(want, sizeof(want), file))
			fail_msg("tests/golden/%s ends before %s: make golden", name,
				 samples[i].name);
		if (strcmp(write_line(i, format, i), want))
			fail_msg("%s, %s:\n is   %s want %s", name, samples[i].name, line, want);
	}
	assert_null(fgets(want, sizeof(want), file));
	fclose(file);
}

static void lines_are_as_they_were(void **state)
{
	for (const struct line_format *f = line_formats; f->name; f++)
		compare(f);
}

static void every_event_has_one(void **state)
{
	int seen[EVENT_COUNT] = {0}, lost = 0;

	for (size_t i = 0; i < sample_count; i++) {
		samples[i].build();
		if (samples[i].kind == SAMPLE_EVENT)
			seen[sample_record.hdr.type]++;
		else if (samples[i].kind == SAMPLE_DROP)
			seen[EVENT_NETWORK_DROPPED]++;
		else
			lost++;
	}
	for (int e = 0; e < EVENT_COUNT; e++) {
		if (!seen[e])
			fail_msg("no sample of %s", event_names[e]);
	}
	assert_int_equal(lost, 1);
}

/* One byte less, and it is none. */
static void cut_records_are_refused(void **state)
{
	struct record r;

	for (size_t i = 0; i < sample_count; i++) {
		samples[i].build();
		if (samples[i].kind != SAMPLE_EVENT)
			continue;
		assert_int_equal(record_check(&sample_record, sample_record.hdr.size, &r), 0);
		for (size_t n = 0; n < sample_record.hdr.size; n++)
			assert_int_equal(record_check(&sample_record, n, &r), -EBADMSG);
		sample_record.hdr.size = sizeof(struct event_hdr);
		assert_int_equal(record_check(&sample_record, RECORD_MAX, &r), -EBADMSG);
	}
}

/* Parts that share their bytes would make lines without end. */
static void shared_bytes_are_refused(void **state)
{
	struct record r;

	samples[0].build();
	sample_record.hdr.size = 60000;
	sample_record.file.path = (struct event_part){0, 30000, 0};
	assert_int_equal(record_check(&sample_record, 60000, &r), 0);
	sample_record.file.symlink = sample_record.file.xattr = sample_record.file.path;
	assert_int_equal(record_check(&sample_record, 60000, &r), -EBADMSG);
}

static void begin_as(const char *name)
{
	for (size_t i = 0; i < sample_count; i++) {
		if (!strcmp(samples[i].name, name))
			samples[i].build();
	}
}

static void fill(char byte)
{
	struct event_exec *e = &sample_record.exec;
	__u32 at = sizeof(*e);

	memset(sample_record.bytes + at, byte, sizeof(sample_record) - at);
	sample_record.hdr.size = RECORD_MAX;
	e->argv = (struct event_part){at, 40000, PART_TEXT};
	e->env = (struct event_part){at + 40000, 20000, PART_TEXT};
	e->cwd = (struct event_part){at + 60000, 10000, 0};
	e->filename = (struct event_part){at + 70000, 10000, PART_TEXT};
}

/* The worst that a record can hold stays inside the room. */
static void the_room_is_enough(void **state)
{
	static const char bytes[] = {0, 1, 'x', '/', '"', (char)0xff, (char)0xc2};

	for (const struct line_format *f = line_formats; f->name; f++) {
		for (size_t i = 0; i < sizeof(bytes); i++) {
			struct json j = {line, line + JSON_LINE_ROOM, line};
			struct json_object *parsed;
			struct line_context ctx;
			struct record r;

			sample_context(&ctx);
			begin_as("exec_event");
			fill(bytes[i]);
			assert_int_equal(record_check(&sample_record, RECORD_MAX, &r), 0);
			f->event(&j, &r, &ctx);
			assert_true(j.p < j.end && j.p[-1] == '\n');
			j.p[-1] = 0;
			parsed = json_tokener_parse(line);
			assert_non_null(parsed);
			json_object_put(parsed);
		}
	}
}

/* What the fuzzer begins with: the records themselves, but for the longest. */
static int write_corpus(void)
{
	for (size_t i = 0; i < sample_count; i++) {
		bool drop = samples[i].kind == SAMPLE_DROP;
		char name[96];
		size_t size;
		FILE *file;

		samples[i].build();
		size = drop ? sizeof(sample_drop.record) : sample_record.hdr.size;
		if (samples[i].kind == SAMPLE_LOST || size > 4096)
			continue;
		snprintf(name, sizeof(name), "../fuzz/corpus/events/%s", samples[i].name);
		file = golden_open(name, "w");
		if (!file)
			return perror(name), 1;
		fwrite(drop ? (void *)&sample_drop : (void *)&sample_record, 1, size, file);
		if (fclose(file))
			return perror(name), 1;
	}
	return 0;
}

static int write_golden(void)
{
	for (const struct line_format *f = line_formats; f->name; f++) {
		char name[64];
		FILE *file;

		snprintf(name, sizeof(name), "%s.jsonl", f->name);
		file = golden_open(name, "w");
		if (!file)
			return perror(name), 1;
		for (size_t i = 0; i < sample_count; i++)
			fputs(write_line(i, f, i), file);
		if (fclose(file))
			return perror(name), 1;
	}
	return write_corpus();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_as_they_were),
		cmocka_unit_test(every_event_has_one),
		cmocka_unit_test(cut_records_are_refused),
		cmocka_unit_test(shared_bytes_are_refused),
		cmocka_unit_test(the_room_is_enough),
	};

	if (argc == 2 && !strcmp(argv[1], "--write"))
		return write_golden();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
