// SPDX-License-Identifier: BSD-2-Clause
/*
 * chmod_doors DOOR FILE MODE: gives FILE the mode (octal) by one door; 0, or 1 when it was refused
 * (EPERM), 77 when this kernel has no such door, 3 for anything else.
 * chmod_doors each MODE FILE... -- DOOR...: for each FILE a child by each door, FILE made anew with
 * 0644 before; prints `FOLDER DOOR STATUS MODE`, the status as a shell has it, the mode afterwards
 * or none. chmod_doors swap FILE OTHER MODE TIMES: chmods a path that another process turns from
 * the one into the other all the time, and asks after each whether FILE has an execute bit; 0:
 * never. `switch` is the same with a symbolic link, `flicker` with another process that sets other
 * modes (OTHER). chmod_doors storm DIR PROCESSES TIMES: each process takes the execute bit off its
 * own file and puts it back, so often. chmod_doors mass DIR PROCESSES MODE: as many children chmod
 * a file each, at once; prints how many were killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
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

/* The handle is kept in the file HANDLE, for a time when no name of the file is cached. */
static int by_saved_handle(const char *file, mode_t mode, int save)
{
	char room[sizeof(struct file_handle) + MAX_HANDLE_SZ] = {};
	struct file_handle *h = (void *)room;
	int keep = open(getenv("HANDLE"), O_RDWR | O_CREAT, 0600), mount_id, fd;

	h->handle_bytes = MAX_HANDLE_SZ;
	if (keep < 0)
		return 3;
	if (save)
		return name_to_handle_at(AT_FDCWD, file, h, &mount_id, 0) < 0	  ? 77
		       : write(keep, room, sizeof(room)) == (ssize_t)sizeof(room) ? 0
										  : 3;
	if (read(keep, room, sizeof(room)) != (ssize_t)sizeof(room))
		return 3;
	fd = open(dirname(strdup(file)), O_RDONLY);
	fd = open_by_handle_at(fd, h, O_RDONLY);
	return fd < 0 ? 77 : done(fchmod(fd, mode));
}

struct acl {
	uint32_t version;
	struct {
		uint16_t tag, perm;
		uint32_t id;
	} e[3];
};

static struct acl acl_of(mode_t mode)
{
	return (struct acl){
		2, {{1, mode >> 6 & 7, ~0U}, {4, mode >> 3 & 7, ~0U}, {0x20, mode & 7, ~0U}}};
}

static int by_acl(const char *file, mode_t mode)
{
	struct acl acl = acl_of(mode);

	return done(setxattr(file, "system.posix_acl_access", &acl, sizeof(acl), 0));
}

/* A folder whose default ACL lets everything: no umask is asked there. */
static int set_default(const char *file)
{
	struct acl acl = acl_of(0777);
	char *dir = dirname(strdup(file));

	return setxattr(dir, "system.posix_acl_default", &acl, sizeof(acl), 0);
}

static void unset_default(const char *file)
{
	removexattr(dirname(strdup(file)), "system.posix_acl_default");
}

/* One request by io_uring, with no library. */
static int by_uring(const struct io_uring_sqe *sqe)
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
	sqes[0] = *sqe;
	*(uint32_t *)(sq + p.sq_off.array) = 0;
	__atomic_add_fetch((uint32_t *)(sq + p.sq_off.tail), 1, __ATOMIC_SEQ_CST);
	if (syscall(__NR_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return 3;
	cqe = (struct io_uring_cqe *)(cq + p.cq_off.cqes);
	errno = cqe->res < 0 ? -cqe->res : 0;
	return errno == EINVAL ? 77 : done(cqe->res);
}

static int create_by_uring(const char *file, mode_t mode)
{
	return by_uring(&(struct io_uring_sqe){.opcode = IORING_OP_OPENAT,
					       .fd = AT_FDCWD,
					       .addr = (uintptr_t)file,
					       .len = mode,
					       .open_flags = O_CREAT | O_WRONLY});
}

static int acl_by_uring(const char *file, mode_t mode)
{
	struct acl acl = acl_of(mode);

	return by_uring(&(struct io_uring_sqe){.opcode = IORING_OP_SETXATTR,
					       .addr = (uintptr_t) "system.posix_acl_access",
					       .len = sizeof(acl),
					       .addr2 = (uintptr_t)&acl,
					       .addr3 = (uintptr_t)file});
}

#ifdef __x86_64__
static void no_compat(int sig)
{
	_exit(77);
}

/* chmod of the 32-bit calls; a kernel without them answers with SIGSEGV. */
static int by_compat(const char *file, mode_t mode)
{
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long ret;

	if (low == MAP_FAILED || strlen(file) >= 4096)
		return 3;
	strcpy(low, file);
	signal(SIGSEGV, no_compat);
	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(15), "b"(low), "c"((long)mode)
			 : "memory", "r8", "r9", "r10", "r11");
	errno = ret < 0 ? -(int)ret : 0;
	return done(ret < 0 ? -1 : 0);
}
#else
static int by_compat(const char *file, mode_t mode)
{
	return 77;
}
#endif

