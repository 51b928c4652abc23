// SPDX-License-Identifier: BSD-2-Clause
/*
 * killtime FILE: how long a process lives on after a chmod(FILE, 0755) for which it is killed.
 * Prints microseconds from before the call to the last time the process saw; fails when nobody
 * kills it within five seconds.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_NS 5000000000ULL

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void live(const char *file, volatile uint64_t *at)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	at[0] = at[1] = now();
	chmod(file, 0755);
	while (at[1] - at[0] < PATIENCE_NS)
		at[1] = now();
	_exit(0);
}

int main(int argc, char **argv)
{
	volatile uint64_t *at =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	if (argc != 2)
		return fprintf(stderr, "usage: killtime FILE\n"), 2;
	if (at == MAP_FAILED)
		return perror("killtime: mmap"), 1;
	pid = fork();
	if (pid == 0)
		live(argv[1], at);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return perror("killtime: fork"), 1;
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		return fprintf(stderr, "killtime: %s: nobody killed it\n", argv[1]), 1;
	printf("%.1f\n", (at[1] - at[0]) / 1000.0);
	return 0;
}
