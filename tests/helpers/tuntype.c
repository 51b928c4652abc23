// SPDX-License-Identifier: BSD-2-Clause
/*
 * tuntype NAME TYPE: makes a tun device of this network namespace that stays, of that link type
 * (ARPHRD_*, in decimal). Its packets begin with IP whatever the type, as a ppp device's do.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

int main(int argc, char **argv)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	struct ifreq ifr = {.ifr_flags = IFF_TUN | IFF_NO_PI};

	if (argc != 3) {
		fprintf(stderr, "tuntype NAME TYPE\n");
		return 2;
	}
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", argv[1]);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) || ioctl(fd, TUNSETLINK, atoi(argv[2])) ||
	    ioctl(fd, TUNSETPERSIST, 1)) {
		fprintf(stderr, "tuntype: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	return 0;
}
