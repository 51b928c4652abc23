// SPDX-License-Identifier: BSD-2-Clause
/*
 * livemode DEVICE SOURCE DESTINATION MAC COUNT: sends COUNT UDP frames of 64 bytes out of DEVICE as
 * fast as the kernel makes them (BPF_PROG_TEST_RUN in live mode, redirected into the device), from
 * one IPv4 address to another and a MAC. Prints ns for each, by its own clock: the kernel tells
 * whole ones only. How many arrived, the far end knows.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
	char payload[22];
} __attribute__((packed, aligned(2)));

static void die(const char *what)
{
	fprintf(stderr, "livemode: %s: %s\n", what, strerror(errno));
	exit(1);
}

static __u16 checksum(const struct frame *f)
{
	const __u16 *w = (const __u16 *)f + sizeof(f->eth) / 2;
	__u32 sum = 0;

	for (size_t i = 0; i < sizeof(f->ip) / 2; i++)
		sum += w[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

static struct frame make_frame(char **argv)
{
	struct frame f = {
		.eth = {.h_source = {2, 0, 0, 0, 0, 1}, .h_proto = htons(ETH_P_IP)},
		.ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP},
		.udp = {.source = htons(4000), .dest = htons(4001)},
	};
	unsigned char *mac = f.eth.h_dest;

	if (inet_pton(AF_INET, argv[2], &f.ip.saddr) != 1 ||
	    inet_pton(AF_INET, argv[3], &f.ip.daddr) != 1 ||
	    sscanf(argv[4], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1, mac + 2, mac + 3,
		   mac + 4, mac + 5) != 6) {
		errno = EINVAL;
		die("an address");
	}
	f.ip.tot_len = htons(sizeof(f) - sizeof(f.eth));
	f.ip.check = checksum(&f);
	f.udp.len = htons(sizeof(f.udp) + sizeof(f.payload));
	return f;
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(int argc, char **argv)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
	struct frame f;
	double begun;
	int prog;

	if (argc != 6)
		return fprintf(stderr, "usage: livemode DEVICE SOURCE DESTINATION MAC COUNT\n"), 2;
	f = make_frame(argv);

	/* return bpf_redirect(DEVICE, 0) */
	struct bpf_insn redirect[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 1, .imm = if_nametoindex(argv[1])},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect},
		{.code = BPF_JMP | BPF_EXIT},
	};

	prog = bpf_prog_load(BPF_PROG_TYPE_XDP, "livemode", "Dual BSD/GPL", redirect, 4, NULL);
	if (prog < 0)
		die("the generator");
	opts.data_in = &f;
	opts.data_size_in = sizeof(f);
	opts.repeat = atoi(argv[5]);
	begun = now_ns();
	if (bpf_prog_test_run_opts(prog, &opts) < 0)
		die("BPF_PROG_TEST_RUN in live mode");
	printf("%.2f\n", (now_ns() - begun) / opts.repeat);
	return 0;
}
