/* SPDX-License-Identifier: BSD-2-Clause */
/* Buffered writing that remembers why it stopped. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>
#include "Events/output.h"

int output_init(struct output *o, int fd)
{
	o->fd = fd;
	o->error = 0;
	o->buffer = malloc(OUTPUT_SIZE);
	if (!o->buffer)
		return -ENOMEM;
	o->json = (struct json){o->buffer, o->buffer + OUTPUT_SIZE, o->buffer};
	return 0;
}

void output_free(struct output *o)
{
	free(o->buffer);
	o->buffer = NULL;
}

int output_flush(struct output *o)
{
	const char *p = o->buffer;

	while (!o->error && p < o->json.p) {
		ssize_t n = write(o->fd, p, o->json.p - p);

		if (n > 0) {
			p += n;
		} else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			struct pollfd fd = {.fd = o->fd, .events = POLLOUT};

			poll(&fd, 1, -1);
		} else if (n < 0 && errno != EINTR) {
			o->error = -errno;
		}
	}
	o->json.p = o->buffer;
	return o->error;
}

int output_room(struct output *o, size_t size)
{
	size_t used = o->json.p - o->buffer;

	if (used + size <= OUTPUT_SIZE && used < OUTPUT_FLUSH)
		return o->error;
	return output_flush(o);
}
