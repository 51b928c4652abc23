// SPDX-License-Identifier: BSD-2-Clause
// attach_device() and XDP: native, generic, taken, off, and back.

#include "attach_env.h"

#include <bpf/libbpf.h>
#include <linux/if_link.h>

static struct attach_result attach(const struct link_info *link, const struct device_progs *p,
				   enum xdp_way way)
{
	struct attach_result res;

	assert_ok(attach_device(env_links, link, p, TC_AUTO, way, NULL, NULL, &res, &env_err));
	return res;
}

static int foreign_xdp(const struct link_info *link, int prog_fd, __u32 flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);

	return bpf_link_create(prog_fd, link->ifindex, BPF_XDP, &opts);
}

static __u32 xdp_id(const char *name)
{
	return link_of(name).xdp_prog_id;
}

static void attaches_native(void **state)
{
	struct bpf_link_info first, second;
	struct attach_result res;
	struct device_progs p;
	struct device_state s;
	struct link_info link;

	begin();
	link = make_veth();
	p = load_ours();
	res = attach(&link, &p, XDP_AUTO);
	assert_int_equal(res.xdp, XDP_NATIVE);
	assert_int_equal(res.xdp_errno, 0);
	s = state_of(&link, &p);
	assert_int_equal(s.xdp, XDP_NATIVE);
	assert_int_equal(s.foreign_xdp_id, 0);
	assert_true(s.in.attached);
	assert_int_equal(link_of("veth0").xdp_drv_prog_id, id_of(p.xdp));
	assert_int_equal(link_of("veth0").xdp_mode, XDP_ATTACHED_DRV);
	close(open_pin(link.ifindex, "xdp", &first));
	res = attach(&link, &p, XDP_NATIVE);
	assert_int_equal(res.xdp, XDP_NATIVE);
	close(open_pin(link.ifindex, "xdp", &second));
	assert_int_equal(first.id, second.id);
	assert_ok(detach_device(env_links, link.ifindex, true, &env_err));
	assert_int_equal(xdp_id("veth0"), 0);
	assert_int_equal(count_pins(), 0);
	close_ours(&p);
}

static void attaches_generic_when_asked(void **state)
{
	struct attach_result res;
	struct device_progs p;
	struct link_info link;

	begin();
	link = make_veth();
	p = load_ours();
	res = attach(&link, &p, XDP_GENERIC);
	assert_int_equal(res.xdp, XDP_GENERIC);
	assert_int_equal(state_of(&link, &p).xdp, XDP_GENERIC);
	assert_int_equal(link_of("veth0").xdp_skb_prog_id, id_of(p.xdp));
	assert_false(passes("veth1", "veth0"));
	assert_ok(detach_device(env_links, link.ifindex, true, &env_err));
	assert_int_equal(xdp_id("veth0"), 0);
	close_ours(&p);
}

static void changes_modes(void **state)
{
	struct device_progs p;
	struct link_info link;

	begin();
	link = make_veth();
	p = load_ours();
	assert_int_equal(attach(&link, &p, XDP_GENERIC).xdp, XDP_GENERIC);
	assert_int_equal(attach(&link, &p, XDP_AUTO).xdp, XDP_NATIVE);
	assert_int_equal(state_of(&link, &p).xdp, XDP_NATIVE);
	assert_int_equal(attach(&link, &p, XDP_GENERIC).xdp, XDP_GENERIC);
	assert_int_equal(state_of(&link, &p).xdp, XDP_GENERIC);
	assert_int_equal(attach(&link, &p, XDP_OFF).xdp, XDP_OFF);
	assert_int_equal(state_of(&link, &p).xdp, XDP_OFF);
	assert_int_equal(xdp_id("veth0"), 0);
	assert_false(pin_exists(link.ifindex, "xdp"));
	assert_true(state_of(&link, &p).in.attached);
	close_ours(&p);
}

