// SPDX-License-Identifier: BSD-2-Clause
// Somebody's tcx program came before ours: told, and passed again without a gap.

#include "attach_env.h"

#define begin_tcx()                                                                                \
	do {                                                                                       \
		begin();                                                                           \
		if (!have_tcx())                                                                   \
			skip_because("this kernel has no tcx");                                    \
	} while (0)

static struct tcx_list list_of(int ifindex, int direction)
{
	struct tcx_list list;

	assert_ok(tcx_query(ifindex, direction, &list));
	return list;
}

static struct attach_result attach(const struct link_info *link, const struct device_progs *p)
{
	struct attach_result res;

	assert_ok(attach_device(env_links, link, p, TC_AUTO, XDP_OFF, NULL, NULL, &res, &env_err));
	assert_int_equal(res.tc, TC_TCX);
	assert_int_equal(res.xdp, XDP_OFF);
	assert_false(res.clsact_made);
	return res;
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

/* What a kill in the middle of a move leaves, step by step: the next attach ends it. */
static void ends_a_move_that_was_killed(void **state)
{
	int other, other_link, stand_in, map, fd, step;
	struct bpf_link_info info;
	struct device_progs p;
	struct link_info link;
	char path[160];

	begin_tcx();
	link = make_veth();
	p = load_ours();
	other = load_tc("other", TC_ACT_OK);
	stand_in = load_tc("stand_in", TC_ACT_SHOT);
	for (step = 1; step <= 3; step++) {
		attach(&link, &p);
		map = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "x", 4, 4, 1, NULL);
		assert_true(map >= 0);
		snprintf(path, sizeof(path), "%s/%d_out_jump", env_links, link.ifindex);
		assert_int_equal(bpf_obj_pin(map, path), 0);
		other_link = foreign_tcx(link.ifindex, DIR_OUT, other, true);
		fd = open_pin(link.ifindex, "out", &info);
		if (step >= 2)
			assert_int_equal(bpf_link_update(fd, stand_in, NULL), 0);
		close(fd);
		if (step >= 3) {
			fd = tcx_attach_first(link.ifindex, DIR_OUT, p.tc_out);
			assert_true(fd >= 0);
			snprintf(path, sizeof(path), "%s/%d_out_new", env_links, link.ifindex);
			assert_int_equal(bpf_obj_pin(fd, path), 0);
			close(fd);
		}
		attach(&link, &p);
		assert_int_equal(count_pins(), 2);
		assert_int_equal(list_of(link.ifindex, DIR_OUT).count, 2);
		assert_int_equal(list_of(link.ifindex, DIR_OUT).prog_id[0], id_of(p.tc_out));
		bpf_link_detach(other_link);
		close(other_link);
		close(map);
	}
	close(other);
	close(stand_in);
	close_ours(&p);
}

/* The same three, but release comes next. */
static void detaches_a_move_that_was_killed(void **state)
{
	struct device_progs p;
	struct link_info link;
	char path[160];
	int map, fd;

	begin_tcx();
	link = make_veth();
	p = load_ours();
	attach(&link, &p);
	map = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "x", 4, 4, 1, NULL);
	snprintf(path, sizeof(path), "%s/%d_in_jump", env_links, link.ifindex);
	assert_int_equal(bpf_obj_pin(map, path), 0);
	fd = tcx_attach_first(link.ifindex, DIR_IN, p.tc_out);
	snprintf(path, sizeof(path), "%s/%d_in_new", env_links, link.ifindex);
	assert_int_equal(bpf_obj_pin(fd, path), 0);
	close(fd);
	close(map);
	assert_int_equal(list_of(link.ifindex, DIR_IN).count, 2);
	assert_ok(detach_device(env_links, link.ifindex, false, &env_err));
	assert_int_equal(list_of(link.ifindex, DIR_IN).count, 0);
	assert_int_equal(count_pins(), 0);
	close_ours(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(tells_who_came_before_and_passes_him, test_setup),
		cmocka_unit_test_setup(moves_to_the_front_without_a_gap, test_setup),
		cmocka_unit_test_setup(ends_a_move_that_was_killed, test_setup),
		cmocka_unit_test_setup(detaches_a_move_that_was_killed, test_setup),
	};

	return cmocka_run_group_tests(tests, env_setup, env_teardown);
}
