/* SPDX-License-Identifier: BSD-2-Clause */
/* The sockets of a network namespace, listed and destroyed through NETLINK_SOCK_DIAG. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>
#include <linux/inet_diag.h>
#include <netinet/tcp.h>
#include "HostIsolation/error.h"

/* Addresses as in layout.h: an IPv6 socket with IPv4-mapped addresses is told as AF_INET. Ports in
 * host order. `raw` is the kernel's own identity of it, for SOCK_DESTROY. */
struct sock_info {
	int family;   /* AF_INET, AF_INET6 */
	int protocol; /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE */
	int state;    /* TCP_*; UDP: TCP_ESTABLISHED is connected, TCP_CLOSE is not */
	__u8 peer[16];
	__u8 local[16];
	__u16 peer_port;
	__u16 local_port;
	__u32 ifindex; /* bound to, or 0 */
	__u32 uid;
	__u32 inode; /* 0: no process holds it any more */
	__u32 mark;  /* SO_MARK */
	int raw_family;
	struct inet_diag_sockid raw;
};

#define SOCK_STATE(s) (1u << (s))
#define SOCK_STATES_ALL 0xfffu

struct sock_vec {
	struct sock_info *items;
	size_t count, capacity;
};

void sock_vec_free(struct sock_vec *v);

/* Appends the sockets of both families in one of `states`. -ENOENT: the kernel has no diag for this
 * protocol. On failure `v` is as before. */
int sockdiag_dump(int protocol, __u32 states, struct sock_vec *v, struct error *err);

/* The same of another namespace (an fd of /proc/PID/ns/net), through a forked child. */
int sockdiag_dump_netns(int netns_fd, int protocol, __u32 states, struct sock_vec *v,
			struct error *err);

/* SOCK_DESTROY: the owner gets ECONNABORTED. -ENOENT: it is gone; -EOPNOTSUPP: the kernel was built
 * without CONFIG_INET_DIAG_DESTROY (err says so). */
int sockdiag_destroy(const struct sock_info *s, struct error *err);

/* 1 when packets to `addr` stay on this host (loopback, or an address of its own), 0, or -errno. */
int address_is_local(int family, const __u8 addr[16]);

struct reset_result {
	unsigned int tcp, udp;	 /* destroyed */
	unsigned int kept;	 /* `keep` said so */
	unsigned int gone;	 /* closed by themselves meanwhile */
	unsigned int failed;	 /* refused by the kernel; err has the first reason */
	unsigned int namespaces; /* network namespaces looked at */
	bool no_udp_diag;	 /* UDP sockets could not be listed: they are as they were */
};

/*
 * Destroys every socket with a peer for which keep(socket, arg) is false: TCP from SYN_SENT and
 * SYN_RECV to CLOSE_WAIT and LAST_ACK, connected UDP. Listeners, unconnected sockets and
 * conversations of this host with itself are never asked about. `res` holds what was done even on
 * failure.
 */
int sockdiag_reset(bool (*keep)(const struct sock_info *s, void *arg), void *arg,
		   struct reset_result *res, struct error *err);

/* The same in every network namespace that a process of /proc lives in, each in a forked child (so
 * `keep` must not rely on writing to our memory). */
int sockdiag_reset_all(bool (*keep)(const struct sock_info *s, void *arg), void *arg,
		       struct reset_result *res, struct error *err);
