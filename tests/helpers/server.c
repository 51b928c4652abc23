// SPDX-License-Identifier: BSD-2-Clause
/*
 * server epoll|thread|fork|mptcp PORT: an echo server of that make, IPv4 and IPv6 on one socket.
 * Prints "ready PID", and serves until its parent dies.
 *
 * server crowd ADDRESS PORT COUNT: so many connections at once. For each line on standard input,
 * `say [MILLISECONDS]`, it says a word on all of them and prints how many echoes came before so
 * long nothing did.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#define CROWD_WAIT_MS 3000 /* nothing comes any more */

static int must(int ret, const char *what)
{
	if (ret < 0) {
		fprintf(stderr, "server: %s: %s\n", what, strerror(errno));
		exit(1);
	}
	return ret;
}

/* false: the connection is over. */
static bool echo_once(int fd)
{
	char buf[4096];
	ssize_t n = read(fd, buf, sizeof(buf));

	return n > 0 && write(fd, buf, n) == n;
}

static void *serve_one(void *arg)
{
	int fd = (int)(long)arg;

	while (echo_once(fd))
		;
	close(fd);
	return NULL;
}

static int listen_on(int port, int protocol)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int fd = must(socket(AF_INET6, SOCK_STREAM, protocol), "socket"), off = 0, on = 1;

	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	must(bind(fd, (struct sockaddr *)&any, sizeof(any)), "bind");
	must(listen(fd, 1024), "listen");
	return fd;
}

static void serve_each(int listener, bool forks)
{
	for (;;) {
		int fd = must(accept(listener, NULL, NULL), "accept");
		pthread_t thread;

		if (!forks) {
			if (pthread_create(&thread, NULL, serve_one, (void *)(long)fd))
				exit(1);
			pthread_detach(thread);
		} else if (fork() == 0) {
			close(listener);
			serve_one((void *)(long)fd);
			_exit(0);
		} else {
			close(fd);
		}
	}
}

static void serve_epoll(int listener)
{
	int ep = must(epoll_create1(0), "epoll_create1");
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = listener}, got[64];

	must(epoll_ctl(ep, EPOLL_CTL_ADD, listener, &ev), "epoll_ctl");
	for (;;) {
		int n = must(epoll_wait(ep, got, 64, -1), "epoll_wait");

		for (int i = 0; i < n; i++) {
			if (got[i].data.fd == listener) {
				ev.data.fd = must(accept(listener, NULL, NULL), "accept");
				must(epoll_ctl(ep, EPOLL_CTL_ADD, ev.data.fd, &ev), "epoll_ctl");
			} else if (!echo_once(got[i].data.fd)) {
				close(got[i].data.fd);
			}
		}
	}
}

static int connect_to(const char *address, int port)
{
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in to4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	bool v6 = inet_pton(AF_INET6, address, &to6.sin6_addr) == 1;
	int fd = must(socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");

	if (!v6 && inet_pton(AF_INET, address, &to4.sin_addr) != 1)
		exit(2);
	if (connect(fd, v6 ? (void *)&to6 : (void *)&to4, v6 ? sizeof(to6) : sizeof(to4)) &&
	    errno != EINPROGRESS) {
		close(fd);
		return -1;
	}
	return fd;
}

/* How many of them are ready for `events` in time. */
static int wait_all(struct pollfd *fds, int count, short events, int wait_ms, int (*done)(int fd))
{
	int left = count, good = 0;
	char ended[65536] = "";

	for (int i = 0; i < count; i++)
		fds[i].events = events;
	while (left > 0 && poll(fds, count, wait_ms) > 0)
		for (int i = 0; i < count; i++)
			if (fds[i].revents && !ended[i]) {
				ended[i] = 1;
				left--;
				good += !(fds[i].revents & (POLLERR | POLLNVAL)) && done(fds[i].fd);
				fds[i].events = 0;
			}
	return good;
}

static int say(int fd)
{
	return send(fd, "word", 4, MSG_NOSIGNAL) == 4;
}

static int hear(int fd)
{
	char buf[64];

	return recv(fd, buf, sizeof(buf), 0) == 4 && !memcmp(buf, "word", 4);
}

static int crowd(const char *address, int port, int count)
{
	struct pollfd *fds = calloc(count, sizeof(*fds));
	char line[64];

	if (!fds || count > 65536)
		return 1;
	for (int i = 0; i < count; i++)
		fds[i].fd = connect_to(address, port);
	printf("ready %d\n", getpid());
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		int ms = CROWD_WAIT_MS;

		sscanf(line, "say %d", &ms);
		wait_all(fds, count, POLLOUT, ms, say);
		printf("%d\n", wait_all(fds, count, POLLIN, ms, hear));
		fflush(stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct rlimit many = {65536, 65536};
	int listener;

	if (argc < 3)
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_NOFILE, &many);
	if (!strcmp(argv[1], "crowd") && argc == 5)
		return crowd(argv[2], atoi(argv[3]), atoi(argv[4]));
	signal(SIGCHLD, SIG_IGN);
	listener = listen_on(atoi(argv[2]), strcmp(argv[1], "mptcp") ? 0 : IPPROTO_MPTCP);
	printf("ready %d\n", getpid());
	fflush(stdout);
	if (!strcmp(argv[1], "thread"))
		serve_each(listener, false);
	else if (!strcmp(argv[1], "fork"))
		serve_each(listener, true);
	else
		serve_epoll(listener);
	return 0;
}
