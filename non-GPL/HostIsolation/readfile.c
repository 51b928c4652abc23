// SPDX-License-Identifier: BSD-2-Clause
/* Reads a file whole, within a limit. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/readfile.h"

#define FIRST_READ 65536 /* where the size is not known before */
#define F "%.200s"	 /* how messages name the file */

const char *file_title(const char *path)
{
	return strcmp(path, "-") ? path : "standard input";
}

static int too_large(const char *path, size_t max, struct error *err)
{
	return fail(err, -EFBIG, F " is larger than %zu KiB, the most that is read of such a file",
		    file_title(path), max / 1024);
}

static int check_kind(int fd, const char *path, const struct stat *st, size_t max,
		      struct error *err)
{
	if (S_ISDIR(st->st_mode))
		return fail(err, -EISDIR, F " is a directory: name a file", file_title(path));
	if (S_ISBLK(st->st_mode) ||
	    (S_ISCHR(st->st_mode) && st->st_rdev != makedev(1, 3) && !isatty(fd)))
		return fail(err, -EINVAL, F " is a device: name a file", file_title(path));
	if (S_ISREG(st->st_mode) && st->st_size > (off_t)max)
		return too_large(path, max, err);
	return 0;
}

/* Like read(2), also from descriptors that do not block. A FIFO without a writer looks empty to
 * these, so poll(2) comes first: it waits for one. */
static ssize_t read_some(int fd, void *buf, size_t size)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t n;

	do {
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return -1;
		n = read(fd, buf, size);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	return n;
}

/* One byte more than `max` is asked for, to see that there are more. -EFBIG then. */
static int read_all(int fd, size_t capacity, size_t max, char **data, size_t *size)
{
	_cleanup_free_ char *buf = malloc(capacity);
	size_t used = 0;

	if (!buf)
		return -ENOMEM;
	for (;;) {
		ssize_t n = read_some(fd, buf + used, capacity - 1 - used);

		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += n;
		if (used > max)
			return -EFBIG;
		if (used == capacity - 1) {
			size_t more = capacity < max / 2 ? capacity * 2 : max + 2;
			char *bigger = realloc(buf, more);

			if (!bigger)
				return -ENOMEM;
			buf = bigger;
			capacity = more;
		}
	}
	buf[used] = 0;
	*data = TAKE_PTR(buf);
	*size = used;
	return 0;
}

int file_read(const char *path, size_t max, char **data, size_t *size, struct error *err)
{
	_cleanup_close_ int opened = -1;
	struct stat st;
	int fd = STDIN_FILENO, ret;
	size_t capacity;

	if (!*path)
		return fail(err, -EINVAL,
			    "an empty file name: name a file, or - for standard input");
	if (strcmp(path, "-")) {
		/* O_NONBLOCK: not every open of a device or FIFO returns */
		fd = opened = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(err, -errno, "cannot read " F ": %s", file_title(path),
			    strerror(errno));
	ret = check_kind(fd, path, &st, max, err);
	if (ret < 0)
		return ret;
	/* what says size 0 may be one of /proc; a byte over the size shows the end at once */
	capacity = S_ISREG(st.st_mode) && st.st_size ? (size_t)st.st_size + 2 : FIRST_READ;
	if (capacity > max + 2)
		capacity = max + 2;
	ret = read_all(fd, capacity, max, data, size);
	if (ret == -EFBIG)
		return too_large(path, max, err);
	return ret < 0 ? fail(err, ret, "cannot read " F ": %s", file_title(path), strerror(-ret))
		       : 0;
}
