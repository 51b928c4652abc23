// SPDX-License-Identifier: BSD-2-Clause
// attach_device() by tcx: first in line, kept there, nothing of others' touched.

#include "attach_tcx.h"

static void attaches_both_ways(void **state)
{
	struct device_progs p;
	struct device_state s;
	struct link_info link;

	begin_tcx();
	link = make_veth();
	p = load_ours();
	assert_true(passes("veth0", "veth1"));
	attach(&link, &p);
	s = state_of(&link, &p);
	assert_true(s.in.attached && s.in.tcx && !s.in.blocked);
	assert_true(s.out.attached && s.out.tcx && !s.out.blocked);
	assert_int_equal(s.in.prog_id, id_of(p.tc_in));
	assert_int_equal(s.out.prog_id, id_of(p.tc_out));
	assert_string_equal(s.in.ahead, "");
	assert_int_equal(s.xdp, XDP_OFF);
	assert_int_equal(s.foreign_xdp_id, 0);
	assert_false(passes("veth0", "veth1"));
	assert_false(passes("veth1", "veth0"));
	assert_int_equal(count_pins(), 2);
	assert_true(pin_exists(link.ifindex, "in") && pin_exists(link.ifindex, "out"));
	assert_int_equal(clsact_present(link.ifindex), QDISC_NONE);

	assert_ok(detach_device(env_links, link.ifindex, false, &env_err));
	assert_int_equal(count_pins(), 0);
	assert_int_equal(list_of(link.ifindex, DIR_IN).count, 0);
	assert_int_equal(list_of(link.ifindex, DIR_OUT).count, 0);
	assert_true(passes("veth0", "veth1"));
	assert_ok(detach_device(env_links, link.ifindex, false, &env_err));
	close_ours(&p);
}

static void second_time_changes_nothing(void **state)
{
	struct tcx_list before, after;
	struct device_progs p;
	struct link_info link;

	begin_tcx();
	link = make_veth();
	p = load_ours();
	attach(&link, &p);
	before = list_of(link.ifindex, DIR_IN);
	attach(&link, &p);
	after = list_of(link.ifindex, DIR_IN);
	assert_int_equal(before.count, 1);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(count_pins(), 2);
	close_ours(&p);
}

static void another_program_goes_in_place(void **state)
{
	struct tcx_list before, after;
	struct device_progs p, q;
	struct link_info link;

	begin_tcx();
	link = make_veth();
	p = load_ours();
	q = load_ours();
	attach(&link, &p);
	before = list_of(link.ifindex, DIR_OUT);
	attach(&link, &q);
	after = list_of(link.ifindex, DIR_OUT);
	assert_int_equal(after.count, 1);
	assert_int_equal(after.link_id[0], before.link_id[0]);
	assert_int_equal(after.prog_id[0], id_of(q.tc_out));
	close_ours(&p);
	close_ours(&q);
}

static void goes_before_and_after_others(void **state)
{
	int one, two, link_one, link_two;
	struct device_progs p;
	struct tcx_list list;
	struct link_info link;

	begin_tcx();
	link = make_veth();
	p = load_ours();
	one = load_tc("one", TC_ACT_OK);
	two = load_tc("two", TC_ACT_OK);
	link_one = foreign_tcx(link.ifindex, DIR_IN, one, false);
	assert_true(link_one >= 0);
	attach(&link, &p);
	link_two = foreign_tcx(link.ifindex, DIR_IN, two, false);
	assert_true(link_two >= 0);
	list = list_of(link.ifindex, DIR_IN);
	assert_int_equal(list.count, 3);
	assert_int_equal(list.prog_id[0], id_of(p.tc_in));
	assert_int_equal(list.prog_id[1], id_of(one));
	assert_int_equal(list.prog_id[2], id_of(two));
	assert_false(state_of(&link, &p).in.blocked);
	assert_false(passes("veth1", "veth0"));

	assert_ok(detach_device(env_links, link.ifindex, true, &env_err));
	list = list_of(link.ifindex, DIR_IN);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.prog_id[0], id_of(one));
	assert_int_equal(list.prog_id[1], id_of(two));
	close(link_one);
	close(link_two);
	close(one);
	close(two);
	close_ours(&p);
}

static void tells_who_came_before_and_passes_him(void **state)
{
	struct device_progs p;
	struct device_state s;
	struct tcx_list list;
	struct link_info link;
	char expected[64];
	int loud, fd;

	begin_tcx();
	link = make_veth();
	p = load_ours();
	attach(&link, &p);
	loud = load_tc("loud", TC_ACT_OK);
	fd = foreign_tcx(link.ifindex, DIR_OUT, loud, true);
	assert_true(fd >= 0);
	assert_true(passes("veth0", "veth1")); /* that is what it would mean */
	s = state_of(&link, &p);
	assert_true(s.out.attached && s.out.tcx && s.out.blocked);
	assert_int_equal(s.out.prog_id, id_of(p.tc_out));
	snprintf(expected, sizeof(expected), "tcx program loud (id %u)", id_of(loud));
	assert_string_equal(s.out.ahead, expected);
	assert_false(s.in.blocked);

	attach(&link, &p);
	s = state_of(&link, &p);
	assert_true(s.out.attached && s.out.tcx && !s.out.blocked);
	assert_int_equal(s.out.prog_id, id_of(p.tc_out));
	list = list_of(link.ifindex, DIR_OUT);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.prog_id[1], id_of(loud));
	assert_false(passes("veth0", "veth1"));
	assert_int_equal(count_pins(), 2);
	assert_ok(detach_device(env_links, link.ifindex, false, &env_err));
	assert_int_equal(list_of(link.ifindex, DIR_OUT).count, 1);
	close(fd);
	close(loud);
	close_ours(&p);
}

