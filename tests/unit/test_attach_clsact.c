// SPDX-License-Identifier: BSD-2-Clause
// attach_device() by clsact, as on kernels before 6.6: the first filter, nothing of others'
// touched.

#include "attach_env.h"

static int intents;
static int intent_index;

static int note(int ifindex, void *arg)
{
	intents++;
	intent_index = ifindex;
	/* It comes before the qdisc. */
	assert_int_equal(clsact_present(ifindex), QDISC_NONE);
	return arg ? *(int *)arg : 0;
}

static struct attach_result attach(const struct link_info *link, const struct device_progs *p)
{
	struct attach_result res;

	intents = 0;
	assert_ok(
		attach_device(env_links, link, p, TC_CLSACT, XDP_OFF, note, NULL, &res, &env_err));
	assert_int_equal(res.tc, TC_CLSACT);
	assert_int_equal(count_pins(), 0);
	return res;
}

static void assert_clear(const struct link_info *link, const struct device_progs *p)
{
	struct device_state s = state_of(link, p);

	assert_true(s.in.attached && !s.in.tcx && !s.in.blocked);
	assert_true(s.out.attached && !s.out.tcx && !s.out.blocked);
	assert_int_equal(s.in.prog_id, id_of(p->tc_in));
	assert_int_equal(s.out.prog_id, id_of(p->tc_out));
	assert_string_equal(s.in.ahead, "");
}

static size_t filters(const struct link_info *link, int direction, struct tc_filter *first)
{
	struct tc_filter_vec v;
	size_t count;

	assert_ok(tc_filters_dump(link->ifindex, direction, &v, &env_err));
	count = v.count;
	if (first && count)
		*first = v.items[0];
	tc_filter_vec_free(&v);
	return count;
}

/* The device's qdiscs and filters without what packets change. */
static char *listing(const char *dev)
{
	char cmd[256];

	snprintf(
		cmd, sizeof(cmd),
		"tc qdisc show dev %s; tc filter show dev %s ingress; tc filter show dev %s egress",
		dev, dev, dev);
	return output_of(cmd);
}

static void attaches_both_ways(void **state)
{
	struct attach_result res;
	struct device_progs p;
	struct tc_filter f;
	struct link_info link;
	char *before;

	begin();
	link = make_veth();
	before = listing("veth0");
	p = load_ours();
	res = attach(&link, &p);
	assert_true(res.clsact_made);
	assert_int_equal(intents, 1);
	assert_int_equal(intent_index, link.ifindex);
	assert_clear(&link, &p);
	assert_int_equal(filters(&link, DIR_OUT, &f), 1);
	assert_int_equal(f.priority, 1);
	assert_int_equal(f.handle, FILTER_HANDLE);
	assert_string_equal(f.name, FILTER_NAME_OUT);
	assert_int_equal(filters(&link, DIR_IN, &f), 1);
	assert_string_equal(f.name, FILTER_NAME_IN);
	assert_false(passes("veth0", "veth1"));
	assert_false(passes("veth1", "veth0"));

	assert_ok(detach_device(env_links, link.ifindex, true, &env_err));
	assert_string_equal(listing("veth0"), before);
	assert_true(passes("veth0", "veth1"));
	assert_ok(detach_device(env_links, link.ifindex, true, &env_err));
	close_ours(&p);
}

static void second_time_changes_nothing(void **state)
{
	struct attach_result res;
	struct device_progs p;
	struct link_info link;
	char *before;

	begin();
	link = make_veth();
	p = load_ours();
	attach(&link, &p);
	before = listing("veth0");
	res = attach(&link, &p);
	assert_false(res.clsact_made);
	assert_int_equal(intents, 0);
	assert_string_equal(listing("veth0"), before);
	close_ours(&p);
}

static void another_program_goes_in_place(void **state)
{
	struct device_progs p, q;
	struct link_info link;

	begin();
	link = make_veth();
	p = load_ours();
	q = load_ours();
	attach(&link, &p);
	attach(&link, &q);
	assert_clear(&link, &q);
	assert_int_equal(filters(&link, DIR_IN, NULL), 1);
	assert_int_equal(filters(&link, DIR_OUT, NULL), 1);
	close_ours(&p);
	close_ours(&q);
}

static void keeps_the_qdisc_of_others(void **state)
{
	struct attach_result res;
	struct device_progs p;
	struct link_info link;
	char *before;
	int ok;

	begin();
	link = make_veth();
	p = load_ours();
	assert_ok(clsact_add(link.ifindex, &env_err));
	before = listing("veth0");
	res = attach(&link, &p);
	assert_false(res.clsact_made);
	assert_int_equal(intents, 0);
	assert_ok(detach_device(env_links, link.ifindex, false, &env_err));
	assert_string_equal(listing("veth0"), before);

	/* Ours, but somebody's filter is in it now. */
	assert_ok(clsact_del(link.ifindex, &env_err));
	assert_true(attach(&link, &p).clsact_made);
	ok = load_tc("ok", TC_ACT_OK);
	assert_ok(tc_filter_add(link.ifindex, DIR_OUT, 9, 1, ok, "other", &env_err));
	assert_ok(detach_device(env_links, link.ifindex, true, &env_err));
	assert_int_equal(clsact_present(link.ifindex), QDISC_CLSACT);
	assert_int_equal(filters(&link, DIR_OUT, NULL), 1);
	assert_int_equal(filters(&link, DIR_IN, NULL), 0);
	close(ok);
	close_ours(&p);
}

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

