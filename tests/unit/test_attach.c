// SPDX-License-Identifier: BSD-2-Clause
// attach_device() and detach_device() whichever way tc goes: kinds of devices, many of them,
// devices that went.

#include "attach_env.h"
#include "rounds.h"

#include <dirent.h>

static struct attach_result attach(const struct link_info *link, const struct device_progs *p,
				   enum tc_way tc)
{
	struct attach_result res;

	assert_ok(attach_device(env_links, link, p, tc, XDP_AUTO, NULL, NULL, &res, &env_err));
	return res;
}

static void attaches_to_every_kind(void **state)
{
	static const char *const kinds[][2] = {
		{"tuntap add tun0 mode tun", "tun0"},
		{"tuntap add tap0 mode tap", "tap0"},
		{"link add br0 type bridge", "br0"},
		{"link add mv0 link veth0 type macvlan", "mv0"},
		{"link add iv0 link veth1 type ipvlan", "iv0"},
		{"link add vx0 type vxlan id 7 dstport 4789 dev veth0", "vx0"},
		{"link add ifb9 type ifb", "ifb9"},
		{"link add vlan0 link veth0 type vlan id 5", "vlan0"},
		{"link add bond9 type bond", "bond9"},
		{"link add dummy9 type dummy", "dummy9"},
		{"link add wg0 type wireguard", "wg0"},
		{"link add ipip0 type ipip local 10.0.0.1", "ipip0"},
		{"link add gre9 type gre local 10.0.0.1", "gre9"},
		{"link add ip6t type ip6tnl local 2001:db8::1", "ip6t"},
	};
	struct device_progs p;
	struct link_info link;
	size_t i, made = 0;
	enum tc_way way;

	begin();
	make_veth();
	p = load_ours();
	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (run("ip %s 2>/dev/null", kinds[i][0])) {
			printf("# this kernel has no `ip %s`\n", kinds[i][0]);
			continue;
		}
		link = link_of(kinds[i][1]);
		for (way = TC_AUTO; way <= TC_CLSACT; way++) {
			if (way == TC_TCX && !have_tcx())
				continue;
			attach(&link, &p, way);
			assert_true(guarded(&link, &p));
		}
		assert_ok(run("ip link set %s up", link.name));
		assert_true(guarded(&link, &p));
		assert_ok(detach_device(env_links, link.ifindex, true, &env_err));
		assert_true(bare(&link, &p));
		assert_int_equal(clsact_present(link.ifindex), QDISC_NONE);
		assert_int_equal(count_pins(), 0);
		made++;
	}
	if (!made)
		skip_because("no kind of device but veth");
	close_ours(&p);
}

static int present_before(int ifindex, void *arg)
{
	++*(int *)arg;
	return 0;
}

static void attaches_to_a_hundred(void **state)
{
	struct link_vec v;
	struct attach_result res;
	struct device_progs p;
	enum tc_way way;
	int intents;
	const int many = 2 * rounds(50);
	size_t i, n;

	begin();
	assert_ok(run("for i in $(seq %d); do"
		      "	echo link add a$i type veth peer name b$i; done | ip -batch -",
		      many / 2));
	p = load_ours();
	for (way = TC_AUTO; way <= TC_CLSACT; way += TC_CLSACT) {
		assert_ok(links_dump(&v, &env_err));
		for (i = n = intents = 0; i < v.count; i++) {
			if (v.items[i].loopback || strcmp(v.items[i].kind, "veth"))
				continue;
			assert_ok(attach_device(env_links, &v.items[i], &p, way, XDP_AUTO,
						present_before, &intents, &res, &env_err));
			n++;
		}
		assert_int_equal(n, many);
		assert_int_equal(intents, res.tc == TC_CLSACT ? many : 0);
		assert_int_equal(count_pins(), res.tc == TC_CLSACT ? many : 3 * many);
		for (i = 0; i < v.count; i++) {
			if (strcmp(v.items[i].kind, "veth"))
				continue;
			assert_true(guarded(&v.items[i], &p));
			assert_int_equal(state_of(&v.items[i], &p).xdp, XDP_NATIVE);
		}
		for (i = 0; i < v.count; i++)
			assert_ok(detach_device(env_links, v.items[i].ifindex, true, &env_err));
		for (i = 0; i < v.count; i++)
			assert_true(bare(&v.items[i], &p));
		assert_int_equal(count_pins(), 0);
		assert_string_equal(output_of("tc qdisc show | grep clsact || true"), "");
		link_vec_free(&v);
	}
	close_ours(&p);
}

