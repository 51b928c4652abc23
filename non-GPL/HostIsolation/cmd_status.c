// SPDX-License-Identifier: BSD-2-Clause
/* hostiso status: what the kernel says now. Exit 0 only when this host is isolated, whole. */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <json-c/json.h>
#include "HostIsolation/duration.h"
#include "HostIsolation/snapshot.h"

static const struct {
	const char *word;
	int passes;
	const char *text;
} reasons[] = {
#define PASS 1
#define DROP 0
#define REASON(id, word, verdict, text) {word, verdict, text},
#include "HostIsolation/reasons.def"
#undef REASON
#undef PASS
#undef DROP
};

static const char *const state_words[] = {
	[STATE_OFF] = "not isolated",
	[STATE_AUDIT] = "audit",
	[STATE_ISOLATED] = "isolated",
	[STATE_EXPIRED] = "expired",
};

static const char *const xdp_words[] = {
	[XDP_AUTO] = "off", [XDP_NATIVE] = "native", [XDP_GENERIC] = "generic", [XDP_OFF] = "off"};

static void format_time(__u64 seconds, char *buf, size_t size)
{
	time_t t = seconds;
	struct tm tm;

	strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
}

static void print_deadline(const char *what, __u64 deadline)
{
	__u64 now = boot_ns();
	char rest[32];

	if (!deadline)
		return;
	duration_format(deadline > now ? deadline - now : now - deadline, rest, sizeof(rest));
	printf(deadline > now ? "  %s: in %s\n" : "  %s: %s ago\n", what, rest);
}

static void print_head(const struct snapshot *snap)
{
	const struct policy *p = &snap->policy;
	char when[32], text[512];

	switch (snap->state) {
	case STATE_OFF:
		printf("state: not isolated\n");
		break;
	case STATE_AUDIT:
		printf("state: audit: nothing is dropped, what would drop is counted\n");
		break;
	case STATE_EXPIRED:
		printf("state: not isolated: the deadline has passed; everything passes. 'hostiso release' clears up\n");
		break;
	case STATE_ISOLATED:
		printf("state: isolated%s\n",
		       snap->degraded_count ? ", but not fully: see 'degraded'" : "");
	}
	if (snap->state != STATE_OFF) {
		format_time(p->isolated_at, when, sizeof(when));
		printf("  since: %s\n", when);
	}
	print_deadline("ends (--for)", p->for_deadline);
	print_deadline("ends unless confirmed", p->confirm_deadline);
	if (p->case_id[0])
		printf("  case: %s\n", printable(p->case_id, text, sizeof(text)));
	if (p->comment[0])
		printf("  comment: %s\n", printable(p->comment, text, sizeof(text)));
	printf("  allowlist: %zu IPv4 and %zu IPv6 entries of at most %llu each\n", snap->entries4,
	       snap->entries6, p->limit);
	if (snap->kept)
		printf("  kept SSH connections: %zu\n", snap->kept);
}

static const char *hook_word(const struct hook_state *h)
{
	return !h->attached ? "OPEN" : h->blocked ? "BEHIND" : h->tcx ? "tcx" : "clsact";
}

static void print_devices(const struct snapshot *snap)
{
	if (!snap->device_count)
		return;
	printf("devices:\n  %-16s %-8s %-8s %s\n", "name", "in", "out", "xdp");
	for (size_t i = 0; i < snap->device_count; i++) {
		const struct device_snapshot *d = &snap->devices[i];
		char name[64];

		printf("  %-16s %-8s %-8s %s", printable(d->link.name, name, sizeof(name)),
		       hook_word(&d->state.in), hook_word(&d->state.out), xdp_words[d->state.xdp]);
		if (d->state.foreign_xdp_id)
			printf(" (slot taken by %s; tc does the work)", d->state.foreign_xdp);
		printf("\n");
	}
}

static void print_counters(const struct snapshot *snap)
{
	bool any = false;

	for (__u32 audit = 0; audit < COUNTER_SETS; audit++)
		for (__u32 r = 0; r < REASON_COUNT; r++) {
			const struct counter *in = &snap->counters[counter_index(audit, r, DIR_IN)];
			const struct counter *out =
				&snap->counters[counter_index(audit, r, DIR_OUT)];

			if (!in->packets && !out->packets)
				continue;
			if (!any)
				printf("packets:\n  %-11s %-16s %12s %14s %12s %14s\n", "",
				       "reason", "in", "bytes", "out", "bytes");
			any = true;
			printf("  %-11s %-16s %12llu %14llu %12llu %14llu\n",
			       reasons[r].passes ? "passed"
			       : audit		 ? "would drop"
						 : "dropped",
			       reasons[r].word, in->packets, in->bytes, out->packets, out->bytes);
		}
}

static void print_text(const struct snapshot *snap)
{
	print_head(snap);
	print_devices(snap);
	print_counters(snap);
	if (snap->degraded_count)
		printf("degraded:\n");
	for (size_t i = 0; i < snap->degraded_count; i++)
		printf("  %s\n", snap->degraded[i]);
}

static void put(struct json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, json_object_new_string(text));
}

