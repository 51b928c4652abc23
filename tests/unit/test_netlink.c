// SPDX-License-Identifier: BSD-2-Clause
// netlink.c and clsact.c against the kernel: devices, neighbours, clsact qdiscs and filters.

#include "attach_env.h"
#include "rounds.h"

#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

static struct link_info *find(const struct link_vec *v, const char *name)
{
	size_t i;

	for (i = 0; i < v->count; i++)
		if (!strcmp(v->items[i].name, name))
			return &v->items[i];
	return NULL;
}

static void lists_devices(void **state)
{
	struct link_vec v = {};
	struct link_info *lo, *veth;

	begin();
	make_veth();
	assert_ok(links_dump(&v, &env_err));
	lo = find(&v, "lo");
	veth = find(&v, "veth0");
	assert_non_null(lo);
	assert_non_null(veth);
	assert_true(lo->loopback);
	assert_int_equal(lo->ifindex, 1);
	assert_false(veth->loopback);
	assert_string_equal(veth->kind, "veth");
	assert_int_equal(veth->type, ARPHRD_ETHER);
	assert_int_equal(veth->header, LINK_ETHERNET);
	assert_true(veth->flags & IFF_UP);
	assert_int_equal(veth->ifindex, if_nametoindex("veth0"));
	assert_int_equal(veth->xdp_prog_id, 0);
	link_vec_free(&v);
	assert_int_equal(v.count, 0);
}

static void tells_headers_apart(void **state)
{
	static const struct {
		const char *add, *name;
		enum link_header header;
	} kinds[] = {
		{"tuntap add tun0 mode tun", "tun0", LINK_IP},
		{"tuntap add tap0 mode tap", "tap0", LINK_ETHERNET},
		{"link add br0 type bridge", "br0", LINK_ETHERNET},
		{"link add mv0 link veth0 type macvlan", "mv0", LINK_ETHERNET},
		{"link add vx0 type vxlan id 7 dstport 4789 dev veth0", "vx0", LINK_ETHERNET},
		{"link add ifb9 type ifb", "ifb9", LINK_ETHERNET},
		{"link add vlan0 link veth0 type vlan id 5", "vlan0", LINK_ETHERNET},
		{"link add bond9 type bond", "bond9", LINK_ETHERNET},
		{"link add dummy9 type dummy", "dummy9", LINK_ETHERNET},
		{"link add wg0 type wireguard", "wg0", LINK_IP},
		{"link add ipip0 type ipip local 10.0.0.1", "ipip0", LINK_IP},
		{"link add sit9 type sit local 10.0.0.1", "sit9", LINK_IP},
		{"link add gre9 type gre local 10.0.0.1", "gre9", LINK_IP},
		{"link add gt9 type gretap local 10.0.0.1 remote 10.0.0.2", "gt9", LINK_ETHERNET},
		{"link add ip6g type ip6gre local 2001:db8::1", "ip6g", LINK_IP},
		{"link add ip6t type ip6tnl local 2001:db8::1", "ip6t", LINK_IP},
		{"link add nl9 type nlmon", "nl9", LINK_UNKNOWN},
	};
	struct link_info link;
	size_t i, made = 0;

	begin();
	make_veth();
	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (run("ip %s 2>/dev/null", kinds[i].add)) {
			printf("# this kernel has no `ip %s`\n", kinds[i].add);
			continue;
		}
		link = link_of(kinds[i].name);
		if (link.header != kinds[i].header)
			fail_msg("%s (ARPHRD %u) read as %d", kinds[i].name, link.type,
				 link.header);
		made++;
	}
	if (!made)
		skip_because("no kind of device but veth");
}

