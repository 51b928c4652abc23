/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets for the packet tests, built from the inside out:
 *
 *	out4("10.0.0.5", tcp(4000, 443, SYN))
 *	in(vlan(0x8100, ip6("fe80::2", "ff02::1", hops(255, ...))))
 *
 * Every function takes what lies further in as its last argument, changes it and returns it.
 * Checksums stay 0: the filter reads none. Frames are freed all at once, by frames_free(). A wrong
 * use (an address that is none, no room) ends the program: it is a mistake in a test.
 */
#pragma once

#include <linux/types.h>
#include <stddef.h>
#include "HostIsolation/layout.h"

struct frame {
	enum direction dir;
	int proto;	      /* IPPROTO_* of what begins at data, for the header before it */
	int ethertype;	      /* the same for the link header */
	size_t options;	      /* bytes of IPv4 options at data */
	size_t ip;	      /* where the IP header lies in data, once there is a link header */
	struct frame *before; /* what was on the wire earlier, or NULL */
	unsigned char *data;
	size_t len;
	size_t room, tail; /* bytes free before and behind */
	struct frame *older;
	unsigned char buf[];
};

/* The host under test. */
#define HOST4 "192.0.2.1"
#define HOST6 "2001:db8::1"
#define HOST_LL "fe80::1"

void frames_free(void);
struct frame *copy(const struct frame *f);

/* What builders are made of. */
struct frame *frame_new(size_t len);
unsigned char *frame_push(struct frame *f, size_t n); /* n zero bytes in front */
void frame_misuse(const char *what) __attribute__((noreturn));
void put16(unsigned char *at, unsigned int value);
void put_address(int family, const char *text, unsigned char *at);

/* ---- payloads and transports ---- */
struct frame *payload(size_t n); /* a pattern without zeros */
struct frame *bytes(const void *data, size_t n);
struct frame *proto(int ipproto, struct frame *f); /* says what it is */

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define ACK 0x10

struct frame *tcp(int src, int dst, int flags); /* 10 bytes of data behind it */
struct frame *udp(int src, int dst);		/* likewise */
struct frame *udp_with(int src, int dst, struct frame *data);
struct frame *udplite(int src, int dst);
struct frame *sctp(int src, int dst);
struct frame *dccp(int src, int dst);
struct frame *icmp4(int type, int code, struct frame *body); /* 8 bytes before body */
struct frame *icmp6(int type, int code, struct frame *body);
struct frame *ping4(void); /* echo request, 16 bytes of data */
struct frame *ping6(void);

/* ---- neighbour discovery, multicast listeners, DHCP ---- */
struct frame *nd(int type, const char *target, size_t options); /* 135, 136 */
struct frame *rs(size_t options);
struct frame *ra(size_t options);
struct frame *mld1(int type, const char *group);
struct frame *mld2(size_t records);
struct frame *dhcp4(int src, int dst, int op);
struct frame *dhcp6(int src, int dst, int type);

/* ---- IP ---- */
struct frame *ip4(const char *src, const char *dst, struct frame *f);
struct frame *ip6(const char *src, const char *dst, struct frame *f);
struct frame *options4(const char *options, size_t n, struct frame *f); /* before ip4() */
#define OPTIONS4(text, f) options4(text, sizeof(text) - 1, f)
struct frame *extension(int type, size_t units, struct frame *f); /* (units + 1) * 8 bytes */
struct frame *routing(int type, int segments_left, struct frame *f);
struct frame *ah(size_t words, struct frame *f); /* (words + 2) * 4 bytes */
struct frame *fragment6(__u32 id, size_t offset, int more, struct frame *f);

/* These change the IP header at the front. */
struct frame *hops(int n, struct frame *f);
struct frame *fragment4(int id, size_t offset, int more, struct frame *f);
struct frame *told(int len, struct frame *f);	/* what the length field says */
struct frame *piece(size_t n, struct frame *f); /* keeps n bytes behind the IP header */

/* ---- the link ---- */
struct frame *arp(int op); /* 28 bytes */
struct frame *lacp(void);
struct frame *ether(int ethertype, struct frame *f); /* says what it is */
struct frame *vlan(int tpid, struct frame *f);
struct frame *in(struct frame *f);
struct frame *out(struct frame *f);
struct frame *to_mac(const char *mac, struct frame *f); /* 6 bytes; the whole frame */

/* The usual ones: between the host and a peer. */
struct frame *in4(const char *peer, struct frame *f);
struct frame *out4(const char *peer, struct frame *f);
struct frame *in6(const char *peer, struct frame *f);
struct frame *out6(const char *peer, struct frame *f);

/* ---- spoiled on purpose ---- */
struct frame *pad(size_t n, int byte, struct frame *f);
struct frame *cut(size_t n, struct frame *f); /* keeps the first n bytes */
struct frame *poke(size_t offset, int byte, struct frame *f);
struct frame *poke16(size_t offset, int value, struct frame *f);

/* `first` goes over the wire, then f is judged. */
struct frame *after(struct frame *first, struct frame *f);