static void refuses_an_ingress_qdisc(void **state)
{
	struct attach_result res;
	struct device_progs p;
	struct error err = {};
	struct link_info link;
	char *before;

	begin();
	link = make_veth();
	p = load_ours();
	assert_ok(run("tc qdisc add dev veth0 ingress"));
	before = listing("veth0");
	assert_int_equal(
		attach_device(env_links, &link, &p, TC_CLSACT, XDP_OFF, NULL, NULL, &res, &err),
		-EBUSY);
	assert_non_null(strstr(err.text, "tc qdisc del dev veth0 ingress"));
	assert_string_equal(listing("veth0"), before);
	assert_ok(detach_device(env_links, link.ifindex, true, &env_err));
	assert_string_equal(listing("veth0"), before);
	if (have_tcx()) { /* which does not need the qdisc's place */
		assert_ok(attach_device(env_links, &link, &p, TC_AUTO, XDP_OFF, NULL, NULL, &res,
					&env_err));
		assert_int_equal(res.tc, TC_TCX);
		assert_true(state_of(&link, &p).out.attached);
		assert_string_equal(listing("veth0"), before);
	}
	close_ours(&p);
}

static void refuses_a_shared_block(void **state)
{
	struct attach_result res;
	struct device_progs p;
	struct error err = {};
	struct link_info link;

	begin();
	link = make_veth();
	p = load_ours();
	assert_ok(run("tc qdisc add dev veth0 ingress_block 5 clsact"));
	assert_ok(run("tc qdisc add dev veth1 ingress_block 5 clsact"));
	assert_int_equal(
		attach_device(env_links, &link, &p, TC_CLSACT, XDP_OFF, NULL, NULL, &res, &err),
		-EOPNOTSUPP);
	assert_non_null(strstr(err.text, "shared"));
	assert_int_equal(clsact_present(link.ifindex), QDISC_CLSACT);
	assert_int_equal(filters(&link, DIR_OUT, NULL), 0);
	close_ours(&p);
}

static void undoes_what_it_did(void **state)
{
	struct attach_result res = {.xdp_errno = 99};
	struct device_progs p, broken;
	struct error err = {};
	struct link_info link;
	int refusal = -ENOSPC, ok;
	char *before;

	begin();
	link = make_veth();
	before = listing("veth0");
	p = load_ours();
	broken = p;
	broken.tc_out = p.xdp; /* not a program for tc */
	assert_true(attach_device(env_links, &link, &broken, TC_CLSACT, XDP_OFF, note, NULL, &res,
				  &err) < 0);
	assert_non_null(strstr(err.text, "egress filter to veth0"));
	assert_string_equal(listing("veth0"), before);

	assert_int_equal(
		attach_device(env_links, &link, &p, TC_CLSACT, XDP_OFF, note, &refusal, &res, &err),
		-ENOSPC);
	assert_string_equal(listing("veth0"), before);
	assert_int_equal(res.xdp_errno, 99);

	assert_ok(clsact_add(link.ifindex, &env_err));
	before = listing("veth0");
	assert_true(attach_device(env_links, &link, &broken, TC_CLSACT, XDP_OFF, note, NULL, &res,
				  &err) < 0);
	assert_string_equal(listing("veth0"), before);

	/* What was there before stays, moved or not. */
	attach(&link, &p);
	ok = load_tc("ok", TC_ACT_OK);
	assert_ok(tc_filter_add(link.ifindex, DIR_IN, 1, 1, ok, "other", &env_err));
	assert_true(attach_device(env_links, &link, &broken, TC_CLSACT, XDP_OFF, note, NULL, &res,
				  &err) < 0);
	assert_clear(&link, &p);
	close(ok);
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

static void refuses_tcx_where_there_is_none(void **state)
{
	struct attach_result res;
	struct device_progs p;
	struct error err = {};
	struct link_info link;

	begin();
	if (have_tcx())
		skip_because("this kernel has tcx");
	link = make_veth();
	p = load_ours();
	assert_int_equal(
		attach_device(env_links, &link, &p, TC_TCX, XDP_OFF, NULL, NULL, &res, &err),
		-EOPNOTSUPP);
	assert_non_null(strstr(err.text, "no tcx"));
	assert_int_equal(clsact_present(link.ifindex), QDISC_NONE);
	assert_ok(
		attach_device(env_links, &link, &p, TC_AUTO, XDP_OFF, NULL, NULL, &res, &env_err));
	assert_int_equal(res.tc, TC_CLSACT);
	assert_clear(&link, &p);
	close_ours(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(attaches_both_ways, test_setup),
		cmocka_unit_test_setup(second_time_changes_nothing, test_setup),
		cmocka_unit_test_setup(another_program_goes_in_place, test_setup),
		cmocka_unit_test_setup(keeps_the_qdisc_of_others, test_setup),
		cmocka_unit_test_setup(goes_before_bpf_filters, test_setup),
		cmocka_unit_test_setup(tells_who_came_before_and_passes_him, test_setup),
		cmocka_unit_test_setup(moves_to_the_front_without_a_gap, test_setup),
		cmocka_unit_test_setup(says_when_it_cannot_be_first, test_setup),
		cmocka_unit_test_setup(other_chains_are_not_in_the_way, test_setup),
		cmocka_unit_test_setup(refuses_an_ingress_qdisc, test_setup),
		cmocka_unit_test_setup(refuses_a_shared_block, test_setup),
		cmocka_unit_test_setup(undoes_what_it_did, test_setup),
		cmocka_unit_test_setup(changes_ways, test_setup),
		cmocka_unit_test_setup(knows_that_tcx_runs_first, test_setup),
		cmocka_unit_test_setup(refuses_tcx_where_there_is_none, test_setup),
	};

	return cmocka_run_group_tests(tests, env_setup, env_teardown);
}