static void set_tun_type(const char *name, short mode, int type)
{
	struct ifreq req = {.ifr_flags = mode | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	assert_int_equal(ioctl(fd, TUNSETIFF, &req), 0);
	assert_int_equal(ioctl(fd, TUNSETLINK, type), 0);
	close(fd);
}

static void tun_cannot_lie(void **state)
{
	struct link_info link;

	begin();
	if (run("ip tuntap add tun0 mode tun 2>/dev/null && ip tuntap add tap0 mode tap"))
		skip_because("no tun devices");
	set_tun_type("tun0", IFF_TUN, ARPHRD_ETHER);
	set_tun_type("tap0", IFF_TAP, ARPHRD_NONE);
	link = link_of("tun0");
	assert_int_equal(link.type, ARPHRD_ETHER);
	assert_int_equal(link.header, LINK_IP);
	link = link_of("tap0");
	assert_int_equal(link.type, ARPHRD_NONE);
	assert_int_equal(link.header, LINK_ETHERNET);
}

static void reads_one(void **state)
{
	struct link_info link = {.ifindex = 77}, veth;
	struct error err = {};

	begin();
	veth = make_veth();
	assert_ok(link_read(veth.ifindex, &link, &env_err));
	assert_string_equal(link.name, "veth0");
	link.ifindex = 77;
	assert_int_equal(link_read(9999, &link, &err), -ENODEV);
	assert_int_equal(link.ifindex, 77);
	assert_non_null(strstr(err.text, "9999"));
}

/* More than one receive buffer. */
static void lists_many(void **state)
{
	struct link_vec v = {};
	char name[16];
	int i;

	begin();
	assert_ok(run("for i in $(seq 200); do"
		      "	echo link add a$i type veth peer name b$i; done | ip -batch -"));
	assert_ok(links_dump(&v, &env_err));
	assert_true(v.count >= 401); /* some kernels give every namespace tunl0, sit0, … */
	for (i = 1; i <= 200; i++) {
		snprintf(name, sizeof(name), "a%d", i);
		assert_non_null(find(&v, name));
		name[0] = 'b';
		assert_non_null(find(&v, name));
	}
	link_vec_free(&v);
}

/* A list interrupted by changes is read again: whole, and nothing twice. */
static void lists_while_changing(void **state)
{
	struct link_vec v = {};
	size_t i, stable;
	pid_t pid;
	int n;

	begin();
	assert_ok(run("for i in $(seq 100); do"
		      "	echo link add a$i type veth peer name b$i; done | ip -batch -"));
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		for (n = 0; n < rounds(100); n++)
			run("(echo link add x type veth peer name y; echo link del x) | ip -batch "
			    "-");
		_exit(0);
	}
	for (n = 0; n < rounds(300); n++) {
		assert_ok(links_dump(&v, &env_err));
		for (i = stable = 0; i < v.count; i++)
			stable += v.items[i].name[0] == 'a' || v.items[i].name[0] == 'b';
		assert_int_equal(stable, 200);
		link_vec_free(&v);
	}
	flood_end(pid);
}

struct seen {
	char text[512];
	int calls, fail_at;
};

static int see(const __u8 addr[16], void *arg)
{
	struct seen *s = arg;
	char word[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET6, addr, word, sizeof(word));
	strcat(strcat(s->text, word), " ");
	return ++s->calls == s->fail_at ? -ENOSPC : 0;
}

