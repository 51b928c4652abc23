/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ways to change a file that are no write(2): each named by the first argument, on the file `it` in
 * the directory given by the second. Exit code 77: this kernel or file system cannot do it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define PAGE 4096

static int out, from;

static int done(long ret)
{
	if (ret >= 0)
		return 0;
	perror("content_acts");
	return errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM || errno == EINVAL ? 77 : 1;
}

static int by_mapping(void)
{
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, out, 0);

	if (p == MAP_FAILED)
		return done(-1);
	p[0] = 'x';
	return done(munmap(p, PAGE));
}

static int by_splice(void)
{
	int ends[2];

	if (pipe(ends) || write(ends[1], "pipe", 4) != 4)
		return 1;
	return done(splice(ends[0], NULL, out, NULL, 4, 0));
}

/* One write through a ring of one entry, with nothing but system calls. */
static int by_ring(void)
{
	struct io_uring_params p = {0};
	struct io_uring_sqe *sqes;
	unsigned int *array, *tail;
	struct io_uring_cqe *cqe;
	char *sq, *cq;
	int fd;

	fd = syscall(SYS_io_uring_setup, 1, &p);
	if (fd < 0)
		return done(-1);
	sq = mmap(NULL, p.sq_off.array + p.sq_entries * sizeof(*array), PROT_READ | PROT_WRITE,
		  MAP_SHARED, fd, IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(*cqe), PROT_READ | PROT_WRITE,
		  MAP_SHARED, fd, IORING_OFF_CQ_RING);
	sqes = mmap(NULL, p.sq_entries * sizeof(*sqes), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || sqes == MAP_FAILED)
		return done(-1);
	memset(sqes, 0, sizeof(*sqes));
	sqes->opcode = IORING_OP_WRITE;
	sqes->fd = out;
	sqes->addr = (unsigned long)"ring";
	sqes->len = 4;
	array = (unsigned int *)(sq + p.sq_off.array);
	tail = (unsigned int *)(sq + p.sq_off.tail);
	array[0] = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		return done(-1);
	cqe = (struct io_uring_cqe *)(cq + p.cq_off.cqes);
	return cqe->res == 4 ? 0 : 1;
}

/* An ACL that gives user 1 everything: struct posix_acl_xattr_header and its entries. */
static int by_acl(void)
{
	const unsigned short acl[] = {2,      0,      1,    6, 0xffff, 0xffff, 2,    7,
				      1,      0,      4,    4, 0xffff, 0xffff, 0x10, 7,
				      0xffff, 0xffff, 0x20, 4, 0xffff, 0xffff};

	return done(setxattr("it", "system.posix_acl_access", acl, sizeof(acl), 0));
}

int main(int argc, char **argv)
{
	const char *how = argc == 3 ? argv[1] : "";

	if (argc != 3 || chdir(argv[2]))
		return 2;
	out = open("it", O_RDWR);
	from = open("from", O_RDONLY);
	if (out < 0 || from < 0)
		return 2;
	if (!strcmp(how, "sendfile"))
		return done(sendfile(out, from, NULL, 4));
	if (!strcmp(how, "copy_file_range"))
		return done(copy_file_range(from, NULL, out, NULL, 4, 0));
	if (!strcmp(how, "splice"))
		return by_splice();
	if (!strcmp(how, "mmap"))
		return by_mapping();
	if (!strcmp(how, "io_uring"))
		return by_ring();
	if (!strcmp(how, "fallocate"))
		return done(fallocate(out, 0, 0, 2 * PAGE));
	if (!strcmp(how, "truncate"))
		return done(truncate("it", 100));
	if (!strcmp(how, "setxattr"))
		return done(setxattr("it", "trusted.mark", "1", 1, 0));
	if (!strcmp(how, "fsetxattr"))
		return done(fsetxattr(out, "trusted.mark", "2", 1, 0));
	if (!strcmp(how, "removexattr"))
		return done(removexattr("it", "trusted.mark"));
	if (!strcmp(how, "acl"))
		return by_acl();
	if (!strcmp(how, "link"))
		return done(link("it", "linked"));
	if (!strcmp(how, "symlink"))
		return done(symlink("it", "pointer"));
	if (!strcmp(how, "mknod"))
		return done(mknod("node", S_IFIFO | 0600, 0));
	if (!strcmp(how, "mkdir"))
		return done(mkdir("folder", 0700));
	return 2;
}
