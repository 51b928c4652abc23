/* SPDX-License-Identifier: BSD-2-Clause */
/* The two builds of the tracer's programs are interchangeable, and no hook lacks its program. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include "Events/select.h"
#include "Events/skeleton.h"
#include <cmocka.h> /* last: its fail() is a macro */

static void every_hook_has_a_program(void **state)
{
	for (int loop = 0; loop < 2; loop++) {
		struct events_bpf *skel = events_open(loop);

		assert_non_null(skel);
		for (int h = 1; h < HOOK_COUNT; h++) {
			if (!bpf_object__find_program_by_name(skel->obj, hook_programs[h]))
				fail_msg("no program %s", hook_programs[h]);
		}
		assert_non_null(bpf_object__find_program_by_name(skel->obj, "hook_sys_exit"));
		events_bpf__destroy(skel);
	}
}

/* A constant that a compiler put into a section of its own would be a map of one build only. */
static void same_maps(void **state)
{
	struct events_bpf *a = events_open(true), *b = events_open(false);
	struct bpf_map *map, *other;
	int count[2] = {0};

	assert_non_null(a);
	assert_non_null(b);
	bpf_object__for_each_map(map, a->obj)
	{
		count[0]++;
		other = bpf_object__find_map_by_name(b->obj, bpf_map__name(map));
		if (!other)
			fail_msg("no map %s in the old build", bpf_map__name(map));
		assert_int_equal(bpf_map__value_size(map), bpf_map__value_size(other));
	}
	bpf_object__for_each_map(map, b->obj)
	{
		count[1]++;
	}
	assert_int_equal(count[0], count[1]);
	events_bpf__destroy(a);
	events_bpf__destroy(b);
}

static void every_event_has_a_feature(void **state)
{
	__u32 all = 0;

	for (int f = 0; f < FEATURE_COUNT; f++)
		all |= feature_events[f];
	assert_int_equal(all, (1u << EVENT_COUNT) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_hook_has_a_program),
		cmocka_unit_test(same_maps),
		cmocka_unit_test(every_event_has_a_feature),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