static void another_program_goes_in_place(void **state)
{
	struct bpf_link_info first, second;
	struct device_progs p, q;
	struct link_info link;

	begin();
	link = make_veth();
	p = load_ours();
	q = load_ours();
	attach(&link, &p, XDP_AUTO);
	close(open_pin(link.ifindex, "xdp", &first));
	attach(&link, &q, XDP_AUTO);
	close(open_pin(link.ifindex, "xdp", &second));
	assert_int_equal(first.id, second.id);
	assert_int_equal(xdp_id("veth0"), id_of(q.xdp));
	close_ours(&p);
	close_ours(&q);
}

static int load_frags(void)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_DROP},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_XDP,
		    .prog_flags = BPF_F_XDP_HAS_FRAGS);

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "our_frags", "Dual BSD/GPL", insns, 2, &opts);
}

static void prefers_frags(void **state)
{
	struct device_progs p;
	struct link_info link;

	begin();
	link = make_veth();
	p = load_ours();
	p.xdp_frags = load_frags();
	if (p.xdp_frags < 0)
		skip_because("this kernel has no XDP frags");
	attach(&link, &p, XDP_AUTO);
	assert_int_equal(xdp_id("veth0"), id_of(p.xdp_frags));
	attach(&link, &p, XDP_AUTO);
	assert_int_equal(xdp_id("veth0"), id_of(p.xdp_frags));
	/* Either of the two is right where it is. */
	close(p.xdp_frags);
	p.xdp_frags = -1;
	attach(&link, &p, XDP_AUTO);
	assert_int_equal(xdp_id("veth0"), id_of(p.xdp));
	close_ours(&p);
}

/* A refused program of the two is no refusal. */
static void falls_back_from_frags(void **state)
{
	struct device_progs p;
	struct link_info link;

	begin();
	link = make_veth();
	p = load_ours();
	p.xdp_frags = load_tc("wrong", 0);
	assert_int_equal(attach(&link, &p, XDP_NATIVE).xdp, XDP_NATIVE);
	assert_int_equal(xdp_id("veth0"), id_of(p.xdp));
	close_ours(&p);
}

static void leaves_a_taken_slot(void **state)
{
	static const struct {
		const char *name;
		__u32 flags;
	} modes[] = {
		{"native", XDP_FLAGS_DRV_MODE},
		{"generic", XDP_FLAGS_SKB_MODE},
	};
	struct attach_result res;
	struct device_progs p;
	struct device_state s;
	struct error err = {};
	struct link_info link;
	char expected[64];
	int other, fd;
	size_t i;

	begin();
	link = make_veth();
	p = load_ours();
	other = load_xdp("theirs", XDP_PASS);
	snprintf(expected, sizeof(expected), "theirs (id %u)", id_of(other));
	for (i = 0; i < 2; i++) {
		fd = foreign_xdp(&link, other, modes[i].flags);
		assert_true(fd >= 0);
		res = attach(&link, &p, XDP_AUTO);
		assert_int_equal(res.xdp, XDP_OFF);
		assert_true(res.xdp_errno == EBUSY || res.xdp_errno == EEXIST);
		s = state_of(&link, &p);
		assert_int_equal(s.xdp, XDP_OFF);
		assert_int_equal(s.foreign_xdp_id, id_of(other));
		assert_string_equal(s.foreign_xdp, expected);
		assert_true(s.in.attached && s.out.attached);
		assert_ok(detach_device(env_links, link.ifindex, true, &env_err));
		assert_int_equal(xdp_id("veth0"), id_of(other));

		assert_true(attach_device(env_links, &link, &p, TC_AUTO, XDP_NATIVE, NULL, NULL,
					  &res, &err) < 0);
		assert_non_null(strstr(err.text, expected));
		assert_true(attach_device(env_links, &link, &p, TC_AUTO, XDP_GENERIC, NULL, NULL,
					  &res, &err) < 0);
		assert_non_null(strstr(err.text, "veth0"));
		s = state_of(&link, &p);
		assert_false(s.in.attached || s.out.attached);
		assert_int_equal(count_pins(), 0);
		assert_int_equal(clsact_present(link.ifindex), QDISC_NONE);
		assert_int_equal(xdp_id("veth0"), id_of(other));
		bpf_link_detach(fd);
		close(fd);
	}
	/* Attached by netlink, the older way, without a link. */
	assert_int_equal(bpf_xdp_attach(link.ifindex, other, XDP_FLAGS_DRV_MODE, NULL), 0);
	assert_int_equal(attach(&link, &p, XDP_AUTO).xdp_errno, EBUSY);
	assert_int_equal(state_of(&link, &p).foreign_xdp_id, id_of(other));
	close(other);
	close_ours(&p);
}

