/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reach [-w MS] PROBE...: who reaches whom, all at once. A PROBE is NAMESPACE,PROTO,ADDRESS[,PORT
 * [,SOURCE-PORT]] with PROTO tcp, udp, icmp or dns. One line each, in the order given:
 *
 *     open 0.4ms suspect,tcp,10.0.0.5,7
 *     shut timeout suspect,udp,2001:db8::5,7
 *
 * A probe is open only when the echo of its own random bytes came back; dns asks for a random name
 * below .test, and takes any answer to that question. "refused" is shut too, but says that packets
 * do pass. Exit code: 0, whatever was found; 1 when the lab is broken.
 */
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/random.h>

#include "lab.h"

#define NONCE 24 /* random bytes: nobody else's echo can be taken for ours */
#define TRIES 3	 /* a first packet may die in a neighbour queue: a lab answers within a third */

enum proto { TCP, UDP, DNS, ICMP };
static const char *const proto_names[] = {"tcp", "udp", "dns", "icmp"};

struct probe {
	const char *text;
	char ns[64];
	enum proto proto;
	struct sockaddr_storage to;
	socklen_t to_len;
	uint16_t source_port;
	uint8_t nonce[NONCE]; /* dns: a label of letters */
	int fd[TRIES];	      /* UDP and ICMP send thrice from the first one */
	size_t got[TRIES];
	int tries;
	uint64_t opened_at; /* 0: not yet */
	int why;	    /* errno of the last refusal */
};

static void parse_probe(struct probe *p, const char *text)
{
	char copy[256], *field[5] = {0}, *rest = copy;
	int n = 0, i;

	p->text = text;
	snprintf(copy, sizeof(copy), "%s", text);
	while (n < 5 && (field[n] = strsep(&rest, ",")))
		n++;
	for (i = ICMP; i >= 0; i--)
		if (n >= 3 && !strcmp(field[1], proto_names[i]))
			break;
	if (rest || i < 0 || (i == ICMP ? n != 3 : n < 4) || strlen(field[0]) >= sizeof(p->ns))
		die(2, "%s: not NAMESPACE,tcp|udp|dns|icmp,ADDRESS[,PORT[,SOURCE-PORT]]", text);

	strcpy(p->ns, field[0]);
	p->proto = (enum proto)i;
	enter_netns(p->ns); /* a zone such as %eth0 is looked up there */
	parse_address(field[2], field[3], &p->to, &p->to_len);
	if (field[4])
		p->source_port = (uint16_t)parse_number(field[4], 65535);
	must((int)getrandom(p->nonce, NONCE, 0), "getrandom");
	for (i = 0; p->proto == DNS && i < NONCE; i++)
		p->nonce[i] = (uint8_t)('a' + p->nonce[i] % 26);
	for (i = 0; i < TRIES; i++)
		p->fd[i] = -1;
}

static void refused(struct probe *p, int try, int err)
{
	p->why = err;
	if (try >= 0 && p->fd[try] >= 0) {
		close(p->fd[try]);
		p->fd[try] = -1;
	}
}

static int open_socket(const struct probe *p)
{
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_DGRAM, SOCK_RAW};
	int family = p->to.ss_family, on = 1;
	int icmp = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	struct sockaddr_storage from = {.ss_family = (sa_family_t)family};
	int fd = must(socket(family, types[p->proto] | SOCK_NONBLOCK | SOCK_CLOEXEC,
			     p->proto == ICMP ? icmp : 0),
		      "socket");

	if (!p->source_port)
		return fd;
	/* sin_port and sin6_port lie at the same place. */
	((struct sockaddr_in *)&from)->sin_port = htons(p->source_port);
	/* Beside serve's listener on the same port. */
	must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), "SO_REUSEADDR");
	must(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), "SO_REUSEPORT");
	if (bind(fd, (struct sockaddr *)&from, p->to_len))
		die(1, "%s: source port: %s", p->text, strerror(errno));
	return fd;
}

/* RFC 1035 §4.1: a header with one question, recursion desired, then NONCE.test, type A, class IN.
 */
#define DNS_HEADER 12
#define DNS_QUERY (DNS_HEADER + 1 + NONCE + 10)

