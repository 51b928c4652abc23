// SPDX-License-Identifier: BSD-2-Clause
/* What status tells, as one JSON object. */
#include <string.h>
#include <json-c/json.h>
#include "HostIsolation/snapshot.h"
#include "HostIsolation/words.h"

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
		if (snap->nft_backend) {
			json_object_object_add(o, "guarded", json_object_new_boolean(d->whole));
			json_object_array_add(array, o);
			continue;
		}
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

static void json_backstop_counters(struct json_object *array, const char *word,
				   const struct counter counters[COUNTER_SETS][DIR_COUNT])
{
	for (int audit = 0; audit < COUNTER_SETS; audit++)
		for (int dir = 0; dir < DIR_COUNT; dir++) {
			struct json_object *o;

			if (!counters[audit][dir].packets)
				continue;
			o = json_object_new_object();
			put(o, "reason", word);
			put(o, "verdict", audit ? "would-drop" : "drop");
			put(o, "direction", dir == DIR_IN ? "in" : "out");
			put_u64(o, "packets", counters[audit][dir].packets);
			put_u64(o, "bytes", counters[audit][dir].bytes);
			json_object_array_add(array, o);
		}
}

static struct json_object *json_backstop(const struct snapshot *snap)
{
	struct json_object *o = json_object_new_object(), *guarded = json_object_new_array(),
			   *counters = json_object_new_array(), *limits = json_object_new_array();

	put(o, "state", snapshot_backstop(snap));
	for (size_t i = 0; i < snap->nft.guarded_count; i++)
		json_object_array_add(guarded, json_object_new_int(snap->nft.guarded[i]));
	json_object_object_add(o, "guarded", guarded);
	json_backstop_counters(counters, "unguarded", snap->nft.unguarded);
	json_backstop_counters(counters, "raw-frame", snap->nft.raw);
	json_object_object_add(o, "counters", counters);
	for (size_t i = 0; snapshot_limit(snap, i); i++)
		json_object_array_add(limits, json_object_new_string(snapshot_limit(snap, i)));
	json_object_object_add(o, "limits", limits);
	put(o, "af_xdp", snapshot_xsk(snap));
	return o;
}

static void json_head(struct json_object *o, const struct snapshot *snap, bool whole)
{
	const struct policy *p = &snap->policy;
	__u64 now = boot_ns();
	char when[32];

	put(o, "state", state_words[snap->state]);
	put(o, "backend", snap->nft_backend ? "nft" : "bpf");
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
	json_object_object_add(o, "pins_gone", json_object_new_boolean(snap->unread));
	if (snap->unread)
		return;
	put_u64(o, "entries_ipv4", snap->entries4);
	put_u64(o, "entries_ipv6", snap->entries6);
	put_u64(o, "limit", p->limit);
	put_u64(o, "kept_ssh", snap->kept);
	put_u64(o, "grants", snap->grants);
	for (int i = 0; i < GRANT_LOST_COUNT; i++)
		put_u64(o, grant_losses[i].key, snap->grant_lost[i]);
}

bool snapshot_whole(const struct snapshot *snap)
{
	return snap->state == STATE_ISOLATED && !snap->degraded_count;
}

char *snapshot_json(const struct snapshot *snap)
{
	struct json_object *o = json_object_new_object(), *lines = json_object_new_array();
	char *text;

	json_head(o, snap, snapshot_whole(snap));
	json_object_object_add(o, "devices", json_devices(snap));
	json_object_object_add(o, "counters", json_counters(snap));
	json_object_object_add(o, "backstop", json_backstop(snap));
	for (size_t i = 0; i < snap->degraded_count; i++)
		json_object_array_add(lines, json_object_new_string(snap->degraded[i]));
	json_object_object_add(o, "degraded", lines);
	text = strdup(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
								JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
	return text;
}
