/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcapng (draft-ietf-opsawg-pcapng): one section, an interface block for each interface and kind of
 * link header when it is first met, a packet block with a comment for every packet. Host byte
 * order, as the format allows.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#define PCAPNG_BUFFER 65536
#define PCAPNG_INTERFACES 256

struct pcapng {
	int fd;
	int error; /* the first -errno of a write; nothing is written after it */
	size_t used;
	struct {
		__u32 ifindex;
		bool ethernet;
	} interfaces[PCAPNG_INTERFACES];
	__u32 interface_count;
	unsigned char buffer[PCAPNG_BUFFER];
};

struct pcapng_packet {
	__u64 real_ns; /* since 1970 */
	__u32 ifindex;
	const char *interface;
	bool ethernet; /* else it begins with IP */
	bool outbound;
	const void *data;
	__u32 captured, length; /* bytes there, bytes it had; captured at most 4096 */
	const char *comment;	/* at most 255 bytes */
};

/* Begins a file on fd, which stays the caller's. */
void pcapng_begin(struct pcapng *p, int fd);
/* -errno of this or an earlier write. Past PCAPNG_INTERFACES the rest share the last one. */
int pcapng_write(struct pcapng *p, const struct pcapng_packet *packet);
int pcapng_flush(struct pcapng *p);
