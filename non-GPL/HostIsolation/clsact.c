// SPDX-License-Identifier: BSD-2-Clause
// The clsact qdisc of a device and the filters in it, by route netlink.

#include <errno.h>
#include <string.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "HostIsolation/cleanup.h"
#include "HostIsolation/layout.h"
#include "HostIsolation/netlink.h"
#include "HostIsolation/rtnl.h"

#define WHAT_MAX 128

/* A request about the ingress slot of the device, where clsact lives; `what` begins its errors. */
static struct nlmsghdr *tc_begin(char *buf, __u16 type, __u16 flags, int ifindex, __u32 parent,
				 const char *verb, char *what)
{
	struct nlmsghdr *req = rtnl_begin(buf, type, flags);
	struct tcmsg *tcm = mnl_nlmsg_put_extra_header(req, sizeof(*tcm));
	char name[IF_NAMESIZE];

	tcm->tcm_family = AF_UNSPEC;
	tcm->tcm_ifindex = ifindex;
	tcm->tcm_parent = parent;
	if (if_indextoname(ifindex, name))
		snprintf(what, WHAT_MAX, "%s %s", verb, name);
	else
		snprintf(what, WHAT_MAX, "%s device %d", verb, ifindex);
	return req;
}

static struct tcmsg *tc_header(struct nlmsghdr *req)
{
	return mnl_nlmsg_get_payload(req);
}

