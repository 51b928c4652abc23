/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ENTRY grammar: [in:|out:]ADDR[/LEN][:PORT[-PORT][/PROTO]], text to key and back. Pure.
 *
 * ADDR is an IPv4 or IPv6 address or a host name. An IPv6 address that is followed by a port stands
 * in brackets, with its prefix length inside or behind them ([2001:db8::/32]:443,
 * [2001:db8::]/32:443); brackets without a port are accepted too. A host name takes no prefix
 * length. PROTO is tcp, udp, sctp, dccp or udplite; without it, every protocol that has ports.
 * With a port and no prefix, out: is meant. in:/out: without a port: any protocol, begun from that
 * side.
 *
 * In the key, no port is port_lo 0 and port_hi 65535 with RULE_PROTO_ANY; with ports, port_lo > 0.
 * ENTRY_DIR_BOTH goes with no port. So each meaning has one key, and keys compare bytewise.
 */
#pragma once

#include <stddef.h>
#include "HostIsolation/layout.h"
#include "HostIsolation/error.h"

#define ENTRY_TEXT_MAX 128 /* room for any formatted key, with the NUL */
#define HOST_NAME_MAX_LEN 253

/* A parsed ENTRY: a key, or a host name (name[0] != 0) whose key still lacks addr, family and
 * prefixlen (all 0). */
struct entry {
	struct entry_key key;
	char name[HOST_NAME_MAX_LEN + 1]; /* in lower case */
};

/*
 * Returns 0, or -EINVAL with one line in err that quotes the text; *out is untouched then. Host
 * bits behind the prefix are an error that names the masked form ("10.0.0.5/8: did you mean
 * 10.0.0.0/8?"): a typo must not open a network. IPv4-mapped IPv6 addresses (::ffff:0:0/96) are
 * refused with the IPv4 form named. Zone ids (fe80::1%eth0), port 0, port > 65535, reversed ranges,
 * empty parts, trailing garbage, white space, numbers with leading zeros, names over 253 bytes or
 * with bad label syntax (RFC 1123), names whose last label is a number (10.0.0.256, 10.1,
 * 0x7f000001: the resolver would read an address out of them): refused.
 */
int entry_parse(const char *text, struct entry *out, struct error *err);

/* The canonical form; entry_parse of it gives the same key. size >= ENTRY_TEXT_MAX never truncates.
 */
void entry_format(const struct entry_key *key, char *buf, size_t size);
