/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hold [-e MS] -o FILE NAMESPACE ADDRESS PORT: one TCP connection that lives long. Sends a byte
 * every MS milliseconds (50) to an echoing server and writes down every echo, a line each:
 * `SENT-MICROSECONDS RECEIVED-MICROSECONDS LOST`, where LOST counts the segments of both directions
 * that had been lost by then, as opposed to late (struct tcp_info); and at the end of the
 * connection `closed WHY`. Prints "ready LOCAL-PORT" after the first echo; ends with SIGTERM or
 * with the connection.
 */
#include <linux/tcp.h>
#include <poll.h>

#include "lab.h"

#define SENT_MAX 65536 /* bytes on their way at most: an hour at 50 ms */

static uint64_t sent_us[SENT_MAX];
static uint64_t sent, echoed;
static FILE *out;

static int connect_to(const char *ns, const char *host, const char *port)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int fd, on = 1;

	enter_netns(ns);
	parse_address(host, port, &addr, &len);
	fd = must(socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), "TCP_NODELAY");
	must(connect(fd, (struct sockaddr *)&addr, len), "connect");
	return fd;
}

static void closed(const char *why)
{
	fprintf(out, "closed %s\n", why);
	exit(0);
}

static void send_byte(int fd)
{
	if (sent - echoed == SENT_MAX)
		return;
	sent_us[sent % SENT_MAX] = now_ns(CLOCK_REALTIME) / 1000;
	if (send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1)
		sent++;
	else if (errno != EAGAIN)
		closed(strerrorname_np(errno));
}

/*
 * What was sent again and had not arrived twice, what was put on the way and refused there by our
 * own host, and what left a hole in what came. A segment that was only late is sent again as well,
 * but the peer tells that it has it already (RFC 2883).
 */
static unsigned int lost(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);
	uint64_t first;
	unsigned int n;

	must(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), "TCP_INFO");
	n = info.tcpi_rcv_ooopack;
	if (info.tcpi_total_retrans > info.tcpi_dsack_dups)
		n += info.tcpi_total_retrans - info.tcpi_dsack_dups;
	first = info.tcpi_bytes_sent - info.tcpi_bytes_retrans;
	return n + (first > sent ? first - sent : 0);
}

static void take_echoes(int fd)
{
	char buf[4096];
	ssize_t i, n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	uint64_t now = now_ns(CLOCK_REALTIME) / 1000;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		closed(n ? strerrorname_np(errno) : "by-peer");
	for (i = 0; i < n; i++, echoed++)
		fprintf(out, "%llu %llu %u\n", (unsigned long long)sent_us[echoed % SENT_MAX],
			(unsigned long long)now, lost(fd));
}

static void say_ready(int fd)
{
	struct sockaddr_in6 local;
	socklen_t len = sizeof(local);

	getsockname(fd, (struct sockaddr *)&local, &len);
	printf("ready %u\n", ntohs(local.sin6_port)); /* sin_port lies at the same place */
	fclose(stdout);
}

int main(int argc, char **argv)
{
	uint64_t every = 50 * NS_PER_MS, next, now;
	struct pollfd pfd = {.events = POLLIN};
	bool ready = false;
	int opt;

	while ((opt = getopt(argc, argv, "e:o:")) != -1) {
		if (opt == 'e')
			every = parse_number(optarg, 60000) * NS_PER_MS;
		else if (opt == 'o')
			out = fopen(optarg, "we");
	}
	if (!out || argc - optind != 3 || !every)
		die(2, "usage: hold [-e MS] -o FILE NAMESPACE ADDRESS PORT");
	setlinebuf(out);
	die_with_parent();
	pfd.fd = connect_to(argv[optind], argv[optind + 1], argv[optind + 2]);

	for (next = now_ns(CLOCK_MONOTONIC);;) {
		now = now_ns(CLOCK_MONOTONIC);
		if (now >= next) {
			send_byte(pfd.fd);
			next += every;
			continue;
		}
		if (poll(&pfd, 1, (int)((next - now) / NS_PER_MS) + 1) > 0)
			take_echoes(pfd.fd);
		if (echoed && !ready) {
			say_ready(pfd.fd);
			ready = true;
		}
	}
}
