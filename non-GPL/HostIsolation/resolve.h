/* SPDX-License-Identifier: BSD-2-Clause */
/* Host names to addresses, and the resolvers of this host. */
#pragma once

#include "HostIsolation/entryfile.h"

/* Appends one entry per A and AAAA record (getaddrinfo; each with the entry's port part, and .name
 * kept). A numeric entry is appended as it is. -ENOENT with one line when the name does not
 * resolve. */
int resolve_entry(const struct entry *e, struct entry_vec *out, struct error *err);

/* Pure: the nameserver addresses of a resolv.conf text (resolv.conf(5); at most MAXNS as glibc
 * reads, bad lines skipped, zone ids dropped with link-local kept). */
int resolvconf_parse(const char *text, size_t size, struct entry_vec *out);

/*
 * out:RESOLVER:53 (udp and tcp) for each resolver. Where resolv.conf names only loopback addresses
 * (systemd-resolved, dnsmasq, NetworkManager), the stub's upstream servers are read from
 * /run/systemd/resolve/resolv.conf, /run/NetworkManager/no-stub-resolv.conf,
 * /run/dnsmasq/resolv.conf, /run/resolvconf/resolv.conf, /var/run/... as far as they exist. -ENOENT
 * with one line when none is found. `root` is prefixed to every path ("" in real life, a folder in
 * tests).
 */
int resolvers_find(const char *root, struct entry_vec *out, struct error *err);
