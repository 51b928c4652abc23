// SPDX-License-Identifier: BSD-2-Clause
/* Grants in the filter, packet by packet: what XDP lets through to tc, and what tc lets through. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "HostIsolation/grantlayout.h"
#include "HostIsolation/kernelfacts.h"
#include "filter.skel.h"

#define PORT_OPEN 4001
#define PORT_CLOSED 4002
#define PEER "10.77.0.66"
#define PEER_ALLOWED "10.77.0.5"
#define GRANT_ID 7ULL

static struct filter_bpf *skel;
static int sock = -1;

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
	char payload[18];
} __attribute__((packed));

static struct frame frame_from(const char *peer, int proto, int port)
{
	struct frame f = {
		.eth.h_proto = htons(ETH_P_IP),
		.ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = proto},
		.udp = {.source = htons(5555), .dest = htons(port)},
	};

	f.ip.tot_len = htons(sizeof(f) - sizeof(f.eth));
	f.udp.len = htons(sizeof(f.udp) + sizeof(f.payload));
	inet_pton(AF_INET, peer, &f.ip.saddr);
	inet_pton(AF_INET, "10.77.0.1", &f.ip.daddr);
	return f;
}

static int run(struct bpf_program *prog, struct frame f)
{
	char out[256];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &f, .data_size_in = sizeof(f),
		    .data_out = out, .data_size_out = sizeof(out));

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(prog), &opts), 0);
	return opts.retval;
}

static int tc(struct frame f)
{
	return run(skel->progs.tc_in, f);
}

static int xdp(struct frame f)
{
	return run(skel->progs.xdp_in, f);
}

static void control(__u64 value)
{
	struct policy p = {.layout_version = LAYOUT_VERSION, .control = value};
	__u32 zero = 0, allowed, bit;

	inet_pton(AF_INET, PEER_ALLOWED, &allowed);
	bit = sieve_bit4(allowed);
	p.sieve[0][0].bits[bit / 64] = 1ULL << bit % 64;

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(skel->maps.policy), &zero, &p, 0), 0);
}

static void grant(__u64 until)
{
	struct grant g = {.until = until, .kind = GRANT_PID};
	__u64 id = GRANT_ID;

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(skel->maps.grants), &id, &g, 0), 0);
}

static void no_grant(void)
{
	__u64 id = GRANT_ID;

	bpf_map_delete_elem(bpf_map__fd(skel->maps.grants), &id);
}

static void mark(__u64 id)
{
	struct sock_grants marks = {.id[GRANT_PID] = id};

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(skel->maps.sock_grants), &sock, &marks, 0),
			 0);
}

static void allow_peer(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	struct lpm_key4 key = {.prefixlen = 32};
	struct allow_node node = {.until = FOREVER};
	int fd = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "allow", sizeof(key), sizeof(node), 16,
				&opts);
	__u32 bank = 0;

	assert_true(fd >= 0);
	inet_pton(AF_INET, PEER_ALLOWED, key.addr);
	assert_int_equal(bpf_map_update_elem(fd, &key, &node, 0), 0);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(skel->maps.allow_ip4), &bank, &fd, 0), 0);
	close(fd);
}

static int setup(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT_OPEN)};
	struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	struct bpf_program *prog;

	if (geteuid() || unshare(CLONE_NEWNET) < 0)
		return 0; /* the tests skip */
	setrlimit(RLIMIT_MEMLOCK, &all);
	sock = socket(AF_INET, SOCK_DGRAM, 0);
	if (sock < 0 || bind(sock, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -1;
	skel = filter_bpf__open();
	if (!skel)
		return -1;
	bpf_object__for_each_program(prog, skel->obj) bpf_program__set_autoload(prog, false);
	bpf_program__set_autoload(skel->progs.tc_in, true);
	bpf_program__set_autoload(skel->progs.xdp_in, true);
	if (filter_bpf__load(skel))
		return -1;
	allow_peer();
	return 0;
}

static int teardown(void **state)
{
	if (skel)
		filter_bpf__destroy(skel);
	if (sock >= 0)
		close(sock);
	return 0;
}

static void needs_root(void)
{
	if (skel)
		return;
	print_message("skip: needs root\n");
	skip();
}

static void xdp_without_grants(void **state)
{
	needs_root();
	control(CONTROL_ENFORCE);
	assert_int_equal(xdp(frame_from(PEER, IPPROTO_UDP, PORT_OPEN)), 1);
	assert_int_equal(xdp(frame_from(PEER, IPPROTO_UDP, PORT_CLOSED)), 1);
	assert_int_equal(xdp(frame_from(PEER_ALLOWED, IPPROTO_UDP, PORT_CLOSED)), 2);
}

/* XDP_DROP 1, XDP_PASS 2 */
static void xdp_with_grants(void **state)
{
	needs_root();
	control(CONTROL_ENFORCE | CONTROL_GRANTS);
	assert_int_equal(xdp(frame_from(PEER, IPPROTO_UDP, PORT_OPEN)), 2);
	assert_int_equal(xdp(frame_from(PEER, IPPROTO_UDP, PORT_CLOSED)), 1);
	assert_int_equal(xdp(frame_from(PEER, IPPROTO_UDPLITE, PORT_OPEN)), 1);
	assert_int_equal(xdp(frame_from(PEER, IPPROTO_SCTP, PORT_OPEN)), 1);
	assert_int_equal(xdp(frame_from(PEER, IPPROTO_TCP, PORT_OPEN)), 1);
}

static void tc_by_mark(void **state)
{
	struct frame f = frame_from(PEER, IPPROTO_UDP, PORT_OPEN);

	needs_root();
	no_grant();
	control(CONTROL_ENFORCE | CONTROL_GRANTS);
	assert_int_equal(tc(f), TC_ACT_SHOT); /* no mark */
	mark(GRANT_ID);
	assert_int_equal(tc(f), TC_ACT_SHOT); /* a mark without its grant */
	grant(FOREVER);
	assert_int_equal(tc(f), TC_ACT_UNSPEC);
	mark(GRANT_ID + 1);
	assert_int_equal(tc(f), TC_ACT_SHOT); /* of an earlier grant */
	mark(GRANT_ID);
	assert_int_equal(tc(frame_from(PEER, IPPROTO_UDP, PORT_CLOSED)), TC_ACT_SHOT);
	grant(1);
	assert_int_equal(tc(f), TC_ACT_SHOT); /* past its deadline */
	grant(FOREVER);
	control(CONTROL_ENFORCE);
	assert_int_equal(tc(f), TC_ACT_SHOT); /* the switch is off */
}

static void later_fragments(void **state)
{
	struct frame f = frame_from(PEER, IPPROTO_UDP, PORT_OPEN);

	needs_root();
	f.ip.frag_off = htons(100);
	control(CONTROL_ENFORCE);
	assert_int_equal(xdp(f), 1);
	control(CONTROL_ENFORCE | CONTROL_GRANTS);
	assert_int_equal(xdp(f), 2);	      /* tc_in may have seen the first one by then */
	assert_int_equal(tc(f), TC_ACT_SHOT); /* and here it has not */
	f.ip.protocol = IPPROTO_SCTP;
	assert_int_equal(xdp(f), 1);
}

/* A client that connects to one server again and again has one port after the other. */
static void flows_spread(void **state)
{
	for (int step = 1; step <= 2; step++) {
		static int in_bucket[GRANT_FLOW_BUCKETS];
		struct grant_flow flow = {.family = AF_INET, .peer_port = htons(443)};
		int most = 0;

		memset(in_bucket, 0, sizeof(in_bucket));
		inet_pton(AF_INET, PEER, flow.peer);
		inet_pton(AF_INET, "10.77.0.1", flow.local);
		for (int i = 0; i < 500; i++) {
			flow.local_port = htons(40000 + i * step);
			in_bucket[grant_bucket_key(&flow)]++;
		}
		for (int i = 0; i < GRANT_FLOW_BUCKETS; i++)
			if (in_bucket[i] > most)
				most = in_bucket[i];
		assert_in_range(most, 1, GRANT_FLOW_WAYS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(xdp_without_grants), cmocka_unit_test(xdp_with_grants),
		cmocka_unit_test(tc_by_mark),	      cmocka_unit_test(later_fragments),
		cmocka_unit_test(flows_spread),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
