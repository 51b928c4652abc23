/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every field of every event in --format ecs: its name is published (tests/golden/ecs-fields.tsv)
 * or listed as our own (hostiso-fields.tsv), its value is of its type, and none comes twice.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "../lib/golden.h"
#include "../lib/samples.h"

struct field {
	char name[96], type[256];
	bool array, seen;
};

static struct field fields[1024];
static size_t field_count;
static char line[JSON_LINE_ROOM + 1];

static int read_fields(const char *name)
{
	FILE *file = golden_open(name, "r");
	char text[512], array[16];

	if (!file)
		return perror(name), -1;
	while (fgets(text, sizeof(text), file)) {
		struct field *f = &fields[field_count];

		array[0] = 0;
		if (text[0] == '#' || sscanf(text, "%95s %255s %15s", f->name, f->type, array) < 1)
			continue;
		f->array = !strcmp(array, "array");
		if (++field_count == sizeof(fields) / sizeof(fields[0]))
			return -1;
	}
	return fclose(file);
}

static int setup(void **state)
{
	return read_fields("ecs-fields.tsv") || read_fields("hostiso-fields.tsv");
}

static struct field *find(const char *name)
{
	for (size_t i = 0; i < field_count; i++) {
		size_t n = strlen(fields[i].name);

		if (!strcmp(fields[i].name, name) ||
		    (fields[i].name[n - 1] == '*' && !strncmp(fields[i].name, name, n - 1)))
			return &fields[i];
	}
	return NULL;
}

static bool is_date(const char *s)
{
	struct tm tm;
	const char *end = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);

	return end && *end == '.' && strspn(end + 1, "0123456789") == 9 && !strcmp(end + 10, "Z");
}

static bool is_ip(const char *s)
{
	unsigned char addr[16];

	return inet_pton(AF_INET, s, addr) == 1 || inet_pton(AF_INET6, s, addr) == 1;
}

static bool fits(const char *type, struct json_object *v)
{
	enum json_type t = json_object_get_type(v);
	const char *s = t == json_type_string ? json_object_get_string(v) : NULL;

	if (!strcmp(type, "long")) /* and Elasticsearch's are signed */
		return t == json_type_int && strchr(json_object_to_json_string(v), '.') == NULL &&
		       json_object_get_uint64(v) <=
			       (json_object_get_int64(v) < 0 ? 0ULL : (uint64_t)INT64_MAX);
	if (!strcmp(type, "boolean"))
		return t == json_type_boolean;
	if (!strcmp(type, "date"))
		return s && is_date(s);
	if (!strcmp(type, "ip"))
		return s && is_ip(s);
	if (!strcmp(type, "keyword") || !strcmp(type, "wildcard") ||
	    !strcmp(type, "match_only_text"))
		return s != NULL;
	return false;
}

/* Where ECS names the values, it is one of them. */
static void check_value(const char *name, struct json_object *v, const char *what)
{
	static const char *const named[] = {"event.kind", "event.category", "event.type",
					    "event.outcome", "network.direction"};
	char both[512];

	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		if (strcmp(name, named[i]))
			continue;
		snprintf(both, sizeof(both), "%s=%s", name, json_object_get_string(v));
		if (!find(both))
			fail_msg("%s: ECS has no %s", what, both);
	}
}

static void check_leaf(const char *name, struct json_object *v, const char *what)
{
	bool array = json_object_is_type(v, json_type_array);
	struct field *f = find(name);

	if (!f)
		fail_msg("%s: no field is called %s", what, name);
	f->seen = true;
	/* The twin of a list is a list. */
	if (array != f->array && strncmp(name, "hostiso.b64.", 12))
		fail_msg("%s: %s is %s", what, name, array ? "a list" : "no list");
	for (size_t i = 0; i < (array ? json_object_array_length(v) : 1); i++) {
		struct json_object *item = array ? json_object_array_get_idx(v, i) : v;

		if (!fits(f->type, item))
			fail_msg("%s: %s is no %s: %s", what, name, f->type,
				 json_object_get_string(item));
		check_value(name, item, what);
	}
}

/* Returns how many names there are, objects' too. */
static int check_object(const char *prefix, struct json_object *o, const char *what)
{
	int count = 0;

	json_object_object_foreach(o, key, v)
	{
		char name[160];

		snprintf(name, sizeof(name), "%s%s%s", prefix, prefix[0] ? "." : "", key);
		count++;
		if (json_object_is_type(v, json_type_object)) {
			if (!json_object_object_length(v))
				fail_msg("%s: %s is empty", what, name);
			count += check_object(name, v, what);
		} else {
			check_leaf(name, v, what);
		}
	}
	return count;
}

/* Names as they stand in the text: a parser forgets the first of two. */
static int names_in(const char *text)
{
	bool inside = false;
	int count = 0;

	for (const char *p = text; *p; p++) {
		if (inside && *p == '\\')
			p++;
		else if (*p == '"' && inside && p[1] == ':')
			count++, inside = false;
		else if (*p == '"')
			inside = !inside;
	}
	return count;
}

static struct json_object *at(struct json_object *o, const char *first, const char *second)
{
	struct json_object *inner, *v;

	if (!json_object_object_get_ex(o, first, &inner) ||
	    !json_object_object_get_ex(inner, second, &v))
		return NULL;
	return v;
}

/* Each type is one that is expected of each category. */
static void check_types(struct json_object *doc, const char *what)
{
	struct json_object *categories = at(doc, "event", "category"), *types;
	char both[160], list[264], type[64];

	types = at(doc, "event", "type");
	for (size_t c = 0; categories && c < json_object_array_length(categories); c++) {
		snprintf(both, sizeof(both), "event.category=%s",
			 json_object_get_string(json_object_array_get_idx(categories, c)));
		for (size_t t = 0; t < json_object_array_length(types); t++) {
			snprintf(list, sizeof(list), ",%s,", find(both)->type);
			snprintf(type, sizeof(type), ",%s,",
				 json_object_get_string(json_object_array_get_idx(types, t)));
			if (!strstr(list, type))
				fail_msg("%s: %s is not of type %s", what, both, type);
		}
	}
}

static struct json_object *document(size_t i)
{
	const struct line_format *ecs = line_format_find("ecs");
	struct json j = {line, line + JSON_LINE_ROOM, line};
	struct json_object *doc;
	struct line_context ctx;

	sample_context(&ctx);
	sample_line(&j, i, ecs, &ctx);
	*j.p = 0;
	doc = json_tokener_parse(line);
	if (!doc)
		fail_msg("%s: no JSON: %s", samples[i].name, line);
	return doc;
}

static void names_and_types(void **state)
{
	for (size_t i = 0; i < sample_count; i++) {
		struct json_object *doc = document(i);

		assert_int_equal(check_object("", doc, samples[i].name), names_in(line));
		check_types(doc, samples[i].name);
		assert_string_equal(json_object_get_string(at(doc, "ecs", "version")), ECS_VERSION);
		json_object_put(doc);
	}
}

/* What the list of our own names says is also written. */
static void ours_are_all_used(void **state)
{
	for (size_t i = 0; i < sample_count; i++) {
		struct json_object *doc = document(i);

		check_object("", doc, samples[i].name);
		json_object_put(doc);
	}
	for (size_t i = 0; i < field_count; i++) {
		if (!strncmp(fields[i].name, "hostiso.", 8) && !fields[i].seen)
			fail_msg("%s is in no document", fields[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_types),
		cmocka_unit_test(ours_are_all_used),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
