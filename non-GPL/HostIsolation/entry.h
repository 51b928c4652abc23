/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ENTRY grammar: [in:|out:]ADDR[/LEN][:PORT[-PORT][/PROTO]], text to key and back. Pure.
 *
 * ADDR is an IPv4 or IPv6 address (brackets around an IPv6 address that is followed by a port; also
 * accepted without a port) or a host name. PROTO is tcp, udp, sctp, dccp or udplite. With a port
 * and no prefix, out: is meant. in:/out: without a port: any protocol, begun from that side.
 */
#pragma once

#include <stddef.h>
#include "HostIsolation/layout.h"
#include "HostIsolation/error.h"

#define ENTRY_TEXT_MAX 128 /* room for any formatted key, with the NUL */
#define HOST_NAME_MAX_LEN 253

/* A parsed ENTRY: a key, or a host name (name[0] != 0) whose key still lacks addr, family and
 * prefixlen. */
struct entry {
	struct entry_key key;
	char name[HOST_NAME_MAX_LEN + 1];
};

/*
 * Returns 0, or -EINVAL with one line in err that quotes the text. Host bits behind the prefix are
 * an error that names the masked form ("10.0.0.5/8: did you mean 10.0.0.0/8?"): a typo must not
 * open a network. IPv4-mapped IPv6 addresses (::ffff:0:0/96) are refused with the IPv4 form named.
 * Zone ids (fe80::1%eth0), port 0, port > 65535, reversed ranges, empty parts, trailing garbage,
 * leading zeros in IPv4 octets, names over 253 bytes or with bad label syntax (RFC 1123): refused.
 */
int entry_parse(const char *text, struct entry *out, struct error *err);

/* The canonical form; entry_parse of it gives the same key. size >= ENTRY_TEXT_MAX never truncates.
 */
void entry_format(const struct entry_key *key, char *buf, size_t size);
