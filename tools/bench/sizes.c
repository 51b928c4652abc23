// SPDX-License-Identifier: BSD-2-Clause
/*
 * sizes [-n ROUNDS] [-r REPEAT] ENTRIES...: what a packet costs with allowlists of so many IPv4
 * addresses, in ns above an empty program, and what memory the allowlist's maps take, in MiB.
 * A line a sample: row, what, value. Peers are taken from all over the list: a lookup that finds
 * the same node again and again would be one of a warm cache.
 */
#include "../../tests/lib/rows.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "HostIsolation/bank.h"
#include "tools/bench/baseline.skel.h"

#define FIRST 0x0b000000 /* 11.0.0.0 */
#define STEP 7		 /* between two entries: neighbours would share their prefixes */
#define PEERS 32

static void die(const char *what, const char *why)
{
	fprintf(stderr, "sizes: %s: %s\n", what, why);
	exit(1);
}

static void store(unsigned int entries)
{
	struct allowlist list = {};
	struct origin origin = {};
	struct error err = {};
	__u32 id = 0;

	if (allowlist_add_origin(&list, &origin, &id) < 0)
		die("an origin", "no memory");
	for (unsigned int i = 0; i < entries; i++) {
		struct entry_key key = {
			.family = AF_INET,
			.prefixlen = 32,
			.port_hi = 0xffff,
			.dir = ENTRY_DIR_BOTH,
		};
		__be32 addr = htonl(FIRST + i * STEP);

		memcpy(key.addr, &addr, sizeof(addr));
		if (allowlist_add(&list, &key, FOREVER, id) < 0)
			die("an entry", "no memory");
	}
	if (bank_store(&lab.maps, &lab.pins, &list, &err) < 0)
		die("the allowlist", err.text);
	allowlist_free(&list);
}

static double run(int prog, const struct frame *f, unsigned int repeat)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->data, .data_size_in = f->len,
		    .repeat = repeat);

	if (bpf_prog_test_run_opts(prog, &opts) < 0)
		die("BPF_PROG_TEST_RUN", strerror(errno));
	if ((int)opts.retval != -1)
		die("an allowed packet", "dropped");
	return opts.duration;
}

/* A map in force, by the kernel's own account; 0 where there is none. */
static double map_mib(int outer)
{
	__u32 bank = !!(lab.maps.policy->control & CONTROL_BANK), id;
	char path[64], line[128];
	double bytes = 0;
	FILE *file;
	int fd;

	if (bpf_map_lookup_elem(outer, &bank, &id) < 0)
		return 0;
	fd = bpf_map_get_fd_by_id(id);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	if (!file)
		die(path, strerror(errno));
	while (fgets(line, sizeof(line), file))
		sscanf(line, "memlock: %lf", &bytes);
	fclose(file);
	close(fd);
	return bytes / (1 << 20);
}

int main(int argc, char **argv)
{
	unsigned int rounds = 5, repeat = 20000;
	struct baseline_bpf *base;
	int opt;

	while ((opt = getopt(argc, argv, "n:r:")) != -1) {
		if (opt == 'n')
			rounds = atoi(optarg);
		else if (opt == 'r')
			repeat = atoi(optarg);
		else
			return fprintf(stderr, "usage: sizes [-n ROUNDS] [-r REPEAT] N...\n"), 2;
	}
	if (lab_up(NULL) < 0)
		return 1;
	base = baseline_bpf__open_and_load();
	if (!base)
		die("the baseline programs", strerror(errno));
	for (int i = optind; i < argc; i++) {
		unsigned int entries = atoi(argv[i]);

		lab.maps.policy->limit = entries > LIMIT_DEFAULT ? entries : LIMIT_DEFAULT;
		store(entries);
		lab_control(CONTROL_ENFORCE);
		for (unsigned int n = 0; n < rounds; n++) {
			double sum = 0;

			for (unsigned int k = 0; k < PEERS; k++) {
				struct in_addr peer = {
					htonl(FIRST + (unsigned long)entries * k / PEERS * STEP)};
				struct frame *f = out4(inet_ntoa(peer), tcp(4000, 80, ACK));

				sum += run(lab.progs.fd[PROG_tc_out], f, repeat) -
				       run(bpf_program__fd(base->progs.empty_tc), f, repeat);
			}
			printf("allowlist of %u, a packet\thostiso\t%.1f\n", entries, sum / PEERS);
		}
		printf("allowlist of %u, memory\thostiso\t%.2f\n", entries,
		       map_mib(lab.maps.fd[MAP_allow_host4]) + map_mib(lab.maps.fd[MAP_allow_ip4]));
	}
	baseline_bpf__destroy(base);
	lab_down(NULL);
	return 0;
}
