/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets into a pcapng file. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "Events/pcapng.h"

#define BLOCK_SECTION 0x0a0d0d0au
#define BLOCK_INTERFACE 1
#define BLOCK_PACKET 6
#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define OPT_COMMENT 1
#define OPT_IF_NAME 2
#define OPT_IF_TSRESOL 9
#define OPT_EPB_FLAGS 2
#define LINKTYPE_ETHERNET 1
#define LINKTYPE_RAW 101
#define BLOCK_ROOM 5120 /* more than any of ours takes */

int pcapng_flush(struct pcapng *p)
{
	size_t at = 0;

	while (!p->error && at < p->used) {
		ssize_t n = write(p->fd, p->buffer + at, p->used - at);

		if (n > 0)
			at += n;
		else if (n < 0 && errno != EINTR)
			p->error = -errno;
	}
	p->used = 0;
	return p->error;
}

static void put(struct pcapng *p, const void *data, size_t size)
{
	memcpy(p->buffer + p->used, data, size);
	p->used += size;
	while (p->used & 3)
		p->buffer[p->used++] = 0;
}

static void put32(struct pcapng *p, __u32 v)
{
	put(p, &v, sizeof(v));
}

static void put_option(struct pcapng *p, __u16 code, const void *data, __u16 size)
{
	__u16 head[2] = {code, size};

	put(p, head, sizeof(head));
	put(p, data, size);
}

/* Where a block begins; its length comes when it ends. */
static size_t begin(struct pcapng *p, __u32 type)
{
	size_t at;

	if (p->used + BLOCK_ROOM > PCAPNG_BUFFER)
		pcapng_flush(p);
	at = p->used;
	put32(p, type);
	put32(p, 0);
	return at;
}

static void end(struct pcapng *p, size_t at)
{
	__u32 size = p->used - at + 4;

	put32(p, size);
	memcpy(p->buffer + at + 4, &size, sizeof(size));
}

void pcapng_begin(struct pcapng *p, int fd)
{
	__u64 unknown_length = ~0ULL;
	__u16 version[2] = {1, 0};
	size_t at;

	p->fd = fd;
	p->error = 0;
	p->used = 0;
	p->interface_count = 0;
	at = begin(p, BLOCK_SECTION);
	put32(p, BYTE_ORDER_MAGIC);
	put(p, version, sizeof(version));
	put(p, &unknown_length, sizeof(unknown_length));
	end(p, at);
}

static __u32 interface_of(struct pcapng *p, const struct pcapng_packet *packet)
{
	__u16 link[2] = {packet->ethernet ? LINKTYPE_ETHERNET : LINKTYPE_RAW, 0};
	__u8 nanoseconds = 9;
	size_t at;

	for (__u32 i = 0; i < p->interface_count; i++) {
		if (p->interfaces[i].ifindex == packet->ifindex &&
		    p->interfaces[i].ethernet == packet->ethernet)
			return i;
	}
	if (p->interface_count == PCAPNG_INTERFACES)
		return PCAPNG_INTERFACES - 1;
	p->interfaces[p->interface_count].ifindex = packet->ifindex;
	p->interfaces[p->interface_count].ethernet = packet->ethernet;
	at = begin(p, BLOCK_INTERFACE);
	put(p, link, sizeof(link));
	put32(p, 0); /* no limit */
	put_option(p, OPT_IF_NAME, packet->interface, strlen(packet->interface));
	put_option(p, OPT_IF_TSRESOL, &nanoseconds, 1);
	put32(p, 0);
	end(p, at);
	return p->interface_count++;
}

int pcapng_write(struct pcapng *p, const struct pcapng_packet *packet)
{
	__u32 interface = interface_of(p, packet), flags = packet->outbound ? 2 : 1;
	size_t at = begin(p, BLOCK_PACKET);

	put32(p, interface);
	put32(p, packet->real_ns >> 32);
	put32(p, packet->real_ns);
	put32(p, packet->captured);
	put32(p, packet->length);
	put(p, packet->data, packet->captured);
	put_option(p, OPT_COMMENT, packet->comment, strnlen(packet->comment, 255));
	put_option(p, OPT_EPB_FLAGS, &flags, sizeof(flags));
	put32(p, 0);
	end(p, at);
	return p->error;
}