static void auto_goes_without(void **state)
{
	struct attach_result res;
	struct device_progs p;
	struct error err = {};
	struct link_info link;

	begin();
	make_veth();
	if (run("ip link add br0 type bridge 2>/dev/null && ip link set br0 up"))
		skip_because("no bridge to be refused by");
	link = link_of("br0");
	p = load_ours();
	res = attach(&link, &p, XDP_AUTO);
	assert_int_equal(res.xdp, XDP_OFF);
	assert_int_equal(res.xdp_errno, EOPNOTSUPP);
	assert_true(state_of(&link, &p).in.attached);
	assert_int_equal(
		attach_device(env_links, &link, &p, TC_AUTO, XDP_NATIVE, NULL, NULL, &res, &err),
		-EOPNOTSUPP);
	assert_non_null(strstr(err.text, "--xdp auto"));
	assert_true(state_of(&link, &p).in.attached); /* it was before */
	assert_int_equal(attach(&link, &p, XDP_GENERIC).xdp, XDP_GENERIC);

	/* Refused by name: what was there stays. */
	assert_int_equal(
		attach_device(env_links, &link, &p, TC_AUTO, XDP_NATIVE, NULL, NULL, &res, &err),
		-EOPNOTSUPP);
	assert_int_equal(state_of(&link, &p).xdp, XDP_GENERIC);

	/* A type of device without an XDP program. */
	link = link_of("veth0");
	close(p.xdp);
	p.xdp = -1;
	assert_int_equal(attach(&link, &p, XDP_AUTO).xdp_errno, EOPNOTSUPP);
	assert_false(pin_exists(link.ifindex, "xdp"));
	close_ours(&p);
}

static void replaces_stale_links(void **state)
{
	struct bpf_link_info info;
	struct device_progs p;
	struct link_info link;
	int fd;

	begin();
	link = make_veth();
	p = load_ours();
	attach(&link, &p, XDP_AUTO);
	fd = open_pin(link.ifindex, "xdp", &info);
	assert_int_equal(bpf_link_detach(fd), 0);
	close(fd);
	assert_int_equal(state_of(&link, &p).xdp, XDP_OFF);
	assert_int_equal(attach(&link, &p, XDP_AUTO).xdp, XDP_NATIVE);
	assert_int_equal(state_of(&link, &p).xdp, XDP_NATIVE);

	assert_ok(run("ip link del veth0 &&"
		      "ip link add veth0 index %d type veth peer name veth1",
		      link.ifindex));
	link = link_of("veth0");
	assert_int_equal(state_of(&link, &p).xdp, XDP_OFF);
	assert_int_equal(attach(&link, &p, XDP_AUTO).xdp, XDP_NATIVE);
	assert_int_equal(state_of(&link, &p).xdp, XDP_NATIVE);
	close_ours(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(attaches_native, test_setup),
		cmocka_unit_test_setup(attaches_generic_when_asked, test_setup),
		cmocka_unit_test_setup(changes_modes, test_setup),
		cmocka_unit_test_setup(another_program_goes_in_place, test_setup),
		cmocka_unit_test_setup(prefers_frags, test_setup),
		cmocka_unit_test_setup(falls_back_from_frags, test_setup),
		cmocka_unit_test_setup(leaves_a_taken_slot, test_setup),
		cmocka_unit_test_setup(auto_goes_without, test_setup),
		cmocka_unit_test_setup(replaces_stale_links, test_setup),
	};

	return cmocka_run_group_tests(tests, env_setup, env_teardown);
}
