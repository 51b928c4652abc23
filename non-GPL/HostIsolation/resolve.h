/* SPDX-License-Identifier: BSD-2-Clause */
/* Host names to addresses, and the resolvers of this host. */
#pragma once

#include "HostIsolation/entryfile.h"

/*
 * Appends one entry per A and AAAA record (getaddrinfo; each with the entry's port part, and .name
 * kept; each address once). A numeric entry is appended as it is. 0.0.0.0 and :: are what blocking
 * resolvers answer: no address. -ENOENT with one line when the name does not resolve, -ENOMEM;
 * `out` then is as it was. Asks the network, so before the cut; takes as long as the resolver does.
 */
int resolve_entry(const struct entry *e, struct entry_vec *out, struct error *err);

/* Pure: appends the nameserver addresses of a resolv.conf text as address-only entries
 * (resolv.conf(5); the first MAXNS, 3, as glibc reads; bad lines skipped, zone ids dropped with
 * link-local kept, IPv4-mapped ones as IPv4). -ENOMEM. */
int resolvconf_parse(const char *text, size_t size, struct entry_vec *out);

/*
 * Appends out:RESOLVER:53, udp and tcp, for each resolver. Where resolv.conf names only loopback
 * addresses (systemd-resolved, dnsmasq, NetworkManager) or none (which means 127.0.0.1), the stub's
 * upstream servers are read from /run/systemd/resolve/resolv.conf,
 * /run/NetworkManager/no-stub-resolv.conf, /run/dnsmasq/resolv.conf, /run/resolvconf/resolv.conf
 * and the same below /var/run: all servers of all that exist, since a stub has no limit of three.
 * -ENOENT with one line when none is found. `root` is prefixed to every path ("" in real life, a
 * folder in tests).
 */
int resolvers_find(const char *root, struct entry_vec *out, struct error *err);
