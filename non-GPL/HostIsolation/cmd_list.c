// SPDX-License-Identifier: BSD-2-Clause
/* hostiso list: the allowlist and the process grants, with who added what, when, until when, and
 * how often it was hit. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <json-c/json.h>
#include "HostIsolation/duration.h"
#include "HostIsolation/entry.h"
#include "HostIsolation/grants.h"
#include "HostIsolation/verbs.h"

struct row {
	char entry[ENTRY_TEXT_MAX > 272 ? ENTRY_TEXT_MAX : 272];
	char added[32];
	char until[32];
	char user[64];
	char name[264]; /* host name it was resolved from; of a grant, the process's, or the file's
			   fate */
	char comment[264];
	char peer[80]; /* of a grant: the last one */
};

static void row_fill(const struct origin *o, __u64 until, struct row *row)
{
	__u64 now = boot_ns();
	time_t t = o->added_at;
	struct tm tm;

	strftime(row->added, sizeof(row->added), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	if (until == FOREVER)
		strcpy(row->until, "-");
	else if (until <= now)
		strcpy(row->until, "expired");
	else
		duration_format(until - now, row->until, sizeof(row->until));
	printable(o->user[0] ? o->user : "?", row->user, sizeof(row->user));
	printable(o->name, row->name, sizeof(row->name));
	printable(o->comment, row->comment, sizeof(row->comment));
	row->peer[0] = 0;
}

static void row_of(const struct allowlist *list, const struct allow_entry *e, struct row *row)
{
	row_fill(&list->origins[e->value.origin], e->value.until, row);
	entry_format(&e->key, row->entry, sizeof(row->entry));
}

static void peer_of(const struct grant_count *c, char *buf, size_t size)
{
	char addr[INET6_ADDRSTRLEN] = "?";
	bool v6 = c->family == AF_INET6;

	buf[0] = 0;
	if (!c->seen)
		return;
	inet_ntop(c->family, c->peer, addr, sizeof(addr));
	snprintf(buf, size, "%s %s%s%s:%u/%s", c->dir == DIR_OUT ? "to" : "from", v6 ? "[" : "",
		 addr, v6 ? "]" : "", ntohs(c->peer_port),
		 c->proto == IPPROTO_TCP   ? "tcp"
		 : c->proto == IPPROTO_UDP ? "udp"
					   : "icmp");
}

/* An update puts another file there, which is not granted. */
static const char *fate_of_file(const struct grant_note *note)
{
	struct stat st;

	if (stat(note->what, &st) < 0)
		return errno == ENOENT ? "that file is gone" : "";
	return st.st_dev == note->exe_dev && st.st_ino == note->exe_ino
		       ? ""
		       : "replaced, the file there now is not granted";
}

static void row_of_grant(const struct grant_row *g, struct row *row)
{
	char entry[272];

	row_fill(&g->note.origin, g->grant.until, row);
	grant_format(g, entry, sizeof(entry));
	printable(entry, row->entry, sizeof(row->entry));
	if (g->grant.kind == GRANT_PID || g->grant.kind == GRANT_TREE)
		printable(g->note.what, row->name, sizeof(row->name));
	else if (g->grant.kind == GRANT_EXE)
		snprintf(row->name, sizeof(row->name), "%s", fate_of_file(&g->note));
	peer_of(&g->count, row->peer, sizeof(row->peer));
}

static void print_row(const struct row *r, __u64 packets, __u64 bytes)
{
	printf("%-30s %12llu %14llu %-9s %-20s %-10s %s%s%s\n", r->entry, packets, bytes, r->until,
	       r->added, r->user, r->name, r->name[0] && r->comment[0] ? ", " : "", r->comment);
	if (r->peer[0])
		printf("    last packet %s\n", r->peer);
}

static void print_text(const struct allowlist *list, const struct grant_vec *grants)
{
	struct row r;

	if (!list->count && !grants->count) {
		printf("the allowlist is empty\n");
		return;
	}
	printf("%-30s %12s %14s %-9s %-20s %-10s %s\n", "entry", "packets", "bytes", "ends in",
	       "added", "by", "name, comment");
	for (size_t i = 0; i < list->count; i++) {
		row_of(list, &list->entries[i], &r);
		print_row(&r, list->entries[i].value.packets, list->entries[i].value.bytes);
	}
	for (size_t i = 0; i < grants->count; i++) {
		row_of_grant(&grants->rows[i], &r);
		print_row(&r, grants->rows[i].count.packets, grants->rows[i].count.bytes);
	}
}

static struct json_object *json_row(const struct row *r, __u64 packets, __u64 bytes, __u64 until)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "entry", json_object_new_string(r->entry));
	json_object_object_add(o, "name", json_object_new_string(r->name));
	json_object_object_add(o, "packets", json_object_new_uint64(packets));
	json_object_object_add(o, "bytes", json_object_new_uint64(bytes));
	json_object_object_add(o, "added", json_object_new_string(r->added));
	json_object_object_add(o, "by", json_object_new_string(r->user));
	json_object_object_add(o, "comment", json_object_new_string(r->comment));
	json_object_object_add(
		o, "seconds_left",
		until == FOREVER
			? NULL
			: json_object_new_int64(((__s64)until - (__s64)boot_ns()) / 1000000000));
	return o;
}

static struct json_object *json_grant(const struct grant_row *g)
{
	struct json_object *o;
	struct row r;

	row_of_grant(g, &r);
	o = json_row(&r, g->count.packets, g->count.bytes, g->grant.until);
	if (g->grant.kind == GRANT_PID || g->grant.kind == GRANT_TREE)
		json_object_object_add(o, "pid", json_object_new_int64(g->grant.tgid));
	json_object_object_add(o, "tree", json_object_new_boolean(g->grant.kind == GRANT_TREE));
	json_object_object_add(o, "last_peer", r.peer[0] ? json_object_new_string(r.peer) : NULL);
	return o;
}

static void print_json(const struct allowlist *list, const struct grant_vec *grants)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < list->count; i++) {
		const struct entry_value *v = &list->entries[i].value;
		struct row r;

		row_of(list, &list->entries[i], &r);
		json_object_array_add(array, json_row(&r, v->packets, v->bytes, v->until));
	}
	for (size_t i = 0; i < grants->count; i++)
		json_object_array_add(array, json_grant(&grants->rows[i]));
	printf("%s\n", json_object_to_json_string_ext(
			       array, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(array);
}

int cmd_list(int argc, char **argv)
{
	const struct argp argp = {.doc = "Show the allowlist and the process grants.",
				  .children = COMMON_CHILDREN};
	struct session s = SESSION_INIT;
	struct allowlist list = {};
	struct grant_vec grants = {};
	struct common common = {};
	struct error err = {};
	int ret;

	if (verb_parse(&argp, argc, argv, &common, &common))
		return EXIT_MISUSED;
	ret = session_open(&s, &common, SESSION_READ, &err);
	if (ret == 0 && s.have_maps)
		ret = bank_load(&s.maps, &s.pins, &list, &err);
	if (ret == 0 && s.have_maps && !s.maps.nft_backend)
		ret = grants_read(&s.maps, &grants, &err);
	if (ret == 0 && common.json)
		print_json(&list, &grants);
	else if (ret == 0)
		print_text(&list, &grants);
	grant_vec_free(&grants);
	allowlist_free(&list);
	session_close(&s);
	return ret < 0 ? complain(&err, misuse_or_failure(ret)) : EXIT_DONE;
}
