// SPDX-License-Identifier: BSD-2-Clause
/* Reading a file whole, whatever it is: none may hang, fill the memory or go unnamed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include "HostIsolation/readfile.h"
#include "tmpdir.h"

static char *data;
static size_t size;

static void assert_reads(const char *path, size_t max, const char *want)
{
	struct error err = {};

	if (file_read(path, max, &data, &size, &err))
		fail_msg("%s", err.text);
	assert_int_equal(size, strlen(want));
	assert_string_equal(data, want); /* with the NUL behind it */
	free(data);
}

static void assert_refused(const char *path, size_t max, int ret, const char *why)
{
	char *kept = (char *)"kept", *out = kept;
	struct error err = {};

	assert_int_equal(file_read(path, max, &out, &size, &err), ret);
	assert_ptr_equal(out, kept);
	if (!strstr(err.text, why) || (*path && !strstr(err.text, file_title(path))))
		fail_msg("%s", err.text);
	assert_int_equal(file_read(path, max, &out, &size, NULL), ret);
}

static void test_regular(void **state)
{
	assert_reads(tmp_text("a", "hello\n"), 6, "hello\n");
	assert_reads(tmp_text("a", "hello\n"), 1 << 20, "hello\n");
	assert_reads(tmp_text("empty", ""), 6, "");
	assert_reads(tmp_text("empty", ""), 0, "");
	assert_reads("/dev/null", 6, "");
}

static void test_no_file(void **state)
{
	assert_refused("", 10, -EINVAL, "empty file name");
	assert_refused(tmp_path("absent"), 10, -ENOENT, "No such file");
	assert_refused(tmp_dir, 10, -EISDIR, "is a directory");
	assert_refused("/dev/zero", 10, -EINVAL, "is a device");
	assert_refused("/dev/urandom", 10, -EINVAL, "is a device");
	assert_int_equal(symlink("loop", tmp_path("loop")), 0);
	assert_refused(tmp_path("loop"), 10, -ELOOP, "symbolic links");
	assert_refused(tmp_path(""), 10, -EISDIR, "is a directory");
}

static void test_socket_file(void **state)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/socket", tmp_dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_refused(a.sun_path, 10, -ENXIO, "cannot read");
	close(fd);
}

