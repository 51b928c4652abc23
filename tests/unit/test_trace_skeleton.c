/* SPDX-License-Identifier: BSD-2-Clause */
/* The builds of the tracer's programs are interchangeable, and no hook lacks its program. */
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
	for (int build = 0; build < EVENTS_BUILDS; build++) {
		struct events_bpf *skel = events_open(build);

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
static void same_maps(enum events_build build)
{
	struct events_bpf *a = events_open(EVENTS_LOOP), *b = events_open(build);
	struct bpf_map *map, *other;
	int count[2] = {0};

	assert_non_null(a);
	assert_non_null(b);
	bpf_object__for_each_map(map, a->obj)
	{
		count[0]++;
		other = bpf_object__find_map_by_name(b->obj, bpf_map__name(map));
		if (!other)
			fail_msg("no map %s in build %d", bpf_map__name(map), build);
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

/* Where each global lies, by the object's own account: user space knows one build's. */
static void same_globals(enum events_build build)
{
	static const char *const sections[] = {".rodata", ".bss"};
	struct events_bpf *a = events_open(EVENTS_LOOP), *b = events_open(build);
	const struct btf *x = bpf_object__btf(a->obj), *y = bpf_object__btf(b->obj);

	for (int i = 0; i < 2; i++) {
		const struct btf_type *s = btf__type_by_id(
			x, btf__find_by_name_kind(x, sections[i], BTF_KIND_DATASEC));
		const struct btf_type *t = btf__type_by_id(
			y, btf__find_by_name_kind(y, sections[i], BTF_KIND_DATASEC));

		assert_int_equal(btf_vlen(s), btf_vlen(t));
		for (int v = 0; v < btf_vlen(s); v++) {
			const struct btf_var_secinfo *p = btf_var_secinfos(s) + v;
			const struct btf_var_secinfo *q = btf_var_secinfos(t) + v;

			assert_int_equal(p->offset, q->offset);
			assert_int_equal(p->size, q->size);
			assert_string_equal(
				btf__name_by_offset(x, btf__type_by_id(x, p->type)->name_off),
				btf__name_by_offset(y, btf__type_by_id(y, q->type)->name_off));
		}
	}
	events_bpf__destroy(a);
	events_bpf__destroy(b);
}

static void builds_are_interchangeable(void **state)
{
	for (int build = 0; build < EVENTS_BUILDS; build++) {
		same_maps(build);
		same_globals(build);
	}
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
		cmocka_unit_test(builds_are_interchangeable),
		cmocka_unit_test(every_event_has_a_feature),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
