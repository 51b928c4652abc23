// SPDX-License-Identifier: BSD-2-Clause
/* hostiso list: the allowlist with who added what, when, until when, and how often it was hit. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <json-c/json.h>
#include "HostIsolation/duration.h"
#include "HostIsolation/entry.h"
#include "HostIsolation/verbs.h"

struct row {
	char entry[ENTRY_TEXT_MAX];
	char added[32];
	char until[32];
	char user[64];
	char name[264];
	char comment[264];
};

static void row_of(const struct allowlist *list, const struct allow_entry *e, struct row *row)
{
	const struct origin *o = &list->origins[e->value.origin];
	__u64 now = boot_ns();
	time_t t = o->added_at;
	struct tm tm;

	entry_format(&e->key, row->entry, sizeof(row->entry));
	strftime(row->added, sizeof(row->added), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	if (e->value.until == FOREVER)
		strcpy(row->until, "-");
	else if (e->value.until <= now)
		strcpy(row->until, "expired");
	else
		duration_format(e->value.until - now, row->until, sizeof(row->until));
	printable(o->user[0] ? o->user : "?", row->user, sizeof(row->user));
	printable(o->name, row->name, sizeof(row->name));
	printable(o->comment, row->comment, sizeof(row->comment));
}

static void print_text(const struct allowlist *list)
{
	if (!list->count) {
		printf("the allowlist is empty\n");
		return;
	}
	printf("%-30s %12s %14s %-9s %-20s %-10s %s\n", "entry", "packets", "bytes", "ends in",
	       "added", "by", "name, comment");
	for (size_t i = 0; i < list->count; i++) {
		const struct allow_entry *e = &list->entries[i];
		struct row r;

		row_of(list, e, &r);
		printf("%-30s %12llu %14llu %-9s %-20s %-10s %s%s%s\n", r.entry, e->value.packets,
		       e->value.bytes, r.until, r.added, r.user, r.name,
		       r.name[0] && r.comment[0] ? ", " : "", r.comment);
	}
}

static void print_json(const struct allowlist *list)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < list->count; i++) {
		const struct allow_entry *e = &list->entries[i];
		struct json_object *o = json_object_new_object();
		struct row r;

		row_of(list, e, &r);
		json_object_object_add(o, "entry", json_object_new_string(r.entry));
		json_object_object_add(o, "name", json_object_new_string(r.name));
		json_object_object_add(o, "packets", json_object_new_uint64(e->value.packets));
		json_object_object_add(o, "bytes", json_object_new_uint64(e->value.bytes));
		json_object_object_add(o, "added", json_object_new_string(r.added));
		json_object_object_add(o, "by", json_object_new_string(r.user));
		json_object_object_add(o, "comment", json_object_new_string(r.comment));
		json_object_object_add(
			o, "seconds_left",
			e->value.until == FOREVER
				? NULL
				: json_object_new_int64(((__s64)e->value.until - (__s64)boot_ns()) /
							1000000000));
		json_object_array_add(array, o);
	}
	printf("%s\n", json_object_to_json_string_ext(
			       array, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(array);
}

int cmd_list(int argc, char **argv)
{
	const struct argp argp = {.doc = "Show the allowlist.", .children = COMMON_CHILDREN};
	struct session s = SESSION_INIT;
	struct allowlist list = {};
	struct common common = {};
	struct error err = {};
	int ret;

	if (verb_parse(&argp, argc, argv, &common, &common))
		return EXIT_MISUSED;
	ret = session_open(&s, &common, SESSION_READ, &err);
	if (ret == 0 && s.have_maps)
		ret = bank_load(&s.maps, &s.pins, &list, &err);
	if (ret == 0 && common.json)
		print_json(&list);
	else if (ret == 0)
		print_text(&list);
	allowlist_free(&list);
	session_close(&s);
	return ret < 0 ? complain(&err, misuse_or_failure(ret)) : EXIT_DONE;
}
