// SPDX-License-Identifier: BSD-2-Clause
/*
 * rr ADDRESS PORT COUNT: UDP requests, one at a time, to something that echoes; prints the median
 * and the 99th percentile of the time to the answer, in microseconds. A tenth more comes before, to
 * warm up. Lost ones are left out, and more than a hundredth of them is a failure.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	struct timeval patience = {.tv_usec = 100000};
	int count = argc == 4 ? atoi(argv[3]) : 0, got = 0, lost = 0, fd;
	double *times = calloc(count > 0 ? count : 1, sizeof(*times));
	char packet[64] = "rr";

	if (count < 1 || !times || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
		return fprintf(stderr, "usage: rr ADDRESS PORT COUNT\n"), 2;
	to.sin_port = htons(atoi(argv[2]));
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return perror("rr"), 1;
	for (int i = -count / 10; i < count; i++) {
		double begun = now_us();

		if (send(fd, packet, sizeof(packet), 0) < 0 ||
		    recv(fd, packet, sizeof(packet), 0) < 0) {
			if (++lost > count / 100)
				return fprintf(stderr, "rr: %d of %d without an answer\n", lost, i),
				       1;
			continue;
		}
		if (i >= 0)
			times[got++] = now_us() - begun;
	}
	if (!got)
		return fprintf(stderr, "rr: no answer\n"), 1;
	qsort(times, got, sizeof(*times), compare);
	printf("%.2f %.2f\n", times[got / 2], times[got - 1 - got / 100]);
	return 0;
}
