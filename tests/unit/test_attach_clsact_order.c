// SPDX-License-Identifier: BSD-2-Clause
// attach_device() by clsact: the first filter, whoever else has some, and before or behind tcx.

#include "attach_clsact.h"

/* Others at preference 1 and behind, bpf of all protocols: ours goes to the head of them. */
static void goes_before_bpf_filters(void **state)
{
	struct device_progs p;
	struct link_info link;
	struct tc_filter f;
	char *before;
	int ok;

	begin();
	link = make_veth();
	p = load_ours();
	ok = load_tc("ok", TC_ACT_OK);
	assert_ok(clsact_add(link.ifindex, &env_err));
	assert_ok(tc_filter_add(link.ifindex, DIR_OUT, 1, 1, ok, "one", &env_err));
	assert_ok(tc_filter_add(link.ifindex, DIR_OUT, 1, FILTER_HANDLE, ok, "two", &env_err));
	assert_ok(tc_filter_add(link.ifindex, DIR_OUT, 5, 1, ok, "five", &env_err));
	before = listing("veth0");
	assert_true(passes("veth0", "veth1"));
	attach(&link, &p);
	assert_clear(&link, &p);
	assert_false(passes("veth0", "veth1"));
	assert_int_equal(filters(&link, DIR_OUT, &f), 4);
	assert_string_equal(f.name, FILTER_NAME_OUT);
	assert_int_equal(f.handle, FILTER_HANDLE + 1); /* the other's is not replaced */
	assert_ok(detach_device(env_links, link.ifindex, false, &env_err));
	assert_string_equal(listing("veth0"), before);
	close(ok);
	close_ours(&p);
}

static void tells_who_came_before_and_passes_him(void **state)
{
	struct device_progs p;
	struct device_state s;
	struct link_info link;
	char expected[64];
	int ok;

	begin();
	link = make_veth();
	p = load_ours();
	ok = load_tc("ok", TC_ACT_OK);
	attach(&link, &p);
	assert_ok(tc_filter_add(link.ifindex, DIR_IN, 1, 1, ok, "evil\033[2J", &env_err));
	assert_true(passes("veth1", "veth0"));
	s = state_of(&link, &p);
	assert_true(s.in.attached && !s.in.tcx && s.in.blocked);
	assert_int_equal(s.in.prog_id, id_of(p.tc_in));
	snprintf(expected, sizeof(expected), "tc filter evil?[2J (id %u), pref 1", id_of(ok));
	assert_string_equal(s.in.ahead, expected);
	assert_false(s.out.blocked);
	attach(&link, &p);
	assert_clear(&link, &p);
	assert_int_equal(filters(&link, DIR_IN, NULL), 2);
	assert_false(passes("veth1", "veth0"));
	/* And again, with the handle that the first move left. */
	assert_ok(tc_filter_add(link.ifindex, DIR_IN, 1, 2, ok, "more", &env_err));
	attach(&link, &p);
	assert_clear(&link, &p);
	assert_int_equal(filters(&link, DIR_IN, NULL), 3);
	close(ok);
	close_ours(&p);
}

static void moves_to_the_front_without_a_gap(void **state)
{
	struct device_progs p;
	struct link_info link;
	int other, in, i;
	pid_t pid;

	begin();
	link = make_veth();
	p = load_ours();
	other = load_tc("other", NEXT);
	attach(&link, &p);
	in = packet_socket("veth1");
	pid = flood_begin("veth0");
	for (i = 1; i <= 25; i++) {
		assert_ok(tc_filter_add(link.ifindex, DIR_OUT, 1, i, other, "other", &env_err));
		assert_true(state_of(&link, &p).out.blocked);
		attach(&link, &p);
		assert_false(state_of(&link, &p).out.blocked);
		assert_ok(tc_filter_del(link.ifindex, DIR_OUT, 1, i, &env_err));
	}
	assert_int_equal(arrived(in), 0);
	assert_ok(detach_device(env_links, link.ifindex, false, &env_err));
	usleep(20000);
	flood_end(pid);
	assert_true(arrived(in) > 0); /* the flood was there all the time */
	close(in);
	close(other);
	close_ours(&p);
}

/* Preference 1 is of another kind: nothing goes before it. Ours goes right behind, and that is
 * told. */
static void says_when_it_cannot_be_first(void **state)
{
	struct device_progs p;
	struct device_state s;
	struct link_info link;
	struct tc_filter_vec v;
	char *before, *at_best;

	begin();
	link = make_veth();
	p = load_ours();
	assert_ok(clsact_add(link.ifindex, &env_err));
	if (run("tc filter add dev veth0 egress pref 1 protocol ip u32 match u32 0 0 flowid 1:1 "
		"2>/dev/null"))
		skip_because("no cls_u32");
	assert_ok(run("tc filter add dev veth0 egress pref 2 protocol 0x88b5 u32 match u32 0 0 "
		      "flowid 1:1"));
	assert_ok(run(
		"tc filter add dev veth0 egress pref 4 protocol all u32 match u32 0 0 flowid 1:1"));
	before = listing("veth0");
	attach(&link, &p);
	s = state_of(&link, &p);
	assert_true(s.out.attached && s.out.blocked);
	assert_string_equal(s.out.ahead, "tc filter u32, pref 1");
	assert_false(s.in.blocked);
	assert_true(passes("veth0", "veth1")); /* frames of the tests are 0x88b5: let out by 2 */
	assert_ok(tc_filters_dump(link.ifindex, DIR_OUT, &v, &env_err));
	while (v.count && strcmp(v.items[v.count - 1].name, FILTER_NAME_OUT))
		v.count--;
	assert_true(v.count > 0);
	assert_int_equal(v.items[v.count - 1].priority, 3);
	tc_filter_vec_free(&v);
	at_best = listing("veth0");
	attach(&link, &p);
	assert_string_equal(listing("veth0"), at_best);

	/* Once they are gone ours moves up. */
	assert_ok(run("tc filter del dev veth0 egress pref 1"));
	assert_ok(run("tc filter del dev veth0 egress pref 2"));
	attach(&link, &p);
	assert_clear(&link, &p);
	assert_false(passes("veth0", "veth1"));
	assert_ok(detach_device(env_links, link.ifindex, true, &env_err));
	assert_non_null(strstr(before, "pref 4"));
	assert_non_null(strstr(listing("veth0"), "pref 4"));
	assert_null(strstr(listing("veth0"), "hostiso"));
	close_ours(&p);
}

