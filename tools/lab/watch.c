/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watch -o FILE (-p NAMESPACE,DEVICE | -u NAMESPACE,PORT)...: writes down every stamped packet that
 * comes in, a line each: `SENT-MICROSECONDS FLOW SOURCE` with SOURCE the number of the -p or -u.
 * -p sees each frame that arrives at a device (what got out of its neighbour), -u what the network
 * stack hands to a socket (what got in). Prints "ready", goes on until SIGTERM, and ends the file
 * with `lost N`: what the kernel had no room for.
 */
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>

#include "lab.h"
#include "stamp.h"

#define SOURCES_MAX 16

static volatile sig_atomic_t ended;

static void on_signal(int signal)
{
	ended = 1;
}

static int open_source(int kind, char *text)
{
	char *ns = strsep(&text, ",");
	struct sockaddr_storage addr = {0};
	socklen_t len = sizeof(struct sockaddr_ll);
	int fd, room = 8 << 20, off = 0;

	if (!text)
		die(2, "watch: -%c NAMESPACE,%s", kind, kind == 'p' ? "DEVICE" : "PORT");
	enter_netns(ns);
	if (kind == 'p') {
		struct sockaddr_ll *ll = (struct sockaddr_ll *)&addr;

		ll->sll_family = AF_PACKET;
		ll->sll_protocol = htons(ETH_P_ALL);
		ll->sll_ifindex = (int)if_nametoindex(text);
		if (!ll->sll_ifindex)
			die(1, "watch: no device %s in %s", text, ns);
		fd = must(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), "packet socket");
	} else {
		parse_address("::", text, &addr, &len);
		fd = must(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
		must(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)), "IPV6_V6ONLY");
	}
	must(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)), "SO_RCVBUFFORCE");
	must(bind(fd, (struct sockaddr *)&addr, len), "bind");
	return fd;
}

/* All that waits in the socket. A frame is searched for the stamp, whatever lies around it. */
static void take(int fd, int source, FILE *out)
{
	unsigned char buf[2048];
	struct sockaddr_storage from;
	struct stamp stamp;
	const void *at;
	ssize_t n;

	for (;;) {
		socklen_t len = sizeof(from);

		n = recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from, &len);
		if (n < 0)
			return;
		if (from.ss_family == AF_PACKET &&
		    ((struct sockaddr_ll *)&from)->sll_pkttype == PACKET_OUTGOING)
			continue;
		at = memmem(buf, (size_t)n, STAMP_MAGIC, sizeof(stamp.magic));
		if (!at || (size_t)((unsigned char *)at - buf) + sizeof(stamp) > (size_t)n)
			continue;
		memcpy(&stamp, at, sizeof(stamp));
		fprintf(out, "%llu %llu %d\n", (unsigned long long)stamp.sent_us,
			(unsigned long long)stamp.flow, source);
	}
}

static unsigned int lost_by(int fd, int kind)
{
	struct tpacket_stats stats = {0};
	uint32_t mem[9 /* SK_MEMINFO_VARS */] = {0};
	socklen_t len = sizeof(stats);

	if (kind == 'p') {
		getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len);
		return stats.tp_drops;
	}
	len = sizeof(mem);
	getsockopt(fd, SOL_SOCKET, SO_MEMINFO, mem, &len);
	return mem[8 /* SK_MEMINFO_DROPS */];
}

int main(int argc, char **argv)
{
	struct sigaction act = {.sa_handler = on_signal};
	struct pollfd fds[SOURCES_MAX];
	int opt, i, count = 0, kinds[SOURCES_MAX];
	unsigned int lost = 0;
	FILE *out = NULL;

	while ((opt = getopt(argc, argv, "o:p:u:")) != -1) {
		if (opt == 'o') {
			out = fopen(optarg, "we");
			if (!out)
				die(1, "%s: %s", optarg, strerror(errno));
			continue;
		}
		if (opt == '?' || count == SOURCES_MAX)
			break;
		fds[count].fd = open_source(opt, optarg);
		fds[count].events = POLLIN;
		kinds[count++] = opt;
	}
	if (!out || !count || optind != argc)
		die(2, "usage: watch -o FILE (-p NAMESPACE,DEVICE | -u NAMESPACE,PORT)...");
	die_with_parent();
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	puts("ready");
	fclose(stdout);

	while (!ended) {
		poll(fds, (nfds_t)count, 100);
		for (i = 0; i < count; i++)
			take(fds[i].fd, i, out);
	}
	for (i = 0; i < count; i++)
		lost += lost_by(fds[i].fd, kinds[i]);
	fprintf(out, "lost %u\n", lost);
	return fclose(out) ? 1 : 0;
}
