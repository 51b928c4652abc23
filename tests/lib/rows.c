// SPDX-License-Identifier: BSD-2-Clause
/* Walks a table of packets and judges each. */
#include "rows.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/entry.h"

#define GENERATED 3

int (*run_rows_setup)(void **state) = lab_up;

static const char *no_reason(const struct outcome *o)
{
	return o->moved ? "" : " (no counter moved)";
}

static void check_counters(const char *what, const struct hook *h, const struct frame *f,
			   enum reason reason, bool audit, const struct outcome *o)
{
	/* what XDP passes, tc_in counts */
	bool counts = !h->xdp || (reason_is_drop(reason) && !audit);

	if (!counts && o->moved)
		fail_msg("%s: %s passed it, but moved %d counters, %s among them", what, h->name,
			 o->moved, reason_word(o->reason));
	if (!counts)
		return;
	if (o->moved != 1 || o->reason != reason || o->audit != audit || o->dir != f->dir)
		fail_msg("%s: %s counted %s%s (%d counters moved, %s set), expected %s", what,
			 h->name, reason_word(o->reason), no_reason(o), o->moved,
			 o->audit ? "audit" : "enforcing", reason_word(reason));
	if (o->by.packets != 1 || o->by.bytes != f->len - (h->headerless ? ETH_HLEN : 0))
		fail_msg("%s: %s counted %llu packets and %llu bytes", what, h->name, o->by.packets,
			 o->by.bytes);
}

/* Hits move by one packet for `hit` (NULL: the only entry) when an entry admitted it on TC. */
static void check_hits(const struct row *r, const struct hook *h, const struct allowlist *before)
{
	bool listed = r->reason == REASON_ALLOWED || r->reason == REASON_ALLOWED_PORT;
	size_t len = r->packet->len - (h->headerless ? ETH_HLEN : 0), hits = 0;

	assert_int_equal(before->count, lab.entries.count);
	if (listed && !r->hit && before->count != 1)
		fail_msg("%s: the row does not say which entry", r->name);
	for (size_t i = 0; i < before->count; i++) {
		const struct entry_value *was = &before->entries[i].value;
		const struct entry_value *is = &lab.entries.entries[i].value;
		char text[ENTRY_TEXT_MAX];
		bool hit;

		entry_format(&before->entries[i].key, text, sizeof(text));
		hit = listed && !h->xdp && (!r->hit || !strcmp(r->hit, text));
		if (is->packets - was->packets != hit || is->bytes - was->bytes != hit * len)
			fail_msg("%s: %s: entry %s has %llu more packets and %llu more bytes",
				 r->name, h->name, text, is->packets - was->packets,
				 is->bytes - was->bytes);
		hits += hit;
	}
	if (listed && !h->xdp && hits != 1)
		fail_msg("%s: no entry is called %s", r->name, r->hit);
}

static bool judge(const struct row *r, const struct hook *h, bool audit)
{
	struct allowlist before;
	struct outcome o;

	lab_forget();
	if (r->packet->before) {
		lab_run_before(h, r->packet);
		lab_hits();
	}
	before = lab.entries;
	lab.entries = (struct allowlist){};
	if (!lab_run(h, r->packet, 0, &o)) {
		lab.entries = before;
		return false;
	}
	if (o.dropped != (reason_is_drop(r->reason) && !audit))
		fail_msg("%s: %s %s it and counted %s%s, expected %s%s", r->name, h->name,
			 o.dropped ? "dropped" : "passed", reason_word(o.reason), no_reason(&o),
			 reason_word(r->reason), audit ? " in audit" : "");
	check_counters(r->name, h, r->packet, r->reason, audit, &o);
	lab_hits();
	check_hits(r, h, &before);
	allowlist_free(&before);
	return true;
}

static void test_row(void **state)
{
	static const __u64 ways[] = {CONTROL_ENFORCE, CONTROL_ENFORCE | CONTROL_LONG_WAY,
				     CONTROL_AUDIT};
	const struct row *r = *state;
	int judged = 0;

	lab_allow(r->allow);
	lab_hits();
	for (size_t w = 0; w < sizeof(ways) / sizeof(ways[0]); w++) {
		lab_control(ways[w] | r->control);
		for (size_t i = 0; i < hook_count; i++)
			if (hook_takes(&hooks[i], r->packet))
				judged += judge(r, &hooks[i], ways[w] & CONTROL_AUDIT);
	}
	if (!judged)
		fail_msg("%s: no hook takes this packet", r->name);
}

void expect(const char *name, const struct frame *packet, int reason)
{
	struct outcome o;

	for (size_t i = 0; i < hook_count; i++) {
		if (!hook_takes(&hooks[i], packet) || !lab_run(&hooks[i], packet, 0, &o))
			continue;
		if (o.dropped != reason_is_drop(reason))
			fail_msg("%s: %s %s it and counted %s, expected %s", name, hooks[i].name,
				 o.dropped ? "dropped" : "passed", reason_word(o.reason),
				 reason_word(reason));
		check_counters(name, &hooks[i], packet, reason, false, &o);
	}
}

int run_rows(const char *group, const struct row *rows, size_t n, const struct CMUnitTest *own,
	     size_t own_count)
{
	_cleanup_free_ struct CMUnitTest *tests = calloc(n + GENERATED + own_count, sizeof(*tests));
	struct rows all = {rows, n};
	const struct CMUnitTest generated[GENERATED] = {
		cmocka_unit_test_prestate(test_mutated_frames_agree, &all),
		cmocka_unit_test_prestate(test_cut_frames_agree, &all),
		cmocka_unit_test_prestate(test_split_frames_agree, &all),
	};

	if (!tests)
		return 1;
	for (size_t i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){.name = rows[i].name,
					       .test_func = test_row,
					       .initial_state = (void *)&rows[i]};
	memcpy(tests + n, generated, sizeof(generated));
	if (own_count)
		memcpy(tests + n + GENERATED, own, own_count * sizeof(*own));
	return _cmocka_run_group_tests(group, tests, n + GENERATED + own_count, run_rows_setup,
				       lab_down);
}