static void lists_neighbours(void **state)
{
	struct seen s = {};

	begin();
	if (access("/proc/sys/net/ipv6", F_OK))
		skip_because("no IPv6");
	make_veth();
	assert_ok(run("echo 0 > /proc/sys/net/ipv6/conf/veth0/disable_ipv6"));
	assert_ok(neighbours6_dump(see, &s, &env_err));
	assert_int_equal(s.calls, 0);

	assert_ok(run("for i in 1:reachable 2:stale 3:permanent 4:delay 5:probe; do"
		      "	echo neigh add fe80::${i%%:*} dev veth0 lladdr 2:0:0:0:0:1"
		      " nud ${i#*:}; done | ip -batch -"));
	assert_ok(run("ip neigh add fe80::a dev veth0 lladdr 2:0:0:0:0:1 nud noarp"));
	assert_ok(run("ip neigh add fe80::b dev veth0 lladdr 2:0:0:0:0:1 nud none"));
	assert_ok(run("ip neigh add fe80::c dev veth0 nud failed"));
	assert_ok(run("ip neigh add fe80::d dev veth0 nud incomplete"));
	assert_ok(run("ip neigh add 10.0.0.1 dev veth0 lladdr 2:0:0:0:0:1 nud permanent"));
	assert_ok(neighbours6_dump(see, &s, &env_err));
	assert_int_equal(s.calls, 5);
	assert_non_null(strstr(s.text, "fe80::1 "));
	assert_non_null(strstr(s.text, "fe80::2 "));
	assert_non_null(strstr(s.text, "fe80::3 "));
	assert_non_null(strstr(s.text, "fe80::4 "));
	assert_non_null(strstr(s.text, "fe80::5 "));

	s = (struct seen){.fail_at = 2};
	assert_int_equal(neighbours6_dump(see, &s, &env_err), -ENOSPC);
	assert_int_equal(s.calls, 2);
}

static void makes_and_removes_clsact(void **state)
{
	struct error err = {};
	int i;

	begin();
	i = make_veth().ifindex;
	assert_int_equal(clsact_present(i), QDISC_NONE);
	assert_true(clsact_del(i, NULL) < 0);
	assert_ok(clsact_add(i, &env_err));
	assert_int_equal(clsact_present(i), QDISC_CLSACT);
	assert_int_equal(clsact_add(i, &err), -EEXIST);
	assert_non_null(strstr(err.text, "veth0"));
	assert_int_equal(clsact_present(index_of("veth1")), QDISC_NONE);
	assert_ok(clsact_del(i, &env_err));
	assert_int_equal(clsact_present(i), QDISC_NONE);
	assert_int_equal(clsact_present(9999), -ENODEV);
	assert_int_equal(clsact_add(9999, NULL), -ENODEV);
}

static void spares_ingress(void **state)
{
	struct tc_filter_vec v = {};
	int i;

	begin();
	i = make_veth().ifindex;
	assert_ok(run("tc qdisc add dev veth0 ingress"));
	assert_int_equal(clsact_present(i), QDISC_INGRESS);
	assert_int_equal(clsact_add(i, NULL), -EEXIST);
	assert_int_equal(clsact_del(i, NULL), -EINVAL);
	assert_int_equal(clsact_present(i), QDISC_INGRESS);
	if (run("tc filter add dev veth0 ingress pref 3 protocol ip u32 match ip dst 10.0.0.1 2>&1"))
		skip_because("no cls_u32");
	assert_ok(tc_filters_dump(i, DIR_IN, &v, &env_err));
	assert_true(v.count > 0);
	tc_filter_vec_free(&v);
	assert_ok(tc_filters_dump(i, DIR_OUT, &v, &env_err));
	assert_int_equal(v.count, 0);
}