static __u32 parent_of(int direction)
{
	return TC_H_MAKE(TC_H_CLSACT, direction == DIR_IN ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
}

int clsact_add(int ifindex, struct error *err)
{
	char buf[RTNL_REQUEST_MAX], what[WHAT_MAX];
	struct nlmsghdr *req = tc_begin(buf, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, ifindex,
					TC_H_CLSACT, "cannot add a clsact qdisc to", what);

	tc_header(req)->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
	mnl_attr_put_strz(req, TCA_KIND, "clsact");
	return rtnl_talk(req, NULL, NULL, what, err);
}

int clsact_del(int ifindex, struct error *err)
{
	char buf[RTNL_REQUEST_MAX], what[WHAT_MAX];
	struct nlmsghdr *req = tc_begin(buf, RTM_DELQDISC, 0, ifindex, TC_H_CLSACT,
					"cannot remove the clsact qdisc of", what);

	/* The kernel compares: somebody's ingress qdisc stays. */
	mnl_attr_put_strz(req, TCA_KIND, "clsact");
	return rtnl_talk(req, NULL, NULL, what, err);
}

static int qdisc_kind(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[TCA_MAX + 1];

	if (nlh->nlmsg_type != RTM_NEWQDISC ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(struct tcmsg))
		return MNL_CB_OK;
	rtnl_attrs(nlh, sizeof(struct tcmsg), tb, TCA_MAX);
	rtnl_str(tb[TCA_KIND], arg, 16);
	return MNL_CB_OK;
}

int clsact_present(int ifindex)
{
	char buf[RTNL_REQUEST_MAX], what[WHAT_MAX], kind[16] = "";
	/* Without NLM_F_ECHO the answer goes to the listeners of RTNLGRP_TC only. */
	struct nlmsghdr *req =
		tc_begin(buf, RTM_GETQDISC, NLM_F_ECHO, ifindex, TC_H_CLSACT, "", what);
	int r = rtnl_talk(req, qdisc_kind, kind, what, NULL);

	if (r == -ENOENT)
		return QDISC_NONE;
	if (r)
		return r;
	if (!strcmp(kind, "clsact"))
		return QDISC_CLSACT;
	return !strcmp(kind, "ingress") ? QDISC_INGRESS : QDISC_NONE;
}

static void filter_parse_bpf(struct tc_filter *f, const struct nlattr *options)
{
	const struct nlattr *tb[TCA_BPF_MAX + 1];

	rtnl_nest(options, tb, TCA_BPF_MAX);
	f->prog_id = rtnl_u32(tb[TCA_BPF_ID]);
	f->direct_action = rtnl_u32(tb[TCA_BPF_FLAGS]) & TCA_BPF_FLAG_ACT_DIRECT;
	rtnl_str(tb[TCA_BPF_NAME], f->name, sizeof(f->name));
}

static int filter_add_row(const struct nlmsghdr *nlh, void *arg)
{
	const struct tcmsg *tcm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[TCA_MAX + 1];
	struct tc_filter_vec *v = arg;
	struct tc_filter *f;

	if (nlh->nlmsg_type != RTM_NEWTFILTER || mnl_nlmsg_get_payload_len(nlh) < sizeof(*tcm))
		return MNL_CB_OK;
	rtnl_attrs(nlh, sizeof(*tcm), tb, TCA_MAX);
	if (!tb[TCA_OPTIONS])
		return MNL_CB_OK; /* each priority is listed once by itself, before its filters */
	if (!(v->count & (v->count - 1))) {
		f = reallocarray(v->items, v->count ? v->count * 2 : 1, sizeof(*f));
		if (!f) {
			errno = ENOMEM;
			return MNL_CB_ERROR;
		}
		v->items = f;
	}
	f = &v->items[v->count++];
	*f = (struct tc_filter){
		.parent = TC_H_MIN(tcm->tcm_parent),
		.priority = TC_H_MAJ(tcm->tcm_info) >> 16,
		.protocol = ntohs(TC_H_MIN(tcm->tcm_info)),
		.handle = tcm->tcm_handle,
		.chain = rtnl_u32(tb[TCA_CHAIN]),
	};
	rtnl_str(tb[TCA_KIND], f->kind, sizeof(f->kind));
	if (!strcmp(f->kind, "bpf"))
		filter_parse_bpf(f, tb[TCA_OPTIONS]);
	return MNL_CB_OK;
}

static void filters_drop(void *arg)
{
	tc_filter_vec_free(arg);
}

void tc_filter_vec_free(struct tc_filter_vec *v)
{
	free(v->items);
	*v = (struct tc_filter_vec){};
}

int tc_filters_dump(int ifindex, int direction, struct tc_filter_vec *out, struct error *err)
{
	_cleanup_(tc_filter_vec_free) struct tc_filter_vec v = {};
	char buf[RTNL_REQUEST_MAX], what[WHAT_MAX];
	struct nlmsghdr *req = tc_begin(buf, RTM_GETTFILTER, 0, ifindex, parent_of(direction),
					"cannot list the tc filters of", what);
	int r = clsact_present(ifindex);

	if (r < 0)
		return fail(err, r, "%s: %s", what, strerror(-r));
	/* An ingress qdisc takes the egress parent for another name of ingress. */
	if (r == QDISC_CLSACT || (r == QDISC_INGRESS && direction == DIR_IN)) {
		r = rtnl_dump(req, filter_add_row, filters_drop, &v, what, err);
		if (r)
			return r;
	}
	*out = v;
	v = (struct tc_filter_vec){};
	return 0;
}

static int filter_set(int ifindex, int direction, __u16 priority, __u32 handle, int prog_fd,
		      const char *name, __u16 flags, struct error *err)
{
	char buf[RTNL_REQUEST_MAX], what[WHAT_MAX];
	struct nlmsghdr *req =
		tc_begin(buf, RTM_NEWTFILTER, NLM_F_CREATE | flags, ifindex, parent_of(direction),
			 direction == DIR_IN ? "cannot add a tc ingress filter to"
					     : "cannot add a tc egress filter to",
			 what);
	struct nlattr *options;

	tc_header(req)->tcm_info = TC_H_MAKE((__u32)priority << 16, htons(ETH_P_ALL));
	tc_header(req)->tcm_handle = handle;
	mnl_attr_put_strz(req, TCA_KIND, "bpf");
	options = mnl_attr_nest_start(req, TCA_OPTIONS);
	mnl_attr_put_u32(req, TCA_BPF_FD, prog_fd);
	mnl_attr_put_strz(req, TCA_BPF_NAME, name);
	mnl_attr_put_u32(req, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	mnl_attr_nest_end(req, options);
	return rtnl_talk(req, NULL, NULL, what, err);
}

int tc_filter_add(int ifindex, int direction, __u16 priority, __u32 handle, int prog_fd,
		  const char *name, struct error *err)
{
	return filter_set(ifindex, direction, priority, handle, prog_fd, name, NLM_F_EXCL, err);
}

int tc_filter_replace(int ifindex, int direction, __u16 priority, __u32 handle, int prog_fd,
		      const char *name, struct error *err)
{
	return filter_set(ifindex, direction, priority, handle, prog_fd, name, NLM_F_REPLACE, err);
}

int tc_filter_del(int ifindex, int direction, __u16 priority, __u32 handle, struct error *err)
{
	char buf[RTNL_REQUEST_MAX], what[WHAT_MAX];
	struct nlmsghdr *req = tc_begin(buf, RTM_DELTFILTER, 0, ifindex, parent_of(direction),
					"cannot remove a tc filter of", what);

	/* Zero means all: of the priority, or of the device. */
	if (!priority || !handle)
		return fail(err, -EINVAL, "%s: no priority or handle given", what);
	tc_header(req)->tcm_info = TC_H_MAKE((__u32)priority << 16, htons(ETH_P_ALL));
	tc_header(req)->tcm_handle = handle;
	mnl_attr_put_strz(req, TCA_KIND, "bpf");
	return rtnl_talk(req, NULL, NULL, what, err);
}
