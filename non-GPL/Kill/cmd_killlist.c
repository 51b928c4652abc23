// SPDX-License-Identifier: BSD-2-Clause
/* hostiso kill list: the rules, which way they are armed, what they did. Read back from the kernel.
 */
#include <stdio.h>
#include <string.h>
#include <json-c/json.h>
#include "HostIsolation/duration.h"
#include "HostIsolation/words.h"
#include "Kill/killguards.h"
#include "Kill/killhooks.h"
#include "Kill/killrules.h"
#include "Kill/killverbs.h"

static const char *state_of(__u32 slot, const struct kill_state *st, const struct kill_rule *r,
			    const struct kill_counts *c)
{
	if (!(st->active >> slot & 1))
		return "not in force (arming was cut short)";
	if (r->deadline && boot_ns() >= r->deadline)
		return "expired";
	if (c->fell_back)
		return "audit (fell back)";
	return r->flags & KILL_ENFORCE ? "enforce" : "audit";
}

static __u64 spared(const struct kill_counts *c)
{
	__u64 sum = 0;

	for (int i = 0; i < KILL_GUARD_COUNT; i++)
		sum += c->spared[i];
	return sum;
}

static void print_rule(__u32 slot, const struct kill_rule *r, const struct kill_counts *c,
		       void *arg)
{
	char when[32], rest[DURATION_TEXT_MAX], line[1100];
	const struct kill_store *s = arg;

	format_time(r->armed_at, when, sizeof(when));
	printf("rule %u  %s  %s\n", r->id, state_of(slot, s->state, r, c),
	       printable(r->text, line, sizeof(line)));
	printf("  armed %s by %s", when, printable(r->user, line, sizeof(line)));
	if (r->deadline && boot_ns() < r->deadline) {
		duration_format(r->deadline - boot_ns(), rest, sizeof(rest));
		printf(", ends in %s", rest);
	}
	printf("\n  matched %llu, audited %llu, refused %llu, signalled %llu, spared %llu",
	       c->matched, c->audited, c->refused, c->signalled, spared(c));
	if (c->failed_eperm || c->failed_ebusy || c->failed_other)
		printf(", not signalled: EPERM %llu, EBUSY %llu, other %llu", c->failed_eperm,
		       c->failed_ebusy, c->failed_other);
	printf("\n");
	for (int i = 0; i < KILL_GUARD_COUNT; i++)
		if (c->spared[i])
			printf("  spared as %s: %llu\n", kill_guard_words[i], c->spared[i]);
	if (r->flags & KILL_ENFORCE && r->flags & KILL_REVERT && !kill_watched(s))
		printf("  puts no mode back: no 'hostiso kill watch' runs\n");
	if (c->fell_back)
		printf("  more than %u in a second: it only audits now; remove it and arm it again\n",
		       r->max_kills);
}

static void print_armed(const struct kill_store *s, const struct kill_armed *a)
{
	const struct kill_state *st = s->state;

	if (a->way < 0) {
		printf("NOT ARMED: the programs are gone, no rule is in force\n");
	} else {
		printf("armed by %s: %s;", kill_way_words[a->way],
		       a->refuses ? "a change is refused before it is done"
				  : "a change is done before the signal comes");
		for (int i = 0; i < KILL_DOOR_COUNT; i++)
			printf(" %s %s%s", kill_door_words[i], a->doors[i] ? "yes" : "NO",
			       i + 1 < KILL_DOOR_COUNT ? "," : "\n");
	}
	if (a->way >= 0 && !a->told_file)
		printf("files are found by the text of their paths: what that cannot follow gets "
		       "past, and is counted as not judged\n");
	if (!kill_rules_count(s))
		printf("no rules: arming was cut short, or they are all gone; take the hook away: "
		       "hostiso kill clear\n");
	if (a->missed)
		printf("not judged: %llu calls, while the program was interrupted on their CPU\n",
		       a->missed);
	if (st->unresolved || st->events_lost || st->calls_lost || st->tasks_lost)
		printf("not judged: %llu calls whose file was not found, %llu past the room; lost: "
		       "%llu events, %llu processes of trees\n",
		       st->unresolved, st->calls_lost, st->events_lost, st->tasks_lost);
}

