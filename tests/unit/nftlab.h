/* SPDX-License-Identifier: BSD-2-Clause */
/* For the nftables tests: allowlists from text, and probes of what really crosses the wire. */
#pragma once

#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <time.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include "HostIsolation/entry.h"
#include "HostIsolation/nft.h"
#include "netlab.h"

#define WAIT_MS 150 /* what has not come by then does not come */

/* What should come may take its time: links settle, neighbours are asked, machines are emulated. */
#define EVENTUALLY(crosses)                                                                        \
	do {                                                                                       \
		bool _there = false;                                                               \
		for (int _i = 0; _i < 20 && !_there; _i++)                                         \
			_there = (crosses);                                                        \
		assert_true(_there);                                                               \
	} while (0)

static struct allowlist allow_list;
static struct compiled allow_compiled;
static int guarded[8];
static struct nft_policy policy;

__attribute__((unused)) static __u64 boot_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (__u64)ts.tv_sec * 1000000000 + (__u64)ts.tv_nsec;
}

/* Sets `policy` up: v0 guarded, and these entries, NULL-terminated, until then. */
static void policy_make(const char *const *entries, __u64 until)
{
	struct error err = {};

	allowlist_free(&allow_list);
	compiled_free(&allow_compiled);
	memset(&allow_list, 0, sizeof(allow_list));
	for (; *entries; entries++) {
		struct entry e;

		if (entry_parse(*entries, &e, &err) ||
		    allowlist_add(&allow_list, &e.key, until, 0)) {
			fprintf(stderr, "# %s: %s\n", *entries, err.text);
			abort();
		}
	}
	allowlist_sort(&allow_list);
	if (compile_allowlist(&allow_list, &allow_compiled, &err))
		abort();
	guarded[0] = (int)if_nametoindex("v0");
	policy = (struct nft_policy){.allow = &allow_compiled,
				     .guarded = guarded,
				     .guarded_count = 1,
				     .cannot = policy.cannot,
				     .force = policy.force};
}

#define ALLOW(...) policy_make((const char *const[]){__VA_ARGS__, NULL}, FOREVER)
#define ALLOW_NOBODY() policy_make((const char *const[]){NULL}, FOREVER)

__attribute__((unused)) static bool readable(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, ms) == 1 && p.revents & POLLIN;
}

/* One datagram from a socket of one namespace to one of another: does it arrive? */
static bool udp_crosses(int from_ns, const char *from, int to_ns, const char *to, int port)
{
	int server = serve(to_ns, SOCK_DGRAM, to, port);
	int client = dial(from_ns, SOCK_DGRAM, to, port, from);
	bool arrived = false;

	if (server >= 0 && client >= 0) {
		(void)!send(client, "x", 1, 0);
		arrived = readable(server, WAIT_MS);
	}
	close(client);
	close(server);
	return arrived;
}

__attribute__((unused)) static bool udp_out(const char *to)
{
	return udp_crosses(lab.host, NULL, lab.peer, to, 4000);
}

__attribute__((unused)) static bool udp_in(const char *from, const char *to)
{
	return udp_crosses(lab.peer, from, lab.host, to, 4000);
}

/* A frame a process writes itself, and whether the peer's v1 gets it. */
struct frame {
	__u8 bytes[128];
	int size;
	int protocol; /* claimed, ETH_P_*; 0: the kernel looks itself */
	bool bypass;
};

static void mac_of(int netns, const char *device, __u8 mac[6])
{
	struct ifreq ifr = {};

	enter(netns);

	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	enter(lab.host);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", device);
	if (!ioctl(fd, SIOCGIFHWADDR, &ifr))
		memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
	close(fd);
}

__attribute__((unused)) static struct frame ethernet(__u16 type)
{
	struct frame f = {.size = 14};

	mac_of(lab.peer, "v1", f.bytes);
	mac_of(lab.host, "v0", f.bytes + 6);
	f.bytes[12] = (__u8)(type >> 8);
	f.bytes[13] = (__u8)type;
	return f;
}

