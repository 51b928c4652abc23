// SPDX-License-Identifier: BSD-2-Clause
/* Packets for the packet tests: frames, the link and the network layer. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "frames.h"

#define HEADROOM 4096
#define TAILROOM 256

static struct frame *newest;

void frame_misuse(const char *what)
{
	fprintf(stderr, "frames: %s\n", what);
	abort();
}

struct frame *frame_new(size_t len)
{
	struct frame *f = calloc(1, sizeof(*f) + HEADROOM + len + TAILROOM);

	if (!f)
		frame_misuse("no memory");
	f->data = f->buf + HEADROOM;
	f->room = HEADROOM;
	f->tail = TAILROOM;
	f->len = len;
	f->older = newest;
	newest = f;
	return f;
}

void frames_free(void)
{
	while (newest) {
		struct frame *f = newest;

		newest = f->older;
		free(f);
	}
}

struct frame *copy(const struct frame *f)
{
	struct frame *c = frame_new(f->len);

	memcpy(c->data, f->data, f->len);
	c->dir = f->dir;
	c->ethertype = f->ethertype;
	c->ip = f->ip;
	c->before = f->before;
	return c;
}

unsigned char *frame_push(struct frame *f, size_t n)
{
	if (f->room < n)
		frame_misuse("no room for another header");
	f->data -= n;
	f->room -= n;
	f->len += n;
	memset(f->data, 0, n);
	return f->data;
}

void put16(unsigned char *at, unsigned int value)
{
	at[0] = value >> 8;
	at[1] = value;
}

void put_address(int family, const char *text, unsigned char *at)
{
	if (inet_pton(family, text, at) != 1)
		frame_misuse(text);
}

struct frame *payload(size_t n)
{
	struct frame *f = frame_new(n);

	for (size_t i = 0; i < n; i++)
		f->data[i] = 'a' + i % 26;
	return f;
}

struct frame *bytes(const void *data, size_t n)
{
	struct frame *f = frame_new(n);

	memcpy(f->data, data, n);
	return f;
}

struct frame *ip4(const char *src, const char *dst, struct frame *f)
{
	size_t header = 20 + f->options;
	unsigned char *h = frame_push(f, 20);

	if (f->options % 4 || header > 60)
		frame_misuse("IPv4 options are up to 40 bytes, in words");
	h[0] = 4 << 4 | header / 4;
	put16(h + 2, f->len <= 0xffff ? f->len : 0);
	put16(h + 4, 0x1234);
	h[8] = 64;
	h[9] = f->proto;
	put_address(AF_INET, src, h + 12);
	put_address(AF_INET, dst, h + 16);
	f->options = 0;
	f->proto = IPPROTO_IPIP;
	f->ethertype = ETH_P_IP;
	return f;
}

struct frame *ip6(const char *src, const char *dst, struct frame *f)
{
	unsigned char *h = frame_push(f, 40);

	h[0] = 6 << 4;
	put16(h + 4, f->len - 40 <= 0xffff ? f->len - 40 : 0);
	h[6] = f->proto;
	h[7] = 64;
	put_address(AF_INET6, src, h + 8);
	put_address(AF_INET6, dst, h + 24);
	f->proto = IPPROTO_IPV6;
	f->ethertype = ETH_P_IPV6;
	return f;
}

struct frame *options4(const char *options, size_t n, struct frame *f)
{
	memcpy(frame_push(f, n), options, n);
	f->options += n;
	return f;
}

struct frame *extension(int type, size_t units, struct frame *f)
{
	unsigned char *h = frame_push(f, (units + 1) * 8);

	h[0] = f->proto;
	h[1] = units;
	h[2] = 1; /* PadN over the rest of the first 8 bytes */
	h[3] = 4;
	return proto(type, f);
}

struct frame *routing(int type, int segments_left, struct frame *f)
{
	f = extension(IPPROTO_ROUTING, 2, f);
	f->data[2] = type;
	f->data[3] = segments_left;
	return f;
}

struct frame *ah(size_t words, struct frame *f)
{
	unsigned char *h = frame_push(f, (words + 2) * 4);

