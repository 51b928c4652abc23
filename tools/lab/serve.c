/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * serve [-t PORT]... [-u PORT]... NAMESPACE...: echoes TCP and UDP, IPv4 and IPv6, in every
 * namespace named. Prints "ready" once all of it listens, and serves until a signal or its
 * parent's death ends it.
 */
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include "lab.h"

#define PORTS_MAX 16
#define EVENTS_MAX 64
#define SEND_BUFFER 200000 /* bytes; below the usual net.core.wmem_max */

enum kind { LISTENER, STREAM, DATAGRAM };

struct port {
	char number[8];
	enum kind kind;
};

static struct port ports[PORTS_MAX];
static int port_count;
static int epoll_fd;

/* The kind of a socket rides beside its descriptor in the event. */
static void poll_for(int fd, enum kind kind)
{
	struct epoll_event ev = {.events = EPOLLIN,
				 .data.u64 = (uint64_t)kind << 32 | (uint32_t)fd};

	must(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev), "epoll_ctl");
}

/* One socket for both families; IPV6_RECVPKTINFO tells which of our addresses was asked. */
static void listen_on(const struct port *p, const char *where)
{
	int type = p->kind == DATAGRAM ? SOCK_DGRAM : SOCK_STREAM;
	struct sockaddr_storage addr;
	socklen_t len;
	int fd, on = 1, off = 0;

	parse_address("::", p->number, &addr, &len);
	fd = must(socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
	must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), "SO_REUSEADDR");
	must(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), "SO_REUSEPORT");
	must(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)), "IPV6_V6ONLY");
	if (p->kind == DATAGRAM)
		must(setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)),
		     "IPV6_RECVPKTINFO");
	if (bind(fd, (struct sockaddr *)&addr, len))
		die(1, "%s: port %s: %s", where, p->number, strerror(errno));
	if (p->kind == LISTENER)
		must(listen(fd, 128), "listen");
	poll_for(fd, p->kind);
}

static void accept_all(int listener)
{
	int fd, on = 1, room = SEND_BUFFER;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
		poll_for(fd, STREAM);
	}
}

/* Who has more on its way than the send buffer takes is cut off, not answered in part. */
static void echo_stream(int fd)
{
	char buf[65536];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || send(fd, buf, (size_t)n, MSG_NOSIGNAL) != n)
		close(fd);
}

/* Answers from the address that was asked: the control message goes back as it came, but without
 * the device, so that the routing table decides. */
static void echo_datagrams(int fd)
{
	char buf[65536], control[256];
	struct sockaddr_storage from;
	struct iovec iov = {.iov_base = buf};
	struct msghdr msg = {.msg_name = &from, .msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	for (;;) {
		struct cmsghdr *c;

		iov.iov_len = sizeof(buf);
		msg.msg_namelen = sizeof(from);
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		n = recvmsg(fd, &msg, 0);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			continue; /* an ICMP error about an earlier answer */
		iov.iov_len = (size_t)n;
		for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
			struct in6_pktinfo *info = (void *)CMSG_DATA(c);

			if (c->cmsg_type == IPV6_PKTINFO &&
			    !IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr))
				info->ipi6_ifindex = 0;
		}
		sendmsg(fd, &msg, MSG_DONTWAIT);
	}
}

static void serve(void)
{
	struct epoll_event events[EVENTS_MAX];
	int i, n;

	for (;;) {
		n = epoll_wait(epoll_fd, events, EVENTS_MAX, -1);
		for (i = 0; i < n; i++) {
			int fd = (int)(uint32_t)events[i].data.u64;

			switch ((enum kind)(events[i].data.u64 >> 32)) {
			case LISTENER:
				accept_all(fd);
				break;
			case STREAM:
				echo_stream(fd);
				break;
			case DATAGRAM:
				echo_datagrams(fd);
				break;
			}
		}
	}
}

int main(int argc, char **argv)
{
	int opt, i;

	while ((opt = getopt(argc, argv, "t:u:")) != -1) {
		if (opt == '?' || port_count == PORTS_MAX)
			die(2, "usage: serve [-t PORT]... [-u PORT]... NAMESPACE...");
		snprintf(ports[port_count].number, sizeof(ports[0].number), "%lu",
			 parse_number(optarg, 65535));
		ports[port_count++].kind = opt == 't' ? LISTENER : DATAGRAM;
	}
	if (optind == argc || !port_count)
		die(2, "usage: serve [-t PORT]... [-u PORT]... NAMESPACE...");

	die_with_parent();
	epoll_fd = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
	for (; optind < argc; optind++) {
		enter_netns(argv[optind]);
		for (i = 0; i < port_count; i++)
			listen_on(&ports[i], argv[optind]);
	}

	/* Whoever reads our output through a pipe must see its end. */
	puts("ready");
	fclose(stdout);
	serve();
}
