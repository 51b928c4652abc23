/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Does one thing that the tracer must see, named by the first argument, in the directory or on the
 * terminal given by the second. Exit code 0: done; 77: this kernel or place cannot do it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define must(x)                                                                                    \
	do {                                                                                       \
		if ((long)(x) < 0) {                                                               \
			perror(#x);                                                                \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static int files(void)
{
	struct iovec v[2] = {{"hello", 5}, {"world", 5}};
	int fd;

	umask(022);
	must(fd = open("foo", O_CREAT | O_RDWR | O_TRUNC, 0644));
	must(rename("foo", "bar"));
	must(fchmod(fd, 0777));
	must(write(fd, "test", 4));
	must(writev(fd, v, 2));
	must(ftruncate(fd, 0));
	must(fchown(fd, 0, 0));
	must(close(fd));
	must(chmod("bar", 0600));
	must(unlink("bar"));
	return 0;
}

/* Five file events a round, each process in a file of its own. */
static int loop(const char *rounds)
{
	char name[32], renamed[32];
	int fd;

	snprintf(name, sizeof(name), "a%d", getpid());
	snprintf(renamed, sizeof(renamed), "b%d", getpid());
	for (int i = atoi(rounds); i > 0; i--) {
		must(fd = open(name, O_CREAT | O_RDWR | O_EXCL, 0644));
		must(write(fd, "test", 4));
		must(fchmod(fd, 0600));
		must(close(fd));
		must(rename(name, renamed));
		must(unlink(renamed));
	}
	return 0;
}

static int deep(int levels)
{
	char name[201];

	memset(name, 'd', 200);
	name[200] = 0;
	for (int i = 0; i < levels; i++) {
		must(mkdir(name, 0755));
		must(chdir(name));
	}
	must(open("end", O_CREAT | O_WRONLY, 0644));
	must(unlink("end"));
	for (int i = 0; i < levels; i++) {
		must(chdir(".."));
		must(rmdir(name));
	}
	return 0;
}

/* A file that has no name any more. */
static int deleted(void)
{
	int fd;

	must(mkdir("gone", 0755));
	must(fd = open("gone/file", O_CREAT | O_WRONLY, 0644));
	must(unlink("gone/file"));
	must(write(fd, "test", 4));
	must(fchmod(fd, 0600));
	must(rmdir("gone"));
	return 0;
}

/* One file inside the new root, one by a descriptor from outside. */
static int in_chroot(void)
{
	int outside;

	must(mkdir("root", 0755));
	must(outside = open(".", O_PATH | O_DIRECTORY));
	must(chroot("root"));
	must(chdir("/"));
	must(open("/inside", O_CREAT | O_WRONLY, 0644));
	must(openat(outside, "outside", O_CREAT | O_WRONLY, 0644));
	return 0;
}

static int odd_names(void)
{
	must(open("a\"\\\n\x1b[31m\xff z", O_CREAT | O_WRONLY, 0644));
	must(unlink("a\"\\\n\x1b[31m\xff z"));
	return 0;
}

static int processes(void)
{
	pid_t pid;
	int status;

	must(pid = fork());
	if (!pid) {
		execl("/bin/sh", "sh", "-c", "exit 7", "\xff odd", NULL);
		_exit(127);
	}
	must(waitpid(pid, &status, 0));
	must(pid = fork());
	if (!pid) {
		raise(SIGKILL);
		_exit(1);
	}
	must(waitpid(pid, &status, 0));
	return 0;
}

static int ids(void)
{
	pid_t pid;

	must(pid = fork());
	if (!pid) {
		must(setsid());
		must(setresgid(11, 12, 12));
		must(setreuid(21, 22));
		must(setreuid(21, 22)); /* no change: no event */
		_exit(0);
	}
	must(waitpid(pid, NULL, 0));
	return 0;
}

static int memory(void)
{
	int id;

	must(syscall(SYS_memfd_create, "hidden", 3));
	must(id = shmget(0x1234, 1024, 01600 | 0));
	must(shmctl(id, IPC_RMID, NULL));
	return 0;
}

static int ptracing(void)
{
	int status;
	pid_t pid;

	must(pid = fork());
	if (!pid) {
		pause();
		_exit(0);
	}
	must(ptrace(PTRACE_ATTACH, pid, 0, 0));
	must(waitpid(pid, &status, 0));
	must(ptrace(PTRACE_DETACH, pid, 0, 0));
	must(kill(pid, SIGKILL));
	must(waitpid(pid, &status, 0));
	printf("%d\n", pid);
	return 0;
}

static int tty(void)
{
	struct iovec v[2] = {{"first ", 6}, {"second\n", 7}};
	int master, slave;

	if (openpty(&master, &slave, NULL, NULL, NULL))
		return 77;
	must(write(slave, "--- OK\n", 7));
	must(writev(slave, v, 2));
	return 0;
}

static int tcp(int family)
{
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct sockaddr *a = family == AF_INET ? (struct sockaddr *)&a4 : (struct sockaddr *)&a6;
	socklen_t len = family == AF_INET ? sizeof(a4) : sizeof(a6);
	struct sockaddr_in6 me;
	int server, client, accepted;

	server = socket(family, SOCK_STREAM, 0);
	if (server < 0 || bind(server, a, len))
		return 77;
	must(listen(server, 1));
	must(getsockname(server, a, &len));
	must(client = socket(family, SOCK_STREAM, 0));
	must(connect(client, a, len));
	must(accepted = accept(server, NULL, NULL));
	must(getsockname(client, (struct sockaddr *)&me, &(socklen_t){sizeof(me)}));
	must(write(client, "1234", 4));
	must(read(accepted, (char[4]){0}, 4));
	must(close(client));
	must(close(accepted));
	printf("%d %d\n", ntohs(me.sin6_port), ntohs(a4.sin_port ? a4.sin_port : a6.sin6_port));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	if (argc > 2)
		must(chdir(argv[2]));
	if (!strcmp(argv[1], "files"))
		return files();
	if (!strcmp(argv[1], "loop") && argc > 3)
		return loop(argv[3]);
	if (!strcmp(argv[1], "deep"))
		return deep(argc > 3 ? atoi(argv[3]) : 15);
	if (!strcmp(argv[1], "deleted"))
		return deleted();
	if (!strcmp(argv[1], "chroot"))
		return in_chroot();
	if (!strcmp(argv[1], "odd"))
		return odd_names();
	if (!strcmp(argv[1], "processes"))
		return processes();
	if (!strcmp(argv[1], "ids"))
		return ids();
	if (!strcmp(argv[1], "memory"))
		return memory();
	if (!strcmp(argv[1], "ptrace"))
		return ptracing();
	if (!strcmp(argv[1], "tty"))
		return tty();
	if (!strcmp(argv[1], "tcp4"))
		return tcp(AF_INET);
	if (!strcmp(argv[1], "tcp6"))
		return tcp(AF_INET6);
	return 2;
}
