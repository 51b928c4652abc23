/* SPDX-License-Identifier: BSD-2-Clause */
/* One rtnetlink request and its answers; what netlink.c and clsact.c are written in. */
#pragma once

#include <libmnl/libmnl.h>
#include "HostIsolation/error.h"

#define RTNL_REQUEST_MAX 512 /* the longest request, tc_filter_add()'s, has about 150 bytes */

/* Begins a request in buf (RTNL_REQUEST_MAX bytes); NLM_F_REQUEST is added. */
struct nlmsghdr *rtnl_begin(void *buf, __u16 type, __u16 flags);

/*
 * Sends the request and waits for its acknowledgement; `each` (may be NULL) gets the answers. On
 * failure -errno, and the line begins with `what` and ends with the kernel's own explanation.
 */
int rtnl_talk(struct nlmsghdr *req, mnl_cb_t each, void *arg, const char *what, struct error *err);

/*
 * Dumps. When a change interrupted the dump (NLM_F_DUMP_INTR), `restart` drops what was collected
 * and it begins again; -EAGAIN after RTNL_DUMP_TRIES. An `each` that sets errno and returns
 * MNL_CB_ERROR ends it.
 */
#define RTNL_DUMP_TRIES 100
int rtnl_dump(struct nlmsghdr *req, mnl_cb_t each, void (*restart)(void *arg), void *arg,
	      const char *what, struct error *err);

/* Sorts the attributes of a message (after its fixed header) or of a nest into tb[max + 1]. */
void rtnl_attrs(const struct nlmsghdr *nlh, size_t header, const struct nlattr **tb, int max);
void rtnl_nest(const struct nlattr *nest, const struct nlattr **tb, int max);

/* 0 when the attribute is missing or shorter than the number asked for. */
__u8 rtnl_u8(const struct nlattr *attr);
__u32 rtnl_u32(const struct nlattr *attr);
/* Cuts off what does not fit; "" when missing. */
void rtnl_str(const struct nlattr *attr, char *out, size_t size);
