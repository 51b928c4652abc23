// SPDX-License-Identifier: BSD-2-Clause
/*
 * packets [-n ROUNDS] [-r REPEAT]: what one packet costs each program, by BPF_PROG_TEST_RUN, in
 * ns. Attached to nothing: the filter lies on the packet tests' bench, in a network namespace of
 * its own. A line a sample: row, what ran, ns. Rounds are interleaved: within one, every row runs
 * once, each right behind the empty program of its type.
 */
#include "../../tests/lib/rows.h"
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "HostIsolation/grantlayout.h"
#include "tools/bench/baseline.skel.h"

#define PEER "10.0.0.5"
#define STRANGER "10.0.0.6"
#define PEER6 "2001:db8:5::5"
#define STRANGER6 "2001:db8:5::6"
#define ALLOW PEER " " PEER6 " 10.0.0.7:443/tcp"
#define GRANT_ID 7ULL
#define GRANT_PORT 4001
#define HOUR 3600000000000ULL

static struct baseline_bpf *base;
static unsigned int repeat = 500000;

static void die(const char *what)
{
	fprintf(stderr, "packets: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double run(int prog, const struct frame *f, __u32 *retval)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->data, .data_size_in = f->len,
		    .repeat = repeat);

	if (bpf_prog_test_run_opts(prog, &opts) < 0)
		die("BPF_PROG_TEST_RUN");
	*retval = opts.retval;
	return opts.duration;
}

/* A UDP socket of a process that has a grant, as the command marks it. */
static void grant_socket(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(GRANT_PORT)};
	struct grant grant = {.until = FOREVER, .kind = GRANT_PID};
	struct sock_grants marks = {.id[GRANT_PID] = GRANT_ID};
	__u64 id = GRANT_ID;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		die("a socket");
	if (bpf_map_update_elem(lab.maps.fd[MAP_grants], &id, &grant, 0) < 0 ||
	    bpf_map_update_elem(lab.maps.fd[MAP_sock_grants], &fd, &marks, 0) < 0)
		die("a grant");
}

/* The peers of the hash filter are the allowlist's. */
static void fill_peers(void)
{
	__u32 one = 1;
	__be32 peer;

	inet_pton(AF_INET, PEER, &peer);
	if (bpf_map_update_elem(bpf_map__fd(base->maps.peers), &peer, &one, 0) < 0)
		die("the hash filter's map");
}

enum against { TC, XDP };

struct bench_row {
	const char *name;
	int prog; /* enum prog_index */
	enum against type;
	__u64 control;
	bool drops;
	struct frame *packet;
	struct bpf_program *hash; /* the hash filter, where it can judge this packet */
	bool deadline;		  /* as with isolate --for */
};

static void sample(const char *row, const char *what, double ns)
{
	printf("%s\t%s\t%.0f\n", row, what, ns);
}

static void measure(const struct bench_row *r)
{
	int empty = bpf_program__fd(r->type == XDP ? base->progs.empty_xdp : base->progs.empty_tc);
	__u32 pass = r->type == XDP ? XDP_PASS : (__u32)TC_ACT_UNSPEC, retval;
	double floor, cost;

	policy_set_deadlines(&lab.maps, r->deadline ? boot_ns() + HOUR : 0, 0);
	lab_control(r->control);
	floor = run(empty, r->packet, &retval);
	cost = run(lab.progs.fd[r->prog], r->packet, &retval);
	if ((retval != pass) != r->drops) {
		fprintf(stderr, "packets: %s: returned %d\n", r->name, (int)retval);
		exit(1);
	}
	sample(r->name, "empty", floor);
	sample(r->name, "hostiso", cost);
	if (r->hash)
		sample(r->name, "hash", run(bpf_program__fd(r->hash), r->packet, &retval));
}

/* ---- the switch alone ---- */

#define FLIPS_A_ROUND 5

struct prober {
	pthread_t thread;
	const struct frame *packet;
	atomic_bool over;
	_Atomic __u64 passed; /* when the last run that passed had ended */
};

static void *probe(void *arg)
{
	struct prober *p = arg;

	while (!p->over) {
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p->packet->data,
			    .data_size_in = p->packet->len);

		if (bpf_prog_test_run_opts(lab.progs.fd[PROG_tc_out], &opts) < 0)
			die("BPF_PROG_TEST_RUN");
		if (opts.retval != TC_ACT_SHOT)
			p->passed = boot_ns();
	}
	return NULL;
}