/* Filters of other chains run only when a filter of chain 0 jumps there. */
static void other_chains_are_not_in_the_way(void **state)
{
	struct device_progs p;
	struct link_info link;
	struct tc_filter_vec v;

	begin();
	link = make_veth();
	p = load_ours();
	assert_ok(clsact_add(link.ifindex, &env_err));
	if (run("tc filter add dev veth0 ingress chain 7 pref 1 protocol ip u32 match u32 0 0 flowid "
		"1:1 2>/dev/null"))
		skip_because("no cls_u32");
	attach(&link, &p);
	assert_clear(&link, &p);
	assert_ok(tc_filters_dump(link.ifindex, DIR_IN, &v, &env_err));
	while (v.count && strcmp(v.items[v.count - 1].name, FILTER_NAME_IN))
		v.count--;
	assert_true(v.count > 0);
	assert_int_equal(v.items[v.count - 1].priority, 1);
	tc_filter_vec_free(&v);
	close_ours(&p);
}

/* The other way was asked for before: one hook carries ours in the end, none at no moment. */
static void changes_ways(void **state)
{
	struct attach_result res;
	struct device_progs p;
	struct tcx_list list;
	struct link_info link;
	int i, in;
	pid_t pid;

	begin();
	if (!have_tcx())
		skip_because("this kernel has no tcx, there is one way only");
	link = make_veth();
	p = load_ours();
	attach(&link, &p);
	in = packet_socket("veth1");
	pid = flood_begin("veth0");
	for (i = 0; i < 6; i++) {
		assert_ok(attach_device(env_links, &link, &p, TC_AUTO, XDP_OFF, NULL, NULL, &res,
					&env_err));
		assert_int_equal(res.tc, TC_TCX);
		assert_true(state_of(&link, &p).in.tcx);
		assert_int_equal(filters(&link, DIR_IN, NULL), 0);
		assert_int_equal(filters(&link, DIR_OUT, NULL), 0);
		attach(&link, &p);
		assert_clear(&link, &p);
		assert_ok(tcx_query(link.ifindex, DIR_OUT, &list));
		assert_int_equal(list.count, 0);
	}
	flood_end(pid);
	assert_int_equal(arrived(in), 0);
	close(in);
	close_ours(&p);
}

/* tcx runs before clsact: with ours in clsact, anything there is ahead. Not the other way round. */
static void knows_that_tcx_runs_first(void **state)
{
	struct attach_result res;
	struct device_progs p;
	struct device_state s;
	struct link_info link;
	int ok, fd;

	begin();
	if (!have_tcx())
		skip_because("this kernel has no tcx");
	link = make_veth();
	p = load_ours();
	ok = load_tc("early", TC_ACT_OK);
	attach(&link, &p);
	fd = foreign_tcx(link.ifindex, DIR_OUT, ok, false);
	s = state_of(&link, &p);
	assert_true(s.out.attached && !s.out.tcx && s.out.blocked);
	assert_non_null(strstr(s.out.ahead, "tcx program early"));
	assert_true(passes("veth0", "veth1"));
	assert_false(s.in.blocked);
	close(fd);

	assert_ok(detach_device(env_links, link.ifindex, true, &env_err));
	assert_ok(clsact_add(link.ifindex, &env_err));
	assert_ok(tc_filter_add(link.ifindex, DIR_OUT, 1, 1, ok, "late", &env_err));
	assert_ok(attach_device(env_links, &link, &p, TC_TCX, XDP_OFF, NULL, NULL, &res, &env_err));
	s = state_of(&link, &p);
	assert_true(s.out.tcx && !s.out.blocked);
	assert_false(passes("veth0", "veth1"));
	close(ok);
	close_ours(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(goes_before_bpf_filters, test_setup),
		cmocka_unit_test_setup(tells_who_came_before_and_passes_him, test_setup),
		cmocka_unit_test_setup(moves_to_the_front_without_a_gap, test_setup),
		cmocka_unit_test_setup(says_when_it_cannot_be_first, test_setup),
		cmocka_unit_test_setup(other_chains_are_not_in_the_way, test_setup),
		cmocka_unit_test_setup(changes_ways, test_setup),
		cmocka_unit_test_setup(knows_that_tcx_runs_first, test_setup),
	};

	return cmocka_run_group_tests(tests, env_setup, env_teardown);
}