static void sets_filters(void **state)
{
	struct tc_filter_vec v = {};
	int i, one, two;

	begin();
	i = make_veth().ifindex;
	one = load_tc("one", TC_ACT_OK);
	two = load_tc("two", TC_ACT_SHOT);
	assert_ok(tc_filters_dump(i, DIR_IN, &v, &env_err));
	assert_int_equal(v.count, 0);
	assert_int_equal(tc_filters_dump(9999, DIR_IN, &v, NULL), -ENODEV);
	assert_ok(clsact_add(i, &env_err));
	assert_ok(tc_filter_add(i, DIR_OUT, 7, 0x10, one, "first", &env_err));
	assert_int_equal(tc_filter_add(i, DIR_OUT, 7, 0x10, two, "same", NULL), -EEXIST);
	assert_ok(tc_filters_dump(i, DIR_OUT, &v, &env_err));
	assert_int_equal(v.count, 1);
	assert_int_equal(v.items[0].parent, 0xfff3);
	assert_int_equal(v.items[0].priority, 7);
	assert_int_equal(v.items[0].protocol, ETH_P_ALL);
	assert_int_equal(v.items[0].handle, 0x10);
	assert_int_equal(v.items[0].chain, 0);
	assert_string_equal(v.items[0].kind, "bpf");
	assert_string_equal(v.items[0].name, "first");
	assert_int_equal(v.items[0].prog_id, id_of(one));
	assert_true(v.items[0].direct_action);
	tc_filter_vec_free(&v);
	assert_ok(tc_filters_dump(i, DIR_IN, &v, &env_err));
	assert_int_equal(v.count, 0);

	assert_true(passes("veth0", "veth1"));
	assert_ok(tc_filter_replace(i, DIR_OUT, 7, 0x10, two, "first", &env_err));
	assert_false(passes("veth0", "veth1"));
	assert_ok(tc_filters_dump(i, DIR_OUT, &v, &env_err));
	assert_int_equal(v.count, 1);
	assert_int_equal(v.items[0].prog_id, id_of(two));
	tc_filter_vec_free(&v);

	assert_int_equal(tc_filter_del(i, DIR_OUT, 7, 0, NULL), -EINVAL);
	assert_int_equal(tc_filter_del(i, DIR_OUT, 0, 0x10, NULL), -EINVAL);
	assert_int_equal(tc_filter_del(i, DIR_OUT, 7, 0x11, NULL), -ENOENT);
	assert_int_equal(tc_filter_del(i, DIR_OUT, 8, 0x10, NULL), -ENOENT);
	assert_ok(tc_filters_dump(i, DIR_OUT, &v, &env_err));
	assert_int_equal(v.count, 1);
	tc_filter_vec_free(&v);
	assert_ok(tc_filter_del(i, DIR_OUT, 7, 0x10, &env_err));
	assert_true(passes("veth0", "veth1"));
	close(one);
	close(two);
}

/* The fact that hook_clsact.c rests on: within a priority the newest bpf filter runs first. */
static void newest_filter_runs_first(void **state)
{
	struct tc_filter_vec v = {};
	int i, ok, shot;

	begin();
	i = make_veth().ifindex;
	ok = load_tc("ok", TC_ACT_OK);
	shot = load_tc("shot", TC_ACT_SHOT);
	assert_ok(clsact_add(i, &env_err));
	assert_ok(tc_filter_add(i, DIR_OUT, 1, 1, ok, "a", &env_err));
	assert_ok(tc_filter_add(i, DIR_OUT, 1, 2, shot, "b", &env_err));
	assert_false(passes("veth0", "veth1"));
	assert_ok(tc_filter_add(i, DIR_OUT, 1, 3, ok, "c", &env_err));
	assert_true(passes("veth0", "veth1"));
	assert_ok(tc_filters_dump(i, DIR_OUT, &v, &env_err));
	assert_int_equal(v.count, 3);
	assert_string_equal(v.items[0].name, "c");
	assert_string_equal(v.items[1].name, "b");
	assert_string_equal(v.items[2].name, "a");
	tc_filter_vec_free(&v);
	close(ok);
	close(shot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(lists_devices, test_setup),
		cmocka_unit_test_setup(tells_headers_apart, test_setup),
		cmocka_unit_test_setup(tun_cannot_lie, test_setup),
		cmocka_unit_test_setup(reads_one, test_setup),
		cmocka_unit_test_setup(lists_many, test_setup),
		cmocka_unit_test_setup(lists_while_changing, test_setup),
		cmocka_unit_test_setup(lists_neighbours, test_setup),
		cmocka_unit_test_setup(makes_and_removes_clsact, test_setup),
		cmocka_unit_test_setup(spares_ingress, test_setup),
		cmocka_unit_test_setup(sets_filters, test_setup),
		cmocka_unit_test_setup(newest_filter_runs_first, test_setup),
	};

	return cmocka_run_group_tests(tests, env_setup, env_teardown);
}
