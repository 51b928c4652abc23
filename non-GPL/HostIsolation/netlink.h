/* SPDX-License-Identifier: BSD-2-Clause */
/* Route netlink through libmnl: devices, clsact qdiscs and their filters, IPv6 neighbours. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>
#include "HostIsolation/error.h"

enum link_header {
	LINK_ETHERNET, /* ARPHRD_ETHER and tap: frames begin with an Ethernet header */
	LINK_IP, /* no link header: tun, WireGuard, ppp, ipip, sit, gre, rawip: begins with IP */
	LINK_UNKNOWN, /* anything else: only a program that drops all fits */
};

struct link_info {
	int ifindex;
	char name[16];
	unsigned int type;  /* ARPHRD_* */
	unsigned int flags; /* IFF_* */
	enum link_header header;
	bool loopback;	   /* IFF_LOOPBACK */
	__u32 xdp_mode;	   /* XDP_ATTACHED_* of IFLA_XDP */
	__u32 xdp_prog_id; /* native, generic or offloaded, the first there is; 0: none */
	__u32 xdp_skb_prog_id, xdp_drv_prog_id, xdp_hw_prog_id; /* 0: none in that mode */
	char kind[16];						/* IFLA_INFO_KIND or "" */
};

struct link_vec {
	struct link_info *items;
	size_t count;
};

/* All devices of this network namespace, in kernel order. Retries on a dump interrupted by a change
 * (NLM_F_DUMP_INTR). */
int links_dump(struct link_vec *out, struct error *err);
void link_vec_free(struct link_vec *v);
/* One device; -ENODEV. */
int link_read(int ifindex, struct link_info *out, struct error *err);

/* One clsact filter as the kernel lists it. */
struct tc_filter {
	__u32 parent;	/* TC_H_MIN_INGRESS / TC_H_MIN_EGRESS part only */
	__u16 priority; /* tc's "pref" */
	__u16 protocol; /* host order */
	__u32 handle, chain;
	char kind[16]; /* bpf, flower, matchall, … */
	char name[64]; /* TCA_BPF_NAME or "" */
	__u32 prog_id; /* TCA_BPF_ID or 0 */
	bool direct_action;
};

struct tc_filter_vec {
	struct tc_filter *items;
	size_t count;
};

/* Filters of the device's clsact (or ingress) qdisc in the order they run; none, and 0, when it has
 * no such qdisc. direction: enum direction. -ENODEV when there is no such device. */
int tc_filters_dump(int ifindex, int direction, struct tc_filter_vec *out, struct error *err);
void tc_filter_vec_free(struct tc_filter_vec *v);

/* -EEXIST when the device has a clsact or ingress qdisc already. */
int clsact_add(int ifindex, struct error *err);
/* Takes all filters in it along. Never an ingress qdisc: -EINVAL; none: -ENOENT or -EINVAL. */
int clsact_del(int ifindex, struct error *err);
/* What sits in the device's ingress slot, or -errno. An ingress qdisc has no egress filters. */
enum ingress_slot { QDISC_NONE = 0, QDISC_CLSACT = 1, QDISC_INGRESS = 2 };
int clsact_present(int ifindex);
/* A direct-action bpf filter, protocol all, chain 0. Among the bpf filters of one priority the
 * newest runs first. -EEXIST when the handle is in use, -EINVAL when the priority belongs to
 * another kind of filter or another protocol. */
int tc_filter_add(int ifindex, int direction, __u16 priority, __u32 handle, int prog_fd,
		  const char *name, struct error *err);
/* The same, but puts the program in the place of that filter's, between two packets. */
int tc_filter_replace(int ifindex, int direction, __u16 priority, __u32 handle, int prog_fd,
		      const char *name, struct error *err);
/* Removes exactly that filter; -ENOENT. */
int tc_filter_del(int ifindex, int direction, __u16 priority, __u32 handle, struct error *err);

/* Calls `each` for every IPv6 neighbour that is not NONE/FAILED/INCOMPLETE/NOARP (RTM_GETNEIGH,
 * AF_INET6), more than once when the table changes meanwhile. A -errno of
 * `each` ends it. */
int neighbours6_dump(int (*each)(const __u8 addr[16], void *arg), void *arg, struct error *err);
