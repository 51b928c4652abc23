/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * within NETNS [-w FILE=TEXT]... [COMMAND...]: writes TEXT to each FILE (sysctls, say) and becomes
 * COMMAND, in the network namespace at the path NETNS, the mounts being those outside.
 *
 * A mistake here would cut off the machine that the lab runs on. So NETNS must be called
 * /run/netns/hi-*, and be neither the namespace this comes from nor that of the machine's first
 * process; else it exits with 99 and has done nothing.
 */
#include "lab.h"

#include <fnmatch.h>
#include <sys/stat.h>

static void refuse_own(const char *netns)
{
	static const char *const own[] = {"/proc/self/ns/net", "/proc/1/ns/net"};
	struct stat there, here;
	size_t i;

	if (fnmatch("/run/netns/hi-*", netns, FNM_PATHNAME) || stat(netns, &there))
		die(99, "refused: %s is no network namespace of the lab", netns);
	for (i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (!stat(own[i], &here) && here.st_dev == there.st_dev &&
		    here.st_ino == there.st_ino)
			die(99, "refused: %s is the machine's own network namespace", netns);
}

static void write_file(char *assignment)
{
	char *path = strsep(&assignment, "=");
	int fd;

	if (!assignment)
		die(2, "within: -w FILE=TEXT");
	fd = must(open(path, O_WRONLY | O_CLOEXEC), path);
	must((int)write(fd, assignment, strlen(assignment)), path);
	close(fd);
}

int main(int argc, char **argv)
{
	const char *netns = argc > 1 ? argv[1] : "";
	int opt;

	refuse_own(netns);
	enter_netns(netns);
	for (optind = 2; (opt = getopt(argc, argv, "+w:")) != -1;) {
		if (opt != 'w')
			die(2, "usage: within NETNS [-w FILE=TEXT]... [COMMAND...]");
		write_file(optarg);
	}
	if (optind == argc)
		return 0;
	execvp(argv[optind], argv + optind);
	die(errno == ENOENT ? 127 : 126, "%s: %s", argv[optind], strerror(errno));
}
