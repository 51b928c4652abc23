// SPDX-License-Identifier: BSD-2-Clause
/*
 * rawframe WAY FROM DEVICE TO DEVICE ADDRESS: a process of namespace FROM writes an Ethernet frame
 * with UDP to the IPv4 ADDRESS itself. Does it arrive at the device of namespace TO?
 *
 *     packet   AF_PACKET           bypass   with PACKET_QDISC_BYPASS
 *     offload  AF_PACKET: the device is to write the UDP checksum
 *     forged   the same, but onto the destination address, behind the filter's back
 *     xdp      AF_XDP, copied      zerocopy AF_XDP, zero-copy
 *     held     AF_XDP, copied: made and bound, says "ready", and sends when a line comes in
 *     polled   the same, sent by poll(2) instead of sendto(2)
 *
 * Prints "open", "shut", or "refused STEP: WHY" when the kernel does not give such a socket. The
 * frame is sent ten times, or until it is there. Exit code 0, or 1 when the lab is broken.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define NONCE 24
#define FRAME (14 + 20 + 8 + NONCE)
#define CHUNK 2048
#define CHUNKS 64
#define TRIES 10

static unsigned char frame[FRAME];

static void die(const char *what)
{
	fprintf(stderr, "rawframe: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void refused(const char *what)
{
	printf("refused %s: %s\n", what, strerror(errno));
	exit(0);
}

static void enter(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(path);
	close(fd);
}

static void address_of(const char *device, unsigned char mac[6])
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = {};

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", device);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &ifr))
		die(device);
	memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
	close(fd);
}

/* From 10.99.0.1, so that nobody's cache learns anything; a checksum that holds. */
static void make_frame(const char *to)
{
	unsigned char *ip = frame + 14, *udp = ip + 20;
	unsigned int sum = 0;

	frame[12] = ETH_P_IP >> 8;
	memcpy(ip, "\x45\0\0\0\0\1\0\0\x40\x11\0\0\x0a\x63\0\1", 16);
	ip[3] = 20 + 8 + NONCE;
	if (inet_pton(AF_INET, to, ip + 16) != 1)
		die(to);
	for (int i = 0; i < 20; i += 2)
		sum += (unsigned int)ip[i] << 8 | ip[i + 1];
	sum = ~((sum & 0xffff) + (sum >> 16));
	ip[10] = (unsigned char)(sum >> 8);
	ip[11] = (unsigned char)sum;
	memcpy(udp, "\x27\x0f\x27\x0f\0\0\0\0", 8);
	udp[5] = 8 + NONCE;
	if (getrandom(udp + 8, NONCE, 0) != NONCE)
		die("getrandom");
}

static int listener(const char *device)
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));

	ll.sll_ifindex = (int)if_nametoindex(device);
	if (fd < 0 || bind(fd, (void *)&ll, sizeof(ll)))
		die(device);
	return fd;
}

static bool came(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	unsigned char got[2048];

	while (poll(&p, 1, ms) == 1) {
		ssize_t n = recv(fd, got, sizeof(got), 0);

		if (n >= FRAME && !memcmp(got + FRAME - NONCE, frame + FRAME - NONCE, NONCE))
			return true;
	}
	return false;
}

static int packet_socket(const char *way)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		refused("socket");
	if (!strcmp(way, "bypass") &&
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)))
		refused("PACKET_QDISC_BYPASS");
	if ((!strcmp(way, "offload") || !strcmp(way, "forged")) &&
	    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)))
		refused("PACKET_VNET_HDR");
	return fd;
}

/* False when the kernel says that it did not go. */
static bool packet_send(int fd, const char *way, const char *device)
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET, .sll_halen = 6};
	struct virtio_net_hdr vnet = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM};
	struct iovec iov[] = {{&vnet, sizeof(vnet)}, {frame, sizeof(frame)}};
	struct msghdr m = {
		.msg_name = &ll, .msg_namelen = sizeof(ll), .msg_iov = iov, .msg_iovlen = 2};

	ll.sll_ifindex = (int)if_nametoindex(device);
	if (!strcmp(way, "offload")) {
		vnet.csum_start = 14 + 20;
		vnet.csum_offset = 6;
	} else if (!strcmp(way, "forged")) {
		vnet.csum_start = 20; /* newer kernels take no less */
		vnet.csum_offset = 14 + 16 + 2 - 20;
	} else {
		m.msg_iov++;
		m.msg_iovlen--;
	}
	return sendmsg(fd, &m, 0) >= 0 || (errno != ENOBUFS && errno != EPERM);
}

