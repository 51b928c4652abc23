// SPDX-License-Identifier: BSD-2-Clause
// Every partial state that a killed command or another tool may leave: release ends it, isolate
// completes it; and what a failing attach_device() takes back.

#include "attach_env.h"

static struct attach_result attach(const struct link_info *link, const struct device_progs *p,
				   enum tc_way tc)
{
	struct attach_result res;

	assert_ok(attach_device(env_links, link, p, tc, XDP_AUTO, NULL, NULL, &res, &env_err));
	return res;
}

/* The kernel detaches an unpinned link a moment later. */
static bool bare_soon(const struct link_info *link, const struct device_progs *p)
{
	int tries;

	for (tries = 0; tries < 5000 && !bare(link, p); tries++)
		usleep(1000);
	return bare(link, p);
}

/* Each hook there, gone with its pin, or detached with its pin left. */
static void leave_partly(const struct link_info *link, int which)
{
	static const char *const hooks[] = {"in", "out", "xdp"};
	struct bpf_link_info info;
	char path[160];
	int i, fd;

	for (i = 0; i < 3; i++, which /= 3) {
		if (which % 3 == 1) {
			snprintf(path, sizeof(path), "%s/%d_%s", env_links, link->ifindex,
				 hooks[i]);
			assert_int_equal(unlink(path), 0);
		} else if (which % 3 == 2) {
			fd = open_pin(link->ifindex, hooks[i], &info);
			assert_int_equal(bpf_link_detach(fd), 0);
			close(fd);
		}
	}
}

/* From every combination release leaves nothing, and isolate completes it. */
static void ends_every_partial_state(void **state)
{
	struct device_progs p;
	struct link_info link;
	int which;

	begin();
	if (!have_tcx())
		skip_because("this kernel has no tcx; the clsact states are a test of their own");
	link = make_veth();
	p = load_ours();
	for (which = 0; which < 27; which++) {
		attach(&link, &p, TC_AUTO);
		leave_partly(&link, which);
		attach(&link, &p, TC_AUTO);
		assert_true(guarded(&link, &p));
		assert_int_equal(state_of(&link, &p).xdp, XDP_NATIVE);
		assert_int_equal(count_pins(), 3);
		leave_partly(&link, which);
		assert_ok(detach_device(env_links, link.ifindex, true, &env_err));
		assert_true(bare_soon(&link, &p));
		assert_int_equal(count_pins(), 0);
	}
	close_ours(&p);
}

static void ends_every_partial_clsact_state(void **state)
{
	struct device_progs p;
	struct link_info link;
	unsigned int missing;
	int again;

	begin();
	link = make_veth();
	p = load_ours();
	for (missing = 0; missing < 8; missing++) {
		for (again = 0; again < 2; again++) {
			attach(&link, &p, TC_CLSACT);
			if (missing & 1)
				assert_ok(tc_filter_del(link.ifindex, DIR_IN, 1, FILTER_HANDLE,
							&env_err));
			if (missing & 2)
				assert_ok(tc_filter_del(link.ifindex, DIR_OUT, 1, FILTER_HANDLE,
							&env_err));
			if (missing & 4)
				assert_ok(clsact_del(link.ifindex, &env_err));
			if (again) {
				attach(&link, &p, TC_CLSACT);
				assert_true(guarded(&link, &p));
			}
			assert_ok(detach_device(env_links, link.ifindex, true, &env_err));
			assert_true(bare(&link, &p));
			assert_int_equal(clsact_present(link.ifindex), QDISC_NONE);
			assert_int_equal(count_pins(), 0);
		}
	}
	close_ours(&p);
}

/* The pins only, and files that are no links of ours. */
static void detaches_odd_pins(void **state)
{
	struct link_info link;
	struct device_progs p;
	char path[160];
	int map;

	begin();
	link = make_veth();
	p = load_ours();
	map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "x", 4, 4, 1, NULL);
	assert_true(map >= 0);
	snprintf(path, sizeof(path), "%s/%d_in", env_links, link.ifindex);
	assert_int_equal(bpf_obj_pin(map, path), 0);
	snprintf(path, sizeof(path), "%s/%d_xdp_new", env_links, link.ifindex);
	assert_int_equal(bpf_obj_pin(p.xdp, path), 0);
	snprintf(path, sizeof(path), "%s/%d_in", env_links, link.ifindex + 1);
	assert_int_equal(bpf_obj_pin(map, path), 0);
	assert_ok(detach_device(env_links, link.ifindex, true, &env_err));
	assert_int_equal(count_pins(), 1);
	assert_true(pin_exists(link.ifindex + 1, "in"));
	close(map);
	close_ours(&p);
}

/* The last step fails: the former way's pin cannot be removed. */
static void undoes_all_hooks(void **state)
{
	struct attach_result res = {.xdp_errno = 99};
	struct device_progs p;
	struct error err = {};
	struct link_info link;
	char path[160];

	begin();
	link = make_veth();
	p = load_ours();
	snprintf(path, sizeof(path), "%s/%d_out_jump", env_links, link.ifindex);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(
		attach_device(env_links, &link, &p, TC_CLSACT, XDP_AUTO, NULL, NULL, &res, &err),
		-EISDIR);
	assert_non_null(strstr(err.text, "veth0"));
	assert_int_equal(res.xdp_errno, 99);
	assert_true(bare(&link, &p));
	assert_int_equal(clsact_present(link.ifindex), QDISC_NONE);
	assert_int_equal(count_pins(), 1);

	/* Release does what it can, and says what it could not. */
	assert_int_equal(rmdir(path), 0);
	attach(&link, &p, TC_CLSACT);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(detach_device(env_links, link.ifindex, true, &err), -EISDIR);
	assert_true(bare(&link, &p));
	assert_int_equal(rmdir(path), 0);
	close_ours(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(ends_every_partial_state, test_setup),
		cmocka_unit_test_setup(ends_every_partial_clsact_state, test_setup),
		cmocka_unit_test_setup(detaches_odd_pins, test_setup),
		cmocka_unit_test_setup(undoes_all_hooks, test_setup),
	};

	return cmocka_run_group_tests(tests, env_setup, env_teardown);
}
