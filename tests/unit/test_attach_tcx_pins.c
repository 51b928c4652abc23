// SPDX-License-Identifier: BSD-2-Clause
// attach_device() by tcx: what the pins say, and the kernel does not: moves that were killed, links
// that are dead, devices that went.

#include "attach_tcx.h"

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
		cmocka_unit_test_setup(ends_a_move_that_was_killed, test_setup),
		cmocka_unit_test_setup(detaches_a_move_that_was_killed, test_setup),
		cmocka_unit_test_setup(replaces_a_detached_link, test_setup),
		cmocka_unit_test_setup(replaces_the_pin_of_a_device_that_went, test_setup),
		cmocka_unit_test_setup(replaces_the_pin_of_a_device_that_moved, test_setup),
		cmocka_unit_test_setup(refuses_a_program_that_is_there_without_a_pin, test_setup),
	};

	return cmocka_run_group_tests(tests, env_setup, env_teardown);
}