/* One processor judges packets without end, another switches. */
static void measure_flip(void)
{
	struct prober p = {.packet = out4(STRANGER, tcp(4000, 80, ACK))};
	__u64 store;

	policy_set_deadlines(&lab.maps, 0, 0);
	lab_control(0);
	if (pthread_create(&p.thread, NULL, probe, &p))
		die("a thread");
	usleep(2000);
	store = boot_ns();
	lab_control(CONTROL_ENFORCE);
	usleep(5000);
	p.over = true;
	pthread_join(p.thread, NULL);
	printf("flip\thostiso\t%.4f\n", p.passed > store ? (p.passed - store) / 1e6 : 0.0);
}

int main(int argc, char **argv)
{
	unsigned int rounds = 5;
	int opt;

	while ((opt = getopt(argc, argv, "n:r:")) != -1) {
		if (opt == 'n')
			rounds = atoi(optarg);
		else if (opt == 'r')
			repeat = atoi(optarg);
		else
			return fprintf(stderr, "usage: packets [-n ROUNDS] [-r REPEAT]\n"), 2;
	}
	if (unshare(CLONE_NEWNET) < 0)
		die("a network namespace");
	if (lab_up(NULL) < 0)
		return 1;
	base = baseline_bpf__open_and_load();
	if (!base)
		die("the baseline programs");
	lab_allow(ALLOW);
	grant_socket();
	fill_peers();

	const __u64 on = CONTROL_ENFORCE, grants = CONTROL_ENFORCE | CONTROL_GRANTS;
	const struct bench_row rows[] = {
		{"tc out, not isolated", PROG_tc_out, TC, 0, false,
		 out4(STRANGER, tcp(4000, 80, ACK))},
		{"tc out, IPv4 allowed", PROG_tc_out, TC, on, false, out4(PEER, tcp(4000, 80, ACK)),
		 base->progs.hash_tc},
		{"tc out, IPv4 allowed, with grants", PROG_tc_out, TC, grants, false,
		 out4(PEER, tcp(4000, 80, ACK))},
		{"tc out, IPv4 drop", PROG_tc_out, TC, on, true, out4(STRANGER, tcp(4000, 80, ACK)),
		 base->progs.hash_tc},
		{"tc out, IPv4 drop, with a deadline", PROG_tc_out, TC, on, true,
		 out4(STRANGER, tcp(4000, 80, ACK)), NULL, true},
		{"tc out, IPv6 allowed", PROG_tc_out, TC, on, false,
		 out6(PEER6, tcp(4000, 80, ACK))},
		{"tc out, IPv6 drop", PROG_tc_out, TC, on, true,
		 out6(STRANGER6, tcp(4000, 80, ACK))},
		{"tc out, port entry", PROG_tc_out, TC, on, false,
		 out4("10.0.0.7", tcp(4000, 443, ACK))},
		{"tc in, IPv4 allowed", PROG_tc_in, TC, on, false, in4(PEER, tcp(80, 4000, ACK))},
		{"tc in, IPv4 allowed, with grants", PROG_tc_in, TC, grants, false,
		 in4(PEER, tcp(80, 4000, ACK))},
		{"tc in, IPv4 drop", PROG_tc_in, TC, on, true, in4(STRANGER, udp(80, 4000))},
		{"tc in, granted socket", PROG_tc_in, TC, grants, false,
		 in4(STRANGER, udp(80, GRANT_PORT))},
		{"xdp, not isolated", PROG_xdp_in, XDP, 0, false, in4(STRANGER, udp(80, 4000))},
		{"xdp, IPv4 allowed", PROG_xdp_in, XDP, on, false, in4(PEER, udp(80, 4000)),
		 base->progs.hash_xdp},
		{"xdp, IPv4 allowed, with grants", PROG_xdp_in, XDP, grants, false,
		 in4(PEER, udp(80, 4000))},
		{"xdp, IPv4 drop", PROG_xdp_in, XDP, on, true, in4(STRANGER, udp(80, 4000)),
		 base->progs.hash_xdp},
		{"xdp, IPv6 drop", PROG_xdp_in, XDP, on, true, in6(STRANGER6, udp(80, 4000))},
	};

	for (unsigned int n = 0; n < rounds; n++)
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			measure(&rows[i]);
	for (unsigned int n = 0; n < rounds * FLIPS_A_ROUND; n++)
		measure_flip();
	lab_down(NULL);
	return 0;
}
