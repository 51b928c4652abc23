// SPDX-License-Identifier: BSD-2-Clause
// attach_device() by clsact, as on kernels before 6.6: nothing of others' touched, nothing half
// done.

#include "attach_clsact.h"

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
		cmocka_unit_test_setup(refuses_an_ingress_qdisc, test_setup),
		cmocka_unit_test_setup(refuses_a_shared_block, test_setup),
		cmocka_unit_test_setup(undoes_what_it_did, test_setup),
		cmocka_unit_test_setup(refuses_tcx_where_there_is_none, test_setup),
	};

	return cmocka_run_group_tests(tests, env_setup, env_teardown);
}