static void put(struct json_object *o, const char *key, __u64 v)
{
	json_object_object_add(o, key, json_object_new_uint64(v));
}

static void put_text(struct json_object *o, const char *key, const char *text)
{
	char line[1100];

	json_object_object_add(o, key, json_object_new_string(printable(text, line, sizeof(line))));
}

struct json_rules {
	const struct kill_state *state;
	struct json_object *array;
};

static void json_rule(__u32 slot, const struct kill_rule *r, const struct kill_counts *c, void *arg)
{
	struct json_object *o = json_object_new_object(), *g = json_object_new_object();
	const struct json_rules *to = arg;
	char when[32];

	format_time(r->armed_at, when, sizeof(when));
	put(o, "rule", r->id);
	put_text(o, "state", state_of(slot, to->state, r, c));
	put_text(o, "options", r->text);
	put_text(o, "armed_at", when);
	put_text(o, "armed_by", r->user);
	put(o, "signal", r->signal);
	put(o, "max_kills", r->max_kills);
	if (r->deadline)
		json_object_object_add(
			o, "seconds_left",
			json_object_new_int64(((__s64)r->deadline - (__s64)boot_ns()) /
					      1000000000));
	put(o, "matched", c->matched);
	put(o, "audited", c->audited);
	put(o, "refused", c->refused);
	put(o, "signalled", c->signalled);
	put(o, "failed_eperm", c->failed_eperm);
	put(o, "failed_ebusy", c->failed_ebusy);
	put(o, "failed_other", c->failed_other);
	for (int i = 1; i < KILL_GUARD_COUNT; i++)
		put(g, kill_guard_words[i], c->spared[i]);
	json_object_object_add(o, "spared", g);
	json_object_array_add(to->array, o);
}

static void print_json(const struct kill_store *s, const struct kill_armed *a)
{
	struct json_object *o = json_object_new_object(), *rules = json_object_new_array(),
			   *doors = json_object_new_object();

	put_text(o, "provider", a->way < 0 ? "none" : kill_way_words[a->way]);
	json_object_object_add(o, "refuses", json_object_new_boolean(a->refuses));
	json_object_object_add(o, "told_file", json_object_new_boolean(a->told_file));
	for (int i = 0; i < KILL_DOOR_COUNT; i++)
		json_object_object_add(doors, kill_door_words[i],
				       json_object_new_boolean(a->doors[i]));
	json_object_object_add(o, "doors", doors);
	if (s->have) {
		kill_rules_each(s, json_rule, &(struct json_rules){s->state, rules});
		json_object_object_add(o, "watched", json_object_new_boolean(kill_watched(s)));
		put(o, "missed", a->missed);
		put(o, "unresolved", s->state->unresolved);
		put(o, "calls_lost", s->state->calls_lost);
		put(o, "events_lost", s->state->events_lost);
		put(o, "tasks_lost", s->state->tasks_lost);
	}
	json_object_object_add(o, "rules", rules);
	printf("%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
								 JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

int kill_list(int argc, char **argv)
{
	const struct argp argp = {
		.doc = "Show the rules, which way they are armed, and what they did.",
		.children = COMMON_CHILDREN};
	struct kill_store s = KILL_STORE_INIT;
	struct kill_armed armed = {.way = -1};
	struct common common = {};
	struct error err = {};
	int ret;

	if (verb_parse(&argp, argc, argv, &common, &common))
		return EXIT_MISUSED;
	ret = kill_store_open(&s, &common, SESSION_READ, &err);
	if (ret == 0 && s.have)
		kill_hooks_armed(&s, &armed);
	if (ret == 0 && common.json) {
		print_json(&s, &armed);
	} else if (ret == 0 && !s.have) {
		printf("no rules are armed\n");
	} else if (ret == 0) {
		print_armed(&s, &armed);
		kill_rules_each(&s, print_rule, &s);
	}
	kill_store_close(&s);
	return ret < 0 ? complain(&err, misuse_or_failure(ret)) : EXIT_DONE;
}
