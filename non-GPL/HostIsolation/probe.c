// SPDX-License-Identifier: BSD-2-Clause
/* Sends a probe, or asks the program, and finds out what became of it. */
#include "HostIsolation/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <net/if.h>
#include <bpf/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/nft.h"
#include "HostIsolation/probeframes.h"

#define SEEN_MS 30	  /* a frame passes the tap while it is being sent */
#define SEEN_MOST_MS 1000 /* on a device with other traffic */
#define ANSWER_MS 500

static const struct {
	bool passes;
} reason_of[] = {
#define PASS true
#define DROP false
#define REASON(id, word, verdict, text) {verdict},
#include "HostIsolation/reasons.def"
#undef REASON
#undef PASS
#undef DROP
};

static enum probe_result untestable(char why[96], const char *what, int error)
{
	snprintf(why, 96, "%s: %s", what, strerror(error));
	return PROBE_UNTESTABLE;
}

/* Everything that was dropped on the way out, by whatever part of ours. */
static __u64 dropped(const struct session *s)
{
	struct counter counters[COUNTER_COUNT] = {};
	struct nft_state state = {};
	__u64 sum = 0;

	counters_read(&s->maps, counters);
	for (__u32 reason = 0; reason < REASON_COUNT; reason++)
		if (!reason_of[reason].passes)
			sum += counters[counter_index(0, reason, DIR_OUT)].packets;
	if (nft_state_read_counters(&state, NULL) == 0)
		sum += state.raw[0][DIR_OUT].packets + state.unguarded[0][DIR_OUT].packets;
	return sum;
}

static int tap(const struct link_info *link)
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_ALL),
				 .sll_ifindex = link->ifindex};
	_cleanup_close_ int fd =
		socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL));

	if (fd < 0 || bind(fd, (void *)&ll, sizeof(ll)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* A probe that went out, or not. */
struct sent {
	__u8 frame[PROBE_FRAME_MAX];
	int size; /* 0: none was made */
	int ret;
	bool counted, seen;
};

static void seen_by_tap(int fd, struct sent *sent)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	__u64 until = boot_ns() + SEEN_MOST_MS * 1000000ULL;
	__u8 got[2048];

	while (poll(&p, 1, SEEN_MS) == 1 && boot_ns() < until) {
		struct sockaddr_ll from;
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, got, sizeof(got), 0, (void *)&from, &len);

		if (n < 0)
			return;
		if (from.sll_pkttype != PACKET_OUTGOING || n < PROBE_NONCE)
			continue;
		for (size_t i = 0; i < probe_kind_count; i++)
			sent[i].seen |=
				sent[i].size &&
				!memcmp(got + n - PROBE_NONCE,
					sent[i].frame + sent[i].size - PROBE_NONCE, PROBE_NONCE);
	}
}

/* By the IP stack, without a route: multicast of the link. */
static int send_ip(const struct link_info *link, const __u8 *frame, int size, int family)
{
	_cleanup_close_ int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	struct sockaddr_in to4 = {.sin_family = AF_INET};
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_scope_id = (__u32)link->ifindex};
	__u8 packet[PROBE_FRAME_MAX];
	int n;

	memcpy(packet, frame + ETH_HLEN, (size_t)size - ETH_HLEN);
	memset(packet + 12, 0, family == AF_INET ? 4 : 0);
	memcpy(&to4.sin_addr, packet + 16, 4);
	memcpy(&to6.sin6_addr, packet + 24, 16);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, link->name, (socklen_t)strlen(link->name)))
		return -errno;
	n = (int)sendto(fd, packet, (size_t)size - ETH_HLEN, 0,
			family == AF_INET ? (void *)&to4 : (void *)&to6,
			family == AF_INET ? sizeof(to4) : sizeof(to6));
	return n < 0 ? -errno : 0;
}

static int send_packet(const struct link_info *link, const __u8 *frame, int size, bool bypass)
{
	_cleanup_close_ int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET, .sll_ifindex = link->ifindex, .sll_halen = 6};
	int one = 1;

	if (fd < 0 ||
	    (bypass && setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one))))
		return -errno;
	return sendto(fd, frame, (size_t)size, 0, (void *)&ll, sizeof(ll)) < 0 ? -errno : 0;
}

static int send_probe(const struct link_info *link, const struct probe_kind *kind,
		      const __u8 *frame, int size)
{
	if (kind->way == WAY_IP4 || kind->way == WAY_IP6)
		return send_ip(link, frame, size, kind->way == WAY_IP4 ? AF_INET : AF_INET6);
	return send_packet(link, frame, size, kind->way == WAY_BYPASS);
}

static void mac_of(const struct link_info *link, __u8 mac[6])
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = {};

	memset(mac, 2, 6);
	memcpy(ifr.ifr_name, link->name, sizeof(ifr.ifr_name));
	if (fd >= 0 && !ioctl(fd, SIOCGIFHWADDR, &ifr))
		memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
}

/* Frames that bypass the queues pass no tap: then only the counters tell. */
static enum probe_result outwards(const struct probe_kind *kind, const struct sent *sent,
				  char why[96])
{
	if (sent->seen)
		return PROBE_OPEN;
	if (sent->counted)
		return PROBE_SHUT;
	if (sent->ret < 0)
		return untestable(why, "not sent", -sent->ret);
	if (kind->way == WAY_BYPASS)
		return PROBE_OPEN;
	snprintf(why, 96, "sent, but neither seen nor counted");
	return PROBE_UNTESTABLE;
}