static void append(struct frame *f, const void *data, int size)
{
	memcpy(f->bytes + f->size, data, (size_t)size);
	f->size += size;
}

/* UDP to `to`, port 4000; 60 bytes in all. */
__attribute__((unused)) static void append_udp4(struct frame *f, const char *to)
{
	__u8 p[46] = {0x45, 0, 0, 46, 0, 1, 0, 0, 64, IPPROTO_UDP};

	inet_pton(AF_INET, "10.9.0.1", p + 12);
	inet_pton(AF_INET, to, p + 16);
	p[20] = 0x20;
	p[22] = 4000 >> 8;
	p[23] = 4000 & 255;
	p[25] = 26;
	append(f, p, sizeof(p));
}

__attribute__((unused)) static struct frame udp4_frame(const char *to, bool bypass)
{
	struct frame f = ethernet(ETH_P_IP);

	f.bypass = bypass;
	append_udp4(&f, to);
	return f;
}

/* A request for who has 10.9.0.2, `extra` bytes behind it of this value. */
__attribute__((unused)) static struct frame arp_frame(int extra, __u8 value, bool bypass)
{
	struct frame f = ethernet(ETH_P_ARP);
	__u8 arp[28] = {0, 1, 8, 0, 6, 4, 0, 1}, pad[64];

	f.bypass = bypass;
	memset(f.bytes, 0xff, 6);
	memcpy(arp + 8, f.bytes + 6, 6);
	inet_pton(AF_INET, "10.9.0.1", arp + 14);
	inet_pton(AF_INET, "10.9.0.2", arp + 24);
	append(&f, arp, sizeof(arp));
	memset(pad, value, sizeof(pad));
	append(&f, pad, extra);
	return f;
}

static int packet_socket(int netns, const char *device, int protocol)
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET, .sll_protocol = htons((__u16)protocol)};

	enter(netns);

	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons((__u16)protocol));

	ll.sll_ifindex = (int)if_nametoindex(device);
	if (fd >= 0 && protocol && bind(fd, (void *)&ll, sizeof(ll))) {
		close(fd);
		fd = -1;
	}
	enter(lab.host);
	return fd;
}

static void send_frame(const char *device, const struct frame *f)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET, .sll_protocol = htons((__u16)f->protocol), .sll_halen = 6};
	int fd = packet_socket(lab.host, device, 0), one = 1;

	ll.sll_ifindex = (int)if_nametoindex(device);
	if (f->bypass && setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)))
		abort();
	(void)!sendto(fd, f->bytes, (size_t)f->size, 0, (void *)&ll, sizeof(ll));
	close(fd);
}

/* Does `device` of `netns` get a frame with these bytes? */
__attribute__((unused)) static bool frame_crosses(const char *out, const struct frame *f, int netns,
						  const char *in)
{
	int fd = packet_socket(netns, in, ETH_P_ALL);
	bool arrived = false;

	send_frame(out, f);
	while (!arrived && readable(fd, WAIT_MS)) {
		__u8 got[256];
		ssize_t n = recv(fd, got, sizeof(got), MSG_TRUNC);

		/* the tag of a tagged frame comes apart from it: compare behind */
		arrived = n >= 40 && n >= f->size - 4 &&
			  !memcmp(got + n - 20, f->bytes + f->size - 20, 20) &&
			  !memcmp(got + 6, f->bytes + 6, 6);
	}
	close(fd);
	return arrived;
}

__attribute__((unused)) static bool raw_crosses(const struct frame *f)
{
	return frame_crosses("v0", f, lab.peer, "v1");
}

/* Everything nft(8) lists, or the tables but ours. */
__attribute__((unused)) static void ruleset(char *buf, size_t size)
{
	FILE *p = popen("timeout 20 nft list ruleset", "r");
	size_t n = p ? fread(buf, 1, size - 1, p) : 0;

	buf[n] = 0;
	if (p)
		pclose(p);
}
