/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Over which connection does the responder sit? sudo strips SSH_CONNECTION and terminal
 * multiplexers outlive it, so the environment alone does not tell: the ancestors' environments and
 * sockets are asked too.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include "HostIsolation/layout.h"
#include "HostIsolation/error.h"

/* How it was found, strongest evidence first. Whoever can start a process of an ancestor's user can
 * write an environment; a socket that an ancestor holds is the kernel's word. Where some
 * were found by a stronger way, --keep-ssh need not (and should not) keep what only a weaker one
 * names. */
enum ssh_way {
	SSH_FROM_SOCKET,      /* an ancestor (sshd, dropbear, an agent) holds it */
	SSH_FROM_LOOPBACK,    /* the far end of an ancestor's connection to this host itself (ssh
				 localhost, ProxyJump, a local proxy in front) holds it */
	SSH_FROM_MULTIPLEXER, /* below tmux or screen: a client of it, or else any sshd, holds it */
	SSH_FROM_ENVIRON,     /* SSH_CONNECTION of ours or of an ancestor */
	SSH_FROM_MOSH, /* SSH_CONNECTION of an ancestral mosh-server: the TCP connection is over,
			  the peer now talks UDP to local_port; only an address entry keeps it */
};

/* Addresses as in layout.h, IPv4-mapped ones as IPv4; ports in host order. */
struct ssh_connection {
	int family; /* AF_INET, AF_INET6 */
	__u8 peer[16];
	__u8 local[16];
	__u16 peer_port;
	__u16 local_port;
	enum ssh_way from;
	int begun_by;	 /* enum direction: DIR_IN when the peer connected to us */
	bool live;	 /* an established socket with these addresses and ports was seen */
	bool same_netns; /* it is in the namespace we are in; if not, isolating does not cut it */
	int pid;	 /* who holds it, or whose environment says so */
	char text[192];	 /* for people: "203.0.113.5 port 51514 (held by sshd, pid 812)"; printable
			  */
};

#define SSH_CONNECTIONS_MAX 64 /* KEPT_MAX: more could not be kept */

struct ssh_connections {
	struct ssh_connection items[SSH_CONNECTIONS_MAX];
	size_t count;
	bool more; /* there were more than fit */
};

/* Pure: the value of SSH_CONNECTION ("PEER PORT LOCAL PORT", IPv6 perhaps with %zone, which is
 * dropped), not NUL-terminated. Fills addresses, ports and begun_by. -EINVAL for anything else,
 * sshd's "UNKNOWN" among it. */
int ssh_connection_parse(const char *text, size_t size, struct ssh_connection *out);

/* Pure: steps through the NUL-separated strings of /proc/PID/environ. Returns the value of the next
 * `name` at or behind *pos and moves *pos behind it; NULL when there is none left. */
const char *environ_next(const char *env, size_t size, size_t *pos, const char *name, size_t *len);

/* Pure: 127.0.0.0/8, ::1, or unspecified. */
bool address_is_loopback(int family, const __u8 addr[16]);

/*
 * Finds the connections this process, or process `pid` when it is not 0, depends on; none, and 0,
 * on a console. Connections over lo are followed to their far end and not returned themselves. An
 * SSH_CONNECTION whose socket no longer exists is left out, except below mosh.
 * -errno only when /proc or the kernel's socket list cannot be read at all; then connections that
 * environments name are still returned, with live false and same_netns true: assume the worst.
 */
int ssh_find(int pid, struct ssh_connections *out, struct error *err);