static enum probe_result inwards(const struct link_info *link, const struct probe_kind *kind,
				 __u32 prog, char why[96])
{
	static const __u8 nobody[6] = {2, 0, 0, 0, 0, 0x66};
	_cleanup_close_ int fd = prog ? bpf_prog_get_fd_by_id(prog) : -1;
	__u8 frame[PROBE_FRAME_MAX] = {}, out[PROBE_FRAME_MAX + 64];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_out = out,
		    .data_size_out = sizeof(out), .repeat = 1);

	if (!prog)
		return PROBE_OPEN;
	if (fd < 0)
		return untestable(why, "no program to ask", errno);
	if (link->header != LINK_ETHERNET) {
		snprintf(why, 96, "a device without Ethernet headers");
		return PROBE_UNTESTABLE;
	}
	run.data_size_in = (__u32)kind->make(frame, nobody);
	if (bpf_prog_test_run_opts(fd, &run))
		return untestable(why, "BPF_PROG_TEST_RUN", errno);
	return run.retval == TC_ACT_SHOT ? PROBE_SHUT : PROBE_OPEN;
}

/* Nothing is sent: who gets no socket sends nothing. */
static enum probe_result af_xdp(const struct session *s, char why[96])
{
	_cleanup_close_ int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 && (errno == EPERM || errno == EACCES || errno == EAFNOSUPPORT))
		return PROBE_SHUT;
	if (s->maps.policy->control & CONTROL_XSK)
		return PROBE_OPEN;
	snprintf(why, 96, "root can make AF_XDP sockets: nothing here refuses them, see status");
	return PROBE_UNTESTABLE;
}

static bool is_sent(const struct link_info *link, const struct probe_kind *kind)
{
	return kind->direction == DIR_OUT && kind->way != WAY_XDP && link->flags & IFF_UP &&
	       (link->header == LINK_ETHERNET || kind->way == WAY_IP4 || kind->way == WAY_IP6);
}

/* One after the other, each with what it added to the counters; then the tap is asked, once. */
static int send_all(const struct session *s, const struct link_info *link, struct sent *sent)
{
	_cleanup_close_ int fd = tap(link);
	__u64 before = dropped(s), after;
	__u8 mac[6];

	if (fd < 0)
		return fd;
	mac_of(link, mac);
	for (size_t i = 0; i < probe_kind_count; i++) {
		if (!is_sent(link, &probe_kinds[i]))
			continue;
		sent[i].size = probe_kinds[i].make(sent[i].frame, mac);
		sent[i].ret = send_probe(link, &probe_kinds[i], sent[i].frame, sent[i].size);
		after = dropped(s);
		sent[i].counted = after > before;
		before = after;
	}
	seen_by_tap(fd, sent);
	return 0;
}

static enum probe_result judge(const struct session *s, const struct link_info *link,
			       const struct probe_kind *kind, const struct sent *sent, int tapped,
			       __u32 in_prog, char why[96])
{
	if (kind->way == WAY_XDP)
		return af_xdp(s, why);
	if (kind->way == WAY_RUN)
		return inwards(link, kind, in_prog, why);
	if (!is_sent(link, kind)) {
		snprintf(why, 96, "%s",
			 link->flags & IFF_UP ? "a device without Ethernet headers"
					      : "the device is down");
		return PROBE_UNTESTABLE;
	}
	return tapped < 0 ? untestable(why, "no tap", -tapped) : outwards(kind, sent, why);
}

int probe_device(const struct session *s, const struct link_info *link, __u32 in_prog,
		 struct probe_outcome *out)
{
	_cleanup_free_ struct sent *sent = calloc(probe_kind_count, sizeof(*sent));
	int tapped;

	if (!sent)
		return -ENOMEM;
	tapped = send_all(s, link, sent);
	for (size_t i = 0; i < probe_kind_count; i++) {
		out[i].why[0] = 0;
		out[i].result =
			judge(s, link, &probe_kinds[i], &sent[i], tapped, in_prog, out[i].why);
	}
	return 0;
}

bool probe_answers(int family, const __u8 addr[16])
{
	bool six = family == AF_INET6;
	_cleanup_close_ int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC,
					six ? (int)IPPROTO_ICMPV6 : (int)IPPROTO_ICMP);
	__u8 echo[8] = {six ? ICMP6_ECHO_REQUEST : ICMP_ECHO, 0, 0, 0, 0x12, 0x35, 0, 1}, got[256];
	struct sockaddr_in to4 = {.sin_family = AF_INET};
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6};
	struct pollfd p = {.fd = fd, .events = POLLIN};

	memcpy(&to4.sin_addr, addr, 4);
	memcpy(&to6.sin6_addr, addr, 16);
	echo[2] = (__u8) ~(echo[0] + 0x12); /* of the words echo[0]00, 1235, 0001 */
	echo[3] = (__u8) ~(0x35 + 1);
	if (fd < 0 ||
	    connect(fd, six ? (void *)&to6 : (void *)&to4, six ? sizeof(to6) : sizeof(to4)) ||
	    send(fd, echo, sizeof(echo), 0) < 0)
		return false;
	while (poll(&p, 1, ANSWER_MS) == 1) {
		ssize_t n = recv(fd, got, sizeof(got), 0);
		const __u8 *icmp = six ? got : got + 20;

		if (n >= (six ? 8 : 28) && icmp[0] == (six ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) &&
		    !memcmp(icmp + 4, echo + 4, 4))
			return true;
	}
	return false;
}