static void put_u64(struct json_object *o, const char *key, __u64 v)
{
	json_object_object_add(o, key, json_object_new_uint64(v));
}

static struct json_object *json_hook(const struct hook_state *h)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "attached", json_object_new_boolean(h->attached));
	if (h->attached) {
		put(o, "way", h->tcx ? "tcx" : "clsact");
		put_u64(o, "prog_id", h->prog_id);
	}
	json_object_object_add(o, "blocked", json_object_new_boolean(h->blocked));
	if (h->blocked)
		put(o, "ahead", h->ahead);
	return o;
}

static struct json_object *json_devices(const struct snapshot *snap)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < snap->device_count; i++) {
		const struct device_snapshot *d = &snap->devices[i];
		struct json_object *o = json_object_new_object();
		char name[64];

		put(o, "name", printable(d->link.name, name, sizeof(name)));
		put_u64(o, "ifindex", d->link.ifindex);
		json_object_object_add(o, "in", json_hook(&d->state.in));
		json_object_object_add(o, "out", json_hook(&d->state.out));
		put(o, "xdp", xdp_words[d->state.xdp]);
		if (d->state.foreign_xdp_id)
			put(o, "xdp_taken_by", d->state.foreign_xdp);
		json_object_array_add(array, o);
	}
	return array;
}

static struct json_object *json_counters(const struct snapshot *snap)
{
	static const char *const dirs[] = {[DIR_IN] = "in", [DIR_OUT] = "out"};
	struct json_object *array = json_object_new_array();

	for (__u32 i = 0; i < COUNTER_COUNT; i++) {
		__u32 dir = i % DIR_COUNT, reason = i / DIR_COUNT % REASON_COUNT;
		struct json_object *o;

		if (!snap->counters[i].packets)
			continue;
		o = json_object_new_object();
		put(o, "reason", reasons[reason].word);
		put(o, "verdict",
		    reasons[reason].passes	   ? "pass"
		    : i / DIR_COUNT / REASON_COUNT ? "would-drop"
						   : "drop");
		put(o, "direction", dirs[dir]);
		put_u64(o, "packets", snap->counters[i].packets);
		put_u64(o, "bytes", snap->counters[i].bytes);
		json_object_array_add(array, o);
	}
	return array;
}

static void json_head(struct json_object *o, const struct snapshot *snap, bool whole)
{
	const struct policy *p = &snap->policy;
	__u64 now = boot_ns();
	char when[32];

	put(o, "state", state_words[snap->state]);
	json_object_object_add(o, "fully_isolated", json_object_new_boolean(whole));
	if (snap->state != STATE_OFF) {
		format_time(p->isolated_at, when, sizeof(when));
		put(o, "since", when);
	}
	if (p->deadline)
		json_object_object_add(
			o, "seconds_left",
			json_object_new_int64(((__s64)p->deadline - (__s64)now) / 1000000000));
	json_object_object_add(o, "to_confirm", json_object_new_boolean(p->confirm_deadline != 0));
	put(o, "case", p->case_id);
	put(o, "comment", p->comment);
	put_u64(o, "entries_ipv4", snap->entries4);
	put_u64(o, "entries_ipv6", snap->entries6);
	put_u64(o, "limit", p->limit);
	put_u64(o, "kept_ssh", snap->kept);
}

static void print_json(const struct snapshot *snap, bool whole)
{
	struct json_object *o = json_object_new_object(), *lines = json_object_new_array();

	json_head(o, snap, whole);
	json_object_object_add(o, "devices", json_devices(snap));
	json_object_object_add(o, "counters", json_counters(snap));
	for (size_t i = 0; i < snap->degraded_count; i++)
		json_object_array_add(lines, json_object_new_string(snap->degraded[i]));
	json_object_object_add(o, "degraded", lines);
	printf("%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
								 JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

static int status(struct session *s, const struct common *common, struct error *err)
{
	struct snapshot snap = {.here = true};
	bool whole;
	int ret = s->have_maps ? snapshot_take(s, &snap, err) : 0;

	if (ret < 0)
		return complain(err, EXIT_FAILED);
	if (!s->have_maps)
		snap.policy.limit = LIMIT_DEFAULT;
	whole = snap.state == STATE_ISOLATED && !snap.degraded_count;
	if (common->json)
		print_json(&snap, whole);
	else
		print_text(&snap);
	snapshot_free(&snap);
	return whole ? EXIT_DONE : EXIT_NOT_ISOLATED;
}

int cmd_status(int argc, char **argv)
{
	const struct argp argp = {
		.doc = "What is attached, in force, dropped and degraded, as the kernel says now. Exits 0 when this host is fully isolated, else 3.",
		.children = COMMON_CHILDREN};
	struct session s = SESSION_INIT;
	struct common common = {};
	struct error err = {};
	int ret;

	if (verb_parse(&argp, argc, argv, &common, &common))
		return EXIT_MISUSED;
	ret = session_open(&s, &common, SESSION_READ, &err);
	ret = ret < 0 ? complain(&err, misuse_or_failure(ret)) : status(&s, &common, &err);
	session_close(&s);
	return ret;
}