static void test_unreadable(void **state)
{
	const char *path = tmp_text("secret", "x");
	int status;
	pid_t pid;

	assert_int_equal(chmod(tmp_dir, 0711), 0);
	assert_int_equal(chmod(path, 0), 0);
	pid = fork();
	if (!pid) {
		struct error err = {};

		if (getuid() == 0 && setuid(65534) < 0)
			_exit(3);
		if (file_read(path, 10, &data, &size, &err) != -EACCES)
			_exit(1);
		_exit(!strstr(err.text, "Permission denied"));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_too_large(void **state)
{
	const char *path = tmp_text("six", "hello\n");

	assert_refused(path, 5, -EFBIG, "is larger than");
	assert_refused(path, 0, -EFBIG, "is larger than");
	path = tmp_text("huge", "");
	assert_int_equal(truncate(path, 1 << 30), 0); /* sparse */
	assert_refused(path, 64 << 20, -EFBIG, "larger than 65536 KiB");
	/* more than there is memory: refused by its size, before any is taken */
	assert_int_equal(truncate(path, 1LL << 40), 0);
	assert_refused(path, (size_t)1 << 39, -EFBIG, "is larger than");
}

/* /proc says size 0 of files that are not empty. */
static void test_proc(void **state)
{
	assert_int_equal(file_read("/proc/self/stat", 1 << 20, &data, &size, NULL), 0);
	assert_in_range(size, 10, 1 << 16);
	assert_int_equal(strtol(data, NULL, 10), getpid());
	free(data);
	assert_refused("/proc/self/stat", 5, -EFBIG, "is larger than");
}

/* Writes `n` bytes of x from another process, slowly begun; returns its pid. */
static pid_t feed(const char *path, int fd, size_t n)
{
	char block[4096];
	pid_t pid = fork();

	if (pid)
		return pid;
	alarm(20); /* nobody reads: a test failed */
	memset(block, 'x', sizeof(block));
	usleep(50000);
	if (path)
		fd = open(path, O_WRONLY);
	usleep(50000);
	while (n) {
		ssize_t w = write(fd, block, n < sizeof(block) ? n : sizeof(block));

		if (w < 0)
			_exit(1);
		n -= w;
	}
	_exit(0);
}

static void assert_fed(const char *path, size_t n, pid_t pid)
{
	int status;

	assert_int_equal(file_read(path, 1 << 20, &data, &size, NULL), 0);
	assert_int_equal(size, n);
	assert_int_equal(strspn(data, "x"), n);
	free(data);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Its writer comes later than we do: that is no empty file. */
static void test_fifo(void **state)
{
	const char *path = tmp_path("fifo");

	assert_int_equal(mkfifo(path, 0600), 0);
	assert_fed(path, 300000, feed(path, -1, 300000));
	assert_fed(path, 1, feed(path, -1, 1));
}

/* <(command) in a shell */
static void test_dev_fd(void **state)
{
	char path[32];
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = feed(NULL, fds[1], 200000);
	close(fds[1]);
	snprintf(path, sizeof(path), "/dev/fd/%d", fds[0]);
	assert_fed(path, 200000, pid);
	close(fds[0]);
}

static void with_stdin(int fd, void (*run)(void))
{
	int saved = dup(0);

	assert_int_equal(dup2(fd, 0), 0);
	run();
	assert_int_equal(dup2(saved, 0), 0);
	close(saved);
}

static void read_five(void)
{
	assert_reads("-", 10, "five\n");
}

static void refuse_device(void)
{
	assert_refused("-", 10, -EINVAL, "standard input is a device");
}

static void refuse_directory(void)
{
	assert_refused("-", 10, -EISDIR, "standard input is a directory");
}

static void refuse_endless(void)
{
	struct error err = {};

	assert_int_equal(file_read("-", 100000, &data, &size, &err), -EFBIG);
	assert_non_null(strstr(err.text, "standard input is larger"));
}

static void refuse_closed(void)
{
	close(0);
	assert_refused("-", 10, -EBADF, "cannot read standard input");
}

static void test_standard_input(void **state)
{
	int fd = open(tmp_text("five", "five\n"), O_RDONLY), fds[2];
	pid_t pid;

	with_stdin(fd, read_five);
	close(fd);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0); /* as sshd does it */
	assert_int_equal(write(fds[1], "five\n", 5), 5);
	close(fds[1]);
	with_stdin(fds[0], read_five);
	close(fds[0]);
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0); /* as others may leave it */
	assert_int_equal(write(fds[1], "five\n", 5), 5);
	close(fds[1]);
	with_stdin(fds[0], read_five);
	close(fds[0]);

	fd = open("/dev/zero", O_RDONLY);
	with_stdin(fd, refuse_device);
	with_stdin(fd, refuse_closed);
	close(fd);
	fd = open(tmp_dir, O_RDONLY);
	with_stdin(fd, refuse_directory);
	close(fd);
	/* a million bytes for who takes a hundred thousand */
	assert_int_equal(pipe(fds), 0);
	pid = feed(NULL, fds[1], 1000000);
	close(fds[1]);
	with_stdin(fds[0], refuse_endless);
	close(fds[0]);
	kill(pid, SIGKILL); /* it still writes */
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_regular),	       cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_socket_file),    cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_too_large),      cmocka_unit_test(test_proc),
		cmocka_unit_test(test_fifo),	       cmocka_unit_test(test_dev_fd),
		cmocka_unit_test(test_standard_input),
	};

	return cmocka_run_group_tests(tests, tmp_make, tmp_remove);
}
