/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flood [-r RATE] [-s SECONDS] TARGET...: stamped UDP packets to each TARGET (NAMESPACE,ADDRESS,
 * PORT), RATE a second each (1000), for at most SECONDS (60). Prints "ready" and begins; refusals
 * are no reason to stop.
 */
#include "lab.h"
#include "stamp.h"

#define TARGETS_MAX 16

static int open_target(char *text)
{
	struct sockaddr_storage addr;
	char *ns = strsep(&text, ","), *host = strsep(&text, ",");
	socklen_t len;
	int fd;

	if (!host || !text)
		die(2, "flood: a target is NAMESPACE,ADDRESS,PORT");
	enter_netns(ns);
	parse_address(host, text, &addr, &len);
	fd = must(socket(addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
	must(connect(fd, (struct sockaddr *)&addr, len), "connect");
	return fd;
}

int main(int argc, char **argv)
{
	unsigned long rate = 1000, seconds = 60, i, targets;
	struct stamp stamp = {.magic = STAMP_MAGIC};
	int opt, fds[TARGETS_MAX];
	uint64_t next, end;

	while ((opt = getopt(argc, argv, "+r:s:")) != -1) {
		if (opt == 'r')
			rate = parse_number(optarg, 100000);
		else if (opt == 's')
			seconds = parse_number(optarg, 3600);
		else
			die(2, "usage: flood [-r RATE] [-s SECONDS] NAMESPACE,ADDRESS,PORT...");
	}
	targets = (unsigned long)(argc - optind);
	if (!targets || targets > TARGETS_MAX || !rate)
		die(2, "flood: between 1 and %d targets, and a rate above 0", TARGETS_MAX);
	die_with_parent();
	for (i = 0; i < targets; i++)
		fds[i] = open_target(argv[optind + (int)i]);
	puts("ready");
	fclose(stdout);

	next = now_ns(CLOCK_MONOTONIC);
	end = next + seconds * NS_PER_S;
	for (; next < end; next += NS_PER_S / rate) {
		struct timespec at = {.tv_sec = (time_t)(next / NS_PER_S),
				      .tv_nsec = (long)(next % NS_PER_S)};

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
		for (i = 0; i < targets; i++) {
			stamp.flow = i;
			stamp.sent_us = now_ns(CLOCK_REALTIME) / 1000;
			/* ECONNREFUSED, ENOBUFS, EPERM: the next one is sent all the same. */
			(void)!send(fds[i], &stamp, sizeof(stamp), 0);
		}
	}
	return 0;
}
