/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the lab's programs share: sockets made in a named network namespace, and time.
 *
 * A socket stays in the namespace it was made in, so one process serves many namespaces: it steps
 * in, makes its sockets, steps on, and polls them all.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS 1000000ULL
#define NS_PER_S 1000000000ULL

static inline void die(int code, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), noreturn));

static inline void die(int code, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(code);
}

static inline uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* A test that is killed leaves none of its helpers behind. */
static inline void die_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
}

/* NAME is a path, or a name below /run/netns. Exits with 1 when it cannot be entered. */
static inline void enter_netns(const char *name)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s%s", strchr(name, '/') ? "" : "/run/netns/", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(1, "network namespace %s: %s", path, strerror(errno));
	close(fd);
}

/* A numeric address, with %DEVICE where it is link-local, looked up in the present namespace. */
static inline void parse_address(const char *text, const char *port, struct sockaddr_storage *out,
				 socklen_t *len)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
				 .ai_socktype = SOCK_DGRAM};
	struct addrinfo *info;
	int ret = getaddrinfo(text, port, &hints, &info);

	if (ret)
		die(2, "address %s port %s: %s", text, port ? port : "-", gai_strerror(ret));
	memcpy(out, info->ai_addr, info->ai_addrlen);
	*len = info->ai_addrlen;
	freeaddrinfo(info);
}

/* A whole number of at most `max`; anything else exits with 2. */
static inline unsigned long parse_number(const char *text, unsigned long max)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || !*text || *end || *text == '-' || n > max)
		die(2, "%s: not a number up to %lu", text, max);
	return n;
}

/* Exits with 1, naming what failed. */
static inline int must(int ret, const char *what)
{
	if (ret < 0)
		die(1, "%s: %s", what, strerror(errno));
	return ret;
}
