/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of functions and tracepoints finds what libbpf's own search does. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include "Events/btf_names.h"
#include <cmocka.h> /* last: its fail() is a macro */

static void finds_what_libbpf_finds(void **state)
{
	struct btf *btf = btf__new_empty();
	struct btf_names *names;
	int proto, first, trace;

	assert_non_null(btf);
	btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	proto = btf__add_func_proto(btf, 1);
	first = btf__add_func(btf, "twice", BTF_FUNC_STATIC, proto);
	btf__add_func(btf, "twice", BTF_FUNC_STATIC, proto);
	trace = btf__add_typedef(btf, "btf_trace_twice", proto);
	btf__add_typedef(btf, "twice_t", proto);
	assert_int_equal(btf_names_new(&names, btf), 0);

	assert_int_equal(btf_names_find(names, "twice", BTF_KIND_FUNC), first);
	assert_int_equal(first, btf__find_by_name_kind(btf, "twice", BTF_KIND_FUNC));
	assert_int_equal(btf_names_find(names, "btf_trace_twice", BTF_KIND_TYPEDEF), trace);
	assert_int_equal(btf_names_find(names, "btf_trace_twice", BTF_KIND_FUNC), -ENOENT);
	assert_int_equal(btf_names_find(names, "once", BTF_KIND_FUNC), -ENOENT);
	assert_int_equal(btf_names_find(names, "", BTF_KIND_FUNC), -ENOENT);
	assert_ptr_equal(btf_names_proto(names, "twice"), btf__type_by_id(btf, proto));
	assert_null(btf_names_proto(names, "twice_t"));
	btf_names_free(names);
	btf__free(btf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_libbpf_finds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
