// SPDX-License-Identifier: BSD-2-Clause
/*
 * chmod_doors DOOR FILE MODE: gives FILE the mode (octal) by one door; 0, or 1 when it was refused
 * (EPERM), 77 when this kernel has no such door, 3 for anything else.
 * chmod_doors storm DIR PROCESSES TIMES: each process takes the execute bit off its own file and
 * puts it back, so often. chmod_doors mass DIR PROCESSES MODE: as many children chmod a file each,
 * at once; prints how many were killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <linux/io_uring.h>

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif
#define NR_FCHMODAT2 452

static int done(int ret)
{
	if (ret >= 0)
		return 0;
	return errno == EPERM ? 1 : errno == ENOSYS || errno == EOPNOTSUPP ? 77 : 3;
}

static int by_handle(const char *file, mode_t mode)
{
	struct file_handle *h = calloc(1, sizeof(*h) + MAX_HANDLE_SZ);
	int mount_id, dir, fd, ret;
	char parent[4096];

	h->handle_bytes = MAX_HANDLE_SZ;
	snprintf(parent, sizeof(parent), "%.*s", (int)(strrchr(file, '/') - file), file);
	dir = open(parent, O_RDONLY);
	if (name_to_handle_at(AT_FDCWD, file, h, &mount_id, 0) < 0)
		return 77;
	fd = open_by_handle_at(dir, h, O_RDONLY);
	if (fd < 0)
		return 77;
	ret = fchmod(fd, mode);
	return done(ret);
}

static int by_acl(const char *file, mode_t mode)
{
	struct {
		uint32_t version;
		struct {
			uint16_t tag, perm;
			uint32_t id;
		} e[3];
	} acl = {2, {{1, mode >> 6 & 7, ~0U}, {4, mode >> 3 & 7, ~0U}, {0x20, mode & 7, ~0U}}};

	return done(setxattr(file, "system.posix_acl_access", &acl, sizeof(acl), 0));
}

/* One open(O_CREAT) by io_uring, with no library. */
static int by_uring(const char *file, mode_t mode)
{
	struct io_uring_params p = {};
	int ring = syscall(__NR_io_uring_setup, 2, &p);
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqe;
	char *sq, *cq;

	if (ring < 0)
		return 77;
	sq = mmap(NULL, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED, ring,
		  IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(*cqe), PROT_READ | PROT_WRITE,
		  MAP_SHARED, ring, IORING_OFF_CQ_RING);
	sqes = mmap(NULL, p.sq_entries * sizeof(*sqes), PROT_READ | PROT_WRITE, MAP_SHARED, ring,
		    IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || sqes == MAP_FAILED)
		return 3;
	sqes[0] = (struct io_uring_sqe){.opcode = IORING_OP_OPENAT,
					.fd = AT_FDCWD,
					.addr = (uintptr_t)file,
					.len = mode,
					.open_flags = O_CREAT | O_WRONLY};
	*(uint32_t *)(sq + p.sq_off.array) = 0;
	__atomic_add_fetch((uint32_t *)(sq + p.sq_off.tail), 1, __ATOMIC_SEQ_CST);
	if (syscall(__NR_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return 3;
	cqe = (struct io_uring_cqe *)(cq + p.cq_off.cqes);
	errno = cqe->res < 0 ? -cqe->res : 0;
	return done(cqe->res);
}

static int through(const char *door, const char *file, mode_t mode)
{
	char by_fd[64];
	int fd;

	umask(0);
	if (!strcmp(door, "chmod"))
		return done(chmod(file, mode));
	if (!strcmp(door, "fchmodat"))
		return done(syscall(__NR_fchmodat, AT_FDCWD, file, mode));
	if (!strcmp(door, "fchmodat2"))
		return done(syscall(NR_FCHMODAT2, AT_FDCWD, file, mode, 0));
	if (!strcmp(door, "handle"))
		return by_handle(file, mode);
	if (!strcmp(door, "acl"))
		return by_acl(file, mode);
	if (!strcmp(door, "creat"))
		return unlink(file) < 0 ? 3 : done(open(file, O_CREAT | O_WRONLY, mode));
	if (!strcmp(door, "mknod"))
		return unlink(file) < 0 ? 3 : done(mknod(file, S_IFREG | mode, 0));
	if (!strcmp(door, "uring"))
		return unlink(file) < 0 ? 3 : by_uring(file, mode);
	if (!strcmp(door, "relative")) {
		char *slash = strrchr(file, '/');

		*slash = 0;
		if (chdir(file) < 0)
			return 3;
		return done(chmod(slash + 1, mode));
	}
	if (!strcmp(door, "rename")) {
		char other[4096];

		snprintf(other, sizeof(other), "%s.elsewhere", getenv("ELSEWHERE"));
		fd = open(other, O_CREAT | O_WRONLY, mode);
		return fd < 0 ? 3 : done(rename(other, file));
	}
	fd = open(file, !strcmp(door, "opath") || !strcmp(door, "emptypath") ? O_PATH : O_RDONLY);
	if (fd < 0)
		return 3;
	snprintf(by_fd, sizeof(by_fd), "/proc/self/fd/%d", fd);
	if (!strcmp(door, "fchmod"))
		return done(fchmod(fd, mode));
	if (!strcmp(door, "opath"))
		return done(chmod(by_fd, mode));
	if (!strcmp(door, "emptypath"))
		return done(syscall(NR_FCHMODAT2, fd, "", mode, AT_EMPTY_PATH));
	return 3;
}

static void file_of(char *path, size_t size, const char *dir, int i)
{
	snprintf(path, size, "%s/%d", dir, i);
}

static void make_files(const char *dir, int count)
{
	char path[4096];

	for (int i = 0; i < count; i++) {
		file_of(path, sizeof(path), dir, i);
		close(open(path, O_CREAT | O_WRONLY, 0644));
		chmod(path, 0644);
	}
}

static int storm(const char *dir, int processes, int times)
{
	char path[4096];
	int status, bad = 0;

	make_files(dir, processes);
	for (int i = 0; i < processes; i++) {
		if (fork())
			continue;
		file_of(path, sizeof(path), dir, i);
		for (int t = 0; t < times; t++)
			if (chmod(path, 0755) < 0 || chmod(path, 0644) < 0)
				_exit(1);
		_exit(0);
	}
	while (wait(&status) > 0)
		bad |= status;
	return bad != 0;
}

static int mass(const char *dir, int processes, mode_t mode)
{
	int status, killed = 0, go[2];
	char path[4096], c;

	make_files(dir, processes);
	if (pipe(go) < 0)
		return 3;
	for (int i = 0; i < processes; i++) {
		if (fork())
			continue;
		close(go[1]);
		file_of(path, sizeof(path), dir, i);
		(void)!read(go[0], &c, 1);
		chmod(path, mode);
		_exit(0);
	}
	close(go[0]);
	close(go[1]);
	while (wait(&status) > 0)
		killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	printf("%d\n", killed);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "storm"))
		return storm(argv[2], atoi(argv[3]), atoi(argv[4]));
	if (argc == 5 && !strcmp(argv[1], "mass"))
		return mass(argv[2], atoi(argv[3]), strtoul(argv[4], NULL, 8));
	if (argc != 4) {
		fprintf(stderr, "usage: chmod_doors DOOR FILE MODE\n");
		return 2;
	}
	return through(argv[1], argv[2], strtoul(argv[3], NULL, 8));
}