static void send_query(struct probe *p)
{
	uint8_t query[DNS_QUERY] = {p->nonce[0], p->nonce[1], 0x01, 0, 0, 1};

	query[DNS_HEADER] = NONCE;
	memcpy(query + DNS_HEADER + 1, p->nonce, NONCE);
	memcpy(query + DNS_HEADER + 1 + NONCE, "\4test\0\0\1\0\1", 10);
	if (send(p->fd[0], query, sizeof(query), 0) < 0)
		p->why = errno;
}

/* The same id and question, and the bit that says it is a response. */
static bool answers(const struct probe *p, const uint8_t *buf, size_t n)
{
	return n >= DNS_QUERY && !memcmp(buf, p->nonce, 2) && buf[2] & 0x80 &&
	       !memcmp(buf + DNS_HEADER + 1, p->nonce, NONCE);
}

static void send_nonce(struct probe *p, int try)
{
	/* Type, code, checksum, id, sequence; ICMPv6's checksum is the kernel's business. */
	uint8_t echo[8 + NONCE] = {p->to.ss_family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST};
	uint32_t sum = 0;
	size_t i;

	if (p->proto == DNS) {
		send_query(p);
		return;
	}
	if (p->proto != ICMP) {
		if (send(p->fd[try], p->nonce, NONCE, MSG_NOSIGNAL) < 0)
			refused(p, p->proto == TCP ? try : -1, errno);
		return;
	}
	memcpy(echo + 4, p->nonce, 4);
	memcpy(echo + 8, p->nonce, NONCE);
	for (i = 0; i < sizeof(echo); i += 2)
		sum += (uint32_t)echo[i] << 8 | echo[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	if (p->to.ss_family == AF_INET) {
		echo[2] = (uint8_t)(sum >> 8);
		echo[3] = (uint8_t)sum;
	}
	if (send(p->fd[0], echo, sizeof(echo), 0) < 0)
		p->why = errno;
}

/* TCP tries again with a new connection, because the kernel repeats a SYN only after a second. */
static void try_once(struct probe *p)
{
	int try = p->proto == TCP ? p->tries : 0;

	p->tries++;
	if (p->fd[try] < 0 && (p->proto == TCP || p->tries == 1)) {
		enter_netns(p->ns);
		p->fd[try] = open_socket(p);
		if (connect(p->fd[try], (struct sockaddr *)&p->to, p->to_len) &&
		    errno != EINPROGRESS)
			refused(p, try, errno);
	}
	if (p->proto != TCP && p->fd[0] >= 0)
		send_nonce(p, 0);
}

/* Where the payload of a raw socket's packet begins; n or more: not an echo reply. */
static size_t icmp_payload(const struct probe *p, const uint8_t *buf, size_t n)
{
	size_t at = 0;
	int reply = ICMP6_ECHO_REPLY;

	if (p->to.ss_family == AF_INET) {
		at = (size_t)(buf[0] & 0xf) * 4;
		reply = ICMP_ECHOREPLY;
	}
	return at + 8 <= n && buf[at] == reply ? at + 8 : n;
}

static void receive(struct probe *p, int try)
{
	uint8_t buf[2048];
	size_t at = 0;
	ssize_t n = recv(p->fd[try], buf, sizeof(buf), 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0 || (n == 0 && p->proto == TCP)) {
		/* A raw or UDP socket lives on: a later packet may still be answered. */
		refused(p, p->proto == TCP ? try : -1, n < 0 ? errno : ECONNRESET);
		return;
	}
	if (p->proto == TCP) {
		/* A stream may come in pieces. */
		if (p->got[try] + (size_t)n > NONCE ||
		    memcmp(buf, p->nonce + p->got[try], (size_t)n))
			refused(p, try, EBADMSG);
		else if ((p->got[try] += (size_t)n) == NONCE)
			p->opened_at = now_ns(CLOCK_MONOTONIC);
		return;
	}
	if (p->proto == DNS) {
		if (answers(p, buf, (size_t)n))
			p->opened_at = now_ns(CLOCK_MONOTONIC);
		return;
	}
	if (p->proto == ICMP)
		at = icmp_payload(p, buf, (size_t)n);
	if ((size_t)n - at == NONCE && !memcmp(buf + at, p->nonce, NONCE))
		p->opened_at = now_ns(CLOCK_MONOTONIC);
}

/* A TCP connection that stands sends its bytes once. */
static void connected(struct probe *p, int try)
{
	int err = 0;
	socklen_t len = sizeof(err);

	getsockopt(p->fd[try], SOL_SOCKET, SO_ERROR, &err, &len);
	if (err)
		refused(p, try, err);
	else
		send_nonce(p, try);
}

/* One round of poll(2) over every socket that still waits. `writing` remembers which connections
 * have not sent yet. */
static void wait_for_answers(struct probe *probes, int count, bool *writing, uint64_t until)
{
	struct pollfd fds[count * TRIES];
	int i, t;
	uint64_t now = now_ns(CLOCK_MONOTONIC);

	for (i = 0; i < count * TRIES; i++) {
		struct probe *p = &probes[i / TRIES];
		bool write = p->proto == TCP && !writing[i];

		fds[i].fd = p->opened_at ? -1 : p->fd[i % TRIES];
		fds[i].events = write ? POLLOUT : POLLIN;
	}
	if (poll(fds, (nfds_t)(count * TRIES),
		 until > now ? (int)((until - now + NS_PER_MS - 1) / NS_PER_MS) : 0) <= 0)
		return;
	for (i = 0; i < count * TRIES; i++) {
		struct probe *p = &probes[i / TRIES];

		t = i % TRIES;
		if (fds[i].fd < 0 || !fds[i].revents || p->fd[t] < 0)
			continue;
		if (fds[i].events == POLLOUT) {
			writing[i] = true;
			connected(p, t);
		} else {
			receive(p, t);
		}
	}
}

static const char *reason(int err)
{
	switch (err) {
	case 0:
	case ETIMEDOUT:
		return "timeout";
	case ECONNREFUSED:
		return "refused";
	case ECONNRESET:
		return "reset";
	case EHOSTUNREACH:
	case ENETUNREACH:
		return "unreachable";
	case EPERM:
	case EACCES:
	case ENOBUFS: /* what a raw IPv6 socket is told of a packet that tc dropped */
		return "EPERM";
	default:
		return strerrorname_np(err);
	}
}

int main(int argc, char **argv)
{
	uint64_t wait = 300 * NS_PER_MS, begin, now;
	int opt, i, count, pending, round;
	struct probe *probes;
	bool *writing;

	while ((opt = getopt(argc, argv, "+w:")) != -1) {
		if (opt != 'w')
			die(2,
			    "usage: reach [-w MS] NAMESPACE,PROTO,ADDRESS[,PORT[,SOURCE-PORT]]...");
		wait = parse_number(optarg, 60000) * NS_PER_MS;
	}
	count = argc - optind;
	if (count < 1 || count > 256)
		die(2, "reach: between 1 and 256 probes");
	probes = calloc((size_t)count, sizeof(*probes));
	writing = calloc((size_t)count * TRIES, sizeof(*writing));
	if (!probes || !writing)
		die(1, "reach: out of memory");
	for (i = 0; i < count; i++)
		parse_probe(&probes[i], argv[optind + i]);

	begin = now_ns(CLOCK_MONOTONIC);
	do {
		now = now_ns(CLOCK_MONOTONIC);
		round = now - begin < wait ? (int)((now - begin) * TRIES / wait) : TRIES - 1;
		for (i = pending = 0; i < count; i++) {
			struct probe *p = &probes[i];
			bool once = p->proto == TCP && p->source_port;

			if (!p->opened_at && p->tries <= round && (!once || !p->tries))
				try_once(p);
			pending += !p->opened_at;
		}
		wait_for_answers(probes, count, writing,
				 begin + wait * (uint64_t)(round + 1) / TRIES);
	} while (pending && now < begin + wait);

	for (i = 0; i < count; i++) {
		if (probes[i].opened_at)
			printf("open %.1fms %s\n",
			       (double)(probes[i].opened_at - begin) / NS_PER_MS, probes[i].text);
		else
			printf("shut %s %s\n", reason(probes[i].why), probes[i].text);
	}
	free(probes);
	free(writing);
	return 0;
}