struct xsk {
	int fd;
	unsigned char *memory;
	unsigned int *producer;
	struct xdp_desc *ring;
};

static struct xsk xdp_socket(const char *device, bool zerocopy)
{
	struct sockaddr_xdp to = {.sxdp_family = AF_XDP,
				  .sxdp_flags = zerocopy ? XDP_ZEROCOPY : XDP_COPY};
	struct xdp_umem_reg umem = {.len = CHUNK * CHUNKS, .chunk_size = CHUNK};
	struct xdp_mmap_offsets at;
	socklen_t len = sizeof(at);
	int size = CHUNKS;
	struct xsk x = {.fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0)};
	char *map;

	if (x.fd < 0)
		refused("socket");
	x.memory = mmap(NULL, CHUNK * CHUNKS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
	umem.addr = (unsigned long)x.memory;
	if (setsockopt(x.fd, SOL_XDP, XDP_UMEM_REG, &umem, sizeof(umem)))
		refused("XDP_UMEM_REG");
	if (setsockopt(x.fd, SOL_XDP, XDP_UMEM_FILL_RING, &size, sizeof(size)) ||
	    setsockopt(x.fd, SOL_XDP, XDP_UMEM_COMPLETION_RING, &size, sizeof(size)) ||
	    setsockopt(x.fd, SOL_XDP, XDP_TX_RING, &size, sizeof(size)) ||
	    getsockopt(x.fd, SOL_XDP, XDP_MMAP_OFFSETS, &at, &len))
		refused("rings");
	map = mmap(NULL, at.tx.desc + (size_t)size * sizeof(struct xdp_desc),
		   PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, x.fd, XDP_PGOFF_TX_RING);
	if (map == MAP_FAILED)
		refused("mmap");
	x.producer = (void *)(map + at.tx.producer);
	x.ring = (void *)(map + at.tx.desc);
	to.sxdp_ifindex = if_nametoindex(device);
	/* the kernel lets go of the queue some time after the last socket was closed */
	for (int try = 0; bind(x.fd, (void *)&to, sizeof(to)); try++) {
		if (errno != EBUSY || try == 250)
			refused("bind");
		usleep(20000);
	}
	return x;
}

static void xdp_send(struct xsk *x, bool by_poll)
{
	struct pollfd p = {.fd = x->fd, .events = POLLOUT};
	unsigned int n = *x->producer % CHUNKS;

	memcpy(x->memory + n * CHUNK, frame, sizeof(frame));
	x->ring[n] = (struct xdp_desc){.addr = (unsigned long long)n * CHUNK, .len = sizeof(frame)};
	__atomic_store_n(x->producer, *x->producer + 1, __ATOMIC_RELEASE);
	if (by_poll)
		poll(&p, 1, 0);
	else if (sendto(x->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 && errno == EPERM)
		refused("sendto");
}

static void wait_for_a_line(void)
{
	char line[64];

	printf("ready\n");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		die("no line");
}

int main(int argc, char **argv)
{
	bool xdp, held, polled, arrived = false;
	struct xsk x;
	int in, fd;

	if (argc != 7) {
		fprintf(stderr, "rawframe WAY FROM DEVICE TO DEVICE ADDRESS\n");
		return 2;
	}
	enter(argv[4]);
	in = listener(argv[5]);
	address_of(argv[5], frame);
	enter(argv[2]);
	address_of(argv[3], frame + 6);
	make_frame(argv[6]);
	polled = !strcmp(argv[1], "polled");
	held = polled || !strcmp(argv[1], "held");
	xdp = held || !strcmp(argv[1], "xdp") || !strcmp(argv[1], "zerocopy");
	if (xdp)
		x = xdp_socket(argv[3], !strcmp(argv[1], "zerocopy"));
	else
		fd = packet_socket(argv[1]);
	if (held)
		wait_for_a_line();
	for (int try = 0; try < TRIES && !arrived; try++) {
		bool went = true;

		if (xdp)
			xdp_send(&x, polled);
		else
			went = packet_send(fd, argv[1], argv[3]);
		arrived = came(in, went ? 100 : 5);
	}
	printf("%s\n", arrived ? "open" : "shut");
	return 0;
}
