// SPDX-License-Identifier: BSD-2-Clause
// attach_device() by tcx: first in line, kept there, nothing of others' touched.

#include "attach_env.h"
#include "rounds.h"

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

static void replaces_a_detached_link(void **state)
{
	struct bpf_link_info info;
	struct device_progs p;
	struct link_info link;
	int fd;

	begin_tcx();
	link = make_veth();
	p = load_ours();
	attach(&link, &p);
	fd = open_pin(link.ifindex, "in", &info);
	assert_int_equal(bpf_link_detach(fd), 0);
	close(fd);
	assert_false(state_of(&link, &p).in.attached);
	assert_true(state_of(&link, &p).out.attached);
	attach(&link, &p);
	assert_true(state_of(&link, &p).in.attached);
	assert_int_equal(count_pins(), 2);
	close_ours(&p);
}

/* Another device has the index now, and the pin is of the one that went. */
static void replaces_the_pin_of_a_device_that_went(void **state)
{
	struct link_info link, second;
	struct bpf_link_info info;
	struct device_progs p;
	int fd;

	begin_tcx();
	link = make_veth();
	p = load_ours();
	attach(&link, &p);
	assert_ok(run("ip link del veth0"));
	fd = open_pin(link.ifindex, "in", &info);
	assert_int_equal(info.xdp.ifindex, 0); /* tcx' lies at the same place */
	close(fd);
	assert_ok(run("ip link add veth0 index %d type veth peer name veth1", link.ifindex));
	second = link_of("veth0");
	assert_int_equal(second.ifindex, link.ifindex);
	assert_false(state_of(&second, &p).in.attached);
	attach(&second, &p);
	assert_true(state_of(&second, &p).in.attached);
	assert_true(state_of(&second, &p).out.attached);
	assert_int_equal(count_pins(), 2);
	close_ours(&p);
}

/* The link is alive, but on a device that has moved away; another one here has its index. */
static void replaces_the_pin_of_a_device_that_moved(void **state)
{
	struct device_progs p;
	struct link_info link;

	begin_tcx();
	link = make_veth();
	p = load_ours();
	attach(&link, &p);
	/* Tests share no names with the machine: the other namespace is a process'. */
	assert_ok(run("unshare -n sleep 5 & pid=$!; trap 'kill $pid' EXIT; sleep 0.3;"
		      "ip link set veth0 netns $pid &&"
		      "ip link add veth0 index %d type veth peer name veth2",
		      link.ifindex));
	link = link_of("veth0");
	assert_false(state_of(&link, &p).in.attached);
	attach(&link, &p);
	assert_true(state_of(&link, &p).in.attached);
	assert_true(state_of(&link, &p).out.attached);
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

static void refuses_a_program_that_is_there_without_a_pin(void **state)
{
	struct attach_result res;
	struct device_progs p;
	struct error err = {};
	struct link_info link;
	int fd;

	begin_tcx();
	link = make_veth();
	p = load_ours();
	fd = foreign_tcx(link.ifindex, DIR_IN, p.tc_in, false);
	assert_int_equal(
		attach_device(env_links, &link, &p, TC_AUTO, XDP_OFF, NULL, NULL, &res, &err),
		-EEXIST);
	assert_non_null(strstr(err.text, "veth0 ingress"));
	assert_int_equal(list_of(link.ifindex, DIR_IN).count, 1);
	close(fd);
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
		cmocka_unit_test_setup(ends_a_move_that_was_killed, test_setup),
		cmocka_unit_test_setup(detaches_a_move_that_was_killed, test_setup),
		cmocka_unit_test_setup(replaces_a_detached_link, test_setup),
		cmocka_unit_test_setup(replaces_the_pin_of_a_device_that_went, test_setup),
		cmocka_unit_test_setup(replaces_the_pin_of_a_device_that_moved, test_setup),
		cmocka_unit_test_setup(undoes_what_it_did, test_setup),
		cmocka_unit_test_setup(says_so_when_the_hook_is_full, test_setup),
		cmocka_unit_test_setup(refuses_a_program_that_is_there_without_a_pin, test_setup),
	};

	return cmocka_run_group_tests(tests, env_setup, env_teardown);
}