	h[0] = f->proto;
	h[1] = words;
	return proto(IPPROTO_AH, f);
}

struct frame *fragment6(__u32 id, size_t offset, int more, struct frame *f)
{
	unsigned char *h = frame_push(f, 8);

	if (offset % 8)
		frame_misuse("fragments begin at multiples of 8");
	h[0] = f->proto;
	put16(h + 2, offset | !!more);
	put16(h + 4, id >> 16);
	put16(h + 6, id);
	return proto(IPPROTO_FRAGMENT, f);
}

struct frame *hops(int n, struct frame *f)
{
	f->data[f->ethertype == ETH_P_IP ? 8 : 7] = n;
	return f;
}

struct frame *fragment4(int id, size_t offset, int more, struct frame *f)
{
	if (offset % 8)
		frame_misuse("fragments begin at multiples of 8");
	put16(f->data + 4, id);
	put16(f->data + 6, offset / 8 | (more ? 0x2000 : 0));
	return f;
}

struct frame *told(int len, struct frame *f)
{
	put16(f->data + (f->ethertype == ETH_P_IP ? 2 : 4), len);
	return f;
}

struct frame *piece(size_t n, struct frame *f)
{
	size_t header = f->ethertype == ETH_P_IP ? (f->data[0] & 0xf) * 4 : 40;

	return told(f->ethertype == ETH_P_IP ? header + n : n, cut(header + n, f));
}

struct frame *ether(int ethertype, struct frame *f)
{
	f->ethertype = ethertype;
	return f;
}

struct frame *vlan(int tpid, struct frame *f)
{
	unsigned char *h = frame_push(f, 4);

	put16(h, 0x6007); /* priority 3, VLAN 7 */
	put16(h + 2, f->ethertype);
	f->ip += 4;
	return ether(tpid, f);
}

static struct frame *link_header(enum direction dir, struct frame *f)
{
	unsigned char *h = frame_push(f, ETH_HLEN);

	memcpy(h + (dir == DIR_OUT ? 6 : 0), "\x02\0\0\0\0\x01", 6);
	memcpy(h + (dir == DIR_OUT ? 0 : 6), "\x02\0\0\0\0\x02", 6);
	if (f->ethertype == ETH_P_SLOW)
		memcpy(h, "\x01\x80\xc2\0\0\x02", 6);
	put16(h + 12, f->ethertype);
	f->ip += ETH_HLEN;
	f->dir = dir;
	return f;
}

struct frame *in(struct frame *f)
{
	return link_header(DIR_IN, f);
}

struct frame *out(struct frame *f)
{
	return link_header(DIR_OUT, f);
}

struct frame *to_mac(const char *mac, struct frame *f)
{
	memcpy(f->data, mac, 6);
	return f;
}

struct frame *in4(const char *peer, struct frame *f)
{
	return in(ip4(peer, HOST4, f));
}

struct frame *out4(const char *peer, struct frame *f)
{
	return out(ip4(HOST4, peer, f));
}

struct frame *in6(const char *peer, struct frame *f)
{
	return in(ip6(peer, HOST6, f));
}

struct frame *out6(const char *peer, struct frame *f)
{
	return out(ip6(HOST6, peer, f));
}

struct frame *pad(size_t n, int byte, struct frame *f)
{
	if (n > f->tail)
		frame_misuse("no room for more padding");
	f->tail -= n;
	memset(f->data + f->len, byte, n);
	f->len += n;
	return f;
}

struct frame *cut(size_t n, struct frame *f)
{
	if (n > f->len)
		frame_misuse("cut to more than there is");
	f->len = n;
	return f;
}

struct frame *poke(size_t offset, int byte, struct frame *f)
{
	if (offset >= f->len)
		frame_misuse("poked behind the end");
	f->data[offset] = byte;
	return f;
}

struct frame *poke16(size_t offset, int value, struct frame *f)
{
	return poke(offset, value >> 8, poke(offset + 1, value & 0xff, f));
}

struct frame *after(struct frame *first, struct frame *f)
{
	f->before = first;
	return f;
}