static void knows_a_device_that_went(void **state)
{
	struct attach_result res;
	struct device_state s;
	struct device_progs p;
	struct error err = {};
	struct link_info link;
	enum tc_way way;

	begin();
	p = load_ours();
	for (way = TC_AUTO; way <= TC_CLSACT; way += TC_CLSACT) {
		link = make_veth();
		attach(&link, &p, way);
		assert_true(count_pins() > 0);
		assert_ok(run("ip link del veth0"));
		assert_int_equal(device_state_read(&link, is_one_of, &p, &s, &err), -ENODEV);
		assert_ok(detach_device(env_links, link.ifindex, true, &env_err));
		assert_int_equal(count_pins(), 0);

		assert_int_equal(
			attach_device(env_links, &link, &p, way, XDP_AUTO, NULL, NULL, &res, &err),
			-ENODEV);
		assert_true(*err.text);
		assert_int_equal(count_pins(), 0);
		assert_ok(detach_device(env_links, link.ifindex, true, &env_err));
	}
	close_ours(&p);
}

/* What a hook of one direction does not have is not asked for. */
static void attaches_one_direction(void **state)
{
	struct device_progs p, half;
	struct device_state s;
	struct link_info link;
	enum tc_way way;

	begin();
	link = make_veth();
	p = load_ours();
	half = p;
	half.tc_in = half.xdp = -1;
	for (way = TC_AUTO; way <= TC_CLSACT; way += TC_CLSACT) {
		attach(&link, &half, way);
		s = state_of(&link, &p);
		assert_false(s.in.attached);
		assert_true(s.out.attached);
		assert_false(passes("veth0", "veth1"));
		assert_true(passes("veth1", "veth0"));
		assert_ok(detach_device(env_links, link.ifindex, true, &env_err));
	}
	close_ours(&p);
}

/* Nothing of ours there: everything is false, whatever others have. */
static void reads_a_foreign_device(void **state)
{
	struct device_progs p;
	struct device_state s;
	struct link_info link;
	int ok;

	begin();
	link = make_veth();
	p = load_ours();
	ok = load_tc("theirs", TC_ACT_OK);
	assert_true(bare(&link, &p));
	assert_ok(clsact_add(link.ifindex, &env_err));
	/* Named as ours are, but not our program. */
	assert_ok(tc_filter_add(link.ifindex, DIR_IN, 1, FILTER_HANDLE, ok, FILTER_NAME_IN,
				&env_err));
	s = state_of(&link, &p);
	assert_false(s.in.attached || s.in.blocked || s.out.attached || s.out.blocked);
	assert_string_equal(s.in.ahead, "");
	assert_int_equal(s.in.prog_id, 0);
	close(ok);
	close_ours(&p);
}

static size_t open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* No file descriptor is left open. */
static void leaks_nothing(void **state)
{
	struct device_progs p;
	struct link_info link;
	size_t before;
	int i;

	begin();
	link = make_veth();
	p = load_ours();
	before = open_files();
	for (i = 0; i < 12; i++) {
		attach(&link, &p, i % 2 ? TC_AUTO : TC_CLSACT);
		assert_true(guarded(&link, &p));
		assert_ok(detach_device(env_links, link.ifindex, i % 3, &env_err));
	}
	assert_int_equal(open_files(), before);
	close_ours(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(attaches_to_every_kind, test_setup),
		cmocka_unit_test_setup(attaches_to_a_hundred, test_setup),
		cmocka_unit_test_setup(knows_a_device_that_went, test_setup),
		cmocka_unit_test_setup(attaches_one_direction, test_setup),
		cmocka_unit_test_setup(reads_a_foreign_device, test_setup),
		cmocka_unit_test_setup(leaks_nothing, test_setup),
	};

	return cmocka_run_group_tests(tests, env_setup, env_teardown);
}