/* A link whose text is too long for its inode. */
static int by_long_link(const char *file, mode_t mode)
{
	char text[4096] = "", link[4096];

	for (int i = 0; i < 300; i++)
		strcat(text, "/.");
	strcat(text, file);
	snprintf(link, sizeof(link), "%s.link", getenv("ELSEWHERE"));
	unlink(link);
	return symlink(text, link) < 0 ? 3 : done(chmod(link, mode));
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
	if (!strcmp(door, "procfs") || !strcmp(door, "procmknod")) {
		char by_root[4096];

		snprintf(by_root, sizeof(by_root), "/proc/self/root%s", file);
		return !strcmp(door, "procfs") ? done(chmod(by_root, mode))
		       : unlink(file) < 0      ? 3
					       : done(mknod(by_root, S_IFREG | mode, 0));
	}
	if (!strcmp(door, "longlink"))
		return by_long_link(file, mode);
#ifdef __x86_64__
	if (!strcmp(door, "x32"))
		return done(syscall(0x40000000 | __NR_chmod, file, mode));
#endif
	if (!strcmp(door, "compat"))
		return by_compat(file, mode);
	if (!strcmp(door, "handle"))
		return by_handle(file, mode);
	if (!strcmp(door, "acl"))
		return by_acl(file, mode);
	if (!strcmp(door, "creat"))
		return unlink(file) < 0 ? 3 : done(open(file, O_CREAT | O_WRONLY, mode));
	if (!strcmp(door, "defacl")) {
		umask(0777);
		return set_default(file) < 0 ? 77
		       : unlink(file) < 0    ? 3
					     : done(open(file, O_CREAT | O_WRONLY, mode));
	}
	if (!strcmp(door, "mknod"))
		return unlink(file) < 0 ? 3 : done(mknod(file, S_IFREG | mode, 0));
	if (!strcmp(door, "uring"))
		return unlink(file) < 0 ? 3 : create_by_uring(file, mode);
	if (!strcmp(door, "uringacl"))
		return acl_by_uring(file, mode);
	if (!strcmp(door, "save") || !strcmp(door, "saved"))
		return by_saved_handle(file, mode, !strcmp(door, "save"));
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

static void one(const char *door, char *file, mode_t mode)
{
	struct stat st;
	int status;

	unlink(file);
	umask(022);
	close(open(file, O_CREAT | O_EXCL | O_WRONLY, 0644));
	fflush(stdout);
	if (!fork())
		_exit(through(door, strdup(file), mode));
	wait(&status);
	unset_default(file);
	status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	printf("%s %s %d ", basename(dirname(strdup(file))), door, status);
	if (stat(file, &st) < 0)
		printf("none\n");
	else
		printf("%o\n", st.st_mode & 07777);
}

/* One child by each of the doors, for each of the files. */
static int each(mode_t mode, char **words)
{
	char **doors = words;

	while (*doors && strcmp(*doors, "--"))
		doors++;
	if (!*doors)
		return 2;
	for (; strcmp(*words, "--"); words++)
		for (char **door = doors + 1; *door; door++)
			one(*door, *words, mode);
	return 0;
}

/* What another process does all the time, until it is ended. */
static void disturb(const char *how, char *path, const char *one, const char *other)
{
	char fresh[4096];

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	for (unsigned int i = 0;; i++) {
		const char *now = i & 1 ? one : other;

		if (!strcmp(how, "swap")) {
			strcpy(path, now);
		} else if (!strcmp(how, "switch")) {
			if (symlink(now, fresh) || rename(fresh, path))
				_exit(3);
		} else if (chmod(one, i & 1 ? strtoul(other, NULL, 8) : 0600)) {
			_exit(3);
		}
	}
}

static int race(const char *how, char *one, char *other, mode_t mode, int times)
{
	char *path = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int got = 0, tried = 0, status;
	struct stat st;
	pid_t child;

	strcpy(path, one);
	if (!strcmp(how, "switch")) {
		strcat(path, ".link");
		if (symlink(one, path))
			return 3;
	}
	child = fork();
	if (!child)
		disturb(how, path, one, other);
	for (int i = 0; i < times; i++) {
		tried += chmod(path, mode) == 0;
		got += stat(one, &st) == 0 && st.st_mode & 0111;
	}
	if (waitpid(child, &status, WNOHANG))
		return 3;
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	printf("%d of %d went through, FILE had the bits %d times\n", tried, times, got);
	return got != 0;
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
	if (argc > 4 && !strcmp(argv[1], "each"))
		return each(strtoul(argv[2], NULL, 8), argv + 3);
	if (argc == 6)
		return race(argv[1], argv[2], argv[3], strtoul(argv[4], NULL, 8), atoi(argv[5]));
	if (argc != 4) {
		fprintf(stderr, "usage: chmod_doors DOOR FILE MODE\n");
		return 2;
	}
	return through(argv[1], argv[2], strtoul(argv[3], NULL, 8));
}