/* Ours is behind a program that lets all go on to it: a gap in the moves would let frames out. */
static void moves_to_the_front_without_a_gap(void **state)
{
	struct device_progs p;
	struct link_info link;
	int other, fd, in, i;
	pid_t pid;

	begin_tcx();
	link = make_veth();
	p = load_ours();
	other = load_tc("other", NEXT);
	attach(&link, &p);
	in = packet_socket("veth1");
	pid = flood_begin("veth0");
	for (i = 0; i < rounds(40); i++) {
		fd = foreign_tcx(link.ifindex, DIR_OUT, other, true);
		assert_true(fd >= 0);
		assert_true(state_of(&link, &p).out.blocked);
		attach(&link, &p);
		assert_false(state_of(&link, &p).out.blocked);
		bpf_link_detach(fd);
		close(fd);
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

static void undoes_what_it_did(void **state)
{
	struct attach_result res = {.xdp_errno = 99};
	struct device_progs p, broken;
	struct error err = {};
	struct link_info link;

	begin_tcx();
	link = make_veth();
	p = load_ours();
	broken = p;
	broken.tc_out = p.xdp; /* not a program for tc */
	assert_true(attach_device(env_links, &link, &broken, TC_TCX, XDP_OFF, NULL, NULL, &res,
				  &err) < 0);
	assert_true(*err.text);
	assert_int_equal(res.xdp_errno, 99);
	assert_true(attach_device(env_links, &link, &broken, TC_AUTO, XDP_OFF, NULL, NULL, &res,
				  &err) < 0);
	assert_int_equal(list_of(link.ifindex, DIR_IN).count, 0);
	assert_int_equal(clsact_present(link.ifindex), QDISC_NONE);
	assert_int_equal(count_pins(), 0);

	assert_int_equal(
		attach_device("/nowhere", &link, &p, TC_AUTO, XDP_OFF, NULL, NULL, &res, &err),
		-ENOENT);
	assert_non_null(strstr(err.text, "/nowhere"));
	assert_int_equal(list_of(link.ifindex, DIR_IN).count, 0);

	/* XDP by name is refused last of all: a bridge has none of its own. */
	if (!run("ip link add br0 type bridge 2>/dev/null")) {
		link = link_of("br0");
		assert_int_equal(attach_device(env_links, &link, &p, TC_AUTO, XDP_NATIVE, NULL,
					       NULL, &res, &err),
				 -EOPNOTSUPP);
		assert_int_equal(list_of(link.ifindex, DIR_IN).count, 0);
		assert_int_equal(list_of(link.ifindex, DIR_OUT).count, 0);
		assert_int_equal(count_pins(), 0);
	}

	/* What was there before stays. */
	link = link_of("veth0");
	attach(&link, &p);
	assert_true(attach_device(env_links, &link, &broken, TC_TCX, XDP_OFF, NULL, NULL, &res,
				  &err) < 0);
	assert_true(state_of(&link, &p).in.attached);
	assert_true(state_of(&link, &p).out.attached);
	close_ours(&p);
}

static void says_so_when_the_hook_is_full(void **state)
{
	struct attach_result res;
	struct device_progs p;
	struct error err = {};
	struct link_info link;
	int i, fd;

	begin_tcx();
	link = make_veth();
	p = load_ours();
	for (i = 0; i < TCX_PROGS_MAX; i++) {
		fd = load_tc("other", NEXT);
		assert_true(foreign_tcx(link.ifindex, DIR_OUT, fd, false) >= 0);
		close(fd);
	}
	assert_int_equal(
		attach_device(env_links, &link, &p, TC_AUTO, XDP_OFF, NULL, NULL, &res, &err),
		-ERANGE);
	assert_non_null(strstr(err.text, "63 other programs"));
	assert_int_equal(list_of(link.ifindex, DIR_IN).count, 0);
	assert_int_equal(list_of(link.ifindex, DIR_OUT).count, TCX_PROGS_MAX);
	close_ours(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(attaches_both_ways, test_setup),
		cmocka_unit_test_setup(second_time_changes_nothing, test_setup),
		cmocka_unit_test_setup(another_program_goes_in_place, test_setup),
		cmocka_unit_test_setup(goes_before_and_after_others, test_setup),
		cmocka_unit_test_setup(tells_who_came_before_and_passes_him, test_setup),
		cmocka_unit_test_setup(moves_to_the_front_without_a_gap, test_setup),
		cmocka_unit_test_setup(undoes_what_it_did, test_setup),
		cmocka_unit_test_setup(says_so_when_the_hook_is_full, test_setup),
	};

	return cmocka_run_group_tests(tests, env_setup, env_teardown);
}
