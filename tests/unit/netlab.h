/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two network namespaces joined by a veth pair, held by file descriptors only: a host under test
 * (v0: 10.9.0.1, fd09::1) and its peer (v1: 10.9.0.2, fd09::2, and 10.9.0.3, fd09::3). The test
 * process sits in the host's.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct netlab {
	int origin, host, peer; /* namespace fds */
};

static struct netlab lab = {-1, -1, -1};

__attribute__((format(printf, 1, 2), unused)) static int run(const char *fmt, ...)
{
	char cmd[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);

	int ret = system(cmd);

	if (ret)
		fprintf(stderr, "# failed (%d): %s\n", ret, cmd);
	return ret;
}

__attribute__((unused)) static int enter(int netns)
{
	return setns(netns, CLONE_NEWNET);
}

static int new_netns(void)
{
	if (unshare(CLONE_NEWNET))
		return -1;
	return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

/* 0, or -1 where we may not (not root). */
__attribute__((unused)) static int netlab_up(void)
{
	lab.origin = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	lab.peer = new_netns();
	lab.host = new_netns();
	if (lab.origin < 0 || lab.peer < 0 || lab.host < 0)
		return -1;
	if (run("ip -batch - <<-END\nlink set lo up\nlink add v0 type veth peer name v1\n"
		"link set v1 netns /proc/%d/fd/%d\nlink set v0 up\naddr add 10.9.0.1/24 dev v0\n"
		"addr add fd09::1/64 dev v0 nodad\nEND",
		getpid(), lab.peer))
		return -1;
	if (enter(lab.peer) ||
	    run("ip -batch - <<-END\nlink set lo up\nlink set v1 up\naddr add 10.9.0.2/24 dev v1\n"
		"addr add 10.9.0.3/24 dev v1\naddr add fd09::2/64 dev v1 nodad\n"
		"addr add fd09::3/64 dev v1 nodad\nEND"))
		return -1;
	return enter(lab.host);
}

__attribute__((unused)) static void netlab_down(void)
{
	if (lab.origin >= 0)
		enter(lab.origin);
	close(lab.host);
	close(lab.peer);
	close(lab.origin);
}

/* "10.9.0.2", 80 → a sockaddr; returns its length. */
static socklen_t address(const char *text, int port, struct sockaddr_storage *ss)
{
	struct sockaddr_in *in4 = (void *)ss;
	struct sockaddr_in6 *in6 = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	if (inet_pton(AF_INET, text, &in4->sin_addr) == 1) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons((uint16_t)port);
		return sizeof(*in4);
	}
	inet_pton(AF_INET6, text, &in6->sin6_addr);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons((uint16_t)port);
	return sizeof(*in6);
}

/* A socket of namespace `netns`, bound and, for TCP, listening. */
__attribute__((unused)) static int serve(int netns, int type, const char *text, int port)
{
	struct sockaddr_storage ss;
	socklen_t len = address(text, port, &ss);
	int one = 1, zero = 0;

	enter(netns);

	int fd = socket(ss.ss_family, type | SOCK_CLOEXEC, 0);

	enter(lab.host);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (bind(fd, (void *)&ss, len) || (type == SOCK_STREAM && listen(fd, 8))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A socket of namespace `netns` connected to text:port, from `from` unless NULL. */
__attribute__((unused)) static int dial(int netns, int type, const char *text, int port,
					const char *from)
{
	struct sockaddr_storage ss, local;
	socklen_t len = address(text, port, &ss);

	enter(netns);

	int fd = socket(ss.ss_family, type | SOCK_CLOEXEC, 0);

	enter(lab.host);
	if (from && bind(fd, (void *)&local, address(from, 0, &local)))
		goto fail;
	if (!connect(fd, (void *)&ss, len) || errno == EINPROGRESS)
		return fd;
fail:
	close(fd);
	return -1;
}

/* The socket's own port. */
__attribute__((unused)) static int port_of(int fd)
{
	struct sockaddr_in6 ss = {};
	socklen_t len = sizeof(ss);

	getsockname(fd, (void *)&ss, &len);
	return ntohs(ss.sin6_port); /* at the same place in sockaddr_in */
}
